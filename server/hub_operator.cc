// What the operator does with hubs, and what of it binds the people in them: frozen hubs, quotas.
#include <algorithm>
#include <utility>

#include "server/admin.h"
#include "server/hubs.h"
#include "server/live.h"

namespace dim {
namespace {

constexpr Literal kNotStored = "a change before this one could not be stored; try again";
constexpr std::string_view kFrozen =
    "the operator of the station has frozen this hub: it can be read, but nothing new be written";

}  // namespace

std::string act_name(Operation operation, HubObject object) {
  return std::string(to_string(operation)) + " " + std::string(to_string(object));
}

bool Hubs::there() {
  if (loaded_) return true;
  const Status done = load();
  loaded_ = done.has_value();
  if (!loaded_) {
    forget();
    core_.event(StationEvent::Level::error, "store-read", {}, done.error().hint);
  }
  if (loaded_) go_on();
  return loaded_;
}

void Hubs::operate(Hub& hub, HubChange change, AuditEntry act,
                   std::function<void(const Result<HubEffect>&)> done) {
  change.actor = core_.station_id_;
  auto taken = take(hub, change);
  if (!taken) return done(std::unexpected(taken.error()));
  core_.live_->look_at(hub);
  std::vector<Write> writes = std::move(taken->writes);
  if (writes.empty()) return done(taken->effect);
  // In the log stands which operator it was.
  std::erase_if(writes, [](const Write& one) { return std::holds_alternative<PutAudit>(one); });
  act.hub = hub.id();
  act.time = change.time;
  if (change.guid) act.object = change.guid->text();
  writes.insert(writes.begin() + 1, PutAudit{std::move(act), true});
  ++open_;
  core_.submit(std::move(writes), [this, taken = std::move(*taken), done = std::move(done)](
                                      const Result<std::vector<Written>>& written) {
    --open_;
    const bool stored = all_stored(written);
    if (!written) return done(std::unexpected(written.error()));
    if (!stored) return done(fail(Errc::unavailable, kNotStored));
    if (!taken.told.users.empty()) tell(taken.told.users, taken.told.packet);
    done(taken.effect);
  });
}

void Hubs::leave_all(const std::string& user, std::vector<Write> last, Completion done) {
  std::vector<Write> writes, ground;
  std::vector<Told> told;
  for (auto& [id, hub] : hubs_) {
    HubChange change{
        .operation = Operation::erase, .object = HubObject::member, .actor = user, .member = user};
    if (hub.deleted()) continue;
    if (!hub.is_member(user)) {
      if (!hub.requests().contains(user)) continue;
      change.object = HubObject::request;
    }
    auto taken = take(hub, change);
    if (!taken) continue;  // banned there: no member any more
    core_.live_->look_at(hub);
    std::ranges::move(taken->writes, std::back_inserter(writes));
    ground.emplace_back(RequireHub{hub.id(), hub.number()});
    told.push_back(std::move(taken->told));
  }
  std::ranges::move(ground, std::back_inserter(writes));
  std::ranges::move(last, std::back_inserter(writes));
  ++open_;
  core_.submit(std::move(writes), [this, told = std::move(told), done = std::move(done)](
                                      const Result<std::vector<Written>>& written) {
    --open_;
    const bool stored = all_stored(written);
    if (!written) return done(written);
    if (!stored) return done(fail(Errc::unavailable, kNotStored));
    for (const Told& one : told) tell(one.users, one.packet);
    done(written);
  });
}

/// What was not did not happen.
bool Hubs::all_stored(const Result<std::vector<Written>>& written) {
  const bool stored = written && std::ranges::none_of(*written, [](const Written& one) {
                        return one.accepted == Accepted::conflict;
                      });
  if (!stored) forget();
  return stored;
}

// --- what it may have

HubQuotas Hubs::quotas_of(std::string_view hub_or_user) {
  return core_.admin_->rules().quotas(core_.config_.hub_quotas, hub_or_user);
}

void Hubs::set_room(Hub& hub) {
  const HubQuotas quotas = quotas_of(hub.id());
  hub.set_room({.members = static_cast<std::size_t>(quotas.members),
                .channels = static_cast<std::size_t>(quotas.channels)});
}

void Hubs::set_rooms() {
  for (auto& [id, hub] : hubs_) set_room(hub);
}

std::size_t Hubs::owned_by(std::string_view user) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      hubs_, [&](const auto& one) { return !one.second.deleted() && one.second.owner() == user; }));
}

Result<ChannelUse> Hubs::use_of(const Hub& hub) {
  ChannelUse out;
  if (const auto coming = coming_.find(hub.id()); coming != coming_.end()) out = coming->second;
  for (const auto& [guid, channel] : hub.channels()) {
    auto known = uses_.find(guid);
    if (known == uses_.end()) {
      const auto read = core_.reads_.channel_use(guid);
      if (!read) return std::unexpected(read.error());
      known = uses_.emplace(guid, *read).first;
    }
    out.messages += known->second.messages;
    out.bytes += known->second.bytes;
  }
  return out;
}

Status Hubs::check_change(const Hub& hub, const HubChange& change) {
  const bool adds = change.operation == Operation::create || change.operation == Operation::edit;
  if (adds && core_.admin_->rules().frozen(hub.id()) != nullptr) {
    // Whoever has no place there, and no invite, does not learn that there is such a hub.
    const std::string* invite = change.body.text("invite");
    const auto guid =
        invite == nullptr ? Result<Guid>(fail(Errc::not_found, "")) : Guid::parse(*invite);
    const bool knows = hub.is_member(change.actor) || (change.object == HubObject::member && guid &&
                                                       hub.invites().contains(*guid));
    if (knows && !hub.deleted()) return std::unexpected(Error{Errc::forbidden, kFrozen});
  }
  const bool gives = change.object == HubObject::owner && change.actor == hub.owner() &&
                     hub.is_member(change.member) && change.member != hub.owner();
  if (gives && owned_by(change.member) >= static_cast<std::size_t>(quotas_of(change.member).hubs))
    return fail(Errc::insufficient_storage,
                "the new owner has as many hubs as this station allows");
  return {};
}

Status Hubs::check_post(const Hub& hub, std::size_t bytes, bool fresh) {
  if (core_.admin_->rules().frozen(hub.id()) != nullptr)
    return std::unexpected(Error{Errc::forbidden, kFrozen});
  const HubQuotas quotas = quotas_of(hub.id());
  if (bytes == 0 || (quotas.messages == 0 && quotas.bytes == 0)) return {};
  const auto use = use_of(hub);
  if (!use) return std::unexpected(use.error());
  if (fresh && quotas.messages != 0 && use->messages >= quotas.messages)
    return fail(Errc::insufficient_storage,
                "this hub has as many messages as the station allows; delete some");
  if (quotas.bytes != 0 && use->bytes + static_cast<std::int64_t>(bytes) > quotas.bytes)
    return fail(Errc::insufficient_storage,
                "this hub has as many bytes of text as the station allows; delete messages");
  return {};
}

}  // namespace dim
