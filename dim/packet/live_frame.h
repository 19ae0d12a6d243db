// Frames of live audio and video behind a `101` on 8803 and 8804, as values and as bytes
// (docs/protocol/live.md section 3). What is in their payload nobody here can read.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/base/limits.h"
#include "dim/packet/packet.h"

namespace dim {

/// Bytes of a payload, at most.
inline constexpr std::size_t kLiveAudioPayload = 16 * limits::kKiB;
inline constexpr std::size_t kLiveVideoPayload = 192 * limits::kKiB;
/// Bytes in front of a payload, its length field among them.
inline constexpr std::size_t kLiveHead = 4 + 4 + 4 + 8 + 1;

struct LiveFrame {
  std::uint32_t stream = 0;    ///< the number that the station gave to the sender's joining
  std::uint32_t sequence = 0;  ///< of the stream, from 1, each greater than the one before
  std::uint64_t time = 0;      ///< microseconds since the sender began
  bool key = false;            ///< a receiver can begin here: every frame of audio, some of video
  std::string payload{};
  bool operator==(const LiveFrame&) const = default;
};

/// Most bytes of a payload on that lane: Lane::video, else Lane::audio.
std::size_t live_payload(Lane lane);
/// What a frame says beside its payload, in order: what SFrame covers as metadata.
Bytes live_metadata(const LiveFrame& frame);
std::string write_live_frame(const LiveFrame& frame);

/// Turns received bytes into frames, in any segmentation.
class LiveFrameReader {
 public:
  explicit LiveFrameReader(Lane lane) : most_(live_payload(lane)) {}

  void feed(std::string_view bytes) { buffer_.append(bytes); }
  /// The next frame; nothing: feed more. Errc::too_large, Errc::bad_request (a length that no frame
  /// has, bits that mean nothing): where the next one begins is not known, so there is none ever
  /// again.
  Result<std::optional<LiveFrame>> next();
  /// Bytes of a frame that is not complete.
  std::size_t buffered() const { return buffer_.size() - begin_; }

 private:
  std::unexpected<Error> over(Errc code, Literal hint);

  std::size_t most_;
  std::string buffer_;
  std::size_t begin_ = 0;
  std::optional<Error> over_;
};

}  // namespace dim
