#include "server/root_rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace dim {
namespace {

using ::testing::HasSubstr;

TEST(RootRights, C10_RootIsLeftForTheOwnerOfTheFolderOrRefused) {
  const FileOwner user{1000, 1000}, root{0, 0};
  EXPECT_EQ(judge_root(false, user, false), RootRights::none);
  EXPECT_EQ(judge_root(false, std::nullopt, true), RootRights::none);
  EXPECT_EQ(judge_root(true, user, false), RootRights::left);
  EXPECT_EQ(judge_root(true, root, false), RootRights::refused);
  EXPECT_EQ(judge_root(true, std::nullopt, false), RootRights::refused);
  EXPECT_EQ(judge_root(true, root, true), RootRights::kept);
  EXPECT_EQ(judge_root(true, user, true), RootRights::kept);
}

TEST(RootRights, C10_ARefusalSaysWhatToDo) {
  const auto left = leave_root("/nowhere/station", false);
  if (::geteuid() != 0) {
    ASSERT_TRUE(left);
    EXPECT_EQ(*left, RootRights::none);
    return;
  }
  ASSERT_FALSE(left);
  EXPECT_EQ(static_cast<int>(left.error().code), 77);
  EXPECT_THAT(left.error().text, HasSubstr("/nowhere/station is not there"));
  EXPECT_THAT(left.error().text, HasSubstr("--allow-root"));
  EXPECT_EQ(*leave_root("/nowhere/station", true), RootRights::kept);
}

}  // namespace
}  // namespace dim
