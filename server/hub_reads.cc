// GET of hubs and of what is in them.
#include <algorithm>
#include <functional>
#include <utility>

#include "dim/base/fault.h"
#include "dim/engine/hub_body.h"
#include "server/hubs.h"
#include "server/page_limit.h"

namespace dim {
namespace {

constexpr std::size_t kBesides = 2 * limits::kKiB;  // of a packet, beside its list
constexpr std::size_t kListValues = 8'000;          // a client reads limits::kJsonNodes

/// Values in it, itself among them: what limits::kJsonNodes counts.
std::size_t values_in(const JsonObject& object);
std::size_t values_in(const Json& value) {
  if (const JsonObject* object = value.object()) return values_in(*object);
  std::size_t out = 1;
  if (const JsonArray* array = value.array()) {
    for (const Json& one : *array) out += values_in(one);
  }
  return out;
}
std::size_t values_in(const JsonObject& object) {
  std::size_t out = 1;
  for (const auto& [key, value] : object) out += values_in(value);
  return out;
}

/// A list that grows until it is full.
class Listing {
 public:
  Listing(std::string after, std::size_t limit, std::size_t bytes)
      : after_(std::move(after)), limit_(limit), bytes_(bytes) {}

  const std::string& after() const { return after_; }
  /// False: there is no more room, and the list does not have this.
  bool add(const std::string& key, const JsonObject& object) {
    const std::string text = write_json(object);
    const std::size_t values = values_in(object);
    const bool fits = list_.size() + text.size() <= bytes_ && values_ + values <= kListValues;
    if (count_ == limit_ || (count_ > 0 && !fits)) {
      more_ = true;
      return false;
    }
    values_ += values;
    list_ += (count_++ == 0 ? "" : ",") + text;
    last_ = key;
    return true;
  }
  Packet answer(const std::string& reply) const {
    Packet out = Packet::response(more_ ? 206 : 200, reply);
    out.set("count", std::to_string(count_));
    if (more_) out.set("next", last_);
    out.content = "{\"list\":[" + list_ + "]}";
    return out;
  }

