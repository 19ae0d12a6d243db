// The log of what moderators and the operator have done in a hub (F76; docs/protocol/hubs.md).
#include <algorithm>
#include <utility>

#include "server/hubs.h"
#include "server/page_limit.h"

namespace dim {
namespace {

constexpr std::size_t kBesides = 2 * limits::kKiB;  // of a packet, beside its list

/// Which of the station's operators it was is nothing for the people of a hub.
JsonObject act_json(const StoredAudit& stored, const std::string& station) {
  const AuditEntry& act = stored.entry;
  JsonObject out;
  out.set("number", stored.row);
  out.set("time", format_time(act.time));
  out.set("author", act.who.starts_with("operator:") ? station : act.who);
  out.set("act", act.act);
  if (!act.whom.empty()) out.set("member", act.whom);
  if (!act.object.empty()) out.set("guid", act.object);
  if (!act.reason.empty()) out.set("reason", act.reason);
  return out;
}

}  // namespace

std::optional<PutAudit> Hubs::act_on(StationRequest& request, const Spot& spot,
                                     const std::string& whom) const {
  if (whom == request.session.user) return std::nullopt;
  AuditEntry out{.time = core_.clock_.now(),
                 .hub = spot.hub->id(),
                 .who = request.session.user,
                 .act = std::string(to_string(*request.packet.operation)) + " " +
                        std::string(request.packet.get("type")),
                 .whom = whom,
                 .object = spot.post->guid.text()};
  return PutAudit{std::move(out), true};
}

void Hubs::get_audit(StationRequest& request) {
  if (!ready(request)) return;
  const Packet& packet = request.packet;
  const auto id = Id::parse(packet.get("target"));
  if (!id) return core_.refuse(request, id.error());
  const Hub* hub = find(id->bare().text());
  const Status allowed = hub == nullptr ? Status(std::unexpected(missing(id->bare().text())))
                                        : may(*hub, request.session.user, Operation::get,
                                              {.object = HubObject::audit}, core_.clock_.now());
  if (!allowed) return core_.refuse(request, allowed.error());
  const auto limit = page_limit(packet);
  if (!limit) return core_.refuse(request, limit.error());
  std::int64_t before = 0;
  if (packet.has("before")) {
    const auto from = parse_count(packet.get("before"));
    if (!from || *from == 0)
      return core_.refuse(request, {Errc::bad_request, "before is the next of the page before"});
    before = *from;
  }
  const auto acts = core_.reads_.audit(hub->id(), before, *limit + 1);
  if (!acts) return core_.read_failed(request.link, request.id, acts.error());
  const std::size_t room = content_limit(request.link.info.lane) - kBesides;
  std::string list;
  std::size_t count = 0;
  for (const StoredAudit& one : *acts) {
    const std::string text = write_json(act_json(one, core_.station_id_));
    if (count == *limit || (count > 0 && list.size() + text.size() > room)) break;
    list += (count++ == 0 ? "" : ",") + text;
  }
  const bool more = count < acts->size();
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("target", hub->id()).set("count", std::to_string(count));
  if (more) answer.set("next", std::to_string((*acts)[count - 1].row));
  answer.content = "{\"list\":[" + list + "]}";
  core_.send(request.link, answer);
}

}  // namespace dim
