#include "dim/base/utf8.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

using namespace std::string_view_literals;

std::string encoded(char32_t c) {
  const auto byte = [](char32_t value) {
    return static_cast<char>(static_cast<unsigned char>(value));
  };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F))};
  if (c < 0x10000)
    return {byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F))};
  return {byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)),
          byte(0x80 | (c & 0x3F))};
}

TEST(Utf8, AcceptsEveryCodePointButSurrogates) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    const std::string text = encoded(c);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(valid_utf8(text), !surrogate) << static_cast<unsigned>(c);
    if (surrogate) continue;
    std::size_t offset = 0;
    ASSERT_EQ(next_code_point(text, offset), c);
    ASSERT_EQ(offset, text.size());
  }
}

TEST(Utf8, A34_RefusesOverlongTruncatedAndOutOfRangeForms) {
  for (const std::string_view text : {
           "\xC0\x80"sv,
           "\xC1\xBF"sv,
           "\xE0\x80\x80"sv,
           "\xE0\x9F\xBF"sv,
           "\xF0\x80\x80\x80"sv,
           "\xF0\x8F\xBF\xBF"sv,  // overlong
           "\xF4\x90\x80\x80"sv,
           "\xF5\x80\x80\x80"sv,
           "\xFF"sv,
           "\xFE"sv,  // out of range
           "\x80"sv,
           "a\xBF"sv,  // stray tail
           "\xC3"sv,
           "\xE2\x82"sv,
           "\xF0\x9F\x98"sv,
           "\xE2\x82z"sv,
           "\xC3("sv,  // cut off
           "\xED\xA0\x80"sv,
           "\xED\xBF\xBF"sv,
           "\xED\xA0\xBD\xED\xB8\x80"sv,  // surrogates
       }) {
    EXPECT_FALSE(valid_utf8(text)) << escape(text);
  }
}

TEST(Utf8, NextCodePointAlwaysMovesOn) {
  const std::string_view text = "a\xFF\xE2\x82\xC3\xA9";
  std::size_t offset = 0;
  std::u32string points;
  while (offset < text.size()) points.push_back(next_code_point(text, offset));
  EXPECT_EQ(points, U"a\uFFFD\uFFFD\uFFFDé");
}

TEST(Utf8, KnowsControlAndInvisibleCharacters) {
  for (const char32_t c :
       {U'\0', U'\n', U'\x1F', U'\x7F', char32_t{0x80}, char32_t{0x9F}, U'\u2028', U'\u2029'}) {
    EXPECT_TRUE(is_control(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U' ', U'~', char32_t{0xA0}, U'é', U'\u2027', U'\u202A'}) {
    EXPECT_FALSE(is_control(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U'\u00AD', U'\u061C', U'\u200B', U'\u200E', U'\u200F', U'\u202A',
                           U'\u202E', U'\u2060', U'\u2066', U'\u2069', U'\uFEFF', U'\U000E0041'}) {
    EXPECT_TRUE(is_invisible(c)) << static_cast<unsigned>(c);
  }
  for (const char32_t c : {U' ', U'a', U'é', U'\u2010', U'\u4F60', U'\U0001F600'}) {
    EXPECT_FALSE(is_invisible(c)) << static_cast<unsigned>(c);
  }
}

TEST(Utf8, A38_EscapedTextIsPrintableAscii) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  all += "\u4F60\U0001F600\u202E";
  for (const char c : escape(all, 100'000)) EXPECT_TRUE(c >= 0x20 && c < 0x7F);
}

TEST(Utf8, A38_EscapeNamesWhatItHides) {
  EXPECT_EQ(escape("plain text 1~"), "plain text 1~");
  EXPECT_EQ(escape("a\nb\x7F"), "a\\x0Ab\\x7F");
  EXPECT_EQ(escape("\xFF"), "\\xFF");
  EXPECT_EQ(escape("\u00E9\U0001F600"), "\\u{E9}\\u{1F600}");
  // A backslash is escaped too, so that text cannot pretend to have been escaped.
  EXPECT_EQ(escape("\\n"), "\\x5Cn");
}

TEST(Utf8, A38_EscapeKeepsItsLimitAndCutsBetweenCharacters) {
  EXPECT_EQ(escape(std::string(1000, 'a')).size(), 256U);
  EXPECT_EQ(escape("abc\n", 6), "abc");
  EXPECT_EQ(escape("abc\n", 7), "abc\\x0A");
  EXPECT_EQ(escape("abc", 0), "");
}

}  // namespace
}  // namespace dim
