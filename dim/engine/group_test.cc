#include "dim/engine/group.h"

#include <fstream>

#include "dim/protocol/group_leaders.h"
#include "testing/groups.h"
#include "testing/twin_metas.h"

namespace dim {
namespace {

using namespace dim::testing;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class GroupTest : public ::testing::Test {
 protected:
  GroupContent invite(std::vector<Id> who) const {
    return GroupContent::invite(founded.id(), std::move(who), kNow, os_random());
  }
  GroupContent expel(std::vector<Id> who) const {
    return GroupContent::expel(founded.id(), std::move(who), kNow, os_random());
  }
  GroupContent reset(std::vector<Id> who) const {
    return GroupContent::reset(founded.id(), std::move(who), kNow, os_random());
  }
  GroupContent hire(std::vector<Id> who) const {
    return GroupContent::hire(founded.id(), std::move(who), kNow, os_random());
  }
  GroupContent fire(std::vector<Id> who) const {
    return GroupContent::fire(founded.id(), std::move(who), kNow, os_random());
  }
  GroupContent join() const { return GroupContent::join(founded.id(), kNow, os_random()); }
  GroupContent quit() const { return GroupContent::quit(founded.id(), kNow, os_random()); }
  GroupContent resign() const { return GroupContent::resign(founded.id(), kNow, os_random()); }
  GroupContent query() const { return GroupContent::query(founded.id(), 0, kNow, os_random()); }

  // Alice owns it, Bob leads, Carol and Dave are in, Erin is outside.
  Group usual() const {
    Group group = founded.group();
    EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id, carol().id, dave}), -60),
              kApplied);
    EXPECT_EQ(give(group, alice().id, hire({bob().id}), -59), kApplied);
    return group;
  }

  /// What a peer wrote, of the recorded cases in vectors/.
  static JsonObject recorded_wire(const std::string& file, const std::string& name) {
    std::ifstream stream("vectors/" + file + ".json", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    const auto cases = parse_json_object(text, {.depth = 64, .nodes = 1'000'000});
    EXPECT_TRUE(cases) << file;
    for (const Json& one : *cases->find("cases")->array()) {
      if (*one.object()->text("name") == name)
        return *one.object()->find("input")->object()->find("wire")->object();
    }
    ADD_FAILURE() << "no case " << name << " in " << file;
    return {};
  }

  Founded founded;
  Id dave = somebody("dave");
  Id erin = somebody("erin");
};

TEST_F(GroupTest, A29_BeginsWithItsFounderAndThoseWhomTheBulletinNames) {
  const Founded other({bob().id, alice().id, bob().id}, {carol().id});
  const Group group = other.group();
  EXPECT_EQ(group.name(), "Friends");
  EXPECT_EQ(group.owner(), alice().id);
  EXPECT_THAT(group.members(), ElementsAre(alice().id));
  EXPECT_THAT(group.administrators(), ElementsAre(bob().id)) << "the owner is none";
  EXPECT_TRUE(group.is_assistant(carol().id)) << "A29: only those of the signed bulletin";
  EXPECT_FALSE(group.is_assistant(bob().id));
}

TEST_F(GroupTest, A31_NeedsPinnedMetasWithOneKey) {
  Directory directory = directory_of({&bob()});
  EXPECT_EQ(failure(Group::start(directory, founded.id())), Errc::not_found);
  ASSERT_TRUE(directory.learn_meta(founded.id(), founded.made.meta));
  EXPECT_EQ(failure(Group::start(directory, founded.id())), Errc::not_found) << "no proof yet";
  ASSERT_TRUE(directory.learn_document(founded.id(), founded.made.bulletin.json(), kNow));
  EXPECT_EQ(failure(Group::start(directory, founded.id())), Errc::not_found) << "who is Alice?";

  // Bob's key, Alice's name.
  JsonObject properties;
  properties.set("founder", alice().id.text());
  const Meta meta = Meta::make_mkm(bob().identity_key, "Group-1");
  const Id id = meta.id(EntityType::group).value();
  const Document bulletin =
      Document::make(id, "bulletin", properties, kNow - kDay, bob().identity_key);
  Directory all = directory_of({&alice(), &bob()});
  ASSERT_TRUE(all.learn_meta(id, meta));
  ASSERT_TRUE(all.learn_document(id, bulletin.json(), kNow));
  EXPECT_EQ(failure(Group::start(all, id)), Errc::meta);
}

