#include <algorithm>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/engine/group_message.h"
#include "dim/engine/receipt.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kSeen = "seen";
constexpr std::string_view kSent = "sent";  // by hash and by signature: old peers know no GUIDs
constexpr std::string_view kFailed = "failed decrypts";  // of each sender, A22

/// A command that this edition knows, or an array of nothing else: never shown, never receipted.
bool is_command(const JsonObject& content) {
  constexpr int kCommand = 136, kHistory = 137, kArray = 202;
  const int type = type_number(content_type(content));
  if (type == kArray) {
    const Json* list = content.find("contents");
    return list != nullptr && list->array() != nullptr && !list->array()->empty() &&
           std::ranges::all_of(*list->array(), [](const Json& inner) {
             return inner.object() != nullptr && is_command(*inner.object());
           });
  }
  return (type == kCommand || type == kHistory) && content_name(content) != "unknown";
}

}  // namespace

void Messenger::pushed(Lane, Packet packet) {
  const std::string_view type = packet.get("type");
  if (packet.operation == Operation::create && (type == "message" || type == "receipt")) {
    pushes_.push_back(std::move(packet));
    return;  // process_pushes() follows when all that was read has been taken apart: one
             // transaction for many
  }
  if (packet.operation == Operation::notify) on_notice(packet);
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
      const std::int64_t at = number_in(push.get("cursor"));
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
  if (groups_changed_) retry_groups();
  ask_for_group_keys();
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
    auto key = free_guid(author->bare(), guid);
    if (!key) return std::unexpected(key.error());
    HistoryEntry entry{.guid = std::move(*key), .peer = author->bare()};
    entry.time = clock_.now();
    entry.cause = to_string(error);
    if (auto put = history_.put(entry); !put) return put;
    show.push_back(entry);
    return put_unread(entry);
  };
  if (!push.content) return {};
  auto message = SignedMessage::parse(*push.content);
  if (!message) return reject(message.error());
  Status disk;
  auto opened = open_message(*message, disk);
  if (!disk) return disk;
  if (!opened) return reject(opened.error());
  if (auto put = home_.vault().put(kSeen, to_base64(opened->hash), std::to_string(clock_.now()));
      !put)
    return put;
  return take_opened(push, *message, *opened, show, ticked);
}

/// The GUID under which a message is kept: its own, unless something else is kept under that. Who
/// names a GUID that is taken must not replace what was said. An unreadable one that comes again
/// takes its place again.
Result<std::string> Messenger::free_guid(const Id& peer, const std::string& guid) {
  auto kept = history_.find(peer, guid);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept || (!(*kept)->outgoing && !(*kept)->cause.empty())) return guid;
  return Guid::make(clock_.now(), random_).text();
}

