#include "dim/engine/reaction.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

TEST(Reactions, F13_ASymbolIsOneShortWord) {
  for (const char* good :
       {"👍", "❤️", "👩‍👩‍👧", "+1", "ok", "12345678901234567890123456789012"})
    EXPECT_TRUE(valid_symbol(good)) << good;
  for (const char* bad : {"", "a b", "a,b", "[a", "a]", "a\nb", "\x1b[2J", "\xff",
                          "123456789012345678901234567890123"})
    EXPECT_FALSE(valid_symbol(bad)) << bad;
}

TEST(Reactions, F13_WhatIsWrittenIsRead) {
  for (const Reactions& one : {Reactions{.symbols = {"👍", "ok"}, .revision = 7},
                               Reactions{.symbols = {}, .revision = 1}}) {
    JsonObject json;
    write_reactions(one, json);
    EXPECT_EQ(read_reactions(json), one);
  }
}

TEST(Reactions, F13_WhatIsMalformedIsNone) {
  const auto read = [](const char* text) { return read_reactions(*parse_json_object(text)); };
  EXPECT_TRUE(read(R"({"symbols":["a"],"revision":1})"));
  EXPECT_FALSE(read(R"({"symbols":["a"]})"));
  EXPECT_FALSE(read(R"({"symbols":["a"],"revision":0})"));
  EXPECT_FALSE(read(R"({"symbols":["a"],"revision":"1"})"));
  EXPECT_FALSE(read(R"({"symbols":"a","revision":1})"));
  EXPECT_FALSE(read(R"({"symbols":[1],"revision":1})"));
  EXPECT_FALSE(read(R"({"symbols":["a b"],"revision":1})"));
  EXPECT_FALSE(read(R"({"symbols":["a","a"],"revision":1})"));
}

TEST(Reactions, F13_OnePersonHasTwentyAtMost) {
  Reactions all;
  for (std::size_t i = 0; i < kSymbolsOfOne; ++i)
    all = reacted(all, "s" + std::to_string(i), false, 1).value();
  JsonObject json;
  write_reactions(all, json);
  EXPECT_TRUE(read_reactions(json));
  json = {};
  write_reactions(reacted(all, "one more", false, 1).value(), json);
  EXPECT_FALSE(read_reactions(json));
}

TEST(Reactions, F13_TheLaterOneCountsInWhateverOrderTheyCome) {
  const Reactions one = reacted({}, "👍", false, 1'000).value();
  const Reactions two = reacted(one, "👀", false, 500).value();
  EXPECT_EQ(two.symbols, (std::vector<std::string>{"👍", "👀"}));
  EXPECT_EQ(two.revision, 1'001) << "although the clock went back";
  const Reactions three = reacted(two, "👍", true, 2'000).value();
  EXPECT_EQ(three.symbols, std::vector<std::string>{"👀"});
  EXPECT_FALSE(reacted(three, "👀", false, 3'000));
  EXPECT_FALSE(reacted(three, "👍", true, 3'000));
  EXPECT_TRUE(replaces(three, one));
  EXPECT_FALSE(replaces(one, three));
  EXPECT_FALSE(replaces(three, three));
  const Reactions other{.symbols = {"😀"}, .revision = three.revision};
  EXPECT_NE(replaces(other, three), replaces(three, other)) << "both ends keep the same";
}

}  // namespace
}  // namespace dim
