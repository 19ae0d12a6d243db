// What came to the wrong one (A08, J22).
#pragma once
#include <string_view>

#include "client/history.h"

namespace dim {

/// A message that was not written for who got it: somebody else has passed it on as if it were, or
/// its sender's program leaves out what it promises to say of that. Kept with its cause, without
/// its words, and told as an alarm.
inline bool is_rebound(const HistoryEntry& entry) { return entry.cause.starts_with("E_REBOUND"); }
inline constexpr std::string_view kReboundWords =
    "a message of theirs came that does not say that it is for you: somebody may have passed on "
    "what was written to another, so it is not shown";

}  // namespace dim
