#include "client/history.h"

#include <algorithm>
#include <tuple>

#include "client/fields.h"
#include "client/history_words.h"
#include "client/messenger.h"
#include "client/word_search.h"

namespace dim {
namespace {

constexpr std::string_view kUnread = "unread";
constexpr std::string_view kContents = "contents";
constexpr std::string_view kEarlier = "earlier";
constexpr std::string_view kExpiring = "expiring";

std::string bucket_of(const Id& peer) { return "history " + peer.bare().text(); }

/// What of an entry is searched.
Result<std::string> searched_text(const std::string& body) {
  const auto object = parse_json_object(body);
  if (!object) return std::unexpected(object.error());
  return text_in(*object, "text") + "\n" + text_in(*object, "words");
}

std::string pins_of(const Id& peer) { return "pins " + peer.bare().text(); }

std::string thread_bucket(const Id& peer, const ThreadRoot& root) {
  return "thread " + peer.bare().text() + " " + root.sender.bare().text() + " " +
         std::to_string(root.sn);
}

/// The rows that are asked for, and where the next ones begin.
Result<std::vector<Vault::Row>> rows_of(Vault& vault, const std::string& bucket,
                                        const HistoryPart& part,
                                        std::optional<std::int64_t>& next) {
  // One more says whether there are more.
  auto rows = part.after ? vault.list(bucket, *part.after, part.limit + 1)
                         : vault.newest(bucket, part.limit + 1, part.before.value_or(INT64_MAX));
  if (rows && rows->size() > part.limit) {
    rows->erase(part.after ? rows->end() - 1 : rows->begin());
    next = (part.after ? rows->back() : rows->front()).place;
  }
  return rows;
}

/// Whoever sends chooses the GUID, so it names nothing without the conversation.
std::string place_of(const Id& peer, std::string_view guid) {
  return peer.bare().text() + " " + std::string(guid);
}

}  // namespace

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

std::vector<ReactionCount> reaction_counts(const HistoryEntry& entry) {
  std::vector<ReactionCount> out;
  for (const Reactions* of : {&entry.mine, &entry.theirs}) {
    for (const std::string& symbol : of->symbols) {
      const auto there = std::ranges::find(out, symbol, &ReactionCount::symbol);
      if (there == out.end()) {
        out.push_back({.symbol = symbol, .count = 1});
      } else {
        ++there->count;
      }
    }
  }
  std::ranges::sort(out, [](const ReactionCount& a, const ReactionCount& b) {
    return a.count != b.count ? a.count > b.count : a.symbol < b.symbol;
  });
  return out;
}

void write_added(const HistoryEntry& entry, JsonObject& to) {
  for (const auto& [key, reactions] : {std::pair{"mine", &entry.mine}, {"theirs", &entry.theirs}}) {
    if (reactions->revision == 0) continue;
    JsonObject one;
    write_reactions(*reactions, one);
    to.set(key, std::move(one));
  }
  if (entry.pin.revision == 0) return;
  JsonObject pin;
  write_pin(entry.pin, pin);
  to.set("pin", std::move(pin));
}

void read_added(const JsonObject& from, HistoryEntry& entry) {
  for (const auto& [key, reactions] : {std::pair{"mine", &entry.mine}, {"theirs", &entry.theirs}}) {
    const Json* one = from.find(key);
    if (one != nullptr && one->object() != nullptr)
      *reactions = read_reactions(*one->object()).value_or(Reactions());
  }
  const Json* pin = from.find("pin");
  if (pin != nullptr && pin->object() != nullptr)
    entry.pin = read_pin(*pin->object()).value_or(Pin());
}

std::string write_entry(const HistoryEntry& entry) {
  JsonObject object;
  object.set("guid", entry.guid);
  object.set("peer", entry.peer.text());
  object.set("outgoing", entry.outgoing);
  object.set("time", entry.time);
  object.set("text", entry.text);
  object.set("type", entry.content_type);
  object.set("label", static_cast<int>(entry.label));
  object.set("tick", static_cast<int>(entry.tick));
  object.set("hash", entry.hash);
  if (!entry.cause.empty()) object.set("cause", entry.cause);
  if (entry.late) object.set("late", true);
  if (entry.sender) object.set("sender", entry.sender->text());
  if (entry.missing > 0) object.set("missing", entry.missing);
  if (entry.forked) object.set("forked", true);
  if (!entry.words.empty()) object.set("words", entry.words);
  if (entry.sn > 0) object.set("sn", entry.sn);
  if (entry.revision > 1) object.set("revision", entry.revision);
  if (entry.edited > 0) object.set("edited", entry.edited);
  if (entry.removed) object.set("removed", true);
  if (entry.expires > 0) object.set("expires", entry.expires);
  write_added(entry, object);
  if (entry.thread) object.set("thread", write_thread(*entry.thread));
  return write_json(object);
}

Result<HistoryEntry> parse_entry(std::string_view body) {
  auto object = parse_json_object(body);
  if (!object) return std::unexpected(object.error());
  auto peer = Id::parse(text_in(*object, "peer"));
  if (!peer) return std::unexpected(peer.error());
  const std::int64_t label = integer_in(*object, "label");
  const std::int64_t tick = integer_in(*object, "tick");
  if (label < 0 || label > static_cast<int>(Label::not_encrypted) || tick < 0 ||
      tick > static_cast<int>(Tick::failed)) {
    return fail(Errc::io, "an entry of this home's history is of a newer version; use that one");
  }
  HistoryEntry entry{.guid = text_in(*object, "guid"), .peer = *peer};
  entry.outgoing = truth_in(*object, "outgoing");
  entry.time = integer_in(*object, "time");
  entry.text = text_in(*object, "text");
  entry.content_type = text_in(*object, "type");
  entry.label = static_cast<Label>(label);
  entry.tick = static_cast<Tick>(tick);
  entry.hash = text_in(*object, "hash");
  entry.cause = text_in(*object, "cause");
  entry.late = truth_in(*object, "late");
  if (auto sender = Id::parse(text_in(*object, "sender"))) entry.sender = *sender;
  entry.missing = integer_in(*object, "missing");
  entry.forked = truth_in(*object, "forked");
  entry.words = text_in(*object, "words");
  entry.sn = integer_in(*object, "sn");
  entry.revision = std::max<std::int64_t>(1, integer_in(*object, "revision"));
  entry.edited = integer_in(*object, "edited");
  entry.removed = truth_in(*object, "removed");
  entry.expires = integer_in(*object, "expires");
  read_added(*object, entry);
  entry.thread = read_thread(object->find("thread"));
  return entry;
}

/// Among what is pinned, and in its thread; or (`there` is false, or it was taken back) not.
Status History::note_places(const HistoryEntry& entry, bool there) {
  const auto note = [&](const std::string& bucket, bool in) {
    return in ? vault_.put(bucket, entry.guid, entry.guid) : vault_.erase(bucket, entry.guid);
  };
  there = there && !entry.removed;
  if (entry.pin.revision > 0) {
    if (auto noted = note(pins_of(entry.peer), there && entry.pin.on); !noted) return noted;
  }
  return entry.thread ? note(thread_bucket(entry.peer, *entry.thread), there) : Status();
}

Status History::put(const HistoryEntry& entry) {
  if (auto noted = note_places(entry, true); !noted) return noted;
  return vault_.put(bucket_of(entry.peer), entry.guid, write_entry(entry));
}

Result<std::optional<HistoryEntry>> History::find(const Id& peer, std::string_view guid) {
  auto body = vault_.get(bucket_of(peer), guid);
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto entry = parse_entry(**body);
  if (!entry) return std::unexpected(entry.error());
  return std::move(*entry);
}

/// Before the text of an entry that may be there becomes another one, or goes.
Status History::forget_words(const Id& peer, std::string_view guid) {
  const auto row = vault_.row(bucket_of(peer), guid);
  if (!row) return std::unexpected(row.error());
  return *row ? HistoryWords(vault_, bucket_of(peer)).forget((*row)->place) : Status();
}

Status History::put(const HistoryEntry& entry, const JsonObject& content) {
  if (auto forgotten = forget_words(entry.peer, entry.guid); !forgotten) return forgotten;
  if (auto put_entry = put(entry); !put_entry) return put_entry;
  if (entry.expires > 0) {
    JsonObject due;
    due.set("guid", entry.guid);
    due.set("peer", entry.peer.text());
    due.set("at", entry.expires);
    if (auto put_due = vault_.put(kExpiring, place_of(entry.peer, entry.guid), write_json(due));
        !put_due)
      return put_due;
  }
  return vault_.put(kContents, place_of(entry.peer, entry.guid), write_json(content));
}

Result<std::optional<JsonObject>> History::content(const Id& peer, std::string_view guid) {
  auto body = vault_.get(kContents, place_of(peer, guid));
  if (!body) return std::unexpected(body.error());
  if (!*body) return std::nullopt;
  auto content = parse_json_object(**body);
  if (!content) return std::unexpected(content.error());
  return std::move(*content);
}

Result<std::vector<PostRevision>> History::earlier(const HistoryEntry& entry) {
  std::vector<PostRevision> out;
  auto body = vault_.get(kEarlier, place_of(entry.peer, entry.guid));
  if (!body) return std::unexpected(body.error());
  const auto object = parse_json_object(body->value_or("{}"));
  const Json* list = object ? object->find("list") : nullptr;
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& one : *list->array()) {
    if (one.object() == nullptr) continue;
    out.push_back({integer_in(*one.object(), "revision"), integer_in(*one.object(), "time"),
                   text_in(*one.object(), "text")});
  }
  return out;
}

