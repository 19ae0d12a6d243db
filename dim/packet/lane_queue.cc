#include "dim/packet/lane_queue.h"

#include <utility>

namespace dim {

std::optional<Lane> lane_called(std::string_view name) {
  for (const Lane lane : {Lane::control, Lane::text, Lane::media, Lane::audio, Lane::video}) {
    if (to_string(lane) == name) return lane;
  }
  return std::nullopt;
}

std::string with_lane(std::string_view packet, Lane lane) {
  const std::size_t second = packet.find('\n') + 1;
  std::size_t at = packet.find('\n', second) + 1;
  if (packet.substr(at).starts_with("status: ")) at = packet.find('\n', at) + 1;
  std::string out;
  out.reserve(packet.size() + 16);
  out += packet.substr(0, at);
  out += "lane: ";
  out += to_string(lane);
  out += '\n';
  out += packet.substr(at);
  return out;
}

void LaneQueue::push(Lane lane, std::string packet) {
  if (packet.empty()) return;
  Waiting& waiting = waiting_.at(static_cast<std::size_t>(lane));
  waiting.bytes += packet.size();
  waiting.packets.push_back(std::move(packet));
}

std::string LaneQueue::pop() {
  for (const Lane lane : {Lane::control, Lane::audio, Lane::text, Lane::video, Lane::media}) {
    Waiting& waiting = waiting_.at(static_cast<std::size_t>(lane));
    if (waiting.packets.empty()) continue;
    std::string packet = std::move(waiting.packets.front());
    waiting.packets.pop_front();
    waiting.bytes -= packet.size();
    return packet;
  }
  return {};
}

std::size_t LaneQueue::bytes() const {
  std::size_t sum = 0;
  for (const Waiting& waiting : waiting_) sum += waiting.bytes;
  return sum;
}

}  // namespace dim
