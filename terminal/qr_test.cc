#include "terminal/qr.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

int lines(const std::string& text) {
  return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

TEST(Qr, DrawsTwoModulesACellWithQuietZone) {
  // A version 1 code has 21 modules a side; with 2 quiet modules on each side that is 25, in 13
  // rows of cells.
  auto code = qr_code("dim");
  ASSERT_TRUE(code);
  EXPECT_EQ(lines(*code), 13);
  EXPECT_TRUE(code->starts_with("█████"));
  // The finder pattern's upper left corner is dark behind the quiet zone.
  EXPECT_NE(code->find("██ "), std::string::npos);
}

TEST(Qr, RefusesTextThatNoVersionHolds) {
  auto code = qr_code(std::string(4000, 'x'));
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Errc::too_large);
}

}  // namespace
}  // namespace dim
