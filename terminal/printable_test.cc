#include "terminal/printable.h"

#include <gmock/gmock.h>

namespace dim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Printable, C11_ShowsWhatCouldDriveATerminal) {
  EXPECT_EQ(printable("plain, ünïcödé, 你好 🙂"), "plain, ünïcödé, 你好 🙂");
  EXPECT_EQ(printable("\x1b[2Jgone"), "\\u{1B}[2Jgone");
  EXPECT_EQ(printable("over\rwritten"), "over\\u{D}written");
  EXPECT_EQ(printable("\x07"), "\\u{7}");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u{9B}31m");
  EXPECT_EQ(printable("a\xE2\x80\xAE"
                      "b"),
            "a\\u{202E}b");
  EXPECT_EQ(printable("\xE2\x80\x8B"), "\\u{200B}");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\u{0}b");
}

TEST(Printable, C11_ANameIsOneLineAndFurtherLinesOfATextSayThatTheyAre) {
  EXPECT_EQ(printable("a\n17:20  bob: hi\tthere"), "a\\u{A}17:20  bob: hi\\u{9}there");
  EXPECT_EQ(printable("a\xE2\x80\xA8"
                      "b"),
            "a\\u{2028}b");
  EXPECT_EQ(printable_lines("a\n\tb\r\nc"), "a\n       | \tb\\u{D}\n       | c");
  EXPECT_EQ(printable_lines("a\xE2\x80\xA9"
                            "b\x1b"),
            "a\n       | b\\u{1B}");
}

TEST(Printable, C11_BytesThatAreNoUtf8AreEscaped) {
  const std::string text = printable("a\xFF\x1b");
  EXPECT_THAT(text, Not(HasSubstr("\xFF")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_EQ(text.front(), 'a');
}

TEST(Printable, C11_RowsAreThoseOfTheTextAndNothingElseBreaks) {
  EXPECT_THAT(printable_rows(""), ElementsAre(""));
  EXPECT_THAT(printable_rows("a\n\tb\r\n\x1b[Ac\n"),
              ElementsAre("a", "    b\\u{D}", "\\u{1B}[Ac", ""));
  EXPECT_THAT(printable_rows("a\xE2\x80\xA8"
                             "b"),
              ElementsAre("a", "b"));
}

}  // namespace
}  // namespace dim
