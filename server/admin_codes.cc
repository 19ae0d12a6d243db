// Who may come to the station for the first time: the operator's verbs for it, and what they mean
// for a stranger (F86).
#include <algorithm>

#include "dim/base/fault.h"
#include "server/admin.h"

namespace dim {

Registration Admin::registration() {
  return rules().registration().value_or(core_.config_.registration);
}

Result<Admin::Admission> Admin::admit(const std::string& user, bool has_identity,
                                      std::string_view code) {
  Admission out;
  const Registration how = registration();
  if (!has_identity && how == Registration::open) return out;
  const auto documents = core_.reads_.documents(user);
  if (!documents) return std::unexpected(documents.error());
  if (has_identity && !came_by_neighbour(*documents)) return out;
  // For a stranger too: what a neighbour says of them may be on its way to the disk.
  out.writes.emplace_back(logged_in_record(user, *documents, core_.clock_.now()));
  if (how == Registration::open) return out;
  if (how == Registration::closed)
    return fail(Errc::forbidden, "this station takes nobody new; ask its operator");
  if (code.empty())
    return fail(Errc::forbidden,
                "this station takes new people by invitation; ask its operator for a link of your "
                "own");
  const Millis now = core_.clock_.now();
  const std::string* guid = rules_.codes().find(code, now);
  if (guid == nullptr)
    return fail(Errc::forbidden,
                "this invitation is used up, over or taken back; ask the operator for a new one");
  out.code = *guid;
  // Counted before it is on the disk: two who come in one turn do not share a use.
  if (!DIM_FAULT("code-endless")) rules_.codes().count(out.code, -1);
  const JoinCode& left = rules_.codes().all().at(out.code);
  out.writes.emplace_back(PutSetting{"code", out.code, left.uses > 0 ? left.text() : ""});
  AuditEntry act{.time = now, .who = user, .act = "USE code"};
  act.object = out.code;
  out.writes.emplace_back(PutAudit{std::move(act)});
  return out;
}

bool Admin::clock_is_wrong() {
  const auto before = clock_.state();
  const auto state = clock_.look(core_.clock_.now(), core_.clock_.monotonic());
  if (state == before) return state != ClockWatch::State::right;
  switch (state) {
    case ClockWatch::State::early:
      core_.event(StationEvent::Level::warn, "clock", {},
                  "the clock stands before 2024; nobody new is let in, and no document is taken");
      break;
    case ClockWatch::State::back:
      core_.event(
          StationEvent::Level::warn, "clock", {},
          "the clock went back by more than an hour; nobody new is let in, and no document is "
          "taken, until it is right, or has run on evenly for an hour");
      break;
    case ClockWatch::State::right:
      core_.event(StationEvent::Level::info, "clock-right", {}, "the clock is believed again");
      break;
  }
  return state != ClockWatch::State::right;
}

Error Admin::clock_error() {
  return error_of(Errc::unavailable,
                  "the station's clock is wrong, so nothing is taken that is judged by the time; "
                  "its operator has to set it");
}

void Admin::settle(const Admission& admission, bool stored) {
  if (admission.code.empty()) return;
  if (!stored) {
    rules_.codes().count(admission.code, 1);
    const auto left = rules_.codes().all().find(admission.code);
    if (left == rules_.codes().all().end()) return;
    // Another use may have been stored meanwhile, without this one.
    std::vector<Write> writes{PutSetting{"code", admission.code, left->second.text()}};
    return core_.submit(std::move(writes), [](const Result<std::vector<Written>>&) {});
  }
  const auto found = rules_.codes().all().find(admission.code);
  if (found != rules_.codes().all().end() && found->second.uses <= 0)
    (void)rules_.codes().set(admission.code, {});
}

void Admin::registration_show(const Asked& asked) {
  JsonObject answer;
  answer.set("ok", true);
  answer.set("registration", to_string(registration()));
  answer.set("set", rules().registration().has_value());
  asked.done(std::move(answer));
}

void Admin::registration_set(const Asked& asked) {
  const std::string& word = asked.request.target;
  AuditEntry act = entry(asked, "SET registration");
  act.object = word;
  store(asked, {"registration", "station", word == "default" ? "" : word}, std::move(act),
        [this](JsonObject& answer) {
          answer.set("registration", to_string(registration()));
          answer.set("set", rules_.registration().has_value());
        });
}

void Admin::codes_make(const Asked& asked) {
  const Millis now = core_.clock_.now();
  if (registration() == Registration::closed)
    return refuse(asked, {Errc::conflict,
                          "registration is closed, so no code lets anybody in; first: dimd admin "
                          "registration set invite"});
  if (asked.request.until != 0 && asked.request.until <= now)
    return refuse(asked, {Errc::bad_request, "a code ends at a time to come"});
  // What lets nobody in any more makes room.
  std::vector<Write> writes;
  std::vector<std::string> over;
  for (const auto& [guid, code] : rules_.codes().all()) {
    if (code.until <= now) over.push_back(guid);
  }
  for (const std::string& guid : over) writes.emplace_back(PutSetting{"code", guid, {}});
  if (rules_.codes().all().size() - over.size() >= limits::kJoinCodes)
    return refuse(asked, {Errc::insufficient_storage,
                          "10000 codes are out; make one with more uses, or revoke some"});
  const std::string code = new_join_code(core_.random_);
  const JoinCode made{
      .hash = join_code_hash(code),
      .by = asked.by,
      .time = now,
      .until = asked.request.until != 0 ? asked.request.until : now + limits::kJoinCodeMs,
      .uses = std::max<std::int64_t>(asked.request.uses, 1)};
  const std::string guid = Guid::make(now, core_.random_).text();
  AuditEntry act = entry(asked, "CREATE code");
  act.object = guid;
  writes.emplace_back(PutSetting{"code", guid, made.text()});
  writes.emplace_back(PutAudit{std::move(act)});
  core_.submit(std::move(writes),
               [this, asked, guid, code, made, over](const Result<std::vector<Written>>& written) {
                 if (!written) return refuse(asked, written.error());
                 for (const std::string& one : over) (void)rules_.codes().set(one, {});
                 if (auto done = rules_.codes().set(guid, made.text()); !done)
                   return refuse(asked, done.error());
                 JsonObject answer;
                 answer.set("ok", true);
                 answer.set("guid", guid);
                 answer.set("uses", made.uses);
                 answer.set("until", format_time(made.until));
                 answer.set("invite", code);
                 asked.done(std::move(answer));
               });
}

void Admin::codes_list(const Asked& asked) {
  JsonArray list;
  std::string last;
  bool more = false;
  for (const auto& [guid, code] : rules().codes().all()) {
    if (guid <= asked.request.after || !code.holds(core_.clock_.now())) continue;
    if (list.size() >= asked.request.limit) {
      more = true;
      break;
    }
    JsonObject one;
    one.set("guid", guid);
    one.set("by", code.by);
    one.set("time", format_time(code.time));
    one.set("until", format_time(code.until));
    one.set("uses", code.uses);
    list.emplace_back(std::move(one));
    last = guid;
  }
  JsonObject answer;
  answer.set("ok", true);
  answer.set("codes", std::move(list));
  if (more) answer.set("next", last);
  asked.done(std::move(answer));
}

void Admin::codes_revoke(const Asked& asked) {
  const auto found = rules().codes().all().find(asked.request.target);
  if (found == rules().codes().all().end() || !found->second.holds(core_.clock_.now()))
    return refuse(asked, {Errc::not_found,
                          "no code that still lets somebody in has this GUID; `dimd admin codes "
                          "list` has them"});
  AuditEntry act = entry(asked, "DELETE code");
  act.object = asked.request.target;
  // Gone from here at once: a use of it that is written behind this would bring it back.
  const JoinCode code = found->second;
  (void)rules_.codes().set(asked.request.target, {});
  std::vector<Write> writes{PutSetting{"code", asked.request.target, {}}, PutAudit{std::move(act)}};
  core_.submit(std::move(writes), [this, asked, code](const Result<std::vector<Written>>& written) {
    if (!written) {
      (void)rules_.codes().set(asked.request.target, code.text());
      return refuse(asked, written.error());
    }
    JsonObject answer;
    answer.set("ok", true);
    answer.set("guid", asked.request.target);
    asked.done(std::move(answer));
  });
}

}  // namespace dim
