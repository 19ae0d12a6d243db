#include "client/messenger.h"

#include <algorithm>
#include <charconv>

#include "client/entries.h"
#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/engine/receipt.h"
#include "dim/packet/guid.h"
#include "dim/packet/uri.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::size_t kInFlight = 32;
constexpr std::string_view kOutbox = "outbox";
constexpr std::string_view kUnread = "unread";
constexpr std::string_view kSeen = "seen";

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::optional<Digest32> digest_from(std::string_view base64) {
  auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != std::tuple_size_v<Digest32>) return std::nullopt;
  Digest32 out;
  std::ranges::copy(*bytes, out.begin());
  return out;
}

}  // namespace

Messenger::Messenger(Home& home, Transport& transport, Clock& clock, Random& random,
                     MessengerEvents events, Options options)
    : home_(home),
      transport_(transport),
      clock_(clock),
      random_(random),
      events_(std::move(events)),
      options_(options) {}

Messenger::~Messenger() = default;

// --- the session
// ------------------------------------------------------------------------------------------------

Status Messenger::start() {
  auto target = home_.station();
  if (!target) return std::unexpected(target.error());
  if (!*target)
    return fail(Errc::not_found, "this home has joined no station yet; run `dim join LINK`");
  Session::Options options;
  if (options_.receive) {
    auto cursor = home_.vault().get("state", "cursor");
    if (!cursor) return std::unexpected(cursor.error());
    acked_cursor_ = number(cursor->value_or("0"));
    options.after = acked_cursor_;
  }
  pushes_.clear();
  fetching_for_push_ = false;
  fetched_.clear();
  in_flight_.clear();
  outbox_place_ = 0;
  refused_ = false;
  session_.emplace(**target, home_.account(), static_cast<SessionHost&>(*this), clock_, random_,
                   std::move(options));
  transport_.dial(Lane::control, **target);
  return {};
}

void Messenger::stop() {
  session_.reset();
  transport_.hang_up(Lane::text);
  transport_.hang_up(Lane::control);
}

void Messenger::opened(Lane lane, Bytes channel_binding, Digest32 spki) {
  if (session_) session_->opened(lane, std::move(channel_binding), spki);
}
void Messenger::received(Lane lane, std::string_view bytes) {
  if (!session_) return;
  session_->received(lane, bytes);
  process_pushes();
}
void Messenger::closed(Lane lane) {
  if (session_) session_->closed(lane);
}
void Messenger::unreachable(const Error& error) {
  if (!session_) return;
  session_.reset();
  failed(error, 0, {});
}
void Messenger::tick() {
  if (session_) session_->tick();
  pump();
}

void Messenger::send(Lane lane, std::string bytes) { transport_.send(lane, std::move(bytes)); }
void Messenger::open(Lane lane) {
  auto target = home_.station();
  if (target && *target) transport_.dial(lane, **target);
}
void Messenger::close(Lane lane) { transport_.hang_up(lane); }

void Messenger::ready() {
  auto target = home_.station();
  if (target && *target && ((*target)->id.empty() || (*target)->pins != session_->station_pins())) {
    (*target)->id = session_->station()->text();
    (*target)->pins = session_->station_pins();
    (void)home_.set_station(**target);
  }
  if (events_.ready) events_.ready();
  pump();
}

void Messenger::failed(const Error& error, int code, std::string_view message) {
  in_flight_.clear();
  if (events_.failed) events_.failed(error, code, message);
}

// --- sending
// ----------------------------------------------------------------------------------------------------

/// A row of the outbox: what to send, and the signed form once it was made (a repeat must be the
/// same bytes, P36).
struct Messenger::Waiting {
  std::int64_t place = 0;
  std::string guid;
  std::string kind;  // "message" or "receipt"
  Id to;
  Millis time = 0;
  JsonObject content;
  std::string wire;
};