TEST_F(GroupTest, A31_ASuspectGroupIsBlocked) {
  // Whose meta is forged: the group's, and its founder's.
  for (const bool forge_group : {true, false}) {
    const Twin founder = make_twin(kFirstTwin);
    const Twin real = make_twin(kFirstTwin, EntityType::group);
    JsonObject visa;
    visa.set("key", alice().message_keys[0].public_key().json());
    JsonObject bulletin;
    bulletin.set("founder", founder.id.text());
    Directory directory;
    ASSERT_TRUE(directory.learn_meta(founder.id, founder.meta));
    ASSERT_TRUE(directory.learn_meta(real.id, real.meta));
    ASSERT_TRUE(directory.learn_document(
        founder.id, Document::make(founder.id, "visa", visa, kNow - kDay, founder.key).json(),
        kNow));
    ASSERT_TRUE(directory.learn_document(
        real.id, Document::make(real.id, "bulletin", bulletin, kNow - kDay, real.key).json(),
        kNow));
    ASSERT_TRUE(Group::start(directory, real.id)) << "nothing is wrong yet";

    const Id& suspect = forge_group ? real.id : founder.id;
    const Twin forged = make_twin(kSecondTwin, suspect.type());
    ASSERT_TRUE(forged.id.same_entity(suspect));
    EXPECT_EQ(failure(directory.prove(suspect, forged.meta)), Errc::conflict);
    EXPECT_EQ(directory.find(suspect)->state, MetaState::suspect);
    EXPECT_EQ(failure(Group::start(directory, real.id)), Errc::conflict);

    ASSERT_TRUE(directory.decide(suspect, real.meta.digest()));
    EXPECT_TRUE(Group::start(directory, real.id)) << "the user has decided";
  }
}

TEST_F(GroupTest, AUsersIdIsNoGroup) {
  EXPECT_EQ(failure(Group::start(founded.directory, alice().id)), Errc::bad_request);
}

TEST_F(GroupTest, ABulletinWithoutAFounderMakesNoGroup) {
  const Meta meta = Meta::make_mkm(alice().identity_key, "Group-2");
  const Id id = meta.id(EntityType::group).value();
  Directory directory = directory_of({&alice()});
  ASSERT_TRUE(directory.learn_meta(id, meta));
  ASSERT_TRUE(directory.learn_document(
      id, Document::make(id, "bulletin", {}, kNow - kDay, alice().identity_key).json(), kNow));
  EXPECT_EQ(failure(Group::start(directory, id)), Errc::document);
}

TEST_F(GroupTest, AResetIsTheWholeList) {
  Group group = founded.group();
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id}), -5), kApplied);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, bob().id));
  EXPECT_EQ(give(group, alice().id, reset({alice().id, carol().id}), -4), kApplied);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, carol().id));
}

TEST_F(GroupTest, J28_OnlyOwnerAndAdministratorsReset) {
  Group group = usual();
  EXPECT_EQ(give(group, carol().id, reset({alice().id, carol().id}), -5), kForbidden);
  EXPECT_EQ(give(group, erin, reset({alice().id, erin}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id, erin}), -4), kApplied);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, bob().id, erin));
}

TEST_F(GroupTest, J28_AnAdministratorCannotTurnAgainstTheOwner) {
  Group group = usual();
  EXPECT_EQ(give(group, bob().id, reset({bob().id, alice().id}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, reset({bob().id, carol().id}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, expel({alice().id}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, expel({dave, alice().id}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, fire({alice().id}), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, hire({carol().id}), -5), kForbidden);
  EXPECT_EQ(group.members().size(), 4U);
}

TEST_F(GroupTest, AdministratorsAreFiredBeforeTheyAreLeftOut) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, reset({alice().id, carol().id}), -5), kForbidden);
  EXPECT_EQ(give(group, alice().id, expel({bob().id}), -5), kForbidden);
  EXPECT_EQ(give(group, alice().id, fire({bob().id}), -4), kApplied);
  EXPECT_THAT(group.administrators(), IsEmpty());
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id}), -3), kForbidden);
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id}), -30), kForbidden)
      << "nor with a time at which he still was one";
  EXPECT_EQ(give(group, alice().id, reset({alice().id, carol().id}), -2), kApplied);
}

