#include "dim/engine/group.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;
constexpr std::size_t kLeaders = 256;  // as the items of any list
constexpr std::size_t kJoinsKept = 1'000;
constexpr Millis kForever = std::numeric_limits<Millis>::max();

bool has(const std::vector<Id>& ids, const Id& who) {
  return std::ranges::any_of(ids, [&](const Id& id) { return id.same_entity(who); });
}

// All that are not there yet. The set makes a long list cheap.
bool add(std::vector<Id>& ids, const std::vector<Id>& more) {
  std::set<std::string, std::less<>> known;
  for (const Id& id : ids) known.insert(id.text());
  const std::size_t before = ids.size();
  for (const Id& id : more) {
    if (known.insert(id.text()).second) ids.push_back(id);
  }
  return ids.size() > before;
}

bool remove(std::vector<Id>& ids, const std::vector<Id>& gone) {
  std::set<std::string, std::less<>> names;
  for (const Id& id : gone) names.insert(id.text());
  return std::erase_if(ids, [&](const Id& id) { return names.contains(id.text()); }) > 0;
}

Millis time_of(const GroupRecord& record) { return content_millis(record.content.head.time); }

bool before(const std::shared_ptr<const GroupRecord>& a,
            const std::shared_ptr<const GroupRecord>& b) {
  const Millis left = time_of(*a), right = time_of(*b);
  return left != right ? left < right : a->hash < b->hash;
}

bool about_leaders(GroupAction action) {
  return action == GroupAction::hire || action == GroupAction::fire ||
         action == GroupAction::resign;
}

std::vector<Id> id_list(const JsonObject& properties, std::string_view name) {
  std::vector<Id> out;
  const Json* value = properties.find(name);
  const JsonArray* list = value != nullptr ? value->array() : nullptr;
  if (list == nullptr) return out;
  for (const Json& item : *list) {
    auto id = item.text() != nullptr ? Id::parse(*item.text()) : Result<Id>(fail(Errc::id, "none"));
    if (id && out.size() < kLeaders && !has(out, *id)) out.push_back(id->bare());
  }
  return out;
}

// Old bulletins have the one assistant alone, not in a list; peers of 2025 read both.
std::vector<Id> assistants_of(const JsonObject& properties) {
  const Json* list = properties.find("assistants");
  if (list != nullptr && list->array() != nullptr) return id_list(properties, "assistants");
  const std::string* text = properties.text("assistant");
  if (text == nullptr) return {};
  const auto one = Id::parse(*text);
  return one ? std::vector<Id>{one->bare()} : std::vector<Id>{};
}

std::optional<Id> founder_of(const Document& bulletin) {
  const std::string* text = bulletin.properties().text("founder");
  if (text == nullptr) return std::nullopt;
  auto id = Id::parse(*text);
  if (!id || !id->is_user()) return std::nullopt;
  return id->bare();
}

Result<const Known*> pinned(const Directory& directory, const Id& id) {
  const Known* known = directory.find(id);
  if (known == nullptr || !known->meta)
    return fail(Errc::not_found, "a meta of the group or its founder is not known");
  if (known->state == MetaState::suspect)
    return fail(Errc::conflict, "the group or its founder has two metas with proof");
  if (known->state != MetaState::pinned)
    return fail(Errc::not_found, "a meta of the group or its founder has no proof yet");
  return known;
}

}  // namespace

Group::Group(Id id, Id owner, Document bulletin)
    : id_(std::move(id)), owner_(std::move(owner)), bulletin_(std::move(bulletin)) {
  now_ = first_standing();
}

Result<Group> Group::start(const Directory& directory, const Id& group, Millis known_reset) {
  if (!group.is_group() || group.is_broadcast())
    return fail(Errc::bad_request, "a group has a group ID");
  const auto known = pinned(directory, group);
  if (!known) return std::unexpected(known.error());
  const auto& documents = (*known)->documents;
  const auto bulletin = std::ranges::find_if(
      documents, [](const Document& document) { return document.type() == "bulletin"; });
  if (bulletin == documents.end() || !bulletin->time())
    return fail(Errc::not_found, "the bulletin of the group is not known");
  auto founder = founder_of(*bulletin);
  if (!founder) return fail(Errc::document, "the bulletin of a group must name its founder");
  const auto maker = pinned(directory, *founder);
  if (!maker) return std::unexpected(maker.error());
  if ((*maker)->meta->key().data() != (*known)->meta->key().data())
    return fail(Errc::meta, "the group was not made with the key of its founder");
  Group out(group.bare(), std::move(*founder), *bulletin);
  out.floor_ = known_reset;
  return out;
}

