#include "dim/engine/hub.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dim/base/fault.h"
#include "dim/engine/channel_rights.h"
#include "dim/engine/hub_body.h"
#include "dim/engine/hub_roster.h"

namespace dim {
namespace {

constexpr std::int64_t kOwnerRank = std::numeric_limits<std::int64_t>::max();
constexpr Permissions kFirstEveryone{Permission::read, Permission::write, Permission::attach,
                                     Permission::speak, Permission::stream};

using enum HubEffect::Kind;

HubEffect effect(bool did) { return {.kind = did ? changed : unchanged}; }

std::unexpected<Error> unknown() {
  return fail(Errc::not_found, "no such object in this hub; GET the hub to see what there is");
}
std::unexpected<Error> deleted_object() { return fail(Errc::gone, "this object is deleted"); }
std::unexpected<Error> full() {
  return fail(Errc::insufficient_storage, "the hub has as many of these as a hub may have");
}
std::unexpected<Error> stale() {
  return fail(Errc::conflict,
              "somebody was faster: revision is not the current one; read it again");
}

/// Applies an EDIT to a copy, so that a wrong body changes nothing. `allowed` judges the result.
template <class Value, class Read, class Allowed>
Result<HubEffect> edit(Value& value, const HubChange& change, Read read, Allowed allowed) {
  Value next = value;
  if (auto done = read(change.body, next); !done) return std::unexpected(done.error());
  if (Status judged = allowed(next); !judged) return std::unexpected(judged.error());
  if (next == value) return effect(false);
  if (change.revision && *change.revision != value.revision) return stale();
  ++next.revision;
  value = std::move(next);
  return effect(true);
}

}  // namespace

Result<Hub> Hub::found(std::string id, const HubChange& change) {
  if (change.operation != Operation::create || change.object != HubObject::hub)
    return fail(Errc::bad_request, "the first change of a hub is its creation");
  Hub out;
  out.id_ = std::move(id);
  out.owner_ = change.actor;
  out.everyone_ = kFirstEveryone;
  if (auto done = read_name(change.body, out.name_); !done) return std::unexpected(done.error());
  if (out.name_.empty()) return fail(Errc::bad_request, "a hub needs a name");
  if (auto done = read_topic(change.body, "topic", out.topic_); !done)
    return std::unexpected(done.error());
  if (auto done = read_permissions(change.body, "everyone", out.everyone_); !done)
    return std::unexpected(done.error());
  if (out.everyone_.has(Permission::own))
    return fail(Errc::bad_request, "a hub does not belong to everyone: own is given by roles");
  if (auto done = out.found_private(change); !done) return std::unexpected(done.error());
  out.members_[out.owner_] = {.roles = {}, .joined = change.time};
  out.number_ = 1;
  out.latest_ = change.time;
  return out;
}

/// What its ID says, and what a private hub has from its first day on. One without was founded
/// before there were private ones: check_new() lets nobody found it any more.
Status Hub::found_private(const HubChange& change) {
  const auto read = first_membership(change, id_);
  private_ = is_private_hub(id_) && read.has_value();
  if (!private_) return {};
  roster_.push_back(roster_json(*read));
  set_room(room_);
  return {};
}

void Hub::set_room(const HubRoom& room) {
  room_ = room;
  if (private_) room_.members = std::min(room_.members, limits::kPrivateHubMembers);
}

Result<Hub> Hub::tombstone(std::string id, const HubChange& change, std::int64_t number) {
  if (change.operation != Operation::destroy || change.object != HubObject::hub)
    return fail(Errc::bad_request, "what is left of a hub is its DESTROY");
  Hub out;
  out.id_ = std::move(id);
  out.owner_ = change.actor;
  out.deleted_ = out.whole_destroyed_ = true;
  out.number_ = number;
  out.latest_ = change.time;
  if (const Json* gone = change.body.find("gone"); gone != nullptr && gone->array() != nullptr) {
    for (const Json& one : *gone->array()) {
      const auto guid = one.text() == nullptr ? Result<Guid>(fail(Errc::bad_request, "no GUID"))
                                              : Guid::parse(*one.text());
      if (guid) out.gone_.insert(*guid);
    }
  }
  return out;
}

// --- rights

const HubChannel* Hub::channel(const Guid& guid) const {
  const auto found = channels_.find(guid);
  return found == channels_.end() ? nullptr : &found->second;
}

bool Hub::is_banned(std::string_view who, Millis now) const {
  const auto found = bans_.find(who);
  return found != bans_.end() && (found->second.until == 0 || now < found->second.until);
}

bool Hub::is_muted(std::string_view who, Millis now) const {
  const auto found = mutes_.find(who);
  return found != mutes_.end() && (found->second.until == 0 || now < found->second.until);
}

Permissions Hub::permissions_of(std::string_view who) const {
  if (who == owner_) return Permissions::all();
  const auto found = members_.find(who);
  if (found == members_.end()) return {};
  Permissions out = everyone_;
  for (const Guid& role : found->second.roles) out = out | roles_.at(role).permissions;
  return out.has(Permission::own) ? Permissions::all() : out;
}

Permissions Hub::permissions_in(const HubChannel& channel, std::string_view who) const {
  const Permissions out = permissions_of(who);
  const auto member = members_.find(who);
  if (out.has(Permission::own) || member == members_.end()) return out;
  return dim::permissions_in(channel, out, member->second.roles);
}

std::int64_t Hub::rank_of(std::string_view who) const {
  if (who == owner_) return kOwnerRank;
  std::int64_t out = -1;
  if (const auto found = members_.find(who); found != members_.end()) {
    for (const Guid& role : found->second.roles) out = std::max(out, roles_.at(role).rank);
  }
  return out;
}

bool Hub::outranks(std::string_view who, std::string_view whom) const {
  return (whom != owner_ && rank_of(who) > rank_of(whom)) || DIM_FAULT("rank-ignored");
}

Status Hub::may_give(const HubChange& change, Permissions permissions) const {
  if (change.actor == owner_) return {};
  if (permissions.has(Permission::own))
    return fail(Errc::forbidden, "only the owner gives the permission own");
  if (!permissions.within(permissions_of(change.actor)))
    return fail(Errc::forbidden, "nobody gives permissions that they do not have");
  return {};
}

// --- changes

std::optional<Hub::Outcome> Hub::created_before(const HubChange& change) const {
  if (!change.guid)
    return fail(Errc::bad_request, "CREATE needs guid: 32 hex digits that the client chose");
  if (gone_.contains(*change.guid)) return deleted_object();
  const auto found = created_.find(*change.guid);
  if (found == created_.end()) return std::nullopt;
  HubChange asked = change;
  asked.time = 0;
  if (found->second == sha256(as_bytes(asked.text()))) return effect(false);
  return fail(Errc::conflict, "this guid belongs to an object that was made otherwise");
}

void Hub::remember_created(const HubChange& change) {
  HubChange asked = change;
  asked.time = 0;
  created_.emplace(*change.guid, sha256(as_bytes(asked.text())));
}

Hub::Outcome Hub::apply(const HubChange& change) {
  HubTarget target{.object = change.object, .channel = nullptr, .subject = change.member};
  if (change.object == HubObject::channel && change.guid) target.channel = channel(*change.guid);
  if (change.object == HubObject::invite && change.guid) {
    if (const auto found = invites_.find(*change.guid); found != invites_.end())
      target.subject = found->second.author;
  }
  if (Status allowed = may(*this, change.actor, change.operation, target, change.time); !allowed)
    return std::unexpected(allowed.error());
  latest_ = std::max(latest_, change.time);
  forget_old(latest_);
  Outcome out = [&]() -> Outcome {
    switch (change.object) {
      case HubObject::hub:
      case HubObject::owner:
        return change_hub(change);
      case HubObject::category:
        return change_category(change);
      case HubObject::channel:
        return change_channel(change);
      case HubObject::role:
        return change_role(change);
      case HubObject::member:
        return change_member(change);
      case HubObject::invite:
        return change_invite(change);
      case HubObject::request:
        return change_request(change);
      case HubObject::mute:
      case HubObject::ban:
        return change_penalty(change);
      case HubObject::roster:
        return change_roster(change);
      case HubObject::message:
      case HubObject::reaction:
      case HubObject::pin:
      case HubObject::mark:
      case HubObject::erasure:
      case HubObject::audit:
        break;
    }
    return fail(Errc::bad_request, "messages are no part of a hub's own changes");
  }();
  if (out && out->kind != unchanged) ++number_;
  return out;
}

Hub::Outcome Hub::change_hub(const HubChange& change) {
  if (change.object == HubObject::owner) {
    if (private_)
      return fail(Errc::method_not_allowed,
                  "a private hub stays with who has founded it: their key signs who belongs to it");
    if (!is_member(change.member))
      return fail(Errc::not_found, "the new owner has to be a member of the hub");
    if (change.member == owner_) return effect(false);
    owner_ = change.member;
    ++revision_;
    return effect(true);
  }
  if (change.operation == Operation::create)
    return fail(Errc::conflict, "this hub is there already");
  const bool destroys = change.operation == Operation::destroy;
  if (destroys && whole_destroyed_) return effect(false);
  if (destroys || change.operation == Operation::erase) {
    HubEffect out;
    for (const auto& [guid, one] : channels_) out.dropped_channels.push_back(guid);
    deleted_ = true;
    whole_destroyed_ = destroys;
    if (destroys) gone_.insert(out.dropped_channels.begin(), out.dropped_channels.end());
    return out;
  }
  struct Look {
    std::string name, topic;
    Permissions everyone;
    std::int64_t revision;
    bool operator==(const Look&) const = default;
  } look{name_, topic_, everyone_, revision_};
  auto out = edit(
      look, change,
      [](const JsonObject& body, Look& next) -> Status {
        if (auto done = read_name(body, next.name); !done) return done;
        if (auto done = read_topic(body, "topic", next.topic); !done) return done;
        return read_permissions(body, "everyone", next.everyone);
      },
      [&](const Look& next) -> Status {
        if (next.everyone.has(Permission::own))
          return fail(Errc::bad_request,
                      "a hub does not belong to everyone: own is given by roles");
        return {};
      });
  name_ = look.name;
  topic_ = look.topic;
  everyone_ = look.everyone;
  revision_ = look.revision;
  return out;
}

/// Only the form: whether the founder's key has signed it, members see for themselves (A29).
Hub::Outcome Hub::change_roster(const HubChange& change) {
  if (!private_)
    return fail(
        Errc::method_not_allowed,
        "only private hubs have a signed membership; the members of this one are GET member");
  const auto read = read_roster_change(change.body);
  if (!read) return std::unexpected(read.error());
  if (read->hub != id_) return fail(Errc::bad_request, "this membership is of another hub");
  const auto epoch = static_cast<std::size_t>(read->epoch);
  JsonObject kept = roster_json(*read);
  const std::string text = write_json(kept);
  if (epoch <= roster_.size() && write_json(roster_[epoch - 1]) == text) return effect(false);
  if (epoch != roster_.size() + 1 && !DIM_FAULT("roster-gap"))
    return fail(Errc::conflict, "the membership has changed meanwhile; GET roster, then sign anew");
  roster_.push_back(std::move(kept));
  return effect(true);
}

Hub::Outcome Hub::change_category(const HubChange& change) {
  if (change.operation == Operation::create) {
    if (auto known = created_before(change)) return *known;
    if (categories_.size() >= limits::kHubCategories) return full();
    HubCategory made;
    if (auto done = read_category(change.body, made); !done) return std::unexpected(done.error());
    categories_.emplace(*change.guid, std::move(made));
    remember_created(change);
    return effect(true);
  }
  if (change.guid && gone_.contains(*change.guid)) return deleted_object();
  const auto found = change.guid ? categories_.find(*change.guid) : categories_.end();
  if (found == categories_.end()) return unknown();
  if (change.operation == Operation::edit) {
    return edit(found->second, change, read_category,
                [](const HubCategory&) -> Status { return {}; });
  }
  HubEffect out;
  std::erase_if(channels_, [&](const auto& entry) {
    if (entry.second.category != change.guid) return false;
    out.dropped_channels.push_back(entry.first);
    return true;
  });
  for (const Guid& guid : out.dropped_channels) {
    created_.erase(guid);
    gone_.insert(guid);
  }
  gone_.insert(*change.guid);
  created_.erase(*change.guid);
  categories_.erase(found);
  return out;
}

Status Hub::check_overrides(const HubChange& change, const HubChannel& channel) const {
  if (channel.category && !categories_.contains(*channel.category))
    return fail(Errc::not_found, "no such category in this hub");
  for (const HubOverride& one : channel.overrides) {
    if (one.role && !roles_.contains(*one.role))
      return fail(Errc::not_found, "an override names a role that the hub does not have");
    if (auto given = may_give(change, one.allow); !given) return given;
  }
  return {};
}

Hub::Outcome Hub::change_channel(const HubChange& change) {
  const auto allowed = [&](const HubChannel& channel) { return check_overrides(change, channel); };
  if (change.operation == Operation::create) {
    if (auto known = created_before(change)) return *known;
    if (channels_.size() >= room_.channels) return full();
    HubChannel made;
    if (auto done = read_channel(change.body, made); !done) return std::unexpected(done.error());
    if (auto done = allowed(made); !done) return std::unexpected(done.error());
    channels_.emplace(*change.guid, std::move(made));
    remember_created(change);
    return effect(true);
  }
  const bool destroys = change.operation == Operation::destroy;
  if (change.guid && gone_.contains(*change.guid)) {
    if (!destroys) return deleted_object();
    // What is deleted can still be destroyed.
    if (!destroyed_.insert(*change.guid).second) return effect(false);
    return HubEffect{.kind = changed, .dropped_channels = {*change.guid}};
  }
  const auto found = change.guid ? channels_.find(*change.guid) : channels_.end();
  if (found == channels_.end()) return unknown();
  if (change.operation == Operation::edit)
    return edit(found->second, change, read_channel, allowed);
  gone_.insert(*change.guid);
  if (destroys) destroyed_.insert(*change.guid);
  created_.erase(*change.guid);
  channels_.erase(found);
  return HubEffect{.kind = changed, .dropped_channels = {*change.guid}};
}

Hub::Outcome Hub::change_role(const HubChange& change) {
  const std::int64_t rank = rank_of(change.actor);
  const auto allowed = [&](const HubRole& role) -> Status {
    if (role.rank >= rank)
      return fail(Errc::forbidden, "roles at or above your own rank are not yours to change");
    return may_give(change, role.permissions);
  };
  if (change.operation == Operation::create) {
    if (auto known = created_before(change)) return *known;
    if (roles_.size() >= limits::kHubRoles) return full();
    HubRole made;
    if (auto done = read_role(change.body, made); !done) return std::unexpected(done.error());
    if (auto done = allowed(made); !done) return std::unexpected(done.error());
    roles_.emplace(*change.guid, std::move(made));
    remember_created(change);
    return effect(true);
  }
  if (change.guid && gone_.contains(*change.guid)) return deleted_object();
  const auto found = change.guid ? roles_.find(*change.guid) : roles_.end();
  if (found == roles_.end()) return unknown();
  if (auto before = allowed(found->second); !before) return std::unexpected(before.error());
  if (change.operation == Operation::edit) return edit(found->second, change, read_role, allowed);
  for (auto& [who, member] : members_) {
    if (std::erase(member.roles, *change.guid) > 0) ++member.revision;
  }
  for (auto& [guid, channel] : channels_) {
    const auto of_role = [&](const HubOverride& one) { return one.role == change.guid; };
    if (std::erase_if(channel.overrides, of_role) > 0) ++channel.revision;
  }
  gone_.insert(*change.guid);
  created_.erase(*change.guid);
  roles_.erase(found);
  return effect(true);
}

}  // namespace dim
