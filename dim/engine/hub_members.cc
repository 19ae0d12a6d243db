// The people of a hub: how they come in, what they are given, how they go.
#include <algorithm>
#include <utility>

#include "dim/base/fault.h"
#include "dim/engine/hub.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;
constexpr std::int64_t kMostUses = 1'000'000;

using enum HubEffect::Kind;

HubEffect effect(bool did) { return {.kind = did ? changed : unchanged}; }

std::unexpected<Error> unknown() {
  return fail(Errc::not_found, "nobody is known by that name for this in the hub");
}
std::unexpected<Error> full() {
  return fail(Errc::insufficient_storage, "the hub has as many of these as a hub may have");
}

/// A time in a body: RFC 3339, after the change.
Status read_until(const JsonObject& body, std::string_view key, Millis now, Millis& out) {
  const Json* value = body.find(key);
  if (value == nullptr) return {};
  const auto time = value->text() == nullptr ? Result<Millis>(fail(Errc::bad_request, "no text"))
                                             : parse_time(*value->text());
  if (!time || *time <= now)
    return fail(Errc::bad_request, "until and expires are times to come, as 2026-12-24T18:00:00Z");
  out = *time;
  return {};
}

}  // namespace

HubEffect Hub::leave(const std::string& who) {
  members_.erase(who);
  requests_.erase(who);
  return effect(true);
}

Hub::Outcome Hub::join(const HubChange& change) {
  const std::string& who = change.actor;
  if (change.member != who)
    return fail(Errc::forbidden, "everybody joins for themselves; give them an invite");
  if (is_member(who)) return effect(false);
  const std::string* text = change.body.text("invite");
  if (text == nullptr) return fail(Errc::not_found, "joining this hub needs an invite");
  const auto guid = Guid::parse(*text);
  if (!guid) return std::unexpected(guid.error());
  // It may be used up or have run out since.
  const auto request = requests_.find(who);
  if (request != requests_.end() && request->second.invite == *guid) return effect(false);
  const auto found = invites_.find(*guid);
  if (found == invites_.end()) {
    if (gone_.contains(*guid)) return fail(Errc::gone, "this invite is used up or taken back");
    return fail(Errc::not_found, "no such hub, or no such invite");
  }
  HubInvite& invite = found->second;
  if (invite.expires != 0 && change.time >= invite.expires)
    return fail(Errc::gone, "this invite has expired; ask for another one");
  const bool waits = invite.approval && !DIM_FAULT("approval-skipped");
  if (waits) {
    if (request != requests_.end()) return effect(false);
    const auto mine = std::ranges::count_if(asked_, [&](const Asked& a) { return a.who == who; });
    if (static_cast<std::size_t>(mine) >= limits::kHubRequestsPerDay)
      return fail(Errc::too_many_requests, "three requests to join a hub a day");
    if (requests_.size() >= limits::kHubPending || asked_.size() >= limits::kHubRequestsOfDay)
      return fail(Errc::too_many_requests, "too many people wait for this hub; try tomorrow");
    requests_.emplace(who, HubRequest{.invite = *guid, .arrived = change.time});
    asked_.push_back({who, change.time});
  } else {
    if (members_.size() >= room_.members) return full();
    members_[who] = {.roles = {}, .joined = change.time};
    requests_.erase(who);
  }
  if (invite.uses > 0 && --invite.uses == 0 && !DIM_FAULT("invite-endless")) {
    created_.erase(*guid);
    gone_.insert(*guid);
    invites_.erase(found);
  }
  return HubEffect{.kind = waits ? waiting : changed};
}

Hub::Outcome Hub::change_member(const HubChange& change) {
  if (change.operation == Operation::create) return join(change);
  const auto found = members_.find(change.member);
  if (found == members_.end()) return unknown();
  const bool self = change.member == change.actor;
  if (change.operation == Operation::erase) {
    if (change.member == owner_)
      return fail(Errc::forbidden,
                  "the owner cannot leave; give the hub to somebody else first, or delete it");
    if (!self && !outranks(change.actor, change.member))
      return fail(Errc::forbidden, "only those below your own rank can be put out");
    return leave(change.member);
  }
  if (!self && !outranks(change.actor, change.member) && change.actor != owner_)
    return fail(Errc::forbidden, "only the roles of those below your own rank are yours to change");
  const Json* list = change.body.find("roles");
  if (list == nullptr || list->array() == nullptr || list->array()->size() > limits::kMemberRoles)
    return fail(Errc::bad_request, "a member has roles: a list of up to 32 GUIDs");
  std::vector<Guid> next;
  for (const Json& one : *list->array()) {
    const auto guid = one.text() == nullptr
                          ? Result<Guid>(fail(Errc::bad_request, "roles are GUIDs"))
                          : Guid::parse(*one.text());
    if (!guid) return std::unexpected(guid.error());
    if (!roles_.contains(*guid)) return fail(Errc::not_found, "no such role in this hub");
    next.push_back(*guid);
  }
  std::ranges::sort(next);
  const auto twice = std::ranges::unique(next);
  next.erase(twice.begin(), twice.end());
  std::vector<Guid> moved;
  std::ranges::set_symmetric_difference(found->second.roles, next, std::back_inserter(moved));
  if (moved.empty()) return effect(false);
  const std::int64_t rank = rank_of(change.actor);
  for (const Guid& guid : moved) {
    const HubRole& role = roles_.at(guid);
    if (role.rank >= rank)
      return fail(Errc::forbidden, "roles at or above your own rank are not yours to give");
    if (auto given = may_give(change, role.permissions); !given)
      return std::unexpected(given.error());
  }
  if (change.revision && *change.revision != found->second.revision)
    return fail(Errc::conflict,
                "somebody was faster: revision is not the current one; read it again");
  found->second.roles = std::move(next);
  ++found->second.revision;
  return effect(true);
}

