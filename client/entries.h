// How history entries lie in the vault: JSON objects, one a message.
#pragma once
#include <string>
#include <string_view>

#include "client/messenger.h"

namespace dim {

std::string entry_text(const JsonObject& object, std::string_view key);
std::int64_t entry_integer(const JsonObject& object, std::string_view key);

JsonObject to_json(const HistoryEntry& entry);
Result<HistoryEntry> history_entry(std::string_view body);

}  // namespace dim
