#include "server/clock_watch.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

using enum ClockWatch::State;

constexpr Millis kNow = 1'790'000'000'000, kHour = 3'600'000;

TEST(ClockWatch, C07_BeforeTheYear2024ItWasNeverSet) {
  ClockWatch watch;
  EXPECT_EQ(watch.look(0, 1'000), early);
  EXPECT_EQ(watch.look(ClockWatch::kEarliest - 1, 2'000), early);
  EXPECT_EQ(watch.look(ClockWatch::kEarliest, 3'000), right);
  EXPECT_EQ(watch.look(kNow, 4'000), right) << "set at last";
  EXPECT_EQ(watch.look(1'000, 5'000), early);
  EXPECT_EQ(watch.look(kNow + 2'000, 6'000), right);
}

TEST(ClockWatch, C07_AnHourBackIsWrongUntilItIsMadeGoodOrHasLastedAnHour) {
  ClockWatch watch;
  EXPECT_EQ(watch.look(kNow, 0), right);
  EXPECT_EQ(watch.look(kNow + 1'000 - kHour + 1, 1'000), right) << "less than an hour";
  watch = {};
  EXPECT_EQ(watch.look(kNow, 0), right);
  EXPECT_EQ(watch.look(kNow + 1'000 - kHour, 1'000), back);
  EXPECT_EQ(watch.look(kNow + 2'000 - kHour, 2'000), back);
  EXPECT_EQ(watch.look(kNow + 3'000, 3'000), right) << "made good";
  EXPECT_EQ(watch.look(kNow + 4'000 - 2 * kHour, 4'000), back);
  EXPECT_EQ(watch.look(kNow + 4'000 - kHour - 1, 4'000 + kHour - 1), back);
  EXPECT_EQ(watch.look(kNow + 4'000 - kHour, 4'000 + kHour), right) << "so it was set right";
  EXPECT_EQ(watch.look(kNow + 5'000 - kHour, 5'000 + kHour), right);
}

TEST(ClockWatch, C07_OneThatJumpsOnHasNotSettled) {
  ClockWatch watch;
  watch.look(kNow, 0);
  EXPECT_EQ(watch.look(kNow - 2 * kHour, 0), back);
  EXPECT_EQ(watch.look(kNow - 3 * kHour, kHour / 2), back);
  EXPECT_EQ(watch.look(kNow - 3 * kHour + kHour / 2, kHour), back) << "half an hour since then";
  EXPECT_EQ(watch.look(kNow - 2 * kHour, kHour + kHour / 2), right);
}

TEST(ClockWatch, SmallStepsBackAreHowClocksAreKept) {
  ClockWatch watch;
  for (Millis step = 0; step < 100; ++step)
    EXPECT_EQ(watch.look(kNow - step * 600'000, step * 1'000), right);
}

}  // namespace
}  // namespace dim
