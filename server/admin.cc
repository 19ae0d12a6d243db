#include "server/admin.h"

#include <algorithm>
#include <utility>

#include "dim/identity/id.h"
#include "server/gateway.h"
#include "server/hubs.h"

namespace dim {
namespace {

JsonObject okay() {
  JsonObject out;
  out.set("ok", true);
  return out;
}

void add_act(JsonObject& to, const OperatorAct& act) {
  if (!act.by.empty()) to.set("by", act.by);
  if (!act.reason.empty()) to.set("reason", act.reason);
  if (act.time != 0) to.set("time", format_time(act.time));
  if (act.until != 0) to.set("until", format_time(act.until));
}

}  // namespace

JsonObject Admin::failed(const Error& error) {
  JsonObject out;
  out.set("ok", false);
  out.set("code", std::int64_t{status_of(error.code)});
  out.set("error", error.hint);
  return out;
}

const OperatorRules& Admin::rules() {
  if (loaded_) return rules_;
  loaded_ = true;
  const auto stored = core_.reads_.settings();
  auto rules = stored ? OperatorRules::load(*stored)
                      : Result<OperatorRules>(std::unexpected(stored.error()));
  if (rules) {
    rules_ = std::move(*rules);
  } else {
    core_.event(StationEvent::Level::error, "store-read", {}, rules.error().hint);
    core_.failed_ = true;
  }
  return rules_;
}

bool Admin::keeps_out(const std::string& user) {
  if (core_.config_.bans.contains(user)) return true;
  const OperatorRules& set = rules();
  return set.disabled(user) != nullptr || set.ban_of(user, core_.clock_.now()) != nullptr;
}

bool Admin::keeps_out_address(std::string_view remote) {
  return rules().ban_at(remote, core_.clock_.now()) != nullptr;
}

void Admin::execute(const AdminRequest& request, const std::string& by, Done done) {
  const Asked asked{request, by, std::move(done), core_.clock_.monotonic()};
  rules();
  if (core_.failed_ || core_.stopping_)
    return refuse(asked, {Errc::unavailable, "this station is stopping"});
  switch (request.verb) {
    case AdminVerb::users_list:
      return users_list(asked);
    case AdminVerb::users_show:
      return users_show(asked);
    case AdminVerb::users_disable:
      return users_disable(asked);
    case AdminVerb::users_enable:
      return lift(asked, "disabled", "ENABLE user");
    case AdminVerb::users_remove:
      return users_remove(asked);
    case AdminVerb::invites_list:
      return invites_list(asked);
    case AdminVerb::invites_make:
      return invites_make(asked);
    case AdminVerb::invites_withdraw:
      return invites_withdraw(asked);
    case AdminVerb::bans_list:
      return bans_list(asked);
    case AdminVerb::bans_add:
      return bans_add(asked);
    case AdminVerb::bans_lift:
      return lift(asked, "ban", "DELETE ban");
    case AdminVerb::hubs_list:
      return hubs_list(asked);
    case AdminVerb::hubs_show:
      return hubs_show(asked);
    case AdminVerb::hubs_freeze:
      return hubs_freeze(asked);
    case AdminVerb::hubs_thaw:
      return lift(asked, "frozen", "THAW hub");
    case AdminVerb::hubs_delete:
      return hubs_delete(asked);
    case AdminVerb::quotas_show:
      return quotas_show(asked);
    case AdminVerb::quotas_set:
      return quotas_set(asked);
    case AdminVerb::audit_list:
      return audit_list(asked);
    case AdminVerb::codes_make:
      return codes_make(asked);
    case AdminVerb::codes_list:
      return codes_list(asked);
    case AdminVerb::codes_revoke:
      return codes_revoke(asked);
    case AdminVerb::registration_show:
      return registration_show(asked);
    case AdminVerb::registration_set:
      return registration_set(asked);
  }
}

AuditEntry Admin::entry(const Asked& asked, std::string act) const {
  return {.time = core_.clock_.now(),
          .who = asked.by,
          .act = std::move(act),
          .reason = asked.request.reason};
}

void Admin::store(const Asked& asked, PutSetting setting, AuditEntry act,
                  std::function<void(JsonObject&)> then) {
  std::vector<Write> writes{setting, PutAudit{std::move(act)}};
  core_.submit(std::move(writes),
               [this, asked, setting = std::move(setting),
                then = std::move(then)](const Result<std::vector<Written>>& written) {
                 if (!written) return refuse(asked, written.error());
                 if (auto done = rules_.set(setting.kind, setting.key, setting.value); !done)
                   return refuse(asked, done.error());
                 JsonObject answer = okay();
                 then(answer);
                 asked.done(std::move(answer));
               });
}

// --- users

Result<std::string> Admin::user(const Asked& asked) {
  const std::string& target = asked.request.target;
  if (Id::parse(target)) return target;
  const auto owner = core_.reads_.owner_of(target);
  if (!owner) return std::unexpected(owner.error());
  if (!*owner || !Id::parse(**owner))
    return fail(Errc::not_found, "nobody here has this ID or registered name");
  return **owner;
}

Result<bool> Admin::is_known(const std::string& who) {
  const auto identity = core_.reads_.identity(who);
  if (!identity) return std::unexpected(identity.error());
  return identity->has_value();
}

JsonObject Admin::user_json(const std::string& who) {
  JsonObject out;
  out.set("id", who);
  const Millis now = core_.clock_.now();
  const OperatorAct* ban = rules().ban_of(who, now);
  const OperatorAct* disabled = rules().disabled(who);
  const bool configured = core_.config_.bans.contains(who);
  out.set("state", ban != nullptr || configured ? "banned"
                   : disabled != nullptr        ? "disabled"
                                                : "active");
  const std::size_t sessions = core_.sessions_.of(who).size() + core_.gateway_->sessions_of(who);
  out.set("sessions", static_cast<std::int64_t>(sessions));
  return out;
}

void Admin::users_list(const Asked& asked) {
  JsonArray list;
  std::string after = asked.request.after;
  bool more = true;
  while (more && list.size() < asked.request.limit) {
    const auto page = core_.reads_.identities(after, limits::kAdminPage);
    if (!page) return refuse(asked, page.error());
    more = page->size() == limits::kAdminPage;
    for (const std::string& one : *page) {
      if (list.size() == asked.request.limit) {
        more = true;
        break;
      }
      after = one;
      const auto id = Id::parse(one);
      if (id && (id->type() == EntityType::user || id->type() == EntityType::bot))
        list.emplace_back(user_json(one));
    }
  }
  JsonObject answer = okay();
  answer.set("users", std::move(list));
  if (more) answer.set("next", after);
  asked.done(std::move(answer));
}

void Admin::users_show(const Asked& asked) {
  const auto who = user(asked);
  if (!who) return refuse(asked, who.error());
  const auto known = is_known(*who);
  if (!known) return refuse(asked, known.error());
  const bool is_set = rules().ban_of(*who, core_.clock_.now()) != nullptr ||
                      rules().disabled(*who) != nullptr || core_.config_.bans.contains(*who);
  if (!*known && !is_set)
    return refuse(asked, {Errc::not_found, "nobody here has this ID or registered name"});
  const auto use = core_.reads_.user_use(*who);
  if (!use) return refuse(asked, use.error());
  JsonObject out = user_json(*who);
  const OperatorAct* act = rules().ban_of(*who, core_.clock_.now());
  if (act == nullptr) act = rules().disabled(*who);
  if (act != nullptr) {
    JsonObject shown;
    add_act(shown, *act);
    out.set("act", std::move(shown));
  }
  JsonArray names, addresses, hubs;
  for (const std::string& name : use->names) names.emplace_back(name);
  for (UserSession* session : core_.sessions_.of(*who)) {
    for (const LinkState* lane : session->lanes) {
      if (lane == nullptr) continue;
      addresses.emplace_back(lane->info.remote);
      break;
    }
  }
  if (core_.hubs_->there()) {
    for (const auto& [id, hub] : core_.hubs_->all()) {
      if (hub.deleted() || !hub.is_member(*who)) continue;
      JsonObject one;
      one.set("id", id);
      one.set("name", hub.name());
      one.set("owner", hub.owner() == *who);
      hubs.emplace_back(std::move(one));
    }
  }
  out.set("names", std::move(names));
  out.set("addresses", std::move(addresses));
  out.set("hubs", std::move(hubs));
  for (const auto& [key, value] :
       {std::pair{"waiting", use->waiting}, std::pair{"waiting_bytes", use->waiting_bytes},
        std::pair{"documents", use->documents}, std::pair{"document_bytes", use->document_bytes},
        std::pair{"files", use->files}, std::pair{"file_bytes", use->file_bytes}})
    out.set(key, value);
  JsonObject answer = okay();
  answer.set("user", std::move(out));
  asked.done(std::move(answer));
}

std::size_t Admin::end_user(const std::string& who) {
  std::size_t ended = core_.gateway_->end_user(who);
  const std::vector<UserSession*> sessions = core_.sessions_.of(who);
  for (UserSession* session : sessions) {
    for (LinkState* lane : session->lanes) {
      if (lane == nullptr) continue;
      ++ended;
      core_.refuse(*lane, {}, {Errc::forbidden, "the operator has ended this user's sessions"});
    }
    core_.event(StationEvent::Level::warn, "banned", who, "session ended");
    core_.end_session(*session, "banned", true);
  }
  return ended;
}

void Admin::users_disable(const Asked& asked) {
  const auto who = user(asked);
  if (!who) return refuse(asked, who.error());
  const auto known = is_known(*who);
  if (!known) return refuse(asked, known.error());
  if (!*known)
    return refuse(asked, {Errc::not_found,
                          "nobody here has this ID; a ban keeps out whom the "
                          "station does not know yet"});
  AuditEntry act = entry(asked, "DISABLE user");
  act.whom = *who;
  const OperatorAct made{.by = asked.by, .reason = asked.request.reason, .time = act.time};
  store(asked, {"disabled", *who, made.text()}, std::move(act),
        [this, who = *who](JsonObject& answer) {
          answer.set("user", who);
          answer.set("streams", static_cast<std::int64_t>(end_user(who)));
        });
}

void Admin::users_remove(const Asked& asked) {
  const auto who = user(asked);
  if (!who) return refuse(asked, who.error());
  const auto known = is_known(*who);
  if (!known) return refuse(asked, known.error());
  if (!*known) return refuse(asked, {Errc::not_found, "nobody here has this ID"});
  if (!core_.hubs_->there())
    return refuse(asked, {Errc::internal, "the hubs of this station cannot be read"});
  for (const auto& [id, hub] : core_.hubs_->all()) {
    if (!hub.deleted() && hub.owner() == *who)
      return refuse(asked, {Errc::conflict,
                            "this user owns a hub; have it given to another "
                            "member, or delete it first (users show names it)"});
  }
  const std::size_t ended = end_user(*who);
  std::vector<Write> writes;
  AuditEntry act = entry(asked, "DELETE user");
  act.whom = *who;
  writes.emplace_back(DropUser{*who, act.time});
  writes.emplace_back(PutAudit{std::move(act), true});
  core_.known_.erase(*who);
  core_.hubs_->leave_all(
      *who, std::move(writes),
      [this, asked, who = *who, ended](const Result<std::vector<Written>>& written) {
        core_.known_.erase(who);
        core_.forget_receiver(who);
        if (!written) return refuse(asked, written.error());
        JsonObject answer = okay();
        answer.set("user", who);
        answer.set("streams", static_cast<std::int64_t>(ended));
        asked.done(std::move(answer));
      });
}

// --- bans

void Admin::bans_list(const Asked& asked) {
  std::vector<std::pair<std::string, const OperatorBan*>> all;
  for (const std::string& one : core_.config_.bans) all.emplace_back(one, nullptr);
  for (const auto& [key, ban] : rules().bans()) all.emplace_back(key, &ban);
  // Those of the file first.
  std::ranges::sort(all, {},
                    [](const auto& one) { return std::pair(one.first, one.second != nullptr); });
  JsonArray list;
  std::string last;
  bool more = false;
  for (const auto& [key, ban] : all) {
    if (key <= asked.request.after || (ban != nullptr && !ban->act.holds(core_.clock_.now())))
      continue;
    // The same ID twice, in the file and here, does not stand on two pages.
    if (list.size() >= asked.request.limit && key != last) {
      more = true;
      break;
    }
    JsonObject one;
    one.set("target", key);
    if (ban == nullptr) {
      one.set("by", "configuration");
    } else {
      add_act(one, ban->act);
    }
    list.emplace_back(std::move(one));
    last = key;
  }
  JsonObject answer = okay();
  answer.set("bans", std::move(list));
  if (more) answer.set("next", last);
  asked.done(std::move(answer));
}

std::size_t Admin::end_banned() {
  std::size_t ended = 0;
  std::vector<std::string> users;
  core_.sessions_.each([&](UserSession& session) {
    if (keeps_out(session.user)) users.push_back(session.user);
  });
  for (const std::string& one : users) ended += end_user(one);
  // All of them before the first is closed: a control lane takes the others with it.
  std::vector<LinkState*> links;
  for (auto& [id, link] : core_.links_) {
    if (!link->closing && keeps_out_address(link->info.remote)) links.push_back(link.get());
  }
  for (LinkState* link : links)
    core_.refuse_and_close(*link, {}, {Errc::forbidden, "this address is banned from the station"});
  ended += links.size();
  return ended + core_.gateway_->end_banned();
}

void Admin::bans_add(const Asked& asked) {
  const Millis now = core_.clock_.now();
  if (asked.request.until != 0 && asked.request.until <= now)
    return refuse(asked, {Errc::bad_request, "until is a time to come"});
  std::string whom = asked.request.target;
  if (!AddressPrefix::parse(whom)) {
    auto who = user(asked);
    if (!who) return refuse(asked, who.error());
    whom = std::move(*who);
  }
  if (!rules().bans().contains(whom) && rules().bans().size() >= limits::kOperatorBans)
    return refuse(asked, {Errc::insufficient_storage,
                          "10000 bans are set; ban a wider network, or lift some"});
  AuditEntry act = entry(asked, "CREATE ban");
  act.whom = whom;
  const OperatorAct made{
      .by = asked.by, .reason = asked.request.reason, .time = now, .until = asked.request.until};
  store(asked, {"ban", whom, made.text()}, std::move(act), [this, asked, whom](JsonObject& answer) {
    answer.set("target", whom);
    answer.set("streams", static_cast<std::int64_t>(end_banned()));
    answer.set("took", core_.clock_.monotonic() - asked.began);
  });
}

void Admin::lift(const Asked& asked, const std::string& kind, std::string act_name) {
  std::string key = asked.request.target;
  const bool about_user = kind != "frozen" && !AddressPrefix::parse(key);
  if (about_user) {
    auto who = user(asked);
    if (!who) return refuse(asked, who.error());
    key = std::move(*who);
  }
  const bool is_set = kind == "ban"        ? rules().bans().contains(key)
                      : kind == "disabled" ? rules().disabled(key) != nullptr
                                           : rules().frozen(key) != nullptr;
  if (!is_set && kind == "ban" && core_.config_.bans.contains(key))
    return refuse(asked, {Errc::conflict,
                          "this ban stands in security.bans of the configuration; "
                          "take it out there and send SIGHUP"});
  if (!is_set) return refuse(asked, {Errc::not_found, "nothing of this kind is set for it"});
  AuditEntry act = entry(asked, std::move(act_name));
  if (kind == "frozen") {
    act.hub = key;
  } else {
    act.whom = key;
  }
  store(asked, {kind, key, {}}, std::move(act),
        [key](JsonObject& answer) { answer.set("target", key); });
}

}  // namespace dim
