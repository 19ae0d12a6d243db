#include "net/web_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <utility>

#include "dim/base/base64.h"

namespace dim {
namespace {

namespace http = boost::beast::http;
constexpr std::string_view kEnd = "\r\n\r\n";
constexpr std::string_view kVersion = "13";
constexpr std::size_t kNonceBytes = 16;

/// The value of a field that stands once; empty when it is missing or stands twice.
template <class Message>
std::string_view once(const Message& message, http::field name) {
  if (message.count(name) != 1) return {};
  return message[name];
}

template <class Message>
bool has_token(const Message& message, http::field name, std::string_view token) {
  return message.count(name) == 1 && http::token_list(message[name]).exists(token);
}

/// Headers that keep a browser from taking an answer for something else (M06).
constexpr std::string_view kSafe =
    "Content-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    "Content-Security-Policy: default-src 'none'; sandbox\r\nCache-Control: no-store\r\n"
    "Connection: close\r\n";

std::string_view reason(int status) {
  switch (status) {
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Bad Request";
  }
}

std::optional<WebRefusal> judge(const http::request<http::empty_body>& request,
                                const std::set<std::string, std::less<>>& origins) {
  if (request.version() != 11) return WebRefusal{400, "HTTP/1.1 is spoken here"};
  if (once(request, http::field::host).empty()) return WebRefusal{400, "Host stands once"};
  if (request.method() != http::verb::get) return WebRefusal{405, "only GET is taken here"};
  if (request.target() != "/") return WebRefusal{404, "there is nothing here but / for WebSocket"};
  if (!has_token(request, http::field::upgrade, "websocket") ||
      !has_token(request, http::field::connection, "upgrade")) {
    return WebRefusal{426,
                      "this is a DIM station: it is spoken to over WebSocket, protocol dim.2023"};
  }
  if (once(request, http::field::sec_websocket_version) != kVersion)
    return WebRefusal{426, "Sec-WebSocket-Version is 13"};
  const auto nonce = from_base64(once(request, http::field::sec_websocket_key));
  if (!nonce || nonce->size() != kNonceBytes)
    return WebRefusal{400, "Sec-WebSocket-Key is 16 bytes in base64"};
  if (!has_token(request, http::field::sec_websocket_protocol, kWebProtocol))
    return WebRefusal{400, "Sec-WebSocket-Protocol names dim.2023"};
  if (request.count(http::field::origin) > 0 &&
      !origins.contains(once(request, http::field::origin))) {
    return WebRefusal{403, "this page may not use this station; its operator can allow it"};
  }
  return std::nullopt;
}

}  // namespace

WebStream::WebStream(const std::set<std::string, std::less<>>& origins)
    : origins_(&origins),
      reader_({.masks = WebSocketReader::Masks::required,
               .message_limit = kWebEarlyMessage,
               .fragment_limit = kWebFragments}) {}

WebStream::WebStream(std::string_view host, std::uint16_t port, Random& random)
    : random_(&random),
      reader_({.masks = WebSocketReader::Masks::refused,
               .message_limit = kWebMessage,
               .fragment_limit = kWebFragments}) {
  nonce_ = to_base64(random.array<kNonceBytes>());
  const bool literal = host.find(':') != std::string_view::npos;
  output_ = fmt::format(
      "GET / HTTP/1.1\r\nHost: {}{}{}:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
      literal ? "[" : "", host, literal ? "]" : "", port, nonce_, kVersion, kWebProtocol);
}

void WebStream::feed(std::string_view bytes, std::string& plain) {
  if (state_ == State::over) return;
  if (state_ == State::upgrade) {
    // What stands behind the request is behind its end, which may have come in parts.
    const std::size_t seen = head_.size() < kEnd.size() ? 0 : head_.size() - kEnd.size();
    head_ += bytes;
    const std::size_t end = head_.find(kEnd, seen);
    const bool whole = end != std::string::npos;
    if (whole ? end + kEnd.size() > kWebHead : head_.size() >= kWebHead) {
      if (origins_ != nullptr) return refuse({431, "a request has at most 8 KiB"});
      return end_with(Error{Errc::too_large, "the answer to the upgrade has more than 8 KiB"});
    }
    if (!whole) return;
    const std::string rest = head_.substr(end + kEnd.size());
    head_.resize(end + kEnd.size());
    if (origins_ != nullptr)
      read_request();
    else
      read_answer();
    head_ = {};
    if (state_ != State::open) return;
    reader_.feed(rest);
  } else {
    reader_.feed(bytes);
  }
  read_messages(plain);
}

void WebStream::read_request() {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kWebHead);
  boost::system::error_code error;
  const std::size_t read = parser.put(boost::asio::buffer(head_), error);
  if (error || read != head_.size() || !parser.is_done())
    return refuse({400, "a request is GET / HTTP/1.1 with header lines and no body"});
  if (const auto refusal = judge(parser.get(), *origins_)) return refuse(*refusal);
  output_ += fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
      websocket_accept(once(parser.get(), http::field::sec_websocket_key)), kWebProtocol);
  state_ = State::open;
}