Result<Opened> Messenger::open_message(const SignedMessage& message, Status& disk) {
  const SeenBefore seen_before = [&](const Digest32& hash) {
    auto contains = home_.vault().contains(kSeen, to_base64(hash));
    if (!contains) disk = std::unexpected(contains.error());
    return contains && *contains;
  };
  const std::string sender = message.sealed.envelope.sender.bare().text();
  auto kept = home_.vault().get(kFailed, sender);
  if (!kept) disk = std::unexpected(kept.error());
  const auto before = FailedDecrypts::parse(kept ? kept->value_or("") : "");
  FailedDecrypts failed = before;
  auto opened = dim::open(message, home_.account(), home_.directory(), seen_before, clock_.now(),
                          {.failed = &failed});
  if (disk && failed != before) disk = home_.vault().put(kFailed, sender, failed.text());
  return opened;
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
  if (is_command(opened.message.content)) return take_command(opened, ticked);
  auto quiet = take_quietly(guid, message, opened);
  if (!quiet) return std::unexpected(quiet.error());
  if (*quiet) return {};

  auto key = free_guid(peer, guid);
  if (!key) return std::unexpected(key.error());
  HistoryEntry entry{.guid = std::move(*key), .peer = peer};
  entry.time = static_cast<Millis>(content_time(opened.message.content) * 1000);
  entry.label = opened.label;
  entry.late = opened.late;
  entry.hash = to_base64(opened.hash);
  entry.content_type = content_name(opened.message.content);
  if (const std::string* text = opened.message.content.text("text")) entry.text = *text;
  entry.missing = missing;
  if (const auto group = group_of(opened)) {
    entry.guid = guid;
    // When the station took it, as it says; it may have waited there for long.
    const Millis now = clock_.now();
    const Millis arrived = std::min(parse_time(push.get("time")).value_or(now), now);
    return take_group_message(std::move(entry), message, opened, *group, arrived, show);
  }
  if (auto put = history_.put(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  const Millis now = clock_.now();
  const JsonObject receipt = make_receipt(message, opened, guid, false, now, random_);
  if (auto put = enqueue({.guid = Guid::make(now, random_).text(),
                          .kind = "receipt",
                          .to = peer,
                          .time = now,
                          .content = receipt});
      !put) {
    return put;
  }
  show.push_back(entry);
  return {};
}

Status Messenger::take_receipt(const Receipt& receipt, const Opened& opened,
                               std::vector<HistoryEntry>& ticked) {
  const Id peer = opened.message.envelope.sender.bare();
  auto sent = find_sent(peer, receipt);
  if (!sent) return std::unexpected(sent.error());
  if (!*sent) return {};
  auto entry = history_.find(peer, (*sent)->guid);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || !(*entry)->outgoing) return {};
  SentMessage known = **sent;
  if (!receipt.guid.empty()) known.guid = receipt.guid;  // found by hash or signature
  auto delivery = check_receipt(receipt, opened, known);
  if (!delivery) return {};
  const Tick tick = *delivery == Delivery::read ? Tick::read : Tick::delivered;
  if ((*entry)->tick >= tick) return {};
  (*entry)->tick = tick;
  if (auto put = history_.put(**entry); !put) return put;
  ticked.push_back(**entry);
  return {};
}

/// The own message that a receipt is about: by its GUID, else by what remember_sent() kept.
Result<std::optional<SentMessage>> Messenger::find_sent(const Id& peer, const Receipt& receipt) {
  std::string guid = receipt.guid, hash;
  if (!guid.empty()) {
    auto entry = history_.find(peer, guid);
    if (!entry) return std::unexpected(entry.error());
    if (*entry && (*entry)->outgoing) hash = (*entry)->hash;
  }
  std::vector<std::string> keys;
  if (hash.empty() && !receipt.guid.empty()) keys.push_back("hash " + to_base64(receipt.hash));
  if (hash.empty() && receipt.signature)
    keys.push_back("signature " + to_base64(*receipt.signature));
  for (const std::string& key : keys) {
    auto body = home_.vault().get(kSent, key);
    if (!body) return std::unexpected(body.error());
    auto object = parse_json_object(body->value_or(""));
    if (!object || text_in(*object, "to") != peer.text()) continue;
    guid = text_in(*object, "guid");
    hash = text_in(*object, "hash");
    break;
  }
  const auto digest = digest_in(hash);
  if (!digest) return std::nullopt;
  return SentMessage{.receiver = peer,
                     .guid = guid,
                     .hash = *digest,
                     .signature = receipt.signature.value_or(Bytes())};
}

Status Messenger::remember_sent(const OutboxRow& row, const SignedMessage& message) {
  if (row.kind != "message") return {};
  JsonObject object;
  object.set("guid", row.guid);
  object.set("to", row.to.bare().text());
  const std::string hash = to_base64(message_hash(message));
  object.set("hash", hash);
  const std::string body = write_json(object);
  if (auto put = home_.vault().put(kSent, "hash " + hash, body); !put) return put;
  return home_.vault().put(kSent, "signature " + to_base64(message.signature), body);
}

// Programs talk to each other in commands; nobody reads them.
Status Messenger::take_command(const Opened& opened, std::vector<HistoryEntry>& ticked) {
  const Id sender = opened.message.envelope.sender.bare();
  if (auto receipt = read_receipt(opened)) return take_receipt(*receipt, opened, ticked);
  const auto content = decode_content(opened.message.content);
  if (!content) return {};
  if (const auto* array = content->as<ArrayContent>()) {
    for (const Content& inner : array->contents) {
      Opened one = opened;
      one.message.content = encode_content(inner);
      if (auto taken = take_command(one, ticked); !taken) return taken;
    }
    return {};
  }
  if (const auto query = read_history_query(*content)) return answer_group_query(sender, *query);
  const auto* documents = content->as<DocumentsContent>();
  const Known* known = home_.directory().find(sender);
  if (documents != nullptr && documents->did.same_entity(sender) && known != nullptr &&
      known->meta) {
    const JsonObject meta = known->meta->json();
    // What does not verify is not learnt, and says nothing about the message that brought it.
    (void)home_.learn(sender, meta, documents->documents, clock_.now());
  }
  return {};
}

}  // namespace dim
