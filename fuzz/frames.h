// What the fuzz targets of the framings share: a stream fed in steps of any size to a reader.
#pragma once
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dim/base/limits.h"
#include "fuzz/check.h"

namespace dim::fuzz {

constexpr std::size_t kBodyLimit = 4096;

template <typename Frame>
struct Frames {
  std::vector<Frame> frames;
  bool over = false;  ///< the reader gave the stream up
};

/// All that Reader makes of `input`, fed `step` bytes at a time; `on_frame(frame, index)` sees each
/// frame as it comes. Reader must not hold more than the limits allow.
template <typename Frame, typename Reader, typename OnFrame>
Frames<Frame> read_frames(std::string_view input, std::size_t step, OnFrame on_frame) {
  Reader reader(kBodyLimit);
  Frames<Frame> out;
  for (std::size_t at = 0; at < input.size() && !out.over; at += step) {
    reader.feed(input.substr(at, step));
    for (;;) {
      auto next = reader.next();
      if (std::holds_alternative<NeedMore>(next)) break;
      if (std::holds_alternative<Error>(next)) {
        out.over = true;
        break;
      }
      auto& frame = std::get<Frame>(next);
      must(frame.body.size() <= kBodyLimit);
      on_frame(frame, out.frames.size());
      out.frames.push_back(std::move(frame));
    }
    must(reader.held().size() <= kBodyLimit + limits::kFrameJunk + step);
  }
  return out;
}

}  // namespace dim::fuzz
