#include "client/mentions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::vector<Mentionable> kPeople = {{"bobby@0x95", "Bob"}, {"0x21", "alice"},
                                          {"0x33", "Anna B"},    {"0x44", "twin"},
                                          {"0x55", "Twin"},      {"0x66", "李雷"}};

std::vector<std::string> in(std::string_view text) { return find_mentions(text, kPeople); }

TEST(Mentions, F15_NamesAndIdsBehindAnAtAreWhoTheyName) {
  EXPECT_THAT(in("@bob, look; and @ALICE!"), ElementsAre("bobby@0x95", "0x21"));
  EXPECT_THAT(in("(@bob's) @bob"), ElementsAre("bobby@0x95"));
  EXPECT_THAT(in("@bobby@0x95: hello"), ElementsAre("bobby@0x95"));
  EXPECT_THAT(in("@anna_b @李雷。 @everyone"), ElementsAre("0x33", "0x66", "everyone"));
  EXPECT_THAT(in("line\n@0x21"), ElementsAre("0x21"));
}

TEST(Mentions, F15_WhatNamesNobodyIsText) {
  EXPECT_THAT(in("bob alice bob@alice me@bob @nobody @bobb @ @, @twin"), IsEmpty());
  EXPECT_THAT(in(""), IsEmpty());
  EXPECT_THAT(mention_words("write to a@b.example @ noon @!"), IsEmpty());
  EXPECT_THAT(mention_words("(@nobody) @a.b, @nobody"), ElementsAre("nobody", "a.b"));
}

TEST(Mentions, F15_NoMoreThanAStationTakes) {
  std::vector<Mentionable> many;
  std::string text;
  for (int i = 0; i < 30; ++i) {
    many.push_back({"id" + std::to_string(i), "n" + std::to_string(i)});
    text += " @n" + std::to_string(i);
  }
  EXPECT_EQ(find_mentions(text, many).size(), 20U);
}

}  // namespace
}  // namespace dim
