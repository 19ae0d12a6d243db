#include "client/groups.h"

#include "testing/groups.h"

namespace dim {
namespace {

using namespace dim::testing;

/// A home that knows nobody; its account is none of the group unless it is put there.
struct GroupsTest : ::testing::Test {
  Founded founded;
  Home home =
      Home::in_memory(Account::make_user("Dora", kNow - kDay, os_random()).value(), os_random())
          .value();
  Groups groups{home, os_random()};

  ForwardContent history(std::vector<Id> members) {
    Group group = founded.group();
    GroupContent reset = GroupContent::reset(founded.id(), std::move(members), kNow, os_random());
    reset.head.time = kSeconds - 60;
    EXPECT_TRUE(
        group.apply(sign_command(reset, alice(), founded.directory, os_random()).value(), kNow));
    auto forward = pack_history(group, founded.directory, alice(), kNow, os_random()).value();
    auto content = decode_content(encode_content(Content(std::move(forward)))).value();
    return *content.as<ForwardContent>();
  }
  void meet_alice() {
    ASSERT_TRUE(home.learn(alice().id, alice().meta.json(), {alice().visa.json()}, kNow));
  }
};

TEST_F(GroupsTest, SaysWhoHasToBeKnownFirstAndReadsThen) {
  const ForwardContent forward = history({alice().id, bob().id, home.account().id});
  auto read = groups.read(forward, founded.id(), kNow);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->changed);
  EXPECT_THAT(read->missing, ::testing::Contains(alice().id));
  EXPECT_EQ(groups.find(founded.id(), kNow).value(), nullptr);
  meet_alice();
  read = groups.read(forward, founded.id(), kNow);
  ASSERT_TRUE(read);
  EXPECT_TRUE(read->changed);
  EXPECT_TRUE(groups.find(founded.id(), kNow).value()->is_member(home.account().id));
  EXPECT_FALSE(groups.read(forward, founded.id(), kNow)->changed) << "nothing new in it";
}

TEST_F(GroupsTest, A28_IsThereAgainAfterARestartWithItsLastReset) {
  meet_alice();
  ASSERT_TRUE(
      groups.read(history({alice().id, bob().id, home.account().id}), founded.id(), kNow)->changed);
  const Millis reset = groups.find(founded.id(), kNow).value()->reset_time();
  Groups again(home, os_random());
  const auto found = again.find(founded.id(), kNow);
  ASSERT_TRUE(found);
  ASSERT_NE(*found, nullptr);
  EXPECT_EQ((*found)->reset_time(), reset);
  EXPECT_EQ((*found)->members().size(), 3U);
}

TEST_F(GroupsTest, AGroupOfStrangersIsNotKept) {
  meet_alice();
  const auto read = groups.read(history({alice().id, bob().id}), founded.id(), kNow);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->changed);
  EXPECT_THAT(read->added, ::testing::IsEmpty());
  EXPECT_EQ(groups.find(founded.id(), kNow).value(), nullptr);
}

TEST_F(GroupsTest, OnlyMembersAreToldTheHistory) {
  meet_alice();
  ASSERT_TRUE(
      groups.read(history({alice().id, bob().id, home.account().id}), founded.id(), kNow)->changed);
  EXPECT_TRUE(groups.history_for(bob().id, founded.id(), kNow));
  const auto refused = groups.history_for(carol().id, founded.id(), kNow);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::forbidden);
}

}  // namespace
}  // namespace dim
