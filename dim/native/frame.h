// The bytes of a frame; docs/protocol/native.md section 5.
#pragma once
#include "dim/native/session.h"

namespace dim::native {

struct FrameHeader {
  std::optional<FirstPart> first{};
  Key32 ratchet{};
  std::uint32_t before = 0;
  std::uint32_t number = 0;
};

/// A frame as it came; borrows.
struct Frame {
  FrameHeader header{};
  ByteView commitment{};
  ByteView head{};  ///< everything in front of what is sealed
  ByteView sealed{};
};

/// Errc::native: too short, beyond kMostFrame, unknown suite or kind.
Result<Frame> parse_frame(ByteView bytes);
/// Everything in front of what is sealed.
Bytes write_head(ByteView commitment, const FrameHeader& header);

inline constexpr std::size_t kFirstPartBytes = 89;
void append_first_part(Bytes& out, const FirstPart& first);
/// Errc::native for a kind of prekey that there is not.
Result<FirstPart> parse_first_part(ByteView bytes);

}  // namespace dim::native
