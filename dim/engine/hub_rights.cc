#include "dim/engine/hub_rights.h"

#include <algorithm>

#include "dim/base/fault.h"
#include "dim/engine/hub.h"
#include "dim/identity/id.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, kHubObjects> kObjects = {
    "hub", "owner",   "category", "channel", "role", "member",  "mute",  "invite", "request",
    "ban", "message", "reaction", "pin",     "mark", "erasure", "audit", "roster"};
constexpr std::array<std::string_view, kPermissions> kWords = {
    "read",     "write",           "attach",       "speak", "stream", "invite",
    "moderate", "manage-channels", "manage-roles", "ban",   "own"};

using enum HubObject;
using enum Operation;
using P = Permission;

constexpr HubRight kRights[] = {
    {hub, create, Who::anybody},
    {hub, edit, Who::holder, P::own},
    {hub, erase, Who::owner},
    {hub, destroy, Who::owner},
    {hub, get, Who::member},
    {owner, edit, Who::owner},
    {category, create, Who::holder, P::manage_channels},
    {category, edit, Who::holder, P::manage_channels},
    {category, erase, Who::holder, P::manage_channels},
    {category, get, Who::member},
    {channel, create, Who::holder, P::manage_channels},
    {channel, edit, Who::holder, P::manage_channels},
    {channel, erase, Who::holder, P::manage_channels},
    {channel, destroy, Who::owner},
    {channel, get, Who::holder, P::read},
    {role, create, Who::holder, P::manage_roles},
    {role, edit, Who::holder, P::manage_roles},
    {role, erase, Who::holder, P::manage_roles},
    {role, get, Who::member},
    {member, create, Who::anybody},
    {member, edit, Who::holder, P::manage_roles},
    {member, erase, Who::self_or_holder, P::moderate},
    {member, get, Who::member},
    {mute, create, Who::holder, P::moderate},
    {mute, erase, Who::holder, P::moderate},
    {mute, get, Who::holder, P::moderate},
    {invite, create, Who::holder, P::invite},
    {invite, erase, Who::author_or_holder, P::moderate},
    {invite, get, Who::author_or_holder, P::moderate},
    {request, edit, Who::holder, P::invite},
    {request, erase, Who::self_or_holder, P::invite},
    {request, get, Who::self_or_holder, P::invite},
    {ban, create, Who::holder, P::ban},
    {ban, erase, Who::holder, P::ban},
    {ban, get, Who::holder, P::ban},
    {message, create, Who::unmuted, P::write},
    {message, notify, Who::unmuted, P::write},
    {message, edit, Who::author, P::write},
    {message, remove, Who::author_or_holder, P::moderate},
    {message, erase, Who::author_or_holder, P::moderate},
    {message, destroy, Who::author_or_holder, P::own},
    {message, get, Who::holder, P::read},
    {reaction, create, Who::unmuted, P::read},
    {reaction, erase, Who::author_or_holder, P::moderate},
    {pin, create, Who::holder, P::moderate},
    {pin, erase, Who::holder, P::moderate},
    {pin, get, Who::holder, P::read},
    {mark, notify, Who::holder, P::read},
    {mark, edit, Who::holder, P::read},
    {mark, get, Who::holder, P::read},
    {erasure, create, Who::holder, P::read},
    {erasure, get, Who::author_or_holder, P::own},
    {audit, get, Who::holder, P::moderate},
    {roster, create, Who::owner},
    {roster, get, Who::member},
};

bool is_station(std::string_view who) {
  const auto id = Id::parse(who);
  return id && id->type() == EntityType::station;
}

bool is_operators(HubObject object, Operation operation) {
  return (object == hub && operation == erase) ||
         (object == invite && (operation == create || operation == erase));
}

}  // namespace

std::string_view to_string(HubObject object) { return kObjects[static_cast<std::size_t>(object)]; }

Result<HubObject> parse_hub_object(std::string_view word) {
  const auto found = std::ranges::find(kObjects, word);
  if (found == kObjects.end())
    return fail(Errc::bad_request, "no such object in a hub; docs/protocol/hubs.md has the list");
  return static_cast<HubObject>(found - kObjects.begin());
}

std::string_view to_string(Permission permission) {
  return kWords[static_cast<std::size_t>(permission)];
}

Result<Permissions> Permissions::parse(std::span<const std::string> words) {
  Permissions out;
  for (const std::string& word : words) {
    const auto found = std::ranges::find(kWords, word);
    if (found == kWords.end())
      return fail(Errc::bad_request,
                  "permissions are read, write, attach, speak, stream, invite, moderate, "
                  "manage-channels, manage-roles, ban, own");
    out = out | Permissions{static_cast<Permission>(found - kWords.begin())};
  }
  return out;
}

std::vector<std::string> Permissions::words() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kPermissions; ++i) {
    if (has(static_cast<Permission>(i))) out.emplace_back(kWords[i]);
  }
  return out;
}

std::span<const HubRight> hub_rights() { return kRights; }

const HubRight* find_hub_right(HubObject object, Operation operation) {
  const auto found = std::ranges::find_if(kRights, [&](const HubRight& row) {
    return row.object == object && row.operation == operation;
  });
  return found == std::end(kRights) ? nullptr : found;
}

Status may(const Hub& hub, std::string_view actor, Operation operation, const HubTarget& target,
           Millis now) {
  const HubRight* row = find_hub_right(target.object, operation);
  if (row == nullptr)
    return fail(Errc::not_implemented, "this operation does not exist on this object of a hub");
  // What is deleted can still be destroyed.
  const bool buries = row->object == HubObject::hub && operation == destroy && actor == hub.owner();
  if (hub.deleted()) {
    if (buries) return {};
    return fail(Errc::gone, "this hub is deleted");
  }
  if (is_operators(target.object, operation) && !hub.is_member(actor) && is_station(actor))
    return {};
  if (hub.is_banned(actor, now)) return fail(Errc::forbidden, "you are banned from this hub");
  const bool own_request =
      target.object == request && row->who == Who::self_or_holder && actor == target.subject;
  if (!hub.is_member(actor) && row->who != Who::anybody && !own_request)
    return fail(Errc::not_found, "no such hub, or you are not a member of it");
  const Permissions held = target.channel != nullptr ? hub.permissions_in(*target.channel, actor)
                                                     : hub.permissions_of(actor);
  // Whoever cannot read a channel does not learn what is in it.
  if (target.channel != nullptr && !held.has(P::read) && !held.has(P::manage_channels))
    return fail(Errc::not_found, "no such channel, or you cannot read it");
  const auto allowed = [&] {
    const bool holds = held.has(row->permission);
    const bool subject = actor == target.subject;
    switch (row->who) {
      case Who::anybody:
      case Who::member:
        return true;
      case Who::owner:
        return actor == hub.owner();
      case Who::holder:
        return holds;
      case Who::unmuted:
        return holds && (!hub.is_muted(actor, now) || DIM_FAULT("mute-ignored"));
      case Who::author:
        return subject && holds && !hub.is_muted(actor, now);
      case Who::author_or_holder:
      case Who::self_or_holder:
        return subject || holds;
    }
    return false;
  };
  if (!allowed())
    return fail(Errc::forbidden, "you do not have the right to do this here; ask the hub's owner");
  return {};
}

}  // namespace dim
