// Kinds of frames_*.json.
#include <algorithm>

#include "dim/base/hex.h"
#include "dim/packet/mars.h"
#include "dim/packet/mtp.h"
#include "dim/packet/transport_detect.h"
#include "dim/packet/websocket.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

using Outcome = std::optional<std::string>;

constexpr std::size_t kNoLimit = std::size_t{1} << 30;  // what the formats allow

std::string bytes_of(const JsonObject& input, std::string_view name) {
  return to_text(hex_member(input, name));
}

std::string hex(std::string_view bytes) { return to_hex(as_bytes(bytes)); }

std::int64_t number(const JsonObject& input, std::string_view name) {
  const Json* value = input.find(name);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

std::uint64_t sn_of(const JsonObject& input) {
  const Bytes bytes = hex_member(input, "sn_hex");
  return bytes.size() == 8 ? read_big_endian<std::uint64_t>(as_text(bytes)) : 0;
}

template <class Integer>
std::string hex_of(Integer value) {
  std::string bytes;
  append_big_endian(bytes, value);
  return hex(bytes);
}

Outcome compare(const Case& test, const JsonObject& got) {
  return test.expected.object() != nullptr ? compare_members(*test.expected.object(), got)
                                           : std::nullopt;
}

Outcome compare_accepted(const Case& test, const JsonObject& got) {
  if (auto wrong = check_verdict(test, true)) return wrong;
  return compare(test, got);
}

Outcome mtp_build(const Case& test, const Accounts&) {
  const std::string body = bytes_of(test.input, "body_hex");
  const Json* length = test.input.find("with_body_length");
  const MtpHeader header{.type = static_cast<MtpType>(number(test.input, "type")),
                         .sn = sn_of(test.input),
                         .pages = static_cast<std::uint32_t>(number(test.input, "pages")),
                         .index = static_cast<std::uint32_t>(number(test.input, "index"))};
  const bool with_length = length != nullptr && length->boolean() != nullptr && *length->boolean();
  const std::string frame = write_mtp(header, body, with_length);
  JsonObject got;
  got.set("frame_hex", hex(frame));
  got.set("header_len", static_cast<std::int64_t>(frame.size() - body.size()));
  return compare_accepted(test, got);
}

// Datagrams: 512 bytes of body each, headers without length.
Outcome mtp_split(const Case& test, const Accounts&) {
  constexpr std::size_t kPart = 512;
  const std::string body = bytes_of(test.input, "body_hex");
  MtpHeader header{.type = MtpType::fragment, .sn = sn_of(test.input)};
  header.pages =
      static_cast<std::uint32_t>(std::max<std::size_t>(1, (body.size() + kPart - 1) / kPart));
  if (header.pages == 1) header.type = MtpType::message;
  JsonArray frames;
  for (; header.index < header.pages; ++header.index) {
    frames.emplace_back(
        hex(write_mtp(header, std::string_view(body).substr(header.index * kPart, kPart), false)));
  }
  JsonObject got;
  got.set("frames_hex", std::move(frames));
  return compare_accepted(test, got);
}

Outcome mtp_stream(const Case& test, const Accounts&) {
  MtpReader reader(kNoLimit);
  reader.feed(bytes_of(test.input, "stream_hex"));
  JsonArray frames;
  for (;;) {
    auto decoded = reader.next();
    const auto* frame = std::get_if<MtpFrame>(&decoded);
    if (frame == nullptr) break;
    const MtpHeader& header = frame->header;
    JsonObject entry;
    entry.set("type", static_cast<std::int64_t>(header.type));
    entry.set("sn_hex", hex_of(header.sn));
    entry.set("pages", static_cast<std::int64_t>(header.pages));
    entry.set("index", static_cast<std::int64_t>(header.index));
    entry.set("body_length", header.body_length ? std::int64_t{*header.body_length} : -1);
    entry.set("body_hex", hex(frame->body));
    frames.emplace_back(std::move(entry));
  }
  if (auto wrong = check_verdict(test, !frames.empty())) return wrong;
  JsonObject got;
  got.set("frames", std::move(frames));
  got.set("left_hex", hex(reader.held()));
  return compare(test, got);
}

Outcome detect(const Case& test, const Accounts&) {
  const auto found = detect_framing(bytes_of(test.input, "first_bytes_hex"));
  const auto* framing = std::get_if<Framing>(&found);
  if (auto wrong = check_verdict(test, framing != nullptr)) return wrong;
  JsonObject got;
  if (framing != nullptr) {
    got.set("transport", *framing == Framing::mtp    ? "mtp"
                         : *framing == Framing::mars ? "mars"
                                                     : "ws");
  }
  return compare(test, got);
}

JsonObject describe(const MarsFrame& frame) {
  const auto [sn, payload] = read_mars_payload(frame.body);
  JsonObject got;
  got.set("cmd", static_cast<std::int64_t>(frame.header.command));
  got.set("seq", static_cast<std::int64_t>(frame.header.seq));
  got.set("version", static_cast<std::int64_t>(kMarsVersion));
  got.set("body_hex", hex(frame.body));
  got.set("payload_hex", hex(payload));
  got.set("sn_hex", hex_of(sn.value_or(frame.header.seq)));
  return got;
}

Outcome mars_build(const Case& test, const Accounts&) {
  const MarsHeader header{.command = static_cast<MarsCommand>(number(test.input, "cmd")),
                          .seq = static_cast<std::uint32_t>(number(test.input, "seq"))};
  JsonObject got;
  got.set("frame_hex", hex(write_mars(header, bytes_of(test.input, "options_hex"),
                                      bytes_of(test.input, "body_hex"))));
  return compare_accepted(test, got);
}

Outcome mars_read(const Case& test, std::string_view stream_name, bool at_start) {
  MarsReader reader(kNoLimit);
  reader.feed(bytes_of(test.input, stream_name));
  auto decoded = reader.next();
  const auto* frame = std::get_if<MarsFrame>(&decoded);
  if (frame != nullptr && at_start && reader.dropped() != 0) frame = nullptr;
  if (auto wrong = check_verdict(test, frame != nullptr)) return wrong;
  if (frame == nullptr) return std::nullopt;
  JsonObject got = describe(*frame);
  got.set("offset", static_cast<std::int64_t>(reader.dropped()));
  return compare(test, got);
}

Outcome mars_parse(const Case& test, const Accounts&) { return mars_read(test, "frame_hex", true); }
Outcome mars_seek(const Case& test, const Accounts&) {
  return mars_read(test, "stream_hex", false);
}

Outcome ws_handshake(const Case& test, const Accounts&) {
  const auto decoded = read_websocket_request(text_member(test.input, "request"));
  const auto* request = std::get_if<WebSocketRequest>(&decoded);
  if (auto wrong = check_verdict(test, request != nullptr)) return wrong;
  JsonObject got;
  if (request != nullptr) got.set("response", write_websocket_answer(request->key));
  return compare(test, got);
}

Outcome ws_pack(const Case& test, const Accounts&) {
  std::string payload = bytes_of(test.input, "payload_hex");
  if (const std::string block = bytes_of(test.input, "payload_repeat_hex"); !block.empty()) {
    const auto size = static_cast<std::size_t>(number(test.input, "payload_len"));
    while (payload.size() < size) payload += block;
    payload.resize(size);
  }
  const std::string frame = write_websocket(WebSocketKind::text, payload);
  if (!frame.ends_with(payload)) return differs("the payload at the end", true, false);
  JsonObject got;
  got.set("header_hex", hex(frame.substr(0, frame.size() - payload.size())));
  return compare_accepted(test, got);
}

Outcome ws_parse(const Case& test, const Accounts&) {
  WebSocketReader reader({.message_limit = kNoLimit, .check_text = false});
  reader.feed(bytes_of(test.input, "stream_hex"));
  auto decoded = reader.next();
  const auto* message = std::get_if<WebSocketMessage>(&decoded);
  if (auto wrong = check_verdict(test, message != nullptr)) return wrong;
  JsonObject got;
  // The first generation shows control frames as empty messages, and drops what it cannot read.
  const bool control = message != nullptr && message->kind >= WebSocketKind::close;
  if (message != nullptr) got.set("payload_hex", control ? "" : hex(message->payload));
  got.set("left_hex", std::holds_alternative<Error>(decoded) ? "" : hex(reader.held()));
  auto wrong = compare(test, got);
  if (wrong && message != nullptr && message->fragments > 2 && test.expected.object() != nullptr) {
    // It also cuts a message behind its second fragment; the rest must be in ours.
    const std::string cut = bytes_of(*test.expected.object(), "payload_hex");
    if (message->payload.starts_with(cut) && message->payload.size() > cut.size()) return {};
  }
  return wrong;
}

}  // namespace

void add_frame_checks(CheckTable& table) {
  table["mtp_build"] = mtp_build;
  table["mtp_split_udp"] = mtp_split;
  table["mtp_stream"] = mtp_stream;
  table["transport_detect"] = detect;
  table["mars_build"] = mars_build;
  table["mars_parse"] = mars_parse;
  table["mars_seek"] = mars_seek;
  table["ws_handshake"] = ws_handshake;
  table["ws_pack"] = ws_pack;
  table["ws_parse"] = ws_parse;
}

}  // namespace dim::vectors
