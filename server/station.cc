#include "server/station.h"

#include <algorithm>
#include <charconv>

#include "dim/base/fault.h"
#include "server/admin.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway.h"
#include "server/hubs.h"
#include "server/live.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr Millis kScanMs = 1'000;
constexpr Millis kAckFlushMs = 5'000;
constexpr Millis kPurgeMs = 60'000;
constexpr unsigned kBadPackets = 20;
constexpr std::size_t kAnswerBytes = 256;  // an estimate, for reserving
constexpr unsigned kShedAtOnce = 64;       // connections a second
constexpr std::size_t kShortQueue = 64 * limits::kKiB;
constexpr std::size_t kLargePacket = 64 * limits::kKiB;

}  // namespace

Station::Station(StationConfig config, const Account& account, Store& reads, Committer& committer,
                 Clock& clock, Random& random, Crew* crew)
    : core_(std::make_unique<StationCore>(std::move(config), account, reads, committer, clock,
                                          random, crew)) {}
Station::~Station() = default;

LinkId Station::opened(StationLink& link, LinkInfo info) {
  return core_->opened(link, std::move(info));
}
LinkId Station::opened_gateway(StationLink& link, std::string remote) {
  return core_->opened_gateway(link, std::move(remote));
}
void Station::on_dial(std::function<void(std::size_t index)> handler) {
  core_->on_dial_ = std::move(handler);
}
LinkId Station::opened_neighbour(std::size_t index, StationLink& link, std::string remote) {
  return core_->opened_neighbour(index, link, std::move(remote));
}
void Station::unreachable_neighbour(std::size_t index, const Error& error) {
  core_->gateway_->bridge().unreachable(index, error);
}
void Station::received(LinkId id, std::string_view bytes) { core_->received(id, bytes); }
void Station::drained(LinkId id) { core_->drained(id); }
void Station::closed(LinkId id) { core_->closed(id); }
void Station::tick() { core_->tick(); }
void Station::end_of_turn() { core_->end_of_turn(); }
MemoryLevel Station::memory_used(std::size_t bytes) { return core_->memory_used(bytes); }
void Station::reload(const Quotas& quotas, std::set<std::string, std::less<>> bans) {
  core_->reload(quotas, std::move(bans));
}
void Station::admin(std::string_view line, const std::string& by,
                    std::function<void(std::string)> done) {
  const auto answer = [done = std::move(done)](const JsonObject& object) {
    done(write_json(object));
  };
  const auto request = AdminRequest::parse(line);
  if (!request) return answer(Admin::failed(request.error()));
  core_->admin_->execute(*request, by, answer);
}
void Station::stop() { core_->stop(); }
bool Station::failed() const { return core_->failed_; }
const StationCounters& Station::counters() const { return core_->counters_; }
std::size_t Station::links() const { return core_->links_.size() + core_->gateway_->links(); }
std::size_t Station::sessions() const {
  return core_->sessions_.size() + core_->gateway_->sessions();
}
void Station::on_event(std::function<void(const StationEvent&)> handler) {
  core_->on_event_ = std::move(handler);
}

std::optional<std::int64_t> parse_count(std::string_view text) {
  std::int64_t value = 0;
  if (text.empty() || text.size() > 18) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0 || text.front() == '-')
    return std::nullopt;
  return value;
}

StationCore::StationCore(StationConfig config, const Account& account, Store& reads,
                         Committer& committer, Clock& clock, Random& random, Crew* crew)
    : config_(std::move(config)),
      account_(account),
      reads_(reads),
      committer_(committer),
      clock_(clock),
      random_(random),
      crew_(crew),
      station_id_(account.id.bare().text()) {
  JsonObject object;
  object.set("meta", account.meta.json());
  object.set("visa", account.visa.json());
  credentials_ = write_json(object);
  send_queue_asked_ = config_.send_queue_bytes;
  gateway_ = std::make_unique<Gateway>(*this);
  hubs_ = std::make_unique<Hubs>(*this);
  live_ = std::make_unique<Live>(*this);
  admin_ = std::make_unique<Admin>(*this);
}

