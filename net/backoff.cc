#include "net/backoff.h"

#include <algorithm>

namespace dim {

Millis Backoff::next(Random& random) {
  constexpr Millis kFirst = 500;
  constexpr Millis kMost = 60'000;
  const Millis base = std::min(kMost, kFirst << std::min(attempt_++, 7));
  return base / 2 + static_cast<Millis>(random.u64() % static_cast<std::uint64_t>(base));
}

}  // namespace dim
