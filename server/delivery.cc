// Messages: from the sender to the disk, from there to the receiver's sessions in cursor order.
#include <algorithm>
#include <cstring>
#include <limits>

#include "dim/base/fault.h"
#include "dim/native/device_keys.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway.h"
#include "server/gateway_copy.h"
#include "server/hubs.h"
#include "server/page_limit.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr std::size_t kPageBytes = 256 * limits::kKiB;
constexpr std::size_t kPushAheadBytes =
    1 * limits::kMiB;  // of an old inbox; the live queue may grow to its limit
constexpr std::size_t kKnownUsers = 200'000;
// A device that has not renewed its visa for so long gets no copies; reference clients renew it at
// every log-in, ours every 90 days.
constexpr Millis kDeviceLife = Millis{180} * 24 * 3'600'000;

/// The IDs of a mute or block record.
std::set<std::string, std::less<>> listed_in(const std::string& record) {
  std::set<std::string, std::less<>> out;
  const auto object = parse_json_object(record);
  const Json* list = object ? object->find("list") : nullptr;
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& one : *list->array()) {
    if (one.text() != nullptr) out.insert(*one.text());
  }
  return out;
}

/// What a document says that was verified when it was stored.
JsonObject properties_of(const StoredDocument& document) {
  const auto object = parse_json_object(document.document);
  const std::string* data = object ? object->text("data") : nullptr;
  auto properties = data != nullptr ? parse_json_object(*data) : JsonObject();
  return properties ? std::move(*properties) : JsonObject();
}

bool says_removed(const JsonObject& visa) {
  const Json* removed = visa.find("removed");
  return removed != nullptr && removed->boolean() != nullptr && *removed->boolean();
}

}  // namespace

// --- CREATE
// -------------------------------------------------------------------------------------------------------

/// Has logged in here at some time. Nobody else gets an inbox: IDs cost nothing, disks do.
bool StationCore::known_user(const std::string& id) {
  if (!sessions_.of(id).empty()) return true;
  if (known_.contains(id)) return true;
  const auto identity = reads_.identity(id);
  if (!identity || !*identity) return false;
  if (known_.size() >= kKnownUsers) known_.clear();
  known_.emplace(id, true);
  return true;
}

bool is_removed_visa(const StoredDocument& visa) { return says_removed(properties_of(visa)); }

/// Inboxes: one for each device that has a visa. Without any visa, the user's own.
Result<const Receiver*> StationCore::receiver_of(const std::string& user) {
  if (const auto found = receivers_.find(user); found != receivers_.end()) return &found->second;
  const auto documents = reads_.documents(user);
  if (!documents) return std::unexpected(documents.error());
  if (receivers_.size() >= kKnownUsers) receivers_.clear();
  Receiver& receiver = receivers_[user];
  std::vector<std::string>& owners = receiver.owners;
  if (const auto id = Id::parse(user)) {
    Millis newest = 0;
    for (const StoredDocument& one : *documents) {
      if (one.type == "visa") newest = std::max(newest, one.time);
    }
    for (const StoredDocument& one : *documents) {
      if (one.type == kBlockRecord) receiver.blocked = listed_in(one.document);
      if (one.type != "visa") continue;
      const JsonObject visa = properties_of(one);
      if (says_removed(visa)) {
        receiver.removed_at = std::max(receiver.removed_at, one.time);
        continue;
      }
      if (one.time + kDeviceLife < newest) continue;
      owners.push_back(inbox_owner(*id, one.terminal));
      if (const Json* named = visa.find("n1")) {
        if (const auto keys = native::DevicePublic::parse(*named))
          receiver.native.emplace(one.terminal, keys->sig);
      }
    }
  }
  if (owners.empty()) owners.push_back(user);
  return &receiver;
}

/// Where a session with that terminal reads. Devices without a visa share the user's own inbox.
Result<std::string> StationCore::inbox_of(const std::string& user, const std::string& terminal) {
  const std::string device = terminal.empty() ? user : user + "/" + terminal;
  const auto receiver = receiver_of(user);
  if (!receiver) return std::unexpected(receiver.error());
  const std::vector<std::string>& owners = (*receiver)->owners;
  return std::ranges::find(owners, device) != owners.end() ? device : user;
}

