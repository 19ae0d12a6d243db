// What comes from neighbours (docs/protocol/dimchat-gateway.md section 6).
#include <algorithm>
#include <memory>
#include <utility>

#include "dim/engine/verify.h"
#include "dim/packet/packet.h"
#include "dim/protocol/wire.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway_copy.h"

namespace dim {
namespace {

constexpr std::size_t kParked = 64;
constexpr std::size_t kParkedBytes = 1 * limits::kMiB;
constexpr Millis kParkedMs = 30'000;
constexpr Rate kNewIds{limits::kDocumentsPerHour / 3600.0, limits::kDocumentsPerHour};  // A05

bool is_command(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::ranges::find(names, name) != names.end();
}

/// What the link knows of whoever spoke last may be older than the store.
void forget_sender(GatewayLink& link) {
  if (!link.known) return;
  link.directory.forget(*link.known);
  link.known.reset();
}

}  // namespace

Digest32 body_hash(const SignedMessage& message) {
  Bytes input;
  append_field(input, as_bytes("forwarded body"));
  append_field(input, as_bytes(message.sealed.envelope.sender.bare_text()));
  append_field(input, message.sealed.data);
  return sha256(input);
}

/// Acknowledged and not answered, as everything that does not verify.
void Bridge::refuse(GatewayLink& link, std::uint64_t ticket, const Error& error) {
  ++core_.counters_.messages_refused;
  core_.event(StationEvent::Level::debug, "neighbour-refused", link.neighbour->id, error.hint);
  gateway_.finish(link.id, ticket);
}

/// Neither acknowledged nor refused: it comes again.
void Bridge::cannot_read(GatewayLink& link, std::uint64_t ticket, const Error& error) {
  core_.event(StationEvent::Level::error, "store-read", link.neighbour->id, error.hint);
  gateway_.give_up(link.id, ticket);
}

bool Bridge::obeys(const GatewayLink& link, const SignedMessage& message,
                   const JsonObject& content) const {
  const std::string command = content_command(content);
  const bool publishes = content.contains("document") || content.contains("documents");
  if (message.sealed.envelope.sender.same_entity(link.neighbour->config.id))
    return is_command(command, {"handshake", "receipt", "meta", "documents", "document"});
  // Others speak through the neighbour. To this station they put questions.
  if (is_question(link, message))
    return command == "ans" || (command == "meta" && !content.contains("meta")) ||
           (is_command(command, {"documents", "document"}) && !publishes);
  // To everybody they say who and where they are, and get no answer.
  if (command == "login") return true;
  return is_command(command, {"documents", "document"}) && publishes;
}

bool Bridge::is_question(const GatewayLink& link, const SignedMessage& message) const {
  const Envelope& envelope = message.sealed.envelope;
  return link.neighbour != nullptr && envelope.receiver.same_entity(core_.account_.id) &&
         !envelope.sender.same_entity(link.neighbour->config.id);
}

/// What people behind a neighbour ask together, and what one of them asks.
bool Bridge::takes_question(GatewayLink& link, const Id& who) {
  constexpr double kOne = 5;  // people may ask at full speed at once
  const Rate all = core_.config_.quotas.history;
  const Rate one{all.per_second / kOne, all.burst / kOne};
  const Millis now = core_.clock_.monotonic();
  return core_.left_.at("behind " + who.bare().text(), now).history.take(one, now) == 0 &&
         link.neighbour->questions.take(all, now) == 0;
}

/// Somebody here waits for what is known of that ID.
bool Bridge::is_wanted(const Id& did) const {
  const std::string id = did.bare().text();
  return std::ranges::find(questions_, id, &Question::did) != questions_.end() ||
         std::ranges::any_of(neighbours_, [&](const NeighbourState& one) {
           return std::ranges::find(one.parked, id, &ParkedMessage::sender) != one.parked.end();
         });
}

bool Bridge::takes_new_id(GatewayLink& link, const Id& did) {
  NeighbourState& neighbour = *link.neighbour;
  TokenBucket& left = is_wanted(did) ? neighbour.wanted_ids : neighbour.new_ids;
  if (left.take(kNewIds, core_.clock_.monotonic()) == 0) return true;
  ++core_.counters_.refused_quota;
  // The neighbour has the keys, and there will be room for them: its message may come again.
  const std::string id = did.bare().text();
  for (ParkedMessage& one : neighbour.parked) one.may_return |= one.sender == id;
  return false;
}

bool Bridge::takes_record(GatewayLink& link, const PutDocument& record,
                          std::span<const StoredDocument> kept) {
  if (core_.known_user(record.id)) return true;
  const bool replaces = std::ranges::any_of(kept, [&](const StoredDocument& one) {
    return one.type == record.type && one.terminal == record.terminal;
  });
  if (replaces || link.neighbour->new_ids.take(kNewIds, core_.clock_.monotonic()) == 0) return true;
  ++core_.counters_.refused_quota;
  return false;
}

void Bridge::on_message(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  NeighbourState& neighbour = *link.neighbour;
  const Envelope& envelope = message.sealed.envelope;
  const bool by_neighbour = envelope.sender.same_entity(neighbour.config.id);
  const bool to_all = gateway_.is_everybody(envelope.receiver);
  const bool to_station = gateway_.is_local(envelope.receiver);
  if (link.user.empty()) {  // dialled, and the log-in is not through
    if (by_neighbour && to_station) return gateway_.on_local(link, message, ticket);
    if (envelope.sender.type() == EntityType::station) {
      // J31, A18: whoever passes on another station's challenge gets no signature for it.
      core_.event(StationEvent::Level::warn, "neighbour-refused", neighbour.id,
                  "another station answers at its address");
      return gateway_.close_link(link);
    }
    return gateway_.give_up(link.id, ticket);
  }
  // Dropped, not held up: behind it are messages of others.
  if (is_question(link, message) && !takes_question(link, envelope.sender)) {
    ++core_.counters_.refused_quota;
    return gateway_.finish(link.id, ticket);
  }
  gateway_.slow_down(link, neighbour.messages, core_.config_.quotas.subnet_messages);
  if (by_neighbour && (to_station || to_all)) return gateway_.on_local(link, message, ticket);
  if (envelope.sender.same_entity(core_.account_.id))
    return refuse(link, ticket, {Errc::loop, "a message of this station has come back"});
  auto traces = read_traces(message.json, core_.clock_.now());
  if (!traces) return refuse(link, ticket, traces.error());
  const Millis now = core_.clock_.monotonic();
  const Digest32 hash = message_hash(message);
  const std::optional<SentOn> known = forwarded_.find(hash, now);
  const bool named = has_passed(*traces, core_.account_.id);
  const bool written_here = written_here_.knows(body_hash(message), now);
  if (to_all) {
    // S21: once is enough; a broadcast that names this station and is unknown counts as new.
    if (known) {
      ++core_.counters_.loops;
      return gateway_.finish(link.id, ticket);
    }
    return on_broadcast(link, message, ticket);
  }
  if (!known && written_here)
    return refuse(link, ticket,
                  {Errc::forbidden, "a message of this station's user has come back"});
  const auto target = target_of(message);
  if (!target) return cannot_read(link, ticket, target.error());
  const std::string user = target->value_or(envelope.receiver.bare().text());
  if (known) {
    // Brought by somebody else than before, although its receiver has not moved since.
    const bool moved = whereabouts(user).record != known->record;
    if (named || (!moved && known->by != neighbour.index))
      return looped(link, message, user, ticket);
  }
  if (is_question(link, message)) return on_question(link, message, ticket);
  // A09: only to a registered name may somebody write without encryption.
  const bool is_name = envelope.receiver.type() == EntityType::any && !to_station;
  const bool is_person =
      !message.sealed.plain && !envelope.receiver.is_broadcast() && !envelope.receiver.is_group();
  if (to_station || !(is_name || is_person)) {
    return refuse(link, ticket,
                  {Errc::forbidden, "neighbours bring encrypted messages for single users only"});
  }
  relay_in(link, message, user, std::move(*traces), ticket);
}

/// Whose inbox it belongs into: its receiver; of a registered name, whom the station that knows the
/// name has found, else whom it stands for here. Nothing when nobody has the name.
Result<std::optional<std::string>> Bridge::target_of(const SignedMessage& message) {
  const Id& receiver = message.sealed.envelope.receiver;
  if (!receiver.is_broadcast()) return receiver.bare().text();
  if (const std::string* named = message.json.text("rcpt")) {
    const auto id = Id::parse(*named);
    if (id && id->is_user() && id->type() != EntityType::station && !id->is_broadcast())
      return id->bare().text();
  }
  return gateway_.owner_of_name(receiver.name());
}

Status Bridge::verified(const SignedMessage& message, Directory& directory) {
  if (!gateway_.learn_stored(directory, message.sealed.envelope.sender))
    return fail(Errc::internal, "the sender's keys cannot be read");
  if (auto status = learn_attachments(message, directory, core_.clock_.now()); !status)
    return status;
  return verify(message, directory, core_.clock_.now());
}

/// Documents and login records. Of somebody unknown the documents bring the keys that prove them.
void Bridge::on_broadcast(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  const Id& sender = message.sealed.envelope.sender;
  auto object = message.sealed.plain ? parse_json_object(as_text(message.sealed.data))
                                     : Result<JsonObject>(fail(Errc::json, "no text"));
  if (object) object = from_wire(std::move(*object));
  if (!object || !obeys(link, message, *object))
    return refuse(link, ticket, {Errc::forbidden, "neighbours broadcast documents and log-ins"});
  if (!gateway_.learn_sender(link, sender)) return gateway_.give_up(link.id, ticket);
  const auto content = decode_content(*object);
  const auto* published = content ? content->as<DocumentsContent>() : nullptr;
  if (published != nullptr && published->meta && published->did.same_entity(sender)) {
    const auto meta = Meta::parse(*published->meta);
    if (meta) (void)link.directory.learn_meta(sender.bare(), *meta);
  }
  (void)learn_attachments(message, link.directory, core_.clock_.now());
  const Known* known = link.directory.find(sender);
  if (known == nullptr || !known->meta) return park(link, message, ticket);
  gateway_.on_local(link, message, ticket);
}

/// Queries of somebody elsewhere (wire.md 6): answered from what is stored, over this connection.
void Bridge::on_question(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  const Id& sender = message.sealed.envelope.sender;
  if (sender.type() == EntityType::station)
    return refuse(link, ticket, {Errc::forbidden, "stations ask for themselves"});
  forget_sender(link);
  if (!gateway_.learn_sender(link, sender)) return gateway_.give_up(link.id, ticket);
  (void)learn_attachments(message, link.directory, core_.clock_.now());
  const Known* known = link.directory.find(sender);
  if (known == nullptr || !known->meta) return park(link, message, ticket);
  gateway_.on_local(link, message, ticket);
}

void Bridge::relay_in(GatewayLink& link, const SignedMessage& message, const std::string& user,
                      std::vector<Trace> traces, std::uint64_t ticket) {
  const Envelope& envelope = message.sealed.envelope;
  Directory directory(4);
  if (auto status = verified(message, directory); !status) {
    if (status.error().code == Errc::internal) return gateway_.give_up(link.id, ticket);
    if (status.error().code == Errc::not_found) return park(link, message, ticket);
    return refuse(link, ticket, status.error());
  }
  const auto [home, record] = whereabouts(user);
  const SentOn why{.by = link.neighbour->index, .record = record};
  if (has_passed(traces, core_.account_.id)) {
    // S21: it names this station, which does not know it. Accepted once.
    forwarded_.note(message_hash(message), core_.clock_.monotonic(), why);
  }
  // Back to where it has been would be a loop; here it waits for the next login record.
  if (home == nullptr || home == link.neighbour || has_passed(traces, home->config.id) ||
      traces.size() + 1 >= limits::kTraces)
    return deliver_here(link, message, user, ticket);
  JsonObject content = without_hints(message.json, true);
  if (envelope.receiver.is_broadcast()) content.set("rcpt", user);
  content.set("traces", write_traces(traces));
  // It may come round with its receiver, who has been elsewhere meanwhile: then it goes on again.
  const std::string place = " " + std::to_string(record) + " by " + link.neighbour->id;
  enqueue(*home, message, std::move(content), place, why,
          [this, id = link.id, ticket, sender = envelope.sender,
           origin = ReceiptContent::origin_of(message.json, std::nullopt)](
              const Result<Accepted>& outcome, bool) mutable {
            if (!outcome) return gateway_.give_up(id, ticket);
            GatewayLink* target = gateway_.find(id);
            if (target == nullptr) return;
            if (*outcome == Accepted::full)
              answer_sender(*target, sender, std::move(origin), kQueueFull);
            gateway_.finish(id, ticket);
          });
}

/// 507: it is here already or was sent on. What a neighbour has acknowledged must not get lost, so
/// it waits here for its receiver, who knows it again.
void Bridge::looped(GatewayLink& link, const SignedMessage& message, const std::string& user,
                    std::uint64_t ticket) {
  Directory directory(4);
  if (auto status = verified(message, directory); !status) {
    if (status.error().code == Errc::internal) return gateway_.give_up(link.id, ticket);
    return refuse(link, ticket, status.error());
  }
  ++core_.counters_.loops;
  core_.event(StationEvent::Level::info, "neighbour-loop", link.neighbour->id,
              "a message has come back that was sent on");
  const Error error{Errc::loop, "a message has come back that was sent on"};
  const Packet response = Packet::response(error, {});
  (void)tell(link,
             Content(ReceiptContent::make(std::to_string(response.code) + " Loop_Detected",
                                          ReceiptContent::origin_of(message.json, std::nullopt),
                                          core_.clock_.now(), core_.random_)));
  deliver_here(link, message, user, ticket);
}

void Bridge::deliver_here(GatewayLink& link, const SignedMessage& message, const std::string& user,
                          std::uint64_t ticket) {
  const Envelope& envelope = message.sealed.envelope;
  JsonObject origin = ReceiptContent::origin_of(message.json, std::nullopt);
  const auto answer = [&](std::string_view text) {
    answer_sender(link, envelope.sender, std::move(origin), text);
    gateway_.finish(link.id, ticket);
  };
  const auto known = gateway_.is_known(user);
  if (!known) return cannot_read(link, ticket, known.error());
  if (envelope.receiver.type() == EntityType::station || !*known) {
    ++core_.counters_.messages_refused;
    return answer(envelope.receiver.is_broadcast()
                      ? "Nobody has this name at this station."
                      : "Nobody with this ID has logged in at this station.");
  }
  const auto found = core_.receiver_of(user);
  if (!found) return cannot_read(link, ticket, found.error());
  const Receiver& to = **found;
  if (to.blocked.contains(envelope.sender.bare().text())) return answer("Message cached.");
  std::vector<std::string> owners = owners_with_key(message.sealed, to.owners);
  // Stations of 2026 send a copy for each device, with the same bytes in all: each device has them
  // once, whatever devices a copy names together.
  std::vector<std::pair<std::string, std::vector<std::string>>> places;
  if (owners == to.owners) {
    places.emplace_back(std::string(), std::move(owners));
  } else {
    for (const std::string& owner : owners)
      places.emplace_back(" " + owner, std::vector<std::string>{owner});
  }
  link.tickets[ticket - link.first_ticket].open += places.size() - 1;
  const auto answered = std::make_shared<bool>(false);
  const std::string content = write_json(without_hints(message.json, true), JsonStyle::reference);
  for (auto& [place, receivers] : places) {
    core_.submit_message({.link = {},
                          .reply = {},
                          .message = {.cursor = 0,
                                      .guid = guid_of(message, place),
                                      .time = core_.clock_.now(),
                                      .author = envelope.sender.bare().text(),
                                      .type = "message",
                                      .content = content},
                          .receivers = std::move(receivers),
                          .done = [this, id = link.id, ticket, sender = envelope.sender, origin,
                                   answered](const Result<Accepted>& outcome, bool taken) {
                            if (!outcome) return gateway_.give_up(id, ticket);
                            GatewayLink* target = gateway_.find(id);
                            if (target == nullptr) return;
                            if (*outcome == Accepted::repeated || *outcome == Accepted::conflict) {
                              ++core_.counters_.messages_repeated;
                            } else if (!std::exchange(*answered, true)) {
                              answer_sender(*target, sender, origin,
                                            *outcome == Accepted::full
                                                ? "The receiver's inbox is full."
                                            : taken ? "Message delivered."
                                                    : "Message cached.");
                            }
                            gateway_.finish(id, ticket);
                          }});
  }
}

/// Not to stations and not to receipts (J30): that would go on for ever.
void Bridge::answer_sender(GatewayLink& link, const Id& sender, JsonObject origin,
                           std::string_view text) {
  const std::string* type = origin.text("type");
  if (!sender.is_user() || sender.type() == EntityType::station ||
      (type != nullptr && *type == "136"))
    return;
  Directory directory(4);
  if (!gateway_.learn_stored(directory, sender)) return;
  const PlainMessage message{.envelope = {.sender = core_.account_.id.bare(),
                                          .receiver = sender.bare(),
                                          .time = static_cast<double>(core_.clock_.now()) / 1000},
                             .content = encode_content(ReceiptContent::make(
                                 text, std::move(origin), core_.clock_.now(), core_.random_))};
  auto sealed = seal(message, core_.account_, directory, {}, core_.random_);
  if (sealed) gateway_.send_text(link, 0, write_message(*sealed));
}

// --- unknown senders

/// Not acknowledged until the sender is known; the neighbour has the keys, or it would have refused
/// the message itself.
void Bridge::park(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket) {
  NeighbourState& neighbour = *link.neighbour;
  if (neighbour.parked.size() >= kParked ||
      neighbour.parked_bytes + message.wire.size() > kParkedBytes)
    return gateway_.give_up(link.id, ticket);
  const Id sender = message.sealed.envelope.sender.bare();
  neighbour.parked_bytes += message.wire.size();
  const GatewayLink* line = up(neighbour);
  neighbour.parked.push_back({.text = message.wire,
                              .link = link.id,
                              .ticket = ticket,
                              .sender = sender.text(),
                              .until = core_.clock_.monotonic() + kParkedMs,
                              .may_return = line == nullptr || !has_room(*line)});
  (void)ask(neighbour, sender);
}

void Bridge::resume(NeighbourState& neighbour, std::string_view sender) {
  std::vector<ParkedMessage> ready;
  std::erase_if(neighbour.parked, [&](ParkedMessage& one) {
    if (one.sender != sender) return false;
    neighbour.parked_bytes -= one.text.size();
    ready.push_back(std::move(one));
    return true;
  });
  for (const ParkedMessage& one : ready) {
    GatewayLink* link = gateway_.find(one.link);
    const auto message = SignedMessage::parse(one.text);
    if (link == nullptr || !message) continue;
    forget_sender(*link);
    on_message(*link, *message, one.ticket);
  }
}

}  // namespace dim
