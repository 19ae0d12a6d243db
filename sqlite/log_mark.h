// How much of the log was acknowledged. SQLite's log alone cannot tell a newest transaction that
// was caught half written from one that was damaged after its sync. So after each sync a small file
// beside it is overwritten with what that sync has covered. It is not synced itself: after a crash
// of the process it is exact, after a power cut it may be up to half a minute old, and what it says
// is true at any time. 16 bytes: salts of the log (8), frames (4, little endian), CRC-32C (4).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "dim/base/error.h"
#include "sqlite/vfs_file.h"

namespace dim {

/// The first `frames` frames of the log whose header bears `salts` are on the disk and end with a
/// commit.
struct LogMark {
  std::array<std::uint8_t, 8> salts{};
  std::uint32_t frames = 0;

  friend bool operator==(const LogMark&, const LogMark&) = default;
};

/// `database`-synced; nothing when it is absent, cleared or damaged. Errc::io when the disk fails:
/// it may hold something then.
Result<std::optional<LogMark>> read_log_mark(sqlite3_vfs* vfs, const std::string& database);

/// The writing side. One thread at a time.
class LogMarkFile {
 public:
  /// Opens nothing yet.
  LogMarkFile(sqlite3_vfs* vfs, const std::string& database);

  /// Not synced. A failure leaves an older mark, which is as true, or none.
  void put(const LogMark& mark);
  /// The mark is gone from the disk when this is SQLITE_OK: what it covers may be cut now.
  int clear();

 private:
  bool open();

  sqlite3_vfs* vfs_;
  std::string path_;
  VfsFile file_;
  std::optional<LogMark> last_;
};

}  // namespace dim
