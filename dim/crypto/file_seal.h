// Files sealed in chunks that can be read from any place on: AES-256-GCM under a key of the file's
// own, arranged as STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, CRYPTO 2015): the nonce of a chunk
// is its number and whether it is the last. Chunks that are swapped, left out, cut off or added do
// not open. docs/protocol/media.md section 5.
#pragma once
#include <cstdint>
#include <memory>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

inline constexpr std::int64_t kSealedChunk = 65'536;  ///< bytes of every chunk but the last
inline constexpr std::int64_t kSealTag = 16;
inline constexpr std::int64_t kPlainChunk = kSealedChunk - kSealTag;

/// Bytes of a sealed file of `plain` bytes: at least one tag, for an empty one.
std::int64_t sealed_size(std::int64_t plain);
/// The way back; Errc::decrypt for a size that no sealed file has.
Result<std::int64_t> plain_size(std::int64_t sealed);
/// Chunks of a sealed file.
std::int64_t chunk_count(std::int64_t sealed);

/// One key for one file for ever: the same key and another content under the same chunk number
/// would tell about both.
class FileSeal {
 public:
  /// Errc::key when it has not 32 bytes.
  static Result<FileSeal> make(const Secret& key);
  FileSeal(FileSeal&& other) noexcept;
  FileSeal& operator=(FileSeal&& other) noexcept;
  ~FileSeal();

  /// Appends the sealed chunk to `out`. `plain` has kPlainChunk bytes, or fewer in the last.
  Status seal(std::int64_t chunk, bool last, ByteView plain, Bytes& out);
  /// Appends what is in a chunk to `out`; nothing of it and Errc::decrypt when it is not what was
  /// sealed there.
  Status open(std::int64_t chunk, bool last, ByteView sealed, Bytes& out);

 private:
  struct State;
  explicit FileSeal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dim
