// What a reader that stays, a backup say, costs those who write: no waiting, and no work that grows
// with the log at each commit (F81).
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "sqlite/database.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

std::atomic<int> sleeps = 0;
std::atomic<int> log_reads = 0;
sqlite3_vfs* below = nullptr;
const sqlite3_io_methods* log_methods = nullptr;

/// The system's VFS; counts how often SQLite waits for a lock, and reads of pages of the log.
sqlite3_vfs* counting_vfs() {
  static sqlite3_io_methods counted;
  static sqlite3_vfs vfs = [] {
    below = sqlite3_vfs_find(nullptr);
    sqlite3_vfs out = *below;
    out.pNext = nullptr;
    out.zName = "dim-counting";
    out.xSleep = [](sqlite3_vfs*, int micros) {
      ++sleeps;
      return below->xSleep(below, micros);
    };
    out.xOpen = [](sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* given) {
      const int rc = below->xOpen(below, name, file, flags, given);
      if (rc != SQLITE_OK || (flags & SQLITE_OPEN_WAL) == 0) return rc;
      log_methods = file->pMethods;
      counted = *log_methods;
      counted.xRead = [](sqlite3_file* log, void* to, int amount, sqlite3_int64 offset) {
        if (amount == 4'096) ++log_reads;
        return log_methods->xRead(log, to, amount, offset);
      };
      file->pMethods = &counted;
      return rc;
    };
    return out;
  }();
  return &vfs;
}

class HeldLog : public testing::Test {
 protected:
  void SetUp() override {
    sqlite3_vfs_register(counting_vfs(), 0);
    SqliteOptions options;
    options.vfs = counting_vfs()->zName;
    options.checkpoint_bytes = 64 * 1024;
    auto opened = SqliteStore::open(folder.path(), options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
    post(1);
    ASSERT_TRUE(reader.open(path, SQLITE_OPEN_READWRITE, nullptr));
    ASSERT_TRUE(reader.run("BEGIN; SELECT count(*) FROM post"));
    sleeps = log_reads = 0;
  }
  void TearDown() override {
    store.reset();
    reader.close();
    sqlite3_vfs_unregister(counting_vfs());
  }
  void commit(Write write) {
    const auto written = store->commit(std::span(&write, 1));
    ASSERT_TRUE(written) << to_string(written.error());
  }
  void post(int number) {
    commit(PutPost{.post = {.guid = guid(number),
                            .channel = guid(100'000),
                            .time = kTestTime,
                            .author = "alice",
                            .content = "text"}});
  }
  std::uintmax_t log_bytes() const { return std::filesystem::file_size(path + "-wal"); }

  TemporaryFolder folder;
  std::string path = folder.path() + "/station.db";
  std::unique_ptr<SqliteStore> store;
  Database reader;
};

TEST_F(HeldLog, F81_NeitherADestroyNorAQuietMomentWaitsForTheReader) {
  commit(ChangePost{.guid = guid(1), .act = PostAct::destroy, .text = {}, .time = kTestTime});
  EXPECT_EQ((*store->post(guid(1)))->state, PostState::destroyed);
  for (int i = 0; i < 5; ++i) {
    commit(message(10 + i, "text", {"bob"}));
    ASSERT_TRUE(store->tidy(kTestTime, true));
  }
  EXPECT_EQ(sleeps, 0);
  EXPECT_GT(log_bytes(), 0U) << "it is cut later";
  ASSERT_TRUE(reader.run("COMMIT"));
  while (store->tidy(kTestTime, true).value_or(false)) {
  }
  EXPECT_EQ(log_bytes(), 0U);
}

TEST_F(HeldLog, F81_EachPageOfTheLogIsVerifiedOnceHoweverLongItIsHeld) {
  constexpr int kMessages = 500;
  for (int i = 1; i <= kMessages; ++i) {
    commit(message(10 + i, std::string(2'000, 'x'), {"user" + std::to_string(i % 50)}));
    ASSERT_TRUE(store->tidy(kTestTime, false));
    if (i % 10 == 0) {
      ASSERT_TRUE(store->tidy(kTestTime + i, true));
    }
  }
  const auto pages = static_cast<int>(log_bytes() / 4'120);
  ASSERT_GT(pages, kMessages) << "nothing could be moved";
  EXPECT_LT(log_reads, 2 * pages);
  EXPECT_EQ(sleeps, 0);
  ASSERT_TRUE(reader.run("COMMIT"));
  Millis now = kTestTime + 10'000;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (log_bytes() > 0 && std::chrono::steady_clock::now() < deadline) {
    ASSERT_TRUE(store->tidy(now += 1'000, true));
    std::this_thread::yield();
  }
  EXPECT_EQ(log_bytes(), 0U) << "and it is cut when the reader has gone";
  EXPECT_EQ(store->verify().value(), 0U);
}

}  // namespace
}  // namespace dim