 private:
  std::string after_;
  std::size_t limit_, bytes_, count_ = 0, values_ = 0;
  std::string list_, last_;
  bool more_ = false;
};

/// With when this member came in.
JsonObject hub_of(const Hub& hub, const std::string& user) {
  JsonObject out = hub.hub_json();
  if (const auto member = hub.members().find(user); member != hub.members().end())
    out.set("joined", format_time(member->second.joined));
  return out;
}

std::string text_of(const Guid& guid) { return guid.text(); }
const std::string& text_of(const std::string& id) { return id; }

/// Everything behind `after` in a map by keys, while there is room.
template <class Map, class See, class Show>
void list(Listing& out, const Map& all, See see, Show show) {
  for (const auto& [key, value] : all) {
    if (text_of(key) <= out.after() || !see(key, value)) continue;
    if (!out.add(text_of(key), show(key, value))) return;
  }
}

}  // namespace

void Hubs::get(StationRequest& request, HubObject object) {
  if (!ready(request)) return;
  const Packet& packet = request.packet;
  const std::string& user = request.session.user;
  const Millis now = core_.clock_.now();
  const auto limit = page_limit(packet);
  if (!limit) return core_.refuse(request, limit.error());
  Listing out(std::string(packet.get("after")), *limit,
              content_limit(request.link.info.lane) - kBesides);
  if (object == HubObject::hub && !packet.has("target")) {
    std::map<std::string, const Hub*> mine;
    for (const auto& [id, hub] : hubs_) {
      if (hub.is_member(user) && !hub.deleted()) mine.emplace(id, &hub);
    }
    list(
        out, mine, [](const auto&, const auto&) { return true; },
        [&](const std::string&, const Hub* hub) { return hub_of(*hub, user); });
    return core_.send(request.link, out.answer(request.id));
  }
  const std::string_view target = packet.get("target");
  const auto guid = Guid::parse(target);
  const auto id = Id::parse(target);
  if (!guid && !id) return core_.refuse(request, id.error());
  const Hub* hub = guid ? hub_with(*guid) : find(id->bare().text());
  if (hub == nullptr) {
    return core_.refuse(request, guid ? missing(*guid, "no such hub, or you are not a member of it")
                                      : missing(id->bare().text()));
  }
  std::string who;
  if (packet.has("member")) {
    auto member = read_user(packet.get("member"));
    if (!member) return core_.refuse(request, member.error());
    who = std::move(*member);
  }
  HubTarget about{.object = object, .channel = nullptr, .subject = who};
  // What was destroyed is named so, for those who have a copy.
  const auto gone = [&](const StationRequest& asks, const Error& error, bool destroyed) {
    Packet answer = Packet::response(error, asks.id);
    if (destroyed) answer.set("state", "destroyed");
    core_.send(asks.link, answer);
  };
  // A list of what only some may see holds what this one may see.
  const auto sees = [&](HubTarget one) {
    return may(*hub, user, Operation::get, one, now).has_value();
  };
  if (guid) {
    if (hub->gone(*guid)) {
      // Whoever is no member does not learn that it was there.
      const Status member = may(*hub, user, Operation::get, {.object = HubObject::hub}, now);
      return gone(request, member ? Error{Errc::gone, "this object is deleted"} : member.error(),
                  hub->destroyed() || (member && hub->destroyed(*guid)));
    }
    about.channel = hub->channel(*guid);
    if (const auto invite = hub->invites().find(*guid); invite != hub->invites().end())
      about.subject = invite->second.author;
  }
  const bool filtered = !guid && (object == HubObject::channel || object == HubObject::invite);
  HubTarget first = filtered ? HubTarget{.object = HubObject::hub} : about;
  if (const Status allowed = may(*hub, user, Operation::get, first, now); !allowed)
    return gone(request, allowed.error(), hub->destroyed());
  const auto one = [&](const auto& key, const auto&) {
    return (!guid || text_of(key) == guid->text()) && (who.empty() || text_of(key) == who);
  };
  switch (object) {
    case HubObject::hub:
      out.add(hub->id(), hub_of(*hub, user));
      break;
    case HubObject::category:
      list(out, hub->categories(), one,
           [&](const Guid& key, const auto&) { return hub->category_json(key); });
      break;
    case HubObject::channel:
      list(
          out, hub->channels(),
          [&](const Guid& key, const HubChannel& channel) {
            return one(key, channel) &&
                   (sees({.object = object, .channel = &channel}) || DIM_FAULT("private-listed"));
          },
          [&](const Guid& key, const auto&) { return hub->channel_json(key); });
      break;
    case HubObject::role:
      list(out, hub->roles(), one,
           [&](const Guid& key, const auto&) { return hub->role_json(key); });
      break;
    case HubObject::invite:
      list(
          out, hub->invites(),
          [&](const Guid& key, const HubInvite& invite) {
            return one(key, invite) &&
                   sees({.object = object, .channel = nullptr, .subject = invite.author});
          },
          [&](const Guid& key, const auto&) { return hub->invite_json(key); });
      break;
    case HubObject::member:
      list(out, hub->members(), one,
           [&](const std::string& key, const auto&) { return hub->member_json(key, now); });
      break;
    case HubObject::request:
      list(out, hub->requests(), one,
           [&](const std::string& key, const auto&) { return hub->request_json(key); });
      break;
    case HubObject::ban:
    case HubObject::mute:
      list(out, object == HubObject::ban ? hub->bans() : hub->mutes(), one,
           [](const std::string& key, const HubPenalty& penalty) {
             return Hub::penalty_json(key, penalty);
           });
      break;
    case HubObject::roster: {
      if (!hub->is_private())
        return core_.refuse(request, {Errc::method_not_allowed,
                                      "only private hubs have a signed membership; the members of "
                                      "this one are GET member"});
      const auto after = packet.has("after") ? parse_count(packet.get("after")) : 0;
      if (!after) return core_.refuse(request, {Errc::bad_request, "after is an epoch"});
      for (auto epoch = static_cast<std::size_t>(*after); epoch < hub->roster().size(); ++epoch) {
        if (!out.add(std::to_string(epoch + 1), hub->roster()[epoch])) break;
      }
      break;
    }
    case HubObject::owner:
    case HubObject::message:
    case HubObject::reaction:
    case HubObject::pin:
    case HubObject::mark:
    case HubObject::erasure:
    case HubObject::audit:
      break;
  }
  Packet answer = out.answer(request.id);
  if ((guid || !who.empty()) && answer.get("count") == "0")
    return core_.refuse(request, {Errc::not_found, "no such object in this hub"});
  core_.send(request.link, answer.set("target", hub->id()));
}

}  // namespace dim
