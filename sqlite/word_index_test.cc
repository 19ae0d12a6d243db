#include "sqlite/word_index.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

class WordIndexTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(db_.open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr));
    ASSERT_TRUE(index_.start(db_));
  }
  void TearDown() override { index_.stop(); }

  OsRandom random_;
  Secret key_ = Secret::random(32, random_);
  Secret other_ = Secret::random(32, random_);
  Database db_;
  WordIndex index_;
};

TEST_F(WordIndexTest, WordsAreTheSameInAnyCaseAndSayNothing) {
  const std::string roses = index_.words("Röses", key_);
  EXPECT_EQ(roses.size(), 13U);
  EXPECT_EQ(roses, index_.words("roses", key_));
  EXPECT_EQ(index_.words("red, ROSES!", key_), index_.words("Red", key_) + " " + roses);
  EXPECT_EQ(roses.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
  EXPECT_EQ(index_.words("?! ...", key_), "");
}

TEST_F(WordIndexTest, F17_WithoutAnIndexTheyStandAsTheyAre) {
  EXPECT_EQ(index_.plain("Red, RÖSES 北京!"),
            (std::vector<std::string>{"red", "roses", "北", "京"}));
  EXPECT_TRUE(index_.plain("?! ...").empty());
}

TEST_F(WordIndexTest, AnotherKeyMakesOtherNumbersOfThem) {
  EXPECT_NE(index_.words("roses", key_), index_.words("roses", other_));
  EXPECT_NE(WordIndex::channel(7, key_), WordIndex::channel(7, other_));
  EXPECT_NE(WordIndex::channel(7, key_), WordIndex::channel(8, key_));
  EXPECT_NE(WordIndex::channel(7, key_), index_.words("7", key_)) << "a channel is no word";
}

TEST_F(WordIndexTest, EachCharacterOfChineseIsAWord) {
  EXPECT_EQ(index_.words("中国", key_), index_.words("中", key_) + " " + index_.words("国", key_));
}

}  // namespace
}  // namespace dim
