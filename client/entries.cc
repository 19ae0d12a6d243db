#include "client/entries.h"

namespace dim {

std::string entry_text(const JsonObject& object, std::string_view key) {
  const std::string* value = object.text(key);
  return value == nullptr ? std::string() : *value;
}

std::int64_t entry_integer(const JsonObject& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

JsonObject to_json(const HistoryEntry& entry) {
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
  if (entry.missing > 0) object.set("missing", entry.missing);
  return object;
}

Result<HistoryEntry> history_entry(std::string_view body) {
  auto object = parse_json_object(body);
  if (!object) return std::unexpected(object.error());
  auto peer = Id::parse(entry_text(*object, "peer"));
  if (!peer) return std::unexpected(peer.error());
  HistoryEntry entry{.guid = entry_text(*object, "guid"), .peer = *peer};
  const Json* outgoing = object->find("outgoing");
  entry.outgoing = outgoing != nullptr && outgoing->boolean() != nullptr && *outgoing->boolean();
  entry.time = entry_integer(*object, "time");
  entry.text = entry_text(*object, "text");
  entry.content_type = entry_text(*object, "type");
  entry.label = static_cast<Label>(entry_integer(*object, "label"));
  entry.tick = static_cast<Tick>(entry_integer(*object, "tick"));
  entry.hash = entry_text(*object, "hash");
  entry.cause = entry_text(*object, "cause");
  entry.late = object->contains("late");
  entry.missing = entry_integer(*object, "missing");
  return entry;
}

}  // namespace dim
