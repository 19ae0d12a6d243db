// Messages of reference clients for others: to the disk, to the receiver's devices, and the receipt
// that says so. Pushes to reference clients, and what they have acknowledged.
#include <algorithm>

#include "dim/engine/verify.h"
#include "dim/message/delivery.h"
#include "dim/packet/uri.h"
#include "server/bridge.h"
#include "server/gateway.h"
#include "server/gateway_copy.h"

namespace dim {
namespace {

constexpr Millis kHoldMs = 1'000;      // wire-2026.md 9: a client is not ready right after DIM!
constexpr Millis kResendMs = 120'000;  // wire.md 1.3
constexpr unsigned kTries = 3;
constexpr std::size_t kUnackedMessages = 1'024;
constexpr std::size_t kUnackedBytes = 1 * limits::kMiB;
constexpr std::size_t kPageBytes = 256 * limits::kKiB;

}  // namespace

// --- from the client

void Gateway::relay(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  const Id& receiver = message.sealed.envelope.receiver;
  const Millis now = core_.clock_.monotonic();
  // Clients of the reference answer every text with two commands. The type outside is no more than
  // the sender's word, which is enough for a quota.
  const Quotas& quotas = core_.config_.quotas;
  if (message.sealed.envelope.type == "136")
    slow_down(link, left(link).receipts, quotas.receipts());
  else
    slow_down(link, left(link).messages, quotas.messages);
  if (link.subnet != 0) {
    slow_down(link, core_.subnets_.at(link.subnet, now).messages,
              core_.config_.quotas.subnet_messages);
  }
  const auto unread = [&](const Error& error) {
    core_.event(StationEvent::Level::error, "store-read", receiver.text(), error.hint);
    give_up(link.id, ticket);
  };
  const auto refused = [&](std::string_view text) {
    ++core_.counters_.messages_refused;
    relay_receipt(link, ReceiptContent::origin_of(message.json, std::nullopt), text);
    finish(link.id, ticket);
  };
  if (receiver.is_broadcast()) {
    // A registered name stands for its owner (wire.md 6); nobody else is reached this way.
    const auto owner = receiver.type() == EntityType::any
                           ? owner_of_name(receiver.name())
                           : Result<std::optional<std::string>>(std::nullopt);
    if (!owner) return unread(owner.error());
    if (!*owner) return refused("Nobody has this name at this station.");
    if (const auto known = is_known(**owner); !known) return unread(known.error());
    if (NeighbourState* away = bridge_->home_of(**owner))
      return bridge_->redirect(link, message, *away, *owner, ticket);
    return store(link, message, **owner, ticket);
  }
  if (receiver.is_group()) return refused("This station keeps no groups; send each member a copy.");
  if (bridge_->relay(link, message, ticket)) return;
  const std::string user = receiver.bare().text();
  const auto known = is_known(user);
  if (!known) return unread(known.error());
  if (!*known) return refused("Nobody with this ID has logged in at this station.");
  store(link, message, user, ticket);
}

/// Who bears the name; an error when the store cannot be read.
Result<std::optional<std::string>> Gateway::owner_of_name(std::string_view text) {
  const auto name = parse_graphical_id(text);
  if (!name) return std::nullopt;
  return core_.reads_.owner_of(*name);
}

/// Whether they have logged in here, or a neighbour has brought them; an error when the store
/// cannot be read, also that of their devices, which decide on inboxes.
Result<bool> Gateway::is_known(const std::string& user) {
  if (!core_.known_user(user)) {
    const auto identity = core_.reads_.identity(user);
    if (!identity) return std::unexpected(identity.error());
    if (!*identity) return false;
  }
  if (const auto devices = core_.receiver_of(user); !devices)
    return std::unexpected(devices.error());
  return true;
}

void Gateway::store(GatewayLink& link, const SignedMessage& message, const std::string& user,
                    std::uint64_t ticket) {
  const auto found = core_.receiver_of(user);
  if (!found) {
    core_.event(StationEvent::Level::error, "store-read", user, found.error().hint);
    return give_up(link.id, ticket);
  }
  const Receiver& to = **found;
  if (to.blocked.contains(link.user)) {
    // Whoever is blocked sees what they would see if the receiver were away.
    relay_receipt(link, ReceiptContent::origin_of(message.json, std::nullopt), "Message cached.");
    return finish(link.id, ticket);
  }
  JsonObject clean = without_hints(message.json, true);
  if (!link.terminal.empty() && link.owner != link.user) clean.set("from", "/" + link.terminal);
  PendingMessage pending{.link = {},
                         .reply = {},
                         .message = {.cursor = 0,
                                     .guid = guid_of(message),
                                     .time = core_.clock_.now(),
                                     .author = link.user,
                                     .type = "message",
                                     .content = write_json(clean, JsonStyle::reference)},
                         .receivers = owners_with_key(message.sealed, to.owners),
                         .done = {},
                         .is_own_copy = is_own_copy(message)};
  pending.done = [this, id = link.id, ticket, author = link.user,
                  origin = ReceiptContent::origin_of(message.json, std::nullopt)](
                     const Result<Accepted>& outcome, bool taken) mutable {
    GatewayLink* target = find(id);
    if (!outcome) return give_up(id, ticket);
    if (*outcome == Accepted::repeated || *outcome == Accepted::conflict)
      ++core_.counters_.messages_repeated;
    if (target == nullptr) return;
    if (target->user == author) {
      relay_receipt(*target, std::move(origin),
                    *outcome == Accepted::full ? "The receiver's inbox is full."
                    : taken                    ? "Message delivered."
                                               : "Message cached.");
    }
    finish(id, ticket);
  };
  core_.submit_message(std::move(pending));
}

/// What happened to a message. Waits for the end of the turn: the crew seals several at once.
void Gateway::relay_receipt(GatewayLink& link, JsonObject origin, std::string_view text) {
  if (link.receipts_due.empty()) due_.push_back(link.id);
  link.receipts_due.emplace_back(
      ReceiptContent::make(text, std::move(origin), core_.clock_.now(), core_.random_));
  // Mars: a message of its own is the answer to a frame.
  if (link.frames.framing() == Framing::mars) send_receipts(link);
}

// --- to the client

void Gateway::go_online(GatewayLink& link, bool after_login) {
  if (link.active) return;
  link.active = true;
  link.caught_up = false;
  // The store may still have what was acknowledged on the connection before.
  if (const auto acked = core_.acked_.find(link.owner); acked != core_.acked_.end()) {
    link.sent = std::max(link.sent, acked->second);
    link.acked = std::max(link.acked, acked->second);
  }
  readers_[link.owner].push_back(&link);
  if (after_login) {
    link.push_from = core_.clock_.monotonic() + kHoldMs;
    waiting_.push_back(link.id);
  } else {
    pump(link);
  }
}

void Gateway::go_offline(GatewayLink& link) {
  if (!link.active) return;
  link.active = false;
  link.push_from = 0;
  const auto found = readers_.find(link.owner);
  if (found != readers_.end()) {
    std::erase(found->second, &link);
    if (found->second.empty()) readers_.erase(found);
  }
  if (link.acked > 0) core_.remember_ack(link.owner, link.acked);
}

bool Gateway::has_room(const GatewayLink& link) const {
  return link.unacked.size() < kUnackedMessages && link.unacked_bytes < kUnackedBytes &&
         link.queued() < core_.config_.send_queue_bytes;
}

bool Gateway::deliver(const std::string& owner, Cursor cursor, const PendingMessage& pending) {
  const auto found = readers_.find(owner);
  if (found == readers_.end()) return false;
  bool taken = false;
  const std::vector<GatewayLink*> readers = found->second;  // one of them may close meanwhile
  for (GatewayLink* link : readers) {
    if (link->closing) continue;
    if (cursor <= link->sent) {
      taken = true;
      continue;
    }
    if (link->push_from != 0) continue;  // comes out of the store in a moment
    if (!link->caught_up) {
      pump(*link);
      taken |= cursor <= link->sent;
      continue;
    }
    if (!has_room(*link)) {
      // R9: the rest stays in the store, in its place, until there is room.
      link->caught_up = false;
      ++core_.counters_.pauses_for_slow_reader;
      continue;
    }
    push(*link, cursor, pending.message.content, pending.is_own_copy);
    ++core_.counters_.pushed_live;
    taken = true;
  }
  return taken;
}

/// Reads on from the store, in order, until the client has all of it or enough is under way.
void Gateway::pump(GatewayLink& link) {
  if (!link.active || link.closing || link.push_from != 0) return;
  while (!link.caught_up && has_room(link)) {
    const auto page = core_.reads_.inbox(link.owner, link.sent, limits::kHistoryPage, kPageBytes);
    if (!page) {
      core_.event(StationEvent::Level::error, "store-read", link.owner, page.error().hint);
      if (page.error().code == Errc::internal && page.error().at != 0) {
        // One record is rotten (security.md 4.1): the ones behind it are not.
        constexpr Cursor kWrap = Cursor{1} << 32;
        Cursor rotten = (link.sent & ~(kWrap - 1)) + page.error().at;
        if (rotten <= link.sent) rotten += kWrap;
        link.sent = rotten;
        continue;
      }
      return close_link(link);
    }
    if (page->empty()) {
      link.caught_up = true;
      return;
    }
    for (const StoredMessage& message : *page) {
      push(link, message.cursor, message.content);
      ++core_.counters_.pushed_from_store;
      if (!has_room(link)) break;
    }
  }
}

void Gateway::push(GatewayLink& link, Cursor cursor, const std::string& content, bool is_own_copy) {
  link.sent = cursor;
  if (link.neighbour != nullptr) return send_text(link, cursor, bridge_->outgoing(link, content));
  if (is_own_copy && link.device->terminal().empty()) return send_text(link, cursor, content);
  const auto message = SignedMessage::parse(content);
  // What was stored has been parsed before; if it cannot be now, the client could do no better.
  send_text(link, cursor, message ? copy_for_device(*message, *link.device) : content);
}

void Gateway::send_text(GatewayLink& link, Cursor cursor, std::string_view text) {
  if (link.closing) return;
  OutgoingFrame frame = link.frames.encode_message(text);
  give_bytes(link, frame.bytes);
  ++link.messages_sent;
  GatewaySent sent{.handle = frame.handle,
                   .cursor = cursor,
                   .time = core_.clock_.monotonic(),
                   .is_acked = frame.is_acked};
  if (!frame.is_acked && cursor == 0) return;
  if (frame.is_acked) {
    // An answer too many will not be tried again.
    if (cursor == 0 &&
        (link.unacked_bytes >= 2 * kUnackedBytes || link.unacked.size() >= 2 * kUnackedMessages)) {
      return;
    }
    link.unacked_bytes += frame.bytes.size();
    sent.bytes = std::move(frame.bytes);
  }
  link.unacked.push_back(std::move(sent));
}

void Gateway::on_ack(GatewayLink& link, std::uint64_t handle) {
  const auto found = std::ranges::find_if(
      link.unacked, [&](const GatewaySent& sent) { return sent.handle == handle && !sent.done; });
  if (found == link.unacked.end()) return;
  link.unacked_bytes -= std::min(link.unacked_bytes, found->bytes.size());
  if (found->cursor == 0 || (link.given_up != 0 && found->cursor > link.given_up)) {
    // An answer waits for nothing before it; behind what was given up nothing will leave the inbox.
    link.unacked.erase(found);
  } else {
    found->done = true;
    found->bytes = {};
  }
  take_acked(link);
}

/// WebSocket has no acknowledgement unless the client sends some: what has left is delivered.
void Gateway::take_written(GatewayLink& link) {
  if (link.unacked.empty() || link.queued() != 0) return;
  for (GatewaySent& sent : link.unacked) {
    if (!sent.is_acked) sent.done = true;
  }
  take_acked(link);
}

/// A15: only what the client has, and everything before it, leaves the inbox.
void Gateway::take_acked(GatewayLink& link) {
  const Cursor before = link.acked;
  while (!link.unacked.empty() && link.unacked.front().done) {
    const Cursor cursor = link.unacked.front().cursor;
    if (link.given_up == 0 || cursor < link.given_up) link.acked = std::max(link.acked, cursor);
    link.unacked.pop_front();
  }
  if (link.acked > before) core_.remember_ack(link.owner, link.acked);
  if (!link.caught_up) pump(link);
}

void Gateway::resend(GatewayLink& link, Millis now) {
  for (GatewaySent& sent : link.unacked) {
    if (now - sent.time < kResendMs || sent.done || !sent.is_acked || sent.bytes.empty()) continue;
    if (sent.tries >= kTries) {
      // Given up: an answer is forgotten; a message keeps its place in the inbox, and comes again
      // with the next connection. What is behind it goes on meanwhile.
      link.unacked_bytes -= std::min(link.unacked_bytes, sent.bytes.size());
      sent.bytes = {};
      sent.done = true;
      if (sent.cursor != 0 && (link.given_up == 0 || sent.cursor < link.given_up))
        link.given_up = sent.cursor;
      continue;
    }
    ++sent.tries;
    sent.time = now;
    give_bytes(link, sent.bytes);
  }
  if (link.given_up != 0) {
    std::erase_if(link.unacked, [&](const GatewaySent& sent) {
      return sent.done && sent.cursor >= link.given_up;
    });
  }
  take_acked(link);
}

std::optional<Cursor> Gateway::least_acked(std::string_view owner) const {
  std::optional<Cursor> least;
  const auto found = readers_.find(owner);
  if (found == readers_.end()) return least;
  for (const GatewayLink* link : found->second)
    least = std::min(least.value_or(link->acked), link->acked);
  return least;
}

}  // namespace dim
