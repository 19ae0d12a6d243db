#include "dim/message/message.h"

#include <gmock/gmock.h>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::string_view kAlice = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
constexpr std::string_view kBob = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
constexpr std::string_view kGroup = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

// A well-formed encrypted message: 48 bytes of data, any signature.
JsonObject sample() {
  JsonObject keys;
  keys.set(kBob, to_base64(Bytes(256, 7)));
  JsonObject object;
  object.set("sender", kAlice);
  object.set("receiver", kBob);
  object.set("time", 1790000000.25);
  object.set("IV", to_base64(Bytes(16, 1)));
  object.set("data", to_base64(Bytes(48, 2)));
  object.set("keys", std::move(keys));
  object.set("type", "1");
  object.set("signature", to_base64(Bytes(70, 3)));
  return object;
}

JsonObject with(std::string_view name, Json value) {
  JsonObject object = sample();
  object.set(name, std::move(value));
  return object;
}

JsonObject without(std::string_view name) {
  JsonObject object = sample();
  object.erase(name);
  return object;
}

Errc refusal(const JsonObject& object) {
  auto message = SignedMessage::parse(write_json(object));
  return message ? Errc::internal : message.error().code;
}

bool is_401(const JsonObject& object) {
  auto message = SignedMessage::parse(write_json(object));
  return !message && status_of(message.error().code) == 401;
}

TEST(Message, KeepsEveryFieldAndTheBytesAsTheyCame) {
  JsonObject object = with("SDT", 1790000001.125);
  object.set("x-unknown", JsonArray{Json(1), Json("two")});
  const std::string text = write_json(object, JsonStyle::reference);
  auto message = SignedMessage::parse(text);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->wire, text);
  EXPECT_EQ(message->json, object);
  EXPECT_EQ(to_json(*message), object);
  const SealedMessage& sealed = message->sealed;
  EXPECT_EQ(sealed.envelope.sender.text(), kAlice);
  EXPECT_EQ(sealed.envelope.receiver.text(), kBob);
  EXPECT_EQ(sealed.envelope.time, 1790000000.25);
  EXPECT_EQ(sealed.envelope.type, "1");
  EXPECT_EQ(sealed.data, Bytes(48, 2));
  EXPECT_EQ(sealed.iv, Bytes(16, 1));
  ASSERT_EQ(sealed.keys.size(), 1U);
  EXPECT_EQ(sealed.keys[0].first, kBob);
  EXPECT_EQ(message->signature, Bytes(70, 3));
}

TEST(Message, ShortNamesMeanTheSame) {
  JsonObject object;
  for (const auto& [brief, full] : {std::pair{"F", "sender"},
                                    {"R", "receiver"},
                                    {"W", "time"},
                                    {"T", "type"},
                                    {"K", "keys"},
                                    {"D", "data"},
                                    {"V", "signature"},
                                    {"IV", "IV"}}) {
    object.set(brief, *sample().find(full));
  }
  auto message = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->json, sample());
}

TEST(Message, K_IsKeyWhenItIsText) {
  JsonObject object = without("keys");
  object.set("K", to_base64(Bytes(128, 9)));
  auto message = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(message);
  ASSERT_TRUE(message->sealed.key);
  EXPECT_EQ(*message->sealed.key, Bytes(128, 9));
}

TEST(Message, J02_RefusesShortBesideFullName) {
  EXPECT_TRUE(is_401(with("D", to_base64(Bytes(48, 2)))));
  EXPECT_TRUE(is_401(with("F", kAlice)));
  EXPECT_TRUE(is_401(with("K", to_base64(Bytes(128, 9)))));
}

TEST(Message, J02_RefusesTheAmbiguousS) { EXPECT_TRUE(is_401(with("S", kAlice))); }

TEST(Message, J02_A34_RefusesDuplicateKeys) {
  std::string text = write_json(sample());
  text.insert(1, R"("time":5,)");
  EXPECT_EQ(SignedMessage::parse(text).error().code, Errc::json);
}

