// Coarse timers: ticks of 100 ms in a hashed wheel, constant cost to arm and cancel, no allocation
// for small functions. Pure: time comes in by advance(). The reactor drives one wheel
// (net/reactor.h).
#pragma once
#include <array>
#include <cstdint>
#include <functional>

#include "dim/base/time.h"

namespace dim {

class TimerWheel;

/// One deadline, a member of whatever it watches. Cancels itself when destroyed; must not outlive
/// its wheel while armed.
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  bool armed() const { return wheel_ != nullptr; }
  void cancel();

 private:
  friend class TimerWheel;
  Timer* prev_ = this;
  Timer* next_ = this;
  TimerWheel* wheel_ = nullptr;
  std::int64_t due_ = 0;  // tick
  std::function<void()> fire_;
};

class TimerWheel {
 public:
  static constexpr Millis kTick = 100;

  /// `now`: monotonic milliseconds.
  explicit TimerWheel(Millis now) : tick_(now / kTick) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;
  ~TimerWheel();

  /// Arms `timer` anew, whatever it waited for before: `fire` runs once, never earlier than `after`
  /// ms from `now` and at most two ticks later.
  void arm(Timer& timer, Millis now, Millis after, std::function<void()> fire);
  /// Runs everything due. A function may arm, cancel and destroy any timer, its own too.
  void advance(Millis now);
  std::size_t armed() const { return armed_; }
  void cancel_all();

 private:
  friend class Timer;
  static constexpr std::size_t kSlots =
      512;  // 51 s a turn; longer timers stay in their slot for several turns

  std::int64_t tick_;
  std::size_t armed_ = 0;
  std::array<Timer, kSlots> slots_;
};

}  // namespace dim
