#include "tui/composer.h"

#include <gtest/gtest.h>

#include "tui/curses.h"

namespace dim::tui {
namespace {

class ComposerTest : public testing::Test {
 protected:
  ComposerTest() { set_locale(); }
  Composer it;
};

TEST_F(ComposerTest, WholeCharactersAreErased) {
  it.insert("ae\xCC\x81👍🏽");
  it.backspace();
  EXPECT_EQ(it.text(), "ae\xCC\x81");
  it.backspace();
  EXPECT_EQ(it.text(), "a");
  it.home();
  it.erase();
  EXPECT_TRUE(it.empty());
  it.erase();
  it.backspace();
  it.left();
  it.right();
  EXPECT_EQ(it.cursor(), 0U);
}

TEST_F(ComposerTest, C11_OnlyTextComesIn) {
  it.insert("a\x1b[2Jb\x07\xFF\n\tc");
  EXPECT_EQ(it.text(), "a[2Jb\n\tc");
}

TEST_F(ComposerTest, Words) {
  it.insert("one two  three");
  it.word_left();
  EXPECT_EQ(it.cursor(), 9U);
  it.kill_word();
  EXPECT_EQ(it.text(), "one three");
  it.word_right();
  EXPECT_EQ(it.cursor(), 9U);
  it.kill_to_home();
  EXPECT_TRUE(it.empty());
}

TEST_F(ComposerTest, LinesHaveTheirOwnBeginningAndEnd) {
  it.insert("one\ntwo");
  it.home();
  EXPECT_EQ(it.cursor(), 4U);
  it.kill_to_end();
  EXPECT_EQ(it.text(), "one\n");
  it.left();
  it.home();
  it.end();
  EXPECT_EQ(it.cursor(), 3U);
}

TEST_F(ComposerTest, TheCursorGoesUpAndDownThroughRows) {
  it.insert("one two three");  // "one two " and "three" at 8
  EXPECT_EQ(it.rows(8).size(), 2U);
  EXPECT_EQ(it.place(8).row, 1);
  EXPECT_EQ(it.place(8).column, 5);
  EXPECT_TRUE(it.up(8));
  EXPECT_EQ(it.cursor(), 5U);
  EXPECT_FALSE(it.up(8));
  EXPECT_TRUE(it.down(8));
  EXPECT_EQ(it.place(8).row, 1);
  EXPECT_FALSE(it.down(8));
}

TEST_F(ComposerTest, TheCursorIsOnTheScreenWhereverItStands) {
  it.insert("abc def\nghi 你好 jkl  mnop\n\nq");
  for (int width = 2; width < 12; ++width) {
    it.set(it.text());
    while (true) {
      const auto place = it.place(width);
      EXPECT_LE(place.column, width);
      EXPECT_LT(place.row, static_cast<int>(it.rows(width).size()));
      if (it.cursor() == 0) break;
      it.left();
    }
  }
}

TEST_F(ComposerTest, WhatWasWrittenComesBack) {
  it.insert("first");
  EXPECT_EQ(it.take(), "first");
  it.insert("second");
  it.take();
  it.insert("unsent");
  it.older();
  EXPECT_EQ(it.text(), "second");
  it.older();
  it.older();
  EXPECT_EQ(it.text(), "first");
  it.newer();
  it.newer();
  EXPECT_EQ(it.text(), "unsent");
  it.newer();
  EXPECT_EQ(it.text(), "unsent");
}

TEST_F(ComposerTest, APartIsReplaced) {
  it.insert("/jo");
  it.replace(0, 3, "/join ");
  EXPECT_EQ(it.text(), "/join ");
  EXPECT_EQ(it.cursor(), 6U);
}

}  // namespace
}  // namespace dim::tui
