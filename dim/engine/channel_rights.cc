#include "dim/engine/channel_rights.h"

#include <algorithm>

#include "dim/base/fault.h"

namespace dim {

Permissions permissions_in(const HubChannel& channel, Permissions in_hub,
                           const std::vector<Guid>& roles) {
  Permissions out = in_hub;
  if (out.has(Permission::own)) return Permissions::all();
  const bool manages = out.has(Permission::manage_channels);
  // What a channel keeps back unless it says otherwise for a role or everyone.
  if (channel.kind == ChannelKind::secret) out = out - kChannelPermissions;
  if (channel.kind == ChannelKind::announcement && !manages && !DIM_FAULT("announcement-open"))
    out = out - Permissions{Permission::write, Permission::attach};
  Permissions allow, deny;
  for (const HubOverride& one : channel.overrides) {
    if (!one.role) {
      out = (out - one.deny) | one.allow;
    } else if (std::ranges::find(roles, *one.role) != roles.end()) {
      allow = allow | one.allow;
      deny = deny | one.deny;
    }
  }
  return (out - deny) | allow;
}

}  // namespace dim