Hub::Outcome Hub::change_invite(const HubChange& change) {
  if (change.operation == Operation::create) {
    if (auto known = created_before(change)) return *known;
    std::erase_if(invites_, [&](const auto& entry) {
      const bool old = entry.second.expires != 0 && entry.second.expires <= change.time;
      if (old) {
        created_.erase(entry.first);
        gone_.insert(entry.first);
      }
      return old;
    });
    if (invites_.size() >= limits::kHubInvites) return full();
    HubInvite made{.author = change.actor, .uses = -1};
    if (auto done = read_number(change.body, "uses", 1, kMostUses, made.uses); !done)
      return std::unexpected(done.error());
    if (auto done = read_until(change.body, "expires", change.time, made.expires); !done)
      return std::unexpected(done.error());
    if (auto done = read_flag(change.body, "approval", made.approval); !done)
      return std::unexpected(done.error());
    invites_.emplace(*change.guid, std::move(made));
    remember_created(change);
    return effect(true);
  }
  if (change.guid && gone_.contains(*change.guid))
    return fail(Errc::gone, "this invite is used up or taken back");
  const auto found = change.guid ? invites_.find(*change.guid) : invites_.end();
  if (found == invites_.end()) return unknown();
  gone_.insert(*change.guid);
  created_.erase(*change.guid);
  invites_.erase(found);
  return effect(true);
}

Hub::Outcome Hub::change_request(const HubChange& change) {
  const auto found = requests_.find(change.member);
  if (found == requests_.end()) {
    // Somebody with the same right may have been faster.
    if (change.operation == Operation::edit && is_member(change.member)) return effect(false);
    return unknown();
  }
  if (change.operation == Operation::edit) {
    if (members_.size() >= room_.members) return full();
    members_[change.member] = {.roles = {}, .joined = change.time};
  }
  requests_.erase(found);
  return effect(true);
}

Hub::Outcome Hub::change_penalty(const HubChange& change) {
  const bool ban = change.object == HubObject::ban;
  auto& all = ban ? bans_ : mutes_;
  if (change.operation == Operation::erase) {
    const auto found = all.find(change.member);
    if (found == all.end()) return unknown();
    if (!ban && change.member == change.actor)
      return fail(Errc::forbidden, "nobody lifts their own mute");
    all.erase(found);
    return effect(true);
  }
  if (change.member.empty())
    return fail(Errc::bad_request, "a ban or mute needs member: whom it is about");
  if (!ban && !is_member(change.member)) return unknown();
  if (change.member == change.actor || !outranks(change.actor, change.member))
    return fail(Errc::forbidden, "only those below your own rank can be banned or muted");
  HubPenalty made{.by = change.actor, .reason = {}, .time = change.time};
  if (auto done = read_topic(change.body, "reason", made.reason); !done)
    return std::unexpected(done.error());
  if (auto done = read_until(change.body, "until", change.time, made.until); !done)
    return std::unexpected(done.error());
  const auto known = all.find(change.member);
  if (known == all.end() && all.size() >= limits::kHubBans) return full();
  if (known != all.end() && known->second.by == made.by && known->second.reason == made.reason &&
      known->second.until == made.until)
    return effect(false);
  all[change.member] = std::move(made);
  if (!ban) return effect(true);
  HubEffect out = leave(change.member);
  std::erase_if(invites_, [&](const auto& entry) {
    if (entry.second.author != change.member) return false;
    created_.erase(entry.first);
    gone_.insert(entry.first);
    ++out.dropped_invites;
    return true;
  });
  return out;
}

void Hub::forget_old(Millis now) {
  while (!asked_.empty() && now - asked_.front().time > kDay) asked_.pop_front();
  std::erase_if(requests_, [&](const auto& entry) {
    return now - entry.second.arrived > limits::kHubPendingMs;
  });
  const auto over = [&](const auto& entry) {
    return entry.second.until != 0 && entry.second.until <= now;
  };
  std::erase_if(bans_, over);
  std::erase_if(mutes_, over);
}

}  // namespace dim
