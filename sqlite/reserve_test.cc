// R14: room that is kept for what must work when the disk is full.
#include "sqlite/reserve.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "sqlite/store_testing.h"

namespace dim {
namespace {

constexpr std::int64_t kBytes = 1'048'576;

class ReserveTest : public testing::Test {
 protected:
  std::string path() const { return folder.path() + "/station.reserve"; }
  /// Bytes that it really takes.
  std::int64_t taken() const {
    struct stat info{};
    return ::stat(path().c_str(), &info) == 0 ? info.st_blocks * 512 : -1;
  }
  TemporaryFolder folder;
};

TEST_F(ReserveTest, R14_TakesRoomGivesItUpAndTakesItAgain) {
  Reserve reserve(folder.path(), kBytes);
  EXPECT_TRUE(reserve.whole());
  EXPECT_GE(taken(), kBytes);
  EXPECT_TRUE(reserve.release());
  EXPECT_FALSE(reserve.whole());
  EXPECT_EQ(taken(), 0);
  EXPECT_FALSE(reserve.release()) << "twice";
  EXPECT_TRUE(reserve.restore());
  EXPECT_TRUE(reserve.whole());
  EXPECT_GE(taken(), kBytes);
  const auto mode = std::filesystem::status(path()).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(ReserveTest, R14_AnotherRunFindsItAsItWasOrMakesItOfAnotherSize) {
  {
    Reserve first(folder.path(), kBytes);
  }
  {
    Reserve again(folder.path(), kBytes);
    EXPECT_TRUE(again.whole());
    EXPECT_TRUE(again.release());
  }
  Reserve larger(folder.path(), 2 * kBytes);
  EXPECT_TRUE(larger.whole());
  EXPECT_EQ(larger.bytes(), 2 * kBytes);
  EXPECT_GE(taken(), 2 * kBytes);
}

TEST_F(ReserveTest, R14_NoneIsNeverInTheWay) {
  {
    Reserve first(folder.path(), kBytes);
  }
  Reserve none(folder.path(), 0);
  EXPECT_FALSE(std::filesystem::exists(path())) << "it is not wanted any more";
  EXPECT_TRUE(none.whole());
  EXPECT_FALSE(none.release());
  Reserve nowhere("/proc/nowhere", kBytes);
  EXPECT_TRUE(nowhere.whole());
  EXPECT_FALSE(nowhere.release());
  Reserve moved = std::move(nowhere);
  EXPECT_TRUE(moved.whole());
}

TEST(Reserve, R14_IsASixteenthOfTheDiskAtMost) {
  constexpr std::int64_t kWanted = 64 * kBytes;
  EXPECT_EQ(reserve_bytes(kWanted, 1'000'000 * kBytes), kWanted);
  EXPECT_EQ(reserve_bytes(kWanted, 32 * kBytes), 2 * kBytes);
  EXPECT_EQ(reserve_bytes(kWanted, 100'000), 4'096) << "whole pages";
  EXPECT_EQ(reserve_bytes(kWanted, 65'535), 0);
  EXPECT_EQ(reserve_bytes(0, 32 * kBytes), 0);
}

}  // namespace
}  // namespace dim
