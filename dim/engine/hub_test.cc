#include "dim/engine/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dim/engine/hub_testing.h"

namespace dim {
namespace {

using namespace hub_testing;
using enum HubEffect::Kind;

const std::string kBob = person("bob");
const std::string kCarol = person("carol");

HubChange make(HubObject type, int guid, const std::string& body,
               const std::string& actor = kOwner) {
  return {.object = type, .actor = actor, .guid = number(guid), .body = object(body)};
}
HubChange edit(HubObject type, int guid, const std::string& body,
               const std::string& actor = kOwner) {
  HubChange out = make(type, guid, body, actor);
  out.operation = Operation::edit;
  return out;
}
HubChange erase(HubObject type, int guid, const std::string& actor = kOwner) {
  return {.operation = Operation::erase, .object = type, .actor = actor, .guid = number(guid)};
}
HubChange about(Operation operation, HubObject type, const std::string& who,
                const std::string& actor = kOwner, const std::string& body = "{}") {
  return {
      .operation = operation, .object = type, .actor = actor, .member = who, .body = object(body)};
}
HubChange joins(const std::string& who, int invite) {
  return about(Operation::create, HubObject::member, who, who,
               R"({"invite":")" + number(invite).text() + "\"}");
}

TEST(Hub, F20_CategoriesAndChannelsAreMadeChangedAndDeleted) {
  Hub hub = founded();
  must(hub, make(HubObject::category, 1, R"({"name":"Garden","position":2})"));
  must(hub, make(HubObject::channel, 2,
                 R"({"name":"roses","category":")" + number(1).text() +
                     R"(","topic":"red ones","kind":"announcement"})"));
  EXPECT_EQ(write_json(hub.channel_json(number(2))),
            R"({"guid":")" + number(2).text() +
                R"(","name":"roses","topic":"red ones","kind":"announcement","category":")" +
                number(1).text() + R"(","position":0,"overrides":[],"revision":1})");
  must(hub, edit(HubObject::channel, 2, R"({"topic":"white ones"})"));
  EXPECT_EQ(hub.channel(number(2))->topic, "white ones");
  EXPECT_EQ(hub.channel(number(2))->name, "roses") << "EDIT names only what changes";
  EXPECT_EQ(hub.channel(number(2))->revision, 2);
  const HubEffect effect = must(hub, erase(HubObject::category, 1));
  EXPECT_THAT(effect.dropped_channels, testing::ElementsAre(number(2)));
  EXPECT_EQ(refused(hub, edit(HubObject::channel, 2, "{}")), Errc::gone);
  EXPECT_EQ(refused(hub, make(HubObject::channel, 2, R"({"name":"again"})")), Errc::gone);
  EXPECT_EQ(refused(hub, erase(HubObject::channel, 3)), Errc::not_found);
}

TEST(Hub, P36_TheSameCreateAgainChangesNothingAnotherIsAConflict) {
  Hub hub = founded();
  must(hub, make(HubObject::channel, 2, R"({"name":"roses"})"));
  must(hub, edit(HubObject::channel, 2, R"({"name":"tulips"})"));
  const std::int64_t before = hub.number();
  EXPECT_EQ(must(hub, make(HubObject::channel, 2, R"({"name":"roses"})"), kTime + 5).kind,
            unchanged);
  EXPECT_EQ(refused(hub, make(HubObject::channel, 2, R"({"name":"other"})")), Errc::conflict);
  EXPECT_EQ(refused(hub, make(HubObject::role, 2, R"({"name":"roses"})")), Errc::conflict);
  EXPECT_EQ(hub.number(), before);
  EXPECT_EQ(hub.channel(number(2))->name, "tulips");
}

TEST(Hub, P37_AStaleRevisionIsAConflictUnlessTheObjectIsAsWanted) {
  Hub hub = founded();
  must(hub, make(HubObject::channel, 2, R"({"name":"roses"})"));
  HubChange first = edit(HubObject::channel, 2, R"({"name":"tulips"})");
  first.revision = 1;
  must(hub, first);
  HubChange second = edit(HubObject::channel, 2, R"({"name":"daisies"})");
  second.revision = 1;
  EXPECT_EQ(refused(hub, second), Errc::conflict);
  EXPECT_EQ(must(hub, first).kind, unchanged) << "a repetition after a cut";
  EXPECT_EQ(hub.channel(number(2))->revision, 2);
}

