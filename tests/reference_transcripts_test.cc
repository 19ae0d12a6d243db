// Conversations of the dimchat reference, recorded by tests/reference/record.py: what our code
// makes of them, and what our gateway does with the very same messages. Needs no Python packages.
#include <gmock/gmock.h>

#include <set>

#include "dim/base/base64.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/head.h"
#include "server/bridge_fixture.h"
#include "tests/markdown.h"

namespace dim {
namespace {

using station_test::Client;
using station_test::GatewayTest;
using station_test::ManualClock;

const JsonObject& member(const JsonObject& object, std::string_view name) {
  const Json* found = object.find(name);
  if (found == nullptr || found->object() == nullptr)
    throw std::invalid_argument("no object " + std::string(name));
  return *found->object();
}

struct Transcript {
  JsonObject json;
  Directory everybody;
  std::map<std::string, Account> accounts;  ///< alice, bob, pad, station: whose keys are known
  std::map<std::string, Id> ids;            ///< and of those who gave none away: ours, or dim

  explicit Transcript(const std::string& name)
      : json(*parse_json_object(read_file("tests/reference/fixtures/transcript-" + name + ".json"),
                                {.depth = 32, .nodes = 100'000, .string_bytes = 4 << 20})) {
    for (const auto& [person, value] : member(json, "accounts")) {
      const JsonObject& object = *value.object();
      const Id id = *Id::parse(*object.text("id"));
      const Meta meta = *Meta::parse(member(object, "meta"));
      const JsonObject& visa = member(object, "visa");
      ids.emplace(person, id);
      EXPECT_TRUE(everybody.learn_meta(id, meta)) << person;
      // A second device may have the visa of the first.
      EXPECT_TRUE(person == "pad" || everybody.learn_document(id.bare(), visa, end())) << person;
      if (person == "pad") (void)everybody.learn_document(id.bare(), visa, end());
      if (!object.contains("identity_private_key")) continue;
      std::vector<PrivateKey> keys;
      keys.push_back(*PrivateKey::parse(member(object, "message_private_key")));
      const std::string* terminal = object.text("terminal");
      accounts.emplace(person, Account{terminal != nullptr ? id.with_terminal(*terminal) : id, meta,
                                       *Document::parse(visa, id, meta),
                                       *PrivateKey::parse(member(object, "identity_private_key")),
                                       std::move(keys)});
    }
  }

  Millis begin() const { return static_cast<Millis>(json.find("begin")->number() * 1000); }
  Millis end() const { return static_cast<Millis>(json.find("end")->number() * 1000); }

  /// Names of the connections: whose it is, and for further ones a comma and what they are.
  std::vector<std::string> connections() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : member(json, "connections")) out.push_back(name);
    return out;
  }
  static std::string person(const std::string& connection) {
    return connection.substr(0, connection.find(','));
  }

  /// Everything that one side sent on a connection.
  std::string bytes(std::string_view connection, std::string_view side) const {
    std::string out;
    for (const Json& chunk : *member(json, "connections").find(connection)->array()) {
      const JsonArray& parts = *chunk.array();
      if (*parts[0].text() != side) continue;
      // In turns: base64 of what is no text, and text.
      for (std::size_t i = 1; i < parts.size(); ++i) {
        if (i % 2 == 0) {
          out += *parts[i].text();
        } else {
          const auto data = from_base64(*parts[i].text());
          out.append(data->begin(), data->end());
        }
      }
    }
    return out;
  }

  std::vector<std::string> messages(std::string_view connection, std::string_view side) const {
    std::vector<std::string> out;
    const std::string all = bytes(connection, side);
    // Of WebSocket there is the side of stations alone here, which do not read each other's.
    if (all.starts_with("HTTP/")) return out;
    FrameStream stream({.framing = {}, .first_sn = 1});
    stream.feed(all);
    for (;;) {
      auto next = stream.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return out;
      out.insert(out.end(), event->texts.begin(), event->texts.end());
    }
  }

  /// What one person wrote to another, each once, as it came first.
  std::vector<SignedMessage> written(const std::string& by, const std::string& to) const {
    std::vector<SignedMessage> out;
    std::set<Bytes> seen;
    for (const std::string& connection : connections()) {
      for (const char* side : {"C", "S"}) {
        for (const std::string& text : messages(connection, side)) {
          auto message = SignedMessage::parse(text);
          const Envelope& envelope = message->sealed.envelope;
          if (envelope.sender.same_entity(ids.at(by)) &&
              envelope.receiver.same_entity(ids.at(to)) && seen.insert(message->signature).second)
            out.push_back(std::move(*message));
        }
      }
    }
    return out;
  }

