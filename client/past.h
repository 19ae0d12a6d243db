// What was said before a device came: how one device of a person hands it to another
// (docs/protocol/identity.md section 5.1).
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "client/history.h"

namespace dim {

/// Is it something that another device can show too? Not what could not be read here, nor what is
/// said of keys, nor what has not left yet.
bool is_past(const HistoryEntry& entry);
/// `said`: its content; without one the text and the words of the entry stand for it.
JsonObject past_entry(const HistoryEntry& entry, const std::optional<JsonObject>& said);

struct Past {
  HistoryEntry entry;
  std::optional<JsonObject> said{};  ///< text and words of `entry` are empty then: they follow
};
/// Nothing for what makes no sense.
std::optional<Past> read_past(const JsonObject& object);

/// Entries as lists that fit into a message each: 192 KiB and 5,000 nodes of JSON, or one entry.
class PastBatches {
 public:
  /// False: alone it fits into none; nothing was added.
  bool add(JsonObject entry);
  /// In the order in which they were added; empties it.
  std::vector<JsonArray> take();

 private:
  std::vector<JsonArray> batches_;
  std::size_t bytes_ = 0, nodes_ = 0;  // of the last one
};

}  // namespace dim
