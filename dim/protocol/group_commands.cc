#include "dim/protocol/group_commands.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string>

#include "dim/protocol/decode.h"
#include "dim/protocol/encode.h"
#include "dim/protocol/group_leaders.h"

namespace dim {
namespace {

using codec::Members;

// In the order of GroupAction.
constexpr std::array<std::string_view, 9> kCommands = {"invite", "expel", "join", "quit",  "query",
                                                       "reset",  "hire",  "fire", "resign"};

bool has_members(GroupAction action) {
  return action == GroupAction::invite || action == GroupAction::expel ||
         action == GroupAction::reset;
}
bool has_leaders(GroupAction action) {
  return action == GroupAction::hire || action == GroupAction::fire;
}

std::vector<Id> each_once(std::vector<Id> ids) {
  std::set<std::string, std::less<>> seen;
  std::vector<Id> out;
  for (const Id& id : ids) {
    Id bare = id.bare();
    if (seen.insert(bare.text()).second) out.push_back(std::move(bare));
  }
  return out;
}

GroupContent command(GroupAction action, const Id& group, Millis now, Random& random) {
  GroupContent content{.head = ContentHead::make("137", now, random), .action = action};
  content.head.group = group.bare();
  return content;
}

GroupContent with_members(GroupAction action, const Id& group, std::vector<Id> members, Millis now,
                          Random& random) {
  GroupContent content = command(action, group, now, random);
  content.members = each_once(std::move(members));
  return content;
}

GroupContent with_leaders(GroupAction action, const Id& group, GroupLeaders leaders, Millis now,
                          Random& random) {
  GroupContent content = command(action, group, now, random);
  content.administrators = each_once(std::move(leaders.administrators));
  content.assistants = each_once(std::move(leaders.assistants));
  return content;
}

}  // namespace

std::string_view to_string(GroupAction action) {
  return kCommands[static_cast<std::size_t>(action)];
}

std::optional<GroupAction> group_action(std::string_view command) {
  const auto found = std::ranges::find(kCommands, command);
  if (found == kCommands.end()) return std::nullopt;
  return static_cast<GroupAction>(std::distance(kCommands.begin(), found));
}

GroupContent GroupContent::invite(const Id& group, std::vector<Id> members, Millis now,
                                  Random& random) {
  return with_members(GroupAction::invite, group, std::move(members), now, random);
}
GroupContent GroupContent::expel(const Id& group, std::vector<Id> members, Millis now,
                                 Random& random) {
  return with_members(GroupAction::expel, group, std::move(members), now, random);
}
GroupContent GroupContent::join(const Id& group, Millis now, Random& random) {
  return command(GroupAction::join, group, now, random);
}
GroupContent GroupContent::quit(const Id& group, Millis now, Random& random) {
  return command(GroupAction::quit, group, now, random);
}
GroupContent GroupContent::query(const Id& group, double last_time, Millis now, Random& random) {
  GroupContent content = command(GroupAction::query, group, now, random);
  content.last_time = last_time;
  return content;
}
GroupContent GroupContent::reset(const Id& group, std::vector<Id> members, Millis now,
                                 Random& random) {
  return with_members(GroupAction::reset, group, std::move(members), now, random);
}
GroupContent GroupContent::hire(const Id& group, std::vector<Id> administrators, Millis now,
                                Random& random) {
  return hire_leaders(group, {.administrators = std::move(administrators)}, now, random);
}
GroupContent GroupContent::fire(const Id& group, std::vector<Id> administrators, Millis now,
                                Random& random) {
  return fire_leaders(group, {.administrators = std::move(administrators)}, now, random);
}
GroupContent GroupContent::resign(const Id& group, Millis now, Random& random) {
  return command(GroupAction::resign, group, now, random);
}

GroupContent hire_leaders(const Id& group, GroupLeaders leaders, Millis now, Random& random) {
  return with_leaders(GroupAction::hire, group, std::move(leaders), now, random);
}
GroupContent fire_leaders(const Id& group, GroupLeaders leaders, Millis now, Random& random) {
  return with_leaders(GroupAction::fire, group, std::move(leaders), now, random);
}

namespace decoders {

Result<Content> group(const Kind& kind, ContentHead head, JsonObject json,
                      const DecodeContext& context) {
  const auto action = group_action(kind.command);
  if (!action) return fail(Errc::internal, "a row of the table names no group command");
  GroupContent content{.head = std::move(head), .action = *action};
  Members members(json, context);
  const auto list = [&](std::string_view name) {
    return members.ids(name, limits::kGroupMembers).value_or(std::vector<Id>());
  };
  if (has_members(*action)) {
    auto many = members.ids("members", limits::kGroupMembers);
    auto one = members.id("member");  // the form of 2021
    if (many) {
      content.members = std::move(*many);
    } else if (one) {
      content.members.push_back(one->bare());
    }
  }
  if (has_leaders(*action)) {
    content.administrators = list("administrators");
    content.assistants = list("assistants");
  }
  if (*action == GroupAction::query) content.last_time = members.seconds("last_time");
  if (members.strict()) {
    if (!content.head.group || content.head.group->is_broadcast())
      members.fault("a group command needs its group");
    if (has_members(*action) && content.members.empty())
      members.fault("invite, expel and reset need members");
    if (has_leaders(*action) && content.administrators.empty() && content.assistants.empty())
      members.fault("hire and fire need administrators or assistants");
  }
  return finish(members, std::move(content), json);
}

}  // namespace decoders

namespace encoders {

JsonObject encode(const GroupContent& content) {
  JsonObject out = codec::head_of(content.head, to_string(content.action));
  if (!content.members.empty()) codec::set_ids(out, "members", content.members);
  if (!content.administrators.empty())
    codec::set_ids(out, "administrators", content.administrators);
  if (!content.assistants.empty()) codec::set_ids(out, "assistants", content.assistants);
  if (content.last_time > 0) out.set("last_time", content.last_time);
  return codec::with_rest(std::move(out), content.rest);
}

}  // namespace encoders
}  // namespace dim