TEST(Message, J08_RefusesSendersThatAreNobody) {
  EXPECT_TRUE(is_401(without("sender")));
  EXPECT_TRUE(is_401(with("sender", 5)));
  EXPECT_TRUE(is_401(with("sender", JsonArray{Json(kAlice)})));
  EXPECT_TRUE(is_401(with("sender", nullptr)));
  EXPECT_TRUE(is_401(with("sender", kGroup)));
  EXPECT_TRUE(is_401(with("sender", "everyone@everywhere")));
  EXPECT_TRUE(is_401(with("sender", "moky@anywhere")));
}

TEST(Message, J09_RefusesContradictingGroups) {
  JsonObject object = with("receiver", kGroup);
  object.set("group", "stations@everywhere");
  EXPECT_TRUE(is_401(object));
  EXPECT_TRUE(is_401(with("group", kBob)));
  object.set("group", kGroup);
  EXPECT_TRUE(SignedMessage::parse(write_json(object)));
  EXPECT_TRUE(SignedMessage::parse(write_json(with("group", kGroup))));
}

TEST(Message, J11_ChecksTheSizeOfData) {
  EXPECT_TRUE(is_401(with("data", "")));
  EXPECT_TRUE(is_401(with("data", "***")));
  for (const std::size_t size : {1U, 15U, 17U, 32U, 47U, 49U, 63U}) {
    EXPECT_TRUE(is_401(with("data", to_base64(Bytes(size, 2))))) << size;
  }
  for (const std::size_t size : {48U, 64U, 336U}) {
    EXPECT_TRUE(SignedMessage::parse(write_json(with("data", to_base64(Bytes(size, 2)))))) << size;
  }
}

TEST(Message, J11_OneByteOverTheLimitIs411) {
  const std::string text = write_json(with("pad", ""));
  const std::string fits =
      write_json(with("pad", std::string(limits::kTextContent - text.size(), 'x')));
  ASSERT_EQ(fits.size(), limits::kTextContent);
  EXPECT_TRUE(SignedMessage::parse(fits));
  auto over = SignedMessage::parse(fits + " ");
  ASSERT_FALSE(over);
  EXPECT_EQ(status_of(over.error().code), 411);
}

TEST(Message, J12_A35_Base64IsStrict) {
  const std::string good = to_base64(Bytes(48, 2));
  std::string spaced = good;
  spaced.insert(8, " ");
  EXPECT_TRUE(is_401(with("data", spaced)));
  EXPECT_TRUE(is_401(with("data", good + "====")));
  EXPECT_TRUE(is_401(with("signature", "-_-_")));
  EXPECT_TRUE(is_401(with("signature", "QUJDRB==")));  // trailing bits are not zero
  EXPECT_TRUE(is_401(with("key", "a b c d")));
}

TEST(Message, A35_UnderstandsDressedBase64) {
  const std::string good = to_base64(Bytes(48, 2));
  JsonObject object;
  object.set("algorithm", "base64");
  object.set("data", good);
  for (const Json& form :
       {Json("base64," + good), Json("data:application/octet-stream;name=x;base64," + good),
        Json(object)}) {
    auto message = SignedMessage::parse(write_json(with("data", form)));
    ASSERT_TRUE(message) << write_json(form);
    EXPECT_EQ(message->sealed.data, Bytes(48, 2));
  }
}

TEST(Message, J19_AnIvThatIsNoneIsNotToldBeforeTheSignature) {
  JsonObject both = sample();
  both.set("iv", to_base64(Bytes(16, 1)));
  for (const JsonObject& object :
       {both, with("IV", to_base64(Bytes(15, 1))), with("IV", to_base64(Bytes(17, 1))),
        with("IV", "***"), with("IV", 5)}) {
    auto message = SignedMessage::parse(write_json(object));
    ASSERT_TRUE(message) << write_json(object);
    EXPECT_NE(message->sealed.iv.size(), 16U);
    EXPECT_FALSE(message->sealed.iv.empty());
  }
  EXPECT_TRUE(SignedMessage::parse(write_json(without("IV")))->sealed.iv.empty());
}

TEST(Message, RefusesKeysThatAreNoMapAndTooMany) {
  EXPECT_TRUE(is_401(with("keys", JsonArray{Json("QUJD")})));
  JsonObject keys;
  for (int i = 0; i <= 1000; ++i) keys.set("id" + std::to_string(i), "QUJD");
  EXPECT_TRUE(is_401(with("keys", std::move(keys))));
}

