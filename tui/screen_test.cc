#include "tui/screen.h"

#include <gtest/gtest.h>

#include "tui/curses.h"

namespace dim::tui {
namespace {

class ScreenTest : public testing::Test {
 protected:
  ScreenTest() { set_locale(); }
};

TEST_F(ScreenTest, WhatIsPutStandsThereAndNotBeyondTheEdge) {
  Screen screen({2, 6});
  EXPECT_EQ(screen.put(0, 1, "bobby and"), 5);
  EXPECT_EQ(screen.row(0), " bobby");
  EXPECT_EQ(screen.put(1, 0, "你好吗!", {}, 5), 4);
  EXPECT_EQ(screen.row(1), "你好");
  EXPECT_EQ(screen.at(1, 1).glyph, "");  // the right half
  EXPECT_EQ(screen.put(7, 0, "out"), 0);
  EXPECT_EQ(screen.put(0, -1, "out"), 0);
  EXPECT_EQ(screen.put(0, 9, "out"), 0);
}

TEST_F(ScreenTest, AScreenHasAtLeastOneCell) {
  Screen screen({0, -3});
  EXPECT_EQ(screen.size(), (Size{1, 1}));
  EXPECT_EQ(screen.put(0, 0, "你"), 0);
}

TEST_F(ScreenTest, C11_NoCellHoldsWhatDrivesATerminal) {
  Screen screen({1, 40});
  screen.put(0, 0,
             "a\x1b[2Jb\x07\xC2\x9B"
             "c\xE2\x80\xAE"
             "d\re");
  for (int column = 0; column < 40; ++column) {
    for (const char c : screen.at(0, column).glyph) EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
  EXPECT_EQ(screen.row(0),
            "a\xEF\xBF\xBD[2Jb\xEF\xBF\xBD\xEF\xBF\xBD"
            "cd\xEF\xBF\xBD"
            "e");
}

TEST_F(ScreenTest, SomebodyHasOneColourForEver) {
  const std::string bobby = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
  EXPECT_EQ(style_of_person(bobby), style_of_person(bobby));
  EXPECT_EQ(style_of_person(bobby).person, 1);  // of the hash: no run and no machine changes it
  EXPECT_EQ(style_of_person(bobby).ink, Ink::people);
}

}  // namespace
}  // namespace dim::tui
