#include "tui/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tui/cells.h"
#include "tui/curses.h"
#include "tui/view.h"

namespace dim::tui {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Picture red_over_blue(int width, int height) {
  std::vector<std::uint8_t> rgb;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const bool upper = y < height / 2;
      rgb.insert(rgb.end(), {std::uint8_t(upper ? 255 : 0), 0, std::uint8_t(upper ? 0 : 255)});
    }
  }
  return picture_of(width, height, rgb);
}

TEST(TuiPicture, ColoursAreThoseThatEveryTerminalHasAlike) {
  EXPECT_EQ(nearest_colour(0, 0, 0), 16);
  EXPECT_EQ(nearest_colour(255, 255, 255), 231);
  EXPECT_EQ(nearest_colour(255, 0, 0), 196);
  EXPECT_EQ(nearest_colour(0, 0, 255), 21);
  EXPECT_EQ(nearest_colour(128, 128, 128), 244);
  EXPECT_EQ(nearest_colour(90, 100, 130), 60);
}

TEST(TuiPicture, TwoRowsOfPixelsAreOneOfCells) {
  const auto rows = rows_of(red_over_blue(4, 2), 40);
  ASSERT_EQ(rows.size(), 1U);
  ASSERT_EQ(rows[0].size(), 1U);
  EXPECT_EQ(rows[0][0].cells, 4);
  EXPECT_EQ(rows[0][0].upper, 196);
  EXPECT_EQ(rows[0][0].lower, 21);
  EXPECT_THAT(lines_of(red_over_blue(2, 2), 40), ElementsAre("\x1b[38;5;196;48;5;21m▀▀\x1b[0m"));
  EXPECT_EQ(rows_of(red_over_blue(3, 3), 40).size(), 2U) << "a last row alone";
}

TEST(TuiPicture, OneThatIsTooWideBecomesSmaller) {
  const auto rows = rows_of(red_over_blue(40, 24), 10);
  EXPECT_EQ(rows.size(), 3U);
  int cells = 0;
  for (const HalfBlocks& one : rows[0]) cells += one.cells;
  EXPECT_EQ(cells, 10);
  EXPECT_TRUE(rows_of(red_over_blue(4, 4), 0).empty());
  EXPECT_TRUE(rows_of(picture_of(9, 9, {}), 40).empty()) << "fewer bytes than pixels";
}

TEST(TuiPicture, F46_StandsBelowItsWordsInTheConversation) {
  set_locale();
  Conversation one{.id = "a", .title = "alice"};
  one.messages.push_back({.id = "1",
                          .day = "day",
                          .clock = "16:52",
                          .author = "alice",
                          .author_id = "a",
                          .words = "picture a.png, 640x480"});
  one.messages.back().picture = red_over_blue(40, 4);
  const std::vector<Row> rows = dim::tui::rows_of(one, 60, false);
  ASSERT_EQ(rows.size(), 4U);  // the day, the words, two of the picture
  for (const std::size_t at : {2U, 3U}) {
    int width = 0;
    std::string text;
    for (const Piece& piece : rows[at].pieces) {
      width += width_of(piece.text);
      text += piece.text;
    }
    EXPECT_EQ(width, 6 + 40);
    EXPECT_THAT(text, HasSubstr(kHalfBlock));
    EXPECT_EQ(rows[at].pieces.back().style.ink, Ink::pixels);
  }
  EXPECT_EQ(rows[2].pieces.back().style.upper, 196);
  EXPECT_EQ(rows[3].pieces.back().style.upper, 21);
  for (const Row& row : dim::tui::rows_of(one, 20, false)) {
    int width = 0;
    for (const Piece& piece : row.pieces) width += width_of(piece.text);
    EXPECT_LE(width, 20);
  }
}

}  // namespace
}  // namespace dim::tui
