#include "client/handed_keys.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/handing_rows.h"
#include "client/hub_names.h"
#include "client/outbox.h"
#include "dim/base/base64.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::string_view kKeys = "keys";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kAll = 1'000'000;  // rows of the outbox
/// Notes for hubs whose founder is not known yet: of everybody, and of one person.
constexpr std::size_t kEarlyMost = 128, kEarlyOfOne = 64;

JsonObject key_json(const PostKey& key) {
  JsonObject out;
  out.set("message", key.message.text());
  out.set("revision", key.revision);
  out.set("key", key.key);
  out.set("time", format_time(key.time));
  return out;
}

std::optional<PostKey> read_key(const Json& json) {
  if (json.object() == nullptr) return std::nullopt;
  const JsonObject& object = *json.object();
  const auto message = Guid::parse(text_in(object, "message"));
  const auto time = parse_time(text_in(object, "time"));
  const auto bytes = from_base64(text_in(object, "key"));
  const std::int64_t revision = integer_in(object, "revision");
  if (!message || !time || !bytes || bytes->size() != kKeyBytes || revision < 1)
    return std::nullopt;
  return PostKey{
      .message = *message, .revision = revision, .key = text_in(object, "key"), .time = *time};
}

JsonArray list_in(std::string_view body) {
  const auto object = parse_json_object(body);
  const Json* list = object ? object->find("list") : nullptr;
  return list != nullptr && list->array() != nullptr ? *list->array() : JsonArray();
}

bool is_by(const Json& one, std::string_view hub, std::string_view by) {
  return one.object() != nullptr && text_in(*one.object(), "hub") == hub &&
         text_in(*one.object(), "by") == by;
}

Status put_list(Vault& vault, const Guid& message, JsonArray list) {
  if (list.empty()) return vault.erase(kHandedKeys, message.text());
  JsonObject body;
  body.set("message", message.text());
  body.set("list", std::move(list));
  return vault.put(kHandedKeys, message.text(), write_json(body));
}

Status keep_one(Home& home, const KeysNote& note, const PostKey& key, const std::string& by) {
  const auto gone = home.vault().contains(kGonePosts, key.message.text());
  if (!gone) return std::unexpected(gone.error());
  if (*gone) return {};
  const auto before = home.vault().get(kHandedKeys, key.message.text());
  if (!before) return std::unexpected(before.error());
  JsonArray list = list_in(before->value_or(""));
  const auto old =
      std::ranges::find_if(list, [&](const Json& one) { return is_by(one, note.hub, by); });
  if (old != list.end()) {
    if (integer_in(*old->object(), "revision") > key.revision) return {};
    list.erase(old);
  }
  JsonObject row = key_json(key);
  row.set("hub", note.hub);
  row.set("channel", note.channel.text());
  row.set("by", by);
  list.emplace_back(std::move(row));
  return put_list(home.vault(), key.message, std::move(list));
}

/// By who counts.
Status keep_all(Home& home, const KeysNote& note, const std::string& by) {
  const auto owner = private_hub_of(home, note.channel);
  if (!owner) return std::unexpected(owner.error());
  if (owner->value_or(note.hub) != note.hub) return {};
  for (const PostKey& one : note.keys) {
    if (auto kept = keep_one(home, note, one, by); !kept) return kept;
  }
  return {};
}

JsonObject note_json(const KeysNote& note) {
  JsonObject out;
  out.set("hub", note.hub);
  out.set("channel", note.channel.text());
  JsonArray keys;
  for (const PostKey& one : note.keys) keys.emplace_back(key_json(one));
  out.set("keys", std::move(keys));
  return out;
}

std::optional<KeysNote> read_note(const JsonObject& object) {
  const auto channel = Guid::parse(text_in(object, "channel"));
  const std::string name = text_in(object, "hub");
  const auto hub = Id::parse(name);
  const Json* keys = object.find("keys");
  const bool right = channel && hub && hub->is_group() && hub->bare().text() == name &&
                     is_private_hub(name) && keys != nullptr && keys->array() != nullptr;
  if (!right) return std::nullopt;
  KeysNote out{.hub = name, .channel = *channel};
  for (const Json& one : *keys->array()) {
    auto key = read_key(one);
    if (key && out.keys.size() < kKeysAtOnce) out.keys.push_back(std::move(*key));
  }
  return out;
}