Status History::keep_earlier(const HistoryEntry& entry) {
  auto all = earlier(entry);
  if (!all) return std::unexpected(all.error());
  all->push_back({entry.revision, entry.edited > 0 ? entry.edited : entry.time, entry.text});
  JsonArray list;
  const std::size_t from = all->size() > kPostRevisions ? all->size() - kPostRevisions : 0;
  for (std::size_t i = from; i < all->size(); ++i) {
    JsonObject one;
    one.set("revision", (*all)[i].number);
    one.set("time", (*all)[i].time);
    one.set("text", (*all)[i].content);
    list.emplace_back(std::move(one));
  }
  JsonObject object;
  object.set("list", std::move(list));
  return vault_.put(kEarlier, place_of(entry.peer, entry.guid), write_json(object));
}

Status History::forget_texts(const HistoryEntry& entry) {
  if (auto forgotten = forget_words(entry.peer, entry.guid); !forgotten) return forgotten;
  const std::string place = place_of(entry.peer, entry.guid);
  if (auto erased = vault_.erase(kContents, place); !erased) return erased;
  return vault_.erase(kEarlier, place);
}

Status History::erase(const HistoryEntry& entry) {
  if (auto forgotten = forget_texts(entry); !forgotten) return forgotten;
  if (auto noted = note_places(entry, false); !noted) return noted;
  return vault_.erase(bucket_of(entry.peer), entry.guid);
}

