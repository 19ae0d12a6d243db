// Builders of `hire` and `fire` for both lists that they may have. GroupContent::hire and ::fire
// are the short ones, for administrators alone. Who may: engine/group.h.
#pragma once
#include <vector>

#include "dim/protocol/group_commands.h"

namespace dim {

/// Whom `hire` gives rights and `fire` takes them from; one of the two is not empty, else readers
/// refuse the command.
struct GroupLeaders {
  std::vector<Id> administrators{};
  std::vector<Id> assistants{};  ///< bots of peers of 2025; those of 2026 pass over them
};

GroupContent hire_leaders(const Id& group, GroupLeaders leaders, Millis now, Random& random);
GroupContent fire_leaders(const Id& group, GroupLeaders leaders, Millis now, Random& random);

}  // namespace dim
