// Private hubs at the own station: who belongs to them, and who reads what is written now.
#include <algorithm>
#include <set>

#include "client/fields.h"
#include "client/hub_client.h"

namespace dim {
namespace {

constexpr int kPages = 200;   // of memberships; more than there can be
constexpr int kAttempts = 4;  // to sign the next one, when somebody was faster
constexpr Error kNoRoster{Errc::io, "who belongs to this hub could not be read in this home"};

std::unexpected<HubRefusal> refuse(const Error& error) {
  return std::unexpected(HubRefusal{.error = error});
}

}  // namespace

void HubClient::read_roster(const std::string& hub, HubDone<std::int64_t> done) {
  more_roster(hub, 0, 0, [this, hub, done = std::move(done)](HubResult<std::int64_t> epoch) {
    if (!epoch) return done(std::move(epoch));
    fetch_people(privates_.strangers(hub), [done, epoch] { done(epoch); });
  });
}

/// From the last one on that is known: a station that has gone back shows that (A28).
void HubClient::more_roster(const std::string& hub, int pages, int waits,
                            HubDone<std::int64_t> done) {
  const Roster* known = privates_.roster(hub);
  const std::int64_t before = known == nullptr ? 0 : known->epoch();
  Packet packet = request(Operation::get, HubObject::roster, hub);
  packet.set("after", std::to_string(std::max<std::int64_t>(0, before - 1)));
  ask(std::move(packet),
      [this, hub, before, pages, waits, done = std::move(done)](HubResult<Packet> answer) {
        if (!answer) {
          int waited = waits;
          const auto again = [this, hub, pages, waits, done] {
            more_roster(hub, pages, waits + 1, done);
          };
          if (wait_for(answer.error(), waited, again)) return;
          return done(std::unexpected(std::move(answer.error())));
        }
        const auto shown = read_list(answer->content.value_or(""));
        if (!shown) return done(refuse(shown.error()));
        if (const auto taken = privates_.take(hub, *shown); !taken)
          return done(refuse(taken.error()));
        const Roster* now = privates_.roster(hub);
        if (now == nullptr)
          return done(refuse({Errc::io, "who belongs to this hub could not be kept"}));
        if (answer->code == 206 && now->epoch() > before && pages < kPages)
          return more_roster(hub, pages + 1, 0, done);
        done(now->epoch());
      });
}

void HubClient::fetch_people(std::vector<Id> who, std::function<void()> done) {
  if (who.empty() || !people) return done();
  const auto left = std::make_shared<std::size_t>(who.size());
  for (const Id& id : who) {
    people(id, [left, done](const Status&) {
      if (--*left == 0) done();
    });
  }
}

void HubClient::change_roster(const std::string& hub, std::vector<std::string> add,
                              std::vector<std::string> remove, HubDone<std::int64_t> done) {
  sign_roster_change(hub, std::move(add), std::move(remove), 0, std::move(done));
}

void HubClient::sign_roster_change(const std::string& hub, std::vector<std::string> add,
                                   std::vector<std::string> remove, int attempts,
                                   HubDone<std::int64_t> done) {
  read_roster(hub, [this, hub, add = std::move(add), remove = std::move(remove), attempts,
                    done = std::move(done)](HubResult<std::int64_t> epoch) {
    if (!epoch) return done(std::move(epoch));
    const Roster* known = privates_.roster(hub);
    if (known == nullptr) return done(refuse(kNoRoster));
    const auto next = known->next(home_.account(), add, remove, clock_.now());
    if (!next) return done(refuse(next.error()));
    if (!*next) return done(std::move(epoch));
    Packet packet = request(Operation::create, HubObject::roster, hub);
    packet.content = write_json(**next);
    ask(std::move(packet),
        [this, hub, add, remove, attempts, change = **next, done](HubResult<Packet> answer) {
          if (!answer && answer.error().code == 407 && attempts < kAttempts)
            return sign_roster_change(hub, add, remove, attempts + 1, done);
          if (!answer) return done(std::unexpected(std::move(answer.error())));
          if (const auto taken = privates_.take(hub, {change}); !taken)
            return done(refuse(taken.error()));
          fetch_people(privates_.strangers(hub), [this, hub, done] {
            const Roster* now = privates_.roster(hub);
            if (now == nullptr) return done(refuse(kNoRoster));
            done(now->epoch());
          });
        });
  });
}

void HubClient::readers(const std::string& hub, HubDone<std::vector<std::string>> done) {
  read_roster(hub, [this, hub, done = std::move(done)](HubResult<std::int64_t> epoch) {
    if (!epoch) return done(std::unexpected(std::move(epoch.error())));
    list(HubObject::member, hub, [this, hub, done](HubResult<std::vector<JsonObject>> all) {
      if (!all) return done(std::unexpected(std::move(all.error())));
      std::set<std::string> there;
      for (const JsonObject& shown : *all) {
        // Whoever is there counts, whatever else the station says of them: who does not is signed
        // out for good.
        const auto who = Id::parse(text_in(shown, "member"));
        if (!who || !who->is_user())
          return done(refuse({Errc::bad_request, "the station's list of members is broken"}));
        there.insert(who->bare().text());
      }
      const Roster* known = privates_.roster(hub);
      if (known == nullptr) return done(refuse(kNoRoster));
      const Roster& roster = *known;
      std::vector<std::string> stay, gone;
      for (const std::string& who : roster.members())
        (there.contains(who) ? stay : gone).push_back(who);
      std::erase(gone, home_.account().id.bare().text());
      const auto ready = [this, stay, done] {
        std::vector<Id> ids;
        for (const std::string& who : stay) {
          const auto id = Id::parse(who);
          if (id && !id->same_entity(home_.account().id)) ids.push_back(*id);
        }
        fetch_people(std::move(ids), [stay, done] { done(stay); });
      };
      // Until then they stand in no key, because the station says that they have gone; from then on
      // it cannot bring them back.
      if (gone.empty() || !roster.may_sign(home_.account())) return ready();
      change_roster(hub, {}, gone, [ready, done](HubResult<std::int64_t> signed_now) {
        if (!signed_now) return done(std::unexpected(std::move(signed_now.error())));
        ready();
      });
    });
  });
}

}  // namespace dim
