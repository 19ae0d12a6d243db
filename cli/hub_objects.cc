// `dim channel`, `dim category`, `dim role`, `dim kick`, `dim ban`, `dim mute`.
#include <fmt/core.h>

#include <algorithm>

#include "cli/hub_erase.h"
#include "client/fields.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

std::optional<Guid> make(HubRun& run, HubObject object, const HubView& hub,
                         const JsonObject& body) {
  return run.wait<Guid>([&](HubDone<Guid> done) {
    run.context.messenger->hubs().make(object, hub.id, body, std::move(done));
  });
}

/// EDIT of an object that was seen in this revision.
bool change(HubRun& run, HubObject object, const Guid& guid, std::int64_t revision,
            const JsonObject& body) {
  Packet packet = HubClient::request(Operation::edit, object, guid.text());
  packet.set("revision", std::to_string(revision));
  return run.ask(std::move(packet), body).has_value();
}

std::optional<Guid> named(HubRun& run, const Result<Guid>& found) {
  if (found) return *found;
  run.failed(found.error());
  if (found.error().code == Errc::not_found) run.exit = code(Exit::unknown_person);
  return std::nullopt;
}

int nothing_to_change(HubRun& run) {
  return run.failed({Errc::usage, "nothing to change; dim VERB edit --help says what can be"});
}

// ---- channels

/// Members of a channel's body that were given.
std::optional<JsonObject> channel_body(HubRun& run, const HubView& hub) {
  const HubOptions& options = run.options;
  JsonObject body;
  if (!options.name.empty()) body.set("name", options.name);
  if (options.topic_given) body.set("topic", options.topic);
  if (!options.kind.empty()) body.set("kind", options.kind);
  if (options.position) body.set("position", *options.position);
  if (options.retention) body.set("retention", *options.retention);
  if (!options.category_given) return body;
  if (options.category.empty()) {
    body.set("category", nullptr);
    return body;
  }
  const auto category = named(run, find_named(hub.categories, options.category));
  if (!category) return std::nullopt;
  body.set("category", category->text());
  return body;
}

/// One role's override, with `words` allowed, denied or neither.
JsonArray with_override(const HubChannel& channel, std::optional<Guid> role, Permissions words,
                        std::string_view action) {
  std::vector<HubOverride> all = channel.overrides;
  auto one = std::ranges::find_if(all, [&](const HubOverride& it) { return it.role == role; });
  if (one == all.end()) one = all.insert(all.end(), HubOverride{.role = role});
  one->allow = one->allow - words;
  one->deny = one->deny - words;
  if (action == "allow") one->allow = one->allow | words;
  if (action == "deny") one->deny = one->deny | words;
  JsonArray out;
  for (const HubOverride& it : all) {
    if (it.allow.empty() && it.deny.empty()) continue;
    JsonObject object;
    object.set("role", it.role ? it.role->text() : "everyone");
    object.set("allow", words_json(it.allow));
    object.set("deny", words_json(it.deny));
    out.emplace_back(std::move(object));
  }
  return out;
}

int override_channel(HubRun& run, const HubPlace& place) {
  const HubOptions& options = run.options;
  const auto words = Permissions::parse(options.permissions);
  if (!words) return run.failed({Errc::usage, words.error().hint});
  std::optional<Guid> role;
  if (options.object != "everyone") {
    role = named(run, find_named(place.hub.roles, options.object));
    if (!role) return run.exit;
  }
  const HubChannel& channel = place.hub.channels.at(*place.channel);
  JsonObject body;
  body.set("overrides", with_override(channel, role, *words, options.action));
  if (!change(run, HubObject::channel, *place.channel, channel.revision, body)) return run.exit;
  const auto hub = run.again(place);
  if (!hub) return run.exit;
  if (hub->channels.contains(*place.channel)) run.show_channel(*hub, *place.channel);
  return code(Exit::ok);
}

/// Also one that is not there any more, by its GUID: to hear who has erased it.
int destroy_channel(HubRun& run) {
  if (const auto guid = Guid::parse(run.options.place)) {
    const auto in = std::ranges::find_if(
        run.hubs, [&](const HubView& hub) { return hub.channels.contains(*guid); });
    return destroy_place(
        run, {in != run.hubs.end() ? *in : HubView{.id = {}, .name = {}, .topic = {}, .owner = {}},
              *guid});
  }
  const auto place = run.channel();
  return place ? destroy_place(run, *place) : run.exit;
}

