// What was written and is not yet on the station's disk, in the home's vault, in order.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/time.h"
#include "dim/identity/id.h"
#include "sqlite/vault.h"

namespace dim {

/// A row: what to send, and the signed form once it was made (a repeat must be the same bytes,
/// P36).
struct OutboxRow {
  std::string guid;
  std::string
      kind;  ///< "message", "receipt" (all that nobody reads), "copy" of a text to a group, "post"
  Id to;
  Millis time = 0;
  JsonObject content{};       ///< empty: what the history keeps for its entry (History::content)
  std::string wire{};         ///< empty until it was sealed
  std::string entry{};        ///< GUID in the history, where this is one copy of many
  std::optional<Id> group{};  ///< of such a copy
  JsonObject native{};        ///< the native content that it was sealed into, where that is kept
  /// For this device of `to` alone ("ID" or "ID/terminal"), and in no other form than natively.
  std::string only{};
  bool anew = false;       ///< of such a one: in a session that is begun for it
  std::string again{};     ///< GUID of a message that it says once more
  std::int64_t place = 0;  ///< given by the vault
};

/// A message to a channel of a public hub, whose ID is `to`: plain text for the station, nothing is
/// sealed. `content` has `channel`, `text` and what of PostLinks there is.
inline constexpr std::string_view kPostRow = "post";

/// Where the vault keeps what a station has refused of these.
inline constexpr std::string_view kRefusedPosts = "refused";

class Outbox {
 public:
  explicit Outbox(Vault& vault) : vault_(vault) {}

  /// Writes or replaces the row of that GUID; a replaced one keeps its place.
  Status put(const OutboxRow& row);
  /// Nothing: it was acknowledged, perhaps by another program of this home.
  Result<std::optional<OutboxRow>> find(std::string_view guid);
  /// Rows behind `place`, in order; one that cannot be read does not hold up the others.
  Result<std::vector<OutboxRow>> after(std::int64_t place, std::size_t limit);
  Status erase(std::string_view guid);
  Result<std::size_t> count();

 private:
  Vault& vault_;
};

}  // namespace dim
