#include "client/chain.h"

#include <gtest/gtest.h>

#include <map>

namespace dim {
namespace {

using Step = ReadChain::Step;

/// What a sender writes: each message knows the hash of the one before.
class Sender {
 public:
  explicit Sender(std::string name = "m") : name_(std::move(name)) {}
  std::string hash(std::int64_t seq) const {
    return seq == 0 ? std::string() : name_ + std::to_string(seq);
  }
  Chain chain(std::int64_t seq) const { return {.seq = seq, .prev = hash(seq - 1)}; }

 private:
  std::string name_;
};

class ReadChainTest : public testing::Test {
 protected:
  Step take(std::int64_t seq) { return take(sender.chain(seq), sender.hash(seq)); }
  /// Through the disk each time, as programs do it.
  Step take(const Chain& one, const std::string& hash) {
    filled.clear();
    const Step step = chain.take(one, hash, filled);
    chain = ReadChain::parse(chain.json());
    return step;
  }
  std::int64_t missing() {
    std::int64_t out = 0;
    for (const ChainHole& hole : chain.holes()) out += hole.last - hole.first + 1;
    return out;
  }

  Sender sender;
  ReadChain chain;
  std::string filled;
};

TEST_F(ReadChainTest, A13_InOrderNothingIsMissingAndNothingForked) {
  for (int seq = 1; seq <= 5; ++seq) EXPECT_EQ(take(seq), Step::follows) << seq;
  EXPECT_EQ(chain.tell_missing("x"), 0);
  EXPECT_FALSE(chain.tell_fork());
}

TEST_F(ReadChainTest, A13_AGapIsToldOnceWithTheMessageThatShowsIt) {
  EXPECT_EQ(take(1), Step::follows);
  EXPECT_EQ(take(4), Step::gap);
  EXPECT_EQ(chain.tell_missing("four"), 2);
  EXPECT_EQ(take(5), Step::follows);
  EXPECT_EQ(chain.tell_missing("five"), 0);
  EXPECT_EQ(chain.tell_missing("four"), 2) << "asked for the same again: the same";
}

TEST_F(ReadChainTest, A13_TheFirstOnesCanBeMissingToo) {
  EXPECT_EQ(take(3), Step::gap);
  EXPECT_EQ(chain.tell_missing("three"), 2);
  EXPECT_EQ(take(1), Step::follows);
  EXPECT_EQ(take(2), Step::follows);
  EXPECT_EQ(missing(), 0);
}

TEST_F(ReadChainTest, A13_AGapThatFillsItselfLaterIsNoAlarmInWhateverOrder) {
  std::vector<int> order = {2, 3, 4, 5};
  do {
    chain = ReadChain();
    EXPECT_EQ(take(1), Step::follows);
    EXPECT_EQ(take(6), Step::gap);
    EXPECT_EQ(chain.tell_missing("six"), 4);
    std::int64_t left = 4;
    for (const int seq : order) {
      EXPECT_EQ(take(seq), Step::follows) << seq;
      EXPECT_EQ(filled, "six");
      EXPECT_EQ(missing(), --left);
    }
    EXPECT_TRUE(chain.holes().empty());
    EXPECT_FALSE(chain.tell_fork());
    EXPECT_EQ(take(7), Step::follows);
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(ReadChainTest, A13_AnotherPredecessorIsAFork) {
  EXPECT_EQ(take(1), Step::follows);
  const Sender other("other");
  EXPECT_EQ(take(other.chain(2), other.hash(2)), Step::forked);
  EXPECT_TRUE(chain.tell_fork());
  EXPECT_FALSE(chain.tell_fork()) << "told once";
  EXPECT_EQ(take(other.chain(3), other.hash(3)), Step::follows) << "the branch that goes on";
}

TEST_F(ReadChainTest, A13_APlaceThatIsTakenIsAFork) {
  for (int seq = 1; seq <= 3; ++seq) take(seq);
  const Sender other("other");
  EXPECT_EQ(take({.seq = 3, .prev = sender.hash(2)}, other.hash(3)), Step::forked);
  EXPECT_EQ(take(4), Step::follows);
}

TEST_F(ReadChainTest, A13_WhatComesLateMustFitIntoItsGap) {
  const Sender other("other");
  take(1);
  take(4);
  EXPECT_EQ(take(other.chain(2), other.hash(2)), Step::forked) << "it follows on another first";
  EXPECT_EQ(take({.seq = 3, .prev = sender.hash(2)}, other.hash(3)), Step::forked)
      << "the fourth follows on another third";
  EXPECT_EQ(take(2), Step::follows);
  EXPECT_EQ(take({.seq = 3, .prev = other.hash(2)}, sender.hash(3)), Step::forked);
  EXPECT_EQ(take(3), Step::follows);
  EXPECT_EQ(missing(), 0);
}

TEST_F(ReadChainTest, A13_WhoComesLaterMissesNothing) {
  chain = ReadChain::of_group(7);
  EXPECT_EQ(take(5), Step::unknown);
  EXPECT_EQ(take(8), Step::follows);
  EXPECT_EQ(take(11), Step::gap);
  EXPECT_EQ(take({.seq = 10, .prev = "sealed a second time"}, "tenth"), Step::follows);
  EXPECT_EQ(take({.seq = 10, .prev = "and a third time"}, "tenth again"), Step::unknown);
  EXPECT_EQ(missing(), 1);
  EXPECT_FALSE(chain.tell_fork());
}

TEST_F(ReadChainTest, A13_OldHomesRaiseNoAlarmAboutWhatTheyDidNotKeep) {
  chain = ReadChain::of_old_home(7, "");
  EXPECT_EQ(take(6), Step::unknown);
  EXPECT_EQ(take(8), Step::follows);
  chain = ReadChain::of_old_home(7, sender.hash(7));
  EXPECT_EQ(take({.seq = 8, .prev = "another"}, "eighth"), Step::forked);
  chain = ReadChain::of_old_home(0, "");
  EXPECT_EQ(take(1), Step::follows);
}

TEST_F(ReadChainTest, A13_GapsAreBoundedAndWhatIsForgottenRaisesNoAlarm) {
  take(1);
  for (int seq = 3; seq <= 201; seq += 2) EXPECT_EQ(take(seq), Step::gap);
  EXPECT_LE(chain.holes().size(), 32U);
  EXPECT_EQ(take(2), Step::unknown);
  EXPECT_EQ(take(200), Step::follows);
  chain = ReadChain();
  take(100);
  for (int seq = 2; seq < 100; seq += 2) EXPECT_NE(take(seq), Step::forked);
  EXPECT_LE(chain.holes().size(), 32U);
  EXPECT_FALSE(chain.tell_fork());
}

TEST_F(ReadChainTest, A13_TheLargestNumberOfAStrangerOverflowsNothing) {
  EXPECT_EQ(take({.seq = INT64_MAX, .prev = "x"}, "last"), Step::gap);
  EXPECT_EQ(chain.tell_missing("last"), INT64_MAX - 1);
  EXPECT_EQ(take({.seq = INT64_MAX, .prev = "x"}, "another last"), Step::forked);
}

}  // namespace
}  // namespace dim
