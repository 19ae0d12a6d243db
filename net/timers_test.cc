#include "net/timers.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <vector>

namespace dim {
namespace {

TEST(Timers, FireNeverEarlyAndAtMostTwoTicksLate) {
  for (const Millis start : {Millis{0}, Millis{49}, Millis{99}, Millis{1'234'567}}) {
    for (const Millis after :
         {Millis{0}, Millis{1}, Millis{100}, Millis{250}, Millis{51'200}, Millis{300'000}}) {
      TimerWheel wheel(start);
      Timer timer;
      Millis fired = -1, now = start;
      wheel.arm(timer, start, after, [&] { fired = now; });
      for (; now <= start + after + 300 && fired < 0; now += 10) wheel.advance(now);
      ASSERT_GE(fired, start + after) << start << ' ' << after;
      ASSERT_LE(fired, start + after + 200) << start << ' ' << after;
      EXPECT_FALSE(timer.armed());
      EXPECT_EQ(wheel.armed(), 0U);
    }
  }
}

TEST(Timers, FireOnceEach) {
  TimerWheel wheel(0);
  std::deque<Timer> timers(2'000);
  std::vector<int> fired(timers.size());
  for (std::size_t i = 0; i < timers.size(); ++i) {
    wheel.arm(timers[i], 0, static_cast<Millis>(i) * 100, [&fired, i] { ++fired[i]; });
  }
  for (Millis now = 0; now < 250'000; now += 100) wheel.advance(now);
  for (const int count : fired) EXPECT_EQ(count, 1);
}

TEST(Timers, CatchUpAfterALongSleep) {
  TimerWheel wheel(0);
  Timer soon, late, later;
  int fired = 0;
  wheel.arm(soon, 0, 500, [&] { ++fired; });
  wheel.arm(late, 0, 400'000, [&] { ++fired; });
  wheel.arm(later, 0, 900'000, [&] { ++fired; });
  wheel.advance(500'000);
  EXPECT_EQ(fired, 2);
  wheel.advance(900'100);
  EXPECT_EQ(fired, 3);
}

TEST(Timers, CancelledAndDestroyedOnesStaySilent) {
  TimerWheel wheel(0);
  int fired = 0;
  Timer cancelled;
  wheel.arm(cancelled, 0, 100, [&] { ++fired; });
  cancelled.cancel();
  {
    Timer gone;
    wheel.arm(gone, 0, 100, [&] { ++fired; });
  }
  EXPECT_EQ(wheel.armed(), 0U);
  wheel.advance(10'000);
  EXPECT_EQ(fired, 0);
}

TEST(Timers, ArmingAgainReplacesTheDeadline) {
  TimerWheel wheel(0);
  Timer timer;
  std::vector<int> fired;
  wheel.arm(timer, 0, 100, [&] { fired.push_back(1); });
  wheel.arm(timer, 0, 1'000, [&] { fired.push_back(2); });
  EXPECT_EQ(wheel.armed(), 1U);
  wheel.advance(500);
  EXPECT_TRUE(fired.empty());
  wheel.advance(1'100);
  EXPECT_EQ(fired, std::vector<int>{2});
}

TEST(Timers, FunctionsMayArmCancelAndDestroyAnyTimer) {
  TimerWheel wheel(0);
  auto first = std::make_unique<Timer>();
  auto victim = std::make_unique<Timer>();
  Timer again;
  int repeats = 0, killed = 0;
  wheel.arm(*first, 0, 100, [&] {
    victim.reset();  // due in the same turn
    first.reset();   // the one that is running
  });
  wheel.arm(*victim, 0, 100, [&] { ++killed; });
  std::function<void()> repeat = [&] {
    if (++repeats < 5) wheel.arm(again, repeats * 100, 100, repeat);
  };
  wheel.arm(again, 0, 100, repeat);
  for (Millis now = 0; now <= 2'000; now += 100) wheel.advance(now);
  EXPECT_EQ(killed, 0);
  EXPECT_EQ(repeats, 5);
  EXPECT_EQ(wheel.armed(), 0U);
}

TEST(Timers, AFunctionThatOwnsItsTimersOwnerIsReleasedOnCancel) {
  struct Owner {
    Timer timer;
  };
  TimerWheel wheel(0);
  auto owner = std::make_shared<Owner>();
  const std::weak_ptr<Owner> watch = owner;
  wheel.arm(owner->timer, 0, 100, [owner] {});
  Owner& raw = *owner;
  owner.reset();
  EXPECT_FALSE(watch.expired());
  raw.timer.cancel();
  EXPECT_TRUE(watch.expired());
}

TEST(Timers, AWheelThatGoesFirstDisarmsItsTimers) {
  Timer timer;
  {
    TimerWheel wheel(0);
    wheel.arm(timer, 0, 100, [] { FAIL(); });
  }
  EXPECT_FALSE(timer.armed());
}

}  // namespace
}  // namespace dim
