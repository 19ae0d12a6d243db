#include <algorithm>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/engine/early.h"
#include "dim/engine/group_message.h"
#include "dim/engine/receipt.h"
#include "dim/engine/replay.h"
#include "dim/engine/signer.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kSeen = "seen";
constexpr std::string_view kSent = "sent";      // by hash and by signature: old peers know no GUIDs
constexpr std::string_view kChains = "chains";  // of a sender in a large group
constexpr std::string_view kSeveral = "several devices";  // of an earlier version, for a chain
constexpr std::string_view kFailed = "failed decrypts";   // of each sender, A22

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

/// A command that tells of a group: its bulletin.
bool tells_of_group(const JsonObject& content) {
  const auto decoded = decode_content(content);
  const auto* documents = decoded ? decoded->as<DocumentsContent>() : nullptr;
  return documents != nullptr && documents->did.is_group();
}

}  // namespace

void Messenger::pushed(Lane, Packet packet) {
  if (is_of_hubs(packet)) {
    // Who belongs to a private hub has changed: what still waits is sealed for those of now.
    if (packet.operation == Operation::notify && is_private_hub(packet.get("target")))
      sealed_now_.clear();
    return hubs_.pushed(std::move(packet));
  }
  if (packet.operation == Operation::notify) return on_notice(packet);
  // process_pushes() follows when all that was read has been taken apart: one transaction for many.
  if (packet.operation == Operation::create || packet.has("cursor"))
    pushes_.push_back(std::move(packet));
}

void Messenger::process_pushes() {
  if (pushes_.empty() || !session_) return;
  std::vector<HistoryEntry> show;
  std::vector<HistoryEntry> ticked;
  std::int64_t cursor = acked_cursor_;
  (void)home_.refresh();
  auto status = home_.vault().transaction([&]() -> Status {
    for (const Packet& push : pushes_) {
      const std::int64_t at = number_in(push.get("cursor"));
      // One without a place is taken all the same: the next one's cursor goes for it too.
      if (at > 0 && at <= cursor) continue;
      if (auto taken = take_or_keep(push, show, ticked); !taken) return taken;
      if (auto noted = note_alarms(show); !noted) return noted;
      cursor = std::max(cursor, at);
    }
    return home_.set_inbox_cursor(inbox_of_, cursor);
  });
  if (!status) {  // the disk failed: nothing was acknowledged, so it comes again
    pushes_.clear();
    changes_.clear();
    return session_->abandon(status.error());
  }
  pushes_.clear();
  if (cursor > acked_cursor_) {
    acked_cursor_ = cursor;
    if (is_ready()) tell_cursor();
  }
  tell(show, ticked);
  finish_erasing();
  if (retry_) retry_waiting();
  ask_for_keys();
  ask_for_native_visas();
  pump();
}

void Messenger::tell_cursor() {
  session_->request(Lane::text,
                    Packet::request(Operation::notify)
                        .set("type", "cursor")
                        .set("cursor", std::to_string(acked_cursor_)),
                    {});
}

/// What comes twice is known by its hash.
void Messenger::inbox_began_anew() {
  if (auto put = home_.set_inbox_cursor(inbox_of_, 0); !put) return session_->abandon(put.error());
  acked_cursor_ = 0;
}

/// One whose author nobody has told us about waits, and holds up nobody else's.
Status Messenger::take_or_keep(const Packet& push, std::vector<HistoryEntry>& show,
                               std::vector<HistoryEntry>& ticked) {
  auto author = Id::parse(push.get("author"));
  if (!author || !push.content || !lacks_author(*author, *push.content))
    return take(push, show, ticked);
  auto message = SignedMessage::parse(*push.content);
  if (!message || !message->sealed.envelope.sender.same_entity(*author))
    return take(push, show, ticked);
  auto refused = is_refused(*author);
  if (!refused) return std::unexpected(refused.error());
  if (*refused) return {};
  needs_.insert(author->bare().text());
  const Waits why = push.get("type") == "receipt" ? Waits::quietly : Waits::for_keys;
  return keep_waiting(std::string(push.get("guid")), *push.content, why, arrival_of(push), show);
}