void StationCore::create_message(StationRequest& request) {
  Packet& packet = request.packet;
  if (packet.get("type") == "message" && Guid::parse(packet.get("target")))
    return hubs_->create_message(request);
  const auto refused = [&](const Error& error) {
    ++counters_.messages_refused;
    refuse(request, error);
  };
  const auto forged = [&](const Error& error) {
    // As a failed log-in it counts for the network. Soft: who writes with the right key goes on.
    if (request.link.subnet == 0) return refused(error);
    const Millis now = clock_.monotonic();
    const Rate& rate = config_.quotas.subnet_failures;
    TokenBucket& failures = subnets_.at(request.link.subnet, now).failures;
    const Millis wait = failures.wait(rate, now);
    failures.charge(rate, now);
    if (wait == 0) return refused(error);
    ++counters_.messages_refused;
    refuse_quota(request, wait);
  };
  auto guid = Guid::parse(packet.get("guid"));
  if (!guid)
    return refused(
        error_of(Errc::bad_request, "a message needs guid: 32 hex digits that the client chose"));
  // A14: the gateway names messages after their bytes, which others may know before it has them.
  if (is_name_of_bytes(*guid)) {
    return refused(error_of(Errc::bad_request,
                            "guids of version 8 are the station's; version 7 or 4 is right"));
  }
  if (!packet.content)
    return refused(error_of(Errc::bad_request, "a message needs content: the signed message"));
  auto targets = packet.list("target");
  if (!targets) return refused(targets.error());
  if (targets->empty())
    return refused(error_of(Errc::bad_request, "a message needs target: the receiver's ID"));
  // Parsing IDs would be half of parsing a message, and these two most likely are online.
  const auto& at_target = sessions_.of(targets->front());
  const UserSession* const receiving = at_target.empty() ? nullptr : at_target.front();
  const auto id_of = [](const UserSession* session) {
    return session != nullptr && session->id ? &*session->id : nullptr;
  };
  const std::array known{id_of(&request.session), id_of(receiving)};
  auto message = SignedMessage::parse(*packet.content, Reading::strict, {}, known);
  if (!message) return refused(message.error());
  const Envelope& envelope = message->sealed.envelope;
  // One of the suite N1 is signed together with its GUID, and comes under no other.
  if (message->json.find("sigv") != nullptr) {
    const std::string* named = message->json.text("guid");
    if (named == nullptr || *named != guid->text())
      return refused(
          error_of(Errc::bad_request, "guid is not the one that this message was signed with"));
  }
  // A21: nobody speaks for somebody else.
  if (envelope.sender.bare_text() != request.session.user && !DIM_FAULT("sender-unchecked")) {
    return forged(
        error_of(Errc::unauthorised, "the message's sender is not the user of this session"));
  }
  if (envelope.receiver.is_group() || envelope.receiver.is_broadcast()) {
    return refused(
        error_of(Errc::not_found, "this station keeps no groups; send each member a copy"));
  }
  const std::string receiver(envelope.receiver.bare_text());
  for (const auto& text : *targets) {
    if (text == receiver) continue;
    auto target = Id::parse(text);
    if (!target) return refused(target.error());
    if (!target->same_entity(envelope.receiver)) {
      return refused(error_of(Errc::bad_request, "target is not the receiver of the message"));
    }
  }
  // Whose they are the store sees; what is not its author's is not refused, so that a repetition is
  // answered as the first time whatever has become of a file.
  auto media = read_media_of_message(packet);
  if (!media) return refused(media.error());
  if (!known_user(receiver)) {
    return refused(
        error_of(Errc::not_found, "nobody with this ID has ever logged in at this station"));
  }
  if (!request.session.keys.empty() || !request.session.bound ||
      config_.verify == VerifyMode::always) {
    const bool valid = std::ranges::any_of(request.session.keys, [&](const PublicKey& key) {
      return key.verify(message->sealed.data, message->signature);
    });
    if (!valid)
      return forged(
          error_of(Errc::signature, "the signature does not verify with the sender's keys"));
  }
  if (NeighbourState* away = gateway_->bridge().home_of(receiver))
    return forward_message(request, *guid, *message, *away);
  const auto found = receiver_of(receiver);
  if (!found) return read_failed(request.link, request.id, found.error());
  const Receiver& to = **found;
  if (to.blocked.contains(request.session.user)) {
    // Whoever is blocked sees what they would see if the receiver were away.
    Packet calm = Packet::response(202, request.id);
    return send(request.link, calm.set("guid", guid->text()).set("time", time_text(clock_.now())));
  }
  PendingMessage pending{.link = request.link.id,
                         .reply = request.id,
                         .message = {.cursor = 0,
                                     .guid = *guid,
                                     .time = clock_.now(),
                                     .author = request.session.user,
                                     .type = std::string(packet.get("type")),
                                     .content = std::move(*packet.content)},
                         .receivers = owners_with_key(message->sealed, to.owners),
                         .done = {},
                         .media = media->value_or(std::vector<Guid>())};
  if (DIM_FAULT("early-ack")) {  // and the disk is one message behind
    Packet early = Packet::response(202, request.id);
    send(request.link, early.set("guid", guid->text()).set("time", time_text(clock_.now())));
    static std::optional<PendingMessage> behind;
    pending.link = LinkId{};
    if (behind) submit_message(std::move(*behind));
    behind = std::move(pending);
    return;
  }
  open_request(request.link, request.id);
  submit_message(std::move(pending));
}

