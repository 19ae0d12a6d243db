#include "dim/base/expiry_clock.h"

#include <utility>

namespace dim {

std::optional<Millis> ExpiryClock::now(Millis wall, Millis monotonic) {
  if (trusted_ == 0) trusted_ = wall;  // nothing is old in a store that was never looked through
  if (wall <= trusted_ + (monotonic - at_) + kTolerance) {
    held_wall_.reset();
    trusted_ = wall;
    at_ = monotonic;
    return wall;
  }
  // A clock that jumps again, either way, begins the waiting anew.
  const Millis drift = held_wall_ ? wall - *held_wall_ - (monotonic - held_at_) : 0;
  if (!held_wall_ || drift > kTolerance || drift < -kTolerance) {
    held_wall_ = wall;
    held_at_ = monotonic;
    tell_ = true;
    return std::nullopt;
  }
  if (monotonic - held_at_ < kHold) return std::nullopt;
  held_wall_.reset();
  trusted_ = wall;
  at_ = monotonic;
  return wall;
}

bool ExpiryClock::jumped() { return std::exchange(tell_, false); }

}  // namespace dim
