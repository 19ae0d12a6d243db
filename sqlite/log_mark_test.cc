#include "sqlite/log_mark.h"

#include <gtest/gtest.h>

#include <fstream>

#include "sqlite/store_testing.h"

namespace dim {
namespace {

class LogMarkTest : public testing::Test {
 protected:
  // As in a store: the mark takes over the mode of the database.
  void SetUp() override { std::ofstream(database_) << "here"; }
  std::optional<LogMark> read() { return read_log_mark(vfs_, database_).value(); }

  sqlite3_vfs* vfs_ = sqlite3_vfs_find(nullptr);
  TemporaryFolder folder_;
  std::string database_ = folder_.path() + "/station.db";
  LogMark mark_{{1, 2, 3, 4, 5, 6, 7, 8}, 70'000};
};

TEST_F(LogMarkTest, ComesBackAsItWasPutTheNewestOne) {
  EXPECT_EQ(read(), std::nullopt);
  LogMarkFile file(vfs_, database_);
  file.put({mark_.salts, 1});
  file.put(mark_);
  EXPECT_EQ(read(), mark_);
}

TEST_F(LogMarkTest, IsGoneWhenCleared) {
  {
    LogMarkFile file(vfs_, database_);
    EXPECT_EQ(file.clear(), SQLITE_OK) << "nothing there, nothing made";
    EXPECT_FALSE(std::filesystem::exists(database_ + "-synced"));
    file.put(mark_);
  }
  LogMarkFile later(vfs_, database_);
  EXPECT_EQ(later.clear(), SQLITE_OK);
  EXPECT_EQ(read(), std::nullopt);
  later.put(mark_);
  EXPECT_EQ(read(), mark_);
}

TEST_F(LogMarkTest, C06_ATornOrFlippedMarkSaysNothing) {
  LogMarkFile(vfs_, database_).put(mark_);
  for (std::size_t at = 0; at < 16; ++at) {
    std::fstream file(database_ + "-synced", std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 4));
    file.flush();
    EXPECT_EQ(read(), std::nullopt) << "byte " << at;
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte));
    file.flush();
    EXPECT_EQ(read(), mark_);
  }
  std::filesystem::resize_file(database_ + "-synced", 15);
  EXPECT_EQ(read(), std::nullopt);
}

}  // namespace
}  // namespace dim
