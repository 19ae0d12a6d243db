// What one hub may have, and how many hubs one user (C4, N14).
#pragma once
#include <cstdint>

#include "dim/engine/hub.h"

namespace dim {

struct HubQuotas {
  std::int64_t messages = 0;  ///< with a text, in all channels; 0: no limit
  std::int64_t bytes = 0;     ///< of their texts and earlier texts, as stored; 0: no limit
  std::int64_t members = limits::kHubMembers;
  std::int64_t channels = limits::kHubChannels;
  std::int64_t hubs = 100;  ///< that one user owns
  bool operator==(const HubQuotas&) const = default;
};

}  // namespace dim
