// What hubs say about live streams in their channels (live.h).
#include "server/hubs.h"

namespace dim {

Result<Hubs::LiveRights> Hubs::live_rights(const Guid& guid, const std::string& user) {
  if (!there())
    return fail(Errc::internal,
                "what the station has stored about this cannot be read; tell the operator");
  const Hub* hub = hub_with(guid);
  const HubChannel* channel = hub == nullptr ? nullptr : hub->channel(guid);
  if (channel == nullptr)
    return std::unexpected(missing(guid, "no such channel, or you cannot read it"));
  const Millis now = core_.clock_.now();
  if (const Status allowed =
          may(*hub, user, Operation::get, {.object = HubObject::message, .channel = channel}, now);
      !allowed)
    return std::unexpected(allowed.error());
  const Permissions held = hub->permissions_in(*channel, user);
  const bool voice = !hub->is_muted(user, now) && check_post(*hub, 0, false).has_value();
  return LiveRights{.hub = hub,
                    .speak = voice && held.has(Permission::speak),
                    .stream = voice && held.has(Permission::stream),
                    .moderate = held.has(Permission::moderate)};
}

std::vector<std::string> Hubs::live_audience(const Guid& channel) {
  const Hub* hub = there() ? hub_with(channel) : nullptr;
  if (hub == nullptr || hub->deleted()) return {};
  return readers(*hub, channel);
}

}  // namespace dim
