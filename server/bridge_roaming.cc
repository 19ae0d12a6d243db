// Who is where: login records, what follows them, and what stations tell each other about people.
#include <algorithm>
#include <array>

#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway_copy.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr Millis kAskAgainMs = 60'000;
constexpr Millis kAnswerMs = 5'000;
constexpr std::size_t kQuestions = 1'024;
constexpr std::size_t kHomes = 200'000;
constexpr std::size_t kMoving = 10'000;
constexpr std::size_t kPageBytes = 256 * limits::kKiB;
constexpr Millis kFreshMs = 300'000;  // A23: an older login record is refused

const std::string* station_in(const JsonObject& record) {
  const Json* command = record.find("cmd");
  const JsonObject* content = command != nullptr ? command->object() : nullptr;
  const Json* station = content != nullptr ? content->find("station") : nullptr;
  const JsonObject* object = station != nullptr ? station->object() : nullptr;
  if (object == nullptr) return nullptr;
  return object->text(object->contains("did") ? "did" : "ID");
}

/// The newest of what says where a user is, whatever the device.
std::optional<StoredDocument> newest_record(std::vector<StoredDocument> documents) {
  std::erase_if(documents, [](const StoredDocument& one) {
    return one.type != kLoginRecord && one.type != kHereRecord;
  });
  const auto newest = std::ranges::max_element(documents, {}, &StoredDocument::time);
  if (newest == documents.end()) return std::nullopt;
  return std::move(*newest);
}

}  // namespace

// Programs of the reference that say `offline` leave the connection open, for minutes: it is none.
bool Bridge::is_live(const std::string& user) const {
  if (!core_.sessions_.of(user).empty()) return true;
  const auto found = gateway_.users_.find(user);
  return found != gateway_.users_.end() && std::ranges::any_of(found->second, &GatewayLink::active);
}

Bridge::Whereabouts Bridge::whereabouts(const std::string& user) {
  if (neighbours_.empty()) return {};
  const auto id = Id::parse(user);
  if (!id) return {};
  if (id->type() == EntityType::station) return {.at = find(*id)};
  if (is_live(user)) return {.record = Whereabouts::kHere};
  if (const auto found = homes_.find(user); found != homes_.end()) return found->second;
  const auto documents = core_.reads_.documents(user);
  if (!documents) {
    core_.event(StationEvent::Level::error, "store-read", user, documents.error().hint);
    return {};
  }
  Whereabouts home;
  if (const auto record = newest_record(*documents)) {
    const auto object = parse_json_object(record->document);
    const std::string* station = object ? station_in(*object) : nullptr;
    const auto at = station != nullptr ? Id::parse(*station) : Result<Id>(fail(Errc::id, "none"));
    if (at) home.at = find(*at);
    home.record = record->time;
  }
  if (homes_.size() >= kHomes) homes_.clear();
  homes_.emplace(user, home);
  return home;
}

// --- login records

std::vector<Id> Bridge::stations(const GatewayLink& link) const {
  std::vector<Id> out{core_.account_.id};
  if (link.neighbour == nullptr) return out;
  for (const NeighbourState& one : neighbours_) out.push_back(one.config.id);
  return out;
}

void Bridge::login_kept(const SignedMessage& message, const GatewayLink* from) {
  const std::string user = message.sealed.envelope.sender.bare().text();
  homes_.erase(user);
  if (!neighbours_.empty() && moving_.size() < kMoving) moving_.insert(user);
  if (from == nullptr || from->neighbour == nullptr) {
    // Users of DIM/2023 broadcast no documents, and a record of somebody unknown is worth nothing.
    for (NeighbourState& one : neighbours_) {
      if (GatewayLink* link = up(one)) introduce(*link, message.sealed.envelope.sender);
    }
  }
  spread(message, from);
}

void Bridge::login_was_old(GatewayLink& link, const std::string& user, Millis time) {
  for (const SignedMessage& message : login_messages(user)) {
    const double newest = message.sealed.envelope.time * 1000;
    if (newest > static_cast<double>(time) && has_room(link))
      gateway_.send_text(link, 0, write_message(message));
  }
}

/// Signed records of a user that the other station would still take.
std::vector<SignedMessage> Bridge::login_messages(const std::string& user) {
  std::vector<SignedMessage> out;
  const auto documents = core_.reads_.documents(user);
  if (!documents) return out;
  for (const StoredDocument& one : *documents) {
    if (one.type != kLoginRecord || core_.clock_.now() - one.time >= kFreshMs) continue;
    const auto object = parse_json_object(one.document);
    const Json* json = object ? object->find("msg") : nullptr;
    if (json == nullptr || json->object() == nullptr) continue;
    if (auto message = SignedMessage::from_json(*json->object()); message && message->sealed.plain)
      out.push_back(std::move(*message));
  }
  return out;
}

