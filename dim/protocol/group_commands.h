// History commands of groups (137): who is in, who leads. What each changes, and who may give it:
// engine/group.h.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "dim/protocol/head.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kGroupMembers = 1'000;  // of a group, and IDs in one command (J28)
}  // namespace limits

enum class GroupAction : std::uint8_t {
  invite,  ///< `members` shall come in
  expel,   ///< `members` shall go; peers of 2026 want `reset` instead
  join,    ///< the sender wants to come in
  quit,    ///< the sender goes
  query,   ///< asks for the history after `last_time`; no part of it
  reset,   ///< `members` is the whole list, the owner first
  hire,    ///< `administrators` and `assistants` get their rights
  fire,    ///< and lose them
  resign,  ///< the sender gives up being an administrator
};
std::string_view to_string(GroupAction action);
std::optional<GroupAction> group_action(std::string_view command);

/// One struct for the nine, because they differ in nothing but which lists they may have. Lists
/// hold each ID once, without terminal, in the order in which they came.
struct GroupContent {
  ContentHead head;  ///< `head.group` is the group, always
  GroupAction action = GroupAction::query;
  std::vector<Id> members{};         ///< invite, expel, reset: not empty
  std::vector<Id> administrators{};  ///< hire, fire: one of these two is not empty
  std::vector<Id> assistants{};
  double last_time = 0;  ///< query: seconds; 0 when missing
  JsonObject rest{};

  static GroupContent invite(const Id& group, std::vector<Id> members, Millis now, Random& random);
  static GroupContent expel(const Id& group, std::vector<Id> members, Millis now, Random& random);
  static GroupContent join(const Id& group, Millis now, Random& random);
  static GroupContent quit(const Id& group, Millis now, Random& random);
  static GroupContent query(const Id& group, double last_time, Millis now, Random& random);
  static GroupContent reset(const Id& group, std::vector<Id> members, Millis now, Random& random);
  static GroupContent hire(const Id& group, std::vector<Id> administrators, Millis now,
                           Random& random);
  static GroupContent fire(const Id& group, std::vector<Id> administrators, Millis now,
                           Random& random);
  static GroupContent resign(const Id& group, Millis now, Random& random);
};

}  // namespace dim
