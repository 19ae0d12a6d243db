#include "server/session_table.h"

#include <gmock/gmock.h>

#include "dim/base/hex.h"
#include "dim/crypto/digest.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Match = ResumeState::Match;

std::string hash_of(std::string_view secret) { return to_hex(sha256(as_bytes(secret))); }

TEST(SessionTable, FindsSessionsByGuidAndByUser) {
  SessionTable table;
  UserSession& one = table.add(guid(1), "alice");
  UserSession& two = table.add(guid(2), "alice");
  UserSession& other = table.add(guid(3), "bob");
  EXPECT_EQ(table.find(guid(2)), &two);
  EXPECT_EQ(table.find(guid(4)), nullptr);
  EXPECT_THAT(table.of("alice"), ElementsAre(&one, &two));
  EXPECT_THAT(table.of("bob"), ElementsAre(&other));
  EXPECT_THAT(table.of("carol"), IsEmpty());
  table.remove(one);
  EXPECT_THAT(table.of("alice"), ElementsAre(&two));
  table.remove(two);
  EXPECT_THAT(table.of("alice"), IsEmpty());
  EXPECT_EQ(table.size(), 1U);
}

TEST(SessionTable, S15_TheOneSilentLongestGoesWhenThereAreTooMany) {
  SessionTable table;
  for (int i = 1; i <= 3; ++i) table.add(guid(i), "alice").last_active = 10 - i;
  EXPECT_EQ(table.oldest_beyond("alice", 4), nullptr);
  EXPECT_EQ(table.oldest_beyond("alice", 3), table.find(guid(3)));
  EXPECT_EQ(table.oldest_beyond("bob", 1), nullptr);
}

TEST(SessionTable, OfTheSessionsThatMayComeBackTheOldestIsGivenUp) {
  SessionTable table;
  EXPECT_EQ(table.detach("alice", guid(1), 2), std::nullopt);
  EXPECT_EQ(table.detach("alice", guid(2), 2), std::nullopt);
  EXPECT_EQ(table.detach("alice", guid(1), 2), std::nullopt) << "known already: now the newest";
  EXPECT_EQ(table.detach("alice", guid(3), 2), guid(2));
  table.attach("alice", guid(1));
  EXPECT_EQ(table.detach("alice", guid(4), 2), std::nullopt);
}

TEST(ResumeState, S14_ASecretIsGoodOnceAndTheftAfterItsSuccessorWasUsed) {
  const ResumeState first{hash_of("one"), {}, true};
  EXPECT_EQ(first.match(as_bytes("one")), Match::good);
  EXPECT_EQ(first.match(as_bytes("two")), Match::unknown);
  ResumeState second{hash_of("two"), hash_of("one"), false};
  EXPECT_EQ(second.match(as_bytes("two")), Match::good);
  EXPECT_EQ(second.match(as_bytes("one")), Match::good) << "our answer may have been lost";
  second.confirmed = true;
  EXPECT_EQ(second.match(as_bytes("one")), Match::used);
  EXPECT_EQ(second.match(as_bytes("zero")), Match::unknown);
}

TEST(ResumeState, ComesBackFromItsTextAndNothingMatchesADamagedOne) {
  for (const bool confirmed : {false, true}) {
    const ResumeState before{hash_of("two"), hash_of("one"), confirmed};
    const ResumeState after = ResumeState::parse(before.text());
    EXPECT_EQ(after.current, before.current);
    EXPECT_EQ(after.previous, before.previous);
    EXPECT_EQ(after.confirmed, confirmed);
  }
  const ResumeState first{hash_of("one"), {}, true};
  EXPECT_TRUE(ResumeState::parse(first.text()).previous.empty());
  for (const std::string& bad : {std::string(), std::string("x"), first.text() + ",u"})
    EXPECT_NE(ResumeState::parse(bad).match(as_bytes("two")), Match::good) << bad;
}

}  // namespace
}  // namespace dim