Result<std::vector<HistoryEntry>> History::newest(const Id& peer, std::size_t limit) {
  auto rows = vault_.newest(bucket_of(peer), limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<HistoryEntry> out;
  out.reserve(rows->size());
  for (const auto& row : *rows) {
    auto entry = parse_entry(row.body);
    if (!entry) return std::unexpected(entry.error());
    out.push_back(std::move(*entry));
  }
  return out;
}

Result<HistoryPage> History::page(const Id& peer, const HistoryPart& part) {
  HistoryPage out;
  auto rows = rows_of(vault_, bucket_of(peer), part, out.next);
  if (!rows) return std::unexpected(rows.error());
  for (const Vault::Row& row : *rows) {
    auto entry = parse_entry(row.body);
    if (!entry) return std::unexpected(entry.error());
    out.entries.push_back(std::move(*entry));
  }
  return out;
}

/// The entries that rows of GUIDs name.
Status History::find_all(const Id& peer, const std::vector<Vault::Row>& rows,
                         std::vector<HistoryEntry>& out) {
  for (const Vault::Row& row : rows) {
    auto entry = find(peer, row.body);
    if (!entry) return std::unexpected(entry.error());
    if (*entry) out.push_back(std::move(**entry));
  }
  return {};
}

Result<std::int64_t> History::count_pinned(const Id& peer) { return vault_.count(pins_of(peer)); }

Result<std::vector<HistoryEntry>> History::pinned(const Id& peer) {
  const auto rows = vault_.list(pins_of(peer));
  if (!rows) return std::unexpected(rows.error());
  std::vector<HistoryEntry> out;
  if (auto found = find_all(peer, *rows, out); !found) return std::unexpected(found.error());
  std::ranges::sort(out, [](const HistoryEntry& a, const HistoryEntry& b) {
    return std::tie(a.pin.revision, a.guid) < std::tie(b.pin.revision, b.guid);
  });
  return out;
}

Result<HistoryPage> History::thread(const Id& peer, const ThreadRoot& root,
                                    const HistoryPart& part) {
  HistoryPage out;
  const auto rows = rows_of(vault_, thread_bucket(peer, root), part, out.next);
  if (!rows) return std::unexpected(rows.error());
  if (auto found = find_all(peer, *rows, out.entries); !found)
    return std::unexpected(found.error());
  return out;
}

Result<std::int64_t> History::answers(const Id& peer, const ThreadRoot& root) {
  return vault_.count(thread_bucket(peer, root));
}

Result<HistoryPage> History::search(const Id& peer, std::string_view words, const HistoryPart& part,
                                    Millis now) {
  auto wanted = WordSearch::of(words);
  if (!wanted) return std::unexpected(wanted.error());
  Found found;
  if (!wanted->has_words()) return std::move(found.page);
  auto parts = HistoryWords(vault_, bucket_of(peer)).parts(*wanted, searched_text);
  if (!parts) return std::unexpected(parts.error());
  // What is too new to be in one is always looked at.
  if (parts->empty()) parts->push_back({});
  const std::vector<std::uint32_t> numbers = wanted->wanted();
  std::int64_t end = part.before.value_or(INT64_MAX);
  const auto look = [&](std::int64_t first, std::int64_t last) -> Result<bool> {
    const std::int64_t behind = last < INT64_MAX ? std::min(end, last + 1) : end;
    auto more = search_part(peer, *wanted, first, behind, part.limit, now, found);
    if (!more) return std::unexpected(more.error());
    return *more;
  };
  auto full = look(parts->back().last + 1, INT64_MAX);
  for (auto one = parts->rbegin(); full && !*full && one != parts->rend(); ++one) {
    if (one->first < end && one->may_hold(numbers)) full = look(one->first, one->last);
  }
  if (!full) return std::unexpected(full.error());
  return std::move(found.page);
}

/// Adds what is found from the place `first` on and before `behind`. True: there is more than
/// `limit`.
Result<bool> History::search_part(const Id& peer, WordSearch& wanted, std::int64_t first,
                                  std::int64_t behind, std::size_t limit, Millis now,
                                  Found& found) {
  constexpr std::size_t kAtOnce = 500;
  for (bool more = true; more;) {
    const auto rows = vault_.newest(bucket_of(peer), kAtOnce, behind);
    if (!rows) return std::unexpected(rows.error());
    more = rows->size() == kAtOnce;
    for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
      if (row->place < first) return false;
      behind = row->place;
      auto text = searched_text(row->body);
      if (!text) return std::unexpected(text.error());
      if (!wanted.is_in(*text)) continue;
      auto entry = parse_entry(row->body);
      if (!entry) return std::unexpected(entry.error());
      const bool over = entry->expires != 0 && entry->expires <= now;
      if (over || entry->removed || is_key_notice(*entry)) continue;
      if (found.page.entries.size() == limit) {
        found.page.next = found.last;
        return true;
      }
      found.last = row->place;
      found.page.entries.push_back(std::move(*entry));
    }
  }
  return false;
}

