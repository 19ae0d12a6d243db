// MTP frames of the dimchat world: "DIM", a nibble of length, a nibble of type, then the rest of
// the header and a body (docs/protocol/dimchat-frames.md section 2).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/limits.h"
#include "dim/base/time.h"
#include "dim/packet/frame_buffer.h"

namespace dim {

enum class MtpType : std::uint8_t {
  command = 0x0,
  command_response = 0x1,
  message = 0x2,
  message_response = 0x3,
  fragment = 0xA,
};

struct MtpHeader {
  MtpType type = MtpType::message;
  std::uint64_t sn = 0;     ///< 0: none, and then not on the wire
  std::uint32_t pages = 1;  ///< of a message in fragments, and which of them this is, from 0
  std::uint32_t index = 0;
  std::optional<std::uint32_t> body_length{};  ///< nothing: all that follows (datagrams)
  std::size_t size = 0;                        ///< of the header itself, as read
};

struct MtpFrame {
  MtpHeader header;
  std::string body;
};

/// A header at the start of `bytes`. Errc::bad_request where none can be: magic, length, type,
/// pages over 2^21, index out of pages, a body over 2^30 bytes.
Decoded<MtpHeader> read_mtp_header(std::string_view bytes);

/// The bytes of a frame; `size` and `body_length` of the header are not looked at.
std::string write_mtp(const MtpHeader& header, std::string_view body, bool with_length = true);

/// Frames out of a stream, in any segmentation. Bytes that are no header are skipped up to the next
/// "DIM" as soon as 24 are there, as the reference does, but no frame behind them is lost; without
/// one at most 64 KiB are held.
class MtpReader {
 public:
  explicit MtpReader(std::size_t body_limit = limits::kFrameBody) : body_limit_(body_limit) {}

  void feed(std::string_view bytes) { buffer_.feed(bytes); }
  /// Errc::too_large for a body over the limit, before any of it is waited for (A33): the framing
  /// is lost, close. A header without length takes everything held as its body.
  Decoded<MtpFrame> next();
  std::string_view held() const { return buffer_.held(); }

 private:
  bool seek();

  FrameBuffer buffer_;
  std::size_t body_limit_;
  std::optional<MtpHeader> header_;  // of the frame at the front
  std::size_t scanned_ = 0;          // no magic begins before
};

/// Puts the fragments of one connection together, in any order. At most 8 unfinished messages, and
/// 2 MiB of memory in all, are held: the oldest makes room. Each ends 300 s after its first
/// fragment.
class MtpAssembler {
 public:
  struct Whole {
    std::string body;
    std::vector<MtpHeader> parts;  ///< by index: each is acknowledged for itself
  };

  /// The message when `frame` completes one. Errc::too_large when it would be over the limits; what
  /// was held of it is forgotten. `now` is monotonic.
  Decoded<Whole> take(MtpFrame frame, Millis now);
  std::size_t held_bytes() const;  ///< bodies, unfinished
  std::size_t memory() const;      ///< the same with 128 bytes for each fragment, empty ones too

 private:
  struct Partial {
    std::uint64_t sn;
    Millis began;
    std::uint32_t pages;
    std::size_t bytes = 0;
    std::map<std::uint32_t, MtpFrame> parts;
  };
  static std::size_t memory_of(const Partial& partial);

  std::vector<Partial> partials_;  // oldest first
};

}  // namespace dim
