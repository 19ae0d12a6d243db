// `dim group`: found groups, see who is in them, change that.
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "cli/context.h"
#include "cli/verbs.h"
#include "dim/base/utf8.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;

std::string_view role_of(const Group& group, const Id& who) {
  if (group.owner().same_entity(who)) return "owner";
  if (group.is_administrator(who)) return "administrator";
  if (group.is_member(who)) return "member";
  return "none";
}

/// Prints a group as `dim group list` does.
Status print(Context& context, const Id& id) {
  const Millis now = context.clock.now();
  auto found = context.messenger->groups().find(id, now);
  if (!found) return std::unexpected(found.error());
  auto asking = context.messenger->groups().requests(id, now);
  if (!asking) return std::unexpected(asking.error());
  auto contact = context.home->contact(id);
  const std::string alias = contact && *contact ? (*contact)->alias : "";
  if (*found == nullptr) return {};
  const Group& group = **found;
  const std::string_view role = role_of(group, context.home->account().id);
  JsonObject members;
  members.set("id", group.id().text());
  members.set("name", group.name());
  members.set("alias", alias);
  members.set("owner", group.owner().text());
  members.set("role", role);
  members.set("members", static_cast<std::int64_t>(group.members().size()));
  members.set("asking", static_cast<std::int64_t>(asking->size()));
  context.out.object("group", std::move(members));
  context.out.line(fmt::format(
      "{:<24}  {}  {} member(s), you: {}{}{}", printable(group.name()), group.id().text(),
      group.members().size(), role == "none" ? "not in it" : role,
      alias.empty() || alias == group.name() ? "" : fmt::format(", alias {}", printable(alias)),
      asking->empty() ? "" : fmt::format(", {} ask(s) to come in", asking->size())));
  return {};
}

Status print_members(Context& context, const Id& id) {
  const Millis now = context.clock.now();
  auto found = context.messenger->groups().find(id, now);
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr) return fail(Errc::not_found, "this group is not known here");
  const Group& group = **found;
  const auto line = [&](const Id& who, std::string_view role, std::string_view note = {}) {
    const std::string name =
        who.same_entity(context.home->account().id) ? "you" : context.name_of(who);
    JsonObject members;
    members.set("group", id.text());
    members.set("id", who.text());
    members.set("name", name);
    members.set("role", role);
    context.out.object("member", std::move(members));
    context.out.line(fmt::format("{:<24}  {}  {}{}", printable(name), who.text(), role, note));
  };
  for (const Id& member : group.members()) line(member, role_of(group, member));
  // They read what peers of 2025 send through them (A29).
  for (const Id& bot : group.assistants()) line(bot, "assistant", ", can read");
  auto asking = context.messenger->groups().requests(id, now);
  if (!asking) return std::unexpected(asking.error());
  for (const GroupRequest& request : *asking) line(request.who, "asking");
  return {};
}

int failed(Context& context, const Error& error) {
  context.out.error(error);
  return code(exit_of(error));
}

/// Makes a change, prints what the group is now, and waits until those whom it is about can know.
int change(Context& context, const Messenger::GroupChange& make, std::string_view words,
           const std::function<Status(const Id&)>& then = {}) {
  auto entry = context.messenger->change_group(make, words);
  if (!entry) return failed(context, entry.error());
  if (then) {
    if (auto done = then(entry->peer); !done) return failed(context, done.error());
  }
  if (auto printed = print(context, entry->peer); !printed) return failed(context, printed.error());
  context.drain(kPatienceMs);
  if (auto waiting = context.messenger->waiting(); waiting && *waiting > 0) {
    context.out.note(
        "Not everybody has been told yet: it goes out with the next command that reaches the "
        "station.");
  }
  context.link.finish();
  return code(Exit::ok);
}

Status check_name(std::string_view name) {
  constexpr std::size_t kMost = 64;
  if (!name.empty() && name.size() <= kMost && valid_utf8(name) && printable(name) == name)
    return {};
  return fail(Errc::usage, "a group's name has 1 to 64 printable characters");
}

