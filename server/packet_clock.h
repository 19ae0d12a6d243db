// The clock of a station, as far as packets can say it.
#pragma once
#include <algorithm>

#include "dim/base/time.h"

namespace dim {

/// Times in packets lie between 2018 and 9998 (docs/protocol/packets.md section 2), and what says
/// another one is no packet. A clock that shows less or more is taken for the nearest of these, so
/// that whoever is connected goes on (R16).
class PacketClock final : public Clock {
 public:
  static constexpr Millis kFirst = 1'514'764'800'000;       // 2018-01-01
  static constexpr Millis kLast = 253'370'764'800'000 - 1;  // of 9998

  explicit PacketClock(const Clock& clock) : clock_(clock) {}
  Millis now() const override { return std::clamp(clock_.now(), kFirst, kLast); }
  Millis monotonic() const override { return clock_.monotonic(); }

 private:
  const Clock& clock_;
};

}  // namespace dim
