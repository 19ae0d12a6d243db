#include "testing/simulation.h"

namespace dim {

std::uint64_t SeededRandom::next() {
  state_ += 0x9E3779B97F4A7C15;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void SeededRandom::fill(std::span<std::uint8_t> out) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 8 == 0) word = next();
    out[i] = static_cast<std::uint8_t>(word >> (8 * (i % 8)));
  }
}

void Scheduler::after(Millis delay, std::function<void()> event) {
  events_.emplace(std::pair(now_ + delay, sequence_++), std::move(event));
}

void Scheduler::run_for(Millis ms) {
  const Millis end = now_ + ms;
  while (!events_.empty() && events_.begin()->first.first <= end) {
    auto event = events_.extract(events_.begin());
    now_ = event.key().first;
    ++handled_;
    event.mapped()();
  }
  now_ = end;
}

}  // namespace dim
