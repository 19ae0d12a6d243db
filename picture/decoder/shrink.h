// A picture of any size, row by row, into a small one: each pixel is the mean of those it stands
// for.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "dim/base/bytes.h"

namespace dim {

class Shrink {
 public:
  /// Neither side of the small picture is longer than that of the large one; all are at least 1.
  Shrink(int width, int height, int small_width, int small_height);

  /// The next row from the top: red, green, blue, opacity of each pixel, on white. Rows beyond the
  /// last are dropped.
  void row(std::span<const std::uint8_t> rgba);
  /// Red, green, blue of each pixel; rows that have not come are white.
  Bytes take();

 private:
  void flush();
  int width_, height_, small_height_;
  int y_ = 0;      ///< rows that have come
  int out_y_ = 0;  ///< rows of the small picture that are done
  std::int64_t rows_ = 0;
  std::vector<int> column_;           ///< which of the small picture's columns a pixel is part of
  std::vector<std::int64_t> pixels_;  ///< of each of these, in a row
  std::vector<std::int64_t> sums_;
  Bytes out_;
};

}  // namespace dim
