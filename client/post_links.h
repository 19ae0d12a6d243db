// What a message in a channel says beside its text.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/base/time.h"
#include "dim/packet/guid.h"

namespace dim {

struct PostLinks {
  std::optional<Guid> reply{};          ///< the message that it answers
  std::optional<Guid> thread{};         ///< the message that its thread is about
  std::vector<std::string> mentions{};  ///< user IDs, "everyone"
  Millis expires = 0;                   ///< Unix ms at which it disappears; 0: never
};

}  // namespace dim
