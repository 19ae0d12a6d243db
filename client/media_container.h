// Encoded sound and pictures in a stream of bytes, as other programs write and read them: Opus in
// Ogg (RFC 7845, RFC 3533), VP8 and VP9 in IVF, and frames of live.md without encryption. No codec
// here: packets go through as they are.
#pragma once
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/packet/live_frame.h"

namespace dim {

struct MediaPacket {
  std::uint64_t time = 0;  ///< microseconds since the beginning
  bool key = true;
  Bytes data;
  bool operator==(const MediaPacket&) const = default;
};

enum class Container : std::uint8_t { ogg, ivf, raw };

/// Samples at 48 kHz of an Opus packet, from its first byte or two (RFC 6716 section 3.1); 0 when
/// it is none.
std::uint64_t opus_samples(ByteView packet);

/// Turns bytes into packets, in any segmentation.
class MediaReader {
 public:
  virtual ~MediaReader() = default;
  virtual void feed(std::string_view bytes) = 0;
  /// The next packet; nothing: feed more. Errc::bad_request: these bytes are no such container, or
  /// cannot be read on.
  virtual Result<std::optional<MediaPacket>> next() = 0;
  /// Bytes and packets that wait, about.
  virtual std::size_t buffered() const = 0;
};
std::unique_ptr<MediaReader> make_reader(Container container);

/// The other way round. The first packet begins the container.
class MediaWriter {
 public:
  virtual ~MediaWriter() = default;
  virtual std::string write(const MediaPacket& packet) = 0;
  /// What ends the container; nothing where nothing has begun.
  virtual std::string finish() { return {}; }
};
std::unique_ptr<MediaWriter> make_writer(Container container);

/// A picture that a decoder can begin with, of VP8 or VP9.
bool is_key_picture(ByteView picture, bool vp9);

}  // namespace dim