/// What --history says; 0 (none) where it was not given. Nothing: it cannot be, and it is said why.
std::optional<std::int64_t> wanted_history(HubRun& run, const HubView& hub) {
  if (run.options.history.empty()) return 0;
  if (!is_private_hub(hub.id)) {
    run.failed(
        {Errc::usage,
         "this hub is public, and new members read all of it; --history is for private ones"});
    return std::nullopt;
  }
  const auto days = parse_history(run.options.history);
  if (days) return *days;
  run.failed({Errc::usage, days.error().hint});
  return std::nullopt;
}

/// Signs what whoever is let in from now on reads of what was written in a channel before.
bool set_history(HubRun& run, const HubView& hub, const Guid& guid, std::int64_t days) {
  if (run.options.history.empty()) return true;
  const auto epoch = run.wait<std::int64_t>([&](HubDone<std::int64_t> done) {
    run.context.messenger->hubs().set_history(hub.id, {guid, days}, std::move(done));
  });
  if (!epoch) return false;
  run.context.out.note(
      days == 0 ? "Whoever is let in from now on reads nothing of what was written before."
                : "Whoever is let in from now on reads that, of what was written before; the "
                  "members are told.");
  return true;
}

int change_channel(HubRun& run, const HubPlace& place) {
  const std::string& action = run.options.action;
  const Guid guid = *place.channel;
  const HubChannel& channel = place.hub.channels.at(guid);
  if (action == "delete") {
    if (!run.confirm(fmt::format("DELETE ends the channel {}, with every message in it, for "
                                 "everybody. There is no way back.",
                                 printable(channel.name))))
      return run.exit;
    if (!run.ask(HubClient::request(Operation::erase, HubObject::channel, guid.text())))
      return run.exit;
    run.done(place, HubObject::channel, Operation::erase, guid);
    return code(Exit::ok);
  }
  if (action != "edit") return override_channel(run, place);
  const auto history = wanted_history(run, place.hub);
  const auto body = channel_body(run, place.hub);
  if (!history || !body) return run.exit;
  if (body->empty() && run.options.history.empty()) return nothing_to_change(run);
  const std::int64_t keeps = run.options.retention.value_or(0);
  const bool forgets = keeps != 0 && (channel.retention == 0 || keeps < channel.retention);
  if (forgets &&
      !run.confirm(fmt::format("Messages in {} that are older than {} day(s) are erased for "
                               "everybody, also those that are there now. There is no way back.",
                               printable(channel.name), keeps)))
    return run.exit;
  if (!body->empty() && !change(run, HubObject::channel, guid, channel.revision, *body))
    return run.exit;
  if (!set_history(run, place.hub, guid, *history)) return run.exit;
  const auto hub = run.again(place);
  if (!hub) return run.exit;
  if (hub->channels.contains(guid)) run.show_channel(*hub, guid);
  return code(Exit::ok);
}

// ---- roles

int give_role(HubRun& run, const HubPlace& place, const Guid& role) {
  const auto who = run.who(run.options.who);
  if (!who) return run.exit;
  Packet get = HubClient::request(Operation::get, HubObject::member, place.hub.id);
  const auto answer = run.ask(get.set("member", who->text()));
  if (!answer) return run.exit;
  const auto shown = read_list(answer->content.value_or(""));
  if (!shown || shown->size() != 1)
    return run.failed({Errc::bad_request, "the station does not show this member"});
  const auto before = read_member_view(shown->front());
  if (!before) return run.failed(before.error());
  std::vector<Guid> roles = before->member.roles;
  const bool give = run.options.action == "give";
  std::erase(roles, role);
  if (give) roles.push_back(role);
  JsonArray list;
  for (const Guid& one : roles) list.emplace_back(one.text());
  JsonObject body;
  body.set("roles", std::move(list));
  Packet packet = HubClient::request(Operation::edit, HubObject::member, place.hub.id);
  packet.set("member", who->text()).set("revision", std::to_string(before->member.revision));
  if (!run.ask(std::move(packet), body)) return run.exit;
  HubMemberView now = *before;
  now.member.roles = std::move(roles);
  run.out.member(place.hub, now);
  return code(Exit::ok);
}