TEST_F(GroupTest, A28_AResetNeverYieldsToAnOlderOne) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id}), -10), kApplied);
  const Millis time = group.reset_time();
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id, erin}), -11), kOutdated);
  EXPECT_EQ(give(group, alice().id, invite({erin}), -11), kOutdated);
  EXPECT_EQ(give(group, bob().id, quit(), -11), kOutdated);
  EXPECT_EQ(group.reset_time(), time);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, bob().id));
}

TEST_F(GroupTest, A28_TheHighestResetIsRememberedWithoutItsHistory) {
  Group group = founded.group(kNow - Millis{5} * 60'000);  // a new device, from its backup
  EXPECT_EQ(give(group, alice().id, reset({alice().id, erin}), -6), kOutdated);
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id}), -5), kApplied)
      << "that very one";
}

TEST_F(GroupTest, A28_J28_TimeIsRequiredAndPlausible) {
  Group group = usual();
  GroupRecord record = given_by(alice().id, invite({erin}), 0);
  record.content.head.time = 0;
  EXPECT_EQ(failure(group.apply(record, kNow)), Errc::content);
  EXPECT_EQ(give(group, alice().id, invite({erin}), 6), (Given{.refusal = Errc::content}))
      << "six minutes ahead";
  EXPECT_EQ(give(group, alice().id, invite({erin}), 4), kApplied);
}

TEST_F(GroupTest, ANewcomerWhoReadsTheHistorySeesTheSame) {
  Group group = founded.group();
  EXPECT_EQ(give(group, alice().id, hire({bob().id}), -50), kApplied);
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id, carol().id}), -40), kApplied);
  EXPECT_EQ(give(group, carol().id, quit(), -30), kApplied);
  EXPECT_EQ(give(group, bob().id, resign(), -20), kApplied);
  ASSERT_EQ(group.history().size(), 4U);
  EXPECT_EQ(group.history()[0]->content.action, GroupAction::hire) << "before Bob's reset";
  Group fresh = founded.group();
  for (const GroupRecord* record : group.history())
    EXPECT_EQ(fresh.apply(*record, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(fresh.members(), group.members());
  EXPECT_THAT(fresh.administrators(), IsEmpty());
}

TEST_F(GroupTest, ANewcomerSeesTheSameWhenAllHasTheSameTime) {
  GroupRecord invited = given_by(alice().id, invite({carol().id}), -20);
  GroupRecord hired = given_by(alice().id, hire({bob().id}), -20);
  invited.hash = {1};
  hired.hash = {2};  // after it in the history
  Group group = founded.group();
  EXPECT_EQ(group.apply(invited, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(group.apply(hired, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id, dave}), -20), kApplied);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, bob().id, dave, carol().id));
  Group fresh = founded.group();
  for (const GroupRecord* record : group.history())
    EXPECT_EQ(fresh.apply(*record, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(fresh.members(), group.members());
}

TEST_F(GroupTest, AResetFromBeforeItsWriterLedDoesNotCount) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, hire({carol().id}), -10), kApplied);
  EXPECT_EQ(give(group, carol().id, reset({alice().id, bob().id, carol().id}), -20), kForbidden);
  EXPECT_EQ(give(group, carol().id, reset({alice().id, bob().id, carol().id}), -9), kApplied);
}

TEST_F(GroupTest, OfTheTimeBeforeTheBulletinOnlyTheBulletinTells) {
  constexpr int kBefore = -2'000;  // minutes; the bulletin is a day old
  Group group = founded.group();
  EXPECT_EQ(give(group, alice().id, hire({bob().id}), -10), kApplied);
  EXPECT_EQ(give(group, bob().id, reset({alice().id, bob().id}), kBefore), kForbidden);
  const Founded led({bob().id});
  Group other = led.group();
  const auto list = GroupContent::reset(led.id(), {alice().id, carol().id}, kNow, os_random());
  EXPECT_EQ(give(other, bob().id, list, kBefore), kApplied) << "he need not have been named then";
  EXPECT_EQ(give(other, bob().id, list, -5), kForbidden);
}

TEST_F(GroupTest, NobodyIsHiredForATimeBeforeAResetThatLeftThemOut) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id}), -10), kApplied);
  EXPECT_EQ(give(group, alice().id, hire({carol().id}), -20), kOutdated)
      << "else a newcomer would have to refuse the reset";
  EXPECT_EQ(give(group, alice().id, hire({carol().id}), -5), kApplied);
}

