// GUIDs (RFC 9562): 128 bits, 32 lower-case hex digits without dashes on the wire.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/base/time.h"

namespace dim {

class Guid {
 public:
  /// 32 hex digits of either case, or the 8-4-4-4-12 form with dashes. All zero and all f are
  /// refused (I14).
  static Result<Guid> parse(std::string_view text);
  /// From 16 raw bytes, under the same refusals.
  static Result<Guid> from_bytes(const std::array<std::uint8_t, 16>& bytes);
  /// Version 7: 48 bits of time, 74 random bits.
  static Guid make(Millis now, Random& random);

  std::string text() const;
  const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  auto operator<=>(const Guid&) const = default;

 private:
  explicit Guid(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
  std::array<std::uint8_t, 16> bytes_;
};

}  // namespace dim
