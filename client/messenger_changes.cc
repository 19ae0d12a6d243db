// What their author does to messages between people after they were sent, and what becomes of them
// in the homes of both (docs/protocol/messages.md section 10.1).
#include <algorithm>
#include <iterator>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/engine/device_link.h"
#include "dim/engine/message_change.h"
#include "dim/packet/guid.h"

namespace dim {
namespace {

constexpr std::string_view kGone = "gone";  // by author and hash: not to be shown when it comes
constexpr std::string_view kErasing = "erasing";  // answers that are due when the files are clean
constexpr std::string_view kDestroyed = "destroyed";  // own messages, and who has erased them
constexpr std::size_t kEditBytes = 64 * limits::kKiB;

std::string place_of(const Id& peer, std::string_view guid) {
  return peer.bare().text() + " " + std::string(guid);
}

std::size_t devices_of(const Directory& directory, const Id& id) {
  const Known* known = directory.find(id);
  if (known == nullptr) return 1;
  std::size_t out = 0;
  for (const auto& [terminal, index] : newest_visas(known->documents)) {
    if (!is_removed(known->documents[index])) ++out;
  }
  return std::max<std::size_t>(out, 1);
}

DestroyedMessage read_destroyed(const JsonObject& row) {
  DestroyedMessage out{
      .guid = text_in(row, "guid"), .hash = text_in(row, "hash"), .of = integer_in(row, "of")};
  if (auto peer = Id::parse(text_in(row, "peer"))) out.peer = peer->bare();
  if (const Json* by = row.find("by"); by != nullptr && by->array() != nullptr) {
    for (const Json& one : *by->array()) {
      if (one.text() != nullptr) out.by.push_back(*one.text());
    }
  }
  return out;
}

JsonObject write_destroyed(const DestroyedMessage& message) {
  JsonObject row;
  row.set("guid", message.guid);
  row.set("hash", message.hash);
  if (message.peer) row.set("peer", message.peer->text());
  row.set("of", message.of);
  JsonArray by;
  for (const std::string& one : message.by) by.emplace_back(one);
  row.set("by", std::move(by));
  return row;
}

}  // namespace

/// Who has erased it: a person, and which of their devices.
std::string Messenger::device_name(const Id& who, std::string_view device) {
  return who.bare().text() + (device.empty() ? "" : "/" + std::string(device));
}

/// What names it to others, who may know it by another GUID. Nothing: it has not gone out yet.
Result<std::optional<Digest32>> Messenger::changed_name(const HistoryEntry& entry) {
  if (!entry.peer.is_group()) return digest_in(entry.hash);
  if (entry.sn == 0)
    return fail(Errc::not_found, "this message has no number by which others could know it");
  const Id& author = entry.outgoing ? home_.account().id : entry.sender.value_or(entry.peer);
  return group_message_name(entry.peer, author, entry.sn);
}

/// Who has what is written in a conversation, but for the person here.
Result<std::vector<Id>> Messenger::readers_of(const Id& conversation) {
  if (!conversation.is_group()) return std::vector{conversation};
  auto found = groups_.find(conversation, clock_.now());
  if (!found) return std::unexpected(found.error());
  const Id& self = home_.account().id;
  if (*found == nullptr || !(*found)->is_member(self))
    return fail(Errc::forbidden, "only members of a group change what they have written to it");
  std::vector<Id> out = (*found)->members();
  if (out.size() >= limits::kSplitGroup)
    return fail(Errc::usage,
                "messages of groups of 16 members or more stay as they are; those of smaller ones, "
                "between two people, and in channels, are changed");
  std::erase_if(out, [&](const Id& member) { return member.same_entity(self); });
  return out;
}

/// To them, and to the own devices.
Status Messenger::tell_change(MessageChange change, const Id& conversation,
                              const std::vector<Id>& readers) {
  const Directory& known = home_.directory();
  const auto tell = [&](const Id& to) {
    return enqueue_quietly(to,
                           encode_content(message_change_content(change, clock_.now(), random_)));
  };
  if (conversation.is_group()) change.group = conversation;
  for (const Id& reader : readers) {
    // Whoever's program does not know it would be shown that something came.
    const bool is_old =
        change.group && !known.message_keys(reader).empty() && !known.promises(reader, "bind");
    if (is_old) continue;
    if (auto put = tell(reader); !put) return put;
  }
  if (!has_other_devices()) return {};
  change.group.reset();
  change.peer = conversation;
  return tell(home_.account().id.bare());
}

/// Its rows in the outbox; `only_here`: nobody but this home can have anything of it.
Result<std::vector<OutboxRow>> Messenger::unsent_of(const HistoryEntry& entry, bool& only_here) {
  constexpr std::size_t kAll = 1'000'000;
  std::vector<OutboxRow> out;
  if (!entry.peer.is_group()) {
    auto row = outbox_.find(entry.guid);
    if (!row) return std::unexpected(row.error());
    if (*row) out.push_back(std::move(**row));
  } else {
    auto rows = outbox_.after(0, kAll);
    if (!rows) return rows;
    std::ranges::copy_if(*rows, std::back_inserter(out),
                         [&](const OutboxRow& row) { return row.entry == entry.guid; });
  }
  const auto is_open = [](const OutboxRow& row) { return row.wire.empty(); };
  only_here = !out.empty() && std::ranges::all_of(out, is_open);
  if (only_here && entry.peer.is_group()) {
    auto whole = none_left(entry.guid, out.size());
    if (!whole) return std::unexpected(whole.error());
    only_here = *whole;
  }
  return out;
}

Result<HistoryEntry> Messenger::change_message(const HistoryEntry& entry, MessageAct act,
                                               std::string_view text) {
  if (!entry.outgoing)
    return fail(Errc::forbidden, "only who has written a message changes it or takes it away");
  if (entry.removed && (act == MessageAct::edit || act == MessageAct::remove))
    return fail(Errc::gone, "this message was taken back");
  if (act == MessageAct::edit) {
    if (entry.content_type != "text")
      return fail(Errc::usage, "only texts are edited; take it back and send it again");
    if (text.empty() || text.size() > kEditBytes || !valid_utf8(text))
      return fail(Errc::usage, "the new text is UTF-8 of 1 byte to 64 KiB");
    if (text == entry.text) return entry;
  }
  const auto readers = readers_of(entry.peer);
  if (!readers) return std::unexpected(readers.error());
  const auto name = changed_name(entry);
  if (!name) return std::unexpected(name.error());
  const Millis now = clock_.now();
  HistoryEntry changed = entry;
  auto status = home_.vault().transaction([&]() -> Status {
    // What is not sealed yet, nobody but this home has.
    bool only_here = false;
    auto rows = unsent_of(entry, only_here);
    if (!rows) return std::unexpected(rows.error());
    MessageChange change{
        .act = act, .guid = entry.guid, .text = std::string(text), .revision = entry.revision + 1};
    if (act != MessageAct::edit) {
      for (const OutboxRow& row : *rows) {
        if (auto erased = outbox_.erase(row.guid); !erased) return erased;
        std::erase_if(ahead_, [&](const OutboxRow& one) { return one.guid == row.guid; });
      }
      if (entry.peer.is_group()) {
        if (auto forgotten = forget_copies(entry.guid); !forgotten) return forgotten;
        if (entry.tick == Tick::queued) changed.tick = only_here ? Tick::failed : Tick::sent;
      }
    }
    if (act == MessageAct::edit && only_here) {
      changed.text = text;
      return put_text(changed);
    }
    if (auto done = apply_change(changed, change, now); !done) return done;
    if (only_here || !*name) return {};
    change.hash = **name;
    if (auto told = tell_change(change, entry.peer, *readers); !told) return told;
    if (act != MessageAct::destroy) return {};
    DestroyedMessage row_of{.peer = entry.peer,
                            .guid = entry.guid,
                            .hash = to_base64(change.hash),
                            .of = devices_of_all(*readers)};
    const Account& account = home_.account();
    row_of.by.push_back(device_name(account.id, account.visa.terminal()));
    return home_.vault().put(kDestroyed, place_of(entry.peer, entry.guid),
                             write_json(write_destroyed(row_of)));
  });
  if (!status) return std::unexpected(status.error());
  if (act == MessageAct::destroy) {
    // Its own copy is gone from the files, or will be with the next tick.
    if (!home_.vault().scrub()) erasing_ = scrub_due_ = true;
  }
  pump();
  return changed;
}

/// Of them, and of the person here.
std::int64_t Messenger::devices_of_all(const std::vector<Id>& readers) {
  std::size_t out = devices_of(home_.directory(), home_.account().id);
  for (const Id& reader : readers) out += devices_of(home_.directory(), reader);
  return static_cast<std::int64_t>(out);
}

/// The entry, and its content with its text.
Status Messenger::put_text(const HistoryEntry& entry) {
  auto content = history_.content(entry.peer, entry.guid);
  if (!content) return std::unexpected(content.error());
  JsonObject said = content->value_or(JsonObject());
  said.set("text", entry.text);
  return history_.put(entry, said);
}

/// In this home, where the entry is; in a transaction.
Status Messenger::apply_change(HistoryEntry& entry, const MessageChange& change, Millis now) {
  if (change.act == MessageAct::edit) {
    if (entry.removed || change.revision <= entry.revision) return {};
    if (auto kept = history_.keep_earlier(entry); !kept) return kept;
    entry.text = change.text;
    entry.words.clear();
    entry.edited = now;
    entry.revision = change.revision;
    return put_text(entry);
  }
  if (change.act == MessageAct::remove) {
    if (entry.removed) return {};
    entry.removed = true;
    entry.text.clear();
    entry.mine = entry.theirs = {};
    entry.pin.on = false;
    entry.words = "taken back";
    if (auto gone = history_.forget_texts(entry); !gone) return gone;
    return history_.put(entry);
  }
  if (auto taken = history_.take_unread(entry); !taken) return std::unexpected(taken.error());
  entry.removed = true;
  entry.text.clear();
  entry.words.clear();
  // What was told to the own devices, and is still here, says it as well.
  auto rows = outbox_.after(0, 1'000'000);
  if (!rows) return std::unexpected(rows.error());
  for (const OutboxRow& row : *rows) {
    if (row.content.contains("said") && text_in(row.content, "guid") == entry.guid) {
      if (auto erased = outbox_.erase(row.guid); !erased) return erased;
    }
  }
  return history_.erase(entry);
}

/// The entry that a change means: by the GUID, or, from another station, by what was signed.
/// `outgoing`: it has to be such a one.
Result<std::optional<HistoryEntry>> Messenger::changed_entry(const Id& peer,
                                                             const MessageChange& change,
                                                             std::optional<bool> outgoing) {
  constexpr std::size_t kLookBack = 10'000;
  const std::string hash = to_base64(change.hash);
  const auto is_it = [&](const HistoryEntry& one) {
    if (one.outgoing != outgoing.value_or(one.outgoing) || (!one.outgoing && !one.cause.empty()))
      return false;
    if (!peer.is_group()) return one.hash == hash;
    const auto name = one.sn != 0 && one.content_type != "group"
                          ? changed_name(one)
                          : Result<std::optional<Digest32>>(std::nullopt);
    return name && *name == change.hash;
  };
  auto found = history_.find(peer, change.guid);
  if (!found) return found;
  if (*found && is_it(**found)) return found;
  auto all = history_.newest(peer, kLookBack);
  if (!all) return std::unexpected(all.error());
  const auto at = std::ranges::find_if(*all, is_it);
  return at == all->end() ? std::optional<HistoryEntry>() : std::optional(std::move(*at));
}

/// True when it is one, whoever has sent it: nobody is to read it. Only the author of a message
/// changes it: the sender whose signature it bears, who is the peer of the conversation or a member
/// of the group, and the message is one that they have sent in it.
Result<bool> Messenger::take_change(const Opened& opened, const Content& content, Millis arrived) {
  if (!is_message_change(content)) return false;
  const auto change = read_message_change(content);
  if (!change || opened.label == Label::not_encrypted) return true;
  const Id sender = opened.message.envelope.sender.bare();
  const bool own = sender.same_entity(home_.account().id);
  if (own != change->peer.has_value()) return true;
  const Id peer = own ? *change->peer : change->group.value_or(sender);
  const bool takes_away = change->act == MessageAct::remove || change->act == MessageAct::erase ||
                          change->act == MessageAct::destroy;
  if (takes_away) {
    if (auto stopped = stop_waiting_for(sender, *change); !stopped)
      return std::unexpected(stopped.error());
  }
  if (change->group) {
    auto speaks = speaks_in(*change->group, opened, arrived, takes_away, *change);
    if (!speaks) return std::unexpected(speaks.error());
    if (!*speaks) return true;
  }
  if (change->act == MessageAct::erased) {
    if (auto noted = note_erased(peer, sender, *change); !noted)
      return std::unexpected(noted.error());
    return true;
  }
  if (change->act == MessageAct::react || change->act == MessageAct::pin) {
    if (peer.is_group()) return true;
    // So that nobody can write a pin that no later one replaces.
    constexpr Millis kAheadMs = 86'400'000;
    const Millis written = content_millis(content_time(opened.message.content));
    if (!own && change->act == MessageAct::pin && change->pin.revision > written + kAheadMs)
      return true;
    auto taken = change->act == MessageAct::pin ? take_pin(peer, *change, own)
                                                : take_reaction(peer, *change, own);
    if (!taken) return std::unexpected(taken.error());
    return true;
  }
  const Millis now = clock_.now();
  auto entry = changed_entry(peer, *change, own);
  if (!entry) return std::unexpected(entry.error());
  // In a group others have written too: what they have said is not the sender's.
  if (*entry && change->group && !(*entry)->sender.value_or(peer).same_entity(sender)) return true;
  if (*entry) {
    // What an entry says is as safe as what has brought it.
    if (change->act == MessageAct::edit && change->revision > (*entry)->revision && !own)
      (*entry)->label = std::max((*entry)->label, opened.label);
    if (auto done = apply_change(**entry, *change, now); !done)
      return std::unexpected(done.error());
    changes_.push_back({.entry = std::move(**entry), .act = change->act, .own = own});
  }
  if (change->act == MessageAct::edit) return true;
  // It may still come: held up at another station, or not readable yet.
  if (auto put = home_.vault().put(kGone, sender.text() + " " + to_base64(change->hash),
                                   std::to_string(now));
      !put)
    return std::unexpected(put.error());
  if (change->act != MessageAct::destroy) return true;
  if (own) {
    const auto readers = readers_of(peer);
    const DestroyedMessage row{.peer = peer,
                               .guid = change->guid,
                               .hash = to_base64(change->hash),
                               .of = devices_of_all(readers.value_or(std::vector<Id>()))};
    if (auto put = home_.vault().put(kDestroyed, place_of(peer, change->guid),
                                     write_json(write_destroyed(row)));
        !put)
      return std::unexpected(put.error());
  }
  JsonObject due;
  due.set("to", sender.text());
  due.set("guid", change->guid);
  due.set("hash", to_base64(change->hash));
  if (own) due.set("peer", peer.text());
  if (change->group) due.set("group", peer.text());
  if (auto put = home_.vault().put(kErasing, place_of(sender, change->guid), write_json(due)); !put)
    return std::unexpected(put.error());
  erasing_ = true;
  return true;
}

/// Whether its author has taken it away before it came.
Result<bool> Messenger::is_gone(const Opened& opened) {
  const Id sender = opened.message.envelope.sender.bare();
  const auto group = group_of(opened);
  const auto sn = content_sn(opened.message.content);
  const Digest32 name = group && sn ? group_message_name(*group, sender, *sn) : opened.hash;
  return home_.vault().contains(kGone, sender.text() + " " + to_base64(name));
}

/// Whether its sender is a member who may say something in the group, as it is known here (A27),
/// and the group is one in which messages are changed. Where that is not known (yet), what they
/// take away of their own is not shown when it comes.
Result<bool> Messenger::speaks_in(const Id& group, const Opened& opened, Millis arrived,
                                  bool takes_away, const MessageChange& change) {
  auto known = groups_.find(group, clock_.now());
  if (!known) return std::unexpected(known.error());
  if (*known != nullptr && (*known)->members().size() >= limits::kSplitGroup) return false;
  if (*known != nullptr && check_group_message(**known, opened, arrived)) return true;
  const Id sender = opened.message.envelope.sender.bare();
  auto refused = is_refused(sender);
  if (!refused) return refused;
  if (!takes_away || *refused) return false;
  if (auto put = home_.vault().put(kGone, sender.text() + " " + to_base64(change.hash),
                                   std::to_string(clock_.now()));
      !put)
    return std::unexpected(put.error());
  return false;
}

/// `who`: the peer, a member, or oneself for the own devices.
Status Messenger::note_erased(const Id& peer, const Id& who, const MessageChange& change) {
  const std::string place = place_of(peer, change.guid);
  auto body = home_.vault().get(kDestroyed, place);
  if (!body) return std::unexpected(body.error());
  const auto object = parse_json_object(body->value_or(""));
  if (!object) return {};
  DestroyedMessage message = read_destroyed(*object);
  const std::string name = device_name(who, change.device);
  if (message.hash != to_base64(change.hash) ||
      std::ranges::find(message.by, name) != message.by.end())
    return {};
  message.by.push_back(name);
  return home_.vault().put(kDestroyed, place, write_json(write_destroyed(message)));
}

/// What was destroyed is in none of the vault's files any more: that is said now, and not before.
void Messenger::finish_erasing() {
  if (!erasing_) return;
  auto rows = home_.vault().list(kErasing);
  if (!rows) return;
  if (rows->empty() && !scrub_due_) {
    erasing_ = false;
    return;
  }
  if (!home_.vault().scrub()) return;  // another program reads it: with the next tick
  scrub_due_ = false;
  auto status = home_.vault().transaction([&]() -> Status {
    for (const auto& row : *rows) {
      const auto due = parse_json_object(row.body);
      if (!due) continue;
      const auto to = Id::parse(text_in(*due, "to"));
      const auto hash = digest_in(text_in(*due, "hash"));
      if (!to || !hash) continue;
      MessageChange answer{.act = MessageAct::erased,
                           .guid = text_in(*due, "guid"),
                           .hash = *hash,
                           .device = home_.account().visa.terminal()};
      if (auto peer = Id::parse(text_in(*due, "peer"))) answer.peer = peer->bare();
      if (auto group = Id::parse(text_in(*due, "group"))) answer.group = group->bare();
      if (auto put = enqueue_quietly(
              *to, encode_content(message_change_content(answer, clock_.now(), random_)));
          !put)
        return put;
      if (auto erased = home_.vault().erase(kErasing, place_of(*to, answer.guid)); !erased)
        return erased;
    }
    return {};
  });
  if (status) erasing_ = false;
  pump();
}

Result<std::vector<PostRevision>> Messenger::earlier_texts(const HistoryEntry& entry) {
  return history_.earlier(entry);
}

Result<std::vector<DestroyedMessage>> Messenger::destroyed_messages() {
  auto rows = home_.vault().list(kDestroyed);
  if (!rows) return std::unexpected(rows.error());
  std::vector<DestroyedMessage> out;
  for (const auto& row : *rows) {
    if (const auto object = parse_json_object(row.body)) out.push_back(read_destroyed(*object));
  }
  return out;
}

}  // namespace dim
