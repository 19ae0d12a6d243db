#include "dim/packet/websocket.h"

#include <algorithm>
#include <utility>

#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::string_view kGet = "GET /";
constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::size_t kControlPayload = 125;

Error bad(Literal hint) { return Error{Errc::bad_request, hint.view}; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trim(std::string_view text) {
  const std::size_t from = text.find_first_not_of(" \t");
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(" \t") - from + 1);
}

// The value of a header line, or nothing; `head` is the request or answer with its empty line.
std::optional<std::string_view> header_value(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size();) {
    const std::size_t begin = at + 2;
    at = head.find("\r\n", begin);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view line = head.substr(begin, at - begin);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && same_word(line.substr(0, colon), name)) {
      return trim(line.substr(colon + 1));
    }
  }
  return std::nullopt;
}

void apply_mask(std::string& out, std::size_t from, const WebSocketMask& mask) {
  for (std::size_t i = from; i < out.size(); ++i) {
    out[i] = static_cast<char>(static_cast<std::uint8_t>(out[i]) ^ mask[(i - from) % 4]);
  }
}

}  // namespace

Decoded<WebSocketRequest> read_websocket_request(std::string_view bytes) {
  if (!bytes.starts_with(kGet.substr(0, bytes.size()))) return bad("an upgrade begins with GET /");
  const std::size_t version = bytes.substr(0, 512 + 5).find("HTTP/");
  if (version == std::string_view::npos && bytes.size() >= 512 + 5) {
    return bad("HTTP/ stands within the first 512 bytes");
  }
  const std::size_t end = bytes.substr(0, limits::kUpgradeRequest).find(kEnd);
  if (end == std::string_view::npos) {
    if (bytes.size() < limits::kUpgradeRequest) return NeedMore{};
    return Error{Errc::too_large, "an upgrade request has at most 8 KiB"};
  }
  const std::string_view head = bytes.substr(0, end + kEnd.size());
  if (version == std::string_view::npos || version > end) {
    return bad("HTTP/ stands within the first 512 bytes");
  }
  const auto key = header_value(head, "sec-websocket-key");
  if (!key || key->empty()) return bad("an upgrade has a line Sec-WebSocket-Key");
  return WebSocketRequest{std::string(*key), head.size()};
}