  /// What the reference's client read in the message with this signature; null: nobody recorded it.
  const Json* arrived(const std::string& name, const std::string& signature) const {
    const Json* of = member(json, "arrived").find(name);
    return of != nullptr ? of->object()->find(signature) : nullptr;
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

class ReferenceTranscriptsTest : public GatewayTest {
 protected:
  void begin(const Transcript& transcript) {
    clock.at = transcript.end() - ManualClock().now();
    GatewayTest::SetUp();
  }
};

class ReferenceTranscript : public ReferenceTranscriptsTest,
                            public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { begin(transcript); }
  /// The others speak MTP, as the clients of the reference do.
  static Framing framing_of(const std::string& connection) {
    if (Transcript::person(connection) != "bob") return Framing::mtp;
    if (GetParam().starts_with("mars")) return Framing::mars;
    return GetParam().starts_with("websocket") ? Framing::websocket : Framing::mtp;
  }
  Transcript transcript{GetParam()};
};

TEST_P(ReferenceTranscript, EveryFrameIsReadToItsEndAndOurAnswersAreThoseThatWereGivenByteByByte) {
  std::size_t count = 0, found = 0;
  for (const std::string& connection : transcript.connections()) {
    const Framing framing = framing_of(connection);
    for (const auto& [from, to] : {std::pair("C", "S"), std::pair("S", "C")}) {
      if (framing != Framing::mtp && from == std::string_view("S"))
        continue;  // of no client of ours
      const std::string bytes = transcript.bytes(connection, from);
      const std::string answers = transcript.bytes(connection, to);
      if (bytes.empty()) continue;
      FrameStream stream({.framing = {}, .first_sn = 1});
      std::size_t missing = 0;
      // Cut anywhere: the same events come out.
      for (std::size_t at = 0; at < bytes.size(); at += 1'000) {
        stream.feed(std::string_view(bytes).substr(at, 1'000));
        for (;;) {
          auto next = stream.next(0);
          if (std::holds_alternative<std::monostate>(next)) break;
          auto* event = std::get_if<FrameEvent>(&next);
          ASSERT_NE(event, nullptr) << connection << from << at;
          ++count;
          // Over Mars any message acknowledges what has come.
          const std::string ack = framing == Framing::mars ? std::string() : event->ack;
          for (const std::string& ours : {ack, event->reply}) {
            if (!ours.empty()) ++(answers.find(ours) != std::string::npos ? found : missing);
          }
        }
      }
      EXPECT_EQ(stream.framing(), framing);
      // The last ones may not have been answered before the connection ended.
      EXPECT_LE(missing, 4U) << connection << from;
    }
  }
  EXPECT_GT(count, 60U);
  EXPECT_GT(found, 30U);
}

TEST_P(ReferenceTranscript, A01_EveryMessageVerifiesOpensAndSaysWhatTheReferenceReadInIt) {
  std::map<std::string, KeyRing> keys;
  std::size_t compared = 0, opened_count = 0;
  for (const std::string& connection : transcript.connections()) {
    for (const char* side : {"C", "S"}) {
      for (const std::string& text : transcript.messages(connection, side)) {
        auto message = SignedMessage::parse(text);
        ASSERT_TRUE(message) << to_string(message.error()) << text;
        // Who reads: the person of the connection, and between stations whoever it is for.
        std::string name;
        for (const char* one : {"alice", "bob"}) {
          if (transcript.accounts.contains(one) &&
              message->sealed.envelope.receiver.same_entity(transcript.ids.at(one)))
            name = one;
        }
        const std::string owner = Transcript::person(connection);
        if (owner == "pad" && name == "bob") name = owner;
        if (name.empty() || (name != owner && owner != "station")) continue;
        const OpenRules rules{.keys = &keys[name], .station = transcript.ids.at("station")};
        const auto now = static_cast<Millis>(message->sealed.envelope.time * 1000) + 1;
        auto opened =
            open(*message, transcript.accounts.at(name), transcript.everybody, {}, now, rules);
        ASSERT_TRUE(opened) << to_string(opened.error()) << text;
        ++opened_count;
        EXPECT_FALSE(opened->late);
        const Json* expected = transcript.arrived(name, to_base64(message->signature));
        if (expected == nullptr) continue;
        ++compared;
        JsonObject content = *expected->object();
        content.erase("password");  // the reference's copy of `key`
        expect_holds(content, opened->message.content, connection);
        // Those who gave no keys away are ours: dim, and our stations.
        const bool by_ours = std::ranges::none_of(transcript.accounts, [&](const auto& one) {
          return message->sealed.envelope.sender.same_entity(one.second.id);
        });
        EXPECT_EQ(opened->label, by_ours ? Label::secure_old : Label::addressee_unproven);
      }
    }
  }
  EXPECT_GT(opened_count, 12U);
  EXPECT_GT(compared, 8U);
}

/// Those with clients of the reference on both sides.
class TranscriptOfTwo : public ReferenceTranscript {};

TEST_P(TranscriptOfTwo, OurGatewayRelaysTheRecordedMessagesAsTheyCameAlsoAfterAWait) {
  const Account& alice_account = transcript.accounts.at("alice");
  const Account& bob_account = transcript.accounts.at("bob");
  std::vector<SignedMessage> sent = transcript.written("alice", "bob");
  // Answers to his second device alone are no business of the first.
  std::erase_if(sent, [](const SignedMessage& one) {
    return !one.sealed.keys.empty() && std::ranges::all_of(one.sealed.keys, [](const auto& key) {
      return key.first.find('/') != std::string::npos;
    });
  });
  ASSERT_GT(sent.size(), 8U);
  auto alice = come(alice_account);
  auto bob = come(bob_account);
  introduce(*alice, bob_account);
  introduce(*bob, alice_account);
  pass(2'000);  // until then nothing is pushed to who has just logged in
  (void)news(*alice);
  (void)news(*bob);
  std::vector<SignedMessage> relayed;
  const auto collect = [&] {
    take(*bob);
    for (const SignedMessage& one : bob->raw) {
      if (one.sealed.envelope.sender.same_entity(alice_account.id)) relayed.push_back(one);
    }
    EXPECT_THAT(bob->refused, ::testing::IsEmpty());
    bob->raw.clear();
  };
  const std::size_t half = sent.size() / 2;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (i == half) {
      collect();
      station->closed(bob->id);
      station->end_of_turn();
    }
    give(*alice, sent[i].wire);
    pass(50);
  }
  bob = come(bob_account);
  introduce(*bob, alice_account);
  pass(2'000);
  collect();
  ASSERT_EQ(relayed.size(), sent.size());
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(relayed[i].sealed.data, sent[i].sealed.data);
    EXPECT_EQ(relayed[i].signature, sent[i].signature);
    EXPECT_EQ(relayed[i].sealed.iv, sent[i].sealed.iv);
    EXPECT_EQ(relayed[i].sealed.envelope.time, sent[i].sealed.envelope.time);
  }
  take(*alice);
  std::map<std::string, std::size_t> told;
  for (const Opened& one : news(*alice)) {
    if (const std::string* text = one.message.content.text("text")) ++told[*text];
  }
  EXPECT_EQ(told["Message delivered."], half);
  EXPECT_EQ(told["Message cached."], sent.size() - half);
}

TEST_F(ReferenceTranscriptsTest, OurGatewayGivesEachDeviceWhatWasSealedForIt) {
  const Transcript transcript("2026-2026-at-2026");
  begin(transcript);
  const Account& pad_account = transcript.accounts.at("pad");
  ASSERT_FALSE(pad_account.id.terminal().empty());
  auto alice = come(transcript.accounts.at("alice"));
  auto bob = come(transcript.accounts.at("bob"));
  auto pad = come(pad_account);
  for (Client* one : {bob.get(), pad.get()}) introduce(*one, transcript.accounts.at("alice"));
  pass(2'000);
  std::size_t both = 0;
  for (const SignedMessage& message : transcript.written("alice", "bob")) {
    if (message.sealed.keys.size() < 2) continue;
    ++both;
    give(*alice, message.wire);
  }
  ASSERT_GT(both, 0U);
  for (Client* one : {bob.get(), pad.get()}) {
    (void)news(*one);
    take(*one);
    EXPECT_EQ(texts(*one), std::vector<std::string>(both, "for both of you"));
    EXPECT_EQ(one->raw.back().sealed.keys.size(), 1U) << "and not the key of the other";
  }
}

/// What ran between our station and one of the reference, given to ours by a neighbour.
class TranscriptOfABridge : public ReferenceTranscript {};

TEST_P(TranscriptOfABridge,
       OurStationTakesWhatANeighbourOfTheReferenceBringsAndGivesItWhatIsForItsUsers) {
  const Account& north = transcript.accounts.at("station");
  config.neighbours = {station_test::neighbour_of(north)};
  start();
  auto alice = come(transcript.accounts.at("alice"));
  introduce(*alice, transcript.accounts.at("bob"));
  auto neighbour = come(north);
  pass(2'000);
  const std::vector<SignedMessage> in = transcript.written("bob", "alice");
  const std::vector<SignedMessage> out = transcript.written("alice", "bob");
  ASSERT_GT(in.size(), 8U);
  ASSERT_GT(out.size(), 8U);
  // It answers who that is; what was recorded of that is sealed for the station of then.
  const Account& of_bob = transcript.accounts.at("bob");
  give(*neighbour,
       pack(*neighbour, station_id(),
            encode_content(DocumentsContent::answer(of_bob.id.bare(), of_bob.meta.json(),
                                                    {of_bob.visa.json()}, clock.now(), random))));
  // Everything that is no talk between the stations themselves, in the order in which it came.
  for (const std::string& connection : transcript.connections()) {
    for (const std::string& text : transcript.messages(connection, "S")) {
      const auto message = SignedMessage::parse(text);
      if (!message->sealed.envelope.sender.same_entity(transcript.ids.at("bob"))) continue;
      give(*neighbour, text);
      pass(50);
    }
  }
  take(*alice);
  std::size_t got = 0;
  for (const SignedMessage& one : alice->raw)
    got += one.sealed.envelope.sender.same_entity(transcript.ids.at("bob"));
  EXPECT_EQ(got, in.size());
  EXPECT_THAT(alice->refused, ::testing::IsEmpty());
  // His login record has told where he is.
  for (const SignedMessage& message : out) {
    give(*alice, message.wire);
    pass(50);
  }
  take(*neighbour);
  std::vector<Bytes> passed_on, wanted;
  for (const SignedMessage& message : out) wanted.push_back(message.signature);
  for (const SignedMessage& one : neighbour->raw) {
    if (!one.sealed.envelope.receiver.same_entity(transcript.ids.at("bob"))) continue;
    if (!one.sealed.envelope.sender.same_entity(transcript.ids.at("alice"))) continue;
    passed_on.push_back(one.signature);
    EXPECT_TRUE(one.json.contains("traces"));
  }
  EXPECT_EQ(passed_on, wanted);
}

/// dim at a station of the reference, with somebody who has two devices from some time on.
class TranscriptOfDimAtTheirs : public ReferenceTranscript {};

TEST_P(TranscriptOfDimAtTheirs, WhatDimWritesToTwoDevicesIsSealedForBothFromThenOn) {
  const bool own_keys = GetParam().starts_with("dim-2026");  // 2025 knows one key of a person
  const auto opened = [&](const SignedMessage& message, const std::string& device) {
    KeyRing keys;
    const auto now = static_cast<Millis>(message.sealed.envelope.time * 1000) + 1;
    return open(message, transcript.accounts.at(device), transcript.everybody, {}, now,
                {.keys = &keys, .station = transcript.ids.at("station")});
  };
  std::size_t before = 0, both = 0;
  for (const std::string& connection : transcript.connections()) {
    if (Transcript::person(connection) != "alice") continue;
    for (const std::string& text : transcript.messages(connection, "C")) {
      const auto message = SignedMessage::parse(text);
      if (!message->sealed.envelope.receiver.same_entity(transcript.ids.at("bob"))) continue;
      const auto on_first = opened(*message, "bob");
      ASSERT_TRUE(on_first) << to_string(on_first.error()) << text;
      const auto on_second = opened(*message, "pad");
      const std::string* said = on_first->message.content.text("text");
      if (said == nullptr || *said != "for both of you") {
        if (on_second.has_value() != own_keys) ++before;
        continue;
      }
      ++both;
      ASSERT_TRUE(on_second) << to_string(on_second.error()) << text;
      EXPECT_EQ(on_second->message.content, on_first->message.content);
      EXPECT_EQ(on_second->label, Label::secure_old);
      EXPECT_EQ(message->sealed.keys.size(), own_keys ? 2U : 1U) << text;
      for (const char* device : {"bob", "pad"})
        EXPECT_NE(transcript.arrived(device, to_base64(message->signature)), nullptr) << device;
    }
  }
  EXPECT_EQ(both, 1U);
  EXPECT_GT(before, 5U) << "until then there was one device";
}

std::string name_of(const ::testing::TestParamInfo<std::string>& one) {
  std::string name = one.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

const auto kOfTwo = ::testing::Values("2025-2025-at-2025", "2026-2026-at-2026", "2025-2026-at-2026",
                                      "2026-2025-at-2025", "2025-2026-at-ours", "2026-2025-at-ours",
                                      "2025-2025-at-ours", "2026-2026-at-ours", "bridge-2025",
                                      "bridge-2026", "mars-2025-at-ours", "mars-2026-at-ours",
                                      "websocket-2025-at-ours", "websocket-2026-at-ours");
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfTwo, kOfTwo, name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, ReferenceTranscript, kOfTwo, name_of);
INSTANTIATE_TEST_SUITE_P(OfDim, ReferenceTranscript,
                         ::testing::Values("dim-2025-at-2025", "dim-2026-at-2026",
                                           "dim-2025-at-ours", "dim-2026-at-ours"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfDimAtTheirs,
                         ::testing::Values("dim-2025-at-2025", "dim-2026-at-2026"), name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfABridge,
                         ::testing::Values("bridge-2025", "bridge-2026"), name_of);

}  // namespace
}  // namespace dim