namespace {

std::string waiting_body(std::string_view guid, std::string_view kind, const Id& to, Millis time,
                         const JsonObject& content, std::string_view wire) {
  JsonObject object;
  object.set("guid", guid);
  object.set("kind", kind);
  object.set("to", to.text());
  object.set("time", time);
  object.set("content", content);
  if (!wire.empty()) object.set("wire", wire);
  return write_json(object);
}

}  // namespace

Status Messenger::enqueue(std::string_view kind, const Id& to, const JsonObject& content,
                          std::string_view guid, Millis time) {
  return home_.vault().put(kOutbox, guid, waiting_body(guid, kind, to, time, content, {}));
}

Result<HistoryEntry> Messenger::send_text(const Id& to, std::string_view text) {
  if (!to.is_user())
    return fail(Errc::not_implemented, "this edition sends to persons, not to groups");
  auto contact = home_.contact(to);
  if (!contact) return std::unexpected(contact.error());
  if (*contact && (*contact)->blocked) {
    return fail(Errc::forbidden,
                "the keys of this contact changed after you verified them; run `dim verify` first");
  }
  const Millis now = clock_.now();
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = to.bare()};
  entry.outgoing = true;
  entry.time = now;
  entry.text = text;
  entry.content_type = "text";
  const JsonObject content = text_content(text, now, random_);
  auto status = home_.vault().transaction([&]() -> Status {
    if (auto put = put_history(entry); !put) return put;
    return enqueue("message", entry.peer, content, entry.guid, now);
  });
  if (!status) return std::unexpected(status.error());
  pump();
  return entry;
}

Result<std::size_t> Messenger::waiting() {
  auto count = home_.vault().count(kOutbox);
  if (!count) return std::unexpected(count.error());
  return static_cast<std::size_t>(*count);
}

