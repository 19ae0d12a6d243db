// What is known of other entities: metas (provisional or pinned), documents. In memory; stores feed it.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dim/base/time.h"
#include "dim/identity/document.h"
#include "dim/identity/meta.h"

namespace dim {

enum class MetaState : std::uint8_t { unknown, provisional, pinned, suspect /* two metas with proof: blocked */ };

/// One entity. Every meta and document in it has verified.
struct Known {
  std::optional<Meta> meta;
  MetaState state = MetaState::unknown;
  std::vector<Document> documents;  ///< newest of each (type, terminal), oldest first
};

/// Trust rules A02, A04, A05 over values that came from anywhere.
class Directory {
 public:
  explicit Directory(std::size_t provisional_limit = 10'000) : provisional_limit_(provisional_limit) {}

  const Known* find(const Id& id) const;
  /// Keeps `meta` as provisional unless one is pinned. Errc::conflict (event meta-suspect) for another pinned one.
  Status learn_meta(const Id& id, const Meta& meta);
  /// A signature by this meta's key over something else verified: pins it; a provisional other one yields (J16).
  Status prove(const Id& id, const Meta& meta);
  /// Verified against the entity's meta; also proof of possession. Errc::conflict when older than the one kept.
  Result<Document> learn_document(const Id& id, const JsonObject& document, Millis now);
  /// Keys that messages to `id` are encrypted with: one for each visa (terminal), or the meta key when it can.
  std::vector<std::pair<std::string, PublicKey>> message_keys(const Id& id) const;
  void forget(const Id& id);

 private:
  std::map<std::string, Known, std::less<>> entities_;  // by full name@address, never by address alone (A02)
  std::vector<std::string> provisional_;                 // oldest first
  std::size_t provisional_limit_;
};

}  // namespace dim
