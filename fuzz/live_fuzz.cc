// Frames of live audio and video, whole and in pieces, and the SFrames in them: what parses is
// written as the same bytes; no bytes of a stranger open.
#include <cstdlib>
#include <string>
#include <vector>

#include "dim/crypto/sframe.h"
#include "dim/packet/live_frame.h"

namespace {

using namespace dim;

struct Read {
  std::vector<LiveFrame> frames;
  bool over = false;
};

Read read(Lane lane, std::string_view text, std::size_t step) {
  LiveFrameReader reader(lane);
  Read out;
  for (std::size_t at = 0; at < text.size(); at += step) {
    reader.feed(text.substr(at, step));
    while (true) {
      auto next = reader.next();
      out.over = !next;
      if (!next || !*next) break;
      out.frames.push_back(std::move(**next));
    }
    if (reader.buffered() > kLiveHead + live_payload(lane) + step) std::abort();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static SframeKey key = SframeKey::make(5, Secret::copy_of(Bytes(16, 1))).value();
  for (const Lane lane : {Lane::audio, Lane::video}) {
    const Read whole = read(lane, text, size == 0 ? 1 : size);
    const Read pieces = read(lane, text, 7);
    if (whole.frames != pieces.frames || whole.over != pieces.over) std::abort();
    std::string again;
    for (const LiveFrame& frame : whole.frames) {
      again += write_live_frame(frame);
      if (key.open(as_bytes(frame.payload), live_metadata(frame))) std::abort();
    }
    if (!text.starts_with(again)) std::abort();
  }
  if (const auto header = SframeHeader::parse(ByteView(data, size))) {
    if (to_text(header->write()) != text.substr(0, header->bytes)) std::abort();
  }
  return 0;
}
