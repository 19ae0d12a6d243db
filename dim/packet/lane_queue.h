// Several lanes in one connection (docs/protocol/connect.md section 6): how a packet says which
// lane it is of, and in which order packets leave.
#pragma once
#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/limits.h"
#include "dim/packet/packet.h"

namespace dim {

/// Most content bytes of a packet of the media lane in a shared connection: nothing waits behind
/// more than one of them.
inline constexpr std::size_t kSharedMediaContent = 64 * limits::kKiB;
/// The same of the audio and video lanes, whose packets hold frames there.
inline constexpr std::size_t kSharedLiveContent = 256 * limits::kKiB;
/// Bytes of packets that wait on a station because their lane is held. Beyond it the whole
/// connection is not read.
inline constexpr std::size_t kSharedWaiting = limits::kMiB;
/// Bytes that whoever shares a connection gives to it ahead. What is behind can still be overtaken.
inline constexpr std::size_t kSharedAhead = 16 * limits::kKiB;

/// "control", "text", "media", "audio" or "video"; nothing else.
std::optional<Lane> lane_called(std::string_view name);
/// The same packet with a line `lane: NAME` as its first field. `packet` is one written by
/// write_packet() that has no such line.
std::string with_lane(std::string_view packet, Lane lane);

/// Packets of one direction of a shared connection: control before audio before text before video
/// before media (N8), in each lane in the order in which they came.
class LaneQueue {
 public:
  /// `packet`: the bytes of one whole packet. Not Lane::gateway.
  void push(Lane lane, std::string packet);
  /// The next to go; empty when there is none.
  std::string pop();
  bool empty() const { return bytes() == 0; }
  std::size_t bytes() const;
  std::size_t bytes(Lane lane) const { return waiting_[static_cast<std::size_t>(lane)].bytes; }

 private:
  struct Waiting {
    std::deque<std::string> packets;
    std::size_t bytes = 0;
  };
  std::array<Waiting, 5> waiting_;  // by Lane
};

}  // namespace dim
