// Groups as far as a Messenger goes: what is said in them, and how it learns who is in them.
#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/messenger.h"
#include "client/names.h"
#include "dim/base/base64.h"
#include "dim/engine/group_message.h"
#include "dim/message/delivery.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kCopies = "copies";
constexpr std::size_t kCauseBytes = 400;

}  // namespace

/// One row for each member; what it says lies once in the history.
Result<HistoryEntry> Messenger::send_to_group(const Id& id, const Content& content) {
  auto found = groups_.find(id, clock_.now());
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr) return fail(Errc::not_found, "nobody has told you of this group yet");
  const std::vector<Id> members = (*found)->members();
  const Id self = home_.account().id.bare();
  if (!(*found)->is_member(self)) return fail(Errc::forbidden, "only members write to a group");
  if (members.size() < 2) return fail(Errc::not_found, "you are alone in this group");
  JsonObject json = encode_content(content);
  json.set("group", id.text());
  auto entry = entry_for(id, content, json);
  if (!entry) return entry;
  auto status = home_.vault().transaction([&]() -> Status {
    if (auto put = history_.put(*entry, json); !put) return put;
    if (auto put = put_copies(entry->guid, {.left = members.size() - 1}); !put) return put;
    if (auto put = expect_receipts(*entry, members); !put) return put;
    if (auto told = tell_sent(*entry, json); !told) return told;
    for (const Id& member : members) {
      if (member.same_entity(self)) continue;
      if (auto put = enqueue({.guid = Guid::make(entry->time, random_).text(),
                              .kind = "copy",
                              .to = member.bare(),
                              .time = entry->time,
                              .entry = entry->guid,
                              .group = id});
          !put) {
        return put;
      }
    }
    return {};
  });
  if (!status) return std::unexpected(status.error());
  pump();
  return entry;
}

/// Errc::gone for a member who has left since: nothing newer reaches them (A27).
Result<SignedMessage> Messenger::seal_copy(const OutboxRow& row) {
  auto found = groups_.find(*row.group, clock_.now());
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr) return fail(Errc::not_found, "this group is not known here any more");
  const Group& group = **found;
  if (!group.is_member(row.to)) return fail(Errc::gone, "the receiver has left the group");
  if (group.members().size() < limits::kSplitGroup) return seal_for(row, group_marks(group));
  if (auto open = check_not_blocked(row.to); !open) return std::unexpected(open.error());
  if (row.entry != shared_entry_ || !shared_ || key_for(shared_->sealed, row.to) == nullptr) {
    auto shared = seal_shared(row, group);
    if (!shared) return shared;
    shared_entry_ = row.entry;
    shared_ = std::move(*shared);
  }
  return SignedMessage::from_json(copy_for_member(*shared_, row.to));
}

/// From 16 members on: encrypted once for all whose keys are known.
Result<SignedMessage> Messenger::seal_shared(const OutboxRow& row, const Group& group) {
  auto content = content_of(row);
  if (!content) return std::unexpected(content.error());
  auto contact = home_.contact(group.id());
  if (!contact) return std::unexpected(contact.error());
  Contact chain = contact->value_or(Contact{.id = group.id()});
  PlainMessage message{.envelope = {.sender = home_.account().id.bare(),
                                    .receiver = group.id(),
                                    .time = static_cast<double>(row.time) / 1000},
                       .content = std::move(*content)};
  message.envelope.extra = group_marks(group);
  std::vector<Id> readers;
  bool strangers = false;
  for (const Id& member : group.members()) {
    if (member.same_entity(home_.account().id)) continue;
    if (home_.directory().message_keys(member).empty() || !check_not_blocked(member)) continue;
    readers.push_back(member);
    if (introduced_.insert(member.text()).second) strangers = true;
  }
  if ((session_ && !session_->repeats_bytes() && strangers) || !home_.account().holds_identity())
    introduce(message);
  auto sealed = seal_group(message, readers, home_.account(), home_.directory(),
                           {.seq = chain.seq + 1, .prev = chain.prev}, random_);
  if (!sealed) return sealed;
  chain.seq += 1;
  chain.prev = to_base64(message_hash(*sealed));
  if (auto put = home_.put_contact(chain); !put) return std::unexpected(put.error());
  return sealed;
}

// ---- how many copies of a message to a group have not left yet, and which never will

Status Messenger::put_copies(const std::string& entry, const Copies& copies) {
  JsonObject object;
  object.set("left", static_cast<std::int64_t>(copies.left));
  object.set("sent", static_cast<std::int64_t>(copies.sent));
  object.set("failed", copies.failed);
  return home_.vault().put(kCopies, entry, write_json(object));
}

