#include "dim/native/suite.h"

#include <gtest/gtest.h>

namespace dim::native {
namespace {

TEST(Suite, J32_OnlyOneIsSpokenAndReservedOnesAreNamed) {
  for (int suite = 0; suite < 256; ++suite) {
    const auto known = check_suite(static_cast<std::uint8_t>(suite));
    EXPECT_EQ(known.has_value(), suite == 0x10) << suite;
    if (!known) {
      EXPECT_EQ(known.error().code, Errc::native);
      EXPECT_EQ(known.error().hint.find("reserved") != std::string_view::npos,
                suite == 0x11 || suite == 0x20)
          << suite;
    }
  }
}

}  // namespace
}  // namespace dim::native
