#include "dim/engine/hub_roster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr Millis kNow = 1'790'000'000'000;

class RosterTest : public testing::Test {
 protected:
  static const Account& account(int which) {
    static OsRandom random;
    static const Account all[] = {Account::make_user("alice", kNow, random).value(),
                                  Account::make_user("bob", kNow, random).value(),
                                  Account::make_user("carol", kNow, random).value()};
    return all[which];
  }
  static std::string id(int which) { return account(which).id.bare().text(); }
  const Account& alice_ = account(0);
  Meta meta_ = Meta::make_mkm(alice_.identity_key, "private-garden");
  std::string hub_ = meta_.id(EntityType::group)->text();
  JsonObject first_ = first_roster(alice_, hub_, meta_, kNow);

  Roster begun() const { return Roster::begin(hub_, first_).value(); }
  JsonObject next(const Roster& roster, const std::vector<std::string>& add,
                  const std::vector<std::string>& remove = {}) const {
    return roster.next(alice_, add, remove, kNow).value().value();
  }
};

TEST_F(RosterTest, A27_WhoBelongsToTheHubIsKnownForEveryEpoch) {
  EXPECT_TRUE(is_private_hub(hub_));
  EXPECT_FALSE(is_private_hub("hub-garden@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H"));
  Roster roster = begun();
  EXPECT_THAT(roster.members(), ElementsAre(id(0)));
  ASSERT_TRUE(roster.extend(next(roster, {id(1), id(2)})));
  ASSERT_TRUE(roster.extend(next(roster, {}, {id(1)})));
  ASSERT_TRUE(roster.extend(next(roster, {id(1)}, {id(2)})));
  EXPECT_EQ(roster.epoch(), 4);
  EXPECT_THAT(roster.members(), UnorderedElementsAre(id(0), id(1)));
  const bool bob[] = {false, true, false, true}, carol[] = {false, true, true, false};
  for (int epoch = 1; epoch <= 4; ++epoch) {
    EXPECT_EQ(roster.has(id(1), epoch), bob[epoch - 1]) << epoch;
    EXPECT_EQ(roster.has(id(2), epoch), carol[epoch - 1]) << epoch;
  }
  EXPECT_FALSE(roster.next(alice_, {id(1)}, {id(2)}, kNow).value()) << "it is so already";
  // What is kept makes the same again.
  Roster again = begun();
  for (const JsonObject& one : roster.changes()) ASSERT_TRUE(again.extend(one));
  EXPECT_EQ(again.digest(4), roster.digest(4));
  EXPECT_EQ(again.members(), roster.members());
}