void WebStream::read_answer() {
  http::response_parser<http::empty_body> parser;
  parser.header_limit(kWebHead);
  parser.skip(true);  // a refusal may have a body, which is not read
  boost::system::error_code error;
  const std::size_t read = parser.put(boost::asio::buffer(head_), error);
  const auto& answer = parser.get();
  if (error || read != head_.size())
    return end_with(Error{Errc::bad_request, "what answers here speaks no HTTP"});
  if (answer.result_int() == 403)
    return end_with(Error{Errc::forbidden, "the station does not take this upgrade"});
  if (answer.result_int() != 101 || answer.version() != 11 ||
      !has_token(answer, http::field::upgrade, "websocket") ||
      !has_token(answer, http::field::connection, "upgrade") ||
      once(answer, http::field::sec_websocket_accept) != websocket_accept(nonce_) ||
      once(answer, http::field::sec_websocket_protocol) != kWebProtocol) {
    return end_with(Error{Errc::bad_request, "what answers here is no web gateway of a station"});
  }
  state_ = State::open;
}

void WebStream::read_messages(std::string& plain) {
  while (state_ == State::open) {
    auto next = reader_.next();
    if (std::holds_alternative<NeedMore>(next)) return;
    if (const auto* error = std::get_if<Error>(&next))
      return end(websocket_close_code(*error), *error);
    const auto& message = std::get<WebSocketMessage>(next);
    switch (message.kind) {
      case WebSocketKind::text:
      case WebSocketKind::binary:
        plain += message.payload;
        break;
      case WebSocketKind::ping:
        frame(WebSocketKind::pong, message.payload);
        break;
      case WebSocketKind::close:
        return end(1000, std::nullopt);
      case WebSocketKind::pong:
      case WebSocketKind::continuation:
        break;
    }
  }
}

void WebStream::frame(WebSocketKind kind, std::string_view payload) {
  if (random_ == nullptr) {
    output_ += write_websocket(kind, payload);
  } else {
    output_ += write_websocket(kind, payload, random_->array<4>());
  }
}

void WebStream::write(std::string_view packet) {
  if (state_ == State::open) frame(WebSocketKind::binary, packet);
}

void WebStream::close() {
  if (state_ == State::open) return end(1000, std::nullopt);
  state_ = State::over;
}

void WebStream::proven() { reader_.set_message_limit(kWebMessage); }

void WebStream::end(std::uint16_t code, const std::optional<Error>& error) {
  std::string payload;
  append_big_endian(payload, code);
  frame(WebSocketKind::close, payload);
  state_ = State::over;
  error_ = error;
}

void WebStream::end_with(const Error& error) {
  state_ = State::over;
  error_ = error;
}

void WebStream::refuse(const WebRefusal& refusal) {
  std::string body(refusal.message);
  body += '\n';
  output_ += fmt::format("HTTP/1.1 {} {}\r\n{}Content-Length: {}\r\n", refusal.status,
                         reason(refusal.status), kSafe, body.size());
  if (refusal.status == 405) output_ += "Allow: GET\r\n";
  if (refusal.status == 426) output_ += "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  output_ += "\r\n" + body;
  end_with(Error{Errc::bad_request, refusal.message});
}

}  // namespace dim
