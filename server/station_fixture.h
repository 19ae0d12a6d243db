// For the station's tests: the core with a store in memory, a clock and randomness from a seed, and
// links that are strings.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dim/base/base64.h"
#include "dim/base/json.h"
#include "dim/engine/account.h"
#include "dim/engine/engine.h"
#include "dim/packet/reader.h"
#include "dim/protocol/content.h"
#include "dim/store/memory_store.h"
#include "server/station.h"

namespace dim::station_test {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      state_ += 0x9e3779b97f4a7c15;
      std::uint64_t z = state_;
      z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
      z = (z ^ z >> 27) * 0x94d049bb133111eb;
      byte = static_cast<std::uint8_t>(z >> 56);
    }
  }

 private:
  std::uint64_t state_;
};

class ManualClock final : public Clock {
 public:
  Millis now() const override { return 1'790'000'000'000 + at + jump; }
  Millis monotonic() const override { return 1'000'000 + at; }
  Millis at = 0;
  Millis jump = 0;  ///< of the wall clock alone
};

/// A connection: collects what the station sends. `stuck`: the peer reads nothing.
class FakeLink final : public StationLink {
 public:
  void send(std::string bytes) override {
    ASSERT_FALSE(closed) << "the station sent after close";
    if (stuck)
      waiting += bytes;
    else
      sent += bytes;
  }
  void close() override { closed = true; }
  std::size_t queued() const override { return waiting.size(); }
  void pause(bool value) override { paused = value; }
  void proven() override { was_proven = true; }
  void unstick() {
    sent += waiting;
    waiting.clear();
    stuck = false;
  }

  std::string sent, waiting;
  bool closed = false, paused = false, stuck = false, was_proven = false;
};

/// Commits at once, or when told to.
class TestCommitter final : public Committer {
 public:
  explicit TestCommitter(Store& store) : store_(store) {}
  void submit(std::vector<Write> writes, Done done) override {
    submitted += writes.size();
    waiting_.emplace_back(std::move(writes), std::move(done));
    if (!held) run();
  }
  void run() {
    while (!waiting_.empty()) run_one();
  }
  /// The oldest that waits.
  void run_one() {
    auto [writes, done] = std::move(waiting_.front());
    waiting_.pop_front();
    if (error)
      done(std::unexpected(*error));
    else
      done(store_.commit(writes));
  }
  bool held = false;
  std::optional<Error> error;
  std::size_t submitted = 0;

 private:
  Store& store_;
  std::deque<std::pair<std::vector<Write>, Done>> waiting_;
};