std::string early_key(const std::string& by, const KeysNote& note) {
  return by + " " + note.hub + " " + note.keys.front().message.text();
}

std::optional<KeysNote> early_note(const JsonObject& row) {
  const Json* note = row.find("note");
  return note != nullptr && note->object() != nullptr ? read_note(*note->object()) : std::nullopt;
}

/// Nobody knows yet whether it counts: a few are kept until the hub's membership is known.
Status keep_early(Home& home, const KeysNote& note, const std::string& by) {
  const auto rows = home.vault().list(kEarlyKeys);
  if (!rows) return std::unexpected(rows.error());
  std::size_t theirs = 0;
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    if (object && text_in(*object, "by") == by) ++theirs;
  }
  if (rows->size() >= kEarlyMost || theirs >= kEarlyOfOne) return {};
  JsonObject body;
  body.set("by", by);
  body.set("note", note_json(note));
  return home.vault().put(kEarlyKeys, early_key(by, note), write_json(body));
}

/// What waits to be sent, without the keys that `goes` names by their hub, channel and message.
Status strip_outbox(
    Vault& vault, const std::function<bool(const JsonObject& note, const JsonObject& key)>& goes) {
  Outbox outbox(vault);
  auto rows = outbox.after(0, kAll);
  if (!rows) return std::unexpected(rows.error());
  for (OutboxRow& row : *rows) {
    if (row.kind != "receipt" || text_in(row.content, "app") != kHubApp) continue;
    const auto content = decode_content(row.content);
    const auto* custom = content ? content->as<CustomizedContent>() : nullptr;
    const Json* list = custom == nullptr ? nullptr : custom->rest.find("keys");
    if (list == nullptr || list->array() == nullptr) continue;
    JsonArray left = *list->array();
    const auto some = std::erase_if(left, [&](const Json& one) {
      return one.object() != nullptr && goes(custom->rest, *one.object());
    });
    if (some == 0) continue;
    // What is sealed is under way, and nobody but its receiver can open it.
    if (left.empty() && row.wire.empty()) {
      if (auto erased = outbox.erase(row.guid); !erased) return erased;
      continue;
    }
    CustomizedContent next = *custom;
    next.rest.set("keys", std::move(left));
    row.content = encode_content(Content(std::move(next)));
    if (auto put = outbox.put(row); !put) return put;
  }
  return {};
}

/// Rows of the vault without the keys that `goes` names by their members.
Status forget_where(Vault& vault, const std::function<bool(const JsonObject& key)>& goes) {
  return vault.transaction([&]() -> Status {
    const auto rows = vault.list(kHandedKeys);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      const auto body = parse_json_object(row.body);
      const auto message = Guid::parse(body ? text_in(*body, "message") : "");
      if (!message) continue;
      JsonArray list = list_in(row.body);
      const auto some = std::erase_if(
          list, [&](const Json& one) { return one.object() == nullptr || goes(*one.object()); });
      if (some == 0) continue;
      if (auto put = put_list(vault, *message, std::move(list)); !put) return put;
    }
    return {};
  });
}

}  // namespace

CustomizedContent keys_content(const KeysNote& note, Millis now, Random& random) {
  CustomizedContent out = CustomizedContent::make(kHubApp, kKeys, "note", now, random);
  for (const auto& [key, value] : note_json(note)) out.rest.set(key, value);
  return out;
}

std::optional<KeysNote> read_keys(const CustomizedContent& content) {
  if (content.app != kHubApp || content.mod != kKeys) return std::nullopt;
  return read_note(content.rest);
}

Status keep_handed(Home& home, const KeysNote& note, const std::string& by, const Roster* roster) {
  const bool mine = by == home.account().id.bare().text();
  if (note.keys.empty() || (roster != nullptr && !mine && by != roster->founder())) return {};
  return home.vault().transaction([&]() -> Status {
    return mine || roster != nullptr ? keep_all(home, note, by) : keep_early(home, note, by);
  });
}

