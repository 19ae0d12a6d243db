#include "net/admission.h"

#include <algorithm>
#include <limits>

namespace dim {
namespace {

// The first 64 bits name the network, the first 48 the site. An IPv4 address is a network, its /24
// the site.
std::uint64_t network_of(const Endpoint& peer) {
  std::uint64_t out = 0;
  if (peer.is_v4()) {
    out = 0x2002;
    for (std::size_t i = 12; i < 15; ++i) out = out << 8 | peer.address[i];
    return (out << 16 | peer.address[15]) << 8;
  }
  for (std::size_t i = 0; i < 8; ++i) out = out << 8 | peer.address[i];
  return out;
}

std::uint64_t site_of(std::uint64_t network) { return network >> 16; }

bool is_loopback(const Endpoint& peer) {
  if (peer.is_v4()) return peer.address[12] == 127;
  Endpoint loopback;
  loopback.address[15] = 1;
  return peer.address == loopback.address;
}

}  // namespace

AdmissionLimits AdmissionLimits::open() {
  constexpr std::size_t kMany = std::numeric_limits<std::size_t>::max() / 2;
  AdmissionLimits limits;
  limits.per_64 = limits.per_48 = limits.total = kMany;
  limits.new_per_second = 0;
  limits.handshakes = kMany;
  return limits;
}

Verdict Admission::admit(const Endpoint& peer, Millis now) {
  if (!limits_.count_loopback && is_loopback(peer)) return Verdict::admit;
  const std::uint64_t key = network_of(peer);
  if (networks_.size() >= limits_.networks || now - swept_ >= 10'000) forget_idle(now);
  auto found = networks_.find(key);
  if (found == networks_.end()) {
    // All the remembered networks are busy: one more would let a scan of prefixes fill the memory.
    if (networks_.size() >= limits_.networks) return Verdict::full;
    found = networks_.emplace(key, Network{0, limits_.new_burst, now}).first;
  }
  Network& network = found->second;

  if (limits_.new_per_second > 0) {
    const double elapsed = static_cast<double>(std::max<Millis>(now - network.at, 0)) / 1000.0;
    network.tokens = std::min(limits_.new_burst, network.tokens + elapsed * limits_.new_per_second);
    network.at = now;
    if (network.tokens < 1) return Verdict::rate;
    network.tokens -= 1;
  }
  if (network.held >= limits_.per_64) return Verdict::per_64;
  const auto site = sites_.find(site_of(key));
  if (site != sites_.end() && site->second >= limits_.per_48) return Verdict::per_48;
  if (total_ >= limits_.total) return Verdict::full;
  if (network.held > 0) {
    const auto total = static_cast<double>(limits_.total);
    const double held = static_cast<double>(total_);
    const double full = total * (1 - limits_.kept_for_fresh);
    const double from = std::min(total * limits_.early_drop_from, full);
    if (held >= full) return Verdict::full;
    if (held >= from) {
      const double share = (held - from) / (full - from);
      const double roll = static_cast<double>(random_.u64() >> 11) * 0x1p-53;
      if (roll < share) return Verdict::early_drop;
    }
  }
  ++network.held;
  ++sites_[site_of(key)];
  ++total_;
  return Verdict::admit;
}

void Admission::release(const Endpoint& peer) {
  if (!limits_.count_loopback && is_loopback(peer)) return;
  const std::uint64_t key = network_of(peer);
  const auto network = networks_.find(key);
  if (network == networks_.end() || network->second.held == 0) return;
  --network->second.held;
  --total_;
  const auto site = sites_.find(site_of(key));
  if (--site->second == 0) sites_.erase(site);
}

void Admission::forget_idle(Millis now) {
  // A sweep looks at everything: at most once in a tenth of a second, however hard somebody pushes.
  if (now - swept_ < 100 && swept_ != 0) return;
  swept_ = now;
  std::erase_if(networks_, [&](const auto& entry) {
    const Network& network = entry.second;
    const double elapsed = static_cast<double>(now - network.at) / 1000.0;
    return network.held == 0 &&
           network.tokens + elapsed * limits_.new_per_second >= limits_.new_burst;
  });
}

bool HandshakeGate::enter(Id id, Millis now) {
  if (running_.size() < places_) {
    running_.emplace(id, now);
    return true;
  }
  waiting_.push_back(id);
  return false;
}

std::optional<HandshakeGate::Id> HandshakeGate::leave(Id id, Millis now) {
  if (running_.erase(id) == 0) {
    std::erase(waiting_, id);
    return std::nullopt;
  }
  if (waiting_.empty()) return std::nullopt;
  const Id next = waiting_.front();
  waiting_.pop_front();
  running_.emplace(next, now);
  return next;
}

std::optional<HandshakeGate::Id> HandshakeGate::overdue(Millis now) const {
  if (waiting_.empty()) return std::nullopt;
  const auto oldest =
      std::ranges::min_element(running_, {}, [](const auto& entry) { return entry.second; });
  if (oldest == running_.end() || now - oldest->second < patience_) return std::nullopt;
  return oldest->first;
}

}  // namespace dim
