// How many things somebody wants on a page.
#pragma once
#include <algorithm>

#include "dim/base/limits.h"
#include "server/core.h"

namespace dim {

/// `limit` of a GET, 200 at most and without it; Errc::bad_request for what is no number of them
/// (docs/protocol/operations.md).
inline Result<std::size_t> page_limit(const Packet& packet) {
  constexpr std::size_t kMost = limits::kHistoryPage;
  if (!packet.has("limit")) return kMost;
  const auto wanted = parse_count(packet.get("limit"));
  if (!wanted || *wanted == 0) return fail(Errc::bad_request, "limit is a number from 1 to 200");
  return std::min(kMost, static_cast<std::size_t>(*wanted));
}

}  // namespace dim
