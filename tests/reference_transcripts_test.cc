// Conversations of the dimchat reference, recorded by tests/reference/record.py: what our code
// makes of them, and what our gateway does with the very same messages. Needs no Python packages.
#include <gmock/gmock.h>

#include "dim/engine/group_history.h"
#include "dim/engine/group_message.h"
#include "server/bridge_fixture.h"
#include "tests/transcript_testing.h"

namespace dim {
namespace {

using station_test::Client;
using station_test::GatewayTest;
using station_test::ManualClock;

class ReferenceTranscript : public GatewayTest, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    clock.at = transcript.end() - ManualClock().now();
    GatewayTest::SetUp();
  }
  /// The others speak MTP, as the clients of the reference do.
  static Framing framing_of(const std::string& connection) {
    const std::string person = Transcript::person(connection);
    if (person != "bob" && person != "pad") return Framing::mtp;
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
      EXPECT_LE(missing, GetParam().starts_with("cut") ? 10U : 4U) << connection << from;
    }
  }
  EXPECT_GT(count, 60U);
  EXPECT_GT(found, 30U);
}

TEST_P(ReferenceTranscript, A01_EveryMessageVerifiesOpensAndSaysWhatTheReferenceReadInIt) {
  std::map<std::string, KeyRing> keys;
  std::size_t compared = 0, opened_count = 0;
  std::set<std::string> commands;
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
        content.erase("document");  // the old name of `documents`, which it makes a list of too
        // It loses the titles of pages as it reads them.
        if (const Json* title = content.find("title"); title != nullptr && title->is_null())
          content.erase("title");
        expect_holds(content, opened->message.content, connection);
        // Those who gave no keys away are ours: dim, and our stations.
        const bool by_ours = std::ranges::none_of(transcript.accounts, [&](const auto& one) {
          return message->sealed.envelope.sender.same_entity(one.second.id);
        });
        EXPECT_EQ(opened->label, message->sealed.plain ? Label::not_encrypted
                                 : by_ours             ? Label::secure_old
                                                       : Label::addressee_unproven);
        const std::string command = content_command(opened->message.content);
        if (!command.empty()) commands.insert(command);
      }
    }
  }
  EXPECT_GT(opened_count, 30U);
  EXPECT_GT(compared, 30U);
  EXPECT_THAT(commands, ::testing::Contains("receipt"));
  const bool between_stations = GetParam().starts_with("bridge");
  EXPECT_TRUE(between_stations || commands.contains("handshake"));
}

/// Those with clients of the reference on both sides.
class TranscriptOfTwo : public ReferenceTranscript {
 protected:
  /// All that `by` wrote to `to`, the second half while they are away.
  void relay(const std::string& by, const std::string& to);
};

TEST_P(TranscriptOfTwo, OurGatewayRelaysTheRecordedMessagesAsTheyCameAlsoAfterAWait) {
  for (const auto& [by, to] : {std::pair("alice", "bob"), std::pair("bob", "alice")}) {
    SCOPED_TRACE(std::string(by) + " to " + to);
    relay(by, to);
  }
}

void TranscriptOfTwo::relay(const std::string& by, const std::string& to) {
  const Account& alice_account = transcript.accounts.at(by);
  const Account& bob_account = transcript.accounts.at(to);
  std::vector<SignedMessage> sent = transcript.written(by, to);
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
  for (Client* one : {alice.get(), bob.get()}) station->closed(one->id);
  station->end_of_turn();
}

/// Those in which groups were formed.
class TranscriptOfGroups : public ReferenceTranscript {};

TEST_P(TranscriptOfGroups, A27_TheRecordedHistoriesMakeTheGroupsThatTheirMembersKnow) {
  const Account& bob = transcript.accounts.at("bob");
  std::map<std::string, std::optional<Group>> groups;
  std::size_t texts = 0;
  KeyRing keys;
  for (const SignedMessage& message : transcript.written("alice", "bob")) {
    auto opened = open(message, bob, transcript.everybody, {}, transcript.end(), {.keys = &keys});
    if (!opened) continue;  // for his second device alone
    const auto content = decode_content(opened->message.content);
    ASSERT_TRUE(content) << to_string(content.error());
    const auto* forward = content->as<ForwardContent>();
    if (const auto id = forward != nullptr ? group_of(*forward) : std::nullopt) {
      std::optional<Group>& group = groups[id->text()];
      HistoryRead read = read_history(*forward, *id, group, bob, transcript.everybody,
                                      transcript.end(), group ? group->reset_time() : 0);
      EXPECT_THAT(read.missing, ::testing::IsEmpty());
      EXPECT_EQ(read.refused, 0U);
      group = std::move(read.group);
    }
    const auto of = group_of(*opened);
    if (!of || content->as<TextContent>() == nullptr) continue;
    ++texts;
    ASSERT_TRUE(groups[of->text()]) << "its history came before it";
    EXPECT_TRUE(check_group_message(*groups[of->text()], *opened, transcript.end()));
  }
  const auto expected = transcript.groups();
  ASSERT_FALSE(expected.empty());
  EXPECT_GE(texts, expected.size());
  EXPECT_EQ(groups.size(), expected.size());
  for (const auto& [id, members] : expected) {
    ASSERT_TRUE(groups[id]) << id;
    EXPECT_EQ(groups[id]->members(), members);
    EXPECT_TRUE(groups[id]->owner().same_entity(transcript.ids.at("alice")));
  }
}

