#include "dim/packet/frame_stream.h"

#include <algorithm>
#include <utility>

namespace dim {
namespace {

constexpr std::string_view kPing = "PING", kPong = "PONG", kNoop = "NOOP", kOk = "OK";
constexpr std::string_view kAck = "ACK:";

FrameEvent event(FrameEvent::Kind kind, std::string reply = {}) {
  return {.kind = kind, .reply = std::move(reply)};
}

Result<FrameEvent> messages(std::string payload, std::string ack) {
  auto texts = split_payload(std::move(payload));
  if (!texts) return std::unexpected(texts.error());
  FrameEvent out{.kind = FrameEvent::Kind::messages, .texts = std::move(*texts)};
  // Nothing to keep: nothing to wait for either.
  if (out.texts.empty()) return event(FrameEvent::Kind::noop, std::move(ack));
  out.ack = std::move(ack);
  return out;
}

// What acknowledgements over WebSocket are matched by: the value behind the word `signature`, else
// `time`, wherever it stands.
std::string_view value_behind(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return {};
  const std::size_t colon = text.find(':', at + word.size());
  if (colon == std::string_view::npos) return {};
  std::size_t end = text.find(',', colon);
  if (end == std::string_view::npos) end = text.find('}', colon);
  if (end == std::string_view::npos) return {};
  std::string_view value = text.substr(colon + 1, end - colon - 1);
  for (const char c : {' ', '"', '\''}) {
    while (value.starts_with(c)) value.remove_prefix(1);
    while (value.ends_with(c)) value.remove_suffix(1);
  }
  return value;
}

std::string_view ack_key(std::string_view text) {
  const std::string_view signature = value_behind(text, "signature");
  return signature.empty() ? value_behind(text, "time") : signature;
}

}  // namespace

Result<std::vector<std::string>> split_payload(std::string payload) {
  std::vector<std::string> out;
  if (!payload.starts_with('{') || payload.find('\n') == std::string::npos) {
    if (!payload.empty()) out.push_back(std::move(payload));
    return out;
  }
  for (std::string_view rest = payload; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    if (out.size() == limits::kFrameTexts)
      return fail(Errc::too_large, "a frame brings at most 256 messages");
    out.emplace_back(line);
  }
  return out;
}

FrameStream::FrameStream(Options options) : sn_(options.first_sn) {
  if (options.framing) start(*options.framing);
}

void FrameStream::start(Framing framing) {
  switch (framing) {
    case Framing::mtp:
      state_.emplace<Mtp>();
      break;
    case Framing::mars:
      state_.emplace<MarsReader>();
      break;
    case Framing::websocket:
      state_.emplace<WebSocket>();
      break;
  }
}

std::optional<Framing> FrameStream::framing() const {
  if (std::holds_alternative<Mtp>(state_)) return Framing::mtp;
  if (std::holds_alternative<MarsReader>(state_)) return Framing::mars;
  if (std::holds_alternative<WebSocket>(state_)) return Framing::websocket;
  return std::nullopt;
}

std::size_t FrameStream::memory() const {
  if (const auto* first = std::get_if<FrameBuffer>(&state_)) return first->held().size();
  if (const auto* mtp = std::get_if<Mtp>(&state_))
    return mtp->reader.held().size() + mtp->assembler.memory();
  if (const auto* mars = std::get_if<MarsReader>(&state_)) return mars->held().size();
  const auto& websocket = std::get<WebSocket>(state_);
  return websocket.request.held().size() + websocket.reader.memory();
}

void FrameStream::feed(std::string_view bytes) {
  if (over_ || bytes.empty()) return;
  begun_ = true;
  if (auto* first = std::get_if<FrameBuffer>(&state_)) {
    first->feed(bytes);
  } else if (auto* mtp = std::get_if<Mtp>(&state_)) {
    mtp->reader.feed(bytes);
  } else if (auto* mars = std::get_if<MarsReader>(&state_)) {
    mars->feed(bytes);
  } else if (auto* websocket = std::get_if<WebSocket>(&state_)) {
    if (websocket->upgraded) {
      websocket->reader.feed(bytes);
    } else {
      websocket->request.feed(bytes);
    }
  }
}

BadFrame FrameStream::bad(const Error& error, std::string reply) {
  over_ = true;
  return {error, std::move(reply)};
}

FrameStream::Outcome FrameStream::next(Millis now) {
  if (over_) return {};
  if (auto* first = std::get_if<FrameBuffer>(&state_)) {
    const auto framing = detect_framing(first->held());
    if (const auto* error = std::get_if<Error>(&framing)) return bad(*error);
    if (std::holds_alternative<NeedMore>(framing)) return {};
    const std::string bytes(first->held());
    start(std::get<Framing>(framing));
    feed(bytes);
  }
  if (auto* mtp = std::get_if<Mtp>(&state_)) return next_mtp(*mtp, now);
  if (auto* mars = std::get_if<MarsReader>(&state_)) return next_mars(*mars);
  return next_websocket(std::get<WebSocket>(state_));
}

FrameStream::Outcome FrameStream::next_mtp(Mtp& state, Millis now) {
  for (;;) {
    auto decoded = state.reader.next();
    if (const auto* error = std::get_if<Error>(&decoded)) return bad(*error);
    auto* frame = std::get_if<MtpFrame>(&decoded);
    if (frame == nullptr) return {};
    std::vector<MtpHeader> parts{frame->header};
    if (frame->header.type == MtpType::fragment) {
      auto taken = state.assembler.take(std::move(*frame), now);
      if (const auto* error = std::get_if<Error>(&taken)) return bad(*error);
      auto* whole = std::get_if<MtpAssembler::Whole>(&taken);
      if (whole == nullptr) continue;
      frame->body = std::move(whole->body);
      parts = std::move(whole->parts);
    }
    auto got = on_mtp(std::move(*frame), std::move(parts));
    if (!got) return bad(got.error());
    if (*got) return std::move(**got);
  }
}

FrameStream::Event FrameStream::on_mtp(MtpFrame frame, std::vector<MtpHeader> parts) {
  const std::string_view body = frame.body;
  const auto respond = [&](MtpType type, std::string_view answer) {
    std::string out;
    for (MtpHeader part : parts) {
      part.type = type;
      out += write_mtp(part, answer);
    }
    return out;
  };
  switch (frame.header.type) {
    case MtpType::command:
      if (body == kPing) {
        return event(FrameEvent::Kind::ping, respond(MtpType::command_response, kPong));
      }
      if (body == kNoop) {
        return event(FrameEvent::Kind::noop, respond(MtpType::command_response, kOk));
      }
      return messages(std::move(frame.body), respond(MtpType::command_response, kOk));
    case MtpType::message:
    case MtpType::fragment:
      if (body == kPing || body == kPong || body == kNoop) {
        return event(FrameEvent::Kind::noop, respond(MtpType::message_response, kOk));
      }
      return messages(std::move(frame.body), respond(MtpType::message_response, kOk));
    case MtpType::command_response:
    case MtpType::message_response:
      if (body == kPong) return event(FrameEvent::Kind::pong);
      if (body == kOk) return FrameEvent{.kind = FrameEvent::Kind::ack, .acked = frame.header.sn};
      return std::nullopt;  // AGAIN and what else there may be
  }
  return std::nullopt;
}

FrameStream::Outcome FrameStream::next_mars(MarsReader& reader) {
  for (;;) {
    auto decoded = reader.next();
    if (const auto* error = std::get_if<Error>(&decoded)) return bad(*error);
    auto* frame = std::get_if<MarsFrame>(&decoded);
    if (frame == nullptr) return {};
    auto got = on_mars(std::move(*frame));
    if (!got) return bad(got.error());
    if (*got) return std::move(**got);
  }
}

FrameStream::Event FrameStream::on_mars(MarsFrame frame) {
  const auto [sn, payload] = read_mars_payload(frame.body);
  if (frame.header.command == MarsCommand::noop && (payload.empty() || payload == kNoop)) {
    return event(FrameEvent::Kind::noop, write_mars(frame.header, frame.options, frame.body));
  }
  if (payload == kPing) {
    return event(FrameEvent::Kind::ping, write_mars(frame.header, {}, kPong));
  }
  if (payload == kPong) return event(FrameEvent::Kind::pong);
  if (payload == kNoop) return event(FrameEvent::Kind::noop);
  std::optional<std::uint64_t> acked = sn;
  if (payload.empty() || payload == kOk) {
    return FrameEvent{.kind = FrameEvent::Kind::ack, .acked = acked.value_or(frame.header.seq)};
  }
  const MarsHeader push{.command = MarsCommand::push_message};
  const std::string line = mars_sn_line(static_cast<std::uint32_t>(next_sn()));
  auto out = messages(std::string(payload), write_mars(push, {}, line));
  if (out) out->acked = acked;
  return out;
}

FrameStream::Outcome FrameStream::next_websocket(WebSocket& state) {
  if (!state.upgraded) {
    const auto request = read_websocket_request(state.request.held());
    if (const auto* error = std::get_if<Error>(&request)) return bad(*error);
    const auto* found = std::get_if<WebSocketRequest>(&request);
    if (found == nullptr) return {};
    state.upgraded = true;
    state.reader.feed(state.request.held().substr(found->size));
    state.request = {};
    return event(FrameEvent::Kind::upgraded, write_websocket_answer(found->key));
  }
  for (;;) {
    auto decoded = state.reader.next();
    const auto lost = [&](const Error& error) {
      return bad(error, write_websocket_close(websocket_close_code(error)));
    };
    if (const auto* error = std::get_if<Error>(&decoded)) return lost(*error);
    auto* message = std::get_if<WebSocketMessage>(&decoded);
    if (message == nullptr) return {};
    auto got = on_websocket(state, std::move(*message));
    if (!got) return lost(got.error());
    if (!*got) continue;
    if ((*got)->kind == FrameEvent::Kind::closed) over_ = true;
    return std::move(**got);
  }
}

FrameStream::Event FrameStream::on_websocket(WebSocket& state, WebSocketMessage message) {
  const std::string_view payload = message.payload;
  switch (message.kind) {
    case WebSocketKind::ping:
      return event(FrameEvent::Kind::ping, write_websocket(WebSocketKind::pong, payload));
    case WebSocketKind::pong:
      return event(FrameEvent::Kind::pong);
    case WebSocketKind::close:
      // The code comes back, the reason does not.
      return event(FrameEvent::Kind::closed,
                   write_websocket(WebSocketKind::close, payload.substr(0, 2)));
    default:
      break;
  }
  if (payload == kPing) {
    return event(FrameEvent::Kind::ping, write_websocket(WebSocketKind::text, kPong));
  }
  if (payload == kPong) return event(FrameEvent::Kind::pong);
  if (payload == kNoop || payload == kOk || payload.empty()) return event(FrameEvent::Kind::noop);
  if (payload.starts_with(kAck)) {
    state.peer_acks = true;
    const std::string_view key = ack_key(payload);
    const auto at = std::ranges::find_if(
        state.awaited, [&](const auto& each) { return !key.empty() && each.first == key; });
    if (at == state.awaited.end()) return event(FrameEvent::Kind::noop);
    FrameEvent out{.kind = FrameEvent::Kind::ack, .acked = at->second};
    state.awaited.erase(at);
    return out;
  }
  return messages(std::move(message.payload), {});
}

std::uint64_t FrameStream::next_sn() {
  // 0 says "none", also in the 32 bits that Mars has.
  while (static_cast<std::uint32_t>(sn_) == 0) ++sn_;
  return sn_++;
}

OutgoingFrame FrameStream::encode_message(std::string_view json) {
  const std::uint64_t sn = next_sn();
  if (auto* websocket = std::get_if<WebSocket>(&state_)) {
    OutgoingFrame out{write_websocket(WebSocketKind::text, json), sn, false};
    if (const std::string_view key = ack_key(json); websocket->peer_acks && !key.empty()) {
      if (websocket->awaited.size() == limits::kWebSocketAcks) websocket->awaited.pop_front();
      websocket->awaited.emplace_back(key, sn);
      out.is_acked = true;
    }
    return out;
  }
  if (std::holds_alternative<MarsReader>(state_)) {
    const auto short_sn = static_cast<std::uint32_t>(sn);
    return {write_mars({.command = MarsCommand::push_message}, {},
                       mars_sn_line(short_sn) + std::string(json)),
            short_sn};
  }
  return {write_mtp({.type = MtpType::message, .sn = sn}, json), sn};
}

std::string FrameStream::ping() {
  if (std::holds_alternative<WebSocket>(state_)) return write_websocket(WebSocketKind::text, kPing);
  if (std::holds_alternative<MarsReader>(state_)) {
    return write_mars(
        {.command = MarsCommand::send_message, .seq = static_cast<std::uint32_t>(next_sn())}, {},
        kPing);
  }
  return write_mtp({.type = MtpType::command, .sn = next_sn()}, kPing);
}

}  // namespace dim
