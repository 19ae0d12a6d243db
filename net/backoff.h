// How long to wait before the next attempt to reach somebody.
#pragma once
#include "dim/base/random.h"
#include "dim/base/time.h"

namespace dim {

/// Waits between attempts to reach a station: 0.5 s doubling to 60 s, each with ±50 % jitter (R22).
class Backoff {
 public:
  Millis next(Random& random);
  void reset() { attempt_ = 0; }

 private:
  int attempt_ = 0;
};

}  // namespace dim
