#include "dim/engine/reaction.h"

#include <algorithm>

#include "dim/base/utf8.h"
#include "dim/packet/packet.h"

namespace dim {

bool valid_symbol(std::string_view symbol) {
  return !symbol.empty() && symbol.size() <= kSymbolBytes && valid_utf8(symbol) &&
         header_safe(symbol) && symbol.find_first_of(" ,[]") == std::string_view::npos;
}

void write_reactions(const Reactions& reactions, JsonObject& to) {
  JsonArray symbols;
  for (const std::string& one : reactions.symbols) symbols.emplace_back(one);
  to.set("symbols", std::move(symbols));
  to.set("revision", reactions.revision);
}

std::optional<Reactions> read_reactions(const JsonObject& from) {
  const Json* symbols = from.find("symbols");
  const Json* revision = from.find("revision");
  if (symbols == nullptr || symbols->array() == nullptr || revision == nullptr ||
      revision->integer() == nullptr || *revision->integer() < 1 ||
      symbols->array()->size() > kSymbolsOfOne)
    return std::nullopt;
  Reactions out{.revision = *revision->integer()};
  for (const Json& one : *symbols->array()) {
    if (one.text() == nullptr || !valid_symbol(*one.text()) ||
        std::ranges::find(out.symbols, *one.text()) != out.symbols.end())
      return std::nullopt;
    out.symbols.push_back(*one.text());
  }
  return out;
}

bool replaces(const Reactions& come, const Reactions& known) {
  return come.revision != known.revision ? come.revision > known.revision
                                         : come.symbols > known.symbols;
}

std::optional<Reactions> reacted(const Reactions& before, std::string_view symbol, bool off,
                                 std::int64_t now) {
  Reactions out = before;
  const auto at = std::ranges::find(out.symbols, symbol);
  if ((at == out.symbols.end()) == off) return std::nullopt;
  if (off) {
    out.symbols.erase(at);
  } else {
    out.symbols.emplace_back(symbol);
  }
  // A device whose clock is behind must not lose to what it has seen.
  out.revision = std::max(before.revision + 1, now);
  return out;
}

}  // namespace dim
