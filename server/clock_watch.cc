#include "server/clock_watch.h"

#include <cstdlib>

namespace dim {

ClockWatch::State ClockWatch::look(Millis wall, Millis monotonic) {
  constexpr Millis kEven = 60'000;  // what a clock may be corrected by meanwhile
  const Millis ahead = wall - monotonic;
  if (wall < kEarliest) return state_ = State::early;
  if (ahead_ && ahead <= *ahead_ - kJump) {
    const bool goes_on = state_ == State::back && std::abs(ahead - back_ahead_) < kEven;
    if (!goes_on) {
      back_ahead_ = ahead;
      back_at_ = monotonic;
    }
    if (monotonic - back_at_ < kSettles) return state_ = State::back;
  }
  ahead_ = ahead;
  return state_ = State::right;
}

}  // namespace dim
