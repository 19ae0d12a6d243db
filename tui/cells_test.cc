#include "tui/cells.h"

#include <gmock/gmock.h>

#include "tui/curses.h"

namespace dim::tui {
namespace {

using testing::ElementsAre;

class Cells : public testing::Test {
 protected:
  Cells() { set_locale(); }

  static std::vector<std::string> rows(std::string_view text, int width) {
    std::vector<std::string> out;
    for (const Span& span : wrap(text, width))
      out.emplace_back(text.substr(span.begin, span.end - span.begin));
    return out;
  }
};

TEST_F(Cells, WideCombiningAndEmojiCharactersTakeTheRoomTheyTake) {
  EXPECT_EQ(width_of("abc"), 3);
  EXPECT_EQ(width_of("你好"), 4);
  EXPECT_EQ(width_of("e\xCC\x81"), 1);  // e and an accent
  EXPECT_EQ(width_of("🙂"), 2);
  EXPECT_EQ(width_of("\xE2\x9D\xA4\xEF\xB8\x8F"), 1);  // a heart and its selector
  EXPECT_EQ(width_of("👍🏽"), 2);                      // with a skin tone
  EXPECT_EQ(width_of("\t"), 4);
}

TEST_F(Cells, TheCursorPassesOverWholeCharacters) {
  const std::string text = "ae\xCC\x81你👍🏽b";
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < text.size(); at = ends.back())
    ends.push_back(cluster_at(text, at).end);
  EXPECT_THAT(ends, ElementsAre(1, 4, 7, 15, 16));
  std::vector<std::size_t> begins;
  for (std::size_t at = text.size(); at > 0; at = begins.back())
    begins.push_back(cluster_before(text, at));
  EXPECT_THAT(begins, ElementsAre(15, 7, 4, 1, 0));
  EXPECT_EQ(cluster_before("a\nb", 2), 1U);
  EXPECT_EQ(cluster_before("a\nb", 3), 2U);
}

TEST_F(Cells, C11_WhatCannotBeDrawnIsSaidToBeThat) {
  for (const std::string_view bad :
       {"\x1b", "\x07", "\xC2\x9B", "\xE2\x80\xAE", "\xFF", "\xCC\x81"})
    EXPECT_EQ(glyph(bad), "\xEF\xBF\xBD") << bad.size();
  EXPECT_EQ(glyph("\t"), " ");
  // As many marks as one likes may be sent; four are drawn. What joins and selects is left out.
  std::string tower = "a";
  for (int i = 0; i < 100; ++i) tower += "\xCC\x81";
  EXPECT_EQ(glyph(tower).size(), 1U + 4 * 2);
  EXPECT_EQ(width_of(tower), 1);
  EXPECT_EQ(glyph("👍🏽"), "👍");
  EXPECT_EQ(glyph("\xE2\x9D\xA4\xEF\xB8\x8F"), "\xE2\x9D\xA4");
}

TEST_F(Cells, ALineIsCutWithAnEllipsisThatFits) {
  EXPECT_EQ(fit("bobby", 5), "bobby");
  EXPECT_EQ(fit("bobby", 4), "bob…");
  EXPECT_EQ(fit("你好吗", 5), "你好…");
  EXPECT_EQ(fit("你好吗", 4), "你…");
  EXPECT_EQ(fit("bobby", 0), "");
}

TEST_F(Cells, RowsEndBehindWordsElseWhereTheyAreFull) {
  EXPECT_THAT(rows("one two three", 8), ElementsAre("one two ", "three"));
  EXPECT_THAT(rows("abcdefghij", 4), ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(rows("a abcdefghij", 4), ElementsAre("a ", "abcd", "efgh", "ij"));
  EXPECT_THAT(rows("你好吗", 5), ElementsAre("你好", "吗"));
  EXPECT_THAT(rows("one\n\ntwo\n", 10), ElementsAre("one", "", "two", ""));
  EXPECT_THAT(rows("", 10), ElementsAre(""));
  EXPECT_THAT(rows("你", 1), ElementsAre("你"));  // two cells at least
}

TEST_F(Cells, RowsHoldEveryByteOnce) {
  const std::string text =
      "The quick 狐 jumps  over\nthe lazy 犬, e\xCC\x81\xCC\x81 and 👍🏽👍🏽👍🏽";
  for (int width = 0; width < 40; ++width) {
    std::string all;
    std::size_t next = 0;
    for (const Span& span : wrap(text, width)) {
      ASSERT_TRUE(span.begin == next || (span.begin == next + 1 && text[next] == '\n')) << width;
      if (span.begin != next) all += '\n';
      all += text.substr(span.begin, span.end - span.begin);
      std::string row = text.substr(span.begin, span.end - span.begin);
      while (row.ends_with(' ')) row.pop_back();
      EXPECT_LE(width_of(row), std::max(width, 2));
      next = span.end;
    }
    EXPECT_EQ(all, text) << width;
  }
}

}  // namespace
}  // namespace dim::tui
