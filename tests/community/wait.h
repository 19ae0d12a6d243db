// Day::wait, for its sources.
#pragma once
#include <stdexcept>
#include <string>

#include "tests/community/day.h"

namespace dim::community {

/// Until `until` is true. How long that takes says nothing; that nothing moves any more does.
template <class Until>
void Day::wait(const char* what, Until until) {
  constexpr Millis kPatience = 90'000;
  Millis since = clock_.monotonic();
  for (std::size_t seen = progress_; !until();) {
    pass(2);
    const Millis now = clock_.monotonic();
    if (std::exchange(seen, progress_) != progress_) since = now;
    if (now - since > kPatience) throw std::runtime_error(std::string(what) + " stands still");
  }
}

}  // namespace dim::community
