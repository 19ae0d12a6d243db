#include "picture/decoder/shrink.h"

#include <algorithm>
#include <utility>

namespace dim {
namespace {

constexpr int kWhite = 255;

/// Which of `small` equal parts of `all` a place belongs to.
int part_of(int at, int all, int small) { return static_cast<int>(std::int64_t{at} * small / all); }

}  // namespace

Shrink::Shrink(int width, int height, int small_width, int small_height)
    : width_(width), height_(height), small_height_(small_height) {
  const auto small = static_cast<std::size_t>(small_width);
  column_.resize(static_cast<std::size_t>(width));
  pixels_.resize(small);
  sums_.resize(small * 3);
  for (int x = 0; x < width; ++x) {
    const int column = part_of(x, width, small_width);
    column_[static_cast<std::size_t>(x)] = column;
    ++pixels_[static_cast<std::size_t>(column)];
  }
  out_.reserve(small * 3 * static_cast<std::size_t>(small_height));
}

void Shrink::row(std::span<const std::uint8_t> rgba) {
  if (y_ >= height_ || rgba.size() < static_cast<std::size_t>(width_) * 4) return;
  if (part_of(y_, height_, small_height_) != out_y_) flush();
  for (std::size_t x = 0; x < static_cast<std::size_t>(width_); ++x) {
    const std::uint8_t* from = &rgba[x * 4];
    std::int64_t* to = &sums_[static_cast<std::size_t>(column_[x]) * 3];
    const int opacity = from[3];
    for (int i = 0; i < 3; ++i)
      to[i] +=
          opacity == kWhite ? from[i] : (from[i] * opacity + kWhite * (kWhite - opacity)) / kWhite;
  }
  ++rows_;
  ++y_;
}

void Shrink::flush() {
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const std::int64_t count = pixels_[i / 3] * rows_;
    out_.push_back(count == 0 ? std::uint8_t{kWhite}
                              : static_cast<std::uint8_t>((sums_[i] + count / 2) / count));
  }
  std::ranges::fill(sums_, 0);
  rows_ = 0;
  ++out_y_;
}

Bytes Shrink::take() {
  while (out_y_ < small_height_) flush();
  return std::move(out_);
}

}  // namespace dim