Result<std::vector<std::string>> History::expire(Millis now) {
  const auto rows = vault_.list(kExpiring);
  if (!rows) return std::unexpected(rows.error());
  std::vector<std::string> out;
  for (const Vault::Row& row : *rows) {
    const auto due = parse_json_object(row.body);
    if (!due) return std::unexpected(due.error());
    if (integer_in(*due, "at") > now) continue;
    const auto peer = Id::parse(text_in(*due, "peer"));
    if (!peer) return std::unexpected(peer.error());
    std::string guid = text_in(*due, "guid");
    if (auto forgotten = forget_words(*peer, guid); !forgotten)
      return std::unexpected(forgotten.error());
    const auto entry = find(*peer, guid);
    if (!entry) return std::unexpected(entry.error());
    if (*entry) {
      if (auto noted = note_places(**entry, false); !noted) return std::unexpected(noted.error());
    }
    const std::string place = place_of(*peer, guid);
    for (const auto& [bucket, key] :
         {std::pair{bucket_of(*peer), guid}, std::pair{std::string(kContents), place},
          std::pair{std::string(kEarlier), place}, std::pair{std::string(kUnread), place},
          std::pair{std::string(kExpiring), place}}) {
      if (auto erased = vault_.erase(bucket, key); !erased) return std::unexpected(erased.error());
    }
    out.push_back(std::move(guid));
  }
  return out;
}

Status History::put_unread(const HistoryEntry& entry) {
  JsonObject object;
  object.set("guid", entry.guid);
  object.set("peer", entry.peer.text());
  return vault_.put(kUnread, place_of(entry.peer, entry.guid), write_json(object));
}

Result<std::vector<HistoryEntry>> History::unread(std::size_t limit) {
  auto rows = vault_.list(kUnread, 0, limit);
  if (!rows) return std::unexpected(rows.error());
  std::vector<HistoryEntry> out;
  for (const auto& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) return std::unexpected(object.error());
    auto peer = Id::parse(text_in(*object, "peer"));
    if (!peer) return std::unexpected(peer.error());
    auto entry = find(*peer, text_in(*object, "guid"));
    if (!entry) return std::unexpected(entry.error());
    if (*entry) out.push_back(std::move(**entry));
  }
  return out;
}

Result<bool> History::take_unread(const HistoryEntry& entry) {
  // Homes of earlier versions have it under the GUID alone.
  for (const std::string& key : {place_of(entry.peer, entry.guid), entry.guid}) {
    auto unseen = vault_.contains(kUnread, key);
    if (!unseen) return unseen;
    if (!*unseen) continue;
    if (auto erased = vault_.erase(kUnread, key); !erased) return std::unexpected(erased.error());
    return true;
  }
  return false;
}

}  // namespace dim