std::string websocket_accept(std::string_view key) {
  return to_base64(sha1(as_bytes(std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
}

std::string write_websocket_answer(std::string_view key) {
  return "HTTP/1.1 101 Switching Protocol\r\nServer: DIM-Station\r\nUpgrade: websocket\r\n"
         "Connection: Upgrade\r\nWebSocket-Protocol: DIMP\r\nSec-WebSocket-Accept: " +
         websocket_accept(key) + "\r\n\r\n";
}

std::string write_websocket_request(std::string_view host, std::string_view key) {
  std::string out = "GET / HTTP/1.1\r\nHost: ";
  out += host;
  out += "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ";
  out += key;
  out += "\r\nSec-WebSocket-Version: 13\r\n\r\n";
  return out;
}

Decoded<std::size_t> read_websocket_answer(std::string_view bytes, std::string_view key) {
  constexpr std::string_view kStatus = "HTTP/1.1 101 ";
  if (!bytes.starts_with(kStatus.substr(0, bytes.size()))) return bad("the answer is HTTP/1.1 101");
  const std::size_t end = bytes.substr(0, limits::kUpgradeRequest).find(kEnd);
  if (end == std::string_view::npos) {
    if (bytes.size() < limits::kUpgradeRequest) return NeedMore{};
    return Error{Errc::too_large, "the answer to an upgrade has at most 8 KiB"};
  }
  const std::string_view head = bytes.substr(0, end + kEnd.size());
  if (header_value(head, "sec-websocket-accept").value_or("") != websocket_accept(key)) {
    return bad("Sec-WebSocket-Accept does not belong to the key");
  }
  return head.size();
}

std::string write_websocket(WebSocketKind kind, std::string_view payload,
                            const std::optional<WebSocketMask>& mask, bool final) {
  std::string out;
  out.reserve(payload.size() + 14);
  out += static_cast<char>((final ? 0x80U : 0U) | static_cast<unsigned>(kind));
  const unsigned masked = mask ? 0x80U : 0U;
  if (payload.size() < 126) {
    out += static_cast<char>(masked | payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += static_cast<char>(masked | 126U);
    append_big_endian(out, static_cast<std::uint16_t>(payload.size()));
  } else {
    out += static_cast<char>(masked | 127U);
    append_big_endian(out, static_cast<std::uint64_t>(payload.size()));
  }
  if (mask) out += as_text(*mask);
  const std::size_t from = out.size();
  out += payload;
  if (mask) apply_mask(out, from, *mask);
  return out;
}

std::string write_websocket_close(std::uint16_t code) {
  std::string payload;
  append_big_endian(payload, code);
  return write_websocket(WebSocketKind::close, payload);
}

std::uint16_t websocket_close_code(const Error& error) {
  if (error.code == Errc::too_large) return 1009;
  if (error.code == Errc::too_many_requests) return 1008;
  return error.code == Errc::encoding ? 1007 : 1002;
}

// One frame. `again`: it was not the last of its message.
Decoded<WebSocketMessage> WebSocketReader::step(bool& again) {
  const std::string_view held = buffer_.held();
  if (held.size() < 2) return NeedMore{};
  const auto first = static_cast<std::uint8_t>(held[0]);
  const auto second = static_cast<std::uint8_t>(held[1]);
  const auto kind = static_cast<WebSocketKind>(first & 0x0F);
  const bool final = (first & 0x80) != 0;
  const bool control = (first & 0x08) != 0;
  if ((first & 0x70) != 0) return bad("no extension was agreed on, so the reserved bits are 0");
  if ((first & 0x07) > 2) return bad("opcodes are 0, 1, 2, 8, 9 and 10");
  if (control && !final) return bad("control frames are whole");
  if (!control && (kind == WebSocketKind::continuation) != open_) {
    return bad("a fragmented message goes on with continuation frames until it is complete");
  }
  const bool masked = (second & 0x80) != 0;
  if (masked ? options_.masks == Masks::refused : options_.masks == Masks::required) {
    return bad("clients mask their frames, servers do not");
  }
  std::uint64_t length = second & 0x7F;
  if (control && length > kControlPayload) return bad("control frames have at most 125 bytes");
  const std::size_t wide = length == 126 ? 2 : length == 127 ? 8 : 0;
  const std::size_t header = 2 + wide + (masked ? 4 : 0);
  if (held.size() < 2 + wide) return NeedMore{};
  if (wide == 2) length = read_big_endian<std::uint16_t>(held.substr(2));
  if (wide == 8) length = read_big_endian<std::uint64_t>(held.substr(2));
  const std::size_t before = control ? 0 : message_.payload.size();
  if (length > options_.message_limit - before) {
    return Error{Errc::too_large, "the message is longer than this side takes"};
  }
  const auto size = static_cast<std::size_t>(length);
  if (held.size() < header + size) return NeedMore{};

  WebSocketMessage alone{.kind = kind, .payload = {}};
  std::string& payload = control ? alone.payload : message_.payload;
  payload += held.substr(header, size);
  if (masked) {
    WebSocketMask mask;
    std::ranges::copy(as_bytes(held.substr(2 + wide, 4)), mask.begin());
    apply_mask(payload, before, mask);
  }
  buffer_.drop(header + size);
  if (control) {
    if (kind == WebSocketKind::close && size == 1) return bad("a close code has two bytes");
    return alone;
  }
  if (!open_) message_.kind = kind;
  message_.fragments = open_ ? message_.fragments + 1 : 1;
  if (message_.fragments > options_.fragment_limit)
    return Error{Errc::too_many_requests, "a message comes in fewer fragments"};
  open_ = !final;
  if (open_) {
    again = true;
    return NeedMore{};
  }
  WebSocketMessage whole = std::exchange(message_, {});
  if (options_.check_text && whole.kind == WebSocketKind::text && !valid_utf8(whole.payload)) {
    return Error{Errc::encoding, "text is UTF-8"};
  }
  return whole;
}

Decoded<WebSocketMessage> WebSocketReader::next() {
  if (over_) return *over_;
  for (;;) {
    bool again = false;
    auto out = step(again);
    if (const auto* error = std::get_if<Error>(&out)) over_ = *error;
    if (!again) return out;
  }
}

}  // namespace dim
