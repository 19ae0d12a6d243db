// Changes of hubs: applied to the hub in memory when they come, answered and told when they are on
// the disk.
#include "server/hubs.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "dim/base/fault.h"
#include "dim/engine/hub_body.h"
#include "dim/engine/hub_roster.h"
#include "server/live.h"

namespace dim {
namespace {

constexpr std::size_t kLoadRows = 1'000;

/// Objects with a GUID of their own.
bool has_guid(HubObject object) {
  return object == HubObject::category || object == HubObject::channel ||
         object == HubObject::role || object == HubObject::invite;
}

/// Stored, a body stands one level deeper, beside the other members of its change; and what a list
/// shows of it stands two levels deeper. So it can always be read again.
constexpr JsonLimits kBody{.depth = limits::kJsonDepth - 2, .nodes = limits::kJsonNodes - 16};

Result<JsonObject> read_body(std::string_view content) {
  if (content.size() > limits::kControlContent)
    return fail(Errc::too_large, "what describes an object of a hub has at most 64 KiB");
  return parse_json_object(content, kBody);
}

/// What everybody does for themselves, joining and leaving, is no act of a moderator.
std::optional<PutAudit> act_of(const std::string& hub, const HubChange& change) {
  const bool own = change.actor == change.member &&
                   (change.object == HubObject::member || change.object == HubObject::request);
  if (own) return std::nullopt;
  AuditEntry out{.time = change.time,
                 .hub = hub,
                 .who = change.actor,
                 .act = act_name(change.operation, change.object),
                 .whom = change.member};
  if (change.guid) out.object = change.guid->text();
  if (const std::string* reason = change.body.text("reason")) out.reason = *reason;
  return PutAudit{std::move(out), true};
}

JsonArray guids_of(const std::set<Guid>& guids) {
  JsonArray out;
  for (const Guid& guid : guids) out.emplace_back(guid.text());
  return out;
}

Digest32 digest_of(HubChange change) {
  change.time = 0;
  return sha256(as_bytes(change.text()));
}

}  // namespace

// --- what is there

bool Hubs::ready(StationRequest& request) {
  if (loaded_) return true;
  if (const Status done = load(); !done) {
    forget();
    core_.read_failed(request.link, request.id, done.error());
    return false;
  }
  loaded_ = true;
  go_on();
  return true;
}

Status Hubs::load() {
  std::int64_t row = 0;
  for (;;) {
    const auto page = core_.reads_.hub_changes(row, kLoadRows);
    if (!page) return std::unexpected(page.error());
    if (page->empty()) {
      set_rooms();
      return {};
    }
    for (const StoredHubChange& stored : *page) {
      row = stored.row;
      if (const Status done = replay(stored); !done) {
        // One hub that cannot be read ends no other.
        core_.event(StationEvent::Level::error, "hub-unreadable", stored.hub, done.error().hint);
        hubs_.erase(stored.hub);
        foundings_.erase(stored.hub);
        broken_.insert(stored.hub);
      }
    }
  }
}

Status Hubs::replay(const StoredHubChange& stored) {
  const auto known = hubs_.find(stored.hub);
  if (is_shredded(stored.change)) {
    if (known != hubs_.end()) known->second.skip();
    return {};
  }
  const bool broken = broken_.contains(stored.hub);
  const auto change = HubChange::parse(stored.change);
  if (!change) return broken ? Status() : std::unexpected(change.error());
  if (change->object == HubObject::hub && change->operation == Operation::destroy) {
    // Of what was before it something is left only when the station was stopped on the way.
    auto hub = Hub::tombstone(stored.hub, *change, stored.number);
    if (!hub) return std::unexpected(hub.error());
    for (const Guid& guid : hub->gone()) places_.emplace(guid, stored.hub);
    if (known != hubs_.end() || broken)
      unfinished_.push_back({.ground = {stored.hub, stored.number},
                             .what = {.channels = {hub->gone().begin(), hub->gone().end()},
                                      .hub = stored.hub,
                                      .number = stored.number}});
    hubs_.insert_or_assign(stored.hub, std::move(*hub));
    broken_.erase(stored.hub);
    return {};
  }
  // Also of a broken one: its GUIDs stay its own.
  if (change->guid) places_.emplace(*change->guid, stored.hub);
  if (broken) return {};
  if (known == hubs_.end()) {
    auto hub = Hub::found(stored.hub, *change);
    if (!hub) return std::unexpected(hub.error());
    hubs_.emplace(stored.hub, std::move(*hub));
    foundings_.emplace(stored.hub, digest_of(*change));
    return {};
  }
  if (const auto done = known->second.apply(*change); !done) return std::unexpected(done.error());
  return {};
}

void Hubs::forget() {
  loaded_ = false;
  unfinished_.clear();
  hubs_.clear();
  broken_.clear();
  foundings_.clear();
  places_.clear();
  readers_.clear();
  uses_.clear();
}

Hub* Hubs::find(const std::string& id) {
  const auto found = hubs_.find(id);
  return found == hubs_.end() ? nullptr : &found->second;
}

Hub* Hubs::hub_with(const Guid& object) {
  const auto found = places_.find(object);
  return found == places_.end() ? nullptr : find(found->second);
}

Error Hubs::missing(const std::string& hub) const {
  if (broken_.contains(hub))
    return {Errc::internal,
            "what the station has stored of this hub cannot be read; tell the operator"};
  return {Errc::not_found, "no such hub, or you are not a member of it"};
}

Error Hubs::missing(const Guid& object, Literal otherwise) const {
  const auto place = places_.find(object);
  if (place != places_.end() && broken_.contains(place->second)) return missing(place->second);
  return {Errc::not_found, otherwise.view};
}

// --- what is asked for

Result<Hubs::Asked> Hubs::asked(StationRequest& request, HubObject object) {
  const Packet& packet = request.packet;
  Asked out;
  out.change.operation = *packet.operation;
  out.change.object = object;
  out.change.actor = request.session.user;
  const std::string_view target = packet.get("target");
  if (has_guid(object) && packet.operation != Operation::create) {
    auto guid = Guid::parse(target);
    if (!guid) return std::unexpected(guid.error());
    const auto place = places_.find(*guid);
    if (place == places_.end()) return fail(Errc::not_found, "nothing in a hub has this guid here");
    out.hub = place->second;
    out.change.guid = *guid;
  } else {
    auto id = Id::parse(target);
    if (!id) return std::unexpected(id.error());
    if (!id->is_group() || id->is_broadcast())
      return fail(Errc::bad_request, "target is the ID of a hub: a group ID");
    out.hub = id->bare().text();
  }
  if (auto done = asked_about(request, out); !done) return std::unexpected(done.error());
  return out;
}

Status Hubs::asked_about(StationRequest& request, Asked& out) {
  const Packet& packet = request.packet;
  HubChange& change = out.change;
  if (has_guid(change.object) && change.operation == Operation::create) {
    auto guid = Guid::parse(packet.get("guid"));
    if (!guid)
      return fail(Errc::bad_request, "CREATE needs guid: 32 hex digits that the client chose");
    // Of another hub: whoever is in neither does not learn that it is taken there.
    if (const auto place = places_.find(*guid); place != places_.end() && place->second != out.hub)
      return fail(Errc::conflict, "this guid belongs to something else; choose another one");
    change.guid = *guid;
  }
  const bool about_somebody = !has_guid(change.object) && change.object != HubObject::hub &&
                              change.object != HubObject::roster;
  if (packet.has("member")) {
    auto member = read_user(packet.get("member"));
    if (!member) return std::unexpected(member.error());
    if (about_somebody) change.member = std::move(*member);
  } else if (change.object == HubObject::member || change.object == HubObject::request) {
    change.member = change.actor;
  } else if (about_somebody) {
    return fail(Errc::bad_request, "this needs member: the ID of whom it is about");
  }
  if (packet.has("revision")) {
    const auto revision = parse_count(packet.get("revision"));
    if (!revision || *revision == 0)
      return fail(Errc::bad_request, "revision is a whole number from 1");
    change.revision = *revision;
  }
  if (!packet.content) return {};
  auto body = read_body(*packet.content);
  if (!body) return std::unexpected(body.error());
  change.body = std::move(*body);
  if (change.object != HubObject::roster) return {};
  if (packet.content->size() > limits::kRosterChangeBytes)
    return fail(Errc::too_large, "a change of a hub's membership has at most 32 KiB");
  // Nothing is stored or told but what is signed. What is none the hub refuses.
  if (const auto read = read_roster_change(change.body)) change.body = roster_json(*read);
  return {};
}

// --- changes

void Hubs::change(StationRequest& request, HubObject object) {
  if (!ready(request)) return;
  if (object == HubObject::hub && request.packet.operation == Operation::create)
    return found(request);
  auto asked_for = asked(request, object);
  if (!asked_for) return core_.refuse(request, asked_for.error());
  HubChange& change = asked_for->change;
  Hub* hub = find(asked_for->hub);
  if (hub == nullptr) return core_.refuse(request, missing(asked_for->hub));
  if (const Status kept = check_change(*hub, change); !kept)
    return core_.refuse(request, kept.error());
  const bool was_member = hub->is_member(change.member);
  auto taken = take(*hub, change);
  if (!taken) return core_.refuse(request, taken.error());
  const HubEffect* effect = &taken->effect;

  const bool created = change.operation == Operation::create;
  // Who has joined is a member now, or waits: so a repetition is answered as the first time.
  const bool waits = object == HubObject::member && created && !hub->is_member(change.member);
  const int code = waits ? 202 : created ? 201 : change.operation == Operation::edit ? 200 : 204;
  Packet answer = Packet::response(code, request.id);
  if (change.guid) answer.set("guid", change.guid->text());
  if (!change.member.empty()) answer.set("member", change.member);
  if (taken->shreds && effect->kind == HubEffect::Kind::unchanged) {
    core_.open_request(request.link, request.id);
    return shred(request.link.id, request.id, answer, *taken->shreds);
  }
  if (effect->kind == HubEffect::Kind::unchanged) {
    // The first one may still be on its way to the disk: this answer waits behind it.
    std::vector<Write> writes;
    if (open_ > 0) {
      writes.emplace_back(RequireHub{hub->id(), hub->number()});
      writes.emplace_back(PutMark{Guid::make(core_.clock_.now(), core_.random_), hub->id(), 0});
      return commit(request, std::move(writes), std::move(answer), {});
    }
    return core_.send(request.link, answer);
  }
  if (object == HubObject::ban && created) {
    const bool ends = was_member && !DIM_FAULT("ban-keeps-streams");
    const std::size_t streams = ends ? end_streams(change.member, *hub, change) : 0;
    answer.set("streams", std::to_string(streams));
    answer.set("invites", std::to_string(effect->dropped_invites));
    answer.set("took", std::to_string(core_.clock_.monotonic() - request.link.last_byte));
  } else if (object == HubObject::member && change.operation == Operation::erase &&
             change.member != change.actor && !DIM_FAULT("kick-keeps-streams")) {
    end_streams(change.member, *hub, change);
  }
  core_.live_->look_at(*hub);
  commit(request, std::move(taken->writes), std::move(answer), std::move(taken->told),
         std::move(taken->shreds));
}

Result<Hubs::Taken> Hubs::take(Hub& hub, HubChange& change) {
  change.time = std::max(core_.clock_.now(), hub.latest());
  const bool was_member = hub.is_member(change.member);
  // Of what is deleted they hear who saw it before.
  const bool destroys_it = change.operation == Operation::destroy;
  const bool vanishes = destroys_it || change.operation == Operation::erase;
  std::vector<std::string> users, signers;
  if (vanishes) users = audience(hub, change);
  if (destroys_it && change.guid && hub.channel(*change.guid) != nullptr)
    signers = readers(hub, *change.guid);
  if (destroys_it) change.body = {};  // no new words about what goes
  Status right = check_new(change, hub.id(), hub.is_private());
  if (right) right = check_roster_room(change, hub);
  if (!right) {
    // Whoever may not change it hears that, and no more.
    const Status allowed =
        may(hub, change.actor, change.operation, {.object = change.object}, change.time);
    return std::unexpected(allowed ? right.error() : allowed.error());
  }
  auto effect = hub.apply(change);
  if (!effect) return std::unexpected(effect.error());
  Taken out{.effect = std::move(*effect)};
  if (change.guid) places_.emplace(*change.guid, hub.id());
  if (destroys_it && change.object == HubObject::hub) change.body.set("gone", guids_of(hub.gone()));
  if (out.effect.kind == HubEffect::Kind::unchanged) {
    std::vector<Write> none;
    if (destroys_it) out.shreds = destroys(hub, change, {}, none);
    return out;
  }
  if (!vanishes) {
    HubChange seen = change;  // as those see it who hear of it
    if (out.effect.kind == HubEffect::Kind::waiting) seen.object = HubObject::request;
    if (change.object == HubObject::request) seen.object = HubObject::member;
    users = audience(hub, seen);
  }
  out.writes.emplace_back(PutHubChange{hub.id(), hub.number(), change.text()});
  if (auto act = act_of(hub.id(), change)) out.writes.emplace_back(std::move(*act));
  // Nothing of what follows from it happens when it could not be stored.
  const RequireHub changed{hub.id(), hub.number()};
  for (const Guid& channel : out.effect.dropped_channels) {
    out.writes.emplace_back(changed);
    out.writes.emplace_back(DropChannel{channel, destroys_it, change.time});
    uses_.erase(channel);
  }
  if (destroys_it) out.shreds = destroys(hub, change, std::move(signers), out.writes);
  if (!was_member && hub.is_member(change.member)) {
    // What was written before somebody came counts as read, also what is on its way to the disk.
    for (const auto& [guid, channel] : hub.channels()) {
      out.writes.emplace_back(changed);
      out.writes.emplace_back(PutMark{guid, change.member, std::numeric_limits<Cursor>::max()});
    }
  }
  out.told = told(hub, change, std::move(users));
  return out;
}

void Hubs::commit(StationRequest& request, std::vector<Write> writes, Packet answer, Told push,
                  std::optional<Shredding> shreds) {
  core_.open_request(request.link, request.id);
  ++open_;
  core_.submit(
      std::move(writes), [this, id = request.link.id, reply = request.id,
                          answer = std::move(answer), push = std::move(push),
                          shreds = std::move(shreds)](const Result<std::vector<Written>>& written) {
        --open_;
        const bool conflict = written && written->front().accepted == Accepted::conflict;
        if (!written || conflict) forget();
        if (written && !conflict && !push.users.empty() && !DIM_FAULT("change-untold"))
          tell(push.users, push.packet);
        if (written && !conflict && shreds) return shred(id, reply, answer, *shreds);
        LinkState* link = core_.finish_request(id, reply);
        if (link == nullptr) return;
        if (!written) return core_.refuse(*link, reply, written.error());
        if (conflict) {
          return core_.refuse(
              *link, reply,
              {Errc::unavailable, "a change before this one could not be stored; try again"});
        }
        core_.send(*link, answer);
      });
}

/// A44: what rests on a change that is still on its way to the disk is done only when that got
/// there.
void Hubs::submit(const Hub& hub, std::vector<Write> writes, Completion done) {
  if (open_ == 0) return core_.submit(std::move(writes), std::move(done));
  writes.insert(writes.begin(), RequireHub{hub.id(), hub.number()});
  core_.submit(std::move(writes),
               [done = std::move(done)](const Result<std::vector<Written>>& written) {
                 if (!written) return done(written);
                 if (written->front().accepted == Accepted::conflict) {
                   return done(fail(Errc::unavailable,
                                    "a change of the hub before this could not be stored; try "
                                    "again"));
                 }
                 done(std::vector<Written>(written->begin() + 1, written->end()));
               });
}

// --- founding

Result<HubChange> Hubs::founding(StationRequest& request, const std::string& id,
                                 std::string& meta) {
  HubChange out{.object = HubObject::hub, .actor = request.session.user};
  if (!request.packet.content)
    return fail(Errc::bad_request, "a hub needs content: {\"name\":…,\"meta\":{…}}");
  auto body = read_body(*request.packet.content);
  if (!body) return std::unexpected(body.error());
  const Json* shown = body->find("meta");
  if (shown == nullptr || shown->object() == nullptr)
    return fail(Errc::bad_request, "a hub needs meta: that of its group ID");
  auto made = Meta::parse(*shown->object());
  if (!made) return std::unexpected(made.error());
  const auto hub_id = Id::parse(id);
  if (!hub_id || !made->matches(*hub_id))
    return fail(Errc::meta, "the meta does not make this group ID");
  const auto identity = core_.reads_.identity(out.actor);
  if (!identity) return std::unexpected(identity.error());
  if (!*identity) return fail(Errc::not_found, "the station has no meta of this user");
  const auto stored = parse_json_object((*identity)->meta);
  if (!stored) return std::unexpected(stored.error());
  const auto own = Meta::parse(*stored);
  if (!own) return std::unexpected(own.error());
  // A31: a hub belongs to the key that has made its ID.
  if (own->key().data() != made->key().data())
    return fail(Errc::meta, "the hub was not made with the key of its founder");
  meta = write_json(*shown);
  body->erase("meta");
  out.body = std::move(*body);
  if (auto done = check_new(out, id, is_private_hub(id)); !done)
    return std::unexpected(done.error());
  if (is_private_hub(id)) {
    JsonObject first = roster_json(*first_membership(out, id));
    if (write_json(first).size() > limits::kRosterChangeBytes)
      return fail(Errc::too_large, "a change of a hub's membership has at most 32 KiB");
    out.body.set("roster", std::move(first));
  }
  return out;
}

void Hubs::found(StationRequest& request) {
  auto target = Id::parse(request.packet.get("target"));
  if (!target) return core_.refuse(request, target.error());
  if (!target->is_group() || target->is_broadcast())
    return core_.refuse(request, {Errc::bad_request, "target is the ID of a hub: a group ID"});
  const std::string id = target->bare().text();
  std::string meta;
  auto change = founding(request, id, meta);
  if (!change) return core_.refuse(request, change.error());
  const Digest32 digest = digest_of(*change);
  change->time = core_.clock_.now();
  Packet answer = Packet::response(201, request.id);
  answer.set("target", id);
  if (broken_.contains(id)) return core_.refuse(request, missing(id));
  if (const Hub* known = find(id)) {
    if (known->deleted()) return core_.refuse(request, {Errc::gone, "this hub is deleted"});
    if (foundings_.at(id) != digest)
      return core_.refuse(request, {Errc::conflict, "this hub is there already"});
    std::vector<Write> writes;
    writes.emplace_back(PutMark{Guid::make(core_.clock_.now(), core_.random_), id, 0});
    return commit(request, std::move(writes), std::move(answer), {});
  }
  auto hub = Hub::found(id, *change);
  if (!hub) return core_.refuse(request, hub.error());
  if (owned_by(change->actor) >= static_cast<std::size_t>(quotas_of(change->actor).hubs))
    return core_.refuse(request, {Errc::insufficient_storage,
                                  "you own as many hubs as this station allows; delete one, or "
                                  "give one to somebody else"});
  set_room(*hub);
  hubs_.emplace(id, std::move(*hub));
  foundings_.emplace(id, digest);
  std::vector<Write> writes;
  writes.emplace_back(PutHubChange{id, 1, change->text()});
  if (auto act = act_of(id, *change)) writes.emplace_back(std::move(*act));
  writes.emplace_back(PutIdentity{id, meta, true});
  commit(request, std::move(writes), std::move(answer), {});
}

// --- who hears of it

std::vector<std::string> Hubs::audience(const Hub& hub, const HubChange& change) {
  HubTarget target{.object = change.object, .channel = nullptr, .subject = change.member};
  if (change.object == HubObject::owner) target.object = HubObject::hub;
  if (change.object == HubObject::channel && change.guid) {
    target.channel = hub.channel(*change.guid);
    if (target.channel == nullptr && change.operation != Operation::destroy) return {};
    if (target.channel == nullptr) target.object = HubObject::hub;
  }
  if (change.object == HubObject::invite && change.guid) {
    const auto invite = hub.invites().find(*change.guid);
    if (invite != hub.invites().end()) target.subject = invite->second.author;
  }
  std::vector<std::string> out;
  for (const auto& [user, member] : hub.members()) {
    if (core_.sessions_.of(user).empty()) continue;
    const bool buried = hub.deleted() && change.operation == Operation::destroy;
    if (buried || may(hub, user, Operation::get, target, change.time)) out.push_back(user);
  }
  return out;
}

Hubs::Told Hubs::told(const Hub& hub, const HubChange& change,
                      std::vector<std::string> users) const {
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", std::string(to_string(change.object)));
  packet.set("change", std::string(to_string(change.operation)));
  packet.set("author", change.actor).set("target", hub.id());
  if (change.guid) packet.set("guid", change.guid->text());
  if (!change.member.empty()) packet.set("member", change.member);
  packet.set("number", std::to_string(hub.number())).set("time", format_time(change.time));
  if (change.operation != Operation::erase && change.operation != Operation::destroy) {
    std::optional<JsonObject> content;
    const std::string& who = change.member;
    switch (change.object) {
      case HubObject::hub:
      case HubObject::owner:
        content = hub.hub_json();
        break;
      case HubObject::category:
        content = hub.category_json(*change.guid);
        break;
      case HubObject::channel:
        content = hub.channel_json(*change.guid);
        break;
      case HubObject::role:
        content = hub.role_json(*change.guid);
        break;
      case HubObject::invite:
        content = hub.invite_json(*change.guid);
        break;
      case HubObject::member:
        if (hub.is_member(who)) {
          content = hub.member_json(who, change.time);
        } else {
          packet.set("type", "request");  // joining with an invite that asks for approval
          content = hub.request_json(who);
        }
        break;
      case HubObject::request:
        packet.set("type", "member").set("change", "CREATE");
        content = hub.member_json(who, change.time);
        break;
      case HubObject::mute:
        content = Hub::penalty_json(who, hub.mutes().find(who)->second);
        break;
      case HubObject::ban:
        content = Hub::penalty_json(who, hub.bans().find(who)->second);
        break;
      case HubObject::roster:
        content = hub.roster().back();
        break;
      case HubObject::message:
      case HubObject::reaction:
      case HubObject::pin:
      case HubObject::mark:
      case HubObject::erasure:
      case HubObject::audit:
        break;
    }
    if (content) packet.content = write_json(*content);
  }
  return {std::move(users), std::move(packet)};
}

void Hubs::tell(const std::vector<std::string>& users, const Packet& packet) {
  for (const std::string& user : users) {
    for (UserSession* session : core_.sessions_.of(user)) {
      LinkState* lane = session->lanes[static_cast<std::size_t>(Lane::text)];
      // Whoever is slow reads the hub again.
      if (lane == nullptr || !lane->pushing || lane->queued() >= core_.config_.send_queue_bytes)
        continue;
      ++core_.counters_.notices;
      core_.send(*lane, packet);
    }
  }
}

std::size_t Hubs::end_streams(const std::string& user, const Hub& hub, const HubChange& change) {
  Packet notice = Packet::request(Operation::notify);
  notice.set("type", std::string(to_string(change.object)))
      .set("change", std::string(to_string(change.operation)))
      .set("author", change.actor)
      .set("target", hub.id())
      .set("member", user)
      .set("time", format_time(change.time));
  std::size_t ended = core_.live_->end_for(user, hub.id());
  // Where all lanes are in one connection, the end of one is the end of its session: nothing of
  // the table may be held across it.
  std::vector<LinkId> lanes;
  for (UserSession* session : core_.sessions_.of(user)) {
    if (LinkState* control = session->lanes[static_cast<std::size_t>(Lane::control)])
      core_.send(*control, notice);
    for (std::size_t lane = 1; lane < session->lanes.size(); ++lane) {
      // A stream that is somewhere else goes on.
      if (const LinkState* link = session->lanes[lane]; link != nullptr && !link->live)
        lanes.push_back(link->id);
    }
  }
  for (const LinkId id : lanes) {
    LinkState* link = core_.find(id);
    if (link == nullptr || link->closing) continue;  // with its carrier
    ++ended;
    core_.refuse_and_close(
        *link, {},
        {Errc::forbidden, "a hub has put you out; open this lane again for everything else"});
  }
  return ended;
}

}  // namespace dim
