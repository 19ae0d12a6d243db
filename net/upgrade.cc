#include "net/upgrade.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "dim/packet/uri.h"

namespace dim {
namespace {

constexpr char kTlsHandshake = 0x16;
constexpr char kFirstOfVersion = 'v';
constexpr int kSwitching = 101;

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 20 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

PacketReader::Options plain_options() { return {.lane = Lane::control}; }

}  // namespace

UpgradeServer::UpgradeServer() : reader_(plain_options()) {}

UpgradeStep UpgradeServer::refuse(const Error& error, std::string_view reply) {
  state_ = State::over;
  Packet answer = Packet::response(error, reply);
  if (error.code == Errc::better_encryption) answer.set("encryption", "[AES]");
  return {UpgradeStep::Kind::refuse, write_packet(answer), {}, error};
}

UpgradeStep UpgradeServer::judge(const Packet& packet) {
  const std::string_view id = packet.get("id");
  const std::string_view reply = is_id(id) ? id : std::string_view();
  const auto refused = [&](Errc code, Literal hint) {
    return refuse(Error{code, hint.view}, reply);
  };

  if (packet.operation != Operation::connect) {
    return refused(Errc::too_early, "before TLS only CONNECT; start TLS first");
  }
  constexpr std::array<std::string_view, 4> kKeys = {"target", "encryption", "id", "priority"};
  const bool known = std::ranges::all_of(packet.fields, [&](const auto& field) {
    return std::ranges::find(kKeys, field.first) != kKeys.end();
  });
  if (!known || packet.content) {
    return refused(
        Errc::too_early,
        "CONNECT before TLS has target and encryption and nothing else; the rest inside TLS");
  }
  if (packet.has("id") && reply.empty()) {
    return refused(Errc::bad_request, "id is 1 to 20 digits");
  }
  const std::string_view priority = packet.get("priority");
  if (packet.has("priority") && priority != "high" && priority != "normal" && priority != "low") {
    return refused(Errc::bad_request, "priority is high, normal or low");
  }
  if (const auto target = parse_target_address(packet.get("target")); !target) {
    return refuse(Error{Errc::bad_request, target.error().hint}, reply);
  }
  if (!packet.has("encryption")) {
    return refused(Errc::too_early, "name an encryption (AES) or start TLS at once");
  }
  const auto offered = packet.list("encryption");
  if (!offered) return refuse(offered.error(), reply);
  if (std::ranges::find(*offered, "AES") == offered->end()) {
    return refused(Errc::better_encryption, "acceptable is AES, which means TLS 1.3 with AES-GCM");
  }
  state_ = State::switched;
  switched_ = true;
  Packet answer = Packet::response(kSwitching, reply);
  answer.set("encryption", "AES");
  return {UpgradeStep::Kind::need_more, write_packet(answer), {}, std::nullopt};
}

UpgradeStep UpgradeServer::feed(std::string_view bytes) {
  if (bytes.empty()) return {};
  std::string answered;
  if (state_ == State::first_byte) {
    if (bytes[0] == kTlsHandshake) {
      state_ = State::over;
      return {UpgradeStep::Kind::start_tls, {}, bytes, std::nullopt};
    }
    if (bytes[0] != kFirstOfVersion) {
      return refuse(
          Error{Errc::bad_request, "a connection starts with TLS or with version: dim/2023"}, {});
    }
    state_ = State::plain;
  }
  if (state_ == State::plain) {
    // Only so much reaches the reader, so that where the bytes are cut changes nothing.
    const std::size_t room = kPlainBytes - taken_;
    reader_.feed(bytes.substr(0, room));
    taken_ += std::min(room, bytes.size());
    auto next = reader_.next();
    if (const auto* bad = std::get_if<BadPacket>(&next)) return refuse(bad->error, bad->reply);
    const auto* packet = std::get_if<Packet>(&next);
    if (packet == nullptr) {
      if (taken_ < kPlainBytes) return {};
      return refuse(Error{Errc::too_large, "a packet before TLS has at most 4 KiB"}, {});
    }
    const std::size_t behind = reader_.buffered() + (bytes.size() - std::min(room, bytes.size()));
    UpgradeStep step = judge(*packet);
    if (step.kind == UpgradeStep::Kind::refuse) return step;
    reader_ = PacketReader(plain_options());  // nothing from before TLS lives on (A45)
    answered = std::move(step.reply);
    bytes = bytes.substr(bytes.size() - std::min(behind, bytes.size()));
    if (bytes.empty()) return {UpgradeStep::Kind::need_more, std::move(answered), {}, std::nullopt};
  }
  if (state_ == State::switched && bytes[0] == kTlsHandshake) {
    state_ = State::over;
    return {UpgradeStep::Kind::start_tls, std::move(answered), bytes, std::nullopt};
  }
  return refuse(Error{Errc::security_error, "behind CONNECT only TLS may follow (injected bytes?)"},
                {});
}

UpgradeClient::UpgradeClient() : reader_(plain_options()) {}

std::string UpgradeClient::request(std::string_view target) {
  Packet packet = Packet::request(Operation::connect);
  packet.set("target", std::string(target)).set("encryption", "AES");
  return write_packet(packet);
}

UpgradeStep UpgradeClient::feed(std::string_view bytes) {
  const auto refuse = [](Errc code, Literal hint) {
    return UpgradeStep{UpgradeStep::Kind::refuse, {}, {}, Error{code, hint.view}};
  };
  constexpr Literal kPlain = "the station does not go over to TLS; nothing was sent to it";
  const std::size_t room = kPlainBytes - taken_;
  reader_.feed(bytes.substr(0, room));
  taken_ += std::min(room, bytes.size());
  auto next = reader_.next();
  if (std::holds_alternative<BadPacket>(next)) return refuse(Errc::downgrade, kPlain);
  const auto* packet = std::get_if<Packet>(&next);
  if (packet == nullptr) {
    return taken_ < kPlainBytes ? UpgradeStep{} : refuse(Errc::downgrade, kPlain);
  }
  if (packet->code == 303)
    return refuse(Errc::better_encryption, "the station accepts none of our encryptions");
  if (packet->code == 401)
    return refuse(Errc::bad_request, "the station refused the plain CONNECT");
  if (packet->code >= 500) return refuse(Errc::unavailable, "the station cannot serve us now");
  if (packet->code != kSwitching || packet->content) return refuse(Errc::downgrade, kPlain);
  // A station is silent after 101 until it has our ClientHello.
  if (reader_.buffered() != 0 || bytes.size() > room) return refuse(Errc::downgrade, kPlain);
  return {UpgradeStep::Kind::start_tls, {}, {}, std::nullopt};
}

}  // namespace dim