/// Accounts take a while to make: each is made once for the whole test program.
inline const Account& account_of(const std::string& name) {
  static std::map<std::string, Account> made;
  auto found = made.find(name);
  if (found == made.end()) {
    SeededRandom random(std::hash<std::string>{}(name));
    auto account = Account::make_user(name, ManualClock().now() - 60'000, random);
    EXPECT_TRUE(account.has_value()) << to_string(account.error());
    found = made.emplace(name, std::move(*account)).first;
  }
  return found->second;
}

inline const Account& station_account() {
  static const Account account = [] {
    SeededRandom random(7);
    JsonObject properties;
    properties.set("tls", JsonArray{Json("sha256-AAAA"), Json("sha256-BBBB")});
    auto made = Account::make_station("station", properties, ManualClock().now() - 60'000, random);
    EXPECT_TRUE(made.has_value()) << to_string(made.error());
    return std::move(*made);
  }();
  return account;
}

/// One end of a connection to the station under test.
struct Peer {
  LinkId id{};
  Lane lane = Lane::control;
  Bytes binding;
  FakeLink link;
  PacketReader reader{{.lane = Lane::text}};

  std::vector<Packet> take() {
    std::vector<Packet> out;
    reader.feed(std::exchange(link.sent, {}));
    while (true) {
      auto next = reader.next();
      if (std::holds_alternative<std::monostate>(next)) return out;
      if (auto* bad = std::get_if<BadPacket>(&next)) {
        ADD_FAILURE() << "the station sent no packet: " << to_string(bad->error);
        return out;
      }
      out.push_back(std::move(std::get<Packet>(next)));
    }
  }
};

struct LoggedIn {
  const Account* account = nullptr;
  std::unique_ptr<Peer> control, text;
  std::string session, resume;
  Bytes token;
  Checksum checksum = Checksum::sha256;
  Packet welcome;
};

class StationTest : public testing::Test {
 protected:
  void SetUp() override { start(); }

  void start() {
    station.reset();
    station =
        std::make_unique<Station>(config, station_account(), store, committer, clock, random, crew);
    station->on_event([this](const StationEvent& event) {
      events.emplace_back(event.name);
      details.emplace_back(event.detail);
    });
  }

  std::unique_ptr<Peer> connect(Lane lane = Lane::control, std::string remote = "2001:db8:1::7") {
    auto peer = std::make_unique<Peer>();
    peer->lane = lane;
    const auto binding = random.array<32>();
    peer->binding.assign(binding.begin(), binding.end());
    peer->id = station->opened(
        peer->link, {.lane = lane, .remote = std::move(remote), .channel_binding = peer->binding});
    station->end_of_turn();
    return peer;
  }

  void bytes(Peer& peer, std::string_view text) {
    station->received(peer.id, text);
    station->end_of_turn();
  }
  void send(Peer& peer, const Packet& packet, Checksum checksum = Checksum::sha256) {
    bytes(peer, write_packet(packet, checksum));
  }
  std::vector<Packet> ask(Peer& peer, const Packet& packet, Checksum checksum = Checksum::sha256) {
    send(peer, packet, checksum);
    return peer.take();
  }
  /// The only answer to one packet.
  Packet answer(Peer& peer, const Packet& packet, Checksum checksum = Checksum::sha256) {
    auto all = ask(peer, packet, checksum);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? Packet{} : all.back();
  }
  void pass(Millis ms, Millis step = 100) {
    for (Millis end = clock.at + ms; clock.at < end;) {
      clock.at += std::min(step, end - clock.at);
      station->tick();
      station->end_of_turn();
    }
  }

  static Packet hello(const Account& account, std::string target = station_account().id.text()) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("author", account.device().text()).set("target", std::move(target));
    packet.set("nonce", to_base64(Bytes(32, 9)))
        .set("checksums", "[sha256, crc32c]")
        .set("encryption", "AES");
    return packet;
  }

  static ConnectInput input_for(const Account& account, const Peer& peer, const Packet& challenge) {
    ConnectInput input;
    input.station_id = station_account().id.text();
    input.author_id = account.id.bare().text();
    input.port = 8800;
    input.channel_binding = peer.binding;
    input.challenge = *from_base64(challenge.get("challenge"));
    input.nonce = Bytes(32, 9);
    input.offered = "[sha256, crc32c]";
    input.chosen = challenge.get("chosen");
    return input;
  }

  static Packet proof(const Account& account, const ConnectInput& input, bool show_meta) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "2")
        .set("author", account.device().text())
        .set("target", station_account().id.text());
    packet.set("challenge", to_base64(input.challenge));
    packet.set("signature", to_base64(account.identity_key.sign(connect_signing_input(input))));
    if (show_meta) {
      JsonObject content;
      content.set("meta", account.meta.json());
      content.set("visa", account.visa.json());
      packet.content = write_json(content);
    }
    return packet;
  }

  static void learn(LoggedIn& in, const Packet& welcome) {
    in.welcome = welcome;
    in.session = welcome.get("session");
    in.resume = welcome.get("resume");
    in.token = from_base64(welcome.get("token")).value_or(Bytes{});
    in.checksum = welcome.get("chosen") == "crc32c" ? Checksum::crc32c : Checksum::sha256;
    in.control->reader.set_options(
        {.lane = Lane::text, .checksum_required = true, .crc32c_agreed = true});
  }

  LoggedIn login(const std::string& name, const std::string& remote = "2001:db8:1::7") {
    return login(account_of(name), remote);
  }
  LoggedIn login(const Account& account, const std::string& remote = "2001:db8:1::7") {
    LoggedIn in;
    in.account = &account;
    in.control = connect(Lane::control, remote);
    const Packet challenge = answer(*in.control, hello(*in.account));
    EXPECT_EQ(challenge.code, 418) << challenge.get("message");
    if (challenge.code != 418) return in;
    const Packet welcome =
        answer(*in.control, proof(*in.account, input_for(*in.account, *in.control, challenge),
                                  challenge.get("known") == "no"));
    EXPECT_EQ(welcome.code, 200) << welcome.get("message");
    learn(in, welcome);
    return in;
  }

  Packet open_lane(LoggedIn& in, std::optional<Cursor> after, Lane lane = Lane::text) {
    in.text = connect(lane);
    in.text->reader.set_options(
        {.lane = Lane::text, .checksum_required = true, .crc32c_agreed = true});
    const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(lane));
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("session", in.session);
    packet.set("proof", to_base64(port_proof(in.token, port, in.text->binding)));
    if (after) packet.set("after", std::to_string(*after));
    send(*in.text, packet);
    auto all = in.text->take();
    if (all.empty()) return {};
    pushed_at_open.assign(all.begin() + 1, all.end());
    return all.front();
  }

  /// Logged in with a text lane that wants pushes behind `after`.
  LoggedIn online(const std::string& name, std::optional<Cursor> after = 0) {
    LoggedIn in = login(name);
    const Packet opened = open_lane(in, after);
    EXPECT_EQ(opened.code, 200) << opened.get("message");
    return in;
  }

  static std::string signed_message(const Account& from, const std::string& to,
                                    const std::string& text) {
    JsonObject message;
    Bytes data = to_bytes(text);
    while (data.size() < 48 || data.size() % 16 != 0) data.push_back('.');
    message.set("sender", from.id.text());
    message.set("receiver", to);
    message.set("time", 1'790'000'000.5);
    message.set("data", to_base64(data));
    JsonObject keys;
    keys.set(to, to_base64(Bytes(256, 1)));
    message.set("keys", keys);
    message.set("iv", to_base64(Bytes(16, 2)));
    message.set("signature", to_base64(from.identity_key.sign(data)));
    return write_json(message);
  }

  Packet create(const Account& from, const std::string& to, const std::string& text,
                std::string id = "5") {
    Packet packet = Packet::request(Operation::create);
    packet.set("id", std::move(id)).set("type", "message").set("target", to);
    packet.set("guid", Guid::make(clock.now(), random).text());
    packet.content = signed_message(from, to, text);
    return packet;
  }
  /// CREATE of type login: `signer` says that they are at the station `where`.
  Packet login_packet(const Account& signer, const std::string& where, Millis at) {
    JsonObject station_json;
    station_json.set("did", where);
    LoginContent login =
        LoginContent::make(signer.id, std::move(station_json), "test", clock.now(), random);
    login.head.time = static_cast<double>(at) / 1000;
    const PlainMessage message{.envelope = {.sender = signer.id.bare(),
                                            .receiver = Id("everyone", Address::everywhere()),
                                            .time = login.head.time},
                               .content = encode_content(login)};
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "6").set("type", "login").set("target", signer.id.bare().text());
    packet.content = write_message(*seal(message, signer, Directory(), {}, random));
    return packet;
  }
  Packet login_packet(const std::string& name) {
    return login_packet(account_of(name), station_account().id.text(), clock.now());
  }
  static const Account& user(const std::string& name) { return account_of(name); }
  static std::string id_of(const std::string& name) { return account_of(name).id.bare().text(); }

  ManualClock clock;
  SeededRandom random{42};
  MemoryStore store;
  TestCommitter committer{store};
  StationConfig config;
  Crew* crew = nullptr;  ///< of the next start()
  std::unique_ptr<Station> station;
  std::vector<std::string> events;   ///< names
  std::vector<std::string> details;  ///< of the same
  std::vector<Packet> pushed_at_open;
};

}  // namespace dim::station_test