Status take_early_keys(Home& home, const Roster& roster) {
  const auto rows = home.vault().list(kEarlyKeys);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    const auto note = object ? early_note(*object) : std::nullopt;
    if (!note || note->keys.empty() || note->hub != roster.hub()) continue;
    const std::string by = text_in(*object, "by");
    if (by == roster.founder()) {
      if (auto done = keep_all(home, *note, by); !done) return done;
    }
    if (auto done = home.vault().erase(kEarlyKeys, early_key(by, *note)); !done) return done;
  }
  return {};
}

Status forget_pages_for(Vault& vault, const std::string& hub, const std::string& who) {
  if (auto erased = vault.erase(kHandingRows, hub + " " + who); !erased) return erased;
  Outbox outbox(vault);
  const auto rows = outbox.after(0, kAll);
  if (!rows) return std::unexpected(rows.error());
  for (const OutboxRow& row : *rows) {
    if (text_in(row.content, "app") != kHubApp || text_in(row.content, "hub") != hub ||
        row.to.bare().text() != who)
      continue;
    if (auto erased = outbox.erase(row.guid); !erased) return erased;
  }
  return {};
}

Result<bool> handed_all(Vault& vault) {
  const auto owed = vault.count(kHandingRows);
  if (!owed) return std::unexpected(owed.error());
  const auto rows = Outbox(vault).after(0, kAll);
  if (!rows) return std::unexpected(rows.error());
  return *owed == 0 && std::ranges::none_of(*rows, [](const OutboxRow& row) {
    return text_in(row.content, "app") == kHubApp;
  });
}

Result<std::optional<HandedKey>> handed_key(Home& home, const Roster& roster, const Guid& channel,
                                            const Guid& message, std::int64_t revision) {
  const auto body = home.vault().get(kHandedKeys, message.text());
  if (!body) return std::unexpected(body.error());
  const JsonArray list = list_in(body->value_or(""));
  for (const std::string& by : {home.account().id.bare().text(), roster.founder()}) {
    const auto found =
        std::ranges::find_if(list, [&](const Json& one) { return is_by(one, roster.hub(), by); });
    if (found == list.end() || integer_in(*found->object(), "revision") != revision ||
        text_in(*found->object(), "channel") != channel.text())
      continue;
    JsonObject object;
    object.set("algorithm", "AES");
    object.set("data", text_in(*found->object(), "key"));
    auto key = SymmetricKey::parse(object);
    if (key) return HandedKey{.by = by, .key = std::move(*key)};
  }
  return std::nullopt;
}

Status forget_handed(Vault& vault, const Guid& message) {
  return vault.transaction([&]() -> Status {
    if (auto erased = vault.erase(kHandedKeys, message.text()); !erased) return erased;
    return strip_outbox(vault, [&](const JsonObject&, const JsonObject& key) {
      return text_in(key, "message") == message.text();
    });
  });
}

Status forget_handed_of(Vault& vault, std::string_view object) {
  const auto is_of = [&](const JsonObject& row) {
    return text_in(row, "hub") == object || text_in(row, "channel") == object;
  };
  return vault.transaction([&]() -> Status {
    if (auto done = forget_where(vault, is_of); !done) return done;
    const auto early = vault.list(kEarlyKeys);
    if (!early) return std::unexpected(early.error());
    for (const auto& row : *early) {
      const auto body = parse_json_object(row.body);
      const auto note = body ? early_note(*body) : std::nullopt;
      if (!note || note->keys.empty() || (note->hub != object && note->channel.text() != object))
        continue;
      if (auto erased = vault.erase(kEarlyKeys, early_key(text_in(*body, "by"), *note)); !erased)
        return erased;
    }
    return strip_outbox(vault,
                        [&](const JsonObject& note, const JsonObject&) { return is_of(note); });
  });
}

Status forget_handed_if(Vault& vault,
                        const std::function<bool(const Guid& channel, Millis time)>& is_over) {
  return forget_where(vault, [&](const JsonObject& key) {
    const auto channel = Guid::parse(text_in(key, "channel"));
    const auto time = parse_time(text_in(key, "time"));
    return !channel || !time || is_over(*channel, *time);
  });
}

Status note_gone(Vault& vault, const Guid& message, Millis now) {
  const auto known = vault.contains(kGonePosts, message.text());
  if (!known) return std::unexpected(known.error());
  if (*known) return {};
  if (auto done = forget_handed(vault, message); !done) return done;
  return vault.put(kGonePosts, message.text(), std::to_string(now));
}

}  // namespace dim
