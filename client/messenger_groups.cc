// Groups as far as a Messenger goes: what is said in them, and how it learns who is in them.
#include <utility>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/engine/group_message.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kWaiting = "group-waiting";  // came before its group
constexpr std::size_t kWaitingMost = 500;

}  // namespace

/// One copy for each member: each is bound to its own receiver, and no station sees the group.
Result<HistoryEntry> Messenger::send_to_group(const Id& id, std::string_view text) {
  const Millis now = clock_.now();
  auto found = groups_.find(id, now);
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr) return fail(Errc::not_found, "nobody has told you of this group yet");
  const std::vector<Id> members = (*found)->members();
  const Id self = home_.account().id.bare();
  if (!(*found)->is_member(self)) return fail(Errc::forbidden, "only members write to a group");
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = id};
  entry.outgoing = true;
  entry.time = now;
  entry.text = text;
  entry.content_type = "text";
  JsonObject content = text_content(text, now, random_);
  content.set("group", id.text());
  auto status = home_.vault().transaction([&]() -> Status {
    if (auto put = history_.put(entry); !put) return put;
    for (const Id& member : members) {
      if (member.same_entity(self)) continue;
      if (auto put = enqueue({.guid = Guid::make(now, random_).text(),
                              .kind = "copy",
                              .to = member.bare(),
                              .time = now,
                              .content = content,
                              .entry = entry.guid});
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

/// A copy has left, or cannot: the message counts as sent when the last of its copies has.
Status Messenger::settle_copy(const OutboxRow& row, std::optional<HistoryEntry>& changed) {
  const std::string* group = row.content.text("group");
  auto id = group != nullptr ? Id::parse(*group) : Result<Id>(fail(Errc::id, "none"));
  if (!id) return {};
  auto count = outbox_.count();
  if (!count) return std::unexpected(count.error());
  auto rows = outbox_.after(0, *count);
  if (!rows) return std::unexpected(rows.error());
  for (const OutboxRow& other : *rows) {
    if (other.entry == row.entry && other.guid != row.guid) return {};
  }
  auto entry = history_.find(*id, row.entry);
  if (!entry) return std::unexpected(entry.error());
  if (!*entry || (*entry)->tick != Tick::queued) return {};
  (*entry)->tick = Tick::sent;
  if (auto put = history_.put(**entry); !put) return put;
  changed = std::move(**entry);
  return {};
}

Status Messenger::enqueue_quietly(const Id& to, const JsonObject& content) {
  const Millis now = clock_.now();
  return enqueue({.guid = Guid::make(now, random_).text(),
                  .kind = "receipt",
                  .to = to,
                  .time = now,
                  .content = content});
}

/// True for what only programs read: histories of groups, and questions about them.
Result<bool> Messenger::take_quietly(const std::string& guid, const SignedMessage& message,
                                     const Opened& opened) {
  const auto content = decode_content(opened.message.content);
  if (!content) return false;
  const auto* forward = content->as<ForwardContent>();
  if (const auto group = forward != nullptr ? group_of(*forward) : std::nullopt) {
    if (auto taken = take_forward(guid, message, *forward, *group); !taken)
      return std::unexpected(taken.error());
    return true;
  }
  if (const auto query = read_history_query(*content)) {
    const Id sender = opened.message.envelope.sender.bare();
    if (auto answered = answer_group_query(sender, *query); !answered)
      return std::unexpected(answered.error());
    return true;
  }
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
    auto waits = home_.vault().contains(kWaiting, entry.guid);
    if (!waits) return std::unexpected(waits.error());
    if (*waits) return {};
    if (auto kept = keep_waiting(entry.guid, message, arrived); !kept) return kept;
    return enqueue_quietly(entry.peer,
                           encode_content(Content(ask_history({.group = group}, now, random_))));
  }
  if (auto erased = home_.vault().erase(kWaiting, entry.guid); !erased) return erased;
  auto key = free_guid(group, entry.guid);
  if (!key) return std::unexpected(key.error());
  entry.guid = std::move(*key);
  entry.sender = entry.peer;
  entry.peer = group;
  if (auto put = history_.put(entry); !put) return put;
  if (auto put = put_unread(entry); !put) return put;
  show.push_back(std::move(entry));
  return {};
}

Status Messenger::take_forward(const std::string& guid, const SignedMessage& message,
                               const ForwardContent& forward, const Id& group) {
  auto read = groups_.read(forward, group, clock_.now());
  if (!read) {
    // Only the disk's errors end the batch; a history that makes no sense is dropped.
    return read.error().code == Errc::io ? Status(std::unexpected(read.error())) : Status();
  }
  if (read->changed) groups_changed_ = true;
  if (read->missing.empty()) return home_.vault().erase(kWaiting, guid);
  for (const Id& id : read->missing) group_needs_.insert(id.text());
  return keep_waiting(guid, message, clock_.now());
}

Status Messenger::answer_group_query(const Id& who, const HistoryQuery& query) {
  auto history = groups_.history_for(who, query.group, clock_.now());
  if (!history) return {};  // not known here, or none of their business: no answer
  return enqueue_quietly(who, encode_content(Content(std::move(*history))));
}

Status Messenger::keep_waiting(const std::string& guid, const SignedMessage& message,
                               Millis arrived) {
  auto count = home_.vault().count(kWaiting);
  if (!count) return std::unexpected(count.error());
  if (static_cast<std::size_t>(*count) >= kWaitingMost) return {};
  JsonObject row;
  row.set("guid", guid);
  row.set("wire", message.wire);
  row.set("time", format_time(arrived));
  return home_.vault().put(kWaiting, guid, write_json(row));
}

void Messenger::ask_for_group_keys() {
  if (!is_ready() || group_needs_.empty()) return;
  for (const std::string& text : std::exchange(group_needs_, {})) {
    auto id = Id::parse(text);
    if (!id || fetched_.contains(text)) continue;
    fetch(*id, [this](Status status) {
      if (status) retry_groups();
    });
  }
}

/// Everything that came before its group was known, once more. It was verified, and counted as
/// seen, when it came.
void Messenger::retry_groups() {
  groups_changed_ = false;
  std::vector<HistoryEntry> show, ticked;
  auto status = home_.vault().transaction([&]() -> Status {
    auto rows = home_.vault().list(kWaiting);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      auto object = parse_json_object(row.body);
      auto message = object ? SignedMessage::parse(text_in(*object, "wire"))
                            : Result<SignedMessage>(std::unexpected(object.error()));
      if (!message) continue;
      auto opened = dim::open(
          *message, home_.account(), home_.directory(), [](const Digest32&) { return false; },
          clock_.now());
      if (!opened) continue;
      Packet push = Packet::request(Operation::create);
      push.set("guid", text_in(*object, "guid")).set("time", text_in(*object, "time"));
      if (auto taken = take_opened(push, *message, *opened, show, ticked); !taken) return taken;
    }
    return {};
  });
  if (!status) return;
  for (const HistoryEntry& entry : show) {
    if (events_.received) events_.received(entry);
  }
  if (groups_changed_) return retry_groups();
  ask_for_group_keys();
  pump();
}

}  // namespace dim