StationCore::~StationCore() = default;

// --- links
// --------------------------------------------------------------------------------------------------------

LinkState* StationCore::find(LinkId id) {
  const auto found = links_.find(id);
  return found == links_.end() || found->second->closing ? nullptr : found->second.get();
}

LinkId StationCore::opened(StationLink& link, LinkInfo info) {
  const auto id = static_cast<LinkId>(next_link_++);
  auto state = std::make_unique<LinkState>(id, link, std::move(info));
  const Millis now = clock_.monotonic();
  state->opened = state->last_byte = state->window_start = now;
  if (config_.quotas.count_loopback || !is_loopback(state->info.remote))
    state->subnet = subnet_of(state->info.remote);
  LinkState& out = *state;
  links_.emplace(id, std::move(state));
  ++counters_.links_opened;
  if (out.info.whole_packets) share(out);
  if (stopping_ || failed_) {
    refuse_and_close(out, {},
                     {Errc::unavailable, "this station is stopping; come back in a minute"});
  } else if (admin_->keeps_out_address(out.info.remote)) {
    refuse_and_close(out, {}, {Errc::forbidden, "this address is banned from the station"});
  } else if (memory_ >= MemoryLevel::no_strangers) {
    refuse_overload(out, {});
    close_link(out);
  }
  return id;
}

LinkId StationCore::opened_gateway(StationLink& link, std::string remote) {
  const auto id = static_cast<LinkId>(next_link_++);
  ++counters_.links_opened;
  gateway_->opened(id, link, std::move(remote));
  return id;
}

LinkId StationCore::opened_neighbour(std::size_t index, StationLink& link, std::string remote) {
  const auto id = static_cast<LinkId>(next_link_++);
  ++counters_.links_opened;
  gateway_->bridge().opened(index, id, link, std::move(remote));
  return id;
}

void StationCore::received(LinkId id, std::string_view bytes) {
  LinkState* link = find(id);
  if (link == nullptr) return gateway_->received(id, bytes);
  const Millis now = clock_.monotonic();
  link->last_byte = now;
  if (is_in_frames(*link)) {
    link->live->reader.feed(bytes);
    return live_->process(*link);
  }
  if (!link->reader.in_packet()) {
    link->window_start = now;
    link->window_bytes = 0;
  }
  link->reader.feed(bytes);
  process(*link);
}

void StationCore::drained(LinkId id) {
  LinkState* link = find(id);
  if (link == nullptr) return gateway_->drained(id);
  if (link->shared) {
    for (LinkState* lane : link->shared->lanes) {
      if (lane != nullptr && lane->paused) wake(*lane);
    }
    mark_dirty(*link);
  }
  pump(*link);
  hubs_->catch_up(*link);
  live_->pump(*link);
  if (link->paused) wake(*link);
}

void StationCore::closed(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return gateway_->closed(id);
  LinkState& link = *found->second;
  if (!link.closing) let_go(link);
  forget(link);
}

/// Takes the link out of its session. The control lane takes the session with it.
void StationCore::let_go(LinkState& link) {
  if (link.live) live_->gone(link);
  UserSession* session = std::exchange(link.session, nullptr);
  if (session == nullptr) return;
  session->lanes[static_cast<std::size_t>(link.info.lane)] = nullptr;
  if (link.pushing) remember_ack(session->inbox, session->acked);
  if (link.info.lane != Lane::control) return;
  for (LinkState*& other : session->lanes) {
    if (other == nullptr) continue;
    LinkState& lane = *std::exchange(other, nullptr);
    lane.session = nullptr;
    close_link(lane);
  }
  if (const auto given_up =
          sessions_.detach(session->user, session->guid, config_.sessions_per_user)) {
    drop_resume(*given_up);
  }
  sessions_.remove(*session);
}

void StationCore::mark_dirty(LinkState& link) {
  if (link.dirty) return;
  link.dirty = true;
  dirty_.push_back(link.id);
}

