// Changes by the own account, and what others make of the news that come out of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/groups.h"
#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

class GroupsChangeTest : public testing::Test {
 protected:
  /// A home with its groups; homes know each other.
  struct Person {
    explicit Person(int number) : home(Home::in_memory(account(number), fake_random()).value()) {}
    static Account account(int number) {
      const Account& it = fake_user(number);
      std::vector<PrivateKey> keys;
      keys.push_back(copy(it.message_keys[0]));
      return {it.id, it.meta, it.visa, copy(it.identity_key), std::move(keys)};
    }
    static PrivateKey copy(const PrivateKey& key) {
      return PrivateKey::parse(parse_json_object(as_text(key.json().view())).value()).value();
    }
    Id id() const { return home.account().id; }
    Home home;
    Groups groups{home, fake_random()};
  };

  GroupsChangeTest() {
    for (Person* one : {&alice, &bobby, &carol, &david}) {
      for (Person* other : {&alice, &bobby, &carol, &david}) {
        if (one == other) continue;
        const Account& account = other->home.account();
        EXPECT_TRUE(one->home.learn(account.id, account.meta.json(), {account.visa.json()}, now));
      }
    }
  }
  /// Time goes on; everybody who is told reads the news.
  Id make(Person& by, const std::function<Result<Groups::Change>()>& change) {
    now += 1'000;
    auto done = change();
    EXPECT_TRUE(done) << to_string(done.error());
    told = done->told;
    for (Person* one : {&alice, &bobby, &carol, &david}) {
      if (one == &by) continue;
      for (const Id& id : told) {
        if (!id.same_entity(one->id())) continue;
        auto read = one->groups.read(done->news, done->group, now);
        EXPECT_TRUE(read);
        if (read) last[one->id().text()] = *read;
      }
    }
    return done->group;
  }
  std::vector<Id> members(Person& person, const Id& group) {
    auto found = person.groups.find(group, now);
    return found && *found != nullptr ? (*found)->members() : std::vector<Id>();
  }
  Errc refused(const Result<Groups::Change>& change) {
    EXPECT_FALSE(change);
    return change ? Errc::internal : change.error().code;
  }

  Millis now = kFakeNow;
  Person alice{1}, bobby{2}, carol{3}, david{4};
  std::vector<Id> told;
  std::map<std::string, Groups::Read> last;
};

TEST_F(GroupsChangeTest, EverybodySeesTheSameMembersAfterEachChange) {
  const Id group =
      make(alice, [&] { return alice.groups.create("friends", {bobby.id(), carol.id()}, now); });
  EXPECT_THAT(told, UnorderedElementsAre(bobby.id(), carol.id()));
  for (Person* one : {&alice, &bobby, &carol}) EXPECT_THAT(members(*one, group), SizeIs(3));
  make(alice, [&] { return alice.groups.invite(group, {david.id()}, now); });
  for (Person* one : {&bobby, &carol, &david}) {
    EXPECT_EQ(members(*one, group), members(alice, group));
  }
  EXPECT_THAT(last[bobby.id().text()].added, UnorderedElementsAre(david.id()));
  make(carol, [&] { return carol.groups.leave(group, now); });
  for (Person* one : {&alice, &bobby, &david}) EXPECT_THAT(members(*one, group), SizeIs(3));
  EXPECT_EQ(refused(alice.groups.leave(group, now)), Errc::forbidden);
  EXPECT_EQ(refused(carol.groups.leave(group, now)), Errc::not_found);
}

TEST_F(GroupsChangeTest, A28_WhoIsPutOutIsToldAndOldNewsDoNotBringThemBack) {
  const Id group =
      make(alice, [&] { return alice.groups.create("friends", {bobby.id(), carol.id()}, now); });
  now += 1'000;
  const auto before = alice.groups.history_for(bobby.id(), group, now).value();
  make(alice, [&] { return alice.groups.expel(group, {carol.id()}, now); });
  EXPECT_THAT(told, UnorderedElementsAre(bobby.id(), carol.id()));
  EXPECT_THAT(last[carol.id().text()].removed, UnorderedElementsAre(carol.id()));
  EXPECT_FALSE(bobby.groups.read(before, group, now)->changed);
  EXPECT_THAT(members(bobby, group), UnorderedElementsAre(alice.id(), bobby.id()));
  EXPECT_EQ(refused(bobby.groups.expel(group, {alice.id()}, now)), Errc::forbidden);
  EXPECT_EQ(refused(alice.groups.expel(group, {carol.id()}, now)), Errc::not_found);
}

