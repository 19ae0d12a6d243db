// A Messenger at a station of the dimchat reference: the station is played by a few lines around
// the engine.
#include "client/dimchat_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/messenger.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/receipt.h"
#include "dim/engine/steps.h"

namespace dim {
namespace {

constexpr Millis kStart = 1'790'000'000'000;
constexpr Millis kHour = 3'600'000, kDay = 24 * kHour;

struct TestClock final : Clock {
  Millis at = kStart;
  Millis now() const override { return at; }
  Millis monotonic() const override { return at - kStart + 1'000'000; }
};

OsRandom& os_random() {
  static OsRandom random;
  return random;
}

Account user(const char* name) {
  return Account::make_user(name, kStart - 1'000'000, os_random()).value();
}

const Account& station_account() {
  static const Account account =
      Account::make_station("gsp-s001", {}, kStart - 1'000'000, os_random()).value();
  return account;
}

/// The station's side of one connection.
struct FakeStation {
  explicit FakeStation(const Account& identity) : account(identity) {}

  const Account& account;
  const TestClock* clock = nullptr;
  Directory directory;
  FrameStream stream{{.framing = {}, .first_sn = 500}};
  std::string out;                      // to the client
  std::vector<JsonObject> commands;     // opened, for the station or everyone
  std::vector<SignedMessage> messages;  // for others
  std::vector<std::uint64_t> acked;
  std::vector<std::string> held_acks;
  int pings = 0;
  bool acknowledges = true;
  bool answers_in_arrays = false;
  std::string welcomes = "0123abcd";   // the session that DIM! is about
  bool holds_encrypted_proof = false;  // the second hello came encrypted and names the station
  std::optional<Id> client;

  void take(std::string_view bytes) {
    stream.feed(bytes);
    for (;;) {
      auto next = stream.next(0);
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) return;
      out += event->reply;
      if (event->kind == FrameEvent::Kind::ping) ++pings;
      if (event->acked) acked.push_back(*event->acked);
      if (acknowledges) {
        out += event->ack;
      } else {
        held_acks.push_back(event->ack);
      }
      for (const std::string& text : event->texts) on_text(text);
    }
  }

  void on_text(const std::string& text) {
    auto message = SignedMessage::parse(text).value();
    const Id& to = message.sealed.envelope.receiver;
    if (!to.is_broadcast() && !to.same_entity(account.id)) {
      messages.push_back(std::move(message));
      return;
    }
    auto opened =
        open(message, account, directory, [](const Digest32&) { return false; }, clock->now());
    ASSERT_TRUE(opened) << to_string(opened.error());
    client = opened->message.envelope.sender;
    const JsonObject& json = opened->message.content;
    commands.push_back(json);
    const auto content = decode_content(json).value();
    if (const auto* handshake = content.as<HandshakeContent>()) {
      if (handshake->session.empty()) {
        return say(Content(HandshakeContent::again("0123abcd", clock->now(), os_random())), true);
      }
      const std::string* named = json.text("station");
      holds_encrypted_proof = !message.sealed.plain && handshake->session == "0123abcd" &&
                              named != nullptr && *named == account.id.text();
      Content success(HandshakeContent::success(welcomes, clock->now(), os_random()));
      if (!answers_in_arrays) return say(success);
      std::vector<Content> both;
      both.push_back(std::move(success));
      both.emplace_back(
          DocumentsContent::answer(client->bare(), {}, {}, clock->now(), os_random()));
      say(Content(ArrayContent::make(std::move(both), clock->now(), os_random())));
    }
  }

  void say(const Content& content, bool introduce = false) {
    PlainMessage message{.envelope = {.sender = account.id,
                                      .receiver = client->bare(),
                                      .time = static_cast<double>(clock->now()) / 1000},
                         .content = encode_content(content)};
    if (introduce) {
      message.envelope.extra.set("meta", account.meta.json());
      message.envelope.extra.set("visa", account.visa.json());
    }
    auto sealed = seal(message, account, directory, {}, os_random());
    ASSERT_TRUE(sealed) << to_string(sealed.error());
    pass_on(write_message(*sealed));
  }