/// Whether none of its copies has left, when `unsent` are in the outbox.
Result<bool> Messenger::none_left(const std::string& entry, std::size_t unsent) {
  auto body = home_.vault().get(kCopies, entry);
  if (!body) return std::unexpected(body.error());
  const auto object = parse_json_object(body->value_or("{}"));
  if (!object) return std::unexpected(object.error());
  return integer_in(*object, "sent") == 0 &&
         integer_in(*object, "left") == static_cast<std::int64_t>(unsent);
}

/// Nothing more of it leaves, or is waited for.
Status Messenger::forget_copies(const std::string& entry) {
  if (auto erased = home_.vault().erase(kCopies, entry); !erased) return erased;
  return home_.vault().erase(kReached, entry);
}

/// A copy has left, or cannot: the message counts as sent when the last of its copies is through.
Status Messenger::settle_copy(const OutboxRow& row, Tick tick, std::string_view cause,
                              std::optional<HistoryEntry>& changed) {
  if (!row.group) return {};
  auto body = home_.vault().get(kCopies, row.entry);
  if (!body) return std::unexpected(body.error());
  auto object = parse_json_object(body->value_or("{}"));
  if (!object) return std::unexpected(object.error());
  const auto number = [&](std::string_view name) {
    return static_cast<std::size_t>(std::max<std::int64_t>(0, integer_in(*object, name)));
  };
  Copies copies{number("left"), number("sent"), text_in(*object, "failed")};
  if (copies.left > 0) --copies.left;
  if (tick != Tick::failed) {
    ++copies.sent;
  } else {
    if (copies.failed.size() < kCauseBytes) {
      copies.failed +=
          (copies.failed.empty() ? "" : "; ") + name_of(home_, row.to) + ": " + std::string(cause);
    }
    if (auto noted = note_reached(*row.group, row.entry, row.to, std::nullopt, changed); !noted)
      return noted;
  }
  if (copies.left > 0) return put_copies(row.entry, copies);
  if (auto erased = home_.vault().erase(kCopies, row.entry); !erased) return erased;
  auto entry = history_.find(*row.group, row.entry);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || (*entry)->tick != Tick::queued) return {};
  (*entry)->tick = copies.sent > 0 ? Tick::sent : Tick::failed;
  (*entry)->cause = copies.failed;
  if (auto put = history_.put(**entry); !put) return put;
  changed = std::move(**entry);
  // Receipts may have come before the station's answers.
  return note_reached(*row.group, row.entry, home_.account().id, std::nullopt, changed);
}

// ---- receipts in groups: of small ones alone, in others they would be more than what is said

Result<bool> Messenger::is_small(const Id& group) {
  auto found = groups_.find(group, clock_.now());
  if (!found) return std::unexpected(found.error());
  return *found != nullptr && (*found)->members().size() < limits::kSplitGroup;
}

Status Messenger::expect_receipts(const HistoryEntry& entry, const std::vector<Id>& readers) {
  if (readers.size() >= limits::kSplitGroup) return {};
  JsonObject waiting;
  for (const Id& reader : readers) {
    if (!reader.same_entity(home_.account().id)) waiting.set(reader.bare().text(), "sent");
  }
  JsonObject row;
  row.set("time", entry.time);
  row.set("readers", std::move(waiting));
  return home_.vault().put(kReached, entry.guid, write_json(row));
}

/// A reader has got so far, or (without a tick) gets nothing. The message has got as far as the
/// reader who is furthest behind; `changed` when that is further than before.
Status Messenger::note_reached(const Id& group, const std::string& guid, const Id& reader,
                               std::optional<Tick> tick, std::optional<HistoryEntry>& changed) {
  auto body = home_.vault().get(kReached, guid);
  if (!body) return std::unexpected(body.error());
  auto row = parse_json_object(body->value_or(""));
  const Json* kept = row ? row->find("readers") : nullptr;
  if (kept == nullptr || kept->object() == nullptr) return {};
  const std::string name = reader.bare().text();
  JsonObject readers;
  Tick least = Tick::read;
  for (const auto& [id, value] : *kept->object()) {
    const std::string* text = value.text();
    Tick reached = text == nullptr                       ? Tick::sent
                   : *text == to_string(Tick::read)      ? Tick::read
                   : *text == to_string(Tick::delivered) ? Tick::delivered
                                                         : Tick::sent;
    if (id == name) {
      if (!tick) continue;
      reached = std::max(reached, *tick);
    }
    least = std::min(least, reached);
    readers.set(id, to_string(reached));
  }
  const bool nobody = readers.empty();
  row->set("readers", std::move(readers));
  if (auto put = home_.vault().put(kReached, guid, write_json(*row)); !put) return put;
  auto entry = history_.find(group, guid);
  if (!entry) return std::unexpected(entry.error());
  const bool is_out = *entry && ((*entry)->tick == Tick::sent || (*entry)->tick == Tick::delivered);
  if (nobody || !is_out || (*entry)->tick >= least) return {};
  (*entry)->tick = least;
  if (auto put = history_.put(**entry); !put) return put;
  changed = std::move(**entry);
  if (least == Tick::read) return home_.vault().erase(kReached, guid);
  return {};
}

