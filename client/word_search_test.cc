#include "client/word_search.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

bool finds(std::string_view words, std::string_view text) {
  auto search = WordSearch::of(words);
  EXPECT_TRUE(search);
  return search->is_in(text);
}

TEST(WordSearch, F17_WholeWordsWithoutRegardToCaseAndAccents) {
  EXPECT_TRUE(finds("roses", "Red ROSES, and more"));
  EXPECT_TRUE(finds("ROSES", "Röses"));
  EXPECT_TRUE(finds("РОЗЫ", "красные розы"));
  EXPECT_FALSE(finds("rose", "Red roses")) << "no part of a word";
  EXPECT_FALSE(finds("roses", ""));
}

TEST(WordSearch, F17_AllWordsInAnyOrder) {
  EXPECT_TRUE(finds("more red", "Red roses, and more"));
  EXPECT_FALSE(finds("red tulips", "Red roses"));
  EXPECT_TRUE(finds("  red  ", "red"));
  EXPECT_TRUE(finds("b@example.org", "write to b@example.org today"));
  EXPECT_FALSE(finds("b@example.org", "org example b"));
}

TEST(WordSearch, F17_ChineseWordsOfTwoCharactersAreFoundWithinSentences) {
  const std::string_view sentence = "我们明天去北京看玫瑰花";
  EXPECT_TRUE(finds("北京", sentence));
  EXPECT_TRUE(finds("玫瑰", sentence));
  EXPECT_TRUE(finds("玫瑰 明天", sentence));
  EXPECT_FALSE(finds("京北", sentence)) << "their order counts";
  EXPECT_TRUE(finds("花", sentence));
  EXPECT_TRUE(finds("バラ", "赤いバラです"));
  EXPECT_TRUE(finds("장미", "빨간장미"));
}

TEST(WordSearch, F17_SignsAloneAreInNothing) {
  for (const char* none : {"", " ", "?!", "🌹"}) {
    EXPECT_FALSE(WordSearch::of(none)->has_words()) << none;
    EXPECT_FALSE(finds(none, "anything 🌹")) << none;
  }
}

}  // namespace
}  // namespace dim