TEST(Hub, F22_InvitesEndByUsesAndTimeAndCanBeTakenBack) {
  Hub hub = founded();
  must(hub, make(HubObject::invite, 1, R"({"uses":1})"));
  must(hub, joins(kBob, 1));
  EXPECT_TRUE(hub.is_member(kBob));
  EXPECT_EQ(must(hub, joins(kBob, 1)).kind, unchanged) << "a repetition";
  EXPECT_EQ(refused(hub, joins(kCarol, 1)), Errc::gone);
  must(hub, make(HubObject::invite, 2, R"({"expires":")" + format_time(kTime + 1'000) + "\"}"));
  EXPECT_EQ(refused(hub, joins(kCarol, 2), kTime + 1'000), Errc::gone);
  must(hub, make(HubObject::invite, 3, "{}"), kTime + 1'001);
  must(hub, erase(HubObject::invite, 3));
  EXPECT_EQ(refused(hub, joins(kCarol, 3)), Errc::gone);
  EXPECT_EQ(refused(hub, joins(kCarol, 4)), Errc::not_found);
  EXPECT_EQ(refused(hub, make(HubObject::invite, 5, R"({"uses":0})")), Errc::bad_request);
  EXPECT_EQ(refused(hub, make(HubObject::invite, 5, R"({"expires":"2019-01-01T00:00:00Z"})")),
            Errc::bad_request);
  HubChange other = joins(kCarol, 4);
  other.actor = kBob;
  EXPECT_EQ(refused(hub, other), Errc::forbidden) << "nobody is joined by others";
}

TEST(Hub, F22_ApprovalMakesThemWaitUntilSomebodySaysYes) {
  Hub hub = founded();
  must(hub, make(HubObject::invite, 1, R"({"approval":true})"));
  EXPECT_EQ(must(hub, joins(kBob, 1)).kind, waiting);
  EXPECT_FALSE(hub.is_member(kBob));
  EXPECT_EQ(must(hub, joins(kBob, 1)).kind, unchanged);
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::request, kBob, kBob)), Errc::not_found);
  must(hub, about(Operation::edit, HubObject::request, kBob));
  EXPECT_TRUE(hub.is_member(kBob));
  EXPECT_EQ(must(hub, about(Operation::edit, HubObject::request, kBob)).kind, unchanged);
  must(hub, joins(kCarol, 1));
  must(hub, about(Operation::erase, HubObject::request, kCarol, kCarol));
  EXPECT_TRUE(hub.requests().empty());
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::request, kCarol)), Errc::not_found);
  must(hub, make(HubObject::invite, 2, R"({"approval":true,"uses":1})"));
  EXPECT_EQ(must(hub, joins(kCarol, 2)).kind, waiting);
  EXPECT_EQ(must(hub, joins(kCarol, 2)).kind, unchanged) << "used up, by her";
  EXPECT_EQ(refused(hub, joins(kBob + "2", 2)), Errc::gone);
}

TEST(Hub, A30_RequestsToJoinAreBoundedAndEnd) {
  Hub hub = founded();
  must(hub, make(HubObject::invite, 1, R"({"approval":true})"));
  for (int i = 0; i < 3; ++i) {
    must(hub, joins(kBob, 1));
    must(hub, about(Operation::erase, HubObject::request, kBob, kBob));
  }
  EXPECT_EQ(refused(hub, joins(kBob, 1)), Errc::too_many_requests) << "three a day";
  for (std::size_t i = 0; i < limits::kHubPending; ++i)
    must(hub, joins(person("p" + std::to_string(i)), 1));
  EXPECT_EQ(refused(hub, joins(kCarol, 1)), Errc::too_many_requests) << "50 wait";
  must(hub, joins(kCarol, 1), kTime + limits::kHubPendingMs + 1);
  EXPECT_EQ(hub.requests().size(), 1U) << "the others are gone after seven days";
  must(hub, joins(kBob, 1), kTime + limits::kHubPendingMs + 2);
}