void StationCore::close_link(LinkState& link) {
  if (link.closing) return;
  link.closing = true;
  let_go(link);
  mark_dirty(link);
  if (link.carrier != nullptr) return close_link(*link.carrier);
  if (!link.shared) return;
  for (LinkState* lane : link.shared->lanes) {
    if (lane != nullptr) close_link(*lane);
  }
}

void StationCore::send(LinkState& link, std::string_view bytes) {
  if (link.closing || is_in_frames(link)) return;
  if (link.carrier != nullptr) {
    link.carrier->shared->queue.push(link.info.lane, with_lane(bytes, link.info.lane));
    return mark_dirty(*link.carrier);
  }
  if (link.shared) {
    link.shared->queue.push(Lane::control, std::string(bytes));
    return mark_dirty(link);
  }
  if (link.out.empty()) link.out.reserve(std::max(bytes.size(), kAnswerBytes));
  link.out.append(bytes);
  mark_dirty(link);
}

void StationCore::send(LinkState& link, const Packet& packet) {
  send(link,
       write_packet(packet, link.session != nullptr ? link.session->checksum : Checksum::sha256));
}

void StationCore::refuse(LinkState& link, std::string_view reply, const Error& error) {
  send(link, Packet::response(error, reply));
}

/// A record that cannot be read: an alarm, and an error for this one request.
void StationCore::read_failed(LinkState& link, std::string_view reply, const Error& error) {
  event(StationEvent::Level::error, "store-read", {}, error.hint);
  refuse(
      link, reply,
      {Errc::internal, "what the station has stored about this cannot be read; tell the operator"});
}

void StationCore::refuse_and_close(LinkState& link, std::string_view reply, const Error& error) {
  refuse(link, reply, error);
  close_link(link);
}

void StationCore::event(StationEvent::Level level, std::string_view name, std::string who,
                        std::string_view detail) const {
  if (on_event_) on_event_({level, name, std::move(who), detail});
}

const std::string& StationCore::time_text(Millis time) {
  if (time != cached_time_) {
    cached_time_ = time;
    cached_time_text_ = format_time(time);
  }
  return cached_time_text_;
}

// --- reading
// ------------------------------------------------------------------------------------------------------

bool StationCore::held(const LinkState& link) const {
  return link.busy || link.unanswered >= limits::kOpenRequests ||
         link.queued() >= config_.send_queue_bytes || link.incoming >= limits::kMediaIncoming ||
         is_flooded(link) || link.held_until > clock_.monotonic() ||
         (link.shared && link.shared->waiting >= kSharedWaiting) ||
         (memory_ == MemoryLevel::no_work && link.reader.packet_bytes() > kLargePacket);
}

/// Enough of this lane waits for the disk. Bans and other priority requests overtake it.
bool StationCore::is_flooded(const LinkState& link) const {
  if (link.info.lane == Lane::control) return false;
  if (link.info.lane == Lane::text) return inflight_bytes_ >= config_.inflight_bytes;
  if (link.info.lane != Lane::media) return false;
  return media_inflight_ >= config_.media_inflight_bytes / (link.incoming == 0 ? 1 : 2);
}

void StationCore::process(LinkState& link) {
  if (is_in_frames(link)) return live_->process(link);
  if (link.processing) return;
  link.processing = true;
  while (!link.closing && !is_in_frames(link) && !held(link)) {
    auto next = next_packet(link);
    if (std::holds_alternative<std::monostate>(next)) break;
    if (auto* bad = std::get_if<BadPacket>(&next)) {
      ++counters_.bad_packets;
      // Whoever asked on a carried lane is answered there.
      LinkState* asked = bad->fatal ? nullptr : lane_in(link, lane_called(bad->lane));
      refuse(asked != nullptr ? *asked : link, bad->reply, bad->error);
      // Before the log-in nobody has a reason to send one bad packet after the other.
      if (bad->fatal || (link.session == nullptr && ++link.failures > kBadPackets))
        close_link(link);
      continue;
    }
    if (link.carrier == nullptr) ++counters_.packets;
    link.had_packet = true;
    link.window_start = clock_.monotonic();
    link.window_bytes = 0;
    Packet& packet = std::get<Packet>(next);
    if (packet.is_response()) {
      // P41: the station asks nothing, so nothing can be answered.
      ++counters_.strays;
      if (++link.strays >= limits::kStrayResponses) {
        refuse_and_close(
            link, {}, {Errc::bad_request, "too many responses to requests that were never made"});
      }
      continue;
    }
    if (link.session != nullptr) link.session->last_active = link.window_start;
    if (packet.has("lane") && link.carrier == nullptr && !route(link, packet)) continue;
    if (*packet.operation == Operation::connect) {
      on_connect(link, packet);
    } else {
      on_request(link, packet);
    }
  }
  link.processing = false;
  update_pause(link);
}