TEST_F(GroupTest, OfTwoResetsAtTheSameTimeAllTakeTheSame) {
  const auto by_alice = given_by(alice().id, reset({alice().id, bob().id, carol().id}), -5);
  const auto by_bob = given_by(bob().id, reset({alice().id, bob().id, dave}), -5);
  const auto again = given_by(alice().id, reset({alice().id, bob().id, erin}), -5);
  const auto members = [&](std::vector<GroupRecord> records) {
    Group group = usual();
    for (const GroupRecord& record : records) std::ignore = group.apply(record, kNow);
    return group.members();
  };
  EXPECT_EQ(members({by_alice, by_bob}), members({by_bob, by_alice}));
  EXPECT_EQ(members({by_bob, by_alice}).back(), carol().id) << "the owner's counts";
  EXPECT_EQ(members({by_alice, again}), members({again, by_alice}));
}

TEST_F(GroupTest, TheSameCommandCountsOnce) {
  Group group = usual();
  const GroupRecord record = given_by(alice().id, invite({erin}), -5);
  EXPECT_EQ(group.apply(record, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(group.apply(record, kNow).value(), GroupOutcome::unchanged);
  EXPECT_EQ(give(group, alice().id, invite({erin}), -4), kUnchanged) << "is in already";
  EXPECT_EQ(group.history().size(), 3U);
}

TEST_F(GroupTest, CommandsCountByTheirTimeWhateverTheirOrder) {
  const auto first = given_by(alice().id, invite({erin}), -9);
  const auto second = given_by(erin, quit(), -8);
  const auto third = given_by(bob().id, expel({dave}), -7);
  Group group = usual();
  for (const auto& record : {first, second, third})
    EXPECT_EQ(group.apply(record, kNow).value(), GroupOutcome::applied);
  Group late = usual();
  EXPECT_EQ(late.apply(third, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(late.apply(first, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(late.apply(second, kNow).value(), GroupOutcome::applied);
  EXPECT_EQ(late.members(), group.members());
  EXPECT_FALSE(group.is_member(erin));
  EXPECT_FALSE(group.is_member(dave));
}

TEST_F(GroupTest, RightsAreThoseOfTheTimeOfTheCommand) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, fire({bob().id}), -5), kApplied);
  EXPECT_EQ(give(group, bob().id, invite({erin}), -6), kApplied) << "he led then";
  EXPECT_EQ(give(group, bob().id, expel({dave}), -4), kForbidden) << "and does not now";
}

TEST_F(GroupTest, AnInvitationByAnOrdinaryMemberWaits) {
  Group group = usual();
  EXPECT_EQ(give(group, carol().id, invite({erin, dave}), -5), kWaiting);
  EXPECT_FALSE(group.is_member(erin));
  const auto requests = group.requests(kNow);
  ASSERT_EQ(requests.size(), 1U) << "Dave is in already";
  EXPECT_EQ(requests[0].who, erin);
  EXPECT_EQ(requests[0].by, carol().id);
  EXPECT_EQ(give(group, bob().id, invite({erin}), -4), kApplied);
  EXPECT_TRUE(group.is_member(erin));
  EXPECT_THAT(group.requests(kNow), IsEmpty());
  EXPECT_EQ(group.history().size(), 3U) << "requests stand outside of the history";
}

TEST_F(GroupTest, J28_WhoIsOutsideChangesNothing) {
  Group group = usual();
  for (const GroupContent& content :
       {invite({erin}), expel({dave}), quit(), hire({erin}), fire({bob().id}), resign(), query()}) {
    EXPECT_EQ(give(group, erin, content, -5), kForbidden) << to_string(content.action);
  }
  EXPECT_EQ(group.members().size(), 4U);
}

TEST_F(GroupTest, MembersQuitAndLeadersCannot) {
  Group group = usual();
  EXPECT_EQ(give(group, carol().id, quit(), -5), kApplied);
  EXPECT_FALSE(group.is_member(carol().id));
  EXPECT_EQ(give(group, alice().id, quit(), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, quit(), -5), kForbidden);
  EXPECT_EQ(give(group, bob().id, resign(), -4), kApplied);
  EXPECT_EQ(give(group, bob().id, quit(), -3), kApplied);
  EXPECT_EQ(give(group, bob().id, resign(), -2), kForbidden);
  EXPECT_EQ(give(group, alice().id, resign(), -2), kForbidden);
}

TEST_F(GroupTest, OwnerAndAdministratorsExpel) {
  Group group = usual();
  EXPECT_EQ(give(group, bob().id, expel({dave}), -5), kApplied);
  EXPECT_EQ(give(group, alice().id, expel({carol().id}), -5), kApplied);
  EXPECT_EQ(give(group, alice().id, expel({erin}), -4), kUnchanged);
  EXPECT_THAT(group.members(), ElementsAre(alice().id, bob().id));
}

TEST_F(GroupTest, A30_JoinsWaitOutsideOfTheHistory) {
  Group group = usual();
  const std::size_t history = group.history().size();
  EXPECT_EQ(give(group, erin, join(), -5), kWaiting);
  EXPECT_EQ(give(group, carol().id, join(), -5), kUnchanged);
  EXPECT_EQ(group.history().size(), history);
  EXPECT_EQ(group.requests(kNow).size(), 1U);
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id, erin}), -1), kApplied);
  EXPECT_TRUE(group.is_member(erin));
  EXPECT_THAT(group.requests(kNow), IsEmpty());
}

