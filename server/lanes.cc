// Several lanes in the connection of 8800 (docs/protocol/connect.md section 6, N8). A carried lane
// is a link of its own, so that quotas, holds and pushes are those of its lane; only its bytes come
// and go through its carrier.
#include "server/core.h"
#include "server/hubs.h"
#include "server/live.h"

namespace dim {
namespace {

/// About what it takes in memory.
std::size_t cost(const Packet& packet) {
  std::size_t sum = sizeof packet + (packet.content ? packet.content->size() : 0);
  for (const auto& [key, value] : packet.fields)
    sum += sizeof(Packet::Field) + key.size() + value.size();
  return sum;
}

}  // namespace

/// From now on other lanes may be in this connection.
void StationCore::share(LinkState& link) {
  link.shared = std::make_unique<Shared>();
  if (!link.out.empty()) link.shared->queue.push(Lane::control, std::exchange(link.out, {}));
  link.link->shared();
}

/// The lane of that name in this connection; null when it cannot have one (yet).
LinkState* StationCore::lane_in(LinkState& link, std::optional<Lane> lane) {
  if (link.info.lane != Lane::control || link.session == nullptr) return nullptr;
  if (!lane || *lane == Lane::control) return nullptr;
  if (!link.shared) share(link);
  LinkState*& place = link.shared->lanes.at(static_cast<std::size_t>(*lane));
  if (place != nullptr) return place;
  const auto id = static_cast<LinkId>(next_link_++);
  LinkInfo info = link.info;
  info.lane = *lane;
  auto state = std::make_unique<LinkState>(id, *link.link, std::move(info));
  state->carrier = &link;
  state->carried = std::make_unique<CarriedLink>(*state);
  state->link = state->carried.get();
  state->subnet = link.subnet;
  state->opened = state->last_byte = state->window_start = clock_.monotonic();
  place = state.get();
  links_.emplace(id, std::move(state));
  ++counters_.links_opened;
  return place;
}

/// A request with `lane`. False: it was for another lane than this link's, which has it now, or it
/// was refused.
bool StationCore::route(LinkState& link, Packet& packet) {
  const auto lane = lane_called(packet.get("lane"));
  if (lane == link.info.lane) return true;
  const std::string_view id = packet.get("id");
  if (!lane) {
    refuse(link, id, error_of(Errc::bad_request, "lane is control, text, media, audio or video"));
    return false;
  }
  if (link.info.lane != Lane::control) {
    Packet answer = Packet::response(
        error_of(Errc::wrong_instance, "only the connection of 8800 carries other lanes"), id);
    send(link, answer.set("port", std::to_string(draft_port(Lane::control))));
    return false;
  }
  if (link.session == nullptr) {
    on_request(link, packet);  // 418, whatever it asks for
    return false;
  }
  LinkState* to = lane_in(link, lane);
  if (to == nullptr) return false;
  link.shared->waiting += cost(packet);
  to->arrived.push_back(std::move(packet));
  process(*to);
  return false;
}

std::variant<std::monostate, Packet, BadPacket> StationCore::next_packet(LinkState& link) {
  if (link.carrier == nullptr) return link.reader.next();
  if (link.arrived.empty()) return std::monostate{};
  Packet packet = std::move(link.arrived.front());
  link.arrived.pop_front();
  link.carrier->shared->waiting -= cost(packet);
  if (link.carrier->paused) wake(*link.carrier);
  return packet;
}

/// Gives the connection what is most urgent, and no more than leaves soon.
void StationCore::hand_over(LinkState& link) {
  LaneQueue& queue = link.shared->queue;
  while (!queue.empty() && (link.closing || link.link->queued() <= kSharedAhead)) {
    std::string packet = queue.pop();
    link.given += packet.size();
    link.link->send(std::move(packet));
    if (!link.closing) refill(link);
  }
}

/// What was not pushed for want of room, now that there may be some.
void StationCore::refill(LinkState& link) {
  for (LinkState* lane : link.shared->lanes) {
    if (lane == nullptr || lane->closing) continue;
    pump(*lane);
    hubs_->catch_up(*lane);
    live_->pump(*lane);
  }
}

/// The peer takes nothing of what waits for it.
bool StationCore::is_stuck(LinkState& link, Millis now) {
  if (!link.shared) return link.is_stuck(now, limits::kIdleMs, config_.send_queue_bytes);
  const std::uint64_t gone = link.given - link.link->queued();
  if (link.shared->queue.empty() || gone != link.read || link.moved == 0) link.moved = now;
  link.read = gone;
  return now - link.moved >= limits::kIdleMs;
}

/// Its connection is gone, and every lane that was in it.
void StationCore::forget(LinkState& link) {
  if (link.shared) {
    for (const LinkState* lane : link.shared->lanes) {
      if (lane == nullptr) continue;
      links_.erase(lane->id);
      ++counters_.links_closed;
    }
  }
  links_.erase(link.id);
  ++counters_.links_closed;
}

}  // namespace dim
