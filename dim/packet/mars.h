// Frames of Tencent Mars as the dimchat world uses them (docs/protocol/dimchat-frames.md section
// 3).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/limits.h"
#include "dim/packet/frame_buffer.h"

namespace dim {

enum class MarsCommand : std::uint32_t { send_message = 3, noop = 6, push_message = 10001 };

inline constexpr std::uint32_t kMarsVersion = 200;

struct MarsHeader {
  MarsCommand command = MarsCommand::send_message;
  std::uint32_t seq = 0;
  std::uint32_t body_length = 0;
  std::size_t size = 20;  ///< with options
};

struct MarsFrame {
  MarsHeader header;
  std::string options;
  std::string body;
};

/// A header at the start of `bytes`. Errc::bad_request where none can be: version, command, length
/// under 20 or over 1 KiB.
Decoded<MarsHeader> read_mars_header(std::string_view bytes);
/// `size` and `body_length` of the header are not looked at.
std::string write_mars(const MarsHeader& header, std::string_view options, std::string_view body);

/// A body is a payload, before which a line "Mars SN:<base64 of four bytes>" may stand.
struct MarsPayload {
  std::optional<std::uint32_t> sn;
  std::string_view payload;  ///< borrows from the body
};
MarsPayload read_mars_payload(std::string_view body);
/// The line with its line break.
std::string mars_sn_line(std::uint32_t sn);

/// Frames out of a stream, in any segmentation. Bytes that are no header are skipped up to the next
/// version number as soon as 32 are there; without one at most 64 KiB are held.
class MarsReader {
 public:
  explicit MarsReader(std::size_t body_limit = limits::kFrameBody) : body_limit_(body_limit) {}

  void feed(std::string_view bytes) { buffer_.feed(bytes); }
  /// Errc::too_large for a body over the limit, before any of it is waited for (A33): close.
  Decoded<MarsFrame> next();
  std::string_view held() const { return buffer_.held(); }
  std::size_t dropped() const { return dropped_; }  ///< bytes skipped so far

 private:
  bool seek();
  void skip(std::size_t count);

  FrameBuffer buffer_;
  std::size_t body_limit_;
  std::optional<MarsHeader> header_;  // of the frame at the front
  std::size_t scanned_ = 0;           // no magic begins before
  std::size_t dropped_ = 0;
};

}  // namespace dim