  OutgoingFrame pass_on(std::string_view text) {
    OutgoingFrame frame = stream.encode_message(text);
    out += frame.bytes;
    return frame;
  }

  std::size_t count(std::string_view command) const {
    std::size_t found = 0;
    for (const JsonObject& content : commands) found += content_command(content) == command ? 1 : 0;
    return found;
  }
};

struct World final : Transport {
  TestClock clock;
  FakeStation station;
  Home home;
  std::optional<Error> failure;
  std::vector<HistoryEntry> received, ticked;
  std::unique_ptr<Messenger> messenger;
  std::string to_station;
  bool up = false;
  Millis differs = 0;  // by how much the station's clock is ahead, as it was told

  explicit World(std::string station_id = station_account().id.text(),
                 const Account& identity = station_account())
      : station(identity), home(Home::in_memory(user("Alice"), os_random()).value()) {
    station.clock = &clock;
    StationTarget target{.id = std::move(station_id), .host = "127.0.0.1", .port = 9394};
    target.protocol = StationTarget::Protocol::dimchat;
    EXPECT_TRUE(home.set_station(target));
    make();
  }
  void make() {
    MessengerEvents events;
    events.failed = [this](const Error& error, int, std::string_view) { failure = error; };
    events.received = [this](const HistoryEntry& entry) { received.push_back(entry); };
    events.ticked = [this](const HistoryEntry& entry) { ticked.push_back(entry); };
    events.clocks_differ = [this](Millis ahead) { differs = ahead; };
    messenger =
        std::make_unique<Messenger>(home, *this, clock, os_random(), events, Messenger::Options{});
  }

  void dial(Lane lane, const StationTarget& target) override {
    EXPECT_EQ(lane, Lane::control);
    EXPECT_EQ(target.port, 9394);
    up = true;
  }
  void send(Lane, std::string bytes) override { to_station += bytes; }
  void hang_up(Lane) override { up = false; }

  void exchange() {
    for (int i = 0; i < 20 && up; ++i) {
      station.take(std::exchange(to_station, {}));
      messenger->received(Lane::control, std::exchange(station.out, {}));
    }
  }
  void connect() {
    failure.reset();
    ASSERT_TRUE(messenger->start());
    messenger->opened(Lane::control, {}, {});
    exchange();
  }
  void cut() {
    up = false;
    to_station.clear();
    station.out.clear();
    station.stream = FrameStream({.framing = {}, .first_sn = 900});
    messenger->closed(Lane::control);
  }