TEST(Hub, F69_KickMuteAndBan) {
  Hub hub = founded();
  join(hub, kBob);
  join(hub, kCarol);
  must(hub, about(Operation::erase, HubObject::member, kBob));
  EXPECT_FALSE(hub.is_member(kBob));
  join(hub, kBob);
  const std::string until = R"({"until":")" + format_time(kTime + 1'000) + "\"}";
  must(hub, about(Operation::create, HubObject::mute, kBob, kOwner, until));
  EXPECT_TRUE(hub.is_muted(kBob, kTime));
  must(hub, about(Operation::erase, HubObject::member, kBob, kBob));
  join(hub, kBob);
  EXPECT_TRUE(hub.is_muted(kBob, kTime)) << "leaving and joining does not end it";
  EXPECT_FALSE(hub.is_muted(kBob, kTime + 1'000));
  must(hub, about(Operation::create, HubObject::ban, kBob, kOwner, R"({"reason":"spam"})"));
  EXPECT_EQ(
      must(hub, about(Operation::create, HubObject::ban, kBob, kOwner, R"({"reason":"spam"})"))
          .kind,
      unchanged);
  EXPECT_FALSE(hub.is_member(kBob));
  EXPECT_EQ(refused(hub, joins(kBob, 9'999)), Errc::forbidden);
  must(hub, about(Operation::erase, HubObject::ban, kBob));
  must(hub, joins(kBob, 9'999));
  must(hub, about(Operation::create, HubObject::ban, person("mallory"), kOwner, until));
  EXPECT_EQ(refused(hub, joins(person("mallory"), 9'999)), Errc::forbidden)
      << "strangers can be banned before they come";
  must(hub, joins(person("mallory"), 9'999), kTime + 1'000);
}

TEST(Hub, N9_ABanTakesTheInvitesAndRequestsOfTheBanned) {
  Hub hub = founded();
  join(hub, kBob);
  give(hub, kBob, number(50), {Permission::invite}, 1);
  must(hub, make(HubObject::invite, 1, "{}", kBob));
  must(hub, make(HubObject::invite, 2, "{}", kBob));
  must(hub, make(HubObject::invite, 3, "{}"));
  const HubEffect effect = must(hub, about(Operation::create, HubObject::ban, kBob));
  EXPECT_EQ(effect.dropped_invites, 2U);
  EXPECT_EQ(refused(hub, joins(kCarol, 1)), Errc::gone);
  must(hub, joins(kCarol, 3));
}

TEST(Hub, F21_RanksBoundWhoMayDoWhatToWhom) {
  Hub hub = founded();
  const std::string dave = person("dave");
  for (const std::string& who : {kBob, kCarol, dave}) join(hub, who);
  give(hub, kBob, number(1),
       {Permission::manage_roles, Permission::moderate, Permission::ban,
        Permission::manage_channels},
       50);
  give(hub, kCarol, number(2), {Permission::moderate, Permission::ban}, 40);
  EXPECT_EQ(refused(hub, about(Operation::erase, HubObject::member, kBob, kCarol)),
            Errc::forbidden);
  EXPECT_EQ(refused(hub, about(Operation::create, HubObject::ban, kOwner, kBob)), Errc::forbidden);
  EXPECT_EQ(refused(hub, about(Operation::create, HubObject::ban, kBob, kBob)), Errc::forbidden);
  EXPECT_EQ(refused(hub, about(Operation::create, HubObject::mute, kBob, kCarol)), Errc::forbidden);
  EXPECT_EQ(refused(hub, make(HubObject::role, 3, R"({"name":"x","rank":50})", kBob)),
            Errc::forbidden);
  EXPECT_EQ(
      refused(hub, make(HubObject::role, 3, R"({"name":"x","permissions":["invite"]})", kBob)),
      Errc::forbidden)
      << "nobody gives what they do not have";
  EXPECT_EQ(refused(hub, make(HubObject::role, 3, R"({"name":"x","permissions":["own"]})", kBob)),
            Errc::forbidden);
  must(hub, make(HubObject::role, 3, R"({"name":"x","permissions":["ban"],"rank":9})", kBob));
  const std::string roles = R"({"roles":[")" + number(3).text() + "\"]}";
  must(hub, about(Operation::edit, HubObject::member, dave, kBob, roles));
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::member, kOwner, kBob, roles)),
            Errc::forbidden);
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::member, dave, kBob,
                               R"({"roles":[")" + number(1).text() + "\"]}")),
            Errc::forbidden)
      << "a role of one's own rank";
  EXPECT_EQ(
      refused(hub,
              make(HubObject::channel, 5,
                   R"({"name":"c","overrides":[{"role":"everyone","allow":["invite"]}]})", kBob)),
      Errc::bad_request);
  must(hub, about(Operation::create, HubObject::ban, kCarol, kBob));
  must(hub, erase(HubObject::role, 3, kBob));
  EXPECT_TRUE(hub.members().find(dave)->second.roles.empty());
}

TEST(Hub, AChannelGivesAMemberWhatTheHubGivesNobody) {
  Hub hub = founded();
  join(hub, kBob);
  must(hub, {.operation = Operation::edit,
             .object = HubObject::hub,
             .actor = kOwner,
             .body = object(R"({"everyone":[]})")});
  must(hub, make(HubObject::channel, 1,
                 R"({"name":"c","overrides":[{"role":"everyone","allow":["read"]}]})"));
  const HubChannel& channel = *hub.channel(number(1));
  EXPECT_TRUE(hub.permissions_of(kBob).empty());
  EXPECT_EQ(hub.permissions_in(channel, kBob).words(), std::vector<std::string>{"read"});
  EXPECT_TRUE(hub.permissions_in(channel, kCarol).empty()) << "no member";
}

TEST(Hub, TheOwnerGivesTheHubToAMemberAndCannotLeaveBefore) {
  Hub hub = founded();
  join(hub, kBob);
  EXPECT_EQ(refused(hub, about(Operation::erase, HubObject::member, kOwner, kOwner)),
            Errc::forbidden);
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::owner, kCarol)), Errc::not_found);
  EXPECT_EQ(refused(hub, about(Operation::edit, HubObject::owner, kBob, kBob)), Errc::forbidden);
  must(hub, about(Operation::edit, HubObject::owner, kBob));
  EXPECT_EQ(hub.owner(), kBob);
  must(hub, about(Operation::erase, HubObject::member, kOwner, kOwner));
  EXPECT_EQ(
      refused(hub, {.operation = Operation::erase, .object = HubObject::hub, .actor = kOwner}),
      Errc::not_found);
}