TEST_F(GroupsChangeTest, A30_RequestsReachLeadersOnceAndEndWhenTheyAreGranted) {
  const Id group = make(alice, [&] { return alice.groups.create("friends", {bobby.id()}, now); });
  make(bobby, [&] { return bobby.groups.invite(group, {carol.id()}, now); });
  EXPECT_THAT(told, UnorderedElementsAre(alice.id()));
  EXPECT_THAT(last[alice.id().text()].asking, UnorderedElementsAre(carol.id()));
  make(carol, [&] { return carol.groups.ask_in(group, alice.id(), now); });
  EXPECT_THAT(last[alice.id().text()].asking, IsEmpty()) << "it is known already";
  EXPECT_THAT(alice.groups.requests(group, now).value(), SizeIs(1));
  EXPECT_THAT(members(alice, group), SizeIs(2));
  make(alice, [&] { return alice.groups.invite(group, {carol.id()}, now); });
  EXPECT_THAT(alice.groups.requests(group, now).value(), IsEmpty());
  make(david, [&] { return david.groups.ask_in(group, alice.id(), now); });
  EXPECT_THAT(alice.groups.requests(group, now).value(), SizeIs(1));
  EXPECT_THAT(alice.groups.requests(group, now + 8 * Millis{86'400'000}).value(), IsEmpty());
}

TEST_F(GroupsChangeTest, A30_WhoWasTakenInAndHasLeftDoesNotAskAnyMore) {
  const Id group = make(alice, [&] { return alice.groups.create("friends", {bobby.id()}, now); });
  make(carol, [&] { return carol.groups.ask_in(group, alice.id(), now); });
  make(david, [&] { return david.groups.ask_in(group, alice.id(), now); });
  make(alice, [&] { return alice.groups.invite(group, {carol.id()}, now); });
  make(carol, [&] { return carol.groups.leave(group, now); });
  const auto asking = alice.groups.requests(group, now).value();
  ASSERT_THAT(asking, SizeIs(1)) << "nobody has answered David";
  EXPECT_EQ(asking[0].who, david.id());
  make(carol, [&] { return carol.groups.ask_in(group, alice.id(), now); });
  EXPECT_THAT(last[alice.id().text()].asking, UnorderedElementsAre(carol.id()));
}

TEST_F(GroupsChangeTest, A27_OnlyTheOwnerSaysWhoLeadsAndWhatItIsCalled) {
  const Id group =
      make(alice, [&] { return alice.groups.create("friends", {bobby.id(), carol.id()}, now); });
  EXPECT_EQ(refused(bobby.groups.rename(group, "mine", now)), Errc::forbidden);
  EXPECT_EQ(refused(bobby.groups.set_administrators(group, {bobby.id()}, now)), Errc::forbidden);
  EXPECT_EQ(refused(alice.groups.set_administrators(group, {david.id()}, now)), Errc::forbidden);
  make(alice, [&] { return alice.groups.set_administrators(group, {bobby.id()}, now); });
  EXPECT_THAT(last[carol.id().text()].promoted, UnorderedElementsAre(bobby.id()));
  make(bobby, [&] { return bobby.groups.invite(group, {david.id()}, now); });
  EXPECT_THAT(members(alice, group), SizeIs(4));
  EXPECT_EQ(refused(alice.groups.expel(group, {bobby.id()}, now)), Errc::forbidden);
  make(alice, [&] { return alice.groups.rename(group, "choir", now); });
  EXPECT_EQ(last[carol.id().text()].renamed, "choir");
  make(alice, [&] { return alice.groups.set_administrators(group, {}, now); });
  EXPECT_THAT(last[bobby.id().text()].demoted, UnorderedElementsAre(bobby.id()));
  const Document& bulletin = alice.groups.find(group, now).value()->bulletin();
  const Json* leaders = bulletin.properties().find("administrators");
  ASSERT_NE(leaders, nullptr) << "peers of the reference change nothing where there is none";
  ASSERT_NE(leaders->array(), nullptr);
  EXPECT_THAT(*leaders->array(), IsEmpty());
  EXPECT_EQ(refused(bobby.groups.expel(group, {david.id()}, now)), Errc::forbidden);
}

TEST_F(GroupsChangeTest, AnotherProgramOfTheHomeSeesTheChange) {
  const Id group =
      make(alice, [&] { return alice.groups.create("friends", {bobby.id(), carol.id()}, now); });
  Groups other(alice.home, fake_random());
  EXPECT_THAT(other.find(group, now).value()->members(), SizeIs(3));
  make(alice, [&] { return alice.groups.expel(group, {carol.id()}, now); });
  EXPECT_THAT(other.find(group, now).value()->members(), SizeIs(2));
  EXPECT_THAT(other.all().value(), UnorderedElementsAre(group));
}

}  // namespace
}  // namespace dim
