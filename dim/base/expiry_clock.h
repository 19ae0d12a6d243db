// When a station believes its clock enough to forget messages for good. A clock that jumps forward
// must not empty every channel at once, so a jump is waited out first.
#pragma once
#include <optional>

#include "dim/base/time.h"

namespace dim {

class ExpiryClock {
 public:
  /// What the clock may run ahead of what was expected of it.
  static constexpr Millis kTolerance = 3'600'000;
  /// How long it has to run on evenly after more than that.
  static constexpr Millis kHold = 6 * 3'600'000;

  /// `swept`: when something was last looked for, by an earlier run of the station; 0: never,
  /// then the clock is believed as it is.
  ExpiryClock(Millis swept, Millis monotonic) : trusted_(swept), at_(monotonic) {}

  /// The time to go by, or nothing while a jump is waited out. `wall`: the clock, in Unix ms;
  /// `monotonic` never goes back.
  std::optional<Millis> now(Millis wall, Millis monotonic);
  /// What the clock should show by now if it had not jumped.
  Millis expected(Millis monotonic) const { return trusted_ + (monotonic - at_); }
  /// True once for each jump: somebody should look at the clock.
  bool jumped();

 private:
  Millis trusted_;  // wall clock that was believed
  Millis at_;       // monotonic, when it was
  std::optional<Millis> held_wall_{};
  Millis held_at_ = 0;
  bool tell_ = false;
};

}  // namespace dim
