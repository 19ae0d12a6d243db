// A client's side of the dimchat reference's protocol without I/O: log-in in four steps, transport
// acknowledgements, heartbeats, look-ups by commands (docs/protocol/dimchat-frames.md, and
// docs/user.md section on reference stations). To its Messenger it looks like any other session.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/session.h"
#include "client/uplink.h"
#include "dim/engine/account.h"
#include "dim/engine/directory.h"
#include "dim/engine/engine.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/content.h"

namespace dim {

/// Everything goes over the control lane. What it makes of requests:
///
/// | request | goes as | answer |
/// | --- | --- | --- |
/// | CREATE message, receipt | the content in a frame | 202 when the station's `OK` has come |
/// | NOTIFY cursor | `OK` for every message up to it | none |
/// | GET document | documents command | 200 with meta and documents; 404 after 10 s of silence |
/// | GET name | ans command | 200 with `owner`; 404 |
/// | CREATE document | nothing: the visa is broadcast after each log-in | 201 |
/// | everything else | nothing | 501 |
///
/// Messages come as pushes with a cursor of this session's own; their GUID is made of their hash.
class DimchatSession final : public Uplink {
 public:
  /// `after`: the last cursor used, so that cursors grow from one session to the next.
  DimchatSession(StationTarget target, const Account& account, Directory& directory,
                 SessionHost& host, Clock& clock, Random& random, std::int64_t after);

  void opened(Lane lane, Bytes channel_binding, Digest32 spki) override;
  void received(Lane lane, std::string_view bytes) override;
  void closed(Lane lane) override;
  void abandon(const Error& error, int code = 0, std::string_view message = {}) override;
  /// PING after 16 s of silence, the login command every 300 s; ends the session after 30 s
  /// without log-in, 128 s of silence, 120 s without an `OK`.
  void tick() override;
  void request(Lane lane, Packet packet, Handler handler) override;
  /// The answer came in a message that the station has signed.
  Result<Id> owner_of(std::string_view name, const Packet& response) const override;

  /// As DIM! said, which is signed, and an answer to this log-in.
  Millis clock_offset() const override { return clock_offset_; }
  bool is_ready() const override { return state_ == State::ready; }
  const std::optional<Id>& station() const override { return station_; }
  const std::vector<std::string>& station_pins() const override { return pins_; }
  std::int64_t message_rate() const override { return 0; }
  bool repeats_bytes() const override { return false; }

 private:
  enum class State : std::uint8_t { dialling, hello, proving, ready, over };
  struct Asked {
    Handler handler;
    Millis at = 0;
    std::int64_t sn = 0;  // of the query
  };
  using Questions = std::multimap<std::string, Asked, std::less<>>;

  void on_event(FrameEvent event);
  bool take(std::string text);
  void take_from_station(const SignedMessage& message);
  void handle(const Content& content);
  void on_handshake(const HandshakeContent& handshake);
  void on_documents(const Id& did, const std::optional<JsonObject>& meta,
                    const std::vector<JsonObject>& documents);
  void on_receipt(const ReceiptContent& receipt);
  void become_ready();
  void tell_documents();
  void log_in_again();
  void acknowledge(std::int64_t cursor);
  void tell(const Id& receiver, const Content& content, bool introduce = false);
  void tell_station(const Content& content);
  void ask_documents(const Packet& packet, Handler handler);
  void ask_name(const Packet& packet, Handler handler);
  static void answer(Questions& questions, std::string_view key, const Packet& response);
  void give_up_old(Questions& questions, Millis now);
  void send(std::string bytes);

  StationTarget target_;
  const Account& account_;
  Directory& directory_;
  SessionHost& host_;
  Clock& clock_;
  Random& random_;
  FrameStream stream_;
  State state_ = State::dialling;
  std::optional<Id> station_;
  std::vector<std::string> pins_;  // none: there is no TLS
  std::string session_key_;
  std::optional<Digest32> told_visa_;  // what everybody has been sent in this session
  int challenges_ = 0;
  Millis clock_offset_ = 0;
  std::int64_t cursor_;
  Millis started_, last_received_, last_ping_ = 0, last_login_ = 0;
  std::map<std::uint64_t, Asked> sent_;       // by handle: without an OK yet
  std::map<std::int64_t, std::string> acks_;  // by cursor: OKs that wait for the disk
  std::deque<Packet> early_;                  // came before the log-in was through
  Questions documents_, names_;
};

}  // namespace dim