/// It is shown as one that cannot be read, once, so that nothing goes without a word. Of what does
/// not say who wrote it the station is named, which has sent it.
Status Messenger::reject(const Packet& push, const Error& error, std::vector<HistoryEntry>& show) {
  constexpr std::size_t kGuidDigits = 32;
  if (error.code == Errc::replay || push.get("type") == "receipt") return {};
  const auto author = Id::parse(push.get("author"));
  if (author) {
    auto refused = is_refused(*author);
    if (!refused) return std::unexpected(refused.error());
    if (*refused) return {};
  } else if (!session_ || !session_->station()) {
    return {};
  }
  const Id from = author ? author->bare() : session_->station()->bare();
  std::string guid(push.get("guid"));
  if (!Guid::parse(guid))
    guid = to_hex(sha256(as_bytes(write_packet(push)))).substr(0, kGuidDigits);
  if (number_in(push.get("cursor")) <= 0) {  // nothing else says that it has come before
    auto kept = history_.find(from, guid);
    if (!kept) return std::unexpected(kept.error());
    if (*kept) return {};
  }
  return show_unreadable(from, guid, error, show);
}

Status Messenger::take(const Packet& push, std::vector<HistoryEntry>& show,
                       std::vector<HistoryEntry>& ticked) {
  const std::string guid(push.get("guid"));
  const std::string_view type = push.get("type");
  if (push.operation != Operation::create || (type != "message" && type != "receipt"))
    return reject(push, {Errc::bad_request, "this program does not know what it is"}, show);
  if (!push.content) return reject(push, {Errc::bad_request, "it came without content"}, show);
  auto message = SignedMessage::parse(*push.content);
  if (!message) return reject(push, message.error(), show);
  Status disk;
  auto opened = open_message(*message, disk);
  if (!disk) return disk;
  if (auto noted = note_alarms(show); !noted) return noted;  // before what has brought it
  const bool lacks_early_key = !opened && opened.error().code == Errc::signature &&
                               brings_early_document(*message, home_.directory(), clock_.now());
  if (lacks_early_key || (!opened && opened.error().code == Errc::too_early)) {
    // This clock is slow, or the sender's ahead: it waits here, and its sender is not punished.
    const Millis arrived = arrival_of(push);
    if (clock_.now() - arrived > kReplayLife) return reject(push, opened.error(), show);
    if (early_at_ == 0) early_at_ = clock_.monotonic() + kEarlyMs;
    const Waits why = push.get("type") == "receipt" ? Waits::quietly : Waits::for_time;
    return keep_waiting(guid, *push.content, why, arrived, show);
  }
  if (!opened) return reject(push, opened.error(), show);
  Arrived arrived{push, *message, guid};
  if (is_native(opened->message.content)) {
    auto taken = take_native(arrived, *opened, show);
    if (!taken) return std::unexpected(taken.error());
    if (!*taken) return {};
  }
  if (auto put = home_.vault().put(kSeen, to_base64(opened->hash), std::to_string(clock_.now()));
      !put)
    return put;
  if (arrived.guid == guid) return take_opened(push, *message, *opened, show, ticked);
  Packet again = push;  // it takes the place of one that could not be read
  again.set("guid", arrived.guid);
  return take_opened(again, *message, *opened, show, ticked);
}

/// Whose chain it is: each device of a person counts for itself. What is written once for all of a
/// large group has a chain of its own.
std::string Messenger::chain_key(const SignedMessage& message, const Opened& opened) {
  constexpr std::size_t kDigits = 16;
  const Id sender = opened.message.envelope.sender.bare();
  const auto& group = opened.message.envelope.group;
  std::string key = group && !group->is_broadcast() ? group->bare().text() + " " : std::string();
  key += sender.text();
  const Known* known = home_.directory().find(sender);
  const auto is_of_device = [](const Document& one) { return !one.terminal().empty(); };
  if (known == nullptr || std::ranges::none_of(known->documents, is_of_device)) return key;
  if (const auto device = linked_signer(message, home_.directory(), clock_.now()))
    key += "/" + to_hex(*device).substr(0, kDigits);
  return key;
}