/// Those in which bob has a second device with a key of its own.
class TranscriptOfDevices : public ReferenceTranscript {};

TEST_P(TranscriptOfDevices, OurGatewayGivesEachDeviceWhatWasSealedForIt) {
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
    const auto got = texts(*one);
    EXPECT_EQ(got.size(), both);
    EXPECT_THAT(got, ::testing::Contains("for both of you"));
    EXPECT_EQ(one->raw.back().sealed.keys.size(), 1U) << "and not the key of the other";
  }
}

/// One in which bob's connection ended in the midst of what alice wrote.
class TranscriptOfACut : public ReferenceTranscript {
 protected:
  /// Signatures of what alice wrote that the station sent on that connection, in order; and of
  /// those that his program had acknowledged there.
  std::pair<std::vector<Bytes>, std::set<Bytes>> brought(const std::string& connection) {
    std::pair<std::vector<Bytes>, std::set<Bytes>> out;
    FrameStream stream({.framing = {}, .first_sn = 1});
    stream.feed(transcript.bytes(connection, "S"));
    const std::string answers = transcript.bytes(connection, "C");
    for (;;) {
      auto next = stream.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return out;
      for (const std::string& text : event->texts) {
        const auto message = SignedMessage::parse(text);
        if (!message->sealed.envelope.sender.same_entity(transcript.ids.at("alice"))) continue;
        out.first.push_back(message->signature);
        if (answers.find(event->ack) != std::string::npos) out.second.insert(message->signature);
      }
    }
  }
};

TEST_P(TranscriptOfACut, R1_WhatWasNotAcknowledgedComesAgainAndNothingElseAsOurGatewayDoesItNow) {
  const auto [before, acknowledged] = brought("bob");
  const auto [after, _] = brought("bob, 1");
  ASSERT_GT(before.size(), 5U);
  ASSERT_GT(after.size(), 5U);
  auto alice = come(transcript.accounts.at("alice"));
  auto bob = come(transcript.accounts.at("bob"));
  introduce(*bob, transcript.accounts.at("alice"));
  pass(2'000);
  const auto taken = [&] {
    take(*bob);
    std::vector<Bytes> out;
    for (const SignedMessage& one : bob->raw) {
      if (one.sealed.envelope.sender.same_entity(transcript.ids.at("alice")))
        out.push_back(one.signature);
    }
    bob->raw.clear();
    return out;
  };
  bool cut = false;
  for (const SignedMessage& message : transcript.written("alice", "bob")) {
    const bool was_before = std::ranges::find(before, message.signature) != before.end();
    if (!cut && !was_before) {
      EXPECT_EQ(taken(), before);
      station->closed(bob->id);
      station->end_of_turn();
      cut = true;
    }
    bob->acks = acknowledged.contains(message.signature);
    give(*alice, message.wire);
    take(*bob);
  }
  ASSERT_TRUE(cut);
  bob = come(transcript.accounts.at("bob"));
  introduce(*bob, transcript.accounts.at("alice"));
  pass(2'000);
  EXPECT_EQ(taken(), after);
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

const std::vector<std::string> kOfTwo{
    "2025-2025-at-2025", "2026-2026-at-2026", "2025-2026-at-2026",      "2026-2025-at-2025",
    "2025-2026-at-ours", "2026-2025-at-ours", "2025-2025-at-ours",      "2026-2026-at-ours",
    "mars-2025-at-ours", "mars-2026-at-ours", "websocket-2025-at-ours", "websocket-2026-at-ours"};
const std::vector<std::string> kOfDim{"dim-2025-at-2025", "dim-2026-at-2026", "dim-2025-at-ours",
                                      "dim-2026-at-ours"};
const auto kOthers = ::testing::Values("bridge-2025", "bridge-2026", "cut-2026-at-ours");
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfTwo, ::testing::ValuesIn(kOfTwo), name_of);
INSTANTIATE_TEST_SUITE_P(Others, TranscriptOfTwo, kOthers, name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, ReferenceTranscript, ::testing::ValuesIn(kOfTwo), name_of);
INSTANTIATE_TEST_SUITE_P(OfDim, ReferenceTranscript, ::testing::ValuesIn(kOfDim), name_of);
INSTANTIATE_TEST_SUITE_P(Others, ReferenceTranscript, kOthers, name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfGroups, ::testing::ValuesIn(kOfTwo), name_of);
INSTANTIATE_TEST_SUITE_P(OfDim, TranscriptOfGroups,
                         ::testing::Values("dim-2025-at-2025", "dim-2026-at-2026"), name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfDevices,
                         ::testing::Values("2026-2026-at-2026", "2026-2026-at-ours",
                                           "mars-2026-at-ours", "websocket-2026-at-ours"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfACut, ::testing::Values("cut-2026-at-ours"),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfDimAtTheirs,
                         ::testing::Values("dim-2025-at-2025", "dim-2026-at-2026"), name_of);
INSTANTIATE_TEST_SUITE_P(Recorded, TranscriptOfABridge,
                         ::testing::Values("bridge-2025", "bridge-2026"), name_of);

}  // namespace
}  // namespace dim