void StationCore::update_pause(LinkState& link) { link.hold(held(link), held_); }

/// Has the link processed again in this turn.
void StationCore::wake(LinkState& link) {
  if (link.waiting || link.closing) return;
  link.waiting = true;
  ready_.push_back(link.id);
}

// --- turns and time
// -----------------------------------------------------------------------------------------------

void StationCore::end_of_turn() {
  while (!ready_.empty() || gateway_->has_ready() || !batch_.empty()) {
    gateway_->process_ready();
    while (!ready_.empty()) {
      const LinkId id = ready_.front();
      ready_.pop_front();
      LinkState* link = find(id);
      if (link == nullptr) continue;
      link->waiting = false;
      process(*link);
    }
    flush_batch();
  }
  // Links may call back while they are flushed, and a control lane that closes takes the others
  // with it.
  while (!dirty_.empty()) {
    std::vector<LinkId> dirty;
    dirty.swap(dirty_);
    for (const LinkId id : dirty) flush_link(id);
    if (dirty_.empty()) {
      dirty.clear();
      dirty_.swap(dirty);  // keeps the room
    }
  }
  gateway_->flush();
}

void StationCore::flush_link(LinkId id) {
  const auto found = links_.find(id);
  if (found == links_.end()) return;
  LinkState& link = *found->second;
  if (link.shared) hand_over(link);
  if (!link.flush()) {
    // Only to pause: whoever goes on is processed too, for which wake() is.
    if (!link.paused && link.queued() >= config_.send_queue_bytes) update_pause(link);
    return;
  }
  if (link.carrier != nullptr) return;  // it is forgotten with its carrier, which closes too
  StationLink& owner = *link.link;
  forget(link);
  owner.close();
}

void StationCore::tick() {
  const Millis now = clock_.monotonic();
  (void)admin_->clock_is_wrong();
  look_at_held(
      held_, [&](LinkId id) { return find(id); }, [&](const LinkState& link) { return held(link); },
      [&](LinkState& link) { wake(link); });
  if (now >= next_scan_) {
    next_scan_ = now + kScanMs;
    shed_left_ = memory_ >= MemoryLevel::shed_idle ? kShedAtOnce : 0;
    for (auto& [id, link] : links_) check_times(*link, now);
  }
  gateway_->tick(now);
  hubs_->tick();
  live_->tick(now);
  if (now >= next_ack_flush_) {
    next_ack_flush_ = now + kAckFlushMs;
    flush_acks();
  }
  if (now >= next_purge_) {
    next_purge_ = now + kPurgeMs;
    subnets_.purge(now);
    claimed_.purge(now);
    left_.purge(now);
    prekeys_given_.purge(now);
    live_->purge(now);
  }
}