/// What the sender's chain says of this message (A13).
Result<std::optional<Messenger::ChainRow>> Messenger::note_chain(const SignedMessage& message,
                                                                 const Opened& opened,
                                                                 const Contact& contact,
                                                                 std::vector<HistoryEntry>& show) {
  const auto& group = opened.message.envelope.group;
  const bool shared = group && !group->is_broadcast();
  ChainRow row{.key = chain_key(message, opened)};
  auto kept = home_.vault().get(kChains, row.key);
  if (!kept) return std::unexpected(kept.error());
  const bool was_several = *kept && **kept == kSeveral;
  if (!opened.chain && (!*kept || was_several)) return std::nullopt;
  // A linked device came later: what was said before is on the others.
  const bool begins_here = was_several || (!*kept && !home_.account().holds_identity());
  if (begins_here) {
    row.chain = shared ? ReadChain::of_group(opened.chain->seq)
                       : ReadChain::of_old_home(opened.chain->seq - 1, opened.chain->prev);
  } else if (auto object = parse_json_object(kept->value_or(""))) {
    row.chain = ReadChain::parse(*object);
  } else if (shared) {
    // Who came later does not miss what was said before. Earlier versions kept a number.
    row.chain = ReadChain::of_group(*kept ? number_in(**kept) : opened.chain->seq);
  } else if (row.key == contact.id.text()) {
    row.chain = ReadChain::of_old_home(contact.their_seq, contact.their_prev);
  }
  if (!opened.chain) return row;
  std::string filled;
  row.chain.take(*opened.chain, to_base64(opened.hash), filled);
  if (auto noted = note_filled(filled, show); !noted) return std::unexpected(noted.error());
  if (auto put = put_chain(row); !put) return std::unexpected(put.error());
  return row;
}

Status Messenger::put_chain(const ChainRow& row) {
  return home_.vault().put(kChains, row.key, write_json(row.chain.json()));
}

/// One that was missing when the message `place` ("PEER GUID") was shown has come after all.
Status Messenger::note_filled(const std::string& place, std::vector<HistoryEntry>& show) {
  const std::size_t space = place.rfind(' ');
  if (space == std::string::npos) return {};
  const auto peer = Id::parse(place.substr(0, space));
  const std::string guid = place.substr(space + 1);
  if (!peer) return {};
  auto entry = history_.find(*peer, guid);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || (*entry)->missing < 1) return {};
  (*entry)->missing -= 1;
  for (HistoryEntry& shown : show) {
    if (shown.guid == guid && shown.peer.same_entity(*peer)) shown.missing = (*entry)->missing;
  }
  return history_.put(**entry);
}

