// Moving SQLite's log into its database: what a checkpoint is, and a thread that does most of it
// beside the commits.
#pragma once
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "sqlite/database.h"

namespace dim {

/// Reads frames [from, to) of the log, counted from 0, against the checksums of CheckedVfs.
/// Errc::internal: one is damaged; Errc::io: the log cannot be read.
Status verify_log(Database& db, int from, int to);

/// Frames in the log, and how many of them are in the database too.
struct LogState {
  int frames = 0;
  int moved = 0;
  bool cut = false;  ///< SQLITE_CHECKPOINT_TRUNCATE came to its end: nothing is in the log any more
};
/// A checkpoint in one of SQLite's modes, as far as readers let it. Nothing: somebody else is at
/// it, next time.
Result<std::optional<LogState>> move_log(Database& db, int mode);

/// A connection and a thread of lower priority for checkpoints. Whoever owns it is the only one
/// that moves the log, and never while busy(): so the log cannot begin anew under the thread's
/// eyes.
class LogMover {
 public:
  /// `path` and `vfs`: of a database that is open with a log.
  static Result<std::unique_ptr<LogMover>> start(const std::string& path, const char* vfs);
  LogMover(const LogMover&) = delete;
  LogMover& operator=(const LogMover&) = delete;
  ~LogMover();  ///< when what was begun is done

  /// Verifies frames [from, to), which those of before are already, and moves everything that is
  /// committed by then. Not while busy().
  void begin(int from, int to);
  bool busy();
  void wait();  ///< until it is not busy
  /// What came of begin(), once: how many frames are moved, or 0 when somebody else was at it.
  std::optional<Result<int>> take();

 private:
  LogMover() = default;
  void run();
  Result<int> move(int from, int to);

  Database db_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<std::pair<int, int>> wish_;
  std::optional<Result<int>> done_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dim
