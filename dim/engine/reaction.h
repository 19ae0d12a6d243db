// Symbols with which people answer messages: in channels (docs/protocol/hubs.md section 7) and
// between two of them (docs/protocol/messages.md section 10.2).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"

namespace dim {

inline constexpr std::size_t kSymbolBytes = 32;
/// Different symbols of one person to one message between people.
inline constexpr std::size_t kSymbolsOfOne = 20;

/// 1 to kSymbolBytes of UTF-8 that a header can carry, without spaces, commas and brackets.
bool valid_symbol(std::string_view symbol);

/// All that one person answers one message with.
struct Reactions {
  std::vector<std::string> symbols{};  ///< in the order in which they were given, each once
  std::int64_t revision = 0;           ///< the greater one counts; 0: never anything

  bool operator==(const Reactions&) const = default;
};

/// Members `symbols` and `revision`.
void write_reactions(const Reactions& reactions, JsonObject& to);
/// Nothing for what lacks one of them, has a revision below 1, or symbols that are not valid, come
/// twice or are more than kSymbolsOfOne.
std::optional<Reactions> read_reactions(const JsonObject& from);
/// Whether what has come replaces what is known. Of the same revision (two devices at once) both
/// ends keep the same one.
bool replaces(const Reactions& come, const Reactions& known);
/// With `symbol` among them, or without it; `now` in ms. Nothing: it is so already.
std::optional<Reactions> reacted(const Reactions& before, std::string_view symbol, bool off,
                                 std::int64_t now);

}  // namespace dim
