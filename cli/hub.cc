// `dim hub`: found hubs, see, join, leave and lead them.
#include <fmt/core.h>

#include <algorithm>

#include "cli/hub_erase.h"
#include "client/hub_follow.h"
#include "client/hub_link.h"
#include "dim/engine/hub_body.h"
#include "dim/engine/hub_roster.h"
#include "terminal/qr.h"

namespace dim {
namespace {

int show(HubRun& run, const HubView& hub) {
  run.out.hub(hub);
  for (const auto& [guid, category] : hub.categories) run.out.category(hub, guid);
  for (const auto& [guid, channel] : hub.channels) run.show_channel(hub, guid);
  for (const auto& [guid, role] : hub.roles) run.out.role(hub, guid);
  run.say_kind(hub.id);
  return code(Exit::ok);
}

int create(HubRun& run) {
  const auto id = run.wait<Id>([&](HubDone<Id> done) {
    run.context.messenger->hubs().found(run.options.name, run.options.topic, std::move(done),
                                        run.options.is_private);
  });
  if (!id) return run.exit;
  const auto hub = run.wait<HubView>([&](HubDone<HubView> done) {
    run.context.messenger->hubs().read(id->text(), std::move(done));
  });
  if (!hub) return run.exit;
  run.hubs.push_back(*hub);
  (void)keep_hubs(*run.context.home, run.hubs);
  run.out.hub(*hub);
  run.say_kind(hub->id);
  run.context.out.note(
      "Next: dim channel create HUB NAME makes a channel, dim hub invite HUB a link for others.");
  return code(Exit::ok);
}

int edit(HubRun& run, const HubPlace& place) {
  const HubOptions& options = run.options;
  JsonObject body;
  if (!options.name.empty()) body.set("name", options.name);
  if (options.topic_given) body.set("topic", options.topic);
  if (options.permissions_given) {
    auto everyone = Permissions::parse(options.permissions);
    if (!everyone) return run.failed({Errc::usage, everyone.error().hint});
    body.set("everyone", words_json(*everyone));
  }
  if (body.empty())
    return run.failed({Errc::usage, "nothing to change: --name, --topic or --everyone"});
  Packet packet = HubClient::request(Operation::edit, HubObject::hub, place.hub.id);
  packet.set("revision", std::to_string(place.hub.revision));
  if (!run.ask(std::move(packet), body)) return run.exit;
  const auto hub = run.again(place);
  if (!hub) return run.exit;
  run.out.hub(*hub);
  return code(Exit::ok);
}

int join(HubRun& run) {
  auto link = HubLink::parse(run.options.link);
  if (!link) return run.failed({Errc::usage, link.error().hint});
  auto station = run.context.home->station();
  if (!station) return run.failed(station.error());
  if (*station && (*station)->id != link->station.id) {
    return run.failed(
        {Errc::conflict,
         "this hub is at another station; join that one with another --home: dim join "
         "LINK --name NAME"});
  }
  JsonObject body;
  body.set("invite", link->invite.text());
  const std::string hub_id = link->hub.text();
  const auto answer =
      run.ask(HubClient::request(Operation::create, HubObject::member, hub_id), body);
  if (!answer) return run.exit;
  const std::string me = run.context.home->account().id.bare().text();
  if (answer->code == 202) {
    run.out.notice({.object = HubObject::request,
                    .change = Operation::create,
                    .author = me,
                    .hub = hub_id,
                    .member = me,
                    .time = run.context.clock.now()},
                   "");
    run.context.out.note("Somebody of the hub has to let you in: dim hub list shows when you are.");
    return code(Exit::ok);
  }
  const auto hub = run.wait<HubView>(
      [&](HubDone<HubView> done) { run.context.messenger->hubs().read(hub_id, std::move(done)); });
  if (!hub) return run.exit;
  const bool was_in =
      std::ranges::any_of(run.hubs, [&](const HubView& one) { return one.id == hub_id; });
  if (!was_in) {
    forget_followed(*run.context.home, *hub);
    run.hubs.push_back(*hub);
    (void)keep_hubs(*run.context.home, run.hubs);
  }
  return show(run, *hub);
}

/// This home is in the hub no longer, because its person wants that.
void forget(HubRun& run, const HubView& hub) {
  forget_followed(*run.context.home, hub);
  (void)erase_opened(*run.context.home, hub.id);
  (void)forget_names(*run.context.home, hub.id);
  std::erase_if(run.hubs, [&](const HubView& one) { return one.id == hub.id; });
  (void)keep_hubs(*run.context.home, run.hubs);
}

int leave(HubRun& run, const HubPlace& place) {
  const Packet packet = HubClient::request(Operation::erase, HubObject::member, place.hub.id);
  const auto out = std::make_shared<bool>(false);
  const auto answer = run.wait<Packet>([&](HubDone<Packet> done) {
    run.context.messenger->hubs().ask(packet, [out, done = std::move(done)](HubResult<Packet> got) {
      *out =
          !got && (got.error().code == 403 || got.error().code == 404 || got.error().code == 410);
      done(std::move(got));
    });
  });
  // Who was put out before leaves what is here of it.
  const bool mine = place.hub.owner == run.context.home->account().id.bare().text();
  if (answer || (*out && !mine)) forget(run, place.hub);
  if (!answer) return run.exit;
  run.done(place, HubObject::member, Operation::erase, {},
           run.context.home->account().id.bare().text());
  return code(Exit::ok);
}

int erase(HubRun& run, const HubPlace& place) {
  if (!run.confirm(
          fmt::format("DELETE ends {} for its {} member(s), with every channel and message. "
                      "There is no way back.",
                      printable(place.hub.name), place.hub.members)))
    return run.exit;
  if (!run.ask(HubClient::request(Operation::erase, HubObject::hub, place.hub.id))) return run.exit;
  forget(run, place.hub);
  run.done(place, HubObject::hub, Operation::erase);
  return code(Exit::ok);
}

int members(HubRun& run, const HubPlace& place) {
  const auto all = run.list(HubObject::member, place.hub);
  if (!all) return run.exit;
  std::vector<HubMemberView> list;
  std::vector<std::string> people;
  for (const JsonObject& shown : *all) {
    auto member = read_member_view(shown);
    if (!member) return run.failed(member.error());
    people.push_back(member->who);
    list.push_back(std::move(*member));
  }
  run.learn(std::move(people));
  const Roster* roster = is_private_hub(place.hub.id)
                             ? run.context.messenger->hubs().privates().roster(place.hub.id)
                             : nullptr;
  for (const HubMemberView& member : list) {
    run.out.member(place.hub, member,
                   roster == nullptr ? std::nullopt : std::optional(roster->has(member.who)));
  }
  return code(Exit::ok);
}

int requests(HubRun& run, const HubPlace& place) {
  const auto all = run.list(HubObject::request, place.hub);
  if (!all) return run.exit;
  std::vector<HubRequestView> list;
  std::vector<std::string> people;
  for (const JsonObject& shown : *all) {
    auto request = read_request_view(shown);
    if (!request) return run.failed(request.error());
    people.push_back(request->who);
    list.push_back(std::move(*request));
  }
  run.learn(std::move(people));
  for (const HubRequestView& request : list) run.out.request(place.hub, request);
  if (list.empty()) run.context.out.note("Nobody waits.");
  return code(Exit::ok);
}

int audit(HubRun& run, const HubPlace& place) {
  auto left = static_cast<std::size_t>(run.options.limit);
  std::optional<std::int64_t> before = run.options.before;
  bool any = false;
  while (left > 0) {
    Packet packet = HubClient::request(Operation::get, HubObject::audit, place.hub.id);
    if (before) packet.set("before", std::to_string(*before));
    packet.set("limit", std::to_string(std::min(left, limits::kHistoryPage)));
    const auto answer = run.ask(packet);
    if (!answer) return run.exit;
    const auto list = read_list(answer->content.value_or(""));
    if (!list) return run.failed(list.error());
    std::vector<HubActView> acts;
    std::vector<std::string> people;
    for (const JsonObject& shown : *list) {
      auto act = read_act_view(shown);
      if (!act) return run.failed(act.error());
      // A list that does not go on would never end.
      if (before && act->number >= *before)
        return run.failed({Errc::bad_request, "the station's list does not go on as it should"});
      before = act->number;
      people.push_back(act->author);
      if (!act->member.empty()) people.push_back(act->member);
      acts.push_back(std::move(*act));
    }
    run.learn(std::move(people));
    for (const HubActView& act : acts) run.out.act(place.hub, act);
    any = any || !acts.empty();
    left -= std::min(left, acts.size());
    if (answer->code != 206 || acts.empty()) break;
  }
  if (!any) run.context.out.note("Nothing is in the log before that.");
  return code(Exit::ok);
}

bool is_among(const std::vector<JsonObject>& list, const std::string& who) {
  return std::ranges::any_of(list, [&](const JsonObject& one) {
    const std::string* id = one.text("member");
    return id != nullptr && *id == who;
  });
}

/// Into a private hub: into the station's list where they wait, and into the signed membership,
/// which is what opens it.
int admit(HubRun& run, const HubPlace& place, const Id& who) {
  const std::string id = who.text();
  const auto asking = run.list(HubObject::request, place.hub);
  if (!asking) return run.exit;
  if (is_among(*asking, id)) {
    Packet packet = HubClient::request(Operation::edit, HubObject::request, place.hub.id);
    if (!run.ask(packet.set("member", id))) return run.exit;
  } else {
    const auto members = run.list(HubObject::member, place.hub);
    if (!members) return run.exit;
    if (!is_among(*members, id))
      return run.failed(
          {Errc::not_found, "they neither wait nor are members: dim hub invite HUB makes a link"});
  }
  run.learn(std::vector{id});
  HubClient& hubs = run.context.messenger->hubs();
  const Roster* before = hubs.privates().roster(place.hub.id);
  const bool was_in = before != nullptr && before->has(id);
  const auto epoch = run.wait<std::int64_t>([&](HubDone<std::int64_t> done) {
    hubs.change_roster(place.hub.id, {id}, {}, std::move(done));
  });
  if (!epoch) return run.exit;
  run.done(place, HubObject::request, Operation::edit, {}, id);
  const Roster* now = hubs.privates().roster(place.hub.id);
  const bool hidden = now == nullptr || now->hides_history(now->since(id));
  if (hidden) {
    run.context.out.note(
        "They read what is written from now on; what was written before stays closed to them.");
    return code(Exit::ok);
  }
  if (was_in) {
    if (auto owed = run.context.messenger->hand_over_hub(place.hub.id, who); !owed)
      return run.failed(owed.error());
  }
  const bool done = run.context.hand_over();
  run.context.out.note(
      done ? "They read what is written from now on, and what new members may read of before."
           : "They read what is written from now on; the keys of before go to them with the next "
             "commands.");
  return code(Exit::ok);
}

int decide(HubRun& run, const HubPlace& place, bool yes) {
  const auto who = run.who(run.options.who);
  if (!who) return run.exit;
  if (yes && is_private_hub(place.hub.id)) return admit(run, place, *who);
  Packet packet = HubClient::request(yes ? Operation::edit : Operation::erase, HubObject::request,
                                     place.hub.id);
  packet.set("member", who->text());
  if (!run.ask(packet)) return run.exit;
  run.done(place, HubObject::request, yes ? Operation::edit : Operation::erase, {}, who->text());
  return code(Exit::ok);
}

int transfer(HubRun& run, const HubPlace& place) {
  const auto who = run.who(run.options.who);
  if (!who) return run.exit;
  if (!run.confirm(fmt::format("{} will own {}, and you will not: only they can give it back.",
                               printable(run.context.name_of(*who)), printable(place.hub.name))))
    return run.exit;
  Packet packet = HubClient::request(Operation::edit, HubObject::owner, place.hub.id);
  packet.set("member", who->text());
  if (!run.ask(packet)) return run.exit;
  const auto hub = run.again(place);
  if (!hub) return run.exit;
  run.out.hub(*hub);
  return code(Exit::ok);
}

int invite(HubRun& run, const HubPlace& place) {
  const HubOptions& options = run.options;
  JsonObject body;
  HubInvite made{.author = run.context.home->account().id.bare().text(), .uses = -1};
  if (options.uses) body.set("uses", made.uses = *options.uses);
  if (!options.duration.empty()) {
    const auto life = parse_duration(options.duration);
    if (!life) return run.failed(life.error());
    made.expires = run.context.clock.now() + *life;
    body.set("expires", format_time(made.expires));
  }
  // Somebody has to sign them in anyway.
  made.approval = options.approval || is_private_hub(place.hub.id);
  if (made.approval) body.set("approval", true);
  const auto guid = run.wait<Guid>([&](HubDone<Guid> done) {
    run.context.messenger->hubs().make(HubObject::invite, place.hub.id, body, std::move(done));
  });
  if (!guid) return run.exit;
  auto station = run.context.home->station();
  if (!station) return run.failed(station.error());
  const HubLink link{*Id::parse(place.hub.id), *guid, station->value_or(StationTarget{})};
  const std::string text = link.text();
  if (auto qr = qr_code(text); qr) run.context.out.line(*qr);
  run.out.invite(place.hub, *guid, made, text);
  run.context.out.note(
      "Whoever has this link may come in. Others without an account: dim join LINK --name NAME; "
      "people of this station: dim hub join LINK");
  if (is_private_hub(place.hub.id))
    run.context.out.note(
        "This hub is private: they read nothing until who has founded it has approved them (dim "
        "hub requests HUB, dim hub approve HUB WHO).");
  return code(Exit::ok);
}

int invites(HubRun& run, const HubPlace& place) {
  const auto all = run.list(HubObject::invite, place.hub);
  if (!all) return run.exit;
  for (const JsonObject& shown : *all) {
    const auto one = read_invite_view(shown);
    if (!one) return run.failed(one.error());
    run.out.invite(place.hub, one->first, one->second, "");
  }
  if (all->empty())
    run.context.out.note("No invite of yours is good. dim hub invite HUB makes one.");
  return code(Exit::ok);
}

int uninvite(HubRun& run, const HubPlace& place) {
  const auto guid = Guid::parse(run.options.object);
  if (!guid)
    return run.failed({Errc::usage, "an invite is named by its GUID: dim hub invites HUB"});
  if (!run.ask(HubClient::request(Operation::erase, HubObject::invite, guid->text())))
    return run.exit;
  run.done(place, HubObject::invite, Operation::erase, *guid);
  return code(Exit::ok);
}

/// Show and leave a hub by its ID: that works whatever becomes of the list of hubs.
int by_id(HubRun& run, const std::string& id) {
  if (!run.dial()) return run.exit;
  if (auto kept = kept_hubs(*run.context.home)) run.hubs = std::move(*kept);
  if (run.options.action == "leave") {
    const auto known = std::ranges::find(run.hubs, id, &HubView::id);
    const HubPlace place{
        known == run.hubs.end() ? HubView{.id = id, .name = {}, .topic = {}, .owner = {}} : *known};
    return leave(run, place);
  }
  const auto hub = run.wait<HubView>(
      [&](HubDone<HubView> done) { run.context.messenger->hubs().read(id, std::move(done)); });
  if (!hub) return run.exit;
  const auto& unreadable = run.context.messenger->hubs().unreadable();
  if (const auto why = unreadable.find(id); why != unreadable.end())
    run.context.out.note(
        fmt::format("dim: its channels cannot be read now: {}", why->second.error.hint));
  return show(run, *hub);
}

/// Also one that is not there any more, by its ID: to hear who has erased it.
int destroy(HubRun& run) {
  const auto id = Id::parse(run.options.place);
  const bool known = !id || !id->is_group() ||
                     std::ranges::find(run.hubs, id->bare().text(), &HubView::id) != run.hubs.end();
  if (known) {
    const auto place = run.hub();
    return place ? destroy_place(run, *place) : run.exit;
  }
  return destroy_place(
      run, {HubView{.id = id->bare().text(), .name = {}, .topic = {}, .owner = {}}, std::nullopt});
}

}  // namespace

int join_hub(Context& context, const HubOptions& options) {
  HubRun run(context, options);
  auto mine = run.wait<std::vector<HubView>>(
      [&](HubDone<std::vector<HubView>> done) { context.messenger->hubs().mine(std::move(done)); });
  if (!mine) return run.exit;
  run.hubs = std::move(*mine);
  return join(run);
}

int run_hub(HubRun& run) {
  const std::string& action = run.options.action;
  if (const auto id = Id::parse(run.options.place);
      id && id->is_group() && (action == "show" || action == "leave"))
    return by_id(run, id->bare().text());
  if (!run.connect()) return run.exit;
  if (action == "destroy") return destroy(run);
  if (action == "create") return create(run);
  if (action == "join") return join(run);
  if (action == "list") {
    for (const HubView& hub : run.hubs) run.out.hub(hub);
    if (run.hubs.empty()) {
      run.context.out.note(
          "No hubs yet. dim hub create NAME founds one, dim hub join LINK brings you into one.");
    }
    return code(Exit::ok);
  }
  const auto place = run.hub();
  if (!place) return run.exit;
  if (action == "show") return show(run, place->hub);
  if (action == "edit") return edit(run, *place);
  if (action == "delete") return erase(run, *place);
  if (action == "leave") return leave(run, *place);
  if (action == "members") return members(run, *place);
  if (action == "requests") return requests(run, *place);
  if (action == "audit") return audit(run, *place);
  if (action == "approve" || action == "refuse") return decide(run, *place, action == "approve");
  if (action == "transfer") return transfer(run, *place);
  if (action == "invite") return invite(run, *place);
  if (action == "invites") return invites(run, *place);
  return uninvite(run, *place);
}

}  // namespace dim
