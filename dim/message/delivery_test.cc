#include "dim/message/delivery.h"

#include <gmock/gmock.h>

#include "dim/base/base64.h"

namespace dim {
namespace {

using testing::ElementsAre;

constexpr std::string_view kAlice = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
constexpr std::string_view kBob = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
constexpr std::string_view kGroup = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

Id id(std::string_view text) { return *Id::parse(text); }
std::string device(std::string_view owner, std::string_view terminal) {
  return std::string(owner) + "/" + std::string(terminal);
}

SignedMessage message_with(std::vector<MessageKey> keys, std::optional<Bytes> key = {}) {
  SealedMessage sealed{
      .envelope = {.sender = id(kAlice), .receiver = id(kBob), .time = 1790000000}};
  sealed.data = Bytes(48, 2);
  sealed.iv = Bytes(16, 1);
  sealed.keys = std::move(keys);
  sealed.key = std::move(key);
  return {.sealed = std::move(sealed), .signature = Bytes(70, 3)};
}

std::vector<std::string> targets(const SignedMessage& message,
                                 const std::vector<std::string>& terminals) {
  std::vector<std::string> out;
  for (const auto& [target, copy] : copies_for_devices(message, id(kBob), terminals)) {
    EXPECT_EQ(*copy.text("rcpt"), target);
    out.push_back(target);
  }
  return out;
}

TEST(KeyFor, ADeviceTakesItsOwnEntryFirst) {
  const auto message = message_with({{std::string(kBob), {1}}, {device(kBob, "phone"), {2}}});
  EXPECT_EQ(*key_for(message.sealed, id(device(kBob, "phone"))), Bytes{2});
  EXPECT_EQ(*key_for(message.sealed, id(kBob)), Bytes{1});
  EXPECT_EQ(*key_for(message.sealed, id(device(kBob, "pad"))), Bytes{1});
}

TEST(KeyFor, ReadsSlashSlashAsNoTerminal) {
  const auto message = message_with({{std::string(kBob) + "//", {4}}});
  EXPECT_EQ(*key_for(message.sealed, id(kBob)), Bytes{4});
}

TEST(KeyFor, TakesTheOldFieldLastAndNothingOfOthers) {
  EXPECT_EQ(*key_for(message_with({}, Bytes{5}).sealed, id(kBob)), Bytes{5});
  EXPECT_EQ(*key_for(message_with({{std::string(kBob), {1}}}, Bytes{5}).sealed, id(kBob)),
            Bytes{1});
  EXPECT_EQ(key_for(message_with({{std::string(kAlice), {1}}}).sealed, id(kBob)), nullptr);
}

TEST(CopiesForDevices, MakesOneForEachEntry) {
  const auto message = message_with(
      {{std::string(kBob), {1}}, {device(kBob, "phone"), {2}}, {std::string(kAlice), {3}}});
  EXPECT_THAT(targets(message, {"/", "phone"}),
              ElementsAre(std::string(kBob), device(kBob, "phone")));
  for (const auto& [target, copy] : copies_for_devices(message, id(kBob), {})) {
    const JsonObject* keys = copy.find("keys")->object();
    ASSERT_EQ(keys->size(), 1U);
    EXPECT_TRUE(keys->contains(target));
    EXPECT_EQ(*copy.text("signature"), to_base64(Bytes(70, 3)));
  }
}

TEST(CopiesForDevices, AnOldKeyFillsAllTerminals) {
  const auto message = message_with({}, Bytes{5});
  EXPECT_THAT(targets(message, {"/", "phone"}),
              ElementsAre(std::string(kBob), device(kBob, "phone")));
}

TEST(CopiesForDevices, AMessageWithoutKeysGoesToAllTerminals) {
  EXPECT_THAT(targets(message_with({}), {"", "phone"}),
              ElementsAre(std::string(kBob), device(kBob, "phone")));
  EXPECT_THAT(targets(message_with({}), {}), ElementsAre(std::string(kBob)));
}

TEST(CopyForMember, CarriesTheMembersKeysOnly) {
  auto message = message_with(
      {{std::string(kBob), {1}}, {device(kBob, "phone"), {2}}, {std::string(kAlice), {3}}});
  message.sealed.envelope.receiver = id(kGroup);
  const JsonObject ours = copy_for_member(message, id(kBob));
  EXPECT_EQ(*ours.text("receiver"), kBob);
  EXPECT_EQ(*ours.text("group"), kGroup);
  EXPECT_EQ(*ours.text("key"), to_base64(Bytes{1}));
  EXPECT_EQ(ours.find("keys")->object()->size(), 2U);
  EXPECT_FALSE(copy_for_member(message, id(kBob), false).contains("keys"));
}

TEST(RouteOf, FromNamesADeviceOfTheSenderOnly) {
  JsonObject envelope;
  envelope.set("sender", kAlice);
  envelope.set("receiver", kBob);
  EXPECT_EQ(route_of(envelope)->sender.text(), kAlice);
  envelope.set("from", "/phone");
  EXPECT_EQ(route_of(envelope)->sender.text(), device(kAlice, "phone"));
  envelope.set("from", "/");
  EXPECT_EQ(route_of(envelope)->sender.text(), kAlice);
  for (const Json& bad : {Json("phone"), Json("/../x"), Json(5), Json("")}) {
    envelope.set("from", bad);
    EXPECT_FALSE(route_of(envelope)) << write_json(bad);
  }
}

TEST(RouteOf, RcptReplacesTheReceiver) {
  JsonObject envelope;
  envelope.set("sender", kAlice);
  envelope.set("receiver", kBob);
  envelope.set("rcpt", device(kBob, "x"));
  EXPECT_EQ(route_of(envelope)->receiver.text(), device(kBob, "x"));
  envelope.set("rcpt", std::string(kBob) + "//");
  EXPECT_EQ(route_of(envelope)->receiver.text(), kBob);
  envelope.set("rcpt", "nobody");
  EXPECT_FALSE(route_of(envelope));
}

}  // namespace
}  // namespace dim
