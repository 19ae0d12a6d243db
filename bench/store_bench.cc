// Durable acceptance of messages of 1 KiB with 1, 64 or 256 senders that wait for their answer,
// beside the same group commit over SQLite with one table, and over a file with fdatasync alone.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>

#include "bench/report.h"
#include "dim/crypto/os_random.h"
#include "dim/store/memory_store.h"
#include "net/system_clock.h"
#include "sqlite/group_commit.h"
#include "sqlite/sqlite_store.h"

namespace dim::bench {
namespace {

constexpr std::size_t kContentBytes = 1'024;

/// In the folder for temporary files ($TMPDIR), which has to be on a disk for figures that mean
/// something.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "dim-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

const std::string& content_of(const Write& write) {
  return std::get<PutMessage>(write).message.content;
}

/// What a bare store answers: accepted, nothing more.
Result<std::vector<Written>> accepted(std::size_t count) { return std::vector<Written>(count); }

/// One table, one insert a message, one transaction a batch, in SQLite's WAL mode with FULL.
class BareSqlite final : public MemoryStore {
 public:
  explicit BareSqlite(const std::string& folder) {
    const bool made = sqlite3_open((folder + "/bare.db").c_str(), &db_) == SQLITE_OK &&
                      sqlite3_exec(db_,
                                   "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                   "CREATE TABLE msg(id INTEGER PRIMARY KEY, body BLOB NOT NULL)",
                                   nullptr, nullptr, nullptr) == SQLITE_OK &&
                      sqlite3_prepare_v2(db_, "INSERT INTO msg(body) VALUES(?)", -1, &insert_,
                                         nullptr) == SQLITE_OK;
    if (!made) std::abort();
  }
  ~BareSqlite() override {
    sqlite3_finalize(insert_);
    sqlite3_close(db_);
  }

