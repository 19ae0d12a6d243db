// Checksums under SQLite, which has none of its own for pages: a layer between it and the system's
// (or a simulated) VFS. Database pages: the last 8 of their 4,096 bytes are the page number and the
// CRC-32C of everything before, both little endian; written when a page goes into the database,
// verified whenever one is read. Log: SQLite chains checksums over its frames but looks at them
// only after a crash, so the CRC of every frame is kept in memory and verified at each read. A
// wrong one makes the read fail with SQLITE_IOERR_DATA: damage is an error, never data. What each
// sync of the log has covered is kept in a mark beside it (log_mark.h).
#pragma once
#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "sqlite/log_mark.h"

namespace dim {

inline constexpr int kDatabasePageBytes = 4'096;
inline constexpr int kPageReserveBytes = 8;

/// Registered under name() while it lives; every connection must be closed before. Any thread.
class CheckedVfs {
 public:
  /// Over the VFS `parent`, the system's when empty. Errc::config when there is none of that name.
  /// `log`: false where another process writes it, whose checksums are not known here. `damaged`:
  /// pages of the database with a wrong checksum are read all the same, and their numbers, from 1,
  /// put there; it must outlive this.
  static Result<std::unique_ptr<CheckedVfs>> make(const std::string& parent, bool log = true,
                                                  std::vector<std::uint32_t>* damaged = nullptr);
  CheckedVfs(const CheckedVfs&) = delete;
  CheckedVfs& operator=(const CheckedVfs&) = delete;
  ~CheckedVfs();

  const char* name() const { return name_.c_str(); }
  /// How often a log was begun anew, of all that this works on.
  std::uint64_t log_begins() const { return log_begins_.load(std::memory_order_relaxed); }

 private:
  struct File;
  struct Methods;
  /// CRC of each frame of a log and how far it is written, shared by the connections to it.
  struct Frames {
    Frames(sqlite3_vfs* parent, const std::string& log);

    std::mutex mutex;
    std::vector<std::int64_t> sums;  ///< -1: not known
    LogMark written;                 ///< up to the newest commit; without salts before a header
    LogMarkFile mark;

    void set(std::size_t frame, std::int64_t sum);
    bool matches_or_learn(std::size_t frame, ByteView page, bool learn);
    int cut(std::size_t frames);  ///< before it is done; SQLite's result code
    int begin(ByteView header);   ///< before a new header is written
    void frame_header(std::size_t frame, ByteView header);
    void synced();
  };

  CheckedVfs(sqlite3_vfs* parent, bool log, std::vector<std::uint32_t>* damaged);
  std::shared_ptr<Frames> frames_of(const std::string& path);
  int forget(const std::string& path);  ///< before the log is removed; SQLite's result code

  sqlite3_vfs* parent_;
  bool checks_log_;
  std::vector<std::uint32_t>* damaged_;
  std::string name_;
  sqlite3_vfs vfs_{};
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Frames>> frames_;
  std::atomic<std::uint64_t> log_begins_ = 0;
};

/// Where the page of a frame (from 0) stands in SQLite's log.
constexpr std::int64_t log_page_offset(std::int64_t frame) {
  return 32 + frame * (24 + kDatabasePageBytes) + 24;  // headers of the file and of the frame
}
/// Puts page number and checksum into the last 8 bytes.
void stamp_page(std::uint32_t number, std::span<std::uint8_t, kDatabasePageBytes> page);
/// A page of zeros was never written and is right.
bool page_is_right(std::uint32_t number, ByteView page);

}  // namespace dim
