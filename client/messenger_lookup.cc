#include <algorithm>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/limits.h"
#include "dim/engine/early.h"
#include "dim/packet/uri.h"

namespace dim {
namespace {

constexpr std::string_view kGroupPrefix = "group:";
constexpr Millis kDay = 86'400'000;
constexpr Millis kOldVisaMs = 30 * kDay;
constexpr std::size_t kDocuments = 16;  // of one ID: as many as a station keeps
constexpr std::size_t kRemoved = 32;    // of removed devices, besides

/// What a document says before anybody has verified it.
struct Claim {
  double time = 0;  // seconds
  std::size_t place = 0;
  bool removed = false;
  const JsonObject* document = nullptr;
};
Claim claim_of(const JsonObject& document) {
  const std::string* data = document.text("data");
  const auto inside = parse_json_object(data != nullptr ? std::string_view(*data) : "");
  if (!inside) return {.document = &document};
  return {.time = read_seconds(inside->find("time")),
          .removed = truth_in(*inside, "removed"),
          .document = &document};
}

/// The newest of what a station hands out, oldest first, so that chains are followed.
std::vector<JsonObject> newest_of(const JsonArray& documents) {
  std::vector<Claim> all;
  for (const Json& one : documents) {
    if (one.object() == nullptr) continue;
    all.push_back(claim_of(*one.object()));
    all.back().place = all.size();
  }
  std::ranges::sort(all, {}, [](const Claim& one) { return std::pair(one.time, one.place); });
  auto kept = static_cast<std::size_t>(std::ranges::count(all, false, &Claim::removed));
  std::size_t removed = all.size() - kept;
  std::vector<JsonObject> out;
  for (const Claim& one : all) {
    std::size_t& left = one.removed ? removed : kept;
    if (left-- <= (one.removed ? kRemoved : kDocuments)) out.push_back(*one.document);
  }
  return out;
}

}  // namespace

/// A group's name is its owner's choice, so it stands for the group only where one has asked for a
/// group: nobody can call theirs as a person is called and get what is meant for that person.
Result<Id> Messenger::group_called(std::string_view name) {
  auto all = groups_.all();
  if (!all) return std::unexpected(all.error());
  std::optional<Id> found;
  for (const Id& id : *all) {
    auto group = groups_.find(id, clock_.now());
    if (!group) return std::unexpected(group.error());
    if (*group == nullptr || (*group)->name() != name) continue;
    if (found) {
      return fail(Errc::usage,
                  "several groups have this name; use an ID of `dim group list`, or give one an "
                  "alias: `dim contacts ID --alias NAME`");
    }
    found = id;
  }
  if (!found)
    return fail(Errc::not_found,
                "no group has this name here; `dim group list` shows those that do");
  return *found;
}

/// Whoever has not been asked for since yesterday may have other keys, or another device. At
/// stations of the reference the newest visa comes with messages: there only who has written none
/// for long (A04).
bool Messenger::may_be_old(const Id& id) {
  constexpr std::size_t kAskedAgain = 64;  // in one session, so that a large group is no flood
  if (!is_ready() || fetched_.size() >= kAskedAgain) return false;
  const Millis now = clock_.now(), age = now - home_.asked_at(id);
  if (age <= kDay && age >= -kDay) return false;
  if (session_->repeats_bytes()) return true;
  const Known* known = home_.directory().find(id);
  return known == nullptr || std::ranges::none_of(known->documents, [&](const Document& one) {
           return one.type() == "visa" && now - one.time().value_or(0) <= kOldVisaMs;
         });
}

void Messenger::fetch(const Id& id, std::function<void(Status)> done) {
  const Id bare = id.bare();
  const bool known = !home_.directory().message_keys(bare).empty();
  const bool asked = fetched_.contains(bare.text());
  if (known && (asked || !may_be_old(bare))) return done({});
  if (!is_started()) return done(fail(Errc::unreachable, "the station is not connected"));
  if (asked) return done(fail(Errc::not_found, "nobody at this station knows that ID's keys"));
  refresh(bare, std::move(done));
}

void Messenger::refresh(const Id& id, std::function<void(Status)> done) {
  const Id bare = id.bare();
  if (!is_started()) return done(fail(Errc::unreachable, "the station is not connected"));
  Lookup& lookup = lookups_[bare.text()];
  lookup.done.push_back(std::move(done));
  if (lookup.done.size() == 1) look_up(bare);
}

void Messenger::look_up(const Id& id) {
  session_->request(
      Lane::control,
      Packet::request(Operation::get).set("type", "document").set("target", id.text()),
      [this, id](const Packet& response) {
        const auto lookup = lookups_.find(id.text());
        if (lookup == lookups_.end()) return;
        const bool known = !home_.directory().message_keys(id).empty();
        // The station has said nothing about them yet; keys that are known have to do then.
        if (!known && (response.code == 416 || (response.code >= 500 && response.code != 501))) {
          lookup->second.again_at =
              clock_.monotonic() + std::max<Millis>(1'000, seconds_in(response.get("retry-after")));
          return;
        }
        fetched_.insert(id.text());
        const Status learnt = learn_answer(id, response);
        const auto answered = lookups_.extract(lookup);
        for (const auto& done : answered.mapped().done) done(learnt);
      });
}

Status Messenger::learn_answer(const Id& id, const Packet& response) {
  if (response.code == 404 && !home_.directory().message_keys(id).empty()) {
    if (auto noted = home_.note_asked(id, clock_.now()); !noted) return noted;
  }
  if (response.code == 416 || (response.code >= 500 && response.code != 501))
    return fail(Errc::unavailable, "the station cannot say now which keys they have");
  if (response.code != 200 || !response.content)
    return fail(Errc::not_found, "nobody at this station knows that ID's keys");
  auto object = parse_json_object(*response.content);
  if (!object) return std::unexpected(object.error());
  const Json* meta = object->find("meta");
  const Json* documents = object->find("documents");
  if (meta == nullptr || meta->object() == nullptr || documents == nullptr ||
      documents->array() == nullptr) {
    return fail(Errc::document, "the station's answer holds no meta and documents");
  }
  const std::vector<JsonObject> newest = newest_of(*documents->array());
  auto learnt = learn(id, *meta->object(), newest);
  if (is_early_here(id, newest)) {
    early_.insert(id.text());
    if (early_at_ == 0) early_at_ = clock_.monotonic() + kEarlyMs;
  }
  return learnt;
}

/// They count by the station's clock, and by ours not yet.
bool Messenger::is_early_here(const Id& id, const std::vector<JsonObject>& documents) const {
  const Millis now = clock_.now(), ahead = session_->clock_offset();
  const Known* known = home_.directory().find(id);
  if (ahead <= 0 || known == nullptr || !known->meta) return false;
  return std::ranges::any_of(documents, [&](const JsonObject& one) {
    return is_early(one, id, *known->meta, now) && !is_early(one, id, *known->meta, now + ahead);
  });
}

/// What is for them is still in the outbox, behind the place where it is read.
void Messenger::ask_early_again() {
  if (early_.empty()) return;
  if (!in_flight_.empty() || !is_ready()) {
    early_at_ = clock_.monotonic() + kEarlyMs;
    return;
  }
  for (const std::string& text : std::exchange(early_, {})) fetched_.erase(text);
  rewind();
}

void Messenger::look_up_again() {
  const Millis now = clock_.monotonic();
  std::vector<Id> due;
  for (auto& [text, lookup] : lookups_) {
    if (lookup.again_at == 0 || lookup.again_at > now) continue;
    lookup.again_at = 0;
    if (auto id = Id::parse(text)) due.push_back(std::move(*id));
  }
  for (const Id& id : due) look_up(id);
}

void Messenger::resolve(std::string_view who, Found found) {
  if (who.starts_with("dim:")) {
    auto uri = Uri::parse(who);
    if (!uri) return found(std::unexpected(uri.error()));
    if (uri->type != UriType::user)
      return found(fail(Errc::usage, "this link does not name a person; dim:user:… does"));
    return resolve(uri->identifier, std::move(found));
  }
  if (who.starts_with(kGroupPrefix)) {
    return found(group_called(who.substr(kGroupPrefix.size())));
  }
  if (auto alias = home_.by_alias(who); alias && *alias) return found(**alias);
  if (auto id = Id::parse(who)) return found(*id);
  auto name = parse_graphical_id(who);
  if (!name) {
    return found(fail(Errc::not_found,
                      "this is no ID, no alias of yours, and cannot be a registered name (5 to 32 "
                      "of a-z 0-9 _ .)"));
  }
  if (!is_ready()) {
    auto known = home_.contacts();
    if (known) {
      for (const Contact& contact : *known) {
        if (contact.registered == *name) return found(contact.id);
      }
    }
    return found(fail(
        Errc::unreachable,
        "a name that was never looked up before needs the station, which is away; use the ID"));
  }
  session_->request(
      Lane::control, Packet::request(Operation::get).set("type", "name").set("target", *name),
      [this, name = *name, found = std::move(found)](const Packet& response) {
        if (!session_) return;
        if (response.code == 416) {
          return found(fail(Errc::too_many_requests,
                            "the station takes no more questions now; try again in a few "
                            "seconds"));
        }
        auto owner = session_->owner_of(name, response);
        if (!owner) return found(std::unexpected(owner.error()));
        auto contact = home_.contact(*owner);
        if (!contact) return found(std::unexpected(contact.error()));
        Contact kept = contact->value_or(Contact{.id = owner->bare()});
        kept.registered = name;
        if (auto status = home_.put_contact(kept); !status)
          return found(std::unexpected(status.error()));
        found(*owner);
      });
}

void Messenger::publish(const Document& document, std::function<void(Status)> done) {
  if (!is_ready()) return done(fail(Errc::unreachable, "the station is not connected"));
  const Account& account = home_.account();
  JsonObject content;
  content.set("meta", account.meta.json());
  content.set("document", document.json());
  Packet packet = Packet::request(Operation::create)
                      .set("type", "document")
                      .set("target", account.id.bare().text());
  packet.content = write_json(content);
  session_->request(
      Lane::control, std::move(packet), [done = std::move(done)](const Packet& response) {
        if (response.code == 506) {
          return done(fail(Errc::insufficient_storage,
                           "the station keeps 16 documents of a person, removed devices included"));
        }
        if (response.code == 416) {
          return done(fail(Errc::too_many_requests,
                           "the station takes no more documents now; try again in some minutes"));
        }
        // 407: the station holds this or a newer one, from another device.
        if (response.code != 201 && response.code != 407)
          return done(fail(Errc::document, "the station refused this account's visa"));
        done({});
      });
}

void Messenger::publish(std::string_view name, std::function<void(Status)> done) {
  publish(home_.account().visa, [this, name = std::string(name),
                                 done = std::move(done)](const Status& published) {
    if (!published || name.empty()) return done(published);
    session_->request(
        Lane::control, Packet::request(Operation::create).set("type", "name").set("target", name),
        [this, name, done](const Packet& answer) {
          if (answer.code == 201) return done(home_.set_registered_name(name));
          if (answer.code == 407)
            return done(
                fail(Errc::conflict, "this name belongs to somebody else; choose another one"));
          if (answer.code == 501)
            return done(fail(Errc::bad_request,
                             "this station registers no names; others reach you by your ID"));
          if (answer.code == 403)
            return done(fail(Errc::forbidden, "this name is reserved; choose another one"));
          done(fail(Errc::bad_request,
                    "the station refused this name; names are 5 to 32 of a-z 0-9 _ ."));
        });
  });
}

}  // namespace dim
