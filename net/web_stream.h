// Packets in WebSocket (RFC 6455) without I/O: the upgrade from HTTP/1.1, then a packet a message,
// either side (docs/protocol/connect.md section 7; S22).
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/base/limits.h"
#include "dim/base/random.h"
#include "dim/packet/websocket.h"

namespace dim {

inline constexpr std::string_view kWebProtocol = "dim.2023";  ///< Sec-WebSocket-Protocol
inline constexpr std::string_view kWebAlpn = "http/1.1";
/// Most bytes of an HTTP request or answer with its empty line.
inline constexpr std::size_t kWebHead = 8 * limits::kKiB;
/// Most frames of one message.
inline constexpr std::size_t kWebFragments = 1'024;
/// Most bytes of a message: a packet of the control lane, and any one once the peer is known.
inline constexpr std::size_t kWebEarlyMessage =
    limits::kControlContent + limits::kHeaderBytes + limits::kKiB;
inline constexpr std::size_t kWebMessage =
    limits::kTextContent + limits::kHeaderBytes + limits::kKiB;

/// What a station says to an HTTP request that is no upgrade it takes.
struct WebRefusal {
  int status = 400;
  std::string_view message;  ///< what was wrong and what would be right
};

/// One connection, inside TLS. Not to be fed once it is over.
class WebStream {
 public:
  /// A station. Browsers name the page that asks in Origin: only those in `origins`
  /// ("https://chat.example") get in; programs name none. `origins` must outlive the stream.
  explicit WebStream(const std::set<std::string, std::less<>>& origins);
  /// A client; output() has its request at once. `random` (nonce, masks) must outlive the stream.
  WebStream(std::string_view host, std::uint16_t port, Random& random);

  /// Takes all of `bytes`; appends the payloads of messages to `plain`, as one stream. What is to
  /// be sent, refusals too, is in output().
  void feed(std::string_view bytes, std::string& plain);
  /// Puts one packet into output(); nothing before the upgrade and after the end.
  void write(std::string_view packet);
  /// Puts a close frame (1000) into output(), once.
  void close();
  /// The peer has proven who it is: messages may be of full size from now on.
  void proven();

  /// To be sent; the caller swaps it away.
  std::string& output() { return output_; }
  bool is_open() const { return state_ == State::open; }
  /// Send output(), and close the connection.
  bool is_over() const { return state_ == State::over; }
  /// Why, where it was the peer's fault.
  const std::optional<Error>& error() const { return error_; }

 private:
  enum class State : std::uint8_t { upgrade, open, over };
  void read_request();
  void read_answer();
  void read_messages(std::string& plain);
  void frame(WebSocketKind kind, std::string_view payload);
  void end(std::uint16_t code, const std::optional<Error>& error);
  void end_with(const Error& error);
  void refuse(const WebRefusal& refusal);

  const std::set<std::string, std::less<>>* origins_ = nullptr;  // null: a client
  Random* random_ = nullptr;
  State state_ = State::upgrade;
  std::string head_;
  std::string nonce_;
  WebSocketReader reader_;
  std::string output_;
  std::optional<Error> error_;
};

}  // namespace dim