  /// A text of somebody in the form of the reference: nothing says for whom it was written.
  std::string text_of(const Account& from, std::string_view text, bool introduce = true) {
    JsonObject content = text_content(text, clock.now(), os_random());
    PlainMessage message{.envelope = {.sender = from.id,
                                      .receiver = home.account().id,
                                      .time = static_cast<double>(clock.now()) / 1000},
                         .content = std::move(content)};
    if (introduce) {
      message.envelope.extra.set("meta", from.meta.json());
      message.envelope.extra.set("visa", from.visa.json());
    }
    return write_message(seal(message, from, station.directory, {}, os_random()).value());
  }
};

TEST(StationTarget, ReadsAndWritesLinksToDimchatStations) {
  const std::string id = station_account().id.text();
  for (const auto& [link, host, port] :
       {std::tuple("dimchat://127.0.0.1:9395?station=" + id, "127.0.0.1", 9395),
        {"dimchat://[fd00::2]:9394/?station=" + id, "fd00::2", 9394},
        {"dimchat://im.example.org?station=" + id, "im.example.org", 9394}}) {
    const auto target = StationTarget::parse(link);
    ASSERT_TRUE(target) << link;
    EXPECT_EQ(target->host, host);
    EXPECT_EQ(target->port, port);
    EXPECT_EQ(target->id, id);
    EXPECT_EQ(target->protocol, StationTarget::Protocol::dimchat);
    EXPECT_EQ(StationTarget::parse(target->link())->link(), target->link());
  }
  EXPECT_EQ(StationTarget::parse("dimchat://h")->id, "");
  for (const char* bad : {"dimchat://", "dimchat://:9394", "dimchat://h:0", "dimchat://h:70000",
                          "dimchat://[fd00::2", "dimchat://h?station=nobody",
                          "dimchat://h?station=0xd71ae4A6aC8470d86D5a14C59C30FEeb25C55EB3"}) {
    EXPECT_FALSE(StationTarget::parse(bad)) << bad;
  }
}

TEST(DimchatSession, A18_LogsInWithFourStepsAndSignsForOneStationOnly) {
  World world;
  world.connect();
  EXPECT_FALSE(world.failure);
  EXPECT_TRUE(world.messenger->is_ready());
  EXPECT_TRUE(world.station.holds_encrypted_proof);
  EXPECT_EQ(world.messenger->session()->station()->text(), station_account().id.text());
  EXPECT_EQ(world.station.count("documents"), 1U);
  EXPECT_EQ(world.station.count("report"), 1U);
  EXPECT_EQ(world.station.count("login"), 1U);
}

TEST(DimchatSession, TakesAnswersInsideArraysAndAStationThatWasNotNamed) {
  World world("");
  world.station.answers_in_arrays = true;
  world.connect();
  EXPECT_TRUE(world.messenger->is_ready());
  EXPECT_EQ(world.home.station()->value().id, station_account().id.text()) << "kept for next time";
}

TEST(DimchatSession, J31_A18_RefusesTheChallengeOfAStationThatWasNotDialled) {
  const Account other = Account::make_station("other", {}, kStart - 1'000'000, os_random()).value();
  World world(station_account().id.text(), other);
  world.connect();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->code, Errc::station_changed);
  EXPECT_EQ(world.station.count("handshake"), 1U) << "only the greeting, no proof";
}

TEST(DimchatSession, AMessageIsSentWhenTheStationHasAcknowledgedIt) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  world.connect();
  world.station.acknowledges = false;
  const auto sent = world.messenger->send_text(bob.id, "hello");
  ASSERT_TRUE(sent);
  world.exchange();
  ASSERT_EQ(world.station.messages.size(), 1U);
  EXPECT_TRUE(world.ticked.empty());
  EXPECT_EQ(world.messenger->waiting().value(), 1U);
  world.messenger->received(Lane::control, world.station.held_acks.back());
  ASSERT_EQ(world.ticked.size(), 1U);
  EXPECT_EQ(world.ticked[0].tick, Tick::sent);
  EXPECT_EQ(world.messenger->waiting().value(), 0U);
  EXPECT_TRUE(world.station.messages[0].json.contains("visa")) << "the first one introduces us";
}

// wire-2026.md 6: stations of 2026 drop whatever they have seen.
TEST(DimchatSession, WhatWasNotAcknowledgedIsSignedAnewInTheNextSession) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  world.connect();
  world.station.acknowledges = false;
  ASSERT_TRUE(world.messenger->send_text(bob.id, "hello"));
  world.exchange();
  world.cut();
  world.station.acknowledges = true;
  world.connect();
  world.exchange();
  ASSERT_EQ(world.station.messages.size(), 2U);
  EXPECT_NE(world.station.messages[0].signature, world.station.messages[1].signature);
  EXPECT_EQ(world.messenger->waiting().value(), 0U);
}

