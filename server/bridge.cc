// Connections to neighbours: dialled and kept, taken when listed and proven.
#include "server/bridge.h"

#include <algorithm>

#include "server/core.h"

namespace dim {
namespace {

constexpr Millis kScanMs = 1'000;
constexpr Millis kGreetingMs = 30'000;
constexpr Millis kPingMs = 16'000;  // wire.md 1.3
constexpr int kChallenges = 8;      // in one log-in; more and the neighbour does not want us
constexpr std::size_t kRemembered = 10'000;
constexpr Millis kRememberedMs = 3'600'000;

void forget_old(std::map<std::string, Millis, std::less<>>& times, Millis now) {
  std::erase_if(times, [&](const auto& entry) { return now - entry.second >= kRememberedMs; });
  if (times.size() > kRemembered) times.clear();
}

}  // namespace

Bridge::Bridge(Gateway& gateway, StationCore& core) : gateway_(gateway), core_(core) {
  for (const Neighbour& one : core.config_.neighbours)
    neighbours_.emplace_back(one, neighbours_.size());
}

NeighbourState* Bridge::find(const Id& id) {
  for (NeighbourState& one : neighbours_) {
    if (one.config.id.same_entity(id)) return &one;
  }
  return nullptr;
}

/// The connection over which the neighbour is told things now.
GatewayLink* Bridge::up(NeighbourState& neighbour) {
  if (neighbour.phase == NeighbourState::Phase::ready) return neighbour.link;
  return neighbour.guests.empty() ? nullptr : neighbour.guests.back();
}

// --- dialling

void Bridge::dial(NeighbourState& neighbour, Millis now) {
  neighbour.phase = NeighbourState::Phase::dialling;
  neighbour.since = now;
  core_.on_dial_(neighbour.index);
}

void Bridge::unreachable(std::size_t index, const Error& error) {
  NeighbourState& neighbour = neighbours_.at(index);
  if (neighbour.phase != NeighbourState::Phase::dialling) return;
  neighbour.phase = NeighbourState::Phase::idle;
  neighbour.next_dial = core_.clock_.monotonic() + neighbour.backoff.next(core_.random_);
  if (std::exchange(neighbour.told_away, true)) return;
  core_.event(StationEvent::Level::warn, "neighbour-away", neighbour.id, error.hint);
}

void Bridge::opened(std::size_t index, LinkId id, StationLink& link, std::string remote) {
  NeighbourState& neighbour = neighbours_.at(index);
  gateway_.opened(id, link, std::move(remote));
  GatewayLink* state = gateway_.find(id);
  if (state == nullptr) return;  // the station stops
  if (neighbour.phase != NeighbourState::Phase::dialling) return gateway_.close_link(*state);
  state->neighbour = &neighbour;
  state->dialled = true;
  state->subnet = 0;
  state->frames = FrameStream({.framing = Framing::mtp, .first_sn = core_.random_.u64() >> 1});
  neighbour.link = state;
  neighbour.phase = NeighbourState::Phase::greeting;
  neighbour.since = core_.clock_.monotonic();
  neighbour.challenges = 0;
  greet(*state);
}

void Bridge::greet(GatewayLink& link) {
  HandshakeContent hello = HandshakeContent::start(core_.clock_.now(), core_.random_);
  hello.head.group = Id("stations", Address::everywhere());
  hello.rest.set("station", link.neighbour->id);  // A18
  if (!tell(link, Content(std::move(hello)), true)) gateway_.close_link(link);
}

/// What nobody has acknowledged to anybody is not heaped up for a neighbour that reads slowly.
bool Bridge::has_room(const GatewayLink& link) const {
  return link.queued() < core_.config_.send_queue_bytes;
}

/// Encrypted where the neighbour has a key for it.
bool Bridge::tell(GatewayLink& link, const Content& content, bool introduce) {
  if (!has_room(link)) return false;
  const Id& to = link.neighbour->config.id;
  Directory stored(4);
  if (!link.known_is(to)) (void)gateway_.learn_stored(stored, to);
  const Directory& directory = link.known_is(to) ? link.directory : stored;
  const bool readable = !directory.message_keys(to).empty() && !introduce;
  PlainMessage message{.envelope = {.sender = core_.account_.id.bare(),
                                    .receiver = readable ? to : Id("station", Address::anywhere()),
                                    .time = static_cast<double>(core_.clock_.now()) / 1000},
                       .content = encode_content(content)};
  if (introduce) {
    message.envelope.extra.set("meta", core_.account_.meta.json());
    message.envelope.extra.set("visa", core_.account_.visa.json());
  }
  auto sealed = seal(message, core_.account_, directory, {}, core_.random_);
  if (!sealed) {
    core_.event(StationEvent::Level::debug, "neighbour-unanswered", link.neighbour->id,
                sealed.error().hint);
    return false;
  }
  gateway_.send_text(link, 0, write_message(*sealed));
  return true;
}

/// What the station at the other end says to our log-in. Gateway::on_local has verified it.
void Bridge::on_handshake(GatewayLink& link, const HandshakeContent& handshake) {
  NeighbourState& neighbour = *link.neighbour;
  const Known* known = link.directory.find(neighbour.config.id);
  if (neighbour.config.meta &&
      (known == nullptr || !known->meta || known->meta->digest() != *neighbour.config.meta)) {
    core_.event(StationEvent::Level::warn, "neighbour-refused", neighbour.id,
                "its meta is not the one of the configuration");
    return gateway_.close_link(link);
  }
  if (handshake.state() == HandshakeState::again) {
    if (handshake.session.empty() || ++neighbour.challenges > kChallenges) {
      core_.event(StationEvent::Level::warn, "neighbour-refused", neighbour.id,
                  "it does not take the log-in; is this station in its list?");
      return gateway_.close_link(link);
    }
    HandshakeContent proof =
        HandshakeContent::restart(handshake.session, core_.clock_.now(), core_.random_);
    proof.rest.set("station", neighbour.id);  // A18: good for nobody else
    (void)tell(link, Content(std::move(proof)));
    return;
  }
  if (handshake.state() != HandshakeState::success || !link.user.empty() || link.busy) return;
  link.busy = true;
  const auto finished = [this, id = link.id](const Result<std::vector<Written>>& written) {
    GatewayLink* target = gateway_.find(id);
    if (target == nullptr) return;
    target->busy = false;
    if (!written) return gateway_.close_link(*target);
    gateway_.logged_in(*target, target->neighbour->config.id);
    gateway_.wake(*target);
  };
  std::vector<Write> writes = gateway_.what_is_new(link, neighbour.config.id);
  if (writes.empty()) return finished(std::vector<Written>{});
  core_.submit(std::move(writes), finished);
}

// --- log-ins here

Result<NeighbourState*> Bridge::admit(const GatewayLink& link, const Id& id) {
  NeighbourState* neighbour = find(id);
  if (neighbour == nullptr)
    return fail(Errc::forbidden, "only users, bots and listed neighbours log in here");
  if (!neighbour->config.may_come_from(link.remote))
    return fail(Errc::forbidden, "a neighbour logs in from an address that is not listed");
  const Known* known = link.directory.find(id);
  if (neighbour->config.meta &&
      (known == nullptr || !known->meta || known->meta->digest() != *neighbour->config.meta))
    return fail(Errc::meta, "a neighbour's meta is not the one of the configuration");
  return neighbour;
}

/// One connection gets what waits: the dialled one, or the neighbour's own while there is none.
void Bridge::arrived(GatewayLink& link) {
  NeighbourState& neighbour = *link.neighbour;
  core_.event(StationEvent::Level::info, "neighbour-up", neighbour.id,
              link.dialled ? "dialled" : "it has logged in here");
  neighbour.documents.clear();  // it may have been away, or begun anew
  if (!link.dialled) {
    neighbour.guests.push_back(&link);
    if (neighbour.phase != NeighbourState::Phase::ready) gateway_.go_online(link, true);
    return;
  }
  neighbour.phase = NeighbourState::Phase::ready;
  neighbour.backoff.reset();
  neighbour.told_away = false;
  for (GatewayLink* guest : neighbour.guests) gateway_.go_offline(*guest);
  for (const auto& [user, sessions] : gateway_.users_) neighbour.to_tell.insert(user);
  core_.sessions_.each([&](const UserSession& session) { neighbour.to_tell.insert(session.user); });
  send_login_records(neighbour);
  gateway_.go_online(link, false);
}

void Bridge::lost(GatewayLink& link) {
  NeighbourState& neighbour = *link.neighbour;
  if (!link.dialled) {
    std::erase(neighbour.guests, &link);
    return;
  }
  if (neighbour.phase == NeighbourState::Phase::ready)
    core_.event(StationEvent::Level::warn, "neighbour-down", neighbour.id, "the connection ended");
  neighbour.link = nullptr;
  neighbour.phase = NeighbourState::Phase::idle;
  neighbour.next_dial = core_.clock_.monotonic() + neighbour.backoff.next(core_.random_);
  neighbour.introduced.clear();
  neighbour.to_tell.clear();
  neighbour.asked.clear();
  if (GatewayLink* guest = up(neighbour); guest != nullptr && !core_.stopping_)
    gateway_.go_online(*guest, false);
}

// --- time

void Bridge::tick(Millis now) {
  if (core_.stopping_ || core_.failed_) return;
  for (NeighbourState& one : neighbours_) {
    if (one.phase == NeighbourState::Phase::idle && now >= one.next_dial && core_.on_dial_)
      dial(one, now);
    if (one.link == nullptr) continue;
    if (one.phase == NeighbourState::Phase::greeting && now - one.since >= kGreetingMs) {
      core_.event(StationEvent::Level::warn, "neighbour-refused", one.id,
                  "it does not answer the log-in; is this its ID, and this station in its list?");
      gateway_.close_link(*one.link);
    } else if (now - one.link->last_byte >= kPingMs && now - one.last_ping >= kPingMs) {
      one.last_ping = now;
      gateway_.give_bytes(*one.link, one.link->frames.ping());
    }
  }
  if (now < next_scan_) return;
  next_scan_ = now + kScanMs;
  for (NeighbourState& one : neighbours_) {
    send_login_records(one);
    forget_old(one.introduced, now);
    forget_old(one.asked, now);
    while (!one.parked.empty() && one.parked.front().until <= now) {
      const ParkedMessage message = std::move(one.parked.front());
      one.parked.pop_front();
      one.parked_bytes -= message.text.size();
      GatewayLink* link = gateway_.find(message.link);
      if (link == nullptr) continue;
      if (message.may_return)
        gateway_.give_up(message.link, message.ticket);
      else
        refuse(*link, message.ticket, {Errc::not_found, "nobody knows the keys of its sender"});
    }
  }
  // All that ask for the same: one that stays behind would keep the others waiting for its sake.
  while (!questions_.empty() && questions_.front().until <= now)
    answer_questions(std::string(questions_.front().did));
  const std::set<std::string> moving = std::exchange(moving_, {});
  for (const std::string& user : moving) {
    if (is_live(user)) {
      moving_.insert(user);
    } else if (NeighbourState* to = home_of(user)) {
      move_inbox(user, *to);
    }
  }
}

}  // namespace dim
