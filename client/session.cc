#include "client/session.h"

#include <algorithm>

#include "client/fields.h"
#include "dim/base/base64.h"
#include "dim/engine/engine.h"
#include "dim/packet/lane_queue.h"
#include "dim/packet/uri.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kOffered = "[sha256, crc32c]";
constexpr std::string_view kOfferedPlain = "[sha256]";
constexpr Millis kPingAfterMs = 120'000;
constexpr Millis kSayWhereMs = 240'000;  // stations pass on records of the last five minutes
constexpr std::string_view kAgent = "DIM";

std::string pin_of(const Digest32& spki) { return "sha256-" + to_base64url(spki); }

/// Pins may come with the URL alphabet or the standard one; compare in one.
std::string normal_pin(std::string_view pin) {
  std::string out(pin);
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  while (!out.empty() && out.back() == '=') out.pop_back();
  return out;
}

}  // namespace

namespace {

constexpr std::string_view kDimchat = "dimchat://";

// dimchat://HOST[:PORT][/]?station=ID
Result<StationTarget> parse_dimchat(std::string_view link) {
  constexpr Literal kForm = "a link to a dimchat station is dimchat://HOST:9394?station=ID";
  link.remove_prefix(kDimchat.size());
  const std::size_t question = link.find('?');
  std::string_view authority = link.substr(0, question);
  if (authority.ends_with('/')) authority.remove_suffix(1);
  StationTarget target{.port = 9394, .protocol = StationTarget::Protocol::dimchat};
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return fail(Errc::usage, kForm);
    target.host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
  } else {
    const std::size_t colon = authority.find(':');
    target.host = authority.substr(0, colon);
    if (colon != std::string_view::npos) rest = authority.substr(colon);
  }
  if (target.host.empty()) return fail(Errc::usage, kForm);
  if (!rest.empty()) {
    const std::int64_t port = rest.front() == ':' ? number_in(rest.substr(1)) : 0;
    if (port < 1 || port > 65'535) {
      return fail(Errc::usage, "the link's port is not a number from 1 to 65535");
    }
    target.port = static_cast<std::uint16_t>(port);
  }
  constexpr std::string_view kStation = "station=";
  for (std::string_view query = question == std::string_view::npos ? "" : link.substr(question + 1);
       !query.empty();) {
    const std::size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (item.starts_with(kStation)) target.id = item.substr(kStation.size());
  }
  if (auto id = Id::parse(target.id);
      !target.id.empty() && (!id || id->type() != EntityType::station)) {
    return fail(Errc::usage, "what stands behind station= is no ID of a station");
  }
  return target;
}

}  // namespace

Result<StationTarget> StationTarget::parse(std::string_view link) {
  if (link.starts_with(kDimchat)) return parse_dimchat(link);
  auto uri = Uri::parse(link);
  if (!uri) return std::unexpected(uri.error());
  if (uri->type != UriType::station) {
    return fail(Errc::usage,
                "this link is not an invitation to a station; one begins with dim:station:");
  }
  if (auto id = Id::parse(uri->identifier); !id || id->type() != EntityType::station) {
    return fail(Errc::usage, "the link names no station ID; ask the operator for `dimd invite`");
  }
  StationTarget target;
  target.id = uri->identifier;
  for (const auto& [key, value] : uri->parameters) {
    if (key == "host") {
      target.host = value;
      if (target.host.size() > 2 && target.host.front() == '[' && target.host.back() == ']') {
        target.host = target.host.substr(1, target.host.size() - 2);
      }
    } else if (key == "port") {
      const std::int64_t port = number_in(value);
      if (port < 1 || port > 65'530) {
        return fail(Errc::usage, "the link's port is not a number from 1 to 65530");
      }
      target.port = static_cast<std::uint16_t>(port);
    } else if (key == "pin") {
      target.pins.push_back(normal_pin(value));
    } else if (key == "lanes") {
      target.one_port = value == "one";
    } else if (key == "via") {
      target.web = value == "web";
    } else if (key == "code") {
      target.code = value;
    }
  }
  if (target.host.empty()) return fail(Errc::usage, "the link names no host; it needs host=…;");
  return target;
}

