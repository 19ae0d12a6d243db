// One file with everything of a station (F81): "DIM backup 1\n", then files one behind the other,
// then an end that says how many there are. Each is a line of JSON ({"name":…,"size":…}), its
// bytes, and the SHA-256 of both; the end is {"files":…} and the SHA-256 of all these and itself.
// So every bit is covered, and a file that was cut is known as such. Readable by whoever may read
// it: the keys in it are what makes the station (docs/operator.md).
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/crypto/sha256.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kBackupLine = 512;                          // bytes, with its end
inline constexpr std::int64_t kBackupFileBytes = std::int64_t{1} << 50;  // of one file
}  // namespace limits

struct BackupEntry {
  std::string name;  ///< below the data folder
  std::int64_t size = 0;
};

/// "station.keys", "station.db", "station.db-keys7", "station.db-words7", "dimd.toml", "media/7":
/// nothing else is in a backup, so that no name leads out of the folder.
bool valid_backup_name(std::string_view name);

/// Writes to whatever takes bytes in order.
class BackupWriter {
 public:
  using Sink = std::function<Status(ByteView)>;
  explicit BackupWriter(Sink sink) : sink_(std::move(sink)) {}

  Status begin(const BackupEntry& entry);
  /// Exactly `size` bytes in all, in any pieces.
  Status add(ByteView bytes);
  Status end();
  Status finish();
  std::int64_t files() const { return files_; }

 private:
  Status start();
  Status line(const std::string& text);

  Sink sink_;
  bool started_ = false;
  Sha256 all_, one_;
  std::int64_t files_ = 0;
};

/// Reads a whole backup, whatever it holds; nothing of it is right before read() has ended well.
class BackupReader {
 public:
  /// Up to as many bytes as the span has; 0 at the end.
  using Source = std::function<Result<std::size_t>(std::span<std::uint8_t>)>;
  struct Visitor {
    std::function<Status(const BackupEntry&)> begin = [](const BackupEntry&) { return Status(); };
    std::function<Status(ByteView)> bytes = [](ByteView) { return Status(); };
    std::function<Status()> end = [] { return Status(); };
  };
  explicit BackupReader(Source source) : source_(std::move(source)), buffer_(kBuffer) {}

  /// What is in it, in its order. Errc::bad_request: this is no backup; internal: it is damaged or
  /// cut, `where()` says in what; errors of the source and of the visitor as they come.
  Result<std::vector<BackupEntry>> read(const Visitor& visitor);
  /// The file that was read last.
  const std::string& where() const { return where_; }

 private:
  static constexpr std::size_t kBuffer = 256 * 1'024;
  Status fill();
  Result<std::string> line();
  Result<Digest32> digest();

  Source source_;
  Bytes buffer_;
  std::size_t at_ = 0, full_ = 0;
  std::string where_;
};

}  // namespace dim