TEST_F(GroupTest, A30_ThreeJoinsADayAndFiftyInAll) {
  constexpr Given kTooMany{.refusal = Errc::too_many_requests};
  Group group = usual();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(give(group, erin, join(), -9 + i), kWaiting);
  EXPECT_EQ(give(group, erin, join(), -5), kTooMany);
  EXPECT_EQ(group.requests(kNow).size(), 1U) << "one place each";
  for (int i = 0; i < 49; ++i)
    EXPECT_EQ(give(group, somebody("s" + std::to_string(i)), join(), -4), kWaiting);
  EXPECT_EQ(give(group, somebody("one more"), join(), -4), kTooMany);
  EXPECT_EQ(give(group, carol().id, invite({somebody("and another")}), -4), kTooMany);
  EXPECT_EQ(group.requests(kNow).size(), 50U);
  const Millis tomorrow = kNow + kDay + 1;
  EXPECT_EQ(give(group, erin, join(), 1, tomorrow), kWaiting);
}

TEST_F(GroupTest, A30_RequestsAreGoneAfterSevenDays) {
  Group group = usual();
  EXPECT_EQ(give(group, erin, join(), -5), kWaiting);
  EXPECT_EQ(group.requests(kNow + 7 * kDay).size(), 1U);
  EXPECT_THAT(group.requests(kNow + 7 * kDay + 1), IsEmpty());
}

TEST_F(GroupTest, J28_AThousandMembersAndNoMore) {
  Group group = founded.group();
  EXPECT_EQ(give(group, alice().id, reset(with_alice(crowd(999))), -5), kApplied);
  EXPECT_EQ(group.members().size(), 1'000U);
  EXPECT_EQ(give(group, alice().id, invite({erin}), -4), (Given{.refusal = Errc::content}));
  EXPECT_EQ(give(group, alice().id, reset(with_alice(crowd(1'000))), -3),
            (Given{.refusal = Errc::content}));
}

TEST_F(GroupTest, AFullHistoryWaitsForAReset) {
  Group group = usual();
  const std::size_t room = limits::kGroupHistory - 1;  // one place has the hire
  for (std::size_t i = 0; i < room; ++i)
    ASSERT_EQ(give(group, alice().id, invite({somebody("g" + std::to_string(i))}), -5), kApplied);
  EXPECT_EQ(give(group, alice().id, invite({erin}), -4),
            (Given{.refusal = Errc::too_many_requests}));
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id}), -3), kApplied);
  EXPECT_EQ(give(group, alice().id, invite({erin}), -2), kApplied);
}

TEST_F(GroupTest, A27_OnlyWhoWasAMemberThenIsShown) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, invite({erin}), -30), kApplied);
  EXPECT_EQ(give(group, erin, quit(), -20), kApplied);
  const auto speaks = [&](const Id& who, int minute) {
    return group.check_speaker(who, kSeconds + 60.0 * minute, kNow + Millis{minute} * 60'000)
        .has_value();
  };
  EXPECT_FALSE(speaks(erin, -40));
  EXPECT_TRUE(speaks(erin, -25));
  EXPECT_FALSE(speaks(erin, -10));
  EXPECT_TRUE(speaks(carol().id, 0));
  EXPECT_EQ(give(group, alice().id, reset({alice().id, bob().id, erin}), -5), kApplied);
  EXPECT_TRUE(speaks(carol().id, -10)) << "she was in it before the reset";
  EXPECT_FALSE(speaks(carol().id, 0));
  EXPECT_FALSE(speaks(somebody("mallory"), 0));
}

