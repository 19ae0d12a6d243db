// The operating system's generator (getrandom), the only source of randomness in the programs
// (A24).
#pragma once
#include "dim/base/random.h"

namespace dim {
class OsRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override;
};
}  // namespace dim
