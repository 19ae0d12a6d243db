#include "net/backoff.h"

#include <gtest/gtest.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

TEST(Backoff, R22_DoublesFromHalfASecondToAMinuteWithHalfOfItAsJitter) {
  OsRandom random;
  Backoff backoff;
  for (Millis base = 500, i = 0; i < 12; ++i, base = std::min<Millis>(60'000, 2 * base)) {
    const Millis wait = backoff.next(random);
    EXPECT_GE(wait, base / 2);
    EXPECT_LT(wait, base + base / 2);
  }
  backoff.reset();
  EXPECT_LT(backoff.next(random), 750);
}

}  // namespace
}  // namespace dim
