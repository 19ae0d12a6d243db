#include "cli/progress.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

class HandClock final : public Clock {
 public:
  Millis now() const override { return at; }
  Millis monotonic() const override { return at; }
  Millis at = 1'000;
};

TEST(Progress, F44_SaysHowFarHowFastAndHowLong) {
  const std::int64_t mib = 1 << 20;
  EXPECT_EQ(progress_line(0, 100 * mib, 0), "  0%  0 bytes of 100.0 MiB");
  EXPECT_EQ(progress_line(43 * mib, 100 * mib, 1.0 * mib),
            " 43%  43.0 MiB of 100.0 MiB  1.0 MiB/s  0:57 left");
  EXPECT_EQ(progress_line(0, 7'322 * mib, 1.0 * mib),
            "  0%  0 bytes of 7322.0 MiB  1.0 MiB/s  2:02:02 left");
  EXPECT_EQ(progress_line(0, 0, 0), "100%  0 bytes of 0 bytes");
}

TEST(Progress, TheRateIsThatOfTheLastSeconds) {
  HandClock clock;
  Progress progress("Sending it", 1'000'000, false, clock);
  EXPECT_EQ(progress.rate(), 0);
  for (int second = 0; second <= 20; ++second) {
    progress.at(second <= 10 ? second * 1'000 : 10'000 + (second - 10) * 50'000);
    clock.at += 1'000;
  }
  EXPECT_DOUBLE_EQ(progress.rate(), 50'000);
}

}  // namespace
}  // namespace dim