// Programs of the reference keep one visa of each, the newest that they were told.
TEST(DimchatSession, ARenewedKeyIsToldAndWhoSealsForTheOldOneIsStillRead) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  world.connect();
  ASSERT_TRUE(world.messenger->send_text(bob.id, "hello"));
  world.exchange();
  world.clock.at += Millis{91} * kDay;
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {}, world.clock.now())) << "asked today";
  const std::string old = world.text_of(bob, "for the old key");
  world.cut();
  world.connect();
  ASSERT_EQ(world.home.account().message_keys.size(), 2U);
  EXPECT_FALSE(world.home.has_unpublished_visa());
  EXPECT_EQ(world.station.count("documents"), 3U) << "after each log-in, and when it was made";
  const JsonObject& told = *std::ranges::find_if(
      world.station.commands.rbegin(), world.station.commands.rend(),
      [](const JsonObject& one) { return content_command(one) == "documents"; });
  const auto documents = decode_content(told).value();
  ASSERT_EQ(documents.as<DocumentsContent>()->documents.size(), 1U);
  const JsonObject& visa = documents.as<DocumentsContent>()->documents[0];
  ASSERT_TRUE(world.messenger->send_text(bob.id, "to somebody who has missed that"));
  world.exchange();
  ASSERT_EQ(world.station.messages.size(), 2U);
  EXPECT_TRUE(world.station.messages[1].json.contains("visa")) << "it comes with the next message";
  world.station.pass_on(old);
  ASSERT_TRUE(
      world.station.directory.learn_document(world.home.account().id, visa, world.clock.now()));
  world.station.pass_on(world.text_of(bob, "for the new key"));
  world.exchange();
  ASSERT_EQ(world.received.size(), 2U);
  EXPECT_EQ(world.received[0].text, "for the old key");
  EXPECT_EQ(world.received[1].text, "for the new key");
}

TEST(DimchatSession, AMessageIsAcknowledgedWhenItIsStoredAndShownOnce) {
  World world;
  const Account bob = user("Bob");
  world.connect();
  const std::string text = world.text_of(bob, "hello Alice", false);
  const OutgoingFrame first = world.station.pass_on(text);
  const OutgoingFrame again = world.station.pass_on(text);
  world.exchange();
  // Nobody knows Bob yet: the station is asked, and the message is on the disk meanwhile.
  EXPECT_EQ(world.station.count("documents"), 2U);
  EXPECT_TRUE(world.received.empty());
  EXPECT_EQ(world.messenger->set_aside().value(), 1U);
  world.station.say(Content(DocumentsContent::answer(bob.id, bob.meta.json(), {bob.visa.json()},
                                                     world.clock.now(), os_random())));
  world.exchange();
  ASSERT_EQ(world.received.size(), 1U);
  EXPECT_EQ(world.received[0].text, "hello Alice");
  EXPECT_EQ(std::ranges::count(world.station.acked, first.handle), 1);
  EXPECT_EQ(std::ranges::count(world.station.acked, again.handle), 1) << "a duplicate is told so";
  EXPECT_EQ(world.messenger->history(bob.id, 10)->size(), 1U);
}

TEST(DimchatSession, A16_OnlyTheReceiversReceiptSaysDelivered) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  ASSERT_TRUE(world.station.directory.learn_meta(bob.id, bob.meta));
  world.connect();
  ASSERT_TRUE(world.messenger->send_text(bob.id, "hello"));
  world.exchange();
  ASSERT_EQ(world.station.messages.size(), 1U);
  const SignedMessage& message = world.station.messages[0];
  // As the reference writes it: no GUID, no hash, the envelope with its signature.
  const Content receipt(ReceiptContent::make("Message received.",
                                             ReceiptContent::origin_of(to_json(message), 1),
                                             world.clock.now(), os_random()));
  const auto tick = [&] { return world.messenger->history(bob.id, 1)->at(0).tick; };
  world.station.say(receipt);
  world.exchange();
  EXPECT_EQ(tick(), Tick::sent) << "the station cannot know";
  PlainMessage from_bob{.envelope = {.sender = bob.id,
                                     .receiver = world.home.account().id,
                                     .time = static_cast<double>(kStart) / 1000},
                        .content = encode_content(receipt)};
  world.station.pass_on(
      write_message(seal(from_bob, bob, world.station.directory, {}, os_random()).value()));
  world.exchange();
  EXPECT_EQ(tick(), Tick::delivered);
  EXPECT_TRUE(world.received.empty()) << "a receipt is not shown as a message";
}

