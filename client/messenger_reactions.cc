// With which symbols two people answer each other's messages, and which of them they pin
// (docs/protocol/messages.md sections 10.2 and 10.3).
#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/engine/message_change.h"

namespace dim {
namespace {

constexpr std::string_view kEarly = "early reactions";  // to messages that are not here yet
constexpr std::string_view kTheirs = " ", kOwn = " own ", kPin = " pin ";
constexpr std::size_t kEarlyKept = 1'000;

/// The hash alone: at a neighbour's station the message has another GUID.
std::string early_place(const Id& peer, std::string_view hash, std::string_view what) {
  return peer.bare().text() + std::string(what) + std::string(hash);
}

}  // namespace

/// What names the message to the other. Errc::gone, Errc::usage.
Result<Digest32> Messenger::answerable(const HistoryEntry& entry) {
  if (entry.removed) return fail(Errc::gone, "this message was taken back");
  const auto hash = digest_in(entry.hash);
  if (!hash || (!entry.outgoing && !entry.cause.empty()))
    return fail(Errc::usage,
                "this cannot be answered or pinned: it has not gone out yet, or could not be read");
  return *hash;
}

/// Here, with the other, and on the own devices.
Status Messenger::tell_added(const HistoryEntry& entry, MessageChange change) {
  const Millis now = clock_.now();
  auto status = home_.vault().transaction([&]() -> Status {
    if (auto put = history_.put(entry); !put) return put;
    if (auto put = enqueue_quietly(entry.peer,
                                   encode_content(message_change_content(change, now, random_)));
        !put)
      return put;
    if (!has_other_devices()) return {};
    change.peer = entry.peer;
    return enqueue_quietly(home_.account().id.bare(),
                           encode_content(message_change_content(change, now, random_)));
  });
  if (status) pump();
  return status;
}

Result<HistoryEntry> Messenger::react(const HistoryEntry& entry, std::string_view symbol,
                                      bool off) {
  if (entry.peer.is_group())
    return fail(Errc::usage,
                "messages of a group are answered with words; symbols are for messages between two "
                "people, and in channels");
  if (!valid_symbol(symbol))
    return fail(Errc::usage, "a symbol is 1 to 32 bytes without spaces, commas, brackets");
  const auto hash = answerable(entry);
  if (!hash) return std::unexpected(hash.error());
  HistoryEntry changed = entry;
  auto next = reacted(entry.mine, symbol, off, clock_.now());
  if (!next) return changed;
  if (next->symbols.size() > kSymbolsOfOne)
    return fail(Errc::usage, "20 symbols are the most that one person answers one message with");
  changed.mine = std::move(*next);
  auto told = tell_added(
      changed,
      {.act = MessageAct::react, .guid = entry.guid, .hash = *hash, .reactions = changed.mine});
  if (!told) return std::unexpected(told.error());
  return changed;
}

Result<HistoryEntry> Messenger::pin(const HistoryEntry& entry, bool off) {
  if (entry.peer.is_group())
    return fail(Errc::usage,
                "messages of a group are not pinned; those between two people, and in channels, "
                "are");
  const auto hash = answerable(entry);
  if (!hash) return std::unexpected(hash.error());
  HistoryEntry changed = entry;
  const auto next = dim::pinned(entry.pin, off, clock_.now());
  if (!next && entry.pin.on == off)
    return fail(Errc::usage, "this message cannot be pinned any more");
  if (!next) return changed;
  if (!off) {
    const auto count = history_.count_pinned(entry.peer);
    if (!count) return std::unexpected(count.error());
    if (*count >= kPinnedMost)
      return fail(Errc::usage, "500 pinned messages are the most with one person");
  }
  changed.pin = *next;
  auto told = tell_added(
      changed, {.act = MessageAct::pin, .guid = entry.guid, .hash = *hash, .pin = changed.pin});
  if (!told) return std::unexpected(told.error());
  return changed;
}

/// `own`: of the person here, on another device.
Status Messenger::take_reaction(const Id& peer, const MessageChange& change, bool own) {
  auto entry = changed_entry(peer, change, std::nullopt);
  if (!entry) return std::unexpected(entry.error());
  if (*entry) {
    Reactions& known = own ? (*entry)->mine : (*entry)->theirs;
    if ((*entry)->removed || !replaces(change.reactions, known)) return {};
    known = change.reactions;
    if (auto put = history_.put(**entry); !put) return put;
    changes_.push_back({.entry = std::move(**entry), .act = change.act, .own = own});
    return {};
  }
  // It may still come: another device of one's own tells later what it has sent.
  const std::string place = early_place(peer, to_base64(change.hash), own ? kOwn : kTheirs);
  auto before = home_.vault().get(kEarly, place);
  if (!before) return std::unexpected(before.error());
  if (const auto row = parse_json_object(before->value_or(""))) {
    const auto known = read_reactions(*row);
    if (known && !replaces(change.reactions, *known)) return {};
  }
  JsonObject row;
  write_reactions(change.reactions, row);
  return put_early(place, row);
}

/// Whoever is no contact yet pins nothing here (N10).
Status Messenger::take_pin(const Id& peer, const MessageChange& change, bool own) {
  const auto contact = home_.contact(peer);
  if (!contact) return std::unexpected(contact.error());
  if (!own && (!*contact || (*contact)->is_stranger())) return {};
  auto entry = changed_entry(peer, change, std::nullopt);
  if (!entry) return std::unexpected(entry.error());
  if (*entry) {
    if ((*entry)->removed || !replaces(change.pin, (*entry)->pin)) return {};
    const auto count = history_.count_pinned(peer);
    if (!count) return std::unexpected(count.error());
    if (!own && change.pin.on && *count >= kPinnedMost) return {};
    (*entry)->pin = change.pin;
    if (auto put = history_.put(**entry); !put) return put;
    changes_.push_back({.entry = std::move(**entry), .act = change.act, .own = own});
    return {};
  }
  const std::string place = early_place(peer, to_base64(change.hash), kPin);
  auto before = home_.vault().get(kEarly, place);
  if (!before) return std::unexpected(before.error());
  if (const auto row = parse_json_object(before->value_or(""))) {
    const auto known = read_pin(*row);
    if (known && !replaces(change.pin, *known)) return {};
  }
  JsonObject row;
  write_pin(change.pin, row);
  return put_early(place, row);
}

Status Messenger::put_early(const std::string& place, const JsonObject& row) {
  if (auto put = home_.vault().put(kEarly, place, write_json(row)); !put) return put;
  // Whoever answers what never comes fills nobody's disk.
  auto count = home_.vault().count(kEarly);
  if (!count) return std::unexpected(count.error());
  if (*count <= static_cast<std::int64_t>(kEarlyKept)) return {};
  auto oldest = home_.vault().list(kEarly, 0, 1);
  if (!oldest || oldest->empty()) return oldest ? Status() : std::unexpected(oldest.error());
  return home_.vault().erase_through(kEarly, oldest->front().place);
}

/// What was said about a message before it came.
Status Messenger::take_early(HistoryEntry& entry) {
  if (entry.peer.is_group() || entry.hash.empty()) return {};
  for (const std::string_view what : {kOwn, kTheirs, kPin}) {
    const std::string place = early_place(entry.peer, entry.hash, what);
    auto body = home_.vault().get(kEarly, place);
    if (!body) return std::unexpected(body.error());
    if (!*body) continue;
    const auto row = parse_json_object(**body);
    if (row && what == kPin) {
      const auto early = read_pin(*row);
      if (early && replaces(*early, entry.pin)) entry.pin = *early;
    } else if (row) {
      Reactions& known = what == kOwn ? entry.mine : entry.theirs;
      auto early = read_reactions(*row);
      if (early && replaces(*early, known)) known = std::move(*early);
    }
    if (auto erased = home_.vault().erase(kEarly, place); !erased) return erased;
  }
  return {};
}

}  // namespace dim
