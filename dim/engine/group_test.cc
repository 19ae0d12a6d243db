#include "dim/message/delivery.h"
#include "testing/engine_accounts.h"

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

TEST(Group, EachMemberReadsItsCopy) {
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

TEST(Group, WhoIsNoMemberCannotRead) {
  const Directory known = directory_of({&alice(), &bob(), &carol()});
  const SignedMessage message = delivered(sealed_for({carol().id}, known).value());
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  EXPECT_EQ(failure(open(message, bob(), directory, nullptr, kNow)), Errc::decrypt);
}

TEST(Group, J21_A08_CannotBeMovedToAnotherGroupOrIntoAPrivateChat) {
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

TEST(Group, A08_PrivateMessageCannotBeMovedIntoAGroup) {
  const Id group = group_named("friends");
  JsonObject content = bound_content();
  content.set("group", group.text());  // even when it names the group
  const SignedMessage message = without_checks(
      write_json(content),
      {.sender = alice().id, .receiver = bob().id, .time = kSeconds, .group = group, .type = "1"});
  EXPECT_EQ(failure(bob_opens(message)), Errc::rebound);
}

TEST(Group, NobodyIsLeftOutSilently) {
  const Directory directory = directory_of({&alice(), &bob()});
  EXPECT_EQ(failure(sealed_for({bob().id, carol().id}, directory)), Errc::not_found);
  EXPECT_EQ(failure(sealed_for({}, directory)), Errc::not_found);
  EXPECT_TRUE(sealed_for({bob().id}, directory));
}

TEST(Group, NeedsItsOwnWayOfSealing) {
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

}  // namespace
}  // namespace dim
