#include "picture/decoder/shrink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

TEST(Shrink, APixelIsTheMeanOfThoseItStandsFor) {
  Shrink into(4, 2, 2, 1);
  into.row(Bytes{0, 0, 0, 255, 100, 10, 0, 255, 255, 0, 0, 255, 255, 0, 0, 255});
  into.row(Bytes{0, 0, 0, 255, 100, 10, 0, 255, 255, 0, 4, 255, 255, 0, 0, 255});
  EXPECT_THAT(into.take(), ElementsAre(50, 5, 0, 255, 0, 1));
}

TEST(Shrink, WhatIsTransparentIsOnWhite) {
  Shrink into(2, 1, 2, 1);
  into.row(Bytes{0, 0, 0, 0, 0, 0, 0, 51});
  EXPECT_THAT(into.take(), ElementsAre(255, 255, 255, 204, 204, 204));
}

TEST(Shrink, RowsThatDoNotComeAreWhiteAndTooManyAreDropped) {
  Shrink few(3, 9, 3, 3);
  few.row(Bytes(12, 255));
  EXPECT_EQ(few.take().size(), 27U);
  Shrink many(1, 1, 1, 1);
  many.row(Bytes{1, 2, 3, 255});
  many.row(Bytes{9, 9, 9, 255});
  EXPECT_THAT(many.take(), ElementsAre(1, 2, 3));
}

TEST(Shrink, EverySizeOfOneColourKeepsIt) {
  for (int width = 1; width < 40; width += 3) {
    for (int small = 1; small <= width; small += 2) {
      Shrink into(width, 17, small, 5);
      Bytes row;
      for (int x = 0; x < width; ++x) row.insert(row.end(), {7, 7, 7, 255});
      for (int y = 0; y < 17; ++y) into.row(row);
      const Bytes out = into.take();
      EXPECT_EQ(out.size(), static_cast<std::size_t>(small) * 5 * 3);
      EXPECT_THAT(out, Each(7));
    }
  }
}

}  // namespace
}  // namespace dim