bool Group::is_member(const Id& who) const { return has(now_.members, who); }
bool Group::is_administrator(const Id& who) const { return has(now_.administrators, who); }
bool Group::is_assistant(const Id& who) const { return has(now_.assistants, who); }
bool Group::may_reset(const Id& who) const {
  return owner_.same_entity(who) || is_administrator(who);
}

Group::Standing Group::first_standing() const {
  Standing out;
  out.members = reset_ ? reset_->content.members : std::vector<Id>{owner_};
  out.administrators = id_list(bulletin_.properties(), "administrators");
  out.assistants = assistants_of(bulletin_.properties());
  std::erase_if(out.administrators, [&](const Id& id) { return id.same_entity(owner_); });
  return out;
}

// Changes `standing` only where it says so.
Group::Effect Group::step(Standing& standing, const GroupRecord& record) const {
  const Id& sender = record.sender;
  const GroupContent& content = record.content;
  const bool owner = owner_.same_entity(sender);
  const bool leads = owner || has(standing.administrators, sender);
  const auto effect = [](bool changed) { return changed ? Effect::changed : Effect::none; };
  switch (content.action) {
    case GroupAction::invite: {
      if (!has(standing.members, sender)) return Effect::forbidden;
      std::vector<Id> more = standing.members;
      const bool changed = add(more, content.members);
      if (!changed) return Effect::none;
      if (!leads) return Effect::waiting;
      if (more.size() > limits::kGroupMembers) return Effect::full;
      standing.members = std::move(more);
      return Effect::changed;
    }
    case GroupAction::expel: {
      const auto untouchable = [&](const Id& id) {
        return id.same_entity(owner_) || has(standing.administrators, id);
      };
      if (!leads || std::ranges::any_of(content.members, untouchable)) return Effect::forbidden;
      return effect(remove(standing.members, content.members));
    }
    case GroupAction::quit:
      if (leads || !remove(standing.members, {sender.bare()})) return Effect::forbidden;
      return Effect::changed;
    case GroupAction::hire: {
      if (!owner) return Effect::forbidden;
      // Assistants read everything: the bulletin alone makes them (A29).
      std::vector<Id> administrators = standing.administrators;
      const bool changed = add(administrators, content.administrators);
      std::erase_if(administrators, [&](const Id& id) { return id.same_entity(owner_); });
      if (administrators.size() > kLeaders) return Effect::full;
      standing.administrators = std::move(administrators);
      return effect(changed);
    }
    case GroupAction::fire: {
      if (!owner) return Effect::forbidden;
      const bool first = remove(standing.administrators, content.administrators);
      const bool second = remove(standing.assistants, content.assistants);
      return effect(first || second);
    }
    case GroupAction::resign:
      if (owner || !remove(standing.administrators, {sender.bare()})) return Effect::forbidden;
      return Effect::changed;
    case GroupAction::join:
    case GroupAction::query:
    case GroupAction::reset:
      break;  // never in the list
  }
  return Effect::forbidden;
}

// Every command counts by what its sender might do at its own time.
Group::Standing Group::fold(std::span<const Kept> records, const GroupRecord* watched,
                            Effect* effect, Millis until) const {
  Standing standing = first_standing();
  for (const Kept& record : records) {
    if (time_of(*record) > until) break;
    const Effect result = step(standing, *record);
    if (record.get() == watched && effect != nullptr) *effect = result;
  }
  return standing;
}

Group::Standing Group::standing_at(Millis time) const {
  if (later_.empty() || time >= time_of(*later_.back())) return now_;
  return fold(later_, nullptr, nullptr, time);
}

Result<GroupOutcome> Group::apply(GroupRecord record, Millis now) {
  const GroupContent& content = record.content;
  if (!content.head.group || !content.head.group->same_entity(id_))
    return fail(Errc::content, "the command is for another group");
  const Millis time = time_of(record);
  if (content.head.time <= 0 || !plausible_time(time, now))
    return fail(Errc::content, "a group command needs its time, between 2018 and now");
  if (content.members.size() > limits::kGroupMembers)
    return fail(Errc::content, "a group has at most 1,000 members");
  if (!record.sender.is_user()) return fail(Errc::forbidden, "only users are in groups");
  forget_old(now);
  if (content.action == GroupAction::query) {
    if (auto status = check_reader(record.sender); !status) return std::unexpected(status.error());
    return GroupOutcome::answer;
  }
  if (known(record.hash)) return GroupOutcome::unchanged;
  const bool outdated = about_leaders(content.action) ? time < *bulletin_.time() : time < floor_;
  // Else a newcomer, who reads both in order, would have to refuse the reset.
  const bool left_out = content.action == GroupAction::hire && reset_ && time <= floor_ &&
                        std::ranges::any_of(content.administrators, [&](const Id& id) {
                          return !has(reset_->content.members, id);
                        });
  if (outdated || left_out)
    return fail(Errc::conflict, "the command is older than what it would change");
  if (content.action == GroupAction::join) return apply_join(record, now);
  const bool reset = content.action == GroupAction::reset;
  auto kept = std::make_shared<const GroupRecord>(std::move(record));
  return reset ? apply_reset(std::move(kept)) : apply_change(std::move(kept), now);
}

