// Time as the protocols use it: milliseconds since 1970 UTC, and seconds with a fraction in DIMP.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/error.h"

namespace dim {

/// Milliseconds since 1970-01-01T00:00:00Z (wall clock) or since an arbitrary start (monotonic).
using Millis = std::int64_t;

/// Where time comes from: the system in programs, a seeded scheduler in tests.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Millis now() const = 0;        ///< wall clock; may jump
  virtual Millis monotonic() const = 0;  ///< never goes back; for timeouts
};

/// RFC 3339 in UTC with milliseconds: "2026-11-24T14:43:00.125Z". Years before 0 and after 9999
/// become the nearest one.
std::string format_time(Millis time);
/// Reads exactly that form (fraction of 1 to 9 digits optional, `Z` required); 2018-01-01 … 9998 is
/// not checked here.
Result<Millis> parse_time(std::string_view text);

/// True for times that a message or document may bear: 2018-01-01 … now + 5 min (A37).
bool plausible_time(Millis time, Millis now);

}  // namespace dim
