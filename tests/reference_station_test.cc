// dim's own session and messenger at a station of the dimchat reference, as recorded by
// tests/reference/record.py: bob's keys and the station's are in the file, so what the station said
// to a client of the reference is said to dim, and what dim answers is opened with its keys.
#include <gmock/gmock.h>

#include "client/messenger.h"
#include "dim/crypto/os_random.h"
#include "tests/transcript_testing.h"

namespace dim {
namespace {

struct RecordedClock final : Clock {
  explicit RecordedClock(Millis time) : at(time) {}
  Millis now() const override { return at; }
  Millis monotonic() const override { return 1'000'000; }
  Millis at;
};

/// What ran from one side, in order: each message with the bytes that acknowledge it.
std::vector<std::pair<SignedMessage, std::string>> messages_in(std::string_view bytes) {
  std::vector<std::pair<SignedMessage, std::string>> out;
  FrameStream stream({.framing = {}, .first_sn = 1});
  stream.feed(bytes);
  for (;;) {
    auto next = stream.next(0);
    auto* event = std::get_if<FrameEvent>(&next);
    if (event == nullptr) return out;
    for (const std::string& text : event->texts)
      out.emplace_back(SignedMessage::parse(text).value(), event->ack);
  }
}

class RecordedStation : public ::testing::TestWithParam<std::string>, private Transport {
 protected:
  RecordedStation() : home(Home::in_memory(account_of("bob"), random).value()) {
    StationTarget target{.id = station.id.text(), .host = "127.0.0.1", .port = 9394};
    target.protocol = StationTarget::Protocol::dimchat;
    EXPECT_TRUE(home.set_station(target));
    // Without it what she wrote would wait for an answer of the station, and come later.
    const JsonObject& alice = member(member(transcript.json, "accounts"), "alice");
    EXPECT_TRUE(home.learn(transcript.ids.at("alice"), member(alice, "meta"),
                           {member(alice, "visa")}, transcript.end()));
  }
  Account account_of(const std::string& name) {
    auto found = transcript.accounts.extract(name);
    return std::move(found.mapped());
  }

  /// Everything that the station has said on that connection; what dim has said to it.
  std::string hear(const std::string& connection) {
    MessengerEvents events;
    events.received = [this](const HistoryEntry& entry) { received.push_back(entry); };
    events.failed = [](const Error& error, int, std::string_view) {
      ADD_FAILURE() << to_string(error);
    };
    sent.clear();
    messenger.emplace(home, static_cast<Transport&>(*this), clock, random, events,
                      Messenger::Options{});
    EXPECT_TRUE(messenger->start());
    messenger->opened(Lane::control, {}, {});
    const std::string bytes = transcript.bytes(connection, "S");
    for (std::size_t at = 0; at < bytes.size(); at += 1'000)
      messenger->received(Lane::control, std::string_view(bytes).substr(at, 1'000));
    EXPECT_TRUE(messenger->is_ready());
    return sent;
  }
  std::vector<std::string> of_bob() const {
    std::vector<std::string> out = transcript.connections();
    std::erase_if(out, [](const std::string& name) { return Transcript::person(name) != "bob"; });
    return out;
  }

  OsRandom random;
  Transcript transcript{GetParam()};
  Account station = account_of("station");
  RecordedClock clock{transcript.end()};
  Home home;
  std::optional<Messenger> messenger;
  std::vector<HistoryEntry> received;
  std::string sent;

 private:
  void dial(Lane, const StationTarget&) override {}
  void send(Lane, std::string bytes) override { sent += bytes; }
  void hang_up(Lane) override {}
};

TEST_P(RecordedStation, A18_DimLogsInAndProvesItForThisStationAndThisSessionOnly) {
  ASSERT_FALSE(of_bob().empty());
  for (const std::string& connection : of_bob()) {
    const auto said = messages_in(hear(connection));
    std::string session;
    for (const auto& [message, ack] : messages_in(transcript.bytes(connection, "S"))) {
      auto opened = open(message, home.account(), transcript.everybody, {}, clock.now(),
                         {.station = station.id});
      const std::string* title = opened ? opened->message.content.text("title") : nullptr;
      if (title != nullptr && *title == "DIM?") session = *opened->message.content.text("session");
    }
    ASSERT_FALSE(session.empty()) << "the recorded question";
    Directory known;
    std::vector<std::string> commands;
    std::size_t proofs = 0;
    for (const auto& [message, ack] : said) {
      const Id& to = message.sealed.envelope.receiver;
      if (!to.is_broadcast() && !to.same_entity(station.id)) continue;
      auto opened = open(message, station, known, {}, clock.now());
      ASSERT_TRUE(opened) << to_string(opened.error());
      const JsonObject& content = opened->message.content;
      commands.push_back(content_command(content));
      if (commands.back() != "handshake") continue;
      EXPECT_EQ(*content.text("station"), station.id.text());
      const std::string* named = content.text("session");
      if (named == nullptr) continue;
      ++proofs;
      EXPECT_EQ(*named, session);
      EXPECT_FALSE(message.sealed.plain);
      EXPECT_EQ(opened->label, Label::secure_old);
    }
    EXPECT_EQ(proofs, 1U);
    ASSERT_GE(commands.size(), 5U);
    commands.resize(5);
    EXPECT_THAT(commands,
                ::testing::ElementsAre("handshake", "handshake", "documents", "report", "login"));
  }
}

TEST_P(RecordedStation, A15_EveryMessageIsAcknowledgedAndTheTextsAreThoseThatTheReferenceRead) {
  std::size_t count = 0;
  for (const std::string& connection : of_bob()) {
    const std::string answers = hear(connection);
    for (const auto& [message, ack] : messages_in(transcript.bytes(connection, "S"))) {
      ++count;
      EXPECT_NE(answers.find(ack), std::string::npos) << message.wire;
    }
  }
  EXPECT_GT(count, 30U);
  std::vector<std::string> expected, got;
  for (const auto& [signature, content] : member(member(transcript.json, "arrived"), "bob")) {
    if (content_type(*content.object()) == "1") expected.push_back(*content.object()->text("text"));
  }
  for (const HistoryEntry& entry : received) {
    EXPECT_THAT(entry.cause, ::testing::IsEmpty());
    if (entry.content_type == "text") got.push_back(entry.text);
  }
  EXPECT_GE(expected.size(), 5U);
  EXPECT_THAT(got, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(messenger->set_aside().value(), 0U);
  // Her groups are those that the reference's client knows.
  Groups groups(home, random);
  for (const auto& [id, members] : transcript.groups()) {
    const auto group = groups.find(*Id::parse(id), clock.now());
    ASSERT_TRUE(group && *group != nullptr) << id;
    EXPECT_EQ((*group)->members(), members);
  }
}

std::string name_of_station(const ::testing::TestParamInfo<std::string>& one) {
  std::string name = one.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Recorded, RecordedStation,
                         ::testing::Values("2025-2025-at-2025", "2026-2026-at-2026",
                                           "2026-2025-at-2025", "2025-2026-at-2026",
                                           "dim-2025-at-2025", "dim-2026-at-2026"),
                         name_of_station);

}  // namespace
}  // namespace dim
