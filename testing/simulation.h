// Seeded time and randomness: the two things that make a run repeatable.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "dim/base/random.h"
#include "dim/base/time.h"

namespace dim {

/// SplitMix64: small, well mixed, and the same on every machine. For simulations only.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(std::span<std::uint8_t> out) override;
  std::uint64_t next();
  /// 0 … bound-1
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11) * 0x1p-53 < probability;
  }

 private:
  std::uint64_t state_;
};

/// Events in order of time, and of scheduling where the time is the same. Time stands still between
/// events.
class Scheduler final : public Clock {
 public:
  explicit Scheduler(Millis start) : start_(start), now_(0) {}
  Millis now() const override { return start_ + now_; }
  Millis monotonic() const override { return now_; }

  void after(Millis delay, std::function<void()> event);
  /// Handles events for `ms` of simulated time, then stands at its end.
  void run_for(Millis ms);
  std::uint64_t handled() const { return handled_; }

 private:
  Millis start_;
  Millis now_;
  std::uint64_t sequence_ = 0;
  std::uint64_t handled_ = 0;
  std::map<std::pair<Millis, std::uint64_t>, std::function<void()>> events_;
};

}  // namespace dim
