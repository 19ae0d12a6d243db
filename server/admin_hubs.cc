// The operator's verbs on hubs, their invites and quotas, and on the log of acts.
#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "dim/identity/id.h"
#include "server/admin.h"
#include "server/hubs.h"
#include "server/live.h"

namespace dim {
namespace {

JsonObject okay() {
  JsonObject out;
  out.set("ok", true);
  return out;
}

constexpr Error kUnreadable{Errc::internal, "the hubs of this station cannot be read"};
constexpr Error kNoHub{Errc::not_found, "this station has no such hub"};

/// A hub that is there; nothing when the request is answered.
Result<Hub*> find_hub(Hubs& hubs, const std::string& id) {
  if (!hubs.there()) return std::unexpected(kUnreadable);
  Hub* hub = hubs.find(id);
  if (hub == nullptr) return std::unexpected(kNoHub);
  if (hub->deleted()) return fail(Errc::gone, "this hub is deleted");
  return hub;
}

JsonObject head_json(const Hub& hub, const OperatorRules& rules) {
  JsonObject out;
  out.set("id", hub.id());
  out.set("name", hub.name());
  out.set("owner", hub.owner());
  out.set("state", rules.frozen(hub.id()) != nullptr ? "frozen" : "open");
  out.set("members", static_cast<std::int64_t>(hub.members().size()));
  out.set("channels", static_cast<std::int64_t>(hub.channels().size()));
  return out;
}

JsonObject quota_values(const HubQuotas& quotas, bool of_hub) {
  JsonObject out;
  if (!of_hub) {
    out.set("hubs", quotas.hubs);
    return out;
  }
  out.set("messages", quotas.messages);
  out.set("bytes", quotas.bytes);
  out.set("members", quotas.members);
  out.set("channels", quotas.channels);
  return out;
}

}  // namespace

// --- invites

void Admin::invites_list(const Asked& asked) {
  const auto hub = find_hub(*core_.hubs_, asked.request.target);
  if (!hub) return refuse(asked, hub.error());
  JsonArray list;
  for (const auto& [guid, invite] : (*hub)->invites()) list.emplace_back((*hub)->invite_json(guid));
  JsonObject answer = okay();
  answer.set("hub", (*hub)->id());
  answer.set("invites", std::move(list));
  asked.done(std::move(answer));
}

void Admin::invites_make(const Asked& asked) {
  const auto hub = find_hub(*core_.hubs_, asked.request.target);
  if (!hub) return refuse(asked, hub.error());
  HubChange change{.operation = Operation::create,
                   .object = HubObject::invite,
                   .actor = {},
                   .guid = Guid::make(core_.clock_.now(), core_.random_)};
  if (asked.request.uses != 0) change.body.set("uses", asked.request.uses);
  if (asked.request.until != 0) change.body.set("expires", format_time(asked.request.until));
  if (asked.request.approval) change.body.set("approval", true);
  core_.hubs_->operate(
      **hub, change, entry(asked, "CREATE invite"),
      [this, asked, guid = *change.guid, id = (*hub)->id()](const Result<HubEffect>& effect) {
        if (!effect) return refuse(asked, effect.error());
        JsonObject answer = okay();
        answer.set("hub", id);
        answer.set("invite", guid.text());
        asked.done(std::move(answer));
      });
}

void Admin::invites_withdraw(const Asked& asked) {
  if (!core_.hubs_->there()) return refuse(asked, kUnreadable);
  const auto guid = Guid::parse(asked.request.target);
  if (!guid) return refuse(asked, guid.error());
  Hub* hub = core_.hubs_->hub_with(*guid);
  if (hub == nullptr || (!hub->invites().contains(*guid) && !hub->gone(*guid)))
    return refuse(asked, {Errc::not_found, "no hub of this station has this invite"});
  HubChange change{
      .operation = Operation::erase, .object = HubObject::invite, .actor = {}, .guid = *guid};
  core_.hubs_->operate(*hub, change, entry(asked, "DELETE invite"),
                       [this, asked, id = hub->id()](const Result<HubEffect>& effect) {
                         if (!effect) return refuse(asked, effect.error());
                         JsonObject answer = okay();
                         answer.set("hub", id);
                         answer.set("invite", asked.request.target);
                         asked.done(std::move(answer));
                       });
}

// --- hubs

void Admin::hubs_list(const Asked& asked) {
  if (!core_.hubs_->there()) return refuse(asked, kUnreadable);
  std::map<std::string, const Hub*> all;
  for (const auto& [id, hub] : core_.hubs_->all()) {
    if (!hub.deleted() && id > asked.request.after) all.emplace(id, &hub);
  }
  JsonArray list;
  JsonObject answer = okay();
  for (const auto& [id, hub] : all) {
    if (list.size() == asked.request.limit) {
      answer.set("next", *list.back().object()->text("id"));
      break;
    }
    list.emplace_back(head_json(*hub, rules()));
  }
  answer.set("hubs", std::move(list));
  asked.done(std::move(answer));
}

void Admin::hubs_show(const Asked& asked) {
  const auto hub = find_hub(*core_.hubs_, asked.request.target);
  if (!hub) return refuse(asked, hub.error());
  const auto use = core_.hubs_->use_of(**hub);
  if (!use) return refuse(asked, use.error());
  JsonObject out = head_json(**hub, rules());
  if (const OperatorAct* frozen = rules().frozen((*hub)->id())) {
    JsonObject act;
    act.set("by", frozen->by);
    if (!frozen->reason.empty()) act.set("reason", frozen->reason);
    act.set("time", format_time(frozen->time));
    out.set("act", std::move(act));
  }
  for (const auto& [key, number] :
       {std::pair{"roles", (*hub)->roles().size()}, std::pair{"invites", (*hub)->invites().size()},
        std::pair{"requests", (*hub)->requests().size()}, std::pair{"bans", (*hub)->bans().size()},
        std::pair{"mutes", (*hub)->mutes().size()}})
    out.set(key, static_cast<std::int64_t>(number));
  out.set("messages", use->messages);
  out.set("bytes", use->bytes);
  out.set("quotas", quota_values(core_.hubs_->quotas_of((*hub)->id()), true));
  JsonObject answer = okay();
  answer.set("hub", std::move(out));
  asked.done(std::move(answer));
}

void Admin::hubs_freeze(const Asked& asked) {
  const auto hub = find_hub(*core_.hubs_, asked.request.target);
  if (!hub) return refuse(asked, hub.error());
  AuditEntry act = entry(asked, "FREEZE hub");
  act.hub = (*hub)->id();
  const OperatorAct made{.by = asked.by, .reason = asked.request.reason, .time = act.time};
  store(asked, {"frozen", act.hub, made.text()}, act, [this, id = act.hub](JsonObject& answer) {
    if (const auto frozen = find_hub(*core_.hubs_, id)) core_.live_->look_at(**frozen);
    answer.set("hub", id);
  });
}

void Admin::hubs_delete(const Asked& asked) {
  const auto hub = find_hub(*core_.hubs_, asked.request.target);
  if (!hub) return refuse(asked, hub.error());
  HubChange change{.operation = Operation::erase, .object = HubObject::hub, .actor = {}};
  core_.hubs_->operate(
      **hub, change, entry(asked, "DELETE hub"), [this, asked](const Result<HubEffect>& effect) {
        if (!effect) return refuse(asked, effect.error());
        JsonObject answer = okay();
        answer.set("hub", asked.request.target);
        answer.set("channels", static_cast<std::int64_t>(effect->dropped_channels.size()));
        asked.done(std::move(answer));
      });
}

// --- quotas

void Admin::quotas_show(const Asked& asked) {
  std::string of = asked.request.target;
  const auto id = Id::parse(of);
  const bool of_hub = id && id->is_group();
  JsonObject answer = okay();
  JsonObject use;
  if (of_hub) {
    const auto hub = find_hub(*core_.hubs_, of);
    if (!hub) return refuse(asked, hub.error());
    const auto taken = core_.hubs_->use_of(**hub);
    if (!taken) return refuse(asked, taken.error());
    use.set("messages", taken->messages);
    use.set("bytes", taken->bytes);
    use.set("members", static_cast<std::int64_t>((*hub)->members().size()));
    use.set("channels", static_cast<std::int64_t>((*hub)->channels().size()));
  } else {
    const auto who = user(asked);
    if (!who) return refuse(asked, who.error());
    of = *who;
    if (!core_.hubs_->there()) return refuse(asked, kUnreadable);
    use.set("hubs", static_cast<std::int64_t>(core_.hubs_->owned_by(of)));
  }
  const auto changed = rules().all_quotas().find(of);
  answer.set("target", of);
  answer.set("quotas", quota_values(core_.hubs_->quotas_of(of), of_hub));
  answer.set("set",
             changed == rules().all_quotas().end() ? JsonObject{} : quotas_json(changed->second));
  answer.set("used", std::move(use));
  asked.done(std::move(answer));
}

void Admin::quotas_set(const Asked& asked) {
  std::string of = asked.request.target;
  const auto id = Id::parse(of);
  const bool of_hub = id && id->is_group();
  if (of_hub) {
    const auto hub = find_hub(*core_.hubs_, of);
    if (!hub) return refuse(asked, hub.error());
  } else {
    const auto who = user(asked);
    if (!who) return refuse(asked, who.error());
    of = *who;
  }
  QuotaChanges changes;
  if (const auto known = rules().all_quotas().find(of); known != rules().all_quotas().end())
    changes = known->second;
  AuditEntry act = entry(asked, "EDIT quotas");
  (of_hub ? act.hub : act.whom) = of;
  for (const auto& [name, value] : asked.request.quotas) {
    const std::span<const std::string_view> names =
        of_hub ? std::span<const std::string_view>(kHubQuotaNames) : kUserQuotaNames;
    const bool fits = std::ranges::find(names, name) != names.end();
    if (!fits)
      return refuse(asked, {Errc::bad_request,
                            "a hub has messages, bytes, members, channels; a "
                            "user has hubs"});
    changes.erase(name);
    if (value) changes[name] = *value;
    act.reason += (act.reason.empty() ? "" : ", ") + name + "=" +
                  (value ? std::to_string(*value) : std::string("default"));
  }
  store(asked, {"quota", of, changes.empty() ? std::string() : write_json(quotas_json(changes))},
        std::move(act), [this, of, of_hub](JsonObject& answer) {
          core_.hubs_->set_rooms();
          answer.set("target", of);
          answer.set("quotas", quota_values(core_.hubs_->quotas_of(of), of_hub));
        });
}

// --- acts

void Admin::audit_list(const Asked& asked) {
  const AdminRequest& request = asked.request;
  const auto of = request.target.empty() ? std::nullopt : std::optional(request.target);
  const auto acts = core_.reads_.audit(of, request.before, request.limit + 1);
  if (!acts) return refuse(asked, acts.error());
  JsonArray list;
  JsonObject answer = okay();
  for (const StoredAudit& stored : *acts) {
    if (list.size() == request.limit) {
      answer.set("next", *list.back().object()->find("number")->integer());
      break;
    }
    const AuditEntry& act = stored.entry;
    JsonObject one;
    one.set("number", stored.row);
    one.set("time", format_time(act.time));
    one.set("who", act.who);
    one.set("act", act.act);
    for (const auto& [key, text] :
         {std::pair{"hub", &act.hub}, std::pair{"whom", &act.whom},
          std::pair{"object", &act.object}, std::pair{"reason", &act.reason}}) {
      if (!text->empty()) one.set(key, *text);
    }
    list.emplace_back(std::move(one));
  }
  answer.set("acts", std::move(list));
  asked.done(std::move(answer));
}

}  // namespace dim