std::string StationTarget::link() const {
  if (protocol == Protocol::dimchat) {
    std::string out(kDimchat);
    out += host.contains(':') ? "[" + host + "]" : host;
    out += ":" + std::to_string(port);
    if (!id.empty()) out += "?station=" + id;
    return out;
  }
  Uri uri;
  uri.type = UriType::station;
  uri.identifier = id;
  uri.parameters.emplace_back("host", host.contains(':') ? "[" + host + "]" : host);
  uri.parameters.emplace_back("port", std::to_string(port));
  for (const auto& pin : pins) uri.parameters.emplace_back("pin", pin);
  if (one_port) uri.parameters.emplace_back("lanes", "one");
  if (web) uri.parameters.emplace_back("via", "web");
  return uri.text();
}

Session::LaneState::LaneState(Lane which) : reader({.lane = which}) {}

Session::Session(StationTarget target, const Account& account, SessionHost& host, Clock& clock,
                 Random& random, Options options)
    : target_(std::move(target)),
      account_(account),
      host_(host),
      clock_(clock),
      random_(random),
      options_(std::move(options)),
      started_(clock.monotonic()) {}

Session::LaneState& Session::lane(Lane which) {
  return lanes_.try_emplace(which, which).first->second;
}

void Session::opened(Lane which, Bytes channel_binding, Digest32 spki) {
  if (state_ == State::over) return;
  LaneState& state = lane(which);
  state.channel_binding = std::move(channel_binding);
  state.spki = spki;
  state.up = true;
  if (which == Lane::control) {
    if (!target_.pins.empty() &&
        std::ranges::find(target_.pins, pin_of(spki), normal_pin) == target_.pins.end() &&
        target_.id.empty()) {
      return abandon({Errc::station_changed, "the station's certificate is not the pinned one"});
    }
    say_hello();
  } else if (spki != lane(Lane::control).spki) {
    abandon({Errc::station_changed, "this lane's certificate differs from the control lane's"});
  } else {
    prove_lane(which);
  }
}

void Session::say_hello() {
  Packet packet = Packet::request(Operation::connect);
  packet.set("id", "1").set("author", account_.device().text());
  // The resume secret is shown only to a certificate that the station's visa has vouched for
  // before.
  const bool pinned = std::ranges::find(target_.pins, pin_of(lane(Lane::control).spki),
                                        normal_pin) != target_.pins.end();
  if (options_.resume && pinned) {
    packet.set("target", options_.resume->session).set("resume", options_.resume->secret);
    state_ = State::resuming;
  } else {
    if (target_.id.empty()) {
      // A station named only by a host name is dialled by whatever address it has; the loopback
      // address stands for "the one I am connected to" and is not compared by the station.
      auto address = parse_target_address(target_.host);
      packet.set("target", address ? *address : "::1");
    } else {
      packet.set("target", target_.id);
    }
    const auto nonce = random_.array<32>();
    nonce_.assign(nonce.begin(), nonce.end());
    packet.set("nonce", to_base64(nonce_));
    packet.set("checksums", std::string(options_.checksum_crc32c ? kOffered : kOfferedPlain));
    state_ = State::hello;
  }
  packet.set("encryption", "AES");
  write(Lane::control, packet);
}

