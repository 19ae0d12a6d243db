// One connection of the dimchat world, whatever its framing: bytes in, events out, and the bytes to
// send. Stations and clients use it alike; it has no clock, no sockets and no timers
// (docs/protocol/dimchat-frames.md section 5).
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/packet/mars.h"
#include "dim/packet/mtp.h"
#include "dim/packet/transport_detect.h"
#include "dim/packet/websocket.h"

namespace dim {

struct FrameEvent {
  enum class Kind : std::uint8_t {
    messages,  ///< `texts`
    ack,       ///< nothing but `acked`
    ping,      ///< `reply` is the answer
    pong,
    noop,      ///< the peer is alive and says nothing
    upgraded,  ///< WebSocket; `reply` is the answer
    closed,    ///< WebSocket; send `reply`, then close
  };
  Kind kind = Kind::noop;
  /// JSON texts, not looked into; never empty ones; limits::kFrameTexts at most.
  std::vector<std::string> texts{};
  /// Send it once the messages are durable, and there is no other answer to give (Mars: every other
  /// message to this peer will do). Empty where the framing has no such thing.
  std::string ack{};
  /// Send it at once.
  std::string reply{};
  /// The peer has this message of ours: what encode_message() called `handle`.
  std::optional<std::uint64_t> acked{};
};

/// The framing is lost: send `reply`, then close.
struct BadFrame {
  Error error;
  std::string reply;
};

struct OutgoingFrame {
  std::string bytes;
  std::uint64_t handle = 0;
  bool is_acked = true;  ///< false: no answer comes, so what is written counts as delivered
};

class FrameStream {
 public:
  struct Options {
    std::optional<Framing> framing{};  ///< nothing: from the first bytes (stations)
    std::uint64_t first_sn = 1;        ///< of the own frames; a random number
  };
  explicit FrameStream(Options options);

  void feed(std::string_view bytes);
  /// The next event; nothing: feed more. After BadFrame nothing comes. `now` is monotonic, and
  /// forgets old fragments.
  std::variant<std::monostate, FrameEvent, BadFrame> next(Millis now);
  /// Nothing as long as the first bytes do not say.
  std::optional<Framing> framing() const;
  bool has_begun() const { return begun_; }  ///< any bytes have come
  std::size_t memory() const;                ///< of what has come and is no event yet

  /// A message to this peer; MTP while the framing is unknown. To send the same message again, send
  /// the same bytes.
  OutgoingFrame encode_message(std::string_view json);
  /// "Are you there?" of a client: the peer answers with pong.
  std::string ping();

 private:
  struct Mtp {
    MtpReader reader;
    MtpAssembler assembler;
  };
  struct WebSocket {
    WebSocketReader reader;
    FrameBuffer request;  // until the upgrade
    bool upgraded = false;
    bool peer_acks = false;  // it has said ACK: once
    std::deque<std::pair<std::string, std::uint64_t>> awaited;
  };
  using Event = Result<std::optional<FrameEvent>>;  // nothing: a frame that says nothing, go on
  using Outcome = std::variant<std::monostate, FrameEvent, BadFrame>;
  enum class More : std::uint8_t { no, yes };

  void start(Framing framing);
  Event on_mtp(MtpFrame frame, std::vector<MtpHeader> parts);
  Event on_mars(MarsFrame frame);
  Event on_websocket(WebSocket& state, WebSocketMessage message);
  Outcome next_mtp(Mtp& state, Millis now);
  Outcome next_mars(MarsReader& reader);
  Outcome next_websocket(WebSocket& state);
  BadFrame bad(const Error& error, std::string reply = {});
  std::uint64_t next_sn();

  std::variant<FrameBuffer, Mtp, MarsReader, WebSocket> state_;
  std::uint64_t sn_;
  bool begun_ = false;
  bool over_ = false;
};

/// A payload as the dimchat world packs it: one that begins with `{` holds a JSON text in each
/// line, any other is one text. Errc::too_large for more than limits::kFrameTexts of them.
Result<std::vector<std::string>> split_payload(std::string payload);

}  // namespace dim