Result<GroupOutcome> Group::apply_reset(Kept record) {
  const std::vector<Id>& members = record->content.members;
  if (!may_reset(record->sender))
    return fail(Errc::forbidden, "only the owner and administrators may reset a group");
  if (members.empty() || !members.front().same_entity(owner_))
    return fail(Errc::forbidden, "the owner must be the first member of a group");
  // What an administrator might do then, and still may: neither a right that came later nor one
  // that was taken back since counts. Of the time before the bulletin only the bulletin tells.
  const Millis time = time_of(*record);
  const Standing then = standing_at(time);
  if (!owner_.same_entity(record->sender) && !has(then.administrators, record->sender))
    return fail(Errc::forbidden, "the sender was no administrator at the time of the reset");
  // Whom the bulletin has named since this reset was written need not be in it.
  std::vector<Id> all = members;
  if (time >= *bulletin_.time() && add(all, then.administrators))
    return fail(Errc::forbidden, "administrators cannot be left out; the owner fires them first");
  if (reset_ && time_of(*reset_) == time) {
    // Two at the same time: the owner's counts, else the greater hash, so that all agree.
    const bool theirs = owner_.same_entity(reset_->sender);
    const bool ours = owner_.same_entity(record->sender);
    if (theirs != ours ? theirs : record->hash < reset_->hash)
      return fail(Errc::conflict, "another reset of the same time counts");
  }
  past_.push_back({.until = time, .members = now_.members});
  if (past_.size() > limits::kGroupPast) past_.pop_front();
  reset_ = std::move(record);
  floor_ = time;
  std::erase_if(later_, [&](const Kept& old) {
    return !about_leaders(old->content.action) && time_of(*old) < time;
  });
  now_ = fold(later_, nullptr, nullptr, kForever);
  requests_.clear();  // whoever is not in the new list was not taken
  return GroupOutcome::applied;
}

Result<GroupOutcome> Group::apply_join(const GroupRecord& record, Millis now) {
  const Id who = record.sender.bare();
  if (is_member(who)) return GroupOutcome::unchanged;
  const auto mine = [&](const GroupRequest& join) { return join.who.same_entity(who); };
  if (static_cast<std::size_t>(std::ranges::count_if(joins_, mine)) >= limits::kGroupJoinsPerDay)
    return fail(Errc::too_many_requests, "three requests to join a group a day");
  if (auto status = ask({who}, who, now); !status) return std::unexpected(status.error());
  joins_.push_back({.who = who, .by = who, .arrived = now});
  if (joins_.size() > kJoinsKept) joins_.pop_front();
  return GroupOutcome::waiting;
}

Result<GroupOutcome> Group::apply_change(Kept record, Millis now) {
  std::vector<Kept> records = later_;
  const auto place = std::ranges::lower_bound(records, record, before);
  const bool newest = place == records.end();
  records.insert(place, record);
  Effect effect = Effect::forbidden;
  Standing standing = now_;
  if (newest) {
    effect = step(standing, *record);
  } else {
    standing = fold(records, record.get(), &effect, kForever);
  }
  switch (effect) {
    case Effect::forbidden:
      return fail(Errc::forbidden, "the sender may not do this in the group");
    case Effect::full:
      return fail(Errc::content, "a group has at most 1,000 members and 256 leaders");
    case Effect::none:
      return GroupOutcome::unchanged;
    case Effect::waiting: {
      std::vector<Id> more = record->content.members;
      std::erase_if(more, [&](const Id& id) { return is_member(id); });
      if (auto status = ask(more, record->sender.bare(), now); !status)
        return std::unexpected(status.error());
      return GroupOutcome::waiting;
    }
    case Effect::changed:
      break;
  }
  if (records.size() > limits::kGroupHistory)
    return fail(Errc::too_many_requests, "the history is full; the owner resets the group");
  later_ = std::move(records);
  now_ = std::move(standing);
  std::erase_if(requests_, [&](const GroupRequest& request) { return is_member(request.who); });
  return GroupOutcome::applied;
}

