#include "dim/engine/group_message.h"

#include "dim/engine/group_history.h"
#include "dim/message/delivery.h"
#include "testing/groups.h"

namespace dim {
namespace {

using namespace dim::testing;

Id group_named(const std::string& name) {
  return {name, Address::btc(EntityType::group, as_bytes(name))};
}

Result<SignedMessage> sealed_for(const std::vector<Id>& members, const Directory& directory) {
  return seal_group(message_of(alice(), group_named("friends"), text_content()), members, alice(),
                    directory, {.seq = 1}, os_random());
}

SignedMessage to_friends() {
  const Directory directory = directory_of({&alice(), &bob(), &carol()});
  return delivered(sealed_for({bob().id, carol().id}, directory).value());
}

TEST(GroupMessage, EachMemberReadsItsCopy) {
  const SignedMessage message = to_friends();
  for (const Account* member : {&bob(), &carol()}) {
    const auto copy = SignedMessage::from_json(copy_for_member(message, member->id));
    ASSERT_TRUE(copy);
    Directory directory = directory_of({&alice(), &bob(), &carol()});
    const auto opened = open(*copy, *member, directory, nullptr, kNow);
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(*opened->message.content.text("text"), "Hello");
    EXPECT_EQ(opened->label, Label::secure_old);
    EXPECT_EQ(opened->hash, message_hash(message)) << "one message, whoever's copy (A12)";
    ASSERT_TRUE(opened->chain);
    EXPECT_EQ(opened->chain->seq, 1);
  }
}

TEST(GroupMessage, WhoIsNoMemberCannotRead) {
  const Directory known = directory_of({&alice(), &bob(), &carol()});
  const SignedMessage message = delivered(sealed_for({carol().id}, known).value());
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  EXPECT_EQ(failure(open(message, bob(), directory, nullptr, kNow)), Errc::decrypt);
}

TEST(GroupMessage, J21_A08_CannotBeMovedToAnotherGroupOrIntoAPrivateChat) {
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  SignedMessage other = to_friends();
  other.sealed.envelope.group = group_named("others");
  other.sealed.envelope.receiver = group_named("others");
  EXPECT_EQ(failure(bob_opens(other, directory)), Errc::content);
  SignedMessage private_chat = to_friends();
  private_chat.sealed.envelope.group.reset();
  private_chat.sealed.envelope.receiver = bob().id;
  EXPECT_EQ(failure(bob_opens(private_chat, directory)), Errc::rebound);
}

TEST(GroupMessage, A08_PrivateMessageCannotBeMovedIntoAGroup) {
  const Id group = group_named("friends");
  JsonObject content = bound_content();
  content.set("group", group.text());  // even when it names the group
  const SignedMessage message = without_checks(
      write_json(content),
      {.sender = alice().id, .receiver = bob().id, .time = kSeconds, .group = group, .type = "1"});
  EXPECT_EQ(failure(bob_opens(message)), Errc::rebound);
}

TEST(GroupMessage, NobodyIsLeftOutSilently) {
  const Directory directory = directory_of({&alice(), &bob()});
  EXPECT_EQ(failure(sealed_for({bob().id, carol().id}, directory)), Errc::not_found);
  EXPECT_EQ(failure(sealed_for({}, directory)), Errc::not_found);
  EXPECT_TRUE(sealed_for({bob().id}, directory));
}

TEST(GroupMessage, NeedsItsOwnWayOfSealing) {
  const Directory directory = directory_of({&alice(), &bob()});
  const Id group = group_named("friends");
  EXPECT_EQ(failure(seal(message_of(alice(), group, text_content()), alice(), directory, {},
                         os_random())),
            Errc::not_implemented);
  const std::vector<Id> members{bob().id};
  EXPECT_EQ(failure(seal_group(message_of(alice(), bob().id, text_content()), members, alice(),
                               directory, {}, os_random())),
            Errc::bad_request);
}

// --- to the members of a Group

Group group_of_three(const Founded& founded) {
  Group group = founded.group();
  EXPECT_EQ(
      give(group, alice().id,
           GroupContent::reset(founded.id(), {alice().id, bob().id, carol().id}, kNow, os_random()),
           -30),
      kApplied);
  return group;
}

// Bob and Carol among many that have no keys, so that data is shared.
Group group_of_many(const Founded& founded, std::size_t others) {
  std::vector<Id> members = crowd(others);
  members.insert(members.begin(), {alice().id, bob().id, carol().id});
  Group group = founded.group();
  EXPECT_EQ(give(group, alice().id,
                 GroupContent::reset(founded.id(), std::move(members), kNow, os_random()), -30),
            kApplied);
  return group;
}

TEST(GroupMessage, ASmallGroupGetsPersonalMessagesThatHideIt) {
  const Founded founded;
  const Group group = group_of_three(founded);
  const auto sent =
      seal_for_group(text_content(), group, alice(), founded.directory, {.seq = 7}, os_random());
  ASSERT_TRUE(sent) << to_string(sent.error());
  ASSERT_EQ(sent->copies.size(), 2U);
  EXPECT_TRUE(sent->missing.empty());
  EXPECT_NE(sent->copies[0].message.sealed.data, sent->copies[1].message.sealed.data);
  for (const auto& [member, message] : sent->copies) {
    const Account& reader = member == bob().id ? bob() : carol();
    const SignedMessage copy = delivered(message);
    EXPECT_FALSE(copy.json.contains("group")) << "no station learns of the group";
    EXPECT_EQ(copy.sealed.envelope.receiver, member);
    Directory directory = founded.directory;
    const auto opened = open(copy, reader, directory, nullptr, kNow);
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_EQ(opened->label, Label::secure_old) << "bound to the member";
    EXPECT_EQ(group_of(*opened), founded.id());
    EXPECT_TRUE(check_group_message(group, *opened, kNow));
    EXPECT_EQ(opened->chain->seq, 7);
    const GroupTimes times = group_times(copy);
    EXPECT_EQ(times.bulletin, static_cast<double>(kNow - kDay) / 1000);
    EXPECT_EQ(times.history, kSeconds - 1800);
  }
}

TEST(GroupMessage, ALargeGroupSharesDataAndEachCopyHasItsKeys) {
  const Founded founded;
  const Group group = group_of_many(founded, 13);
  ASSERT_EQ(group.members().size(), limits::kSplitGroup);
  const auto sent =
      seal_for_group(text_content(), group, alice(), founded.directory, {.seq = 1}, os_random());
  ASSERT_TRUE(sent) << to_string(sent.error());
  EXPECT_EQ(sent->missing.size(), 13U) << "they are told, not dropped silently";
  ASSERT_EQ(sent->copies.size(), 2U);
  EXPECT_EQ(sent->copies[0].message.sealed.data, sent->copies[1].message.sealed.data);
  EXPECT_EQ(sent->copies[0].message.signature, sent->copies[1].message.signature);
  for (const auto& [member, message] : sent->copies) {
    const SignedMessage copy = delivered(message);
    EXPECT_EQ(*copy.json.text("group"), founded.id().text());
    EXPECT_TRUE(copy.sealed.key) << "for peers that read no keys";
    ASSERT_EQ(copy.sealed.keys.size(), 1U) << "its own only";
    EXPECT_EQ(copy.sealed.keys[0].first, member.text());
    Directory directory = founded.directory;
    const auto opened = open(copy, member == bob().id ? bob() : carol(), directory, nullptr, kNow);
    ASSERT_TRUE(opened) << to_string(opened.error());
    EXPECT_TRUE(check_group_message(group, *opened, kNow));
  }
}

TEST(GroupMessage, FifteenAreStillFew) {
  const Founded founded;
  const Group group = group_of_many(founded, 12);
  const auto sent =
      seal_for_group(text_content(), group, alice(), founded.directory, {}, os_random());
  ASSERT_TRUE(sent);
  EXPECT_FALSE(sent->copies[0].message.sealed.envelope.group);
}

TEST(GroupMessage, A27_OnlyMembersWriteAndAreShown) {
  const Founded founded;
  Group group = group_of_three(founded);
  const auto sent =
      seal_for_group(text_content(), group, carol(), founded.directory, {.seq = 1}, os_random());
  ASSERT_TRUE(sent);
  Directory directory = founded.directory;
  const auto opened = open(delivered(sent->copies[1].message), bob(), directory, nullptr, kNow);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_TRUE(check_group_message(group, *opened, kNow));
  EXPECT_EQ(give(group, alice().id,
                 GroupContent::reset(founded.id(), {alice().id, bob().id}, kNow, os_random()), -1),
            kApplied);
  EXPECT_EQ(check_group_message(group, *opened, kNow).error().code, Errc::forbidden);
  EXPECT_EQ(
      failure(seal_for_group(text_content(), group, carol(), founded.directory, {}, os_random())),
      Errc::forbidden);
}

TEST(GroupMessage, APrivateOrPlainMessageIsNoneOfTheGroup) {
  const Founded founded;
  const Group group = group_of_three(founded);
  const auto opened = bob_opens(alice_to_bob());
  ASSERT_TRUE(opened);
  EXPECT_FALSE(group_of(*opened));
  EXPECT_EQ(check_group_message(group, *opened, kNow).error().code, Errc::forbidden);
  Opened plain = *opened;
  plain.message.content.set("group", founded.id().text());
  EXPECT_TRUE(check_group_message(group, plain, kNow));
  plain.label = Label::not_encrypted;
  EXPECT_EQ(check_group_message(group, plain, kNow).error().code, Errc::forbidden);
}

TEST(GroupMessage, KeysThatPeersLeaveOutAreReadAndNeverUsedToWrite) {
  const Founded founded;
  const Group group = group_of_many(founded, 13);
  const auto once =
      seal_for_group(text_content(), group, alice(), founded.directory, {.seq = 1}, os_random());
  const auto twice = seal_for_group(text_content("Again"), group, alice(), founded.directory,
                                    {.seq = 2}, os_random());
  ASSERT_TRUE(once && twice);
  EXPECT_NE(once->copies[0].message.sealed.keys, twice->copies[0].message.sealed.keys);
  // A peer that reuses its key sends it only once; ours never does, so the test does it by hand.
  const SymmetricKey key = SymmetricKey::generate(os_random());
  const auto by_hand = [&](std::string_view text, bool with_key) {
    JsonObject content = text_content(text);
    content.set("group", founded.id().text());
    const Envelope envelope{.sender = alice().id,
                            .receiver = bob().id,
                            .time = kSeconds,
                            .group = founded.id(),
                            .type = "1"};
    std::vector<Recipient> to;
    if (with_key) to.emplace_back(bob().id.text(), bob().message_keys[0].public_key());
    return sign(encrypt(envelope, as_bytes(pad_content(write_json(content)).value()), key,
                        os_random().array<16>(), to, os_random())
                    .value(),
                alice().identity_key);
  };
  Directory directory = directory_of_old_alice();
  KeyRing ring;
  const OpenRules rules{.keys = &ring};
  EXPECT_EQ(failure(bob_opens(by_hand("early", false), directory, rules)), Errc::decrypt);
  EXPECT_TRUE(bob_opens(by_hand("with the key", true), directory, rules));
  const auto reused = bob_opens(by_hand("without", false), directory, rules);
  ASSERT_TRUE(reused) << to_string(reused.error());
  EXPECT_EQ(*reused->message.content.text("text"), "without");
  EXPECT_TRUE(ring.find(bob().id, founded.id()).empty()) << "of that direction only";
  EXPECT_TRUE(ring.find(alice().id, bob().id).empty());
}

}  // namespace
}  // namespace dim
