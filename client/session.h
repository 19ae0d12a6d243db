// A client's side of DIM/2023 without I/O: log-in, lanes, requests and pushes of one session at one
// station. Whoever owns the sockets (client/link.h, the simulator) feeds bytes in and sends what
// comes out.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/uplink.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "dim/engine/account.h"
#include "dim/packet/packet.h"
#include "dim/packet/reader.h"

namespace dim {

/// Where a station is and who it must be. From an invite link, or from an earlier visit.
struct StationTarget {
  enum class Protocol : std::uint8_t {
    dim,      ///< DIM/2023 over TLS
    dimchat,  ///< a station of the dimchat reference: MTP over TCP, port 9394
  };

  std::string id{};    ///< ID text; empty while only the address is known (trust on first use)
  std::string host{};  ///< IPv6 address or name
  std::uint16_t port = 8800;  ///< of the control lane; the others follow
  std::vector<std::string>
      pins{};  ///< "sha256-<base64url>" of SPKIs that may appear; empty: the visa alone decides
  Protocol protocol = Protocol::dim;
  bool one_port = false;  ///< the others are not open: all lanes go into the first one's connection
  bool web = false;       ///< `port` is that of the web gateway: WebSocket, all lanes in it
  std::string code{};     ///< lets somebody new in; of the first log-in alone, not kept

  /// `dim:station:<ID>?host=[::1];port=8800;pin=sha256-…;`, with `lanes=one;` where no other port
  /// is open, `via=web;` for the web gateway, `code=…;` where one is needed, or
  /// `dimchat://host:9394?station=<ID>`. Errc::usage with what is missing.
  static Result<StationTarget> parse(std::string_view link);
  /// Without `code`: it has done its work when there is something to keep.
  std::string link() const;
};

/// Continues a session after a cut (connect.md section 4). Works once.
struct ResumeTicket {
  std::string session;
  std::string secret;  ///< base64
};

class Session final : public Uplink {
 public:
  struct Options {
    bool text_lane = true;                ///< open 8801 too
    bool media_lane = false;              ///< and 8802
    bool audio_lane = false;              ///< and 8803
    bool video_lane = false;              ///< and 8804
    std::optional<std::int64_t> after{};  ///< ask for pushes behind this cursor; nothing: no pushes
    bool checksum_crc32c = true;          ///< offer the cheap checksum
    std::optional<ResumeTicket> resume{};  ///< try this first
    bool one_port = false;                 ///< open no port but the first: all lanes are in one
  };

  Session(StationTarget target, const Account& account, SessionHost& host, Clock& clock,
          Random& random, Options options);

  /// TLS is up on that lane: `channel_binding` is the exporter value, `spki` the SHA-256 of the
  /// peer's key.
  void opened(Lane lane, Bytes channel_binding, Digest32 spki) override;
  void received(Lane lane, std::string_view bytes) override;
  bool do_without(Lane lane) override;
  bool is_shared() const override { return options_.one_port; }
  /// The lane is gone. Requests that were open on it are forgotten: their handlers are not called.
  void closed(Lane lane) override;
  /// Ends it from this side; the host's failed() is called with the same words.
  void abandon(const Error& error, int code = 0, std::string_view message = {}) override;
  /// Every second or so: pings an idle lane, gives up a log-in after 20 s, says every four minutes
  /// where its user is (as after the log-in: A23).
  void tick() override;

  /// Sends a request with a fresh `id`; the handler gets the answer. Only after ready().
  void request(Lane lane, Packet packet, Handler handler) override;
  void send_live(Lane lane, std::string frame) override;
  std::size_t open_requests() const { return requests_.size(); }

  bool is_ready() const override { return state_ == State::ready; }
  /// The station's identity as proven in this session.
  const std::optional<Id>& station() const override { return station_; }
  const std::optional<Meta>& station_meta() const { return station_meta_; }
  const std::vector<std::string>& station_pins() const override { return station_pins_; }
  const std::optional<ResumeTicket>& ticket() const { return ticket_; }
  Millis clock_offset() const override { return clock_offset_; }
  std::int64_t newest_cursor() const override { return newest_cursor_; }
  /// Messages a second that the station takes from this session; 0 where it sets no limit.
  std::int64_t message_rate() const override { return message_rate_; }
  bool repeats_bytes() const override { return true; }
  Result<Id> owner_of(std::string_view name, const Packet& response) const override;

 private:
  enum class State : std::uint8_t { dialling, hello, proving, resuming, lanes, ready, over };
  struct LaneState {
    PacketReader reader;
    Bytes channel_binding;
    Digest32 spki{};
    bool up = false;
    bool in_frames = false;  ///< behind a 101
    Millis last_sent = 0;
    explicit LaneState(Lane lane);
  };

  LaneState& lane(Lane lane);
  void write(Lane lane, const Packet& packet);
  void handle(Lane lane, Packet packet);
  void say_hello();
  void on_challenge(const Packet& packet);
  void on_welcome(const Packet& packet);
  void on_lane_answer(Lane lane, const Packet& packet);
  void prove_lane(Lane lane);
  void open_lane(Lane lane);
  void open_next(Lane after);
  void become_ready();
  void say_where();
  Status check_station(const Packet& packet);

  StationTarget target_;
  const Account& account_;
  SessionHost& host_;
  Clock& clock_;
  Random& random_;
  Options options_;
  State state_ = State::dialling;
  Millis started_ = 0;
  Millis said_where_ = 0;
  std::map<Lane, LaneState> lanes_;
  std::map<std::pair<Lane, std::string>, Handler> requests_;
  std::uint64_t next_request_ = 1;
  Bytes nonce_;
  std::string chosen_;
  bool meta_asked_ = false;
  Secret token_;
  std::optional<ResumeTicket> ticket_;
  std::optional<Id> station_;
  std::optional<Meta> station_meta_;
  std::vector<std::string> station_pins_;
  Millis clock_offset_ = 0;
  std::int64_t newest_cursor_ = 0;
  std::int64_t message_rate_ = 0;
};

}  // namespace dim