Status Messenger::enqueue_quietly(const Id& to, const JsonObject& content) {
  const auto put = put_quietly(to, content);
  return put ? Status() : std::unexpected(put.error());
}

/// The GUID of its row.
Result<std::string> Messenger::put_quietly(const Id& to, const JsonObject& content) {
  const Millis now = clock_.now();
  std::string guid = Guid::make(now, random_).text();
  auto put = enqueue({.guid = guid, .kind = "receipt", .to = to, .time = now, .content = content});
  if (!put) return std::unexpected(put.error());
  return guid;
}

/// True for what only programs read: histories and bulletins of groups, and questions about them.
Result<bool> Messenger::take_quietly(const std::string& guid, const SignedMessage& message,
                                     const Opened& opened, Millis arrived,
                                     std::vector<HistoryEntry>& show) {
  const auto content = decode_content(opened.message.content);
  if (!content) return false;
  const auto* forward = content->as<ForwardContent>();
  if (const auto group = forward != nullptr ? group_of(*forward) : std::nullopt) {
    if (auto taken = take_forward(guid, message, opened, *forward, *group, show); !taken)
      return std::unexpected(taken.error());
    return true;
  }
  if (forward != nullptr) {
    if (auto taken = take_forwarded(*forward, show); !taken) return std::unexpected(taken.error());
    return true;
  }
  // Peers of the reference tell so who leads a group now, with no command behind it. It counts by
  // its own signature, whoever brings it; of groups that are not known here it is nobody's
  // business.
  if (const auto* told = content->as<DocumentsContent>(); told != nullptr && told->did.is_group()) {
    const Id group = told->did.bare();
    const Millis now = clock_.now();
    auto known = groups_.find(group, now);
    if (!known) return std::unexpected(known.error());
    if (*known == nullptr || told->documents.size() > limits::kAttachedDocuments) return true;
    for (const JsonObject& document : told->documents)
      (void)home_.directory().learn_document(group, document, now);
    auto read = groups_.read(ForwardContent{}, group, now);
    if (!read) return std::unexpected(read.error());
    const Id by = opened.message.envelope.sender.bare();
    if (auto noted = note_group_change(group, by, *read, show); !noted)
      return std::unexpected(noted.error());
    return true;
  }
  if (const auto query = read_history_query(*content)) {
    if (auto answered = answer_group_query(opened, *query); !answered)
      return std::unexpected(answered.error());
    return true;
  }
  if (auto noted = take_note(message, opened, *content); !noted || *noted) return noted;
  if (auto taken = take_change(opened, *content, arrived); !taken || *taken) return taken;
  const auto* custom = content->as<CustomizedContent>();
  return custom != nullptr && custom->app == "chat.dim.group";
}

// Shown when its sender was a member then (A27). Before anybody has told us of the group it waits,
// and the sender is asked.
Status Messenger::take_group_message(HistoryEntry entry, const SignedMessage& message,
                                     const Opened& opened, const Id& group, Millis arrived,
                                     std::vector<HistoryEntry>& show) {
  const Millis now = clock_.now();
  auto known = groups_.find(group, now);
  if (!known) return std::unexpected(known.error());
  if (*known == nullptr || !check_group_message(**known, opened, arrived)) {
    auto waits = is_waiting(entry.guid);
    if (!waits) return std::unexpected(waits.error());
    if (*waits) return {};
    if (auto kept =
            keep_waiting(entry.guid, message.wire, Waits::for_group, arrived, show, &opened);
        !kept)
      return kept;
    return enqueue_quietly(entry.peer,
                           encode_content(Content(ask_history({.group = group}, now, random_))));
  }
  if (auto erased = stop_waiting(entry.guid); !erased) return erased;
  const std::string guid = entry.guid;
  auto key = free_guid(group, guid);
  if (!key) return std::unexpected(key.error());
  entry.guid = std::move(*key);
  entry.sender = entry.peer;
  entry.peer = group;
  auto fresh = keep_new(entry, opened, guid);
  if (!fresh) return std::unexpected(fresh.error());
  if (!*fresh) return {};
  if ((*known)->members().size() < limits::kSplitGroup) {
    if (auto put = enqueue_quietly(*entry.sender,
                                   make_receipt(message, opened, guid, false, now, random_));
        !put)
      return put;
  }
  // Somebody knows more of the group than this home: they are asked for it.
  if (group_times(message).history > static_cast<double>((*known)->history_time()) / 1000) {
    if (auto asked = ask_for_newer(**known, *entry.sender); !asked) return asked;
  }
  show.push_back(std::move(entry));
  return {};
}