TEST(DimchatSession, NamesAndDocumentsThatTheStationDoesNotKnowAreNotWaitedForForEver) {
  World world;
  const Account bob = user("Bob");
  world.connect();
  std::optional<Status> fetched;
  world.messenger->fetch(bob.id, [&](Status status) { fetched = status; });
  std::optional<Result<Id>> found;
  world.messenger->resolve("nobody_there", [&](Result<Id> id) { found = std::move(id); });
  world.exchange();
  EXPECT_FALSE(fetched || found);
  world.clock.at += 11'000;
  world.messenger->tick();
  ASSERT_TRUE(fetched && found);
  EXPECT_EQ(fetched->error().code, Errc::not_found);
  EXPECT_EQ(found->error().code, Errc::not_found);

  found.reset();
  world.messenger->resolve("bobby", [&](Result<Id> id) { found = std::move(id); });
  world.exchange();
  world.station.say(
      Content(AnsContent::answer({"bobby"}, {{"bobby", bob.id}}, world.clock.now(), os_random())));
  world.exchange();
  ASSERT_TRUE(found);
  EXPECT_EQ(**found, bob.id);
}

// Of a new key nobody is told who gets no messages of its owner.
TEST(DimchatSession, A04_KeysOlderThan30DaysAreAskedForAgainBeforeAnythingIsSealed) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  const auto say = [&](std::string_view text) {
    EXPECT_TRUE(world.messenger->send_text(bob.id, text));
    world.exchange();
    return world.station.messages.size();
  };
  const auto come_again = [&](Millis later) {
    world.cut();
    world.clock.at += later;
    world.connect();
  };
  world.clock.at += 29 * kDay;
  world.connect();
  EXPECT_EQ(say("to a key of 29 days"), 1U);
  come_again(2 * kDay);
  EXPECT_EQ(say("to one of 31"), 1U) << "the station is asked first";
  const JsonObject asked = world.station.commands.back();
  EXPECT_EQ(content_command(asked), "documents");
  EXPECT_EQ(*asked.text("did"), bob.id.text());
  const Account newer = user("Newer");
  JsonObject properties;
  properties.set("key", newer.message_keys[0].public_key().json());
  const Document visa =
      Document::make(bob.id, "visa", properties, world.clock.now() - 31 * kDay, bob.identity_key);
  world.station.say(Content(DocumentsContent::answer(bob.id, bob.meta.json(), {visa.json()},
                                                     world.clock.now(), os_random())));
  world.exchange();
  ASSERT_EQ(world.station.messages.size(), 2U);
  EXPECT_TRUE(decrypt(world.station.messages[0].sealed, bob, {}));
  EXPECT_FALSE(decrypt(world.station.messages[1].sealed, bob, {})) << "it is for the newer key";
  EXPECT_EQ(say("and again"), 3U);
  come_again(kHour);
  EXPECT_EQ(say("by the next program"), 4U) << "asked once a day";
  come_again(kDay);
  EXPECT_EQ(say("on the next day"), 4U);
  // A station that says nothing holds it up for ten seconds, and that day not again.
  world.clock.at += 11'000;
  world.messenger->tick();
  world.exchange();
  EXPECT_EQ(world.station.messages.size(), 5U);
  come_again(kHour);
  EXPECT_EQ(say("an hour later"), 6U);
}

