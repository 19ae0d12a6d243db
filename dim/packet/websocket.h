// WebSocket (RFC 6455) as far as messages travel in it: the upgrade, frames of either side, and the
// dimchat world's form of both (docs/protocol/dimchat-frames.md section 4).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/limits.h"
#include "dim/packet/frame_buffer.h"

namespace dim {

struct WebSocketRequest {
  std::string key;       ///< Sec-WebSocket-Key, as it stands there
  std::size_t size = 0;  ///< bytes of the request with its empty line
};

/// An upgrade request at the start of `bytes`: "GET /", "HTTP/" within 512 bytes, a key; every
/// other header line is as it likes. Errc::bad_request otherwise, Errc::too_large over 8 KiB.
Decoded<WebSocketRequest> read_websocket_request(std::string_view bytes);
/// The answer, byte for byte as the reference's stations give it.
std::string write_websocket_answer(std::string_view key);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key.
std::string websocket_accept(std::string_view key);

/// The client's side of the same.
std::string write_websocket_request(std::string_view host, std::string_view key);
/// The bytes of an answer that accepts `key`; Errc::bad_request for any other answer.
Decoded<std::size_t> read_websocket_answer(std::string_view bytes, std::string_view key);

enum class WebSocketKind : std::uint8_t {
  continuation = 0x0,
  text = 0x1,
  binary = 0x2,
  close = 0x8,
  ping = 0x9,
  pong = 0xA,
};

/// A message with all of its fragments, or a control frame.
struct WebSocketMessage {
  WebSocketKind kind = WebSocketKind::text;
  std::string payload;
  std::size_t fragments = 1;
};

using WebSocketMask = std::array<std::uint8_t, 4>;

/// One frame, with the shortest length there is. Clients give a random mask.
std::string write_websocket(WebSocketKind kind, std::string_view payload,
                            const std::optional<WebSocketMask>& mask = std::nullopt,
                            bool final = true);
/// A close frame with that code.
std::string write_websocket_close(std::uint16_t code);
/// What a failure of the reader is called in a close frame: 1009, 1008, 1007 or 1002.
std::uint16_t websocket_close_code(const Error& error);

/// Messages out of a stream, in any segmentation, behind the upgrade.
class WebSocketReader {
 public:
  enum class Masks : std::uint8_t { either, required, refused };
  struct Options {
    /// A station takes frames with and without mask, as the reference does; RFC 6455 wants masks of
    /// clients (required) and none of servers (refused).
    Masks masks = Masks::either;
    std::size_t message_limit = limits::kFrameBody;
    bool check_text = true;              ///< text is UTF-8
    std::size_t fragment_limit = 4'096;  ///< frames of one message
  };
  WebSocketReader() = default;
  explicit WebSocketReader(Options options) : options_(options) {}

  void feed(std::string_view bytes) { buffer_.feed(bytes); }
  /// Errc::too_large over the limit, before any of it is waited for (A33); Errc::too_many_requests
  /// for too many fragments; Errc::encoding for text that is no UTF-8; Errc::bad_request for what
  /// breaks the RFC. Then nothing more comes: send
  /// close, and close.
  Decoded<WebSocketMessage> next();
  /// For the frames behind the last one that next() gave. Not less than before.
  void set_message_limit(std::size_t bytes) { options_.message_limit = bytes; }
  std::string_view held() const { return buffer_.held(); }
  std::size_t memory() const { return buffer_.held().size() + message_.payload.size(); }

 private:
  FrameBuffer buffer_;
  Options options_;
  WebSocketMessage message_;  // in fragments, not complete; fragments == 0: none
  std::optional<Error> over_;
  bool open_ = false;

  Decoded<WebSocketMessage> step(bool& again);
};

}  // namespace dim