TEST_F(RosterTest, A29_OnlyTheKeyThatMadeTheHubSaysWhoBelongsToIt) {
  const Account& mallory = account(2);
  EXPECT_EQ(begun().next(mallory, {id(2)}, {}, kNow).error().code, Errc::key);
  // A station that would let somebody in, with a key of its own.
  Roster roster = begun();
  RosterChange change{.hub = hub_, .epoch = 2, .prev = roster.digest(1), .add = {id(2)}};
  change.time = kNow;
  EXPECT_EQ(roster.extend(sign_roster(change, mallory.identity_key)).error().code, Errc::signature);
  EXPECT_TRUE(roster.extend(sign_roster(change, alice_.identity_key)));
  // A chain of its own from the beginning.
  const Meta other = Meta::make_mkm(mallory.identity_key, "private-garden");
  EXPECT_EQ(Roster::begin(hub_, first_roster(mallory, hub_, other, kNow)).error().code, Errc::meta);
  EXPECT_EQ(Roster::begin(hub_, first_roster(mallory, hub_, meta_, kNow)).error().code, Errc::meta)
      << "founded by somebody else than the key says";
  JsonObject taken = first_;
  taken.set("add", JsonArray{Json(id(2))});
  EXPECT_EQ(Roster::begin(hub_, taken).error().code, Errc::meta);
  const JsonObject good = next(begun(), {id(1)});
  for (const char* key : {"add", "remove"}) {
    JsonObject forged = good;
    forged.set(key, JsonArray{Json(id(2))});
    EXPECT_EQ(begun().extend(forged).error().code, Errc::signature) << key;
  }
  JsonObject later = good;
  later.set("time", format_time(kNow + 1'000));
  EXPECT_EQ(begun().extend(later).error().code, Errc::signature);
}

TEST_F(RosterTest, A28_AnOlderOrAnotherMembershipIsNotTaken) {
  Roster roster = begun();
  const JsonObject with_bob = next(roster, {id(1)});
  const JsonObject with_carol = next(roster, {id(2)});
  ASSERT_TRUE(roster.extend(with_bob));
  const JsonObject without_bob = next(roster, {}, {id(1)});
  ASSERT_TRUE(roster.extend(without_bob));
  EXPECT_TRUE(roster.extend(with_bob)) << "the same again says nothing new";
  EXPECT_FALSE(roster.has(id(1))) << "and brings nobody back";
  EXPECT_EQ(roster.extend(with_carol).error().code, Errc::conflict) << "another second one";
  Roster fork = begun();
  ASSERT_TRUE(fork.extend(with_carol));
  EXPECT_EQ(fork.extend(without_bob).error().code, Errc::conflict) << "it continues another one";
  Roster gap = begun();
  EXPECT_EQ(gap.extend(without_bob).error().code, Errc::conflict) << "one was left out";
  EXPECT_EQ(gap.epoch(), 1);
  const Meta other = Meta::make_mkm(alice_.identity_key, "private-other");
  const std::string hub = other.id(EntityType::group)->text();
  Roster elsewhere = Roster::begin(hub, first_roster(alice_, hub, other, kNow)).value();
  EXPECT_EQ(elsewhere.extend(with_bob).error().code, Errc::bad_request) << "of another hub";
}

TEST_F(RosterTest, NothingIsKeptOfAMembershipButWhatIsSigned) {
  JsonObject junk = first_;
  junk.set("note", std::string(1'000, 'x'));
  Roster roster = Roster::begin(hub_, junk).value();
  EXPECT_EQ(write_json(roster.changes().front()), write_json(first_));
  const JsonObject second = next(roster, {id(1)});
  junk = second;
  junk.set("meta", JsonObject());
  ASSERT_TRUE(roster.extend(junk));
  EXPECT_EQ(write_json(roster.changes().back()), write_json(second));
  EXPECT_TRUE(roster.agrees(junk));
  const JsonObject third = next(roster, {id(2)});
  EXPECT_EQ(roster.agrees(third).error().code, Errc::conflict) << "not known yet";
}

TEST_F(RosterTest, A27_WhenSomebodyWasTakenOutIsKnownOfEachStay) {
  Roster roster = begun();
  ASSERT_TRUE(roster.extend(next(roster, {id(1)})));
  ASSERT_TRUE(roster.extend(next(roster, {}, {id(1)})));
  ASSERT_TRUE(roster.extend(next(roster, {id(1)})));
  EXPECT_EQ(roster.left(id(1), 2), 3) << "although they are in again";
  EXPECT_EQ(roster.left(id(1), 3), 0) << "they were not there";
  EXPECT_EQ(roster.left(id(1), 4), 0) << "still there";
  EXPECT_EQ(roster.left(id(0), 1), 0);
}

TEST_F(RosterTest, F23_WhatNewMembersMayReadIsSignedAndCountsWhenTheyAreLetIn) {
  const Guid den = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  const Guid attic = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5");
  const auto rules = [&](Roster& roster, const std::vector<HistoryRule>& history, Millis now) {
    const auto made = roster.next(alice_, {}, {}, now, history);
    EXPECT_TRUE(made && *made && roster.extend(**made));
    return roster.epoch();
  };
  constexpr Millis kDays = 86'400'000;
  Roster roster = begun();
  EXPECT_TRUE(roster.hides_history(1));
  ASSERT_EQ(rules(roster, {{den, 30}, {attic, kAllDays}}, kNow), 2);
  EXPECT_EQ(roster.history(den, 1), 0);
  EXPECT_EQ(roster.history(den, 2), 30);
  EXPECT_FALSE(roster.hides_history(2));
  EXPECT_FALSE(roster.next(alice_, {}, {}, kNow, {{den, 30}}).value()) << "it is so already";
  const auto bob = roster.next(alice_, {id(1)}, {}, kNow + 100 * kDays);
  ASSERT_TRUE(roster.extend(**bob));
  EXPECT_EQ(roster.since(id(1)), 3);
  const Millis let_in = roster.time(3);
  EXPECT_TRUE(roster.may_be_handed(id(1), attic, 1, kNow));
  EXPECT_TRUE(roster.may_be_handed(id(1), den, 2, let_in - 30 * kDays));
  EXPECT_FALSE(roster.may_be_handed(id(1), den, 2, let_in - 30 * kDays - 1'000));
  EXPECT_TRUE(roster.may_be_handed(id(1), den, 3, 0)) << "they belonged to it then";
  EXPECT_FALSE(roster.may_be_handed(id(2), attic, 1, kNow)) << "who does not belong to it";
  EXPECT_FALSE(roster.may_be_handed(id(1), attic, 4, kNow)) << "an epoch that there is not";
  // What is signed later is for others.
  ASSERT_EQ(rules(roster, {{den, 0}, {attic, 0}}, let_in), 4);
  EXPECT_TRUE(roster.may_be_handed(id(1), attic, 1, kNow));
  ASSERT_TRUE(roster.extend(next(roster, {id(2)})));
  EXPECT_FALSE(roster.may_be_handed(id(2), attic, 1, kNow));
  EXPECT_TRUE(roster.hides_history(roster.epoch()));
  // Who was put out and is in again is in since then.
  ASSERT_TRUE(roster.extend(next(roster, {}, {id(1)})));
  EXPECT_EQ(roster.since(id(1)), 0);
  EXPECT_FALSE(roster.may_be_handed(id(1), attic, 1, kNow));
  ASSERT_TRUE(roster.extend(next(roster, {id(1)})));
  EXPECT_FALSE(roster.may_be_handed(id(1), attic, 2, kNow));
  EXPECT_TRUE(roster.may_be_handed(id(1), attic, 4, kNow)) << "they read it then";
  // What is kept makes the same again.
  Roster again = begun();
  for (const JsonObject& one : roster.changes()) ASSERT_TRUE(again.extend(one));
  EXPECT_EQ(again.history(den, 3), 30);
  EXPECT_EQ(again.founder(), id(0));
}

TEST_F(RosterTest, F23_A29_NoStationMakesOrChangesARuleForNewMembers) {
  Roster roster = begun();
  const Guid den = *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  const JsonObject good = roster.next(alice_, {id(1)}, {}, kNow, {{den, 30}}).value().value();
  const auto with = [&](const char* json) {
    JsonObject other = good;
    other.set("history", *parse_json_object(json)->find("list"));
    return begun().extend(other);
  };
  EXPECT_EQ(with(R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"all"}]})")
                .error()
                .code,
            Errc::signature);
  EXPECT_EQ(with(R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5","show":"30d"}]})")
                .error()
                .code,
            Errc::signature);
  JsonObject without = good;
  without.erase("history");
  EXPECT_EQ(begun().extend(without).error().code, Errc::signature);
  for (const char* broken :
       {R"({"list":[]})", R"({"list":{}})", R"({"list":["all"]})",
        R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"0d"}]})",
        R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"030d"}]})",
        R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"3651d"}]})",
        R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":30}]})",
        R"({"list":[{"channel":"018F6F0E7B8C7CC2A1F3B0D5F3A1C9E4","show":"all"}]})",
        R"({"list":[{"show":"all"}]})",
        R"({"list":[{"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"all"},
                    {"channel":"018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4","show":"none"}]})"})
    EXPECT_EQ(with(broken).error().code, Errc::bad_request) << broken;
  EXPECT_TRUE(begun().extend(good));
}

