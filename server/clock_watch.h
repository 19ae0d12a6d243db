// Whether the clock of a station can be right (C07). Whoever is there is served all the same; what
// is judged by the time (new visas, how long a secret holds) waits.
#pragma once
#include <cstdint>
#include <optional>

#include "dim/base/time.h"

namespace dim {

class ClockWatch {
 public:
  enum class State : std::uint8_t {
    right,
    early,  ///< before 2024: it was never set
    back,   ///< it went back by an hour or more
  };
  static constexpr Millis kEarliest = 1'704'067'200'000;  // 2024-01-01
  static constexpr Millis kJump = 3'600'000;
  /// A clock that went back and then runs on evenly for so long was set right.
  static constexpr Millis kSettles = 3'600'000;

  /// What the clock shows now (Unix ms), and a time that never goes back.
  State look(Millis wall, Millis monotonic);
  State state() const { return state_; }

 private:
  State state_ = State::right;
  std::optional<Millis> ahead_{};  // of `monotonic`, as it was believed last
  Millis back_ahead_ = 0;          // since it went back
  Millis back_at_ = 0;             // monotonic
};

}  // namespace dim