// I11: to a slow clock what the station says is of the future, and so are fresh visas.
TEST(DimchatSession, I11_WhatIsForSomebodyWithAFreshVisaWaitsForASlowClock) {
  World world;
  TestClock right;
  right.at += kHour;
  world.station.clock = &right;
  world.connect();
  ASSERT_TRUE(world.messenger->is_ready()) << to_string(*world.failure);
  EXPECT_EQ(world.messenger->session()->clock_offset(), kHour);
  EXPECT_EQ(world.differs, kHour) << "the user is told";
  const Account later = Account::make_user("later", right.at - 1'000, os_random()).value();
  const auto answer = [&] {
    world.exchange();
    world.station.say(Content(DocumentsContent::answer(
        later.id, later.meta.json(), {later.visa.json()}, right.now(), os_random())));
    world.exchange();
  };
  ASSERT_TRUE(world.messenger->send_text(later.id, "to somebody new"));
  answer();
  EXPECT_EQ(world.messenger->waiting().value(), 1U) << "it has not failed";
  const std::size_t asked = world.station.count("documents");
  world.clock.at += 31'000;
  right.at += 31'000;
  world.messenger->tick();
  answer();
  EXPECT_EQ(world.station.count("documents"), asked + 1) << "asked again, and still too early";
  EXPECT_THAT(world.station.messages, testing::IsEmpty());
  // The clock is set right.
  world.cut();
  world.clock.at = right.at;
  world.connect();
  EXPECT_EQ(world.messenger->session()->clock_offset(), 0);
  answer();
  EXPECT_EQ(world.station.messages.size(), 1U);
  EXPECT_EQ(world.messenger->waiting().value(), 0U);
}

TEST(DimchatSession, I11_OnlyTheAnswerToThisLogInTellsTheTime) {
  World world;
  TestClock ahead;
  ahead.at += 100'000;
  world.station.clock = &ahead;
  world.station.welcomes = "another session";
  world.connect();
  ASSERT_TRUE(world.messenger->is_ready());
  EXPECT_EQ(world.messenger->session()->clock_offset(), 0);
}

TEST(DimchatSession, KeepsTheConnectionAliveAndNoticesWhenItIsNot) {
  World world;
  world.connect();
  for (int second = 0; second < 301; ++second) {
    world.clock.at += 1'000;
    world.messenger->tick();
    world.exchange();
  }
  EXPECT_GE(world.station.pings, 16);
  EXPECT_EQ(world.station.count("login"), 2U);
  EXPECT_FALSE(world.failure);
  for (int second = 0; second < 129 && !world.failure; ++second) {
    world.clock.at += 1'000;
    world.messenger->tick();
  }
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->code, Errc::unreachable);
}

TEST(DimchatSession, ALogInThatTheStationDoesNotFinishIsGivenUpAfterThirtySeconds) {
  World world;
  ASSERT_TRUE(world.messenger->start());
  world.messenger->opened(Lane::control, {}, {});
  // The station takes the greeting, and says nothing.
  EXPECT_FALSE(std::exchange(world.to_station, {}).empty());
  world.clock.at += 30'000;
  world.messenger->tick();
  EXPECT_FALSE(world.failure);
  world.clock.at += 1;
  world.messenger->tick();
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->code, Errc::unreachable);
  EXPECT_EQ(world.failure->hint, "the station did not finish the log-in within 30 seconds");
  EXPECT_FALSE(world.up);
}

TEST(DimchatSession, AStationThatAcknowledgesNothingIsLeftAfterTwoMinutes) {
  World world;
  const Account bob = user("Bob");
  ASSERT_TRUE(world.home.learn(bob.id, bob.meta.json(), {bob.visa.json()}, kStart));
  world.connect();
  world.station.acknowledges = false;
  ASSERT_TRUE(world.messenger->send_text(bob.id, "hello"));
  // It is there all the same: what it is pinged with it answers.
  const auto pass = [&](Millis time) {
    world.clock.at += time;
    world.messenger->tick();
    world.exchange();
  };
  world.exchange();
  for (int second = 0; second < 120; ++second) pass(1'000);
  EXPECT_GE(world.station.pings, 7);
  EXPECT_FALSE(world.failure);
  pass(1);
  ASSERT_TRUE(world.failure);
  EXPECT_EQ(world.failure->code, Errc::unreachable);
  EXPECT_EQ(world.failure->hint, "the station does not acknowledge what it gets");
  EXPECT_FALSE(world.up);
  EXPECT_EQ(world.messenger->waiting().value(), 1U) << "it goes with the next session";
}

}  // namespace
}  // namespace dim