TEST(Message, RefusesWhatLacksDataOrSignature) {
  EXPECT_TRUE(is_401(without("data")));
  EXPECT_TRUE(is_401(without("signature")));
  EXPECT_TRUE(is_401(with("signature", nullptr)));
  for (const std::string_view text :
       {"", "{}", "[]", "null", "\"x\"", "{\"sender\"", "\xEF\xBB\xBF{}"}) {
    EXPECT_FALSE(SignedMessage::parse(text)) << text;
  }
}

TEST(Message, ABroadcastIsTextAndKeepsItsBytes) {
  JsonObject object = sample();
  for (const std::string_view name : {"IV", "keys"}) object.erase(name);
  object.set("receiver", "Anyone@ANYWHERE");
  object.set("data", R"({"type":1,"sn":9,"text":"测试"})");
  auto message = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->sealed.plain);
  EXPECT_EQ(to_text(message->sealed.data), *object.text("data"));
  object.erase("receiver");  // a missing receiver is anyone@anywhere
  message = SignedMessage::parse(write_json(object));
  ASSERT_TRUE(message);
  EXPECT_EQ(message->sealed.envelope.receiver.text(), "anyone@anywhere");
}

TEST(Message, CodecLeavesEmptyWhatItCannotDecode) {
  auto message = SignedMessage::parse(write_json(with("data", "***")), Reading::codec);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->sealed.data.empty());
  message = SignedMessage::parse(write_json(with("keys", JsonArray{})), Reading::codec);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->sealed.keys.empty());
}

TEST(Message, WritesMetaAndVisaWithTheirTwins) {
  auto message = SignedMessage::parse(write_json(sample()));
  ASSERT_TRUE(message);
  JsonObject meta, visa;
  meta.set("type", "4");
  visa.set("did", kAlice);
  message->sealed.envelope.extra.set("meta", std::move(meta));
  message->sealed.envelope.extra.set("visa", std::move(visa));
  const JsonObject out = to_json(*message);
  EXPECT_EQ(*out.find("meta")->object()->find("version"), Json(4));
  EXPECT_EQ(*out.find("visa")->object()->find("ID"), Json(kAlice));
}

TEST(MessageHash, A12_IsTheSameForOtherTextsOfTheSameMessage) {
  const Digest32 hash = message_hash(*SignedMessage::parse(write_json(sample())));
  JsonObject other = with("time", 5);
  other.set("signature", to_base64(Bytes(71, 8)));  // A07: a second signature of the same content
  other.set("data", "base64," + to_base64(Bytes(48, 2)));
  other.set("sender", std::string(kAlice) + "/phone");
  other.set("receiver", std::string(kBob) + "/pad");
  other.set("extra", 1);
  EXPECT_EQ(message_hash(*SignedMessage::parse(write_json(other))), hash);
}

TEST(MessageHash, A12_DiffersForOtherSenderReceiverGroupOrData) {
  const Digest32 hash = message_hash(*SignedMessage::parse(write_json(sample())));
  for (const JsonObject& object : {with("sender", kBob), with("receiver", kAlice),
                                   with("group", kGroup), with("data", to_base64(Bytes(64, 2)))}) {
    EXPECT_NE(message_hash(*SignedMessage::parse(write_json(object))), hash) << write_json(object);
  }
}

TEST(ReadSeconds, TakesNumbersAndNumbersAsText) {
  const Json number(1.5), text("1700000000.25"), negative(-1), word("soon"), list(JsonArray{});
  EXPECT_EQ(read_seconds(&number), 1.5);
  EXPECT_EQ(read_seconds(&text), 1700000000.25);
  for (const Json* value : {&negative, &word, &list}) EXPECT_EQ(read_seconds(value), 0);
  EXPECT_EQ(read_seconds(nullptr), 0);
}

TEST(Message, RefusalsNameTheirKind) {
  EXPECT_EQ(refusal(with("sender", "x@y")), Errc::id);
  EXPECT_EQ(refusal(with("data", "***")), Errc::encoding);
  EXPECT_EQ(refusal(with("type", JsonArray{})), Errc::bad_request);
}

}  // namespace
}  // namespace dim