/// Nothing that they write to the person here alone is kept or answered (F19).
Result<bool> Messenger::is_refused(const Id& who) {
  auto contact = home_.contact(who);
  if (!contact) return std::unexpected(contact.error());
  return *contact && (*contact)->refused;
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

/// True when the sender has written this very content before (R5). Marks it.
Result<bool> Messenger::repeats_content(const Opened& opened) {
  const JsonObject& content = opened.message.content;
  const std::string* group = content.text("group");
  JsonArray identity;
  identity.emplace_back(opened.message.envelope.sender.bare().text());
  identity.emplace_back(group != nullptr ? *group : std::string());
  identity.emplace_back(std::to_string(*content_sn(content)));
  identity.emplace_back(std::to_string(content_millis(content_time(content))));
  const std::string mark = "content " + to_base64(sha256(as_bytes(write_json(identity))));
  auto contains = home_.vault().contains(kSeen, mark);
  if (!contains || *contains) return contains;
  if (auto put = home_.vault().put(kSeen, mark, std::to_string(clock_.now())); !put)
    return std::unexpected(put.error());
  return false;
}

/// Into the history, and among what nobody has seen. False: it has been there before. Old programs
/// sign anew what was not acknowledged, and then the hash says nothing: the content is compared
/// where nobody has promised better, and where the message came through a station of the dimchat
/// world (its GUID is then a name of its bytes: operations.md section 2).
Result<bool> Messenger::keep_new(const HistoryEntry& entry, const Opened& opened,
                                 std::string_view guid) {
  if (entry.expires != 0 && entry.expires <= clock_.now()) return false;  // over on its way
  constexpr unsigned kNameOfBytes = 8;                                    // version of such a GUID
  const auto name = Guid::parse(guid);
  const bool signed_anew = entry.label == Label::addressee_unproven || !name ||
                           name->bytes()[6] >> 4 == kNameOfBytes ||
                           (session_ && !session_->repeats_bytes());
  if (signed_anew) {
    auto repeated = repeats_content(opened);
    if (!repeated) return std::unexpected(repeated.error());
    if (*repeated) return false;
  }
  HistoryEntry kept = entry;
  if (auto early = take_early(kept); !early) return std::unexpected(early.error());
  if (auto put = history_.put(kept, opened.message.content); !put)
    return std::unexpected(put.error());
  auto contact = home_.contact(entry.peer);
  if (!contact) return std::unexpected(contact.error());
  if (*contact && (*contact)->muted) return true;
  if (auto put = put_unread(entry); !put) return std::unexpected(put.error());
  return true;
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
  const auto revision = [&]() -> std::optional<std::uint64_t> {
    const Known* known = home_.directory().find(message.sealed.envelope.sender);
    return known != nullptr ? std::optional(known->revision) : std::nullopt;
  };
  const auto known_before = revision();
  auto opened = dim::open(message, home_.account(), home_.directory(), seen_before, clock_.now(),
                          {.failed = &failed});
  if (disk && failed != before) disk = home_.vault().put(kFailed, sender, failed.text());
  // Of strangers nothing stays that did not come with a message of theirs. An alarm is kept until
  // the disk has it.
  const Known* known = home_.directory().find(message.sealed.envelope.sender);
  const bool alarming =
      known != nullptr && (known->chain_alarm || known->state == MetaState::suspect);
  if (disk && (alarming || revision() != known_before) && (opened || known_before))
    disk = home_.keep_known(message.sealed.envelope.sender, clock_.now());
  // Nobody remembers any more whether it has come before.
  if (opened &&
      clock_.now() - content_millis(content_time(opened->message.content)) > kReplayLife) {
    return fail(Errc::content, "it was written more than 400 days ago, and may have come before");
  }
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
  auto chain = note_chain(message, opened, contact, show);
  if (!chain) return std::unexpected(chain.error());
  const bool command = is_command(opened.message.content);
  if (!*found && (opened.chain || !command)) {
    if (auto put = home_.put_contact(contact); !put) return put;
  }
  if (command && !tells_of_group(opened.message.content)) return take_command(opened, ticked);
  const auto group = group_of(opened);
  if (contact.refused && !group) return {};
  auto quiet = take_quietly(guid, message, opened, arrival_of(push), show);
  if (!quiet) return std::unexpected(quiet.error());
  if (*quiet) return {};
  auto gone = is_gone(opened);
  if (!gone) return std::unexpected(gone.error());
  if (*gone) return stop_waiting(guid);

  auto key = free_guid(peer, guid);
  if (!key) return std::unexpected(key.error());
  HistoryEntry entry{.guid = std::move(*key), .peer = peer};
  entry.time = static_cast<Millis>(content_time(opened.message.content) * 1000);
  entry.label = opened.label;
  entry.late = opened.late;
  entry.hash = to_base64(opened.hash);
  entry.content_type = content_name(opened.message.content);
  if (auto content = decode_content(opened.message.content)) {
    if (auto status = put_words(entry, *content); !status) return status;
  } else {
    entry.words = "a content that makes no sense: " + to_string(content.error());
  }
  if (group) entry.guid = guid;
  if (*chain && (*chain)->chain.has_news()) {
    const std::string place = (group ? group->bare() : peer).text() + " " + entry.guid;
    entry.missing = (*chain)->chain.tell_missing(place);
    entry.forked = (*chain)->chain.tell_fork();
    if (auto put = put_chain(**chain); !put) return put;
  }
  if (group) {
    return take_group_message(std::move(entry), message, opened, *group, arrival_of(push), show);
  }
  auto kept = keep_new(entry, opened, guid);
  if (!kept) return std::unexpected(kept.error());
  if (!*kept) return {};
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
  const std::string guid = (*sent)->message.guid;
  SentMessage known = (*sent)->message;
  if (!receipt.guid.empty()) known.guid = receipt.guid;  // found by hash or signature
  auto delivery = check_receipt(receipt, opened, known);
  if (!delivery) return {};
  const Tick tick = *delivery == Delivery::read ? Tick::read : Tick::delivered;
  if ((*sent)->group) {
    std::optional<HistoryEntry> changed;
    auto noted = note_reached(*(*sent)->group, guid, peer, tick, changed);
    if (noted && changed) ticked.push_back(std::move(*changed));
    return noted;
  }
  auto entry = history_.find(peer, guid);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || !(*entry)->outgoing || (*entry)->tick >= tick) return {};
  (*entry)->tick = tick;
  if (auto put = history_.put(**entry); !put) return put;
  ticked.push_back(**entry);
  return {};
}

