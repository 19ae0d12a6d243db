// For the tests of live streams: people whose connections on 8803 and 8804 have joined one.
#pragma once
#include "server/hub_fixture.h"
#include "server/live_relay.h"

namespace dim::station_test {

class LiveTest : public HubTest {
 protected:
  /// One connection on 8803 or 8804.
  struct Listener {
    std::unique_ptr<Peer> peer;
    Lane lane = Lane::audio;
    std::uint32_t number = 0;
    Packet answer{};

    std::vector<LiveFrame> frames() {
      if (!reader) reader.emplace(lane);
      reader->feed(std::exchange(peer->link.sent, {}));
      std::vector<LiveFrame> out;
      for (auto next = reader->next(); next && *next; next = reader->next())
        out.push_back(std::move(**next));
      return out;
    }
    std::optional<LiveFrameReader> reader{};
  };

  static std::string secret() { return R"({"secret":")" + to_base64(Bytes(32, 7)) + "\"}"; }
  Packet opening(const std::string& target, const Guid& guid, std::string content = secret()) {
    Packet packet = request(Operation::create, "stream", target);
    packet.set("guid", guid.text());
    packet.content = std::move(content);
    return packet;
  }
  /// Alice's hub with a channel in which everybody may speak and show something.
  LoggedIn host() { return founder(); }
  /// The same without.
  LoggedIn quiet_host() {
    LoggedIn alice = founder();
    Packet packet = request(Operation::edit, "hub", hub_id());
    packet.content = R"({"everyone":["read","write"]})";
    EXPECT_EQ(code(*alice.text, packet), 200) << last.get("message");
    return alice;
  }
  Guid open_in_channel(LoggedIn& who) {
    const Guid guid = next_guid();
    EXPECT_EQ(code(*who.text, opening(channel.text(), guid)), 201) << last.get("message");
    return guid;
  }
  /// CONNECT of the lane, with its proof.
  std::unique_ptr<Peer> lane_of(const LoggedIn& who, Lane lane) {
    auto peer = connect(lane);
    peer->reader.set_options(
        {.lane = Lane::text, .checksum_required = true, .crc32c_agreed = true});
    const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(lane));
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("session", who.session);
    packet.set("proof", to_base64(port_proof(who.token, port, peer->binding)));
    EXPECT_EQ(answer(*peer, packet).code, 200);
    return peer;
  }
  /// The same inside the connection of 8800.
  void prove(LoggedIn& who, Lane lane) {
    const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(lane));
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("lane", std::string(to_string(lane))).set("session", who.session);
    packet.set("proof", to_base64(port_proof(who.token, port, who.control->binding)));
    EXPECT_EQ(ask_for(*who.control, packet).code, 200) << last.get("message");
  }
  static Packet joining_stream(const Guid& stream, const std::string& direction = {}) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "2").set("target", stream.text());
    if (!direction.empty()) packet.set("direction", direction);
    return packet;
  }
  /// Reads the packet in front of frames, as a client has to.
  Listener join(const LoggedIn& who, const Guid& stream, Lane lane = Lane::audio,
                const std::string& direction = {}) {
    Listener out{.peer = lane_of(who, lane), .lane = lane};
    bytes(*out.peer, write_packet(joining_stream(stream, direction)));
    PacketReader reader{{.lane = Lane::text, .checksum_required = true}};
    reader.feed(std::exchange(out.peer->link.sent, {}));
    auto next = reader.next();
    if (!std::holds_alternative<Packet>(next)) {
      ADD_FAILURE() << "no answer";
      return out;
    }
    out.answer = std::get<Packet>(next);
    out.peer->link.sent = reader.take_rest();
    out.number = static_cast<std::uint32_t>(parse_number(out.answer.get("stream")));
    return out;
  }
  static std::uint64_t parse_number(std::string_view text) {
    std::uint64_t out = 0;
    for (const char c : text) out = out * 10 + static_cast<std::uint64_t>(c - '0');
    return out;
  }
  void say(Listener& from, std::uint32_t sequence, std::string payload = "opus", bool key = true) {
    bytes(*from.peer, write_live_frame({.stream = from.number,
                                        .sequence = sequence,
                                        .time = sequence * 20'000ULL,
                                        .key = key,
                                        .payload = std::move(payload)}));
  }
  /// States of what was told about streams, in order; the last of them is in `last`.
  std::vector<std::string> told(LoggedIn& who) {
    std::vector<std::string> out;
    for (Packet& packet : who.text->take()) {
      if (packet.get("type") != "stream" || packet.is_response()) continue;
      out.emplace_back(packet.get("state"));
      last = std::move(packet);
    }
    return out;
  }
};

}  // namespace dim::station_test
