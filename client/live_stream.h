// One live stream that this program has joined, without I/O: what it sends is sealed, what it hears
// is opened, and counted (docs/protocol/live.md section 6).
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "dim/engine/stream_secret.h"
#include "dim/packet/live_frame.h"

namespace dim {

struct LiveStats {
  std::uint64_t sent = 0, sent_bytes = 0;          ///< frames; bytes of what was sealed
  std::uint64_t received = 0, received_bytes = 0;  ///< the same of what was opened
  std::uint64_t failed = 0;   ///< frames that nobody who belongs to the stream has sealed so (M11)
  std::uint64_t lost = 0;     ///< gaps in the sequences of senders
  std::uint64_t unknown = 0;  ///< dropped: nobody has said whose they are
  std::uint64_t dropped = 0;  ///< of our copies, as the station reports them
  std::uint64_t shaped = 0;   ///< of our frames, the same
  Millis delay = 0;           ///< the longest that the station has reported
};

class LiveStream {
 public:
  struct Sender {
    Id id;
    Lane lane = Lane::audio;
  };
  struct Heard {
    Id sender;
    std::uint32_t stream = 0;
    Lane lane = Lane::audio;
    std::uint64_t time = 0;  ///< microseconds since the sender began
    bool key = false;
    Bytes payload;
  };
  using Hear = std::function<void(Heard)>;

  LiveStream(const Guid& guid, Secret secret, const Id& self, Random& random)
      : guid_(guid), secret_(std::move(secret)), self_(self), random_(random) {}

  /// Joined on that lane, with the number that the station gave: a new key each time.
  Status joined(Lane lane, std::uint32_t number);
  /// The bytes of the next frame, and of what it says. Errc::too_large; Errc::conflict: not joined.
  Result<std::string> seal(Lane lane, std::uint64_t time, bool key, ByteView payload);

  /// A notice about this stream. True: about a sender that has come or gone, or a key frame that is
  /// wanted of us.
  bool told(const Packet& notice, const Hear& hear);
  /// Whether somebody needs a key frame; asked once.
  bool key_wanted() { return std::exchange(key_wanted_, false); }
  /// Bytes of that lane.
  void received(Lane lane, std::string_view bytes, const Hear& hear);
  const std::map<std::uint32_t, Sender>& senders() const { return senders_; }
  const LiveStats& stats() const { return stats_; }
  const Guid& guid() const { return guid_; }

 private:
  struct Sending {
    std::uint32_t number = 0;
    std::uint32_t sequence = 0;
    SframeKey key;
  };
  struct Receiving {
    SframeKey key;
    std::uint64_t last = 0;
  };
  void take(const LiveFrame& frame, Lane lane, const Hear& hear);
  void open(const LiveFrame& frame, const Sender& sender, const Hear& hear);

  Guid guid_;
  Secret secret_;
  Id self_;
  Random& random_;
  std::map<Lane, Sending> sending_;
  std::map<Lane, LiveFrameReader> readers_;
  std::map<std::uint32_t, Sender> senders_;
  std::map<std::uint32_t, std::uint32_t> sequences_;  ///< the last one of each stream
  std::map<std::uint32_t, std::uint64_t> key_ids_;  ///< of each stream: one, the first that opened
  std::map<std::pair<std::string, std::uint64_t>, Receiving> keys_;  ///< by sender and key ID
  std::deque<std::pair<LiveFrame, Lane>> unknown_;  ///< until it is told whose they are
  std::size_t unknown_bytes_ = 0;
  bool key_wanted_ = false;
  LiveStats stats_;
};

}  // namespace dim