/// The own message that a receipt is about: by its GUID, else by what remember_sent() kept. At a
/// neighbour of the own station a message has another GUID.
Result<std::optional<Messenger::Sent>> Messenger::find_sent(const Id& peer,
                                                            const Receipt& receipt) {
  std::string guid = receipt.guid, hash;
  std::optional<Id> group;
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
    if (auto id = Id::parse(text_in(*object, "group"))) group = std::move(*id);
    break;
  }
  const auto digest = digest_in(hash);
  if (!digest) return std::nullopt;
  return Sent{.message = {.receiver = peer,
                          .guid = guid,
                          .hash = *digest,
                          .signature = receipt.signature.value_or(Bytes())},
              .group = std::move(group)};
}

Status Messenger::remember_sent(const OutboxRow& row, const SignedMessage& message) {
  const auto quiet = quiet_to_keep(row);
  if (row.kind == "receipt" && !quiet) return {};
  JsonObject object;
  object.set("guid", row.entry.empty() ? row.guid : row.entry);
  object.set("to", row.to.bare().text());
  if (row.group) object.set("group", row.group->text());
  const std::string hash = to_base64(message_hash(message));
  object.set("hash", hash);
  object.set("time", row.time);
  if (!row.native.empty()) {
    JsonArray devices;  // who may ask for it again
    for (std::string& name : native_receivers(row.native)) devices.emplace_back(std::move(name));
    object.set("native", std::move(devices));
  }
  if (quiet) object.set("said", *quiet);
  const std::string body = write_json(object);
  if (auto put = home_.vault().put(kSent, "hash " + hash, body); !put || quiet) return put;
  return home_.vault().put(kSent, "signature " + to_base64(message.signature), body);
}

/// Marks of what was received are kept for 400 days (A12), and open_message() refuses what is
/// older; what names own messages for receipts, for 90 days. In pieces: the rest at the next start.
Status Messenger::forget_old() {
  constexpr std::size_t kAtOnce = 1'000;
  constexpr Millis kSentLife = Millis{90} * 86'400'000;
  const auto forget = [&](std::string_view bucket, Millis life,
                          Millis (*time_of)(const std::string&)) -> Status {
    auto rows = home_.vault().list(bucket, 0, kAtOnce);
    if (!rows) return std::unexpected(rows.error());
    std::int64_t last = 0;
    for (const auto& row : *rows) {
      if (clock_.now() - time_of(row.body) <= life) break;
      last = row.place;
    }
    return last == 0 ? Status() : home_.vault().erase_through(bucket, last);
  };
  const auto number = [](const std::string& body) -> Millis { return number_in(body); };
  const auto member = [](const std::string& body) -> Millis {
    auto object = parse_json_object(body);
    return object ? integer_in(*object, "time") : 0;
  };
  if (auto done = forget(kSeen, kReplayLife, number); !done) return done;
  if (auto done = forget(kNativeOpened, kReplayLife, number); !done) return done;
  if (auto done = forget(kGonePosts, kReplayLife, number); !done) return done;
  if (auto done = forget_begun_sessions(home_.vault()); !done) return done;
  if (auto done = forget(kReached, kSentLife, member); !done) return done;
  if (auto done = forget(kNativeAsked, kSentLife, member); !done) return done;
  return forget(kSent, kSentLife, member);
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
  if (const auto query = read_history_query(*content)) return answer_group_query(opened, *query);
  const auto* documents = content->as<DocumentsContent>();
  const Known* known = home_.directory().find(sender);
  if (documents != nullptr && documents->did.same_entity(sender) && known != nullptr &&
      known->meta) {
    const JsonObject meta = known->meta->json();
    // What does not verify is not learnt, and says nothing about the message that brought it.
    (void)home_.learn(sender, meta, documents->documents, clock_.now());
    return drop_native_sessions(home_.vault(), home_.directory(), sender);
  }
  return {};
}

}  // namespace dim