TEST_F(GroupTest, ARemovalIsAResetThatPeersOfBothGenerationsFollow) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, invite({erin}), -25), kApplied);
  const std::vector<Id> her{erin};
  auto removal = group.removal(her, alice().id, kNow, os_random());
  ASSERT_TRUE(removal);
  const auto names = [](const JsonObject& object) {
    std::vector<std::string> out;
    for (const auto& [name, value] : object) out.push_back(name);
    return out;
  };
  for (const auto& [file, recorded] :
       {std::pair("commands", "group-reset"), std::pair("commands_2026", "lib-group-reset")}) {
    EXPECT_EQ(names(encode_content(Content(*removal))), names(recorded_wire(file, recorded)));
  }
  EXPECT_EQ(removal->members.front(), group.owner()) << "peers want the owner first";
  EXPECT_EQ(give(group, alice().id, *removal, -5), kApplied);
  EXPECT_FALSE(group.is_member(erin));
  EXPECT_TRUE(group.is_member(carol().id));
  EXPECT_EQ(group.removal(her, alice().id, kNow, os_random()).error().code, Errc::not_found);
  const std::vector<Id> leads{alice().id};
  EXPECT_EQ(group.removal(leads, bob().id, kNow, os_random()).error().code, Errc::forbidden);
  const std::vector<Id> another{bob().id};
  EXPECT_EQ(group.removal(another, carol().id, kNow, os_random()).error().code, Errc::forbidden);
}

