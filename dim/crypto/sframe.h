// SFrame (RFC 9605), cipher suite 0x0004: AES_128_GCM_SHA256_128. One object is one direction of
// one sender: a key that seals never opens, and counts by itself.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

inline constexpr std::size_t kSframeBaseKey = 16;  ///< bytes of the key that the suite begins with
inline constexpr std::size_t kSframeTag = 16;
inline constexpr std::size_t kSframeMostHeader = 17;

struct SframeHeader {
  std::uint64_t key_id = 0;
  std::uint64_t counter = 0;
  std::size_t bytes = 0;  ///< how many it takes in front of the cipher text; set by parse()

  /// In the shortest form.
  Bytes write() const;
  /// From the start of an SFrame; Errc::bad_request when it is cut off or not in the shortest form.
  static Result<SframeHeader> parse(ByteView frame);
};

class SframeKey {
 public:
  /// Errc::key when `base_key` has not 16 bytes.
  static Result<SframeKey> make(std::uint64_t key_id, const Secret& base_key);
  SframeKey(SframeKey&& other) noexcept;
  SframeKey& operator=(SframeKey&& other) noexcept;
  ~SframeKey();

  /// Header, cipher text, tag. `counter` must be greater than that of the frame before:
  /// Errc::conflict else, because a counter that comes again would give the key away.
  Result<Bytes> seal(std::uint64_t counter, ByteView metadata, ByteView plain);
  /// Errc::decrypt for whatever was not sealed so, of another key ID too; nothing of it is told.
  Result<Bytes> open(ByteView frame, ByteView metadata);

 private:
  struct State;
  explicit SframeKey(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dim
