#include "client/drafts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class DraftsTest : public testing::Test {
 protected:
  Vault vault = Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();
  Drafts drafts{vault};
};

TEST_F(DraftsTest, ATextIsKeptForEachConversationUntilItIsEmpty) {
  EXPECT_EQ(drafts.find("bobby")->has_value(), false);
  ASSERT_TRUE(drafts.put({"bobby", "Dear B", 1}));
  ASSERT_TRUE(drafts.put({"group", "All of", 2}));
  ASSERT_TRUE(drafts.put({"bobby", "Dear Bobby,\nhow", 3}));
  const auto one = drafts.find("bobby");
  ASSERT_TRUE(one && *one);
  EXPECT_EQ((*one)->text, "Dear Bobby,\nhow");
  EXPECT_EQ((*one)->time, 3);
  EXPECT_THAT(*drafts.all(), SizeIs(2));
  EXPECT_EQ(drafts.all()->front().conversation, "bobby");
  ASSERT_TRUE(drafts.put({"bobby", "", 4}));
  EXPECT_EQ(drafts.find("bobby")->has_value(), false);
  ASSERT_TRUE(drafts.put({"group", "", 5}));
  EXPECT_THAT(*drafts.all(), IsEmpty());
}

TEST_F(DraftsTest, WhatIsTooLongIsRefusedAndTheOneBeforeStays) {
  ASSERT_TRUE(drafts.put({"bobby", std::string(64 * 1'024, 'x'), 1}));
  EXPECT_EQ(drafts.put({"bobby", std::string(64 * 1'024 + 1, 'y'), 2}).error().code,
            Errc::too_large);
  EXPECT_EQ((*drafts.find("bobby"))->text.front(), 'x');
}

}  // namespace
}  // namespace dim
