// What a channel makes of the permissions that somebody has in its hub. docs/protocol/hubs.md
// section 3.
#pragma once
#include <vector>

#include "dim/engine/hub.h"

namespace dim {

/// Of a member with these roles, who has `in_hub` in the hub as a whole; mutes left aside.
Permissions permissions_in(const HubChannel& channel, Permissions in_hub,
                           const std::vector<Guid>& roles);

}  // namespace dim