/// The founder has chosen the name, so that it can serve as their own alias where it is free.
Status take_alias(Context& context, const Id& group, const std::string& name) {
  auto taken = context.home->by_alias(name);
  if (!taken) return std::unexpected(taken.error());
  if (*taken) {
    context.out.note(fmt::format(
        "The alias {} is somebody else's here; write to group:{} or give this group another one: "
        "dim contacts {} --alias NAME",
        printable(name), printable(name), group.text()));
    return {};
  }
  return context.home->put_contact({.id = group, .alias = name});
}

int do_change(Context& context, const GroupOptions& options, const Id& group,
              const std::vector<Id>& who) {
  const std::string& verb = options.verb;
  std::string names;
  for (const Id& id : who) names += (names.empty() ? "" : ", ") + context.name_of(id);
  if (verb == "invite") {
    return change(
        context, [&](Groups& groups, Millis now) { return groups.invite(group, who, now); },
        "invited " + names);
  }
  if (verb == "expel") {
    return change(
        context, [&](Groups& groups, Millis now) { return groups.expel(group, who, now); },
        "put out " + names);
  }
  if (verb == "leave") {
    return change(
        context, [&](Groups& groups, Millis now) { return groups.leave(group, now); }, "left");
  }
  if (verb == "join") {
    return change(
        context, [&](Groups& groups, Millis now) { return groups.ask_in(group, who.front(), now); },
        "asked " + names + " to be taken in");
  }
  if (verb == "rename") {
    if (auto right = check_name(options.name); !right) return failed(context, right.error());
    return change(
        context,
        [&](Groups& groups, Millis now) { return groups.rename(group, options.name, now); },
        "named it " + options.name);
  }
  // promote, demote
  const bool up = verb == "promote";
  const auto leaders = [&](Groups& groups, Millis now) -> Result<Groups::Change> {
    auto known = groups.find(group, now);
    if (!known) return std::unexpected(known.error());
    if (*known == nullptr) return fail(Errc::not_found, "this group is not known here");
    std::vector<Id> list = (*known)->administrators();
    for (const Id& id : who) {
      const auto same = [&](const Id& other) { return other.same_entity(id); };
      if (!up && std::erase_if(list, same) == 0)
        return fail(Errc::not_found, "this person is no administrator of the group");
      if (up && std::ranges::none_of(list, same)) list.push_back(id.bare());
    }
    return groups.set_administrators(group, list, now);
  };
  return change(context, leaders,
                (up ? "made administrators: " : "administrators no longer: ") + names);
}

}  // namespace

int verb_group(const CommonOptions& common, const GroupOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  context.make_messenger({.receive = false});
  if (options.verb == "list") {
    auto all = context.messenger->groups().all();
    if (!all) return failed(context, all.error());
    for (const Id& id : *all) {
      if (auto printed = print(context, id); !printed) return failed(context, printed.error());
    }
    if (all->empty()) context.out.note("No groups yet. `dim group create NAME WHO…` founds one.");
    return code(Exit::ok);
  }
  if (options.verb == "members") {
    const auto group = context.find_group(options.group);
    if (!group) return context.unknown_exit();
    if (auto printed = print_members(context, *group); !printed)
      return failed(context, printed.error());
    return code(Exit::ok);
  }
  if (!context.connect(kPatienceMs) && exit_of(*context.failure) == Exit::security)
    return context.report_failure();
  context.failure.reset();
  std::vector<Id> who;
  for (const std::string& one : options.who) {
    const auto id = context.find(one, kPatienceMs);
    if (!id) return context.unknown_exit();
    who.push_back(id->bare());
  }
  if (options.verb == "create") {
    if (auto right = check_name(options.name); !right) return failed(context, right.error());
    return change(
        context, [&](Groups& groups, Millis now) { return groups.create(options.name, who, now); },
        "founded it", [&](const Id& id) { return take_alias(context, id, options.name); });
  }
  // Whoever wants to come into a group does not know it yet.
  const auto group = options.verb == "join" && Id::parse(options.group)
                         ? std::optional<Id>(Id::parse(options.group)->bare())
                         : context.find_group(options.group);
  if (!group) return context.unknown_exit();
  return do_change(context, options, *group, who);
}

}  // namespace dim
