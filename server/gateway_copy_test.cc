#include "server/gateway_copy.h"

#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

SignedMessage message_to(const std::string& receiver, std::vector<MessageKey> keys,
                         std::optional<Bytes> key = std::nullopt) {
  JsonObject object;
  object.set("sender", account_of("alice").id.text());
  object.set("receiver", receiver);
  object.set("time", 1'790'000'000.5);
  object.set("data", to_base64(Bytes(48, 1)));
  object.set("signature", to_base64(Bytes(70, 2)));
  if (key) object.set("key", to_base64(*key));
  if (!keys.empty()) {
    JsonObject list;
    for (const auto& [name, bytes] : keys) list.set(name, to_base64(bytes));
    object.set("keys", list);
  }
  return *SignedMessage::from_json(object);
}

std::string bob() { return account_of("bob").id.text(); }

TEST(GatewayCopy, A17_KeepsWhatBelongsToTheFormAndNothingElse) {
  JsonObject object;
  for (const char* name : {"sender", "receiver", "time", "type", "group", "IV", "data", "key",
                           "keys", "signature", "SDT", "GF", "GDT", "GHT", "meta", "visa"})
    object.set(name, "x");
  EXPECT_FALSE(has_hints(object));
  EXPECT_EQ(without_hints(object, true), object);
  EXPECT_EQ(without_hints(object, false).size(), object.size() - 2);
  for (const char* name : {"rcpt", "from", "traces", "recipients", "neighbor", "muted", "error"}) {
    JsonObject more = object;
    more.set(name, "x");
    EXPECT_TRUE(has_hints(more)) << name;
    EXPECT_EQ(without_hints(more, true), object) << name;
  }
}

TEST(GatewayCopy, ADeviceGetsItsOwnKeyUnderItsOwnName) {
  const SignedMessage message =
      message_to(bob(), {{bob(), Bytes(8, 1)}, {bob() + "/phone", Bytes(8, 2)}});
  auto copy = parse_json_object(copy_for_device(message, *Id::parse(bob() + "/phone")));
  ASSERT_TRUE(copy);
  EXPECT_EQ(copy->find("keys")->object()->size(), 1U);
  EXPECT_EQ(*copy->find("keys")->object()->text(bob() + "/phone"), to_base64(Bytes(8, 2)));
  EXPECT_EQ(*copy->text("rcpt"), bob() + "/phone");
  copy = parse_json_object(copy_for_device(message, *Id::parse(bob())));
  EXPECT_EQ(*copy->find("keys")->object()->text(bob()), to_base64(Bytes(8, 1)));
  EXPECT_FALSE(copy->contains("rcpt")) << "only where there is a terminal";
}

TEST(GatewayCopy, WhatIsItsOwnCopyIsTheSameWhenCopied) {
  const auto as_it_is = [](const SignedMessage& message) {
    return copy_for_device(message, *Id::parse(bob())) ==
           write_json(message.json, JsonStyle::reference);
  };
  for (const SignedMessage& one :
       {message_to(bob(), {{bob(), Bytes(8, 1)}}), message_to(bob(), {}, Bytes(8, 5)),
        message_to(bob(), {{bob(), Bytes(8, 1)}}, Bytes(8, 5)), message_to(bob(), {})}) {
    EXPECT_TRUE(is_own_copy(one)) << write_json(one.json);
    EXPECT_TRUE(as_it_is(one)) << write_json(one.json);
  }
  EXPECT_FALSE(is_own_copy(message_to(bob(), {{bob() + "/", Bytes(8, 1)}})));
  EXPECT_FALSE(
      is_own_copy(message_to(bob(), {{bob(), Bytes(8, 1)}, {bob() + "/phone", Bytes(8, 2)}})));
  SignedMessage other_form = message_to(bob(), {{bob(), Bytes(8, 1)}});
  other_form.json.set("keys", JsonObject{});
  EXPECT_FALSE(is_own_copy(other_form));
}

TEST(GatewayCopy, AnOldKeyStaysAndFillsKeysWhereThereIsATerminal) {
  const SignedMessage message = message_to(bob(), {}, Bytes(8, 5));
  auto copy = parse_json_object(copy_for_device(message, *Id::parse(bob())));
  EXPECT_FALSE(copy->contains("keys"));
  EXPECT_TRUE(copy->contains("key"));
  copy = parse_json_object(copy_for_device(message, *Id::parse(bob() + "/phone")));
  EXPECT_EQ(*copy->find("keys")->object()->text(bob() + "/phone"), to_base64(Bytes(8, 5)));
  EXPECT_TRUE(copy->contains("key"));
}

TEST(GatewayCopy, OnlyDevicesWithAKeyGetACopy) {
  const std::vector<std::string> owners{bob(), bob() + "/pad", bob() + "/phone"};
  using List = std::vector<std::string>;
  EXPECT_EQ(owners_with_key(message_to(bob(), {{bob() + "/pad", Bytes(8, 1)}}).sealed, owners),
            List{bob() + "/pad"});
  EXPECT_EQ(owners_with_key(message_to(bob(), {{bob() + "//", Bytes(8, 1)}}).sealed, owners),
            List{bob()})
      << "the phantom of the reference is the user's own inbox";
  EXPECT_EQ(owners_with_key(message_to(bob(), {}, Bytes(8, 1)).sealed, owners), owners);
  EXPECT_EQ(owners_with_key(message_to(bob(), {{bob() + "/new", Bytes(8, 1)}}).sealed, owners),
            owners)
      << "a device that is not known here must not lose it for the others";
}

TEST(GatewayCopy, A07_A12_TheNameInTheStoreFollowsFromWhatIsSigned) {
  const SignedMessage message = message_to(bob(), {{bob(), Bytes(8, 1)}});
  JsonObject other = message.json;
  other.set("time", 1'790'000'099);
  other.set("signature", to_base64(Bytes(71, 3)));
  other.erase("keys");
  EXPECT_EQ(guid_of(*SignedMessage::from_json(other)), guid_of(message));
  other.set("receiver", account_of("carol").id.text());
  EXPECT_NE(guid_of(*SignedMessage::from_json(other)), guid_of(message));
  other = message.json;
  other.set("data", to_base64(Bytes(48, 2)));
  EXPECT_NE(guid_of(*SignedMessage::from_json(other)), guid_of(message));
}

}  // namespace
}  // namespace dim::station_test
