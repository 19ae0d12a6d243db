// Who gets which frame of a live stream, and which frames are dropped: pure, without sockets, keys
// and clock (docs/protocol/live.md sections 4 and 5).
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dim/base/time.h"
#include "dim/packet/guid.h"
#include "dim/packet/live_frame.h"
#include "server/quotas.h"

namespace dim {

/// Bytes that wait for one receiver, audio and video together.
inline constexpr std::size_t kLiveQueue = 256 * limits::kKiB;
/// Frames that wait for one receiver: each costs time and memory, however small it is.
inline constexpr std::size_t kLiveQueuePictures = 512;
inline constexpr std::size_t kLiveQueueSounds = 2'048;
/// Milliseconds after which a frame that waits is of no use any more.
inline constexpr Millis kLiveVideoLateMs = 500;
inline constexpr Millis kLiveAudioLateMs = 2'000;
/// Between two requests for a key frame to one sender.
inline constexpr Millis kLiveKeyMs = 1'000;
/// Between two reports to one sender.
inline constexpr Millis kLiveReportMs = 2'000;

/// What happened to the frames of one sender since the report before.
struct LiveReport {
  std::uint32_t stream = 0;
  std::uint64_t frames = 0;   ///< taken from the sender
  std::uint64_t shaped = 0;   ///< of the sender, over its rate: nobody got them
  std::uint64_t copies = 0;   ///< given to receivers
  std::uint64_t dropped = 0;  ///< copies: a receiver was too slow
  Millis delay = 0;           ///< longest time that a copy has waited here
};

class LiveRelay {
 public:
  /// `shared`: members of the same value share one queue; a session's audio and video do.
  struct Member {
    Lane lane = Lane::audio;
    Guid shared;
    bool sends = true;
    bool receives = true;
  };
  enum class Taken : std::uint8_t {
    forwarded,
    unknown,   ///< no such stream, or one of somebody else (M11)
    replayed,  ///< a sequence that was there already (M11)
    silent,    ///< who joined to receive only
    shaped,    ///< dropped: over the rate of this sender (M12)
  };

  /// A number that this relay has not given before.
  std::uint32_t join(const Member& member);
  void leave(std::uint32_t number);
  bool empty() const { return members_.empty(); }
  std::size_t size() const { return members_.size(); }

  /// A frame that came on the lane of `from`. `admitted`: within the sender's rate. `most`: bytes
  /// of a queue.
  Taken take(std::uint32_t from, const LiveFrame& frame, bool admitted, Millis now,
             std::size_t most = kLiveQueue);
  /// The next frame for that member, as bytes; null when there is none.
  std::shared_ptr<const std::string> next(std::uint32_t to, Millis now);
  /// Bytes that wait for that member and the one it shares with.
  std::size_t waiting(std::uint32_t to) const;
  /// Whose receivers need a key frame and who has not been asked just now.
  std::vector<std::uint32_t> ask_for_keys(Millis now);
  /// What is to be told now.
  std::vector<LiveReport> reports(Millis now);

 private:
  struct Waiting {
    std::shared_ptr<const std::string> bytes;
    std::uint32_t stream = 0;
    bool key = false;
    Millis since = 0;
  };
  struct Queues {
    std::deque<Waiting> audio, video;
    std::size_t bytes = 0;
    std::size_t users = 0;
    bool stalled = false;  ///< lost something, and has taken nothing since
  };
  struct State {
    Member member;
    std::uint32_t sequence = 0;
    bool broken = false;              ///< a frame of it was shaped: deltas are of no use
    std::set<std::uint32_t> begun{};  ///< video: of which it has everything from a key frame on
    bool wants_key = false;           ///< as a sender
    std::optional<Millis> asked{};
    Millis reported = 0;
    LiveReport report{};
  };

  std::deque<Waiting>& queue_of(const State& state);
  void give(State& to, const LiveFrame& frame, const std::shared_ptr<const std::string>& bytes,
            Millis now, std::size_t most);
  void drop_front(Queues& queues, Lane lane, const Guid& shared);
  void lose(std::uint32_t stream, const Guid& shared);
  void count_drop(std::uint32_t stream);
  void want_key(std::uint32_t stream);

  std::map<std::uint32_t, State> members_;
  std::map<Guid, Queues> queues_;
  bool wanted_ = true;  ///< some sender may have to be asked for a key frame
  std::uint32_t last_ = 0;
};

}  // namespace dim