TEST_F(GroupTest, A27_WhoWasRemovedCannotWriteInThePast) {
  Group group = usual();
  EXPECT_EQ(give(group, alice().id, invite({erin}), -28), kApplied);
  EXPECT_EQ(give(group, alice().id, expel({erin}), -20), kApplied);
  const auto shown = [&](const Id& who, int written, int arrived) {
    return group.check_speaker(who, kSeconds + 60.0 * written, kNow + Millis{arrived} * 60'000)
        .has_value();
  };
  EXPECT_TRUE(shown(erin, -24, -24));
  EXPECT_TRUE(shown(erin, -21, -16)) << "it was on its way when she was removed";
  EXPECT_FALSE(shown(erin, -21, -14));
  EXPECT_FALSE(shown(erin, -24, 0)) << "written after the removal, dated before it";
  EXPECT_TRUE(shown(carol().id, -24, 0)) << "a member may be late";
  const Id frank = somebody("frank");
  EXPECT_EQ(give(group, alice().id, invite({frank}), -10), kApplied);
  EXPECT_TRUE(shown(frank, -9, -9)) << "new here, and not late";
  EXPECT_FALSE(shown(frank, -11, -9));
}

TEST_F(GroupTest, ANewerBulletinOutdatesWhatWasSaidOfLeaders) {
  Group group = usual();
  JsonObject properties;
  properties.set("administrators", JsonArray{Json(carol().id.text())});
  const Millis later = kNow - Millis{30} * 60'000;
  const Document next = next_bulletin(group.bulletin(), alice(), properties, later).value();
  ASSERT_TRUE(group.renew(next));
  EXPECT_THAT(group.administrators(), ElementsAre(carol().id));
  EXPECT_EQ(give(group, alice().id, fire({carol().id}), -31), kOutdated);
  EXPECT_EQ(group.renew(founded.made.bulletin).error().code, Errc::conflict);
  EXPECT_EQ(next_bulletin(group.bulletin(), bob(), properties, kNow).error().code, Errc::key);
  JsonObject other;
  other.set("founder", bob().id.text());
  EXPECT_EQ(group.renew(next_bulletin(next, alice(), other, kNow).value()).error().code,
            Errc::document);
}

TEST_F(GroupTest, A29_NoCommandMakesAnAssistantAndTheOwnerCanUnmakeOne) {
  Group group = usual();
  const auto hired = [&](GroupLeaders leaders) {
    return hire_leaders(founded.id(), std::move(leaders), kNow, os_random());
  };
  EXPECT_EQ(give(group, alice().id, hired({.assistants = {erin}}), -5), kUnchanged);
  EXPECT_THAT(group.assistants(), IsEmpty());
  EXPECT_EQ(
      give(group, alice().id, hired({.administrators = {carol().id}, .assistants = {erin}}), -4),
      kApplied);
  EXPECT_THAT(group.administrators(), ElementsAre(bob().id, carol().id));
  EXPECT_THAT(group.assistants(), IsEmpty()) << "of one command the one half counts";
  const Founded other({}, {erin});
  Group assisted = other.group();
  const GroupContent no_bots = fire_leaders(other.id(), {.assistants = {erin}}, kNow, os_random());
  EXPECT_EQ(give(assisted, bob().id, no_bots, -5), kForbidden);
  EXPECT_EQ(give(assisted, alice().id, no_bots, -5), kApplied);
  EXPECT_FALSE(assisted.is_assistant(erin));
  EXPECT_EQ(failure(assisted.check_reader(erin)), Errc::forbidden) << "nor told the history";
}

TEST_F(GroupTest, A29_TheOneAssistantOfAnOlderBulletinCountsWhereNoListStands) {
  JsonObject properties;
  properties.set("assistant", erin.text());
  Group group = usual();
  ASSERT_TRUE(group.renew(next_bulletin(group.bulletin(), alice(), properties, kNow).value()));
  EXPECT_THAT(group.assistants(), ElementsAre(erin)) << "peers of 2025 send through it";
  const Founded other({}, {dave});
  Group listed = other.group();
  ASSERT_TRUE(listed.renew(next_bulletin(listed.bulletin(), alice(), properties, kNow).value()));
  EXPECT_THAT(listed.assistants(), ElementsAre(dave));
}

TEST_F(GroupTest, J28_OnlyTheOwnerHiresAndFiresWhomeverItIsAbout) {
  const Founded other({bob().id}, {erin});
  Group group = other.group();
  EXPECT_EQ(
      give(group, alice().id,
           GroupContent::reset(other.id(), {alice().id, bob().id, carol().id}, kNow, os_random()),
           -60),
      kApplied);
  const GroupLeaders each[] = {{.administrators = {carol().id}},
                               {.assistants = {erin}},
                               {.administrators = {bob().id}, .assistants = {erin}}};
  int minute = -50;
  for (const Id& who : {bob().id, carol().id, dave, erin}) {
    for (const GroupLeaders& leaders : each) {
      for (const auto build : {hire_leaders, fire_leaders}) {
        EXPECT_EQ(give(group, who, build(other.id(), leaders, kNow, os_random()), ++minute),
                  kForbidden)
            << who.text();
      }
    }
  }
  EXPECT_THAT(group.administrators(), ElementsAre(bob().id));
  EXPECT_THAT(group.assistants(), ElementsAre(erin));
  EXPECT_EQ(group.history().size(), 1U);
  EXPECT_EQ(give(group, alice().id, fire_leaders(other.id(), each[2], kNow, os_random()), -5),
            kApplied);
  EXPECT_THAT(group.administrators(), IsEmpty());
  EXPECT_THAT(group.assistants(), IsEmpty());

  // Whoever reads the history sees the same; a newer bulletin names anew who assists.
  Group newcomer = other.group();
  for (const GroupRecord* record : group.history())
    EXPECT_EQ(newcomer.apply(*record, kNow).value(), GroupOutcome::applied);
  EXPECT_THAT(newcomer.assistants(), IsEmpty());
  ASSERT_TRUE(group.renew(next_bulletin(group.bulletin(), alice(), {}, kNow).value()));
  EXPECT_THAT(group.assistants(), ElementsAre(erin));
}

TEST_F(GroupTest, RefusesCommandsOfAnotherGroup) {
  Group group = usual();
  GroupContent content = invite({erin});
  content.head.group = Id("Group-9", Address::btc(EntityType::group, as_bytes("x")));
  EXPECT_EQ(give(group, alice().id, content, -5), (Given{.refusal = Errc::content}));
}

TEST_F(GroupTest, MembersAndAssistantsMayAskForTheHistory) {
  Group group = usual();
  EXPECT_EQ(give(group, carol().id, query(), -5), (Given{.outcome = GroupOutcome::answer}));
  EXPECT_EQ(give(group, erin, query(), -5), kForbidden);
  const Founded other({}, {erin});
  EXPECT_TRUE(other.group().check_reader(erin));
  EXPECT_FALSE(other.group().check_speaker(erin, kSeconds, kNow))
      << "an assistant is no member (A29)";
}

}  // namespace
}  // namespace dim