int show_role(HubRun& run, const HubPlace& place, const Guid& guid) {
  const auto hub = run.again(place);
  if (!hub) return run.exit;
  if (hub->roles.contains(guid)) run.out.role(*hub, guid);
  return code(Exit::ok);
}

/// Takes somebody out of the signed membership of a private hub, so that no station can bring them
/// back. Where this home cannot sign that, who has founded the hub does with their next message;
/// the programs of the others encrypt for nobody who has gone.
bool sign_out(HubRun& run, const HubPlace& place, const Id& who) {
  if (!is_private_hub(place.hub.id)) return true;
  HubClient& hubs = run.context.messenger->hubs();
  const Roster* roster = hubs.privates().roster(place.hub.id);
  if (roster == nullptr || !roster->may_sign(run.context.home->account())) {
    run.context.out.note(
        "They get no new message. Who has founded the hub signs that they are out with their next "
        "one.");
    return true;
  }
  return run
      .wait<std::int64_t>([&](HubDone<std::int64_t> done) {
        hubs.change_roster(place.hub.id, {}, {who.bare().text()}, std::move(done));
      })
      .has_value();
}

int list_penalties(HubRun& run, const HubPlace& place, bool ban) {
  const auto all = run.list(ban ? HubObject::ban : HubObject::mute, place.hub);
  if (!all) return run.exit;
  std::vector<HubPenaltyView> list;
  std::vector<std::string> people;
  for (const JsonObject& shown : *all) {
    auto one = read_penalty_view(shown);
    if (!one) return run.failed(one.error());
    people.push_back(one->who);
    people.push_back(one->penalty.by);
    list.push_back(std::move(*one));
  }
  run.learn(std::move(people));
  for (const HubPenaltyView& one : list) run.out.penalty(place.hub, ban, one);
  if (list.empty()) run.context.out.note(ban ? "Nobody is banned." : "Nobody is muted.");
  return code(Exit::ok);
}

}  // namespace

int run_channel(HubRun& run) {
  const std::string& action = run.options.action;
  if (!run.connect()) return run.exit;
  if (action != "list" && action != "create") {
    if (action == "destroy") return destroy_channel(run);
    const auto place = run.channel();
    return place ? change_channel(run, *place) : run.exit;
  }
  const auto place = run.hub();
  if (!place) return run.exit;
  if (action == "list") {
    for (const auto& [guid, channel] : place->hub.channels) run.show_channel(place->hub, guid);
    if (place->hub.channels.empty())
      run.context.out.note("No channels that you may read. dim channel create HUB NAME makes one.");
    return code(Exit::ok);
  }
  const auto history = wanted_history(run, place->hub);
  const auto body = channel_body(run, place->hub);
  if (!history || !body) return run.exit;
  const auto guid = make(run, HubObject::channel, place->hub, *body);
  if (!guid || !set_history(run, place->hub, *guid, *history)) return run.exit;
  const auto hub = run.again(*place);
  if (!hub) return run.exit;
  std::erase_if(run.hubs, [&](const HubView& one) { return one.id == hub->id; });
  run.hubs.push_back(*hub);
  (void)keep_hubs(*run.context.home, run.hubs);
  // Who may make a channel need not be let into it.
  if (hub->channels.contains(*guid)) {
    run.show_channel(*hub, *guid);
  } else {
    run.done(*place, HubObject::channel, Operation::create, *guid);
  }
  return code(Exit::ok);
}

int run_category(HubRun& run) {
  const HubOptions& options = run.options;
  if (!run.connect()) return run.exit;
  const auto place = run.hub();
  if (!place) return run.exit;
  JsonObject body;
  if (!options.name.empty()) body.set("name", options.name);
  if (options.position) body.set("position", *options.position);
  std::optional<Guid> guid;
  if (options.action == "create") {
    guid = make(run, HubObject::category, place->hub, body);
    if (!guid) return run.exit;
  } else {
    guid = named(run, find_named(place->hub.categories, options.object));
    if (!guid) return run.exit;
    const HubCategory& category = place->hub.categories.at(*guid);
    if (options.action == "delete") {
      if (!run.confirm(fmt::format("DELETE ends the category {} and the channels in it, with every "
                                   "message. There is no way back.",
                                   printable(category.name))))
        return run.exit;
      if (!run.ask(HubClient::request(Operation::erase, HubObject::category, guid->text())))
        return run.exit;
      run.done(*place, HubObject::category, Operation::erase, *guid);
      return code(Exit::ok);
    }
    if (body.empty()) return nothing_to_change(run);
    if (!change(run, HubObject::category, *guid, category.revision, body)) return run.exit;
  }
  const auto hub = run.again(*place);
  if (!hub) return run.exit;
  if (hub->categories.contains(*guid)) run.out.category(*hub, *guid);
  return code(Exit::ok);
}