/// Of those who were here when it came, as many as it reads; the rest in a second.
void Bridge::send_login_records(NeighbourState& neighbour) {
  GatewayLink* link = neighbour.link;
  if (neighbour.phase != NeighbourState::Phase::ready || link->closing) return;
  while (!neighbour.to_tell.empty() && has_room(*link)) {
    const auto user = neighbour.to_tell.extract(neighbour.to_tell.begin());
    for (const SignedMessage& message : login_messages(user.value())) {
      introduce(*link, message.sealed.envelope.sender);
      gateway_.send_text(*link, 0, write_message(message));
    }
  }
}

void Bridge::is_here(const std::string& user) {
  if (neighbours_.empty()) return;
  const auto documents = core_.reads_.documents(user);
  const auto record = documents ? newest_record(*documents) : std::nullopt;
  const auto object = record ? parse_json_object(record->document) : Result<JsonObject>();
  const std::string* station = object ? station_in(*object) : nullptr;
  if (station == nullptr || *station == core_.station_id_) return;
  JsonObject at;
  at.set("did", core_.station_id_);
  JsonObject command;
  command.set("station", std::move(at));
  JsonObject here;
  here.set("cmd", std::move(command));
  std::vector<Write> writes;
  writes.emplace_back(
      PutDocument{user, std::string(kHereRecord), {}, core_.clock_.now(), write_json(here)});
  core_.submit(std::move(writes),
               [this, user](const Result<std::vector<Written>>&) { homes_.erase(user); });
}

// --- what waited here follows its receiver

void Bridge::move_inbox(const std::string& user, NeighbourState& to) {
  const auto devices = core_.receiver_of(user);
  if (!devices) {
    core_.event(StationEvent::Level::error, "store-read", user, devices.error().hint);
    if (moving_.size() < kMoving) moving_.insert(user);
    return;
  }
  std::vector<std::string> owners = (*devices)->owners;
  if (std::ranges::find(owners, user) == owners.end()) owners.push_back(user);
  for (const std::string& owner : owners) move_page(owner, to);
}

/// Taken out of the inbox only when it stands in the queue, so that a crash doubles at most, which
/// the queue notices: a copy is named after its place here. Its own name is forgotten, as it may
/// come back with its receiver. Stops when they are here.
void Bridge::move_page(const std::string& owner, NeighbourState& to) {
  const std::string user = owner.substr(0, owner.find('/'));
  if (busy_.contains(owner) || home_of(user) != &to) {
    if (moving_.size() < kMoving) moving_.insert(user);
    return;
  }
  Cursor after = 0;
  if (const auto acked = core_.acks_.find(owner); acked != core_.acks_.end()) after = acked->second;
  const auto page = core_.reads_.inbox(owner, after, limits::kHistoryPage, kPageBytes);
  if (!page) {
    core_.event(StationEvent::Level::error, "store-read", owner, page.error().hint);
    return;
  }
  std::vector<Write> writes;
  struct Moved {
    Cursor cursor;
    Guid guid;
    Digest32 hash;
  };
  std::vector<Moved> moved;
  const SentOn why{.record = whereabouts(user).record};
  for (const StoredMessage& stored : *page) {
    const auto message = SignedMessage::parse(stored.content);
    if (!message) break;
    StoredMessage copy = stored;
    copy.guid =
        guid_of(*message, " move " + to.id + " " + owner + " " + std::to_string(stored.cursor));
    JsonObject content = without_hints(message->json, true);
    // To a name that the user has here, and perhaps not there.
    if (message->sealed.envelope.receiver.is_broadcast()) content.set("rcpt", user);
    copy.content = write_json(content, JsonStyle::reference);
    copy.type = "message";
    writes.emplace_back(PutMessage{std::move(copy), {to.id}});
    moved.push_back({stored.cursor, stored.guid, message_hash(*message)});
  }
  if (writes.empty()) return;
  busy_.insert(owner);
  core_.submit(std::move(writes), [this, owner, moved = std::move(moved), why,
                                   &to](const Result<std::vector<Written>>& written) {
    busy_.erase(owner);
    if (!written) return;
    Cursor upto = 0;
    std::vector<Write> acks;
    for (std::size_t i = 0; i < moved.size() && i < written->size(); ++i) {
      if ((*written)[i].accepted == Accepted::full) break;
      if ((*written)[i].accepted == Accepted::stored) ++core_.counters_.forwarded;
      upto = moved[i].cursor;
      if (is_name_of_bytes(moved[i].guid)) acks.emplace_back(ForgetGuid{moved[i].guid});
      forwarded_.note(moved[i].hash, core_.clock_.monotonic(), why);
    }
    if (upto == 0) return;
    acks.emplace_back(AckInbox{owner, upto});
    core_.submit(std::move(acks), [this, owner, &to](const Result<std::vector<Written>>& acked) {
      if (GatewayLink* link = up(to)) {
        link->caught_up = false;
        gateway_.pump(*link);
      }
      if (acked) move_page(owner, to);
    });
  });
}

