#include "dim/engine/replay.h"

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

Digest32 digest_of(std::string_view text) { return sha256(as_bytes(text)); }

JsonObject command(std::string_view name, Millis time) {
  JsonObject content;
  content.set("type", 136);
  content.set("sn", 1);
  content.set("command", name);
  content.set("time", static_cast<double>(time) / 1000);
  return content;
}

TEST(Replay, A12_TakesEachHashOnce) {
  ReplaySet set;
  EXPECT_FALSE(set.contains(digest_of("a")));
  EXPECT_TRUE(set.insert(digest_of("a"), kNow));
  EXPECT_TRUE(set.contains(digest_of("a")));
  EXPECT_FALSE(set.insert(digest_of("a"), kNow + 1));
  EXPECT_TRUE(set.insert(digest_of("b"), kNow + 1));
  EXPECT_EQ(set.size(), 2U);
}

TEST(Replay, A12_RemembersFor400Days) {
  ReplaySet set;
  EXPECT_TRUE(set.insert(digest_of("a"), kNow));
  EXPECT_FALSE(set.insert(digest_of("a"), kNow + 400 * kDay));
  EXPECT_TRUE(set.insert(digest_of("b"), kNow + 400 * kDay + 1));
  EXPECT_FALSE(set.contains(digest_of("a")));
  EXPECT_EQ(set.size(), 1U);
}

TEST(Replay, A12_SecondDeliveryIsDropped) {
  const SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob()});
  ReplaySet set;
  const auto seen = [&](const Digest32& hash) { return set.contains(hash); };
  const auto first = open(message, bob(), directory, seen, kNow);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->hash, message_hash(message));
  EXPECT_TRUE(set.insert(first->hash, kNow));
  EXPECT_EQ(failure(open(message, bob(), directory, seen, kNow)), Errc::replay);
}

TEST(Replay, J23_UnsignedPartsDoNotMakeItANewMessage) {
  const SignedMessage message = alice_to_bob();
  const Digest32 hash = message_hash(message);
  JsonObject object = message.json;
  object.set("time", kSeconds + 1);
  object.set("traces", JsonArray{Json("somewhere")});
  object.erase("type");
  object.set("data", "base64," + *object.text("data"));  // the same bytes in another form
  const auto other = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(other);
  EXPECT_EQ(message_hash(*other), hash);
  Directory directory = directory_of({&alice(), &bob()});
  const auto seen = [&](const Digest32& digest) { return digest == hash; };
  EXPECT_EQ(failure(open(*other, bob(), directory, seen, kNow)), Errc::replay);

  SignedMessage changed = message;
  changed.sealed.data[0] ^= 1;
  EXPECT_NE(message_hash(changed), hash);
  changed = message;
  changed.sealed.envelope.receiver = carol().id;
  EXPECT_NE(message_hash(changed), hash);
  changed = message;
  changed.sealed.envelope.sender = carol().id;
  EXPECT_NE(message_hash(changed), hash);
}

TEST(Replay, A12_AskedOnlyAfterTheSignatureHasVerified) {
  SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob()});
  int asked = 0;
  const auto seen = [&](const Digest32&) {
    ++asked;
    return true;
  };
  EXPECT_EQ(failure(open(message, bob(), directory, seen, kNow)), Errc::replay);
  EXPECT_EQ(asked, 1);
  message.signature[message.signature.size() - 1] ^= 1;
  EXPECT_EQ(failure(open(message, bob(), directory, seen, kNow)), Errc::signature);
  EXPECT_EQ(asked, 1);
}

TEST(Replay, A12_OldCommandsThatChangeSomethingAreRefused) {
  constexpr Millis kTenMinutes = 600'000;
  for (const char* name : {"login", "report", "block", "mute"}) {
    JsonObject content = command(name, kNow - kTenMinutes);
    content.set("list", JsonArray());
    EXPECT_TRUE(check_command_age(content, kNow)) << name;
    content.set("time", command(name, kNow - kTenMinutes - 1'000).find("time")->number());
    EXPECT_EQ(failure(check_command_age(content, kNow)), Errc::content) << name;
  }
  EXPECT_TRUE(check_command_age(command("block", kNow - kDay), kNow)) << "a question";
  JsonObject history = command("reset", kNow - kTenMinutes - 1'000);
  history.set("type", 137);
  EXPECT_EQ(failure(check_command_age(history, kNow)), Errc::content);
  EXPECT_TRUE(check_command_age(command("receipt", kNow - 30 * kDay), kNow));
  JsonObject text = text_content();
  EXPECT_TRUE(check_command_age(text, kNow + 30 * kDay));
}

}  // namespace
}  // namespace dim