  Result<std::vector<Written>> commit(std::span<const Write> batch) override {
    bool done = sqlite3_exec(db_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK;
    for (const Write& write : batch) {
      const std::string& content = content_of(write);
      sqlite3_bind_blob(insert_, 1, content.data(), static_cast<int>(content.size()),
                        SQLITE_STATIC);
      done = done && sqlite3_step(insert_) == SQLITE_DONE;
      sqlite3_reset(insert_);
    }
    done = done && sqlite3_exec(db_, "COMMIT", nullptr, nullptr, nullptr) == SQLITE_OK;
    if (!done) return fail(Errc::io, "the bare database failed");
    return accepted(batch.size());
  }

 private:
  sqlite3* db_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

/// One write and one fdatasync a batch, round and round in a file of 4 MiB that does not grow.
class BareFile final : public MemoryStore {
 public:
  explicit BareFile(const std::string& folder)
      : file_(::open((folder + "/bare").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const std::string room(kRoom, '\0');
    if (::pwrite(file_, room.data(), room.size(), 0) != static_cast<ssize_t>(room.size()) ||
        ::fsync(file_) != 0) {
      std::abort();
    }
  }
  ~BareFile() override { ::close(file_); }

  Result<std::vector<Written>> commit(std::span<const Write> batch) override {
    bytes_.clear();
    for (const Write& write : batch) bytes_ += content_of(write);
    if (at_ + bytes_.size() > kRoom) at_ = 0;
    const ssize_t written = ::pwrite(file_, bytes_.data(), bytes_.size(), static_cast<off_t>(at_));
    at_ += bytes_.size();
    if (written != static_cast<ssize_t>(bytes_.size()) || ::fdatasync(file_) != 0)
      return fail(Errc::io, "the bare file failed");
    return accepted(batch.size());
  }

 private:
  static constexpr std::size_t kRoom = 4 * limits::kMiB;
  int file_;
  std::size_t at_ = 0;
  std::string bytes_;
};

/// Senders that hand in their next message when the last one is durable, all on the calling thread
/// as in a station: the commits are on the thread of GroupCommit.
class Senders {
 public:
  Senders(Store& store, std::size_t count)
      : commits_(store, clock_,
                 [this](std::move_only_function<void()> work) { post(std::move(work)); }) {
    for (std::size_t i = 0; i < count; ++i) submit(i);
  }
  ~Senders() {
    ending_ = true;
    commits_.stop();
  }

  /// Until `count` more messages are durable. False: one was refused.
  bool take(std::size_t count) {
    for (const std::size_t until = durable_ + count; durable_ < until && !refused_;) run_posted();
    return !refused_;
  }

 private:
  void post(std::move_only_function<void()> work) {
    {
      const std::scoped_lock lock(mutex_);
      posted_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

  void run_posted() {
    std::vector<std::move_only_function<void()>> work;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !posted_.empty(); });
      work.swap(posted_);
    }
    for (auto& one : work) one();
    // As a station does at the end of its turn: what came together is handed on together.
    if (!batch_.empty()) {
      const std::size_t count = batch_.size();
      commits_.submit(std::exchange(batch_, {}),
                      [this, count](const auto& result) { answered(result, count); });
    }
  }

  void answered(const Result<std::vector<Written>>& result, std::size_t count) {
    if (ending_) return;
    refused_ = refused_ || !result;
    for (std::size_t i = 0; i < count && !refused_; ++i) {
      refused_ = (*result)[i].accepted != Accepted::stored;
      ++durable_;
      batch_.push_back(message(next_++));
    }
  }

  void submit(std::size_t sender) {
    std::vector<Write> writes;
    writes.push_back(message(sender));
    ++next_;
    commits_.submit(std::move(writes), [this](const auto& result) { answered(result, 1); });
  }

  Write message(std::size_t number) {
    const std::string user =
        "0xd71ae4A6aC8470d86D5a14C59C30FEeb25C5" + std::to_string(number % 100);
    return PutMessage{{.cursor = 0,
                       .guid = Guid::make(clock_.now(), random_),
                       .time = clock_.now(),
                       .author = "0xa9EC903253ed6a1c3c0B1Dd5B504b36A3Ed1099a",
                       .type = "message",
                       .content = std::string(kContentBytes, 'x')},
                      {user}};
  }

  OsRandom random_;
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::move_only_function<void()>> posted_;
  std::vector<Write> batch_;
  std::size_t next_ = 0;
  std::size_t durable_ = 0;
  bool refused_ = false;
  bool ending_ = false;
  GroupCommit commits_;
};

std::unique_ptr<Store> open_ours(const std::string& folder) {
  SqliteOptions options;
  options.limits = {.messages = 100'000'000, .bytes = std::size_t{1} << 40};
  auto store = SqliteStore::open(folder, options);
  return store ? std::move(*store) : nullptr;
}

using Open = std::function<std::unique_ptr<Store>(const std::string& folder)>;

void add(const std::string& name, std::size_t senders, const Open& open) {
  benchmark::RegisterBenchmark(name.c_str(), [senders, open](benchmark::State& state) {
    const Folder folder;
    const auto store = open(folder.path());
    if (!store) return state.SkipWithError("the store cannot be opened");
    Senders all(*store, senders);
    if (!all.take(4 * senders)) return state.SkipWithError("a message was refused");
    while (state.KeepRunningBatch(static_cast<benchmark::IterationCount>(senders))) {
      if (!all.take(senders)) return state.SkipWithError("a message was refused");
    }
  })->UseRealTime();
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  std::vector<Ratio> ratios;
  for (const std::size_t senders : {1UZ, 64UZ, 256UZ}) {
    const std::string waiting = std::to_string(senders) + " waiting: ";
    const auto row = [&](std::string_view what) { return waiting + std::string(what); };
    add(row("store"), senders, open_ours);
    add(row("bare SQLite"), senders,
        [](const std::string& folder) { return std::make_unique<BareSqlite>(folder); });
    add(row("bare fdatasync"), senders,
        [](const std::string& folder) { return std::make_unique<BareFile>(folder); });
    ratios.push_back({row("store by bare SQLite"),
                      {row("bare SQLite")},
                      {row("store")},
                      senders == 256 ? 0.7 : 0});
    ratios.push_back({row("store by bare fdatasync"), {row("bare fdatasync")}, {row("store")}});
  }
  return run(argc, argv, ratios);
}