void StationCore::check_times(LinkState& link, Millis now) {
  if (link.closing || link.busy || link.carrier != nullptr) return;
  if (is_in_frames(link)) return;  // it lives as long as its session's first connection
  const auto give_up = [&](std::string_view hint) {
    ++counters_.slow_peers;
    event(StationEvent::Level::debug, "slow-peer", link.info.remote, hint);
    refuse_and_close(link, {}, {Errc::request_timeout, hint});
  };
  // A session is as idle as the busiest of its connections.
  const Millis active = link.session != nullptr ? link.session->last_active : link.opened;
  if (shed_left_ > 0 && now - active >= kShedIdleMs) {
    --shed_left_;
    ++counters_.shed;
    refuse_overload(link, {});
    return close_link(link);
  }
  if (!link.had_packet && now - link.opened >= limits::kFirstPacketMs) {
    return give_up("no complete packet came within 10 seconds");
  }
  if (link.session == nullptr && now - link.opened >= limits::kLoginMs) {
    return give_up("the log-in was not complete within 20 seconds");
  }
  if (now - link.last_byte >= limits::kIdleMs && !link.paused) {
    return give_up("nothing came for 300 seconds; send NOTIFY with type ping to stay");
  }
  if (is_stuck(link, now)) return give_up("nothing was read for 300 seconds while answers waited");
  if (!link.reader.in_packet() || link.paused) return;
  const std::size_t got = link.reader.packet_bytes();
  if (now - link.last_byte >= limits::kSlowWindowMs)
    return give_up("a packet was begun and not continued");
  if (now - link.window_start < limits::kSlowWindowMs) return;
  constexpr std::size_t kLeast = limits::kSlowBytesPerSecond * limits::kSlowWindowMs / 1000;
  if (got < link.window_bytes + kLeast)
    return give_up("a packet comes at less than 64 bytes a second");
  link.window_start = now;
  link.window_bytes = got;
}

// --- memory
// ------------------------------------------------------------------------------------------------------

MemoryLevel StationCore::memory_used(std::size_t bytes) {
  const MemoryLevel before = memory_;
  memory_ = memory_level(bytes, config_.memory_bytes, before);
  if (memory_ == before) return memory_;
  constexpr std::array<std::string_view, 4> kDetails{
      "there is enough again", "80 % is used: no new connections",
      "90 % is used: idle connections are closed", "95 % is used: new work is refused"};
  event(memory_ > before ? StationEvent::Level::warn : StationEvent::Level::info, "memory", {},
        kDetails[static_cast<std::size_t>(memory_)]);
  config_.send_queue_bytes = memory_ >= MemoryLevel::shed_idle
                                 ? std::min(send_queue_asked_, kShortQueue)
                                 : send_queue_asked_;
  return memory_;
}

void StationCore::refuse_overload(LinkState& link, std::string_view reply) {
  ++counters_.refused_memory;
  refuse(link, reply, {Errc::overloaded, "the station is short of memory; come back in a minute"});
}

// --- commits
// ------------------------------------------------------------------------------------------------------

void StationCore::submit(std::vector<Write> writes, Completion done) {
  std::vector<std::string> owners;
  for (const Write& write : writes) {
    const auto* document = std::get_if<PutDocument>(&write);
    if (document == nullptr || is_record(document->type)) continue;
    ++documents_under_way_[document->id];
    owners.push_back(document->id);
  }
  if (!owners.empty()) {
    done = [this, owners = std::move(owners),
            then = std::move(done)](const Result<std::vector<Written>>& written) {
      for (const std::string& owner : owners) {
        const auto found = documents_under_way_.find(owner);
        if (--found->second == 0) documents_under_way_.erase(found);
      }
      then(written);
    };
  }
  PendingWrite pending{batch_.size(), writes.size(), std::move(done)};
  for (Write& write : writes) batch_.push_back(std::move(write));
  pending_.push_back(std::move(pending));
}

/// A removed device takes no place of others, but stays known, so that no visa it once had comes
/// back; beyond 32 of them each takes one.
std::size_t StationCore::count_documents(const std::string& user,
                                         std::span<const StoredDocument> stored) const {
  constexpr std::size_t kRemovedFree = 32;
  std::size_t kept = 0, removed = 0;
  for (const StoredDocument& one : stored) {
    if (is_record(one.type)) continue;
    ++(one.type == "visa" && is_removed_visa(one) ? removed : kept);
  }
  const auto under_way = documents_under_way_.find(user);
  return kept + (removed > kRemovedFree ? removed - kRemovedFree : 0) +
         (under_way != documents_under_way_.end() ? under_way->second : 0);
}

