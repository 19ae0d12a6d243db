// What a Messenger needs of a session at a station, whatever the station speaks. Requests and
// answers have the form of DIM/2023 packets; a session of another protocol translates them.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"
#include "dim/identity/id.h"
#include "dim/packet/packet.h"

namespace dim {

/// What the owner of the sockets does for a session. All calls come from within the session's own
/// calls.
class SessionHost {
 public:
  virtual ~SessionHost() = default;
  /// `bytes` is one whole packet. A lane that was not dialled is in the control lane's connection.
  virtual void send(Lane lane, std::string bytes) = 0;
  virtual void open(Lane lane) = 0;  ///< dial that lane; answer with Uplink::opened, do_without or
                                     ///< closed
  virtual void close(Lane lane) = 0;

  virtual void ready() = 0;                           ///< logged in, every wanted lane is up
  virtual void pushed(Lane lane, Packet packet) = 0;  ///< from the station, in order
  /// Bytes of live frames of a lane that has joined a stream (docs/protocol/live.md).
  virtual void live(Lane /*lane*/, std::string /*bytes*/) {}
  /// That lane has ended: it has left its stream, or was put out.
  virtual void live_ended(Lane /*lane*/) {}
  /// The station's inbox ends before what was received from it: it is another one, of a station
  /// that was restored from a backup, and is received from its beginning. Before any push of it.
  virtual void inbox_began_anew() {}
  /// The session is over. Errc::station_changed and Errc::downgrade: do not dial again.
  virtual void failed(const Error& error, int code, std::string_view message) = 0;
};

class Uplink {
 public:
  using Handler = std::function<void(const Packet& response)>;
  virtual ~Uplink() = default;

  /// The connection of that lane is up; `channel_binding` and `spki` are TLS's, if there is any.
  virtual void opened(Lane lane, Bytes channel_binding, Digest32 spki) = 0;
  virtual void received(Lane lane, std::string_view bytes) = 0;
  /// The lane is gone. Requests that were open on it are forgotten: their handlers are not called.
  virtual void closed(Lane lane) = 0;
  /// That lane, which the session wanted, cannot be reached. True: it goes on without a connection
  /// of its own (docs/protocol/connect.md section 6).
  virtual bool do_without(Lane) { return false; }
  /// Ends it from this side; the host's failed() is called with the same words.
  virtual void abandon(const Error& error, int code = 0, std::string_view message = {}) = 0;
  /// Every second or so.
  virtual void tick() = 0;
  /// The newest of the inbox at the log-in; 0 where the station does not say.
  virtual std::int64_t newest_cursor() const { return 0; }
  /// Sends a request; the handler gets the answer. Only after ready().
  virtual void request(Lane lane, Packet packet, Handler handler) = 0;
  /// One live frame of a lane that has joined a stream.
  virtual void send_live(Lane /*lane*/, std::string /*frame*/) {}
  /// The owner of a registered name out of the answer to GET. Errc::not_found, or Errc::signature
  /// when nobody stands for the answer (A26).
  virtual Result<Id> owner_of(std::string_view name, const Packet& response) const = 0;

  /// The station's clock minus ours (ms) when the log-in was answered; 0 where it does not tell.
  virtual Millis clock_offset() const { return 0; }
  virtual bool is_ready() const = 0;
  /// The station's identity as proven in this session.
  virtual const std::optional<Id>& station() const = 0;
  virtual const std::vector<std::string>& station_pins() const = 0;  ///< of its visa
  /// Messages a second that the station takes from this session; 0 where it sets no limit.
  virtual std::int64_t message_rate() const = 0;
  /// All lanes are in one connection: what is sent on one waits for what is more urgent.
  virtual bool is_shared() const { return false; }
  /// A message that may have got through is sent again as the same bytes, and the station knows it
  /// (P36). False: it is signed anew, because stations drop what they have seen.
  virtual bool repeats_bytes() const = 0;
};

}  // namespace dim
