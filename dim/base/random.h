// Where randomness comes from: the operating system in programs (crypto/os_random.h), a seed in
// simulations.
#pragma once
#include <array>
#include <cstdint>
#include <span>

namespace dim {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out;
    fill(out);
    return out;
  }
  std::uint64_t u64() {
    std::uint64_t out = 0;
    for (const std::uint8_t byte : array<8>()) out = out << 8 | byte;
    return out;
  }
};

}  // namespace dim
