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

/// What a station shows of who belongs to a hub, page after page, until all is there.
struct HubClient::RosterReading {
  std::string hub;
  HubDone<std::int64_t> done;
  std::int64_t after = 0;  ///< an epoch
  std::vector<JsonObject> shown{};
  std::size_t bytes = 0;
  int pages = 0, waits = 0;
  bool whole = false;  ///< from the first one on, whatever is known
};

/// From the last one on that is known: a station that has gone back shows that (A28).
void HubClient::read_roster(const std::string& hub, HubDone<std::int64_t> done) {
  auto reading = std::make_shared<RosterReading>(RosterReading{.hub = hub, .done = {}});
  reading->done = [this, hub, done = std::move(done)](HubResult<std::int64_t> epoch) {
    if (!epoch) return done(std::move(epoch));
    fetch_people(privates_.strangers(hub), [done, epoch] { done(epoch); });
  };
  const Roster* known = privates_.roster(hub);
  if (known != nullptr) reading->after = known->epoch() - 1;
  more_roster(reading);
}

void HubClient::more_roster(const std::shared_ptr<RosterReading>& reading) {
  Packet packet = request(Operation::get, HubObject::roster, reading->hub);
  packet.set("after", std::to_string(reading->after));
  ask(std::move(packet), [this, reading](HubResult<Packet> answer) {
    RosterReading& it = *reading;
    if (!answer) {
      if (wait_for(answer.error(), it.waits, [this, reading] { more_roster(reading); })) return;
      return it.done(std::unexpected(std::move(answer.error())));
    }
    it.waits = 0;
    it.bytes += answer->content.value_or("").size();
    auto page = read_list(answer->content.value_or(""));
    if (!page) return it.done(refuse(page.error()));
    const std::int64_t last = page->empty() ? 0 : integer_in(page->back(), "epoch");
    std::ranges::move(*page, std::back_inserter(it.shown));
    if (answer->code != 206) return take_roster(reading);
    if (last <= it.after || ++it.pages > kPages || it.bytes > 2 * limits::kRosterBytes)
      return it.done(
          refuse({Errc::bad_request, "the station's membership does not go on as it should"}));
    it.after = last;
    more_roster(reading);
  });
}

/// Everything is there. A station that was restored from a backup has lost what was newer: whose
/// key signs the membership puts that back, when all that it still has is as it was.
void HubClient::take_roster(const std::shared_ptr<RosterReading>& reading) {
  RosterReading& it = *reading;
  const Roster* known = privates_.roster(it.hub);
  const bool may_mend = known != nullptr && known->may_sign(home_.account());
  if (may_mend && !it.whole && it.shown.empty() && known->epoch() > 1) {
    it.whole = true;
    it.after = 0;
    it.pages = 0;
    return more_roster(reading);
  }
  if (may_mend && it.whole && it.shown.size() < known->changes().size()) {
    for (std::size_t i = 0; i < it.shown.size(); ++i) {
      if (const auto same = known->agrees(it.shown[i]); !same) return it.done(refuse(same.error()));
      if (integer_in(it.shown[i], "epoch") != static_cast<std::int64_t>(i) + 1)
        return it.done(
            refuse({Errc::bad_request, "the station's membership does not go on as it should"}));
    }
    if (!it.shown.empty()) return put_back(reading);
  }
  if (const auto taken = privates_.take(it.hub, it.shown); !taken)
    return it.done(refuse(taken.error()));
  const Roster* now = privates_.roster(it.hub);
  if (now == nullptr) return it.done(refuse(kNoRoster));
  it.done(now->epoch());
}

void HubClient::put_back(const std::shared_ptr<RosterReading>& reading) {
  const Roster* known = privates_.roster(reading->hub);
  if (known == nullptr) return reading->done(refuse(kNoRoster));
  const std::size_t there = reading->shown.size();
  if (there >= known->changes().size()) return take_roster(reading);
  const JsonObject& next = known->changes()[there];
  Packet packet = request(Operation::create, HubObject::roster, reading->hub);
  packet.content = write_json(next);
  ask(std::move(packet), [this, reading, next](HubResult<Packet> answer) {
    RosterReading& it = *reading;
    if (!answer) {
      if (wait_for(answer.error(), it.waits, [this, reading] { put_back(reading); })) return;
      return it.done(std::unexpected(std::move(answer.error())));
    }
    it.waits = 0;
    it.shown.push_back(next);
    put_back(reading);
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
  sign_roster_change(hub, {.add = std::move(add), .remove = std::move(remove)}, 0, std::move(done));
}

void HubClient::set_history(const std::string& hub, const HistoryRule& rule,
                            HubDone<std::int64_t> done) {
  sign_roster_change(hub, {.history = {rule}}, 0, std::move(done));
}

void HubClient::sign_roster_change(const std::string& hub, RosterEdit edit, int attempts,
                                   HubDone<std::int64_t> done) {
  read_roster(hub, [this, hub, edit = std::move(edit), attempts,
                    done = std::move(done)](HubResult<std::int64_t> epoch) {
    if (!epoch) return done(std::move(epoch));
    const Roster* known = privates_.roster(hub);
    if (known == nullptr) return done(refuse(kNoRoster));
    const auto next =
        known->next(home_.account(), edit.add, edit.remove, clock_.now(), edit.history);
    if (!next) return done(refuse(next.error()));
    if (!*next) return done(std::move(epoch));
    Packet packet = request(Operation::create, HubObject::roster, hub);
    packet.content = write_json(**next);
    ask(std::move(packet),
        [this, hub, edit, attempts, change = **next, done](HubResult<Packet> answer) {
          if (!answer && answer.error().code == 407 && attempts < kAttempts)
            return sign_roster_change(hub, edit, attempts + 1, done);
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
  find_readers(hub, kAttempts, std::move(done));
}

/// Whoever goes while the station answers, or while keys are on their way, still stands in what it
/// has said: then it is asked once more, so that nothing is newer than the list (A27).
void HubClient::find_readers(const std::string& hub, int attempts,
                             HubDone<std::vector<std::string>> done) {
  ask_readers(hub, [this, hub, attempts, heard = heard_[hub],
                    done = std::move(done)](HubResult<std::vector<std::string>> found) {
    if (!found || heard_[hub] == heard) return done(std::move(found));
    if (attempts > 0) return find_readers(hub, attempts - 1, done);
    done(refuse({Errc::unavailable, "who is in this hub keeps changing; try again later"}));
  });
}

void HubClient::ask_readers(const std::string& hub, HubDone<std::vector<std::string>> done) {
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
      const auto ready = [this, hub, stay, done] {
        std::vector<Id> ids;
        for (const std::string& who : stay) {
          const auto id = Id::parse(who);
          if (id && !id->same_entity(home_.account().id)) ids.push_back(*id);
        }
        const auto waited = std::make_shared<bool>(false);
        fetch_people(std::move(ids), [this, hub, stay, done, waited] {
          if (*waited) ++heard_[hub];
          done(stay);
        });
        *waited = true;
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