/// Once in a session.
Status Messenger::ask_for_newer(const Group& group, const Id& who) {
  if (!asked_groups_.insert(group.id().text() + " " + who.text()).second) return {};
  const HistoryQuery query{.group = group.id(),
                           .last_time = static_cast<double>(group.history_time()) / 1000};
  return enqueue_quietly(who, encode_content(Content(ask_history(query, clock_.now(), random_))));
}

/// A28: who has told of a group could have left out its newest reset; its owner knows it.
Status Messenger::ask_owner_too(const Id& group, const Id& told_by) {
  auto known = groups_.find(group, clock_.now());
  if (!known) return std::unexpected(known.error());
  if (*known == nullptr) return {};
  const Id owner = (*known)->owner().bare();
  if (owner.same_entity(told_by) || owner.same_entity(home_.account().id)) return {};
  return ask_for_newer(**known, owner);
}

Status Messenger::take_forward(const std::string& guid, const SignedMessage& message,
                               const Opened& opened, const ForwardContent& forward, const Id& group,
                               std::vector<HistoryEntry>& show) {
  // People are shown by their names: those that nobody knows here yet are asked for, once, before
  // anything is made of it.
  auto waits = is_waiting(guid);
  if (!waits) return std::unexpected(waits.error());
  bool held = false;
  const auto too_early = [&](const Groups::Read& change) {
    const std::set<std::string> unnamed = nameless(change);
    const auto is_asked = [&](const std::string& id) { return asking_.contains(id); };
    held = *waits ? std::ranges::any_of(unnamed, is_asked) : !unnamed.empty();
    if (!*waits) {
      asking_.insert(unnamed.begin(), unnamed.end());
      needs_.insert(unnamed.begin(), unnamed.end());
    }
    return held;
  };
  auto read = groups_.read(forward, group, clock_.now(), too_early);
  if (!read) {
    // Only the disk's errors end the batch; a history that makes no sense is dropped.
    return read.error().code == Errc::io ? Status(std::unexpected(read.error())) : Status();
  }
  if (held) return keep_waiting(guid, message.wire, Waits::for_group, clock_.now(), show, &opened);
  if (read->changed) retry_ = true;
  const Id by = message.sealed.envelope.sender.bare();
  if (auto noted = note_group_change(group, by, *read, show); !noted) return noted;
  if (read->first) {
    if (auto asked = ask_owner_too(group, by); !asked) return asked;
  }
  if (read->missing.empty()) return stop_waiting(guid);
  for (const Id& id : read->missing) needs_.insert(id.text());
  return keep_waiting(guid, message.wire, Waits::for_group, clock_.now(), show, &opened);
}

/// Whoever has read as much as this home is told no more than that.
Status Messenger::answer_group_query(const Opened& opened, const HistoryQuery& query) {
  const Millis now = clock_.now();
  const Envelope& asked = opened.message.envelope;
  const Id who = asked.sender.bare();
  auto history = groups_.history_for(who, query.group, now);
  if (!history) return {};  // not known here, or none of their business: no answer
  auto group = groups_.find(query.group, now);
  if (!group) return std::unexpected(group.error());
  const Millis newest = std::max((*group)->history_time(), (*group)->bulletin().time().value_or(0));
  if (query.last_time <= 0 || static_cast<double>(newest) / 1000 > query.last_time)
    return enqueue_quietly(who, encode_content(Content(std::move(*history))));
  JsonObject origin;
  origin.set("sender", who.text());
  origin.set("receiver", asked.receiver.text());
  origin.set("time", asked.time);
  if (const auto sn = content_sn(opened.message.content)) origin.set("sn", *sn);
  auto receipt =
      ReceiptContent::make("Group history not updated.", std::move(origin), now, random_);
  receipt.head.group = query.group;
  return enqueue_quietly(who, encode_content(Content(std::move(receipt))));
}

}  // namespace dim