// --- broadcasts

/// As the reference does it, for what the rules allow: documents and login records that were
/// stored here. To every neighbour that is connected and has not had it. `documents`: those in it;
/// when a neighbour has had each of them since it came, it does not get them again.
void Bridge::spread(const SignedMessage& message, const GatewayLink* from,
                    std::span<const Digest32> documents) {
  if (neighbours_.empty() || !message.sealed.plain ||
      !gateway_.is_everybody(message.sealed.envelope.receiver))
    return;
  const Millis now = core_.clock_.now();
  auto traces = from != nullptr && from->neighbour != nullptr ? read_traces(message.json, now)
                                                              : std::vector<Trace>();
  if (!traces || traces->size() >= limits::kTraces) return;
  const Digest32 hash = message_hash(message);
  if (forwarded_.knows(hash, core_.clock_.monotonic())) return;
  forwarded_.note(hash, core_.clock_.monotonic());
  std::vector<NeighbourState*> targets;
  JsonArray recipients;
  if (from != nullptr && from->neighbour != nullptr) {
    const Json* list = message.json.find("recipients");
    if (list != nullptr && list->array() != nullptr && list->array()->size() <= limits::kTraces)
      recipients = *list->array();
  }
  const Millis at = core_.clock_.monotonic();
  for (NeighbourState& one : neighbours_) {
    if (up(one) == nullptr) continue;
    const bool brought = from != nullptr && from->neighbour == &one;
    if (!brought && !has_room(*up(one))) {
      one.introduced.erase(message.sealed.envelope.sender.bare().text());  // it gets them later
      continue;
    }
    bool had = !documents.empty() && std::ranges::all_of(documents, [&](const Digest32& document) {
      return one.documents.knows(document, at);
    });
    for (const Digest32& document : documents) one.documents.note(document, at);
    had = had || brought || has_passed(*traces, one.config.id) ||
          std::ranges::any_of(recipients, [&](const Json& text) {
            return text.text() != nullptr && *text.text() == one.id;
          });
    if (!had) targets.push_back(&one);
  }
  if (targets.empty()) return;
  for (const NeighbourState* one : targets) recipients.emplace_back(one->id);
  traces->push_back({core_.account_.id.bare(), static_cast<double>(now) / 1000});
  JsonObject copy = without_hints(message.json, true);
  copy.set("traces", write_traces(*traces));
  copy.set("recipients", recipients);
  for (NeighbourState* one : targets) {
    copy.set("rcpt", one->id);  // wire-2026.md 6
    gateway_.send_text(*up(*one), 0, write_json(copy, JsonStyle::reference));
  }
}

// --- who is that

void Bridge::learnt(const Id& did, const SignedMessage& message, const JsonObject& content,
                    const GatewayLink* from) {
  if (neighbours_.empty()) return;
  std::vector<Digest32> documents;
  const auto decoded = decode_content(content);
  if (const auto* published = decoded ? decoded->as<DocumentsContent>() : nullptr) {
    for (const JsonObject& document : published->documents) {
      const std::string* data = document.text("data");
      if (data == nullptr) continue;
      Bytes input;
      append_field(input, as_bytes("spread document"));
      append_field(input, as_bytes(did.bare_text()));
      append_field(input, as_bytes(*data));
      documents.push_back(sha256(input));
    }
  }
  spread(message, from, documents);
  const std::string id = did.bare().text();
  answer_questions(id);
  for (NeighbourState& one : neighbours_) resume(one, id);
}

bool Bridge::ask(NeighbourState& neighbour, const Id& did) {
  GatewayLink* link = up(neighbour);
  if (link == nullptr || !has_room(*link)) return false;
  const Millis now = core_.clock_.monotonic();
  const auto [place, added] = neighbour.asked.try_emplace(did.bare().text(), now);
  if (!added && now - place->second < kAskAgainMs) return false;
  place->second = now;
  return tell(*link,
              Content(DocumentsContent::query(did.bare(), 0, core_.clock_.now(), core_.random_)));
}

bool Bridge::ask(const Id& did, std::function<void()> again) {
  if (neighbours_.empty() || did.is_broadcast() || questions_.size() >= kQuestions) return false;
  bool asked = false;
  for (NeighbourState& one : neighbours_) asked |= ask(one, did);
  const std::string id = did.bare().text();
  if (!asked && std::ranges::find(questions_, id, &Question::did) == questions_.end()) return false;
  questions_.push_back({id, std::move(again), core_.clock_.monotonic() + kAnswerMs});
  return true;
}

void Bridge::answer_questions(std::string_view did) {
  std::vector<std::function<void()>> ready;
  std::erase_if(questions_, [&](Question& one) {
    if (one.did != did) return false;
    ready.push_back(std::move(one.again));
    return true;
  });
  for (const auto& again : ready) again();
}

}  // namespace dim
