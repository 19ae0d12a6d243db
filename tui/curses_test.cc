#include "tui/curses.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tui/cells.h"

namespace dim::tui {
namespace {

TEST(Curses, WithoutATerminalItSaysWhatWorksWithout) {
  // Standard output of this test is a file or pipe where it matters; TERM decides elsewhere.
  ::setenv("TERM", "dumb", 1);
  const auto opened = Curses::open({});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::usage);
  EXPECT_NE(opened.error().hint.find("dim chat"), std::string_view::npos);
}

TEST(Curses, WidthsAreThoseOfUtf8AlsoInTheLocaleC) {
  ::setenv("LC_ALL", "C", 1);
  set_locale();
  EXPECT_EQ(width_of("你"), 2);
}

}  // namespace
}  // namespace dim::tui
