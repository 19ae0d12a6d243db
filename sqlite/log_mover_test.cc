#include "sqlite/log_mover.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "sqlite/checked_vfs.h"
#include "sqlite/schema.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

class LogMoverTest : public testing::Test {
 protected:
  void SetUp() override {
    vfs = std::move(CheckedVfs::make("").value());
    ASSERT_TRUE(db.open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs->name()));
    ASSERT_TRUE(prepare_database(db, false));
    const auto emptied = move_log(db, SQLITE_CHECKPOINT_TRUNCATE);
    ASSERT_TRUE(emptied && *emptied);
    sqlite3_wal_hook(
        db.handle(),
        [](void* out, sqlite3*, const char*, int now) {
          *static_cast<int*>(out) = now;
          return SQLITE_OK;
        },
        &pages);
    mover = std::move(LogMover::start(path, vfs->name()).value());
  }
  void write(int from, int to) {
    for (int i = from; i < to; ++i) {
      const std::string sql = "INSERT INTO msg VALUES(" + std::to_string(i) + ", zeroblob(1000))";
      ASSERT_TRUE(db.run(sql.c_str()));
    }
  }
  Result<int> move(int from, int to) {
    mover->begin(from, to);
    mover->wait();
    EXPECT_FALSE(mover->busy());
    auto done = mover->take();
    EXPECT_TRUE(done);
    return done ? std::move(*done) : Result<int>(-1);
  }

  TemporaryFolder folder;
  std::string path = folder.path() + "/station.db";
  std::unique_ptr<CheckedVfs> vfs;
  Database db;
  int pages = 0;
  std::unique_ptr<LogMover> mover;
};

TEST_F(LogMoverTest, MovesWhatIsCommittedAndTheNextCommitBeginsTheLogAnew) {
  write(1, 20);
  const int before = pages;
  ASSERT_GT(before, 10);
  const std::uint64_t begins = vfs->log_begins();
  const auto moved = move(0, before);
  ASSERT_TRUE(moved) << to_string(moved.error());
  EXPECT_EQ(*moved, before);
  EXPECT_FALSE(mover->take()) << "told once";
  EXPECT_EQ(vfs->log_begins(), begins);
  write(20, 21);
  EXPECT_LT(pages, before);
  EXPECT_EQ(vfs->log_begins(), begins + 1);
  EXPECT_EQ(db.integer("SELECT count(*) FROM msg").value(), 20);
}

TEST_F(LogMoverTest, MovesBesideCommits) {
  write(1, 20);
  for (int round = 1; round <= 20; ++round) {
    mover->begin(0, pages);
    write(round * 20, round * 20 + 20);
    mover->wait();
    const auto done = mover->take();
    ASSERT_TRUE(done && *done) << to_string(done->error());
  }
  EXPECT_EQ(db.integer("SELECT count(*) FROM msg").value(), 419);
}

TEST_F(LogMoverTest, R3_ADamagedPageStopsItBeforeAnythingIsMoved) {
  write(1, 20);
  const auto size = std::filesystem::file_size(path);
  {
    std::fstream log(path + "-wal", std::ios::binary | std::ios::in | std::ios::out);
    log.seekp(log_page_offset(pages / 2) + 100);
    log.put('\x55');
  }
  const auto moved = move(0, pages);
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().code, Errc::internal);
  EXPECT_EQ(std::filesystem::file_size(path), size);
}

TEST_F(LogMoverTest, WaitsForWhatItHasBegunWhenItGoes) {
  write(1, 20);
  mover->begin(0, pages);
  mover.reset();
  const auto state = move_log(db, SQLITE_CHECKPOINT_PASSIVE);
  ASSERT_TRUE(state && *state);
  EXPECT_EQ((*state)->moved, (*state)->frames);
}

}  // namespace
}  // namespace dim