void StationCore::message_committed(PendingMessage& pending,
                                    const Result<std::vector<Written>>& all, std::size_t index) {
  if (pending.done) return legacy_committed(pending, all, index);
  const Guid& guid = pending.message.guid;
  const auto answer_with = [&](Packet packet) {
    if (LinkState* link = finish_request(pending.link, pending.reply)) send(*link, packet);
  };
  if (!all) return answer_with(Packet::response(all.error(), pending.reply));
  const Written& written = (*all)[index];
  AnswerCache::Entry entry{pending.message.time, false};
  switch (written.accepted) {
    case Accepted::conflict:
      if (DIM_FAULT("guid-reuse")) break;
      ++counters_.messages_refused;
      return answer_with(Packet::response(
          error_of(Errc::conflict, "this guid belongs to a message with other content"),
          pending.reply));
    case Accepted::full:
      ++counters_.messages_refused;
      return answer_with(Packet::response(
          error_of(Errc::insufficient_storage,
                   "the receiver's inbox has no room for more of yours; try again when it has been "
                   "read"),
          pending.reply));
    case Accepted::repeated:
      ++counters_.messages_repeated;
      entry = answers_.find(guid).value_or(entry);
      break;
    case Accepted::stored:
      ++counters_.messages_stored;
      for (std::size_t i = 0; i < pending.receivers.size() && i < written.cursors.size(); ++i) {
        entry.taken |= deliver(pending.receivers[i], written.cursors[i], pending);
      }
      answers_.put(guid, entry);
      break;
  }
  const bool taken = entry.taken && !DIM_FAULT("online-202");
  Packet packet = Packet::response(taken ? 201 : 202, pending.reply);
  packet.set("guid", guid.text()).set("time", time_text(entry.time));
  answer_with(std::move(packet));
}

void StationCore::legacy_committed(PendingMessage& pending, const Result<std::vector<Written>>& all,
                                   std::size_t index) {
  if (!all) return pending.done(std::unexpected(all.error()), false);
  const Written& written = (*all)[index];
  bool taken = false;
  if (written.accepted == Accepted::stored) {
    ++counters_.messages_stored;
    for (std::size_t i = 0; i < pending.receivers.size() && i < written.cursors.size(); ++i) {
      taken |= deliver(pending.receivers[i], written.cursors[i], pending);
    }
  }
  pending.done(written.accepted, taken);
}

// --- pushes
// -------------------------------------------------------------------------------------------------------

