// Links of the gateway: frames, acknowledgements, times, turns.
#include "server/gateway.h"

#include <algorithm>
#include <cmath>

#include "dim/base/hex.h"
#include "server/admin.h"
#include "server/bridge.h"

namespace dim {
namespace {

constexpr Millis kScanMs = 1'000;
constexpr Millis kLoginMs = 60'000;  // reference clients give their handshake 30 s, then try again
constexpr Millis kDeadMs = 128'000;  // wire.md 1.3
constexpr std::size_t kTickets = 256;
constexpr std::size_t kRuns = 16;      // of one connection, with the crew at once
constexpr std::size_t kSealing = 512;  // receipts, the same
constexpr std::size_t kStrangersBytes = 64 * limits::kMiB;  // of all that have not logged in
constexpr std::size_t kStrangerBytes = 64 * limits::kKiB;   // whoever has less is never cut for it
constexpr std::size_t kSessionKeyBytes = 32;

}  // namespace

Gateway::Gateway(StationCore& core) : core_(core), bridge_(std::make_unique<Bridge>(*this, core)) {}
Gateway::~Gateway() = default;

GatewayLink* Gateway::find(LinkId id) {
  const auto found = links_.find(id);
  return found == links_.end() || found->second->closing ? nullptr : found->second.get();
}

void Gateway::opened(LinkId id, StationLink& link, std::string remote) {
  auto state = std::make_unique<GatewayLink>(id, link, core_.random_.u64() >> 1);
  state->opened = state->last_byte = core_.clock_.monotonic();
  state->session_key = to_hex(core_.random_.array<kSessionKeyBytes>());  // A24
  if (core_.config_.quotas.count_loopback || !is_loopback(remote))
    state->subnet = subnet_of(remote);
  state->remote = std::move(remote);
  GatewayLink& out = *state;
  links_.emplace(id, std::move(state));
  if (core_.stopping_ || core_.failed_ || core_.memory_ >= MemoryLevel::no_strangers ||
      core_.admin_->keeps_out_address(out.remote))
    close_link(out);
}

void Gateway::received(LinkId id, std::string_view bytes) {
  GatewayLink* link = find(id);
  if (link == nullptr) return;
  link->last_byte = core_.clock_.monotonic();
  link->frames.feed(bytes);
  process(*link);
}

void Gateway::drained(LinkId id) {
  GatewayLink* link = find(id);
  if (link == nullptr) return;
  take_written(*link);
  pump(*link);
  if (link->paused) wake(*link);
}

void Gateway::closed(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  GatewayLink& link = *found->second;
  close_link(link);
  links_.erase(found);
  ++core_.counters_.links_closed;
}

void Gateway::mark_dirty(GatewayLink& link) {
  if (link.dirty) return;
  link.dirty = true;
  dirty_.push_back(link.id);
}

void Gateway::close_link(GatewayLink& link) {
  if (link.closing) return;
  if (link.neighbour != nullptr) bridge_->lost(link);
  let_go(link);
  link.closing = true;
  count_stranger(link);
  mark_dirty(link);
}

void Gateway::give_bytes(GatewayLink& link, std::string_view bytes) {
  if (link.closing || bytes.empty()) return;
  link.out.append(bytes);
  mark_dirty(link);
}

// --- reading

bool Gateway::held(const GatewayLink& link) const {
  return link.busy || link.tickets.size() >= kTickets ||
         link.queued() >= core_.config_.send_queue_bytes ||
         core_.inflight_bytes_ >= core_.config_.inflight_bytes ||
         core_.memory_ == MemoryLevel::no_work || link.held_until > core_.clock_.monotonic();
}

/// No more is read while the crew has enough of it; what the crew has done goes on.
bool Gateway::full(const GatewayLink& link) const {
  return link.runs.size() >= kRuns || link.sealing >= kSealing ||
         checking_bytes_ >= core_.config_.inflight_bytes;
}

void Gateway::process(GatewayLink& link) {
  if (link.processing) return;
  link.processing = true;
  bool more = true;
  while (!link.closing && !held(link)) {
    if (handle_checked(link) || handle_here(link)) continue;
    if (more && !full(link) && link.texts.size() < kGatewayRun) {
      more = next_frame(link);
      continue;
    }
    if (link.texts.empty() || full(link) || !for_crew(link)) break;
    submit_run(link);
  }
  link.processing = false;
  count_stranger(link);
  update_pause(link);
}

/// False: there is none yet.
bool Gateway::next_frame(GatewayLink& link) {
  auto next = link.frames.next(core_.clock_.monotonic());
  if (std::holds_alternative<std::monostate>(next)) return false;
  if (auto* bad = std::get_if<BadFrame>(&next)) {
    ++core_.counters_.bad_packets;
    core_.event(StationEvent::Level::debug, "gateway-frame", link.remote, bad->error.hint);
    give_bytes(link, bad->reply);
    close_link(link);
    return false;
  }
  on_event(link, std::get<FrameEvent>(next));
  return true;
}

void Gateway::on_event(GatewayLink& link, FrameEvent& event) {
  give_bytes(link, event.reply);
  if (event.kind == FrameEvent::Kind::closed) return close_link(link);
  if (event.acked) on_ack(link, *event.acked);
  if (event.texts.empty()) return;
  link.last_active = core_.clock_.monotonic();
  if (link.push_from != 0) {
    // It has said something after DIM!: it is ready for what has waited.
    link.push_from = 0;
    pump(link);
  }
  const std::uint64_t ticket = link.first_ticket + link.tickets.size();
  link.tickets.push_back({std::move(event.ack), event.texts.size(), link.messages_sent});
  // One by one: a frame holds many, and what holds the link up holds them up too.
  for (std::string& text : event.texts) {
    link.texts.push_back({std::move(text), ticket});
    link.texts_bytes += link.texts.back().memory();
  }
}

/// A33: before the log-in a connection costs its owner nothing, and may hold megabytes.
void Gateway::count_stranger(GatewayLink& link) {
  const bool stranger = link.user.empty() && !link.closing;
  const std::size_t bytes =
      stranger ? link.frames.memory() + link.parked_bytes + link.texts_bytes : 0;
  strangers_bytes_ += bytes - std::exchange(link.counted, bytes);
  if (strangers_bytes_ <= kStrangersBytes || bytes <= kStrangerBytes) return;
  ++core_.counters_.slow_peers;
  core_.event(StationEvent::Level::warn, "gateway-memory", link.remote,
              "what came before log-ins takes too much memory");
  close_link(link);
}

/// A user's on every connection; before the log-in that of the network, as far as it counts.
UserQuota& Gateway::left(const GatewayLink& link) {
  const Millis now = core_.clock_.monotonic();
  if (!link.user.empty()) return core_.left_.at(link.user, now);
  const bool counted = link.subnet != 0;
  return core_.left_.at(
      (counted ? "network " : "connection ") +
          std::to_string(counted ? link.subnet : static_cast<std::uint64_t>(link.id)),
      now);
}

/// Nobody can be told 416 here: who is too fast is read again when there is a token.
void Gateway::slow_down(GatewayLink& link, TokenBucket& bucket, const Rate& rate) {
  const Millis now = core_.clock_.monotonic();
  if (bucket.take(rate, now) != 0) {
    // Done all the same, as a part of one message: the time of one token more.
    link.held_until =
        std::max(link.held_until, now) + static_cast<Millis>(std::ceil(1000 / rate.per_second));
  } else {
    const Millis wait = bucket.wait(rate, now);
    if (wait == 0) return;
    link.held_until = std::max(link.held_until, now + wait);
  }
  ++core_.counters_.refused_quota;
}

/// One message of that frame is dealt with; after the last of them the frame is acknowledged.
void Gateway::finish(LinkId id, std::uint64_t ticket) {
  GatewayLink* link = find(id);
  if (link == nullptr || ticket < link->first_ticket) return;
  const std::uint64_t at = ticket - link->first_ticket;
  if (at >= link->tickets.size()) return;
  GatewayTicket& entry = link->tickets[at];
  if (entry.open == 0 || --entry.open != 0) return;
  // Mars: any message to the peer says the same.
  const bool told =
      link->frames.framing() == Framing::mars && link->messages_sent != entry.sent_then;
  if (!told) give_bytes(*link, entry.ack);
  while (!link->tickets.empty() && link->tickets.front().open == 0) {
    link->tickets.pop_front();
    ++link->first_ticket;
  }
  if (link->paused) wake(*link);
}

/// One message of that frame could not be kept: the frame is not acknowledged, so it comes again.
void Gateway::give_up(LinkId id, std::uint64_t ticket) {
  GatewayLink* link = find(id);
  if (link == nullptr || ticket < link->first_ticket) return;
  const std::uint64_t at = ticket - link->first_ticket;
  if (at < link->tickets.size()) link->tickets[at].ack.clear();
  finish(id, ticket);
}

void Gateway::update_pause(GatewayLink& link) { link.hold(held(link) || full(link), held_); }

void Gateway::wake(GatewayLink& link) {
  if (link.waiting || link.closing) return;
  link.waiting = true;
  ready_.push_back(link.id);
}

// --- turns and time

void Gateway::process_ready() {
  while (!ready_.empty()) {
    const LinkId id = ready_.front();
    ready_.pop_front();
    GatewayLink* link = find(id);
    if (link == nullptr) continue;
    link->waiting = false;
    process(*link);
  }
}

void Gateway::flush() {
  for (const LinkId id : std::exchange(due_, {})) {
    if (GatewayLink* link = find(id)) send_receipts(*link);
  }
  while (!dirty_.empty()) {
    std::vector<LinkId> dirty;
    dirty.swap(dirty_);
    for (const LinkId id : dirty) flush_link(id);
  }
}

void Gateway::flush_link(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  GatewayLink& link = *found->second;
  if (!link.flush()) {
    // Only to pause: whoever goes on is processed too, for which wake() is.
    if (!link.paused && link.queued() >= core_.config_.send_queue_bytes) update_pause(link);
    return;
  }
  StationLink& owner = *link.link;
  links_.erase(id);
  ++core_.counters_.links_closed;
  owner.close();
}

void Gateway::tick(Millis now) {
  // Whoever is full is woken too: when all that the crew had of them is back, nobody else does it.
  look_at_held(
      held_, [&](LinkId id) { return find(id); },
      [&](const GatewayLink& link) { return held(link); }, [&](GatewayLink& link) { wake(link); });
  std::vector<LinkId> waiting;
  waiting.swap(waiting_);
  for (const LinkId id : waiting) {
    GatewayLink* link = find(id);
    if (link == nullptr || link->push_from == 0) continue;
    if (now < link->push_from) {
      waiting_.push_back(id);
      continue;
    }
    link->push_from = 0;
    pump(*link);
  }
  bridge_->tick(now);
  if (now < next_scan_) return;
  next_scan_ = now + kScanMs;
  std::vector<GatewayLink*> all;
  all.reserve(links_.size());
  for (auto& [id, link] : links_) all.push_back(link.get());
  for (GatewayLink* link : all) check_times(*link, now);
}

void Gateway::check_times(GatewayLink& link, Millis now) {
  if (link.closing || link.busy) return;
  if (core_.shed_left_ > 0 && link.neighbour == nullptr && now - link.last_byte >= kShedIdleMs) {
    --core_.shed_left_;
    ++core_.counters_.shed;
    return close_link(link);
  }
  const bool silent = now - link.last_byte >= kDeadMs && !link.paused;
  if (silent || link.is_stuck(now, kDeadMs, core_.config_.send_queue_bytes) ||
      (link.user.empty() && now - link.opened >= kLoginMs)) {
    ++core_.counters_.slow_peers;
    core_.event(StationEvent::Level::debug, "slow-peer", link.remote,
                silent              ? "nothing came for 128 seconds"
                : link.user.empty() ? "no log-in within 60 seconds"
                                    : "nothing was read for 128 seconds while messages waited");
    return close_link(link);
  }
  take_written(link);
  resend(link, now);
}

// --- operator

std::size_t Gateway::end_banned() {
  std::size_t ended = 0;
  for (auto& [id, link] : links_) {
    const bool out = core_.admin_->keeps_out_address(link->remote) ||
                     (!link->user.empty() && core_.admin_->keeps_out(link->user));
    if (link->closing || !out) continue;
    core_.event(StationEvent::Level::warn, "banned", link->user, "session ended");
    close_link(*link);
    ++ended;
  }
  return ended;
}

std::size_t Gateway::end_user(std::string_view user) {
  std::size_t ended = 0;
  for (auto& [id, link] : links_) {
    if (link->closing || link->user != user) continue;
    core_.event(StationEvent::Level::warn, "banned", link->user, "session ended");
    close_link(*link);
    ++ended;
  }
  return ended;
}

std::size_t Gateway::sessions_of(std::string_view user) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      links_, [&](const auto& one) { return !one.second->closing && one.second->user == user; }));
}

void Gateway::stop() {
  for (auto& [id, link] : links_) close_link(*link);
}

}  // namespace dim