Status Session::check_station(const Packet& packet) {
  auto id = Id::parse(packet.get("author"));
  if (!id) return fail(Errc::station_changed, "the station names no valid ID of its own");
  if (!target_.id.empty() && id->text() != target_.id) {
    return fail(Errc::station_changed,
                "another station answers at this address; nothing was sent. If it moved on "
                "purpose, join with its new link");
  }
  if (!packet.content) return fail(Errc::security_error, "the station did not show its meta");
  auto object = parse_json_object(*packet.content);
  if (!object) return std::unexpected(object.error());
  const Json* meta_json = object->find("meta");
  const Json* visa_json = object->find("visa");
  if (meta_json == nullptr || meta_json->object() == nullptr || visa_json == nullptr ||
      visa_json->object() == nullptr) {
    return fail(Errc::security_error, "the station did not show its meta and visa");
  }
  auto meta = Meta::parse(*meta_json->object());
  if (!meta) return std::unexpected(meta.error());
  if (!meta->matches(*id)) return fail(Errc::meta, "the station's meta does not belong to its ID");
  auto visa = Document::parse(*visa_json->object(), *id, *meta);
  if (!visa) return std::unexpected(visa.error());

  std::vector<std::string> pins;
  if (const Json* tls = visa->properties().find("tls"); tls != nullptr && tls->array() != nullptr) {
    for (const Json& pin : *tls->array()) {
      if (pin.text() != nullptr) pins.push_back(normal_pin(*pin.text()));
    }
  }
  const LaneState& control = lane(Lane::control);
  if (std::ranges::find(pins, pin_of(control.spki)) == pins.end()) {
    return fail(Errc::station_changed,
                "the certificate of this connection is not in the station's visa");
  }
  auto challenge = from_base64(packet.get("challenge"));
  auto signature = from_base64(packet.get("signature"));
  if (!challenge || challenge->size() != 32 || !signature) {
    return fail(Errc::security_error, "the station's challenge or signature cannot be read");
  }
  chosen_ = packet.get("chosen");
  if (chosen_ != "sha256" && !(chosen_ == "crc32c" && options_.checksum_crc32c)) {
    return fail(Errc::downgrade, "the station chose a checksum that was not offered");
  }
  ConnectInput input;
  input.station = true;
  input.station_id = id->text();
  input.author_id = account_.id.bare().text();
  input.port = 8800;
  input.channel_binding = control.channel_binding;
  input.challenge = *challenge;
  input.nonce = nonce_;
  input.offered = options_.checksum_crc32c ? kOffered : kOfferedPlain;
  input.chosen = chosen_;
  if (!meta->key().verify(connect_signing_input(input), *signature)) {
    return fail(Errc::station_changed, "the station could not prove its identity");
  }
  station_ = *id;
  station_meta_ = *meta;
  station_pins_ = std::move(pins);

  input.station = false;
  Packet proof = Packet::request(Operation::connect);
  proof.set("id", "2").set("author", account_.device().text()).set("target", id->text());
  proof.set("challenge", std::string(packet.get("challenge")));
  proof.set("signature", to_base64(account_.identity_key.sign(connect_signing_input(input))));
  proof.set("encryption", "AES");
  // Shown to the station that the link names, once it has proven itself, and to nobody else.
  if (!target_.code.empty()) proof.set("invite-code", target_.code);
  if (packet.get("known") != "yes") {
    JsonObject content;
    content.set("meta", account_.meta.json());
    content.set("visa", account_.visa.json());
    proof.content = write_json(content);
    meta_asked_ = true;
  }
  state_ = State::proving;
  write(Lane::control, proof);
  return {};
}

void Session::on_challenge(const Packet& packet) {
  if (state_ == State::proving && meta_asked_) {
    return abandon({Errc::unauthorised, "the station refused this account's meta"}, packet.code,
                   packet.get("message"));
  }
  if (auto status = check_station(packet); !status) abandon(status.error(), packet.code);
}

void Session::on_welcome(const Packet& packet) {
  auto token = from_base64(packet.get("token"));
  if (!token || token->size() != 32 || packet.get("session").empty()) {
    return abandon({Errc::security_error, "the station's answer to the log-in is incomplete"});
  }
  token_ = Secret::copy_of(*token);
  wipe(*token);
  ticket_ = ResumeTicket{std::string(packet.get("session")), std::string(packet.get("resume"))};
  if (auto time = parse_time(packet.get("time"))) clock_offset_ = *time - clock_.now();
  newest_cursor_ = number_in(packet.get("cursor"));
  if (packet.has("cursor") && options_.after && newest_cursor_ < *options_.after) {
    options_.after = 0;
    host_.inbox_began_anew();
    if (state_ == State::over) return;
  }
  message_rate_ = number_in(packet.get("limit-messages"));
  if (state_ == State::resuming && packet.has("chosen")) chosen_ = packet.get("chosen");
  lane(Lane::control)
      .reader.set_options({.lane = Lane::control,
                           .checksum_required = true,
                           .crc32c_agreed = chosen_ == "crc32c",
                           .lanes = true});
  open_next(Lane::control);
}

