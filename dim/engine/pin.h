// Messages that two people keep in sight: one pin for both (docs/protocol/messages.md section
// 10.3).
#pragma once
#include <cstdint>
#include <optional>

#include "dim/base/json.h"

namespace dim {

/// Whether a message is pinned, and by which change of that.
struct Pin {
  bool on = false;
  std::int64_t revision = 0;  ///< 1 to kLastPin, the greater one counts; 0: never pinned

  bool operator==(const Pin&) const = default;
};
/// The greatest revision: what JSON numbers hold exactly.
inline constexpr std::int64_t kLastPin = (std::int64_t{1} << 53) - 1;

/// Members `pinned` and `revision`.
void write_pin(const Pin& pin, JsonObject& to);
/// Nothing for what lacks one of them, or has a revision that is none.
std::optional<Pin> read_pin(const JsonObject& from);
/// Whether what has come replaces what is known. Of the same revision the one that takes it away
/// does, so that nobody can write a pin that the other could never take away.
bool replaces(const Pin& come, const Pin& known);
/// Pinned, or no longer; `now` in ms. Nothing: it is so already. Where no revision is left for it
/// the pin stays away: what comes back replaces nothing.
std::optional<Pin> pinned(const Pin& before, bool off, std::int64_t now);

}  // namespace dim
