// A person's client against a station that answers what the test says. Included by tests only.
#pragma once
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/station_fixture.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {

class MessengerTest : public testing::Test, private Transport {
 protected:
  MessengerTest()
      : home(Home::in_memory(Account::make_user("me", kFakeNow - 1'000, fake_random()).value(),
                             fake_random())
                 .value()) {
    EXPECT_TRUE(home.set_station(fake_target()));
    know(peer());
  }

  static const Account& peer() { return fake_user(2); }
  void know(const Account& account) {
    EXPECT_TRUE(home.learn(account.id, account.meta.json(), {account.visa.json()}, kFakeNow));
  }

  void log_in(Messenger::Options options = {}) {
    MessengerEvents events;
    events.received = [this](const HistoryEntry& entry) { received.push_back(entry); };
    events.ticked = [this](const HistoryEntry& entry) { ticked.push_back(entry); };
    events.failed = [this](const Error& error, int, std::string_view) { failure = error; };
    events.clocks_differ = [this](Millis ahead) { clocks.push_back(ahead); };
    events.typing = [this](const Id& id, bool on) {
      notices.push_back(id.text() + (on ? " types" : " rests"));
    };
    events.presence = [this](const Id& id, std::string_view state) {
      notices.push_back(id.text() + " " + std::string(state));
    };
    messenger.emplace(home, static_cast<Transport&>(*this), clock, fake_random(), std::move(events),
                      options);
    connect();
  }
  Transport& transport() { return *this; }
  void connect() {
    station = FakeStation();
    ASSERT_TRUE(messenger->start());
    messenger->opened(Lane::control, fake_binding(Lane::control), fake_spki());
    answer(Lane::control, station.challenge(station.next(Lane::control)));
    answer(Lane::control,
           FakeStation::welcome(station.next(Lane::control), clock.now() + station_ahead, cursor));
    messenger->opened(Lane::text, fake_binding(Lane::text), fake_spki());
    const Packet asked = station.next(Lane::text);
    asked_after = std::string(asked.get("after"));
    answer(Lane::text, Packet::response(200, asked.get("id")));
    ASSERT_TRUE(messenger->is_ready());
  }
  void answer(Lane lane, const Packet& packet) { messenger->received(lane, write_packet(packet)); }
  void accept(const Packet& request, int code = 202) {
    answer(Lane::text, Packet::response(code, request.get("id")));
  }
  std::string send(std::string_view text) {
    auto sent = messenger->send_text(peer().id, text);
    EXPECT_TRUE(sent) << to_string(sent.error());
    return sent->guid;
  }
  HistoryEntry entry_of(const std::string& guid) {
    auto all = messenger->history(peer().id, 1'000);
    for (auto& entry : *all) {
      if (entry.guid == guid) return entry;
    }
    ADD_FAILURE() << "no entry " << guid;
    return {.guid = {}, .peer = peer().id};
  }

  SignedMessage from_peer(std::string_view text) {
    return from(peer(), TextContent::make(text, clock.now(), fake_random()));
  }
  SignedMessage from(const Account& sender, const Content& content) {
    Directory known;
    EXPECT_TRUE(known.learn_meta(home.account().id, home.account().meta));
    EXPECT_TRUE(known.learn_document(home.account().id, home.account().visa.json(), clock.now()));
    PlainMessage plain{.envelope = {.sender = sender.id,
                                    .receiver = home.account().id,
                                    .time = static_cast<double>(clock.now()) / 1000},
                       .content = encode_content(content)};
    Chain& chain = chains[sender.id.text()];
    ++chain.seq;
    auto sealed = seal(plain, sender, known, chain, fake_random()).value();
    chain.prev = to_base64(message_hash(sealed));
    return sealed;
  }
  static SignedMessage broken(SignedMessage message) {
    message.sealed.keys[0].second[100] ^= 1;
    return SignedMessage::parse(write_message(message)).value();
  }
  void push(const SignedMessage& message, std::string guid = {}) {
    if (guid.empty()) guid = Guid::make(clock.now(), fake_random()).text();
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message")
        .set("author", message.sealed.envelope.sender.text())
        .set("target", home.account().id.text())
        .set("guid", guid)
        .set("cursor", std::to_string(++cursor));
    packet.content = write_message(message);
    answer(Lane::text, packet);
  }
  void notice(const Id& author, std::string_view type, std::string_view state) {
    Packet packet = Packet::request(Operation::notify);
    packet.set("type", std::string(type)).set("author", author.text());
    answer(type == "typing" ? Lane::text : Lane::control, packet.set("state", std::string(state)));
  }
  /// Notices of presence that the client has sent, as "state target".
  std::vector<std::string> announced() {
    std::vector<std::string> out;
    for (const Packet& packet : station.requests[Lane::control]) {
      if (packet.get("type") == "presence")
        out.push_back(std::string(packet.get("state")) + " " + std::string(packet.get("target")));
    }
    station.requests[Lane::control].clear();
    return out;
  }

  FakeClock clock;
  FakeStation station;
  Home home;
  std::optional<Messenger> messenger;
  std::vector<HistoryEntry> received;
  std::vector<HistoryEntry> ticked;
  std::vector<std::string> notices;
  std::optional<Error> failure;
  std::int64_t cursor = 0;              // newest of the inbox
  std::string asked_after;              // from which cursor on the inbox was asked for
  Millis station_ahead = 0;             // its clock, before ours
  std::vector<Millis> clocks;           // by how much they differ, as it was told
  std::map<std::string, Chain> chains;  // of each sender: its last message

 private:
  void dial(Lane, const StationTarget&) override {}
  void send(Lane lane, std::string bytes) override { station.client_sent(lane, bytes); }
  void hang_up(Lane) override {}
};

}  // namespace dim