void Session::open_lane(Lane which) {
  state_ = State::lanes;
  if (!options_.one_port) return host_.open(which);
  lane(which).channel_binding = lane(Lane::control).channel_binding;
  prove_lane(which);
}

bool Session::do_without(Lane which) {
  if (state_ != State::lanes || which == Lane::control) return false;
  options_.one_port = true;
  open_lane(which);
  return true;
}

/// The lanes that are wanted, one after the other.
void Session::open_next(Lane after) {
  for (const auto& [which, wanted] : {std::pair{Lane::text, options_.text_lane},
                                      {Lane::media, options_.media_lane},
                                      {Lane::audio, options_.audio_lane},
                                      {Lane::video, options_.video_lane}}) {
    if (wanted && which > after) return open_lane(which);
  }
  become_ready();
}

void Session::prove_lane(Lane which) {
  const auto port = static_cast<std::uint16_t>(8800 + static_cast<int>(which));
  Packet packet = Packet::request(Operation::connect);
  packet.set("id", "1").set("session", ticket_ ? ticket_->session : "");
  packet.set("proof", to_base64(port_proof(token_.view(), port, lane(which).channel_binding)));
  if (which == Lane::text && options_.after) packet.set("after", std::to_string(*options_.after));
  lane(which).reader.set_options(
      {.lane = which, .checksum_required = true, .crc32c_agreed = chosen_ == "crc32c"});
  write(which, packet);
}

void Session::on_lane_answer(Lane which, const Packet& packet) {
  if (packet.code != 200) {
    return abandon({Errc::token_invalid, "the station refused a lane of this session"}, packet.code,
                   packet.get("message"));
  }
  open_next(which);
}

void Session::become_ready() {
  state_ = State::ready;
  say_where();
  host_.ready();
}

/// Other stations route by what the user has signed. What the station says to it changes nothing
/// here.
void Session::say_where() {
  said_where_ = clock_.monotonic();
  JsonObject at;
  at.set("did", station_ ? station_->text() : target_.id);
  const Content login =
      LoginContent::make(account_.id, std::move(at), kAgent, clock_.now(), random_);
  const PlainMessage message{.envelope = {.sender = account_.id.bare(),
                                          .receiver = Id("everyone", Address::everywhere()),
                                          .time = static_cast<double>(clock_.now()) / 1000},
                             .content = encode_content(login)};
  auto sealed = seal(message, account_, Directory(), {}, random_);
  if (!sealed) return;
  Packet packet = Packet::request(Operation::create)
                      .set("type", "login")
                      .set("target", account_.id.bare().text());
  packet.content = write_message(*sealed);
  request(Lane::control, std::move(packet), {});
}

void Session::received(Lane which, std::string_view bytes) {
  if (state_ == State::over) return;
  if (lane(which).in_frames) return host_.live(which, std::string(bytes));
  PacketReader& reader = lane(which).reader;
  reader.feed(bytes);
  while (state_ != State::over) {
    auto next = reader.next();
    if (std::holds_alternative<std::monostate>(next)) return;
    if (auto* bad = std::get_if<BadPacket>(&next)) {
      if (!bad->fatal) continue;
      return abandon(bad->error);
    }
    Packet& packet = std::get<Packet>(next);
    const auto named = options_.one_port ? lane_called(packet.get("lane")) : std::nullopt;
    // Joined: what follows on a connection of its own are frames.
    const bool joined = packet.code == 101 && state_ == State::ready && which != Lane::control;
    std::string rest;
    if (joined) {
      lane(which).in_frames = true;
      rest = reader.take_rest();
    }
    handle(named.value_or(which), std::move(packet));
    if (!joined) continue;
    if (state_ != State::over && !rest.empty()) host_.live(which, std::move(rest));
    return;
  }
}

