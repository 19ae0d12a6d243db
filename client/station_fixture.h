// A station for the client's tests: it says what a test wants it to say, right or wrong. Included
// by tests only.
#pragma once
#include <gmock/gmock.h>

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/proofs.h"

namespace dim {

inline constexpr Millis kFakeNow = 1'790'000'000'000;

class FakeClock final : public Clock {
 public:
  Millis now() const override { return kFakeNow + passed; }
  Millis monotonic() const override { return 1'000'000 + passed; }
  Millis passed = 0;
};

inline OsRandom& fake_random() {
  static OsRandom random;
  return random;
}

/// A certificate's key; any other number is another certificate.
inline Digest32 fake_spki(std::uint8_t number = 1) {
  Digest32 out{};
  out.fill(number);
  return out;
}
inline std::string fake_pin(std::uint8_t number = 1) {
  return "sha256-" + to_base64url(fake_spki(number));
}
inline Bytes fake_binding(Lane lane) {
  return Bytes(32, static_cast<std::uint8_t>(0x40 + static_cast<int>(lane)));
}

inline const Account& fake_station_account() {
  static const Account account = [] {
    JsonObject properties;
    properties.set("tls", JsonArray{fake_pin()});
    return Account::make_station("station", std::move(properties), kFakeNow - 1'000, fake_random())
        .value();
  }();
  return account;
}

inline const Account& fake_user(int number) {
  static std::map<int, Account> accounts;
  const auto found = accounts.find(number);
  if (found != accounts.end()) return found->second;
  return accounts
      .emplace(number,
               Account::make_user("user " + std::to_string(number), kFakeNow - 1'000, fake_random())
                   .value())
      .first->second;
}

inline StationTarget fake_target() {
  return {
      .id = fake_station_account().id.text(), .host = "::1", .port = 8800, .pins = {fake_pin()}};
}

/// What the client has sent, taken apart, and the answers of a station that does everything right.
class FakeStation {
 public:
  void client_sent(Lane lane, std::string_view bytes) {
    auto& reader =
        readers_.try_emplace(lane, PacketReader::Options{.lane = lane, .crc32c_agreed = true})
            .first->second;
    reader.feed(bytes);
    for (auto next = reader.next(); !std::holds_alternative<std::monostate>(next);
         next = reader.next()) {
      auto* packet = std::get_if<Packet>(&next);
      ASSERT_NE(packet, nullptr) << "the client sends what no station reads";
      if (packet->operation == Operation::connect && !packet->get("author").empty())
        user_ = Id::parse(packet->get("author"))->bare().text();
      // Each session begins with these, whatever else a test is about.
      const bool own = packet->operation != Operation::get || packet->get("target") == user_;
      auto& to = packet->get("type") == "login"            ? logins
                 : packet->get("type") == "prekeys" && own ? prekeys
                                                           : requests[lane];
      to.push_back(std::move(*packet));
    }
  }
  /// The next request of the client on that lane; the test ends when there is none.
  Packet next(Lane lane) {
    auto& waiting = requests[lane];
    if (waiting.empty()) {
      ADD_FAILURE() << "the client has sent nothing more";
      return Packet::request(Operation::connect);
    }
    Packet out = std::move(waiting.front());
    waiting.pop_front();
    return out;
  }

  /// 418 with everything right.
  Packet challenge(const Packet& hello) const {
    const Account& me = fake_station_account();
    ConnectInput input{.station = true,
                       .station_id = me.id.text(),
                       .author_id = Id::parse(hello.get("author"))->bare().text(),
                       .channel_binding = fake_binding(Lane::control),
                       .challenge = Bytes(32, 9),
                       .nonce = from_base64(hello.get("nonce")).value_or(Bytes{}),
                       .offered = std::string(hello.get("checksums")),
                       .chosen = "crc32c"};
    JsonObject content;
    content.set("meta", me.meta.json());
    content.set("visa", me.visa.json());
    Packet packet = Packet::response(418, hello.get("id"));
    packet.set("author", me.id.text())
        .set("challenge", to_base64(input.challenge))
        .set("chosen", input.chosen)
        .set("known", "yes")
        .set("signature", to_base64(me.identity_key.sign(connect_signing_input(input))));
    packet.content = write_json(content);
    return packet;
  }
  /// 200 with everything right.
  static Packet welcome(const Packet& proof, Millis now = kFakeNow, std::int64_t cursor = 0) {
    Packet packet = Packet::response(200, proof.get("id"));
    packet.set("session", "0190c41e-6000-7000-8000-000000000001")
        .set("token", to_base64(Bytes(32, 5)))
        .set("resume", to_base64(Bytes(32, 6)))
        .set("chosen", "crc32c")
        .set("time", format_time(now))
        .set("limit-messages", "20")
        .set("cursor", std::to_string(cursor));
    return packet;
  }

  std::map<Lane, std::deque<Packet>> requests;
  std::deque<Packet> logins;   ///< CREATE of type login
  std::deque<Packet> prekeys;  ///< what is asked of type prekeys about the user's own device

 private:
  std::map<Lane, PacketReader> readers_;
  std::string user_;  // who logs in
};

}  // namespace dim
