#include "dim/engine/device_link.h"

#include <gtest/gtest.h>

#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/engine/steps.h"
#include "dim/engine/verify.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;

Random& os_random() {
  static OsRandom random;
  return random;
}

class DeviceLinkTest : public testing::Test {
 protected:
  Account phone = Account::make_user("Alice", kNow - 1'000, os_random()).value();
  PrivateKey key = PrivateKey::generate_rsa().value();
  std::string shown = DeviceRequest::make("laptop", key).value();
  DeviceRequest request = DeviceRequest::parse(shown).value();

  DeviceGrant grant() {
    return {phone.id, phone.meta, visa_for(phone, request, nullptr, kNow).value(), "dim:station:x"};
  }
  Account laptop() { return linked_account(grant(), key).value(); }
  static std::string with(std::string_view text, std::string_view prefix, std::string_view member,
                          Json value) {
    auto object =
        parse_json_object(to_text(from_base64url(text.substr(prefix.size())).value())).value();
    object.set(std::string(member), std::move(value));
    return std::string(prefix) + to_base64url(as_bytes(write_json(object)));
  }
};

TEST_F(DeviceLinkTest, F07_ALinkedDeviceSpeaksForItsOwnerAndHasNotTheIdentity) {
  EXPECT_EQ(request.name, "laptop");
  const DeviceGrant answer = DeviceGrant::parse(grant().text()).value();
  EXPECT_EQ(answer.station, "dim:station:x");
  Account linked = linked_account(answer, key).value();
  EXPECT_EQ(linked.id, phone.id);
  EXPECT_EQ(linked.visa.terminal(), "laptop");
  EXPECT_EQ(linked.visa.name(), "Alice");
  EXPECT_TRUE(phone.holds_identity());
  EXPECT_FALSE(linked.holds_identity());
  EXPECT_EQ(linked.update_visa({}, kNow).error().code, Errc::forbidden);
  EXPECT_EQ(linked.renew_message_key(kNow).error().code, Errc::forbidden);
  EXPECT_EQ(visa_for(linked, request, nullptr, kNow).error().code, Errc::forbidden);
  EXPECT_EQ(visa_without(linked, linked.visa, kNow).error().code, Errc::forbidden);

  const Account bob = Account::make_user("Bob", kNow - 1'000, os_random()).value();
  Directory at_bob, at_laptop;
  ASSERT_TRUE(at_laptop.learn_meta(bob.id, bob.meta));
  ASSERT_TRUE(at_laptop.learn_document(bob.id, bob.visa.json(), kNow));
  ASSERT_TRUE(at_bob.learn_meta(phone.id, phone.meta));
  ASSERT_TRUE(at_bob.learn_document(phone.id, phone.visa.json(), kNow));
  JsonObject words;
  words.set("type", "1");
  words.set("sn", 4711);
  words.set("time", static_cast<double>(kNow) / 1000);
  words.set("text", "from the laptop");
  const PlainMessage plain{.envelope = {.sender = phone.id, .receiver = bob.id}, .content = words};
  const auto message = seal(plain, linked, at_laptop, {}, os_random()).value();
  EXPECT_EQ(open(message, bob, at_bob, {}, kNow).error().code, Errc::signature)
      << "nobody has told Bob of it";
  ASSERT_TRUE(at_bob.learn_document(phone.id, linked.visa.json(), kNow));
  const auto opened = open(message, bob, at_bob, {}, kNow);
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(opened->label, Label::secure_old);

  // Both devices read what Bob answers, each with its own key.
  PlainMessage back{.envelope = {.sender = bob.id, .receiver = phone.id}, .content = words};
  const auto answered = seal(back, bob, at_bob, {}, os_random()).value();
  EXPECT_EQ(answered.sealed.keys.size(), 2U);
  EXPECT_TRUE(open(answered, phone, at_laptop, {}, kNow));
  EXPECT_TRUE(open(answered, linked, at_laptop, {}, kNow));
}

TEST_F(DeviceLinkTest, F07_ARemovedDeviceSaysNothingAndGetsNothing) {
  const Account linked = laptop();
  Directory at_bob;
  ASSERT_TRUE(at_bob.learn_meta(phone.id, phone.meta));
  for (const auto& visa : {phone.visa, linked.visa})
    ASSERT_TRUE(at_bob.learn_document(phone.id, visa.json(), kNow));
  const SignedMessage message =
      sign(without_encryption({.sender = phone.id, .receiver = phone.id}, "words"), key);
  EXPECT_TRUE(verify(message, at_bob, kNow));
  const Document gone = visa_without(phone, linked.visa, kNow).value();
  EXPECT_TRUE(is_removed(gone));
  EXPECT_FALSE(is_removed(linked.visa));
  ASSERT_TRUE(at_bob.learn_document(phone.id, gone.json(), kNow));
  EXPECT_FALSE(verify(message, at_bob, kNow));
  ASSERT_EQ(at_bob.message_keys(phone.id).size(), 1U);
  EXPECT_EQ(at_bob.message_keys(phone.id)[0].first, phone.id.text());
  EXPECT_TRUE(at_bob.promises(phone.id, "bind"));
  EXPECT_EQ(at_bob.learn_document(phone.id, linked.visa.json(), kNow).error().code, Errc::conflict)
      << "A04: it does not come back";
  // A new one may have the name.
  EXPECT_EQ(visa_for(phone, request, &linked.visa, kNow).error().code, Errc::conflict);
  const auto again = visa_for(phone, request, &gone, kNow);
  ASSERT_TRUE(again);
  EXPECT_TRUE(at_bob.learn_document(phone.id, again->json(), kNow));
}

TEST_F(DeviceLinkTest, F07_WhatIsNoRequestOrNotItsOwnIsRefused) {
  constexpr std::string_view kPrefix = "dim-device-request:";
  for (const char* const name : {"", "a b", "*", "a/b", "ä", "123456789012345678901234567890123"})
    EXPECT_EQ(DeviceRequest::make(name, key).error().code, Errc::usage) << name;
  EXPECT_EQ(DeviceRequest::make("laptop", PrivateKey::generate_ec(os_random())).error().code,
            Errc::key);
  for (const std::string& text :
       {std::string(), std::string(kPrefix), shown.substr(1), with(shown, kPrefix, "name", 7),
        with(shown, kPrefix, "key", 7), with(shown, kPrefix, "name", "a/b")})
    EXPECT_EQ(DeviceRequest::parse(text).error().code, Errc::usage) << text;
  EXPECT_EQ(DeviceRequest::parse(with(shown, kPrefix, "name", "phone")).error().code,
            Errc::signature);
  const PublicKey other = PrivateKey::generate_rsa().value().public_key();
  EXPECT_EQ(DeviceRequest::parse(with(shown, kPrefix, "key", other.json())).error().code,
            Errc::signature);
  const DeviceRequest renamed{"phone", request.key};
  EXPECT_NE(renamed.number(), request.number());
  EXPECT_EQ(request.number().size(), 19U);
}

TEST_F(DeviceLinkTest, A03_ADeviceAsksWithItsKeysOfN1AndItsVisasNameThem) {
  constexpr std::string_view kPrefix = "dim-device-request:";
  const auto own = native::DeviceKeys::generate(os_random()).public_half();
  const std::string text = DeviceRequest::make("laptop", key, own).value();
  const DeviceRequest asked = DeviceRequest::parse(text).value();
  EXPECT_EQ(asked.native, own);
  EXPECT_FALSE(request.native) << "one of an earlier version";
  EXPECT_NE(asked.number(), request.number());

  const Document visa = visa_for(phone, asked, nullptr, kNow).value();
  EXPECT_EQ(native::device_of(visa).value(), own);
  const Document again = visa_again(phone, visa, kNow + 1).value();
  EXPECT_EQ(native::device_of(again).value(), own);
  EXPECT_EQ(again.message_key()->data(), visa.message_key()->data());
  const Document old = visa_for(phone, request, nullptr, kNow).value();
  EXPECT_EQ(native::device_of(visa_again(phone, old, kNow + 1, own).value()).value(), own);
  EXPECT_FALSE(native::device_of(visa_without(phone, visa, kNow + 2).value()).value());
  EXPECT_TRUE(linked_account({phone.id, phone.meta, visa, ""}, key, own));

  // Somebody on the way puts in their own, or takes it out.
  const auto other = native::DeviceKeys::generate(os_random()).public_half();
  EXPECT_NE(DeviceRequest::parse(DeviceRequest::make("laptop", key, other).value())->number(),
            asked.number());
  EXPECT_EQ(DeviceRequest::parse(with(text, kPrefix, "n1", other.json())).error().code,
            Errc::signature);
  EXPECT_EQ(DeviceRequest::parse(with(shown, kPrefix, "n1", own.json())).error().code,
            Errc::signature);
  EXPECT_EQ(DeviceRequest::parse(with(text, kPrefix, "n1", 7)).error().code, Errc::native);
  EXPECT_EQ(linked_account({phone.id, phone.meta, visa, ""}, key, other).error().code, Errc::key);
  EXPECT_EQ(linked_account({phone.id, phone.meta, visa, ""}, key).error().code, Errc::key);
  EXPECT_EQ(linked_account(grant(), key, own).error().code, Errc::key);
}

TEST_F(DeviceLinkTest, F07_AnAnswerForAnotherKeyOrOfSomebodyElseIsRefused) {
  constexpr std::string_view kPrefix = "dim-device-grant:";
  const std::string text = grant().text();
  EXPECT_EQ(linked_account(grant(), PrivateKey::generate_rsa().value()).error().code, Errc::key);
  EXPECT_EQ(linked_account({phone.id, phone.meta, phone.visa, ""}, key).error().code, Errc::key);
  const Account mallory = Account::make_user("Mallory", kNow, os_random()).value();
  const auto forged = visa_for(mallory, request, nullptr, kNow).value();
  EXPECT_FALSE(DeviceGrant::parse(with(text, kPrefix, "visa", forged.json())));
  EXPECT_FALSE(DeviceGrant::parse(with(text, kPrefix, "meta", mallory.meta.json())));
  EXPECT_EQ(DeviceGrant::parse(with(text, kPrefix, "station", 7)).error().code, Errc::usage);
  EXPECT_EQ(DeviceGrant::parse(shown).error().code, Errc::usage);
}

}  // namespace
}  // namespace dim