// Requests stand outside of the history, so that a flood of them reaches nobody (A30).
Status Group::ask(const std::vector<Id>& who, const Id& by, Millis now) {
  std::vector<GroupRequest> requests = requests_;
  for (const Id& id : who) {
    std::erase_if(requests, [&](const GroupRequest& old) { return old.who.same_entity(id); });
    requests.push_back({.who = id, .by = by, .arrived = now});
  }
  if (requests.size() > limits::kGroupPending)
    return fail(Errc::too_many_requests, "50 requests wait for this group already");
  requests_ = std::move(requests);
  return {};
}

void Group::forget_old(Millis now) {
  std::erase_if(requests_, [&](const GroupRequest& request) {
    return now - request.arrived > limits::kGroupPendingMs;
  });
  std::erase_if(joins_, [&](const GroupRequest& join) { return now - join.arrived > kDay; });
}

bool Group::known(const Digest32& hash) const {
  const auto same = [&](const Kept& record) { return record->hash == hash; };
  return (reset_ && same(reset_)) || std::ranges::any_of(later_, same);
}

Result<GroupContent> Group::removal(std::span<const Id> who, const Id& by, Millis now,
                                    Random& random) const {
  if (!may_reset(by))
    return fail(Errc::forbidden, "only the owner and administrators take members out of a group");
  std::vector<Id> rest = now_.members;
  for (const Id& one : who) {
    if (may_reset(one))
      return fail(Errc::forbidden, "the owner and administrators cannot be taken out of a group");
    if (std::erase_if(rest, [&](const Id& member) { return member.same_entity(one); }) == 0)
      return fail(Errc::not_found, "this is no member of the group");
  }
  return GroupContent::reset(id_, std::move(rest), now, random);
}

Status Group::renew(const Document& bulletin) {
  if (!bulletin.id().same_entity(id_) || bulletin.type() != "bulletin" || !bulletin.time())
    return fail(Errc::document, "this is no bulletin of the group");
  const auto founder = founder_of(bulletin);
  if (!founder || !founder->same_entity(owner_))
    return fail(Errc::document, "the founder of a group does not change");
  if (*bulletin.time() < *bulletin_.time())
    return fail(Errc::conflict, "a newer bulletin of the group is known");
  bulletin_ = bulletin;
  std::erase_if(later_, [&](const Kept& old) {
    return about_leaders(old->content.action) && time_of(*old) < *bulletin_.time();
  });
  now_ = fold(later_, nullptr, nullptr, kForever);
  return {};
}

bool Group::was_member(const Id& who, Millis time) const {
  const auto past = std::ranges::find_if(past_, [&](const Past& old) { return time < old.until; });
  const bool current = later_.empty() || time >= time_of(*later_.back());
  if (past != past_.end()) return has(past->members, who);
  return current ? is_member(who) : has(standing_at(time).members, who);
}

Status Group::check_speaker(const Id& sender, double seconds, Millis arrived) const {
  const Millis time = content_millis(seconds);
  if (was_member(sender, time) &&
      was_member(sender, std::max(time, arrived - limits::kGroupLateMs)))
    return {};
  return fail(Errc::forbidden, "the sender was not a member of the group");
}

Status Group::check_reader(const Id& who) const {
  if (is_member(who) || is_assistant(who)) return {};
  return fail(Errc::forbidden, "only members and assistants may ask for the history");
}

std::vector<const GroupRecord*> Group::history() const {
  // Leaders of before the reset come before it, whatever else has the same time: one of them may
  // have given it.
  const auto first = [&](const Kept& record) {
    return about_leaders(record->content.action) && time_of(*record) <= floor_;
  };
  std::vector<const GroupRecord*> out;
  for (const Kept& record : later_) {
    if (first(record)) out.push_back(record.get());
  }
  if (reset_) out.push_back(reset_.get());
  for (const Kept& record : later_) {
    if (!first(record)) out.push_back(record.get());
  }
  return out;
}

Millis Group::history_time() const {
  Millis newest = reset_ ? time_of(*reset_) : 0;
  if (!later_.empty()) newest = std::max(newest, time_of(*later_.back()));
  return newest;
}

std::vector<GroupRequest> Group::requests(Millis now) const {
  std::vector<GroupRequest> out = requests_;
  std::erase_if(out, [&](const GroupRequest& request) {
    return now - request.arrived > limits::kGroupPendingMs;
  });
  return out;
}

}  // namespace dim
