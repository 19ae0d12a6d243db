// What the own account changes in a group: each change is a command that it signs, applied here
// first and then told to everybody whom it is about.
#include <algorithm>
#include <utility>

#include "client/groups.h"

namespace dim {
namespace {

bool has(const std::vector<Id>& ids, const Id& who) {
  return std::ranges::any_of(ids, [&](const Id& id) { return id.same_entity(who); });
}

void add(std::vector<Id>& ids, const std::vector<Id>& more) {
  for (const Id& id : more) {
    if (!has(ids, id)) ids.push_back(id.bare());
  }
}

/// Later than everything that the group knows, so that it outdates it.
Millis next_time(const Group& group, Millis now) {
  return std::max({now, group.history_time() + 1, group.bulletin().time().value_or(0) + 1});
}

Status check_people(const std::vector<Id>& who) {
  if (std::ranges::all_of(who, [](const Id& id) { return id.is_user(); })) return {};
  return fail(Errc::bad_request, "only persons can be in a group");
}

}  // namespace

Result<Group> Groups::known(const Id& group, Millis now) {
  auto found = find(group, now);
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr)
    return fail(Errc::not_found,
                "this group is not known here; `dim group list` shows those that are");
  return **found;
}

Result<GroupRecord> Groups::signed_by_me(GroupContent command, Millis time) {
  command.head.time = static_cast<double>(time) / 1000;
  return sign_command(command, home_.account(), home_.directory(), random_);
}

Result<Groups::Change> Groups::create(std::string_view name, const std::vector<Id>& members,
                                      Millis now) {
  if (auto people = check_people(members); !people) return std::unexpected(people.error());
  const Account& me = home_.account();
  auto made = create_group(me, name, {}, {}, now, random_);
  if (!made) return std::unexpected(made.error());
  const JsonObject meta = made->meta.json();
  if (auto kept = home_.learn(made->id, meta, {made->bulletin.json()}, now); !kept) {
    return std::unexpected(kept.error());
  }
  auto group = Group::start(home_.directory(), made->id);
  if (!group) return std::unexpected(group.error());
  std::vector<Id> all{me.id.bare()};
  add(all, members);
  return reset(std::move(*group), std::move(all), now);
}

Result<Groups::Change> Groups::reset(Group group, std::vector<Id> members, Millis now) {
  std::vector<Id> told = group.members();
  add(told, members);
  std::erase_if(told, [&](const Id& id) { return id.same_entity(home_.account().id); });
  const Millis time = next_time(group, now);
  auto record =
      signed_by_me(GroupContent::reset(group.id(), std::move(members), time, random_), time);
  if (!record) return std::unexpected(record.error());
  if (auto applied = group.apply(std::move(*record), now); !applied) {
    return std::unexpected(applied.error());
  }
  auto news = pack_history(group, home_.directory(), home_.account(), now, random_);
  if (!news) return std::unexpected(news.error());
  Change out{group.id(), std::move(told), std::move(*news)};
  if (auto kept = keep(std::move(group), now); !kept) return std::unexpected(kept.error());
  return out;
}

Result<Groups::Change> Groups::invite(const Id& id, const std::vector<Id>& who, Millis now) {
  if (auto people = check_people(who); !people) return std::unexpected(people.error());
  auto group = known(id, now);
  if (!group) return std::unexpected(group.error());
  std::vector<Id> members = group->members();
  add(members, who);
  if (group->may_reset(home_.account().id))
    return reset(std::move(*group), std::move(members), now);
  const Millis time = next_time(*group, now);
  auto record = signed_by_me(GroupContent::invite(group->id(), who, time, random_), time);
  if (!record) return std::unexpected(record.error());
  std::vector<Id> leaders{group->owner()};
  add(leaders, group->administrators());
  SignedMessage message = record->message;
  if (auto applied = group->apply(std::move(*record), now); !applied) {
    return std::unexpected(applied.error());
  }
  return Change{group->id(), std::move(leaders),
                ForwardContent::make({std::move(message)}, now, random_)};
}

