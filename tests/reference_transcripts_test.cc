// Conversations of the dimchat reference, recorded by tests/reference/record.py: what our code
// makes of them, and what our gateway does with the very same messages. Needs no Python packages.
#include <gmock/gmock.h>

#include "dim/base/base64.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/head.h"
#include "server/gateway_fixture.h"
#include "tests/markdown.h"

namespace dim {
namespace {

using station_test::Client;
using station_test::GatewayTest;

const JsonObject& member(const JsonObject& object, std::string_view name) {
  const Json* found = object.find(name);
  if (found == nullptr || found->object() == nullptr)
    throw std::invalid_argument("no object " + std::string(name));
  return *found->object();
}

struct Transcript {
  JsonObject json;
  std::map<std::string, Account> accounts;  ///< alice, bob, station

  explicit Transcript(const std::string& name)
      : json(*parse_json_object(read_file("tests/reference/fixtures/transcript-" + name + ".json"),
                                {.depth = 32, .nodes = 100'000, .string_bytes = 4 << 20})) {
    for (const auto& [person, value] : member(json, "accounts")) {
      const JsonObject& object = *value.object();
      const Id id = *Id::parse(*object.text("id"));
      const Meta meta = *Meta::parse(member(object, "meta"));
      std::vector<PrivateKey> keys;
      keys.push_back(*PrivateKey::parse(member(object, "message_private_key")));
      accounts.emplace(person, Account{id, meta, *Document::parse(member(object, "visa"), id, meta),
                                       *PrivateKey::parse(member(object, "identity_private_key")),
                                       std::move(keys)});
    }
  }

  Millis begin() const { return static_cast<Millis>(json.find("begin")->number() * 1000); }
  Millis end() const { return static_cast<Millis>(json.find("end")->number() * 1000); }

  /// Everything that one side sent on the connection of a person.
  std::string bytes(std::string_view person, std::string_view side) const {
    std::string out;
    for (const Json& chunk : *member(json, "connections").find(person)->array()) {
      const JsonArray& pair = *chunk.array();
      if (*pair[0].text() != side) continue;
      const auto data = from_base64(*pair[1].text());
      out.append(data->begin(), data->end());
    }
    return out;
  }

  std::vector<std::string> messages(std::string_view person, std::string_view side) const {
    std::vector<std::string> out;
    FrameStream stream({.framing = {}, .first_sn = 1});
    stream.feed(bytes(person, side));
    for (;;) {
      auto next = stream.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return out;
      out.insert(out.end(), event->texts.begin(), event->texts.end());
    }
  }

  Directory directory() const {
    Directory out;
    for (const auto& [person, account] : accounts) {
      EXPECT_TRUE(out.learn_meta(account.id, account.meta)) << person;
      EXPECT_TRUE(out.learn_document(account.id, account.visa.json(), end())) << person;
    }
    return out;
  }

  /// What the reference's client read in the message with this signature.
  const Json* arrived(std::string_view person, const std::string& signature) const {
    return member(member(json, "arrived"), person).find(signature);
  }
};

/// Everything of `expected` is in `got`; types may be numbers or text.
void expect_holds(const Json& expected, const Json& got, const std::string& where) {
  if (const JsonObject* object = expected.object()) {
    ASSERT_NE(got.object(), nullptr) << where;
    for (const auto& [key, value] : *object) {
      const Json* other = got.object()->find(key);
      ASSERT_NE(other, nullptr) << where << "." << key;
      if (key == "type") {
        EXPECT_EQ(content_type(*object), content_type(*got.object())) << where;
      } else {
        expect_holds(value, *other, where + "." + key);
      }
    }
  } else if (const JsonArray* list = expected.array()) {
    ASSERT_NE(got.array(), nullptr) << where;
    ASSERT_EQ(list->size(), got.array()->size()) << where;
    for (std::size_t i = 0; i < list->size(); ++i)
      expect_holds((*list)[i], (*got.array())[i], where + "[" + std::to_string(i) + "]");
  } else {
    EXPECT_EQ(write_json(expected), write_json(got)) << where;
  }
}

class ReferenceTranscript : public GatewayTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    clock.at = transcript.end() - clock.now();
    GatewayTest::SetUp();
  }
  Transcript transcript{GetParam()};
};

TEST_P(ReferenceTranscript, EveryFrameOfBothSidesIsReadToItsEnd) {
  for (const char* person : {"alice", "bob"}) {
    for (const char* side : {"C", "S"}) {
      FrameStream stream({.framing = {}, .first_sn = 1});
      std::size_t count = 0;
      // Cut anywhere: the same events come out.
      const std::string bytes = transcript.bytes(person, side);
      for (std::size_t at = 0; at < bytes.size(); at += 1'000) {
        stream.feed(std::string_view(bytes).substr(at, 1'000));
        for (;;) {
          auto next = stream.next(0);
          if (std::holds_alternative<std::monostate>(next)) break;
          ASSERT_TRUE(std::holds_alternative<FrameEvent>(next)) << person << side << at;
          ++count;
        }
      }
      EXPECT_EQ(stream.framing(), Framing::mtp);
      EXPECT_GT(count, 60U) << person << side;
    }
  }
}

TEST_P(ReferenceTranscript, OurAnswersToItsFramesAreThoseOfTheReferenceByteByByte) {
  for (const char* person : {"alice", "bob"}) {
    for (const auto& [from, to] : {std::pair("C", "S"), std::pair("S", "C")}) {
      const std::string answers = transcript.bytes(person, to);
      FrameStream stream({.framing = {}, .first_sn = 1});
      stream.feed(transcript.bytes(person, from));
      std::size_t found = 0, missing = 0;
      for (;;) {
        auto next = stream.next(0);
        auto* event = std::get_if<FrameEvent>(&next);
        if (event == nullptr) break;
        for (const std::string& ours : {event->ack, event->reply}) {
          if (ours.empty()) continue;
          ++(answers.find(ours) != std::string::npos ? found : missing);
        }
      }
      EXPECT_GT(found, 30U) << person << from;
      // The last ones may not have been answered before the recording ended.
      EXPECT_LE(missing, 2U) << person << from;
    }
  }
}

TEST_P(ReferenceTranscript, A01_EveryMessageVerifiesOpensAndSaysWhatTheReferenceReadInIt) {
  for (const char* person : {"alice", "bob"}) {
    Directory directory = transcript.directory();
    KeyRing keys;
    const Account& reader = transcript.accounts.at(person);
    const OpenRules rules{.keys = &keys, .station = transcript.accounts.at("station").id};
    std::size_t compared = 0, opened_count = 0;
    for (const std::string& text : transcript.messages(person, "S")) {
      auto message = SignedMessage::parse(text);
      ASSERT_TRUE(message) << to_string(message.error()) << text;
      const auto now = static_cast<Millis>(message->sealed.envelope.time * 1000) + 1;
      auto opened = open(*message, reader, directory, {}, now, rules);
      ASSERT_TRUE(opened) << to_string(opened.error()) << text;
      ++opened_count;
      EXPECT_FALSE(opened->late);
      const Json* expected = transcript.arrived(person, to_base64(message->signature));
      if (expected == nullptr) continue;
      ++compared;
      JsonObject content = *expected->object();
      content.erase("password");  // the reference's copy of `key`
      expect_holds(content, opened->message.content, person);
      EXPECT_EQ(opened->label, Label::addressee_unproven);
    }
    EXPECT_GT(opened_count, 30U);
    EXPECT_GT(compared, person == std::string("bob") ? 15U : 1U) << person;
  }
}

TEST_P(ReferenceTranscript, OurGatewayRelaysTheRecordedMessagesAsTheyCame) {
  const Account& alice_account = transcript.accounts.at("alice");
  const Account& bob_account = transcript.accounts.at("bob");
  auto alice = come(alice_account);
  auto bob = come(bob_account);
  introduce(*alice, bob_account);
  introduce(*bob, alice_account);
  pass(2'000);  // until then nothing is pushed to who has just logged in
  (void)news(*alice);
  (void)news(*bob);
  bob->raw.clear();
  std::vector<SignedMessage> sent;
  for (const std::string& text : transcript.messages("alice", "C")) {
    auto message = SignedMessage::parse(text);
    ASSERT_TRUE(message);
    if (message->sealed.envelope.receiver.same_entity(bob_account.id)) {
      sent.push_back(*message);
      give(*alice, text);
      pass(50);
    }
  }
  pass(2'000);
  take(*bob);
  ASSERT_GT(sent.size(), 15U);
  std::vector<const SignedMessage*> relayed;
  for (const SignedMessage& one : bob->raw) {
    if (one.sealed.envelope.sender.same_entity(alice_account.id)) relayed.push_back(&one);
  }
  ASSERT_EQ(relayed.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(relayed[i]->sealed.data, sent[i].sealed.data);
    EXPECT_EQ(relayed[i]->signature, sent[i].signature);
    EXPECT_EQ(relayed[i]->sealed.iv, sent[i].sealed.iv);
    EXPECT_EQ(relayed[i]->sealed.envelope.time, sent[i].sealed.envelope.time);
  }
  EXPECT_THAT(bob->refused, ::testing::IsEmpty());
  std::size_t delivered = 0;
  for (const Opened& one : news(*alice)) {
    const std::string* text = one.message.content.text("text");
    if (text != nullptr && *text == "Message delivered.") ++delivered;
  }
  EXPECT_EQ(delivered, sent.size());
}

INSTANTIATE_TEST_SUITE_P(Recorded, ReferenceTranscript,
                         ::testing::Values("2025-2025-at-2025", "2026-2026-at-2026",
                                           "2025-2026-at-2026"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace dim