TEST_F(RosterTest, WhatIsNoMembershipIsRefused) {
  const JsonObject good = next(begun(), {id(1)});
  ASSERT_TRUE(read_roster_change(good));
  for (const char* key : {"hub", "epoch", "prev", "time", "signature"}) {
    JsonObject other = good;
    other.set(key, "?");
    EXPECT_EQ(read_roster_change(other).error().code, Errc::bad_request) << key;
    other.erase(key);
    EXPECT_EQ(read_roster_change(other).error().code, Errc::bad_request) << key;
  }
  const auto with = [&](std::string_view key, JsonArray list) {
    JsonObject other = good;
    other.set(std::string(key), std::move(list));
    return read_roster_change(other).has_value();
  };
  EXPECT_FALSE(with("add", {})) << "nothing changes";
  EXPECT_FALSE(with("add", {Json(id(1)), Json(id(1))}));
  EXPECT_FALSE(with("remove", {Json(id(1))})) << "both";
  EXPECT_FALSE(with("add", {Json(hub_)}));
  EXPECT_FALSE(with("add", {Json("bob")}));
  JsonArray many;
  for (std::size_t i = 0; i <= limits::kPrivateHubMembers; ++i) many.emplace_back(id(1));
  EXPECT_FALSE(with("add", std::move(many)));
}

}  // namespace
}  // namespace dim
