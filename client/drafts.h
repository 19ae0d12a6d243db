// What was begun and not sent, one text for each conversation, in the home's vault: it outlives the
// program, and no station and no other device hears of it.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/time.h"
#include "sqlite/vault.h"

namespace dim {

struct Draft {
  std::string conversation;  ///< ID of a person or group without terminal, GUID of a channel
  std::string text;
  Millis time = 0;  ///< of the last change
};

class Drafts {
 public:
  explicit Drafts(Vault& vault) : vault_(vault) {}

  Result<std::optional<Draft>> find(std::string_view conversation);
  /// An empty text is no draft any more. Errc::too_large beyond 64 KiB.
  Status put(const Draft& draft);
  /// In order of their beginning.
  Result<std::vector<Draft>> all();

 private:
  Vault& vault_;
};

}  // namespace dim