std::string StationCore::encode_push(const std::string& user, Cursor cursor,
                                     const StoredMessage& message, Checksum checksum) {
  Packet push = Packet::request(Operation::create);
  push.fields.reserve(6);
  push.fields.emplace_back("type", message.type);
  push.fields.emplace_back("author", message.author);
  push.fields.emplace_back("target", user);
  push.fields.emplace_back("guid", message.guid.text());
  push.fields.emplace_back("time", time_text(message.time));
  push.fields.emplace_back("cursor", std::to_string(cursor));
  return write_packet(push, message.content, checksum);
}

/// Pushes what was just committed to every session that has everything before it. True when one of
/// them took it.
bool StationCore::deliver(const std::string& owner, Cursor cursor, const PendingMessage& pending) {
  bool taken = gateway_->deliver(owner, cursor, pending);
  const StoredMessage& message = pending.message;
  std::array<std::string, 2> encoded;  // for each checksum, made once
  const std::string_view user = std::string_view(owner).substr(0, owner.find('/'));
  for (UserSession* session : sessions_.of(user)) {
    if (session->inbox != owner) continue;
    LinkState* link = session->lanes[static_cast<std::size_t>(Lane::text)];
    if (link == nullptr || !link->pushing || link->closing) continue;
    if (cursor <= link->sent) {  // it came out of the store a moment ago
      taken = true;
      continue;
    }
    if (!link->caught_up) {
      // Behind, and perhaps with room again: then the store has this message too.
      if (link->queued() < kPushAheadBytes / 4) pump(*link);
      taken |= cursor <= link->sent;
      continue;
    }
    if (link->queued() + message.content.size() > config_.send_queue_bytes) {
      // R9: the rest stays in the store until there is room.
      link->caught_up = false;
      ++counters_.pauses_for_slow_reader;
      // Nothing will drain where nothing waits: one message larger than the queue goes alone.
      if (link->queued() == 0) pump(*link);
      taken |= cursor <= link->sent;
      continue;
    }
    std::string& bytes = encoded[static_cast<std::size_t>(session->checksum)];
    if (bytes.empty()) bytes = encode_push(session->user, cursor, message, session->checksum);
    if (DIM_FAULT("pushes-swapped") && !link->out.empty()) {
      link->out.insert(0, bytes);
    } else {
      send(*link, bytes);
    }
    link->sent = cursor;
    ++counters_.pushed_live;
    taken = true;
  }
  return taken;
}

void StationCore::start_pushing(LinkState& link, Cursor after) {
  link.pushing = true;
  link.caught_up = false;
  link.sent = DIM_FAULT("after-off-by-one") && after > 0 ? after - 1 : after;
  link.session->acked = std::max(link.session->acked, Cursor{0});
  pump(link);
}

/// Reads on from the store until the reader has all of it or enough is queued.
void StationCore::pump(LinkState& link) {
  if (!link.pushing || link.closing || link.session == nullptr) return;
  const std::size_t most = std::min(kPushAheadBytes, config_.send_queue_bytes);
  while (!link.caught_up && link.queued() < most) {
    const auto page = reads_.inbox(link.session->inbox, link.sent, limits::kHistoryPage,
                                   std::min(kPageBytes, most - link.queued()));
    if (!page) {
      event(StationEvent::Level::error, "store-read", link.session->user, page.error().hint);
      if (page.error().code == Errc::internal && page.error().at != 0) {
        // One record is rotten (security.md 4.1): the ones behind it are not.
        constexpr Cursor kWrap = Cursor{1} << 32;
        Cursor rotten = (link.sent & ~(kWrap - 1)) + page.error().at;
        if (rotten <= link.sent) rotten += kWrap;
        link.sent = rotten;
        continue;
      }
      return refuse_and_close(
          link, {}, error_of(Errc::internal, "the inbox cannot be read; tell the operator"));
    }
    if (page->empty()) {
      link.caught_up = true;
      return;
    }
    for (const StoredMessage& message : *page) {
      send(link, encode_push(link.session->user, message.cursor, message, link.session->checksum));
      link.sent = message.cursor;
      ++counters_.pushed_from_store;
    }
  }
}