void Session::handle(Lane which, Packet packet) {
  if (state_ != State::ready && packet.is_response()) {
    if (which == Lane::control && (state_ == State::hello || state_ == State::proving)) {
      if (packet.code == 418) return on_challenge(packet);
      if (packet.code == 200 && state_ == State::proving) return on_welcome(packet);
    } else if (which == Lane::control && state_ == State::resuming) {
      if (packet.code == 200) return on_welcome(packet);
      if (packet.code ==
          419) {  // too old or used up: prove the identity again on the same connection
        options_.resume.reset();
        return say_hello();
      }
    } else if (which != Lane::control && state_ == State::lanes) {
      return on_lane_answer(which, packet);
    }
    if (packet.code == 407 && state_ == State::lanes) {  // it knows no lanes in this connection
      return abandon({Errc::unreachable,
                      "the station's other ports cannot be reached, and it does not carry all "
                      "lanes over one"},
                     packet.code, packet.get("message"));
    }
    if (packet.code == 417 && state_ == State::hello) {
      return abandon({Errc::station_changed,
                      "another station answers at this address; nothing was sent. If it moved on "
                      "purpose, join with its new link"},
                     packet.code, packet.get("message"));
    }
    return abandon({Errc::unauthorised, "the station refused the log-in"}, packet.code,
                   packet.get("message"));
  }
  if (packet.is_response()) {
    auto found = requests_.find({which, std::string(packet.get("reply"))});
    if (found == requests_.end()) {
      if (packet.get("reply").empty() && packet.code >= 300) {
        abandon({Errc::bad_request, "the station gave this connection up"}, packet.code,
                packet.get("message"));
      }
      return;
    }
    Handler handler = std::move(found->second);
    requests_.erase(found);
    if (handler) handler(packet);
    return;
  }
  if (packet.get("type") == "frame" && (which == Lane::audio || which == Lane::video))
    return host_.live(which, std::move(packet.content).value_or(""));
  host_.pushed(which, std::move(packet));
}

void Session::send_live(Lane which, std::string frame) {
  if (state_ != State::ready) return;
  if (lane(which).in_frames) return host_.send(which, std::move(frame));
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", "frame");
  packet.content = std::move(frame);
  write(which, packet);
}

void Session::request(Lane which, Packet packet, Handler handler) {
  const std::string id = std::to_string(++next_request_ + 1);
  packet.set("id", id);
  requests_.emplace(std::pair(which, id), std::move(handler));
  write(which, packet);
}

void Session::write(Lane which, const Packet& packet) {
  lane(which).last_sent = clock_.monotonic();
  const bool in = state_ == State::ready || state_ == State::lanes;
  std::string bytes =
      write_packet(packet, chosen_ == "crc32c" && in ? Checksum::crc32c : Checksum::sha256);
  const bool carried = options_.one_port && which != Lane::control;
  host_.send(which, carried ? with_lane(bytes, which) : std::move(bytes));
}

Result<Id> Session::owner_of(std::string_view name, const Packet& response) const {
  if (response.code != 200)
    return fail(Errc::not_found, "nobody has registered that name at this station");
  auto owner = Id::parse(response.get("owner"));
  auto signature = from_base64(response.get("signature"));
  if (!owner || !signature || !station_meta_ ||
      !station_meta_->key().verify(
          name_signing_input(name, response.get("owner"), response.get("time")), *signature)) {
    return fail(Errc::signature, "the station's record of that name is not signed by the station");
  }
  return *owner;
}

void Session::closed(Lane which) {
  if (state_ == State::over) return;
  lanes_.erase(which);
  // A stream ends without the session.
  if (state_ == State::ready && (which == Lane::audio || which == Lane::video))
    return host_.live_ended(which);
  abandon({Errc::unreachable, "the connection to the station ended"});
}

void Session::tick() {
  if (state_ == State::over) return;
  const Millis now = clock_.monotonic();
  if (state_ != State::ready) {
    if (now - started_ > limits::kLoginMs) {
      abandon({Errc::unreachable, "the station did not finish the log-in within 20 seconds"});
    }
    return;
  }
  if (now - said_where_ > kSayWhereMs) say_where();
  for (auto& [which, state] : lanes_) {
    if (state.up && !state.in_frames && now - state.last_sent > kPingAfterMs) {
      request(which, Packet::request(Operation::notify).set("type", "ping"), {});
    }
  }
}

void Session::abandon(const Error& error, int code, std::string_view message) {
  if (state_ == State::over) return;
  state_ = State::over;
  requests_.clear();
  std::vector<Lane> open;
  for (const auto& [which, state] : lanes_) open.push_back(which);
  for (const Lane which : open) host_.close(which);
  host_.failed(error, code, message);
}

}  // namespace dim
