#include "dim/packet/live_frame.h"

namespace dim {
namespace {

constexpr std::uint8_t kKeyBit = 1;
constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kFixed = kLiveHead - kLengthBytes;

void put(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift & 0xff));
}

std::uint64_t get(std::string_view bytes) {
  std::uint64_t out = 0;
  for (const char byte : bytes) out = out << 8 | static_cast<std::uint8_t>(byte);
  return out;
}

std::string head_of(const LiveFrame& frame) {
  std::string out;
  put(out, frame.stream, 4);
  put(out, frame.sequence, 4);
  put(out, frame.time, 8);
  put(out, frame.key ? kKeyBit : 0, 1);
  return out;
}

}  // namespace

std::size_t live_payload(Lane lane) {
  return lane == Lane::video ? kLiveVideoPayload : kLiveAudioPayload;
}

Bytes live_metadata(const LiveFrame& frame) { return to_bytes(head_of(frame)); }

std::string write_live_frame(const LiveFrame& frame) {
  std::string out;
  out.reserve(kLiveHead + frame.payload.size());
  put(out, kFixed + frame.payload.size(), 4);
  out += head_of(frame);
  out += frame.payload;
  return out;
}

std::unexpected<Error> LiveFrameReader::over(Errc code, Literal hint) {
  over_ = Error{code, hint.view};
  buffer_.clear();
  begin_ = 0;
  return std::unexpected(*over_);
}

Result<std::optional<LiveFrame>> LiveFrameReader::next() {
  if (over_) {
    buffer_.clear();
    begin_ = 0;
    return std::unexpected(*over_);
  }
  const std::string_view held = std::string_view(buffer_).substr(begin_);
  if (held.size() >= kLengthBytes) {
    const std::uint64_t length = get(held.substr(0, kLengthBytes));
    if (length <= kFixed)
      return over(Errc::bad_request, "a live frame has a head of 17 bytes and a payload");
    if (length > kFixed + most_)
      return over(Errc::too_large, "a live frame is longer than this lane takes");
    if (held.size() > kFixed + kLengthBytes - 1 &&
        (static_cast<std::uint8_t>(held[kLiveHead - 1]) & ~kKeyBit) != 0)
      return over(Errc::bad_request,
                  "of the flags of a live frame only the first bit has a meaning");
    if (held.size() >= kLengthBytes + length) {
      LiveFrame out{
          .stream = static_cast<std::uint32_t>(get(held.substr(4, 4))),
          .sequence = static_cast<std::uint32_t>(get(held.substr(8, 4))),
          .time = get(held.substr(12, 8)),
          .key = (static_cast<std::uint8_t>(held[kLiveHead - 1]) & kKeyBit) != 0,
          .payload = std::string(held.substr(kLiveHead, length - kFixed)),
      };
      begin_ += kLengthBytes + length;
      return out;
    }
  }
  buffer_.erase(0, begin_);
  begin_ = 0;
  return std::nullopt;
}

}  // namespace dim