int run_role(HubRun& run) {
  const HubOptions& options = run.options;
  if (!run.connect()) return run.exit;
  const auto place = run.hub();
  if (!place) return run.exit;
  const HubView& hub = place->hub;
  if (options.action == "list") {
    for (const auto& [guid, role] : hub.roles) run.out.role(hub, guid);
    if (hub.roles.empty()) run.context.out.note("No roles yet. dim role create HUB NAME WORDS…");
    return code(Exit::ok);
  }
  JsonObject body;
  if (!options.name.empty()) body.set("name", options.name);
  if (options.rank) body.set("rank", *options.rank);
  if (options.permissions_given) {
    const auto words = Permissions::parse(options.permissions);
    if (!words) return run.failed({Errc::usage, words.error().hint});
    body.set("permissions", words_json(*words));
  }
  if (options.action == "create") {
    const auto guid = make(run, HubObject::role, hub, body);
    return guid ? show_role(run, *place, *guid) : run.exit;
  }
  const auto guid = named(run, find_named(hub.roles, options.object));
  if (!guid) return run.exit;
  const HubRole& role = hub.roles.at(*guid);
  if (options.action == "delete") {
    if (!run.confirm(fmt::format("DELETE ends the role {}: whoever has it has it no longer.",
                                 printable(role.name))))
      return run.exit;
    if (!run.ask(HubClient::request(Operation::erase, HubObject::role, guid->text())))
      return run.exit;
    run.done(*place, HubObject::role, Operation::erase, *guid);
    return code(Exit::ok);
  }
  if (options.action != "edit") return give_role(run, *place, *guid);
  if (body.empty()) return nothing_to_change(run);
  if (!change(run, HubObject::role, *guid, role.revision, body)) return run.exit;
  return show_role(run, *place, *guid);
}

int run_people(HubRun& run) {
  const HubOptions& options = run.options;
  if (!run.connect()) return run.exit;
  const auto place = run.hub();
  if (!place) return run.exit;
  const bool ban = options.verb == "ban";
  if (options.who.empty()) return list_penalties(run, *place, ban);
  const auto who = run.who(options.who);
  if (!who) return run.exit;
  const HubObject object = options.verb == "kick" ? HubObject::member
                           : ban                  ? HubObject::ban
                                                  : HubObject::mute;
  const bool lifts = object == HubObject::member || options.off;
  Packet packet =
      HubClient::request(lifts ? Operation::erase : Operation::create, object, place->hub.id);
  packet.set("member", who->text());
  if (lifts) {
    if (!run.ask(packet)) return run.exit;
    run.done(*place, object, Operation::erase, {}, who->text());
    if (object == HubObject::member && !sign_out(run, *place, *who)) return run.exit;
    return code(Exit::ok);
  }
  JsonObject body;
  if (!options.reason.empty()) body.set("reason", options.reason);
  if (!options.duration.empty()) {
    const auto life = parse_duration(options.duration);
    if (!life) return run.failed(life.error());
    body.set("until", format_time(run.context.clock.now() + *life));
  }
  const auto answer = run.ask(std::move(packet), body);
  if (!answer) return run.exit;
  JsonObject proof;
  if (ban) {
    for (const char* key : {"streams", "invites", "took"})
      proof.set(key, std::max<std::int64_t>(0, number_in(answer->get(key))));
  }
  run.done(*place, object, Operation::create, {}, who->text(), proof);
  if (ban) {
    run.context.out.note(
        fmt::format("{} connection(s) of theirs ended and {} invite(s) taken back within {} ms",
                    printable(answer->get("streams")), printable(answer->get("invites")),
                    printable(answer->get("took"))));
    if (!sign_out(run, *place, *who)) return run.exit;
  }
  return code(Exit::ok);
}

}  // namespace dim
