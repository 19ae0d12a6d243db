#include "sqlite/log_mover.h"

#include <sys/resource.h>
#include <unistd.h>

#include <array>

#include "sqlite/checked_vfs.h"

namespace dim {
namespace {

constexpr int kNice = 5;  // commits go first when the processors are busy

}  // namespace

Status verify_log(Database& db, int from, int to) {
  sqlite3_file* log = nullptr;
  sqlite3_file_control(db.handle(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (log == nullptr || log->pMethods == nullptr) return {};
  std::array<std::uint8_t, kDatabasePageBytes> page;
  for (int frame = from; frame < to; ++frame) {
    const int rc =
        log->pMethods->xRead(log, page.data(), kDatabasePageBytes, log_page_offset(frame));
    if (rc == SQLITE_OK) continue;
    if (rc == SQLITE_IOERR_DATA) {
      return fail(Errc::internal,
                  "a page of the store's log has a wrong checksum; check disk and memory");
    }
    return fail(Errc::io, "the store's log cannot be read; check the disk");
  }
  return {};
}

Result<std::optional<LogState>> move_log(Database& db, int mode) {
  LogState state;
  const int rc = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, mode, &state.frames, &state.moved);
  state.cut = rc == SQLITE_OK && mode == SQLITE_CHECKPOINT_TRUNCATE;
  // Busy with numbers: a reader needs the rest of the log.
  if (rc == SQLITE_OK || ((rc & 0xff) == SQLITE_BUSY && state.frames >= 0)) return state;
  if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED) return std::nullopt;
  return std::unexpected(database_error(db.handle()));
}

Result<std::unique_ptr<LogMover>> LogMover::start(const std::string& path, const char* vfs) {
  std::unique_ptr<LogMover> mover(new LogMover);
  if (auto done = mover->db_.open(path, SQLITE_OPEN_READWRITE, vfs); !done)
    return std::unexpected(done.error());
  if (auto done = mover->db_.run("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"); !done)
    return std::unexpected(done.error());
  // Opens the log.
  if (auto read = mover->db_.integer("SELECT count(*) FROM sqlite_master"); !read)
    return std::unexpected(read.error());
  mover->thread_ = std::thread([raw = mover.get()] { raw->run(); });
  return mover;
}

LogMover::~LogMover() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void LogMover::begin(int from, int to) {
  {
    const std::scoped_lock lock(mutex_);
    wish_.emplace(from, to);
    done_.reset();
  }
  wake_.notify_all();
}

bool LogMover::busy() {
  const std::scoped_lock lock(mutex_);
  return wish_.has_value();
}

void LogMover::wait() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !wish_; });
}

std::optional<Result<int>> LogMover::take() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(done_, std::nullopt);
}

void LogMover::run() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()),
                ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())) + kNice);
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || wish_; });
    if (!wish_) return;
    const auto [from, to] = *wish_;
    lock.unlock();
    auto moved = move(from, to);
    lock.lock();
    done_ = std::move(moved);
    wish_.reset();
    wake_.notify_all();
  }
}

Result<int> LogMover::move(int from, int to) {
  // A bad page found half way would leave the database between two states.
  if (auto right = verify_log(db_, from, to); !right) return std::unexpected(right.error());
  const auto state = move_log(db_, SQLITE_CHECKPOINT_PASSIVE);
  if (!state) return std::unexpected(state.error());
  if (!*state) return 0;
  // SQLite syncs the database only at the log's end, and that is where commits wait.
  if ((**state).moved < (**state).frames) {
    sqlite3_file* file = nullptr;
    sqlite3_file_control(db_.handle(), "main", SQLITE_FCNTL_FILE_POINTER,
                         static_cast<void*>(&file));
    if (file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) != SQLITE_OK)
      return fail(Errc::io, "the store's database cannot be synced; check the disk");
  }
  return (**state).moved;
}

}  // namespace dim
