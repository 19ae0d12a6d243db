#include "dim/base/expiry_clock.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr Millis kHour = 3'600'000, kStart = 1'790'000'000'000;

TEST(ExpiryClock, GoesByAClockThatRunsEvenly) {
  ExpiryClock clock(kStart, 0);
  EXPECT_EQ(clock.now(kStart + 1'000, 1'000), kStart + 1'000);
  EXPECT_EQ(clock.now(kStart + 5 * kHour, 5 * kHour), kStart + 5 * kHour);
  EXPECT_FALSE(clock.jumped());
}

TEST(ExpiryClock, F74_AJumpForwardIsWaitedOutAndTold) {
  ExpiryClock clock(kStart, 0);
  const Millis jump = 1'000 * kHour;
  EXPECT_EQ(clock.now(kStart + jump, 1'000), std::nullopt);
  EXPECT_TRUE(clock.jumped());
  EXPECT_FALSE(clock.jumped()) << "once";
  EXPECT_EQ(clock.now(kStart + jump + 5 * kHour, 1'000 + 5 * kHour), std::nullopt);
  // It is put right: as if nothing had been.
  EXPECT_EQ(clock.now(kStart + 5 * kHour, 5 * kHour), kStart + 5 * kHour);
  // And wrong again: waited out from the beginning.
  const Millis again = kStart + 5 * kHour + jump;
  EXPECT_EQ(clock.now(again, 5 * kHour), std::nullopt);
  EXPECT_EQ(clock.now(again + ExpiryClock::kHold - 1, 5 * kHour + ExpiryClock::kHold - 1),
            std::nullopt);
  EXPECT_EQ(clock.now(again + ExpiryClock::kHold, 5 * kHour + ExpiryClock::kHold),
            again + ExpiryClock::kHold)
      << "so it was not the clock that was wrong";
}

TEST(ExpiryClock, F74_JumpsWhileItWaitsBeginTheWaitingAnew) {
  ExpiryClock clock(kStart, 0);
  EXPECT_EQ(clock.now(kStart + 100 * kHour, 0), std::nullopt);
  EXPECT_TRUE(clock.jumped());
  EXPECT_EQ(clock.now(kStart + 300 * kHour, 5 * kHour), std::nullopt);
  EXPECT_TRUE(clock.jumped());
  EXPECT_EQ(clock.now(kStart + 302 * kHour, 7 * kHour), std::nullopt);
  EXPECT_EQ(clock.now(kStart + 306 * kHour, 11 * kHour), kStart + 306 * kHour);
}

TEST(ExpiryClock, AStationThatWasAwayForLongWaitsFirst) {
  ExpiryClock fresh(0, 50);
  EXPECT_EQ(fresh.now(kStart, 50), kStart) << "it has nothing old";
  EXPECT_EQ(fresh.now(kStart + 9 * kHour, 60), std::nullopt);
  ExpiryClock away(kStart, 0);
  EXPECT_EQ(away.now(kStart + 2 * kHour, 0), std::nullopt);
  ExpiryClock again(kStart, 0);
  EXPECT_EQ(again.now(kStart + kHour / 2, 0), kStart + kHour / 2) << "a restart";
}

TEST(ExpiryClock, AClockThatGoesBackIsBelieved) {
  ExpiryClock clock(kStart, 0);
  EXPECT_EQ(clock.now(kStart - 10 * kHour, 1'000), kStart - 10 * kHour);
  // What it makes up for afterwards is a jump.
  EXPECT_EQ(clock.now(kStart, 2'000), std::nullopt);
}

}  // namespace
}  // namespace dim