void StationCore::submit_message(PendingMessage pending) {
  inflight_bytes_ += pending.message.content.size();
  const std::size_t first = batch_.size();
  // Acknowledgements reach the store late; until then an inbox looks fuller than it is.
  std::vector<Cursor> acked(pending.receivers.size());
  std::ranges::transform(pending.receivers, acked.begin(), [&](const std::string& owner) {
    const auto known = acked_.find(owner);
    return known == acked_.end() ? Cursor{0} : known->second;
  });
  batch_.emplace_back(
      PutMessage{pending.message, pending.receivers, std::move(acked), std::move(pending.media)});
  if (DIM_FAULT("duplicate-accepted")) {
    std::get<PutMessage>(batch_.back()).message.guid = Guid::make(clock_.now(), random_);
  }
  pending_.push_back({first, 1, std::move(pending)});
}

void StationCore::flush_batch() {
  if (batch_.empty()) return;
  auto pending = std::make_shared<std::vector<PendingWrite>>(std::exchange(pending_, {}));
  std::vector<Write> writes = std::exchange(batch_, {});
  batch_.reserve(writes.size());
  pending_.reserve(pending->size());
  ++counters_.commits;
  committer_.submit(std::move(writes),
                    [this, pending](const Result<std::vector<Written>>& written) {
                      committed(*pending, written);
                    });
}

void StationCore::committed(std::vector<PendingWrite>& pending,
                            const Result<std::vector<Written>>& written) {
  if (!written) {
    ++counters_.commit_errors;
    const bool full = written.error().code == Errc::insufficient_storage;
    event(StationEvent::Level::error, full ? "disk-full" : "store-failed", {},
          written.error().hint);
    // security.md 4.1: after any other failure nothing can be believed to be on the disk.
    if (!full) failed_ = true;
  }
  for (PendingWrite& one : pending) {
    if (auto* message = std::get_if<PendingMessage>(&one.what)) {
      inflight_bytes_ -= std::min(inflight_bytes_, message->message.content.size());
      message_committed(*message, written, one.first);
    } else if (written) {
      const auto begin = written->begin() + static_cast<std::ptrdiff_t>(one.first);
      std::get<Completion>(one.what)(
          std::vector<Written>(begin, begin + static_cast<std::ptrdiff_t>(one.count)));
    } else {
      std::get<Completion>(one.what)(written);
    }
  }
  if (failed_) {
    for (auto& [id, link] : links_) {
      if (!link->closing) {
        refuse_and_close(*link, {},
                         {Errc::internal, "the station cannot store anything any more and stops"});
      }
    }
    gateway_->stop();
  }
}

void StationCore::open_request(LinkState& link, const std::string& id) {
  ++link.unanswered;
  if (!id.empty()) link.open.push_back(id);
}

LinkState* StationCore::finish_request(LinkId id, const std::string& reply) {
  LinkState* link = find(id);
  if (link == nullptr) return nullptr;
  if (link->unanswered > 0) --link->unanswered;
  if (!reply.empty()) {
    const auto found = std::ranges::find(link->open, reply);
    if (found != link->open.end()) {
      if (found != link->open.end() - 1) *found = std::move(link->open.back());
      link->open.pop_back();
    }
  }
  if (link->paused) wake(*link);
  return link;
}

// --- operator
// -----------------------------------------------------------------------------------------------------

void StationCore::reload(const Quotas& quotas, std::set<std::string, std::less<>> bans) {
  config_.quotas = quotas;
  config_.bans = std::move(bans);
  std::vector<UserSession*> banned;
  sessions_.each([&](UserSession& session) {
    if (admin_->keeps_out(session.user)) banned.push_back(&session);
  });
  for (UserSession* session : banned) {
    event(StationEvent::Level::warn, "banned", session->user, "session ended");
    for (LinkState* lane : session->lanes) {
      if (lane != nullptr)
        refuse(*lane, {}, {Errc::forbidden, "this user is banned from the station"});
    }
    end_session(*session, "banned", true);
  }
  gateway_->end_banned();
}

void StationCore::stop() {
  stopping_ = true;
  flush_acks();
  for (auto& [id, link] : links_) {
    if (!link->closing) {
      refuse_and_close(*link, {},
                       {Errc::unavailable, "this station is stopping; come back in a minute"});
    }
  }
  gateway_->stop();
}

}  // namespace dim
