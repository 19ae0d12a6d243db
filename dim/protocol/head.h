// What every content has, and the questions that can be put to one that has not been decoded.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/json.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "dim/identity/id.h"

namespace dim {

/// What every content has.
struct ContentHead {
  std::string type{};         ///< number as text ("136") or a name ("text", "x-mine"), as it came
  std::int64_t sn = 0;        ///< positive; the reference's have 31 bits
  double time = 0;            ///< seconds since 1970; 0 when missing
  std::optional<Id> group{};  ///< for whom, in a group; may also be a broadcast ID

  /// A head for a new content: random sn, time in milliseconds.
  static ContentHead make(std::string_view type, Millis now, Random& random);
};

/// Number or name as text; empty when missing.
std::string content_type(const JsonObject& content);
/// Integer or digits as text, positive; nothing otherwise.
std::optional<std::int64_t> content_sn(const JsonObject& content);
/// Seconds; 0 when missing.
double content_time(const JsonObject& content);
/// The time of a content in milliseconds, within what a double counts exactly.
Millis content_millis(double seconds);

}  // namespace dim