TEST(Hub, WrongBodiesChangeNothing) {
  Hub hub = founded();
  const std::int64_t before = hub.number();
  for (const char* body :
       {"{}", R"({"name":""})", R"({"name":" x"})", R"({"name":"a\nb"})", R"({"name":7})",
        R"({"name":"x","position":-1})", R"({"name":"x","kind":"voice"})",
        R"({"name":"x","category":"7"})", R"({"name":"x","overrides":[{}]})",
        R"({"name":"x","overrides":[{"role":"everyone","allow":["fly"]}]})",
        R"({"name":"x","overrides":[{"role":"everyone"},{"role":"everyone"}]})"}) {
    EXPECT_EQ(refused(hub, make(HubObject::channel, 1, body)), Errc::bad_request) << body;
  }
  EXPECT_EQ(refused(hub, make(HubObject::channel, 1,
                              R"({"name":"x","category":")" + number(7).text() + "\"}")),
            Errc::not_found);
  EXPECT_EQ(refused(hub, {.operation = Operation::edit,
                          .object = HubObject::hub,
                          .actor = kOwner,
                          .body = object(R"({"everyone":["own"]})")}),
            Errc::bad_request);
  EXPECT_EQ(hub.number(), before);
}

TEST(Hub, LimitsAreToldAs506) {
  Hub hub = founded();
  for (std::size_t i = 0; i < limits::kHubRoles; ++i)
    must(hub, make(HubObject::role, static_cast<int>(i) + 1, R"({"name":"r"})"));
  EXPECT_EQ(refused(hub, make(HubObject::role, 5'000, R"({"name":"r"})")),
            Errc::insufficient_storage);
}

// What the station keeps is text; what it reads back must be the same hub.
TEST(Hub, R1_TheSameChangesReadBackMakeTheSameHub) {
  std::vector<std::string> log;
  HubChange create{.object = HubObject::hub, .actor = kOwner, .time = kTime};
  create.body = object(R"({"name":"Gardeners"})");
  log.push_back(create.text());
  const std::string id = founded().id();
  Hub hub = *Hub::found(id, create);
  const auto take = [&](HubChange one, Millis time) {
    one.time = time;
    const auto done = hub.apply(one);
    ASSERT_TRUE(done) << to_string(done.error());
    if (done->kind != unchanged) log.push_back(one.text());
  };
  take(make(HubObject::channel, 2, R"({"name":"roses"})"), kTime + 1);
  take(make(HubObject::invite, 3, R"({"uses":2,"approval":true})"), kTime + 2);
  take(joins(kBob, 3), kTime + 3);
  take(about(Operation::edit, HubObject::request, kBob), kTime + 4);
  take(make(HubObject::role, 4, R"({"name":"mods","permissions":["ban"],"rank":3})"), kTime + 5);
  take(about(Operation::edit, HubObject::member, kBob, kOwner,
             R"({"roles":[")" + number(4).text() + "\"]}"),
       kTime + 6);
  take(about(Operation::create, HubObject::ban, kCarol, kBob, R"({"reason":"spam"})"), kTime + 7);
  const auto first = HubChange::parse(log.front());
  ASSERT_TRUE(first);
  Hub again = *Hub::found(id, *first);
  for (std::size_t i = 1; i < log.size(); ++i) {
    const auto read = HubChange::parse(log[i]);
    ASSERT_TRUE(read) << log[i];
    EXPECT_EQ(read->text(), log[i]);
    ASSERT_TRUE(again.apply(*read)) << log[i];
  }
  EXPECT_EQ(again.number(), hub.number());
  EXPECT_EQ(write_json(again.hub_json()), write_json(hub.hub_json()));
  EXPECT_EQ(write_json(again.member_json(kBob, kTime)), write_json(hub.member_json(kBob, kTime)));
  EXPECT_EQ(again.invites().at(number(3)).uses, 1);
  EXPECT_TRUE(again.is_banned(kCarol, kTime));
}

TEST(Hub, DamagedChangesAreRefused) {
  const std::string good =
      HubChange{.object = HubObject::ban, .actor = kOwner, .time = kTime, .member = kBob}.text();
  EXPECT_TRUE(HubChange::parse(good));
  for (const char* text :
       {"", "[]", "{}", R"({"operation":"GET","type":"hub","author":"x","time":1})",
        R"({"operation":"CREATE","type":"shrub","author":"x","time":1})",
        R"({"operation":"CREATE","type":"hub","author":"nobody","time":1})"}) {
    EXPECT_FALSE(HubChange::parse(text)) << text;
  }
}

TEST(Hub, N14_TheRoomThatAStationGivesBoundsWhatComesAndKeepsWhatIsThere) {
  Hub hub = founded();
  join(hub, person("bob"));
  const auto channel = [](int guid) {
    HubChange out{.object = HubObject::channel, .actor = kOwner, .guid = number(guid)};
    out.body = object(R"({"name":"c"})");
    return out;
  };
  must(hub, channel(1));
  hub.set_room({.members = 2, .channels = 1});
  EXPECT_EQ(refused(hub, channel(2)), Errc::insufficient_storage);
  JsonObject body;
  body.set("invite", number(9'999).text());
  const std::string carol = person("carol");
  const HubChange joins{.object = HubObject::member, .actor = carol, .member = carol, .body = body};
  EXPECT_EQ(refused(hub, joins), Errc::insufficient_storage);
  hub.set_room({.members = 1, .channels = 0});
  EXPECT_EQ(hub.members().size(), 2U);
  EXPECT_EQ(must(hub, channel(1)).kind, HubEffect::Kind::unchanged) << "P36";
  hub.set_room({.members = 3, .channels = 2});
  must(hub, channel(2));
  must(hub, joins);
}

}  // namespace
}  // namespace dim
