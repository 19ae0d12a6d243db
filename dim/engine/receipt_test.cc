#include "dim/engine/receipt.h"

#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

constexpr std::string_view kGuid = "0123456789abcdef0123456789abcdef";

// Alice has sent a message to Bob; `from` answers to Alice with `content`.
struct Exchange {
  SignedMessage message = alice_to_bob();
  Directory directory = directory_of({&alice(), &bob(), &carol()});
  Opened at_bob = bob_opens(message).value();
  SentMessage sent{.receiver = bob().id,
                   .guid = std::string(kGuid),
                   .hash = message_hash(message),
                   .signature = message.signature};

  Opened answer(const Account& from, JsonObject content) {
    PlainMessage plain = message_of(from, alice().id, std::move(content));
    const SignedMessage sealed = delivered(seal(plain, from, directory, {}, os_random()).value());
    return open(sealed, alice(), directory, nullptr, kNow).value();
  }
  Opened receipt(const Account& from, bool read = false) {
    return answer(from, make_receipt(message, at_bob, kGuid, read, kNow, os_random()));
  }
};

JsonObject without(JsonObject object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) object.erase(name);
  return object;
}

TEST(Receipt, A16_OfTheReceiverCounts) {
  Exchange exchange;
  for (const bool read : {false, true}) {
    const Opened opened = exchange.receipt(bob(), read);
    const auto receipt = read_receipt(opened);
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->guid, kGuid);
    EXPECT_EQ(receipt->hash, exchange.sent.hash);
    EXPECT_EQ(receipt->read, read);
    const auto delivery = check_receipt(*receipt, opened, exchange.sent);
    ASSERT_TRUE(delivery);
    EXPECT_EQ(*delivery, read ? Delivery::read : Delivery::delivered);
  }
}

TEST(Receipt, A16_J29_OfSomebodyElseDoesNot) {
  Exchange exchange;
  const Opened opened = exchange.receipt(carol());
  const auto receipt = read_receipt(opened);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(failure(check_receipt(*receipt, opened, exchange.sent)), Errc::forbidden);
}

TEST(Receipt, A16_NamesHashAndGuid) {
  Exchange exchange;
  const Opened opened = exchange.receipt(bob());
  const auto receipt = read_receipt(opened);
  ASSERT_TRUE(receipt);
  SentMessage other = exchange.sent;
  other.hash[0] ^= 1;
  EXPECT_EQ(failure(check_receipt(*receipt, opened, other)), Errc::forbidden);
  other = exchange.sent;
  other.guid.back() = '0';
  EXPECT_EQ(failure(check_receipt(*receipt, opened, other)), Errc::forbidden);
}

TEST(Receipt, A16_ReferencePeersNameTheSignature) {
  Exchange exchange;
  const JsonObject content =
      make_receipt(exchange.message, exchange.at_bob, kGuid, false, kNow, os_random());
  const Opened opened = exchange.answer(bob(), without(content, {"guid", "hash", "state"}));
  const auto receipt = read_receipt(opened);
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(receipt->guid.empty());
  EXPECT_EQ(check_receipt(*receipt, opened, exchange.sent), Delivery::delivered);
  SentMessage other = exchange.sent;
  other.signature[10] ^= 1;
  EXPECT_EQ(failure(check_receipt(*receipt, opened, other)), Errc::forbidden);
}

TEST(Receipt, A16_UnencryptedIsNeverBelieved) {
  Exchange exchange;
  Opened opened = exchange.receipt(bob());
  const auto receipt = read_receipt(opened);
  ASSERT_TRUE(receipt);
  ASSERT_TRUE(check_receipt(*receipt, opened, exchange.sent));
  opened.label = Label::not_encrypted;
  EXPECT_EQ(failure(check_receipt(*receipt, opened, exchange.sent)), Errc::forbidden);
}

TEST(Receipt, ProgressOnlyGrows) {
  Exchange exchange;
  exchange.sent.delivery = Delivery::read;
  const Opened opened = exchange.receipt(bob(), false);
  const auto receipt = read_receipt(opened);
  ASSERT_TRUE(receipt);
  EXPECT_EQ(check_receipt(*receipt, opened, exchange.sent), Delivery::read);
}

TEST(Receipt, OtherContentsAndReceiptsOfNothingAreNone) {
  Exchange exchange;
  EXPECT_FALSE(read_receipt(exchange.at_bob));
  const JsonObject content =
      receipt_content({.guid = std::string(kGuid), .hash = exchange.sent.hash}, kNow, os_random());
  EXPECT_TRUE(read_receipt(exchange.answer(bob(), content)));
  JsonObject short_guid = content;
  short_guid.set("guid", kGuid.substr(1));
  EXPECT_FALSE(read_receipt(exchange.answer(bob(), short_guid)));
  EXPECT_FALSE(read_receipt(exchange.answer(bob(), without(content, {"hash"}))));
}

TEST(Receipt, A16_OriginHasNeitherDataNorKeys) {
  Exchange exchange;
  const JsonObject content =
      make_receipt(exchange.message, exchange.at_bob, kGuid, false, kNow, os_random());
  const std::string text = write_json(content);
  EXPECT_EQ(text.find(*exchange.message.json.text("data")), std::string::npos);
  ASSERT_TRUE(content.contains("origin"));
  const JsonObject* origin = content.find("origin")->object();
  ASSERT_NE(origin, nullptr);
  for (const char* name : {"data", "keys", "key", "content"}) EXPECT_FALSE(origin->contains(name));
  EXPECT_EQ(*origin->text("sender"), alice().id.text());
}

}  // namespace
}  // namespace dim