/// The station allows so many messages a second and refuses the rest (416), which would cost their
/// order. So a full outbox goes out at the station's pace: a burst of two seconds' worth, then the
/// rate itself.
bool Messenger::may_send(std::string_view kind) {
  const Millis now = clock_.monotonic();
  if (now < paused_until_) return false;
  const auto rate = static_cast<double>(session_->message_rate());
  if (rate <= 0 || kind != "message") return true;
  allowance_ =
      std::min(2 * rate, allowance_ + rate * static_cast<double>(now - allowance_at_) / 1000);
  allowance_at_ = now;
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

void Messenger::pump() {
  if (!is_ready() || pumping_) return;
  pumping_ = true;
  while (is_ready() && !refused_ && in_flight_.size() < kInFlight) {
    auto rows = home_.vault().list(kOutbox, outbox_place_, 1);
    if (!rows || rows->empty()) break;
    auto object = parse_json_object(rows->front().body);
    auto to =
        object ? Id::parse(entry_text(*object, "to")) : Result<Id>(std::unexpected(object.error()));
    const Json* content = object ? object->find("content") : nullptr;
    if (!to || content == nullptr || content->object() == nullptr) {
      outbox_place_ = rows->front().place;
      continue;
    }
    Waiting item{rows->front().place,
                 entry_text(*object, "guid"),
                 entry_text(*object, "kind"),
                 *to,
                 entry_integer(*object, "time"),
                 *content->object(),
                 entry_text(*object, "wire")};
    if (item.wire.empty() && home_.directory().message_keys(item.to).empty() &&
        !fetched_.contains(item.to.text())) {
      // Order matters more than speed: nothing behind this one goes out before its keys are here.
      pumping_ = false;
      fetch(item.to, [this](Status) { pump(); });
      return;
    }
    if (!may_send(item.kind)) break;
    outbox_place_ = item.place;
    transmit(item);
  }
  pumping_ = false;
}

void Messenger::transmit(Waiting& item) {
  if (item.wire.empty()) {
    std::string cause;
    auto status = home_.vault().transaction([&]() -> Status {
      // Another program of this home may have sealed it since.
      auto body = home_.vault().get(kOutbox, item.guid);
      if (!body) return std::unexpected(body.error());
      if (!*body) return fail(Errc::not_found, "sent by another program of this home");
      auto object = parse_json_object(**body);
      if (!object) return std::unexpected(object.error());
      item.wire = entry_text(*object, "wire");
      if (!item.wire.empty()) return {};
      auto signed_message = seal_for(item.to, item.content, item.time);
      if (!signed_message) {
        cause = to_string(signed_message.error());
        return {};
      }
      item.wire = write_message(*signed_message);
      if (item.kind == "message") {
        auto entry = find_history(item.to, item.guid);
        if (!entry) return std::unexpected(entry.error());
        if (*entry) {
          (*entry)->hash = to_base64(message_hash(*signed_message));
          if (auto put = put_history(**entry); !put) return put;
        }
      }
      return home_.vault().put(
          kOutbox, item.guid,
          waiting_body(item.guid, item.kind, item.to, item.time, item.content, item.wire));
    });
    if (!status) return;
    if (!cause.empty()) return give_up(item.guid, cause);
  }
  Packet packet = Packet::request(Operation::create);
  packet.set("type", item.kind).set("target", item.to.bare().text()).set("guid", item.guid);
  packet.content = item.wire;
  in_flight_.insert(item.guid);
  session_->request(
      Lane::text, std::move(packet),
      [this, guid = item.guid](const Packet& response) { on_accepted(guid, response); });
}

Result<SignedMessage> Messenger::seal_for(const Id& to, const JsonObject& content, Millis time) {
  auto contact = home_.contact(to);
  if (!contact) return std::unexpected(contact.error());
  Contact peer = contact->value_or(Contact{.id = to.bare()});
  const Chain chain{.seq = peer.seq + 1, .prev = peer.prev};
  PlainMessage message{.envelope = {.sender = home_.account().id.bare(),
                                    .receiver = to.bare(),
                                    .time = static_cast<double>(time) / 1000},
                       .content = content};
  auto sealed = seal(message, home_.account(), home_.directory(), chain, random_);
  if (!sealed) return sealed;
  peer.seq = chain.seq;
  peer.prev = to_base64(message_hash(*sealed));
  if (auto status = home_.put_contact(peer); !status) return std::unexpected(status.error());
  return sealed;
}

void Messenger::on_accepted(const std::string& guid, const Packet& response) {
  in_flight_.erase(guid);
  if (refused_ && in_flight_.empty()) {
    refused_ = false;
    outbox_place_ = 0;
  }
  if (response.code == 201 || response.code == 202) {
    std::optional<HistoryEntry> changed;
    auto status = home_.vault().transaction([&]() -> Status {
      auto body = home_.vault().get(kOutbox, guid);
      if (!body) return std::unexpected(body.error());
      if (!*body) return {};
      auto object = parse_json_object(**body);
      if (!object) return std::unexpected(object.error());
      if (entry_text(*object, "kind") == "message") {
        if (auto to = Id::parse(entry_text(*object, "to"))) {
          auto entry = find_history(*to, guid);
          if (!entry) return std::unexpected(entry.error());
          if (*entry && (*entry)->tick == Tick::queued) {
            (*entry)->tick = Tick::sent;
            if (auto put = put_history(**entry); !put) return put;
            changed = **entry;
          }
        }
      }
      return home_.vault().erase(kOutbox, guid);
    });
    if (status && changed && events_.ticked) events_.ticked(*changed);
  } else if (response.code == 416) {
    // Begin again from the oldest one that is not acknowledged; those that were taken meanwhile are
    // known by GUID.
    paused_until_ =
        clock_.monotonic() + 1000 * std::max<std::int64_t>(1, number(response.get("retry-after")));
    if (in_flight_.empty()) outbox_place_ = 0;
    refused_ = !in_flight_.empty();
  } else if (response.code == 506 || response.code >= 500) {
    // The station cannot take it now: it stays in the outbox and goes out with the next session.
    return session_->abandon(
        {Errc::unavailable, "the station cannot take more messages now; they stay in the outbox"},
        response.code, response.get("message"));
  } else {
    give_up(guid, std::to_string(response.code) + " " + std::string(code_name(response.code)) +
                      ": " + escape(response.get("message")));
  }
  pump();
}

void Messenger::give_up(const std::string& guid, std::string_view cause) {
  std::optional<HistoryEntry> changed;
  auto status = home_.vault().transaction([&]() -> Status {
    auto body = home_.vault().get(kOutbox, guid);
    if (!body) return std::unexpected(body.error());
    if (!*body) return {};
    auto object = parse_json_object(**body);
    if (!object) return std::unexpected(object.error());
    if (auto to = Id::parse(entry_text(*object, "to"));
        to && entry_text(*object, "kind") == "message") {
      auto entry = find_history(*to, guid);
      if (!entry) return std::unexpected(entry.error());
      if (*entry) {
        (*entry)->tick = Tick::failed;
        (*entry)->cause = cause;
        if (auto put = put_history(**entry); !put) return put;
        changed = **entry;
      }
    }
    return home_.vault().erase(kOutbox, guid);
  });
  if (status && changed && events_.ticked) events_.ticked(*changed);
}

void Messenger::typing(const Id& peer, bool on) {
  if (!is_ready()) return;
  session_->request(Lane::text,
                    Packet::request(Operation::notify)
                        .set("type", "typing")
                        .set("target", peer.bare().text())
                        .set("state", on ? "on" : "off"),
                    {});
}

// --- receiving
// --------------------------------------------------------------------------------------------------

void Messenger::pushed(Lane, Packet packet) {
  const std::string_view type = packet.get("type");
  if (packet.operation == Operation::create && (type == "message" || type == "receipt")) {
    pushes_.push_back(std::move(packet));
    return;  // process_pushes() follows when all that was read has been taken apart: one
             // transaction for many
  }
  if (packet.operation != Operation::notify) return;
  auto author = Id::parse(packet.get("author"));
  if (!author) return;
  if (type == "typing" && events_.typing) events_.typing(*author, packet.get("state") == "on");
  if (type == "presence" && events_.presence) events_.presence(*author, packet.get("state"));
}

void Messenger::process_pushes() {
  if (pushes_.empty() || fetching_for_push_ || !session_) return;
  std::vector<HistoryEntry> show;
  std::vector<HistoryEntry> ticked;
  std::optional<Id> unknown;
  std::int64_t cursor = acked_cursor_;
  std::size_t done = 0;
  auto status = home_.vault().transaction([&]() -> Status {
    for (const Packet& push : pushes_) {
      const std::int64_t at = number(push.get("cursor"));
      if (at > cursor) {
        auto author = Id::parse(push.get("author"));
        const Known* known = author ? home_.directory().find(*author) : nullptr;
        if (author && (known == nullptr || !known->meta) &&
            !fetched_.contains(author->bare().text())) {
          unknown = author->bare();
          break;
        }
        if (auto taken = take(push, show, ticked); !taken) return taken;
        cursor = at;
      }
      ++done;
    }
    return home_.vault().put("state", "cursor", std::to_string(cursor));
  });
  if (!status) {  // the disk failed: nothing was acknowledged, so it comes again
    pushes_.clear();
    return session_->abandon(status.error());
  }
  pushes_.erase(pushes_.begin(), pushes_.begin() + static_cast<std::ptrdiff_t>(done));
  if (cursor > acked_cursor_) {
    acked_cursor_ = cursor;
    if (is_ready()) {
      session_->request(Lane::text,
                        Packet::request(Operation::notify)
                            .set("type", "cursor")
                            .set("cursor", std::to_string(cursor)),
                        {});
    }
  }
  for (const HistoryEntry& entry : ticked) {
    if (events_.ticked) events_.ticked(entry);
  }
  for (const HistoryEntry& entry : show) {
    if (events_.received) events_.received(entry);
  }
  if (unknown) {
    fetching_for_push_ = true;
    fetch(*unknown, [this](Status) {
      fetching_for_push_ = false;
      process_pushes();
    });
  }
  pump();
}

Status Messenger::take(const Packet& push, std::vector<HistoryEntry>& show,
                       std::vector<HistoryEntry>& ticked) {
  const std::string guid(push.get("guid"));
  const auto reject = [&](const Error& error) -> Status {
    if (error.code == Errc::replay || push.get("type") == "receipt") return {};
    auto author = Id::parse(push.get("author"));
    if (!author) return {};
    HistoryEntry entry{.guid = guid, .peer = author->bare()};
    entry.time = clock_.now();
    entry.cause = to_string(error);
    if (auto put = put_history(entry); !put) return put;
    show.push_back(entry);
    return put_unread(entry);
  };
  if (!push.content) return {};
  auto message = SignedMessage::parse(*push.content);
  if (!message) return reject(message.error());
  Status disk;
  const SeenBefore seen_before = [&](const Digest32& hash) {
    auto contains = home_.vault().contains(kSeen, to_base64(hash));
    if (!contains) disk = std::unexpected(contains.error());
    return contains && *contains;
  };
  auto opened = dim::open(*message, home_.account(), home_.directory(), seen_before, clock_.now());
  if (!disk) return disk;
  if (!opened) return reject(opened.error());
  if (auto put = home_.vault().put(kSeen, to_base64(opened->hash), std::to_string(clock_.now()));
      !put)
    return put;
  return take_opened(push, *message, *opened, show, ticked);
}

Status Messenger::take_opened(const Packet& push, const SignedMessage& message,
                              const Opened& opened, std::vector<HistoryEntry>& show,
                              std::vector<HistoryEntry>& ticked) {
  const Id peer = opened.message.envelope.sender.bare();
  const std::string guid(push.get("guid"));
  auto found = home_.contact(peer);
  if (!found) return std::unexpected(found.error());
  Contact contact = found->value_or(Contact{.id = peer});
  std::int64_t missing = 0;
  if (opened.chain && opened.chain->seq > contact.their_seq) {
    // Receipts stand in the sender's chain too.
    missing = opened.chain->seq - contact.their_seq - 1;
    contact.their_seq = opened.chain->seq;
    contact.their_prev = to_base64(opened.hash);
    if (auto put = home_.put_contact(contact); !put) return put;
  }
  if (auto receipt = read_receipt(opened)) {
    auto entry = find_history(peer, receipt->guid);
    if (!entry) return std::unexpected(entry.error());
    if (!*entry || !(*entry)->outgoing) return {};
    const auto hash = digest_from((*entry)->hash);
    if (!hash) return {};
    auto delivery =
        check_receipt(*receipt, opened, {.receiver = peer, .guid = receipt->guid, .hash = *hash});
    if (!delivery) return {};
    const Tick tick = *delivery == Delivery::read ? Tick::read : Tick::delivered;
    if ((*entry)->tick >= tick) return {};
    (*entry)->tick = tick;
    if (auto put = put_history(**entry); !put) return put;
    ticked.push_back(**entry);
    return {};
  }

  HistoryEntry entry{.guid = guid, .peer = peer};
  entry.time = static_cast<Millis>(content_time(opened.message.content) * 1000);
  entry.label = opened.label;
  entry.late = opened.late;
  entry.hash = to_base64(opened.hash);
  entry.content_type = content_name(opened.message.content);
  if (const std::string* text = opened.message.content.text("text")) entry.text = *text;
  entry.missing = missing;
  if (auto put = put_history(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  const Millis now = clock_.now();
  const JsonObject receipt = make_receipt(message, opened, guid, false, now, random_);
  if (auto put = enqueue("receipt", peer, receipt, Guid::make(now, random_).text(), now); !put)
    return put;
  show.push_back(entry);
  return {};
}

// --- history
// ------------------------------------------------------------------------------------------------------

std::string_view to_string(Tick tick) {
  switch (tick) {
    case Tick::queued:
      return "queued";
    case Tick::sent:
      return "sent";
    case Tick::delivered:
      return "delivered";
    case Tick::read:
      return "read";
    case Tick::failed:
      return "failed";
  }
  return "";
}

Status Messenger::put_history(const HistoryEntry& entry) {
  return home_.vault().put("history " + entry.peer.text(), entry.guid, write_json(to_json(entry)));
}

Result<std::optional<HistoryEntry>> Messenger::find_history(const Id& peer, std::string_view guid) {
  auto body = home_.vault().get("history " + peer.bare().text(), guid);
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto entry = history_entry(**body);
  if (!entry) return std::unexpected(entry.error());
  return *entry;
}

Result<std::vector<HistoryEntry>> Messenger::history(const Id& peer, std::size_t limit) {
  auto rows = home_.vault().newest("history " + peer.bare().text(), limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<HistoryEntry> out;
  for (const auto& row : *rows) {
    auto entry = history_entry(row.body);
    if (!entry) return std::unexpected(entry.error());
    out.push_back(std::move(*entry));
  }
  return out;
}

Result<std::vector<HistoryEntry>> Messenger::unread(std::size_t limit) {
  auto rows = home_.vault().list(kUnread, 0, limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<HistoryEntry> out;
  for (const auto& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) return std::unexpected(object.error());
    auto peer = Id::parse(entry_text(*object, "peer"));
    if (!peer) return std::unexpected(peer.error());
    auto entry = find_history(*peer, entry_text(*object, "guid"));
    if (!entry) return std::unexpected(entry.error());
    if (*entry) out.push_back(std::move(**entry));
  }
  return out;
}

Status Messenger::put_unread(const HistoryEntry& entry) {
  JsonObject object;
  object.set("guid", entry.guid);
  object.set("peer", entry.peer.text());
  return home_.vault().put(kUnread, entry.guid, write_json(object));
}

Status Messenger::shown(const HistoryEntry& entry) {
  auto status = home_.vault().transaction([&]() -> Status {
    auto unseen = home_.vault().contains(kUnread, entry.guid);
    if (!unseen) return std::unexpected(unseen.error());
    if (!*unseen) return {};
    if (auto erased = home_.vault().erase(kUnread, entry.guid); !erased) return erased;
    if (!options_.read_receipts || !entry.cause.empty()) return {};
    const auto hash = digest_from(entry.hash);
    if (!hash) return {};
    const Millis now = clock_.now();
    const JsonObject receipt =
        receipt_content({.guid = entry.guid, .hash = *hash, .read = true}, now, random_);
    return enqueue("receipt", entry.peer, receipt, Guid::make(now, random_).text(), now);
  });
  if (status) pump();
  return status;
}

// --- look-ups
// -----------------------------------------------------------------------------------------------------

void Messenger::fetch(const Id& id, std::function<void(Status)> done) {
  const Id bare = id.bare();
  if (!home_.directory().message_keys(bare).empty()) return done({});
  if (!is_started()) return done(fail(Errc::unreachable, "the station is not connected"));
  if (fetched_.contains(bare.text())) {
    return done(fail(Errc::not_found, "nobody at this station knows that ID's keys"));
  }
  session_->request(
      Lane::control,
      Packet::request(Operation::get).set("type", "document").set("target", bare.text()),
      [this, bare, done = std::move(done)](const Packet& response) {
        fetched_.insert(bare.text());
        if (response.code != 200 || !response.content) {
          return done(fail(Errc::not_found, "nobody at this station knows that ID's keys"));
        }
        auto object = parse_json_object(*response.content);
        if (!object) return done(std::unexpected(object.error()));
        const Json* meta = object->find("meta");
        const Json* documents = object->find("documents");
        if (meta == nullptr || meta->object() == nullptr || documents == nullptr ||
            documents->array() == nullptr) {
          return done(fail(Errc::document, "the station's answer holds no meta and documents"));
        }
        std::vector<JsonObject> list;
        for (const Json& document : *documents->array()) {
          if (document.object() != nullptr && list.size() < limits::kAttachedDocuments)
            list.push_back(*document.object());
        }
        done(home_.learn(bare, *meta->object(), list, clock_.now()));
      });
}

void Messenger::resolve(std::string_view who, Found found) {
  if (who.starts_with("dim:")) {
    auto uri = Uri::parse(who);
    if (!uri) return found(std::unexpected(uri.error()));
    if (uri->type != UriType::user)
      return found(fail(Errc::usage, "this link does not name a person; dim:user:… does"));
    return resolve(uri->identifier, std::move(found));
  }
  if (auto alias = home_.by_alias(who); alias && *alias) return found(**alias);
  if (auto id = Id::parse(who)) return found(*id);
  auto name = parse_graphical_id(who);
  if (!name) {
    return found(fail(Errc::not_found,
                      "this is no ID, no alias of yours, and cannot be a registered name (5 to 32 "
                      "of a-z 0-9 _ .)"));
  }
  if (!is_ready()) {
    auto known = home_.contacts();
    if (known) {
      for (const Contact& contact : *known) {
        if (contact.registered == *name) return found(contact.id);
      }
    }
    return found(fail(
        Errc::unreachable,
        "a name that was never looked up before needs the station, which is away; use the ID"));
  }
  session_->request(
      Lane::control, Packet::request(Operation::get).set("type", "name").set("target", *name),
      [this, name = *name, found = std::move(found)](const Packet& response) {
        if (response.code != 200)
          return found(fail(Errc::not_found, "nobody has registered that name at this station"));
        auto owner = Id::parse(response.get("owner"));
        auto signature = from_base64(response.get("signature"));
        if (!owner || !signature || !session_ || !session_->station_meta() ||
            !session_->station_meta()->key().verify(
                name_signing_input(name, response.get("owner"), response.get("time")),
                *signature)) {
          return found(fail(Errc::signature,
                            "the station's record of that name is not signed by the station"));
        }
        auto contact = home_.contact(*owner);
        if (!contact) return found(std::unexpected(contact.error()));
        Contact kept = contact->value_or(Contact{.id = owner->bare()});
        kept.registered = name;
        if (auto status = home_.put_contact(kept); !status)
          return found(std::unexpected(status.error()));
        found(*owner);
      });
}

void Messenger::publish(std::string_view name, std::function<void(Status)> done) {
  if (!is_ready()) return done(fail(Errc::unreachable, "the station is not connected"));
  const Account& account = home_.account();
  JsonObject content;
  content.set("meta", account.meta.json());
  content.set("document", account.visa.json());
  Packet packet = Packet::request(Operation::create)
                      .set("type", "document")
                      .set("target", account.id.bare().text());
  packet.content = write_json(content);
  session_->request(
      Lane::control, std::move(packet),
      [this, name = std::string(name), done = std::move(done)](const Packet& response) {
        // 407: the station holds this or a newer one, from another device.
        if (response.code != 201 && response.code != 407) {
          return done(fail(Errc::document, "the station refused this account's visa"));
        }
        if (name.empty()) return done({});
        session_->request(
            Lane::control,
            Packet::request(Operation::create).set("type", "name").set("target", name),
            [this, name, done](const Packet& answer) {
              if (answer.code == 201) return done(home_.set_registered_name(name));
              if (answer.code == 407)
                return done(
                    fail(Errc::conflict, "this name belongs to somebody else; choose another one"));
              if (answer.code == 403)
                return done(fail(Errc::forbidden, "this name is reserved; choose another one"));
              done(fail(Errc::bad_request,
                        "the station refused this name; names are 5 to 32 of a-z 0-9 _ ."));
            });
      });
}

}  // namespace dim