Result<Groups::Change> Groups::expel(const Id& id, const std::vector<Id>& who, Millis now) {
  auto group = known(id, now);
  if (!group) return std::unexpected(group.error());
  const auto command = group->removal(who, home_.account().id, now, random_);
  if (!command) return std::unexpected(command.error());
  return reset(std::move(*group), command->members, now);
}

Result<Groups::Change> Groups::leave(const Id& id, Millis now) {
  auto group = known(id, now);
  if (!group) return std::unexpected(group.error());
  const Id me = home_.account().id.bare();
  if (group->owner().same_entity(me))
    return fail(Errc::forbidden, "the owner of a group cannot leave it; it ends with them");
  if (!group->is_member(me)) return fail(Errc::not_found, "you are not in this group");
  std::vector<Id> told = group->members();
  std::erase_if(told, [&](const Id& member) { return member.same_entity(me); });
  std::vector<GroupContent> steps;
  if (group->is_administrator(me)) steps.push_back(GroupContent::resign(group->id(), now, random_));
  steps.push_back(GroupContent::quit(group->id(), now, random_));
  std::vector<SignedMessage> messages;
  for (GroupContent& step : steps) {
    auto record = signed_by_me(std::move(step), next_time(*group, now));
    if (!record) return std::unexpected(record.error());
    messages.push_back(record->message);
    if (auto applied = group->apply(std::move(*record), now); !applied) {
      return std::unexpected(applied.error());
    }
  }
  Change out{group->id(), std::move(told), ForwardContent::make(std::move(messages), now, random_)};
  if (auto kept = keep(std::move(*group), now); !kept) return std::unexpected(kept.error());
  return out;
}

// Whoever loses their rights must not be able to reset the group any more, so a reset follows.
Result<Groups::Change> Groups::renew(const Id& id, const JsonObject& properties, Millis now) {
  auto group = known(id, now);
  if (!group) return std::unexpected(group.error());
  const Account& me = home_.account();
  if (!group->owner().same_entity(me.id))
    return fail(Errc::forbidden, "only the owner of a group does this");
  auto bulletin = next_bulletin(group->bulletin(), me, properties, next_time(*group, now));
  if (!bulletin) return std::unexpected(bulletin.error());
  const Known* entity = home_.directory().find(group->id());
  if (entity == nullptr || !entity->meta) return fail(Errc::not_found, "the group's meta is lost");
  const JsonObject meta = entity->meta->json();
  if (auto kept = home_.learn(group->id(), meta, {bulletin->json()}, now); !kept) {
    return std::unexpected(kept.error());
  }
  if (auto renewed = group->renew(*bulletin); !renewed) return std::unexpected(renewed.error());
  std::vector<Id> members = group->members();
  return reset(std::move(*group), std::move(members), now);
}

Result<Groups::Change> Groups::set_administrators(const Id& id, const std::vector<Id>& who,
                                                  Millis now) {
  auto group = known(id, now);
  if (!group) return std::unexpected(group.error());
  JsonArray list;
  for (const Id& one : who) {
    if (!group->is_member(one))
      return fail(Errc::forbidden, "an administrator has to be a member first: `dim group invite`");
    list.emplace_back(one.bare().text());
  }
  JsonObject properties;
  // An empty list too: clients of the reference keep whom they know while there is none.
  properties.set("administrators", std::move(list));
  return renew(id, properties, now);
}

Result<Groups::Change> Groups::rename(const Id& id, std::string_view name, Millis now) {
  JsonObject properties;
  properties.set("name", name);
  return renew(id, properties, now);
}

Result<Groups::Change> Groups::ask_in(const Id& group, const Id& leader, Millis now) {
  if (!group.is_group() || group.is_broadcast())
    return fail(Errc::bad_request, "a group is named by its ID");
  auto record = signed_by_me(GroupContent::join(group.bare(), now, random_), now);
  if (!record) return std::unexpected(record.error());
  return Change{group.bare(),
                {leader.bare()},
                ForwardContent::make({std::move(record->message)}, now, random_)};
}

}  // namespace dim