void StationCore::get_message(StationRequest& request) {
  const Packet& packet = request.packet;
  if (packet.has("search") || Guid::parse(packet.get("target")))
    return hubs_->get_messages(request);
  const auto limit = page_limit(packet);
  if (!limit) return refuse(request, limit.error());
  std::array<std::int64_t, 2> bounds{0, std::numeric_limits<std::int64_t>::max()};
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    const std::string_view key = i == 0 ? "after" : "before";
    if (!packet.has(key)) continue;
    const auto cursor = parse_count(packet.get(key));
    if (!cursor)
      return refuse(request,
                    error_of(Errc::bad_request, "after and before are cursors: whole numbers"));
    bounds[i] = *cursor;
  }
  if (DIM_FAULT("page-off-by-one") && bounds[0] > 0) --bounds[0];
  auto page = reads_.inbox(request.session.inbox, bounds[0], *limit + 1, kPushAheadBytes);
  if (!page) return read_failed(request.link, request.id, page.error());
  std::erase_if(*page, [&](const StoredMessage& message) { return message.cursor >= bounds[1]; });
  bool more = page->size() > *limit;
  if (more) page->pop_back();
  if (!more && !page->empty() && page->back().cursor + 1 < bounds[1]) {
    // The page may have ended because of its bytes.
    const auto rest = reads_.inbox(request.session.inbox, page->back().cursor, 1, 1);
    if (!rest) return read_failed(request.link, request.id, rest.error());
    more = !rest->empty() && rest->front().cursor < bounds[1];
  }
  for (const StoredMessage& message : *page) {
    send(request.link,
         encode_push(request.session.user, message.cursor, message, request.session.checksum));
  }
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(page->size()));
  if (more) answer.set("next", std::to_string(page->back().cursor));
  send(request.link, answer);
}

// --- what has arrived
// ---------------------------------------------------------------------------------------------

/// The inbox is removed up to what every session that reads it has stored: the others that are
/// online have it too, then. `upto` is what one of them has said.
void StationCore::remember_ack(const std::string& owner, Cursor highest) {
  std::optional<Cursor> least = gateway_->least_acked(owner);
  const std::string_view user = std::string_view(owner).substr(0, owner.find('/'));
  for (const UserSession* other : sessions_.of(user)) {
    if (other->inbox != owner) continue;
    highest = std::max(highest, other->acked);
    const LinkState* link = other->lanes[static_cast<std::size_t>(Lane::text)];
    if (link == nullptr || !link->pushing || link->closing) continue;
    least = std::min(least.value_or(other->acked), other->acked);
  }
  const Cursor upto = DIM_FAULT("inbox-dropped") ? highest : least.value_or(highest);
  if (upto == 0) return;
  Cursor& done = acked_[owner];
  if (upto <= done) return;
  done = upto;
  acks_[owner] = upto;
}

void StationCore::flush_acks() {
  // Only users online are worth remembering, and those of whom the store does not know it yet; it
  // ignores an old cursor anyway.
  std::erase_if(acked_, [&](const auto& entry) {
    return !acks_.contains(entry.first) && !gateway_->reads(entry.first) &&
           sessions_.of(std::string_view(entry.first).substr(0, entry.first.find('/'))).empty();
  });
  for (const auto& [owner, upto] : acks_) submit(AckInbox{owner, upto});
  acks_.clear();
}

// --- answers again
// ------------------------------------------------------------------------------------------------

std::size_t AnswerCache::Hash::operator()(const Guid& guid) const {
  std::size_t out = 0;
  // The random half of a version 7 GUID.
  std::memcpy(&out, guid.bytes().data() + 8, sizeof out);
  return out;
}

void AnswerCache::put(const Guid& guid, Entry entry) {
  const bool is_new = entries_.insert_or_assign(guid, entry).second;
  if (!is_new) return;
  order_.push_back(guid);
  if (order_.size() > kKept) {
    entries_.erase(order_.front());
    order_.pop_front();
  }
}

std::optional<AnswerCache::Entry> AnswerCache::find(const Guid& guid) const {
  const auto found = entries_.find(guid);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

}  // namespace dim
