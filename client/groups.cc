#include "client/groups.h"

#include <algorithm>

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::string_view kGroups = "groups";
constexpr std::string_view kAsked = "group-requests";

bool has(const std::vector<Id>& ids, const Id& who) {
  return std::ranges::any_of(ids, [&](const Id& id) { return id.same_entity(who); });
}

std::vector<Id> without(const std::vector<Id>& all, const std::vector<Id>& these) {
  std::vector<Id> out;
  for (const Id& id : all) {
    if (!has(these, id)) out.push_back(id);
  }
  return out;
}

/// As they lie in the vault.
Result<std::vector<GroupRequest>> kept_requests(Vault& vault, const Id& group, Millis now) {
  auto body = vault.get(kAsked, group.bare().text());
  if (!body) return std::unexpected(body.error());
  std::vector<GroupRequest> out;
  auto object = parse_json_object(body->value_or(""));
  const Json* list = object ? object->find("requests") : nullptr;
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& item : *list->array()) {
    const JsonObject* one = item.object();
    auto who = one != nullptr ? Id::parse(text_in(*one, "who")) : Result<Id>(fail(Errc::id, ""));
    auto by = one != nullptr ? Id::parse(text_in(*one, "by")) : Result<Id>(fail(Errc::id, ""));
    if (!who || !by) continue;
    const Millis arrived = integer_in(*one, "arrived");
    if (now - arrived > limits::kGroupPendingMs) continue;
    out.push_back({.who = *who, .by = *by, .arrived = arrived});
  }
  return out;
}

Status put_requests(Vault& vault, const Id& group, const std::vector<GroupRequest>& requests) {
  JsonArray list;
  for (const GroupRequest& request : requests) {
    JsonObject one;
    one.set("who", request.who.text());
    one.set("by", request.by.text());
    one.set("arrived", request.arrived);
    list.emplace_back(std::move(one));
  }
  JsonObject object;
  object.set("requests", std::move(list));
  return vault.put(kAsked, group.bare().text(), write_json(object));
}

}  // namespace

Groups::Groups(Home& home, Random& random) : home_(home), random_(random) {
  // What is kept begins with documents that this account has signed.
  const Account& me = home.account();
  if (home.directory().learn_meta(me.id, me.meta)) (void)home.directory().prove(me.id, me.meta);
}

Result<const Group*> Groups::find(const Id& group, Millis now) {
  const std::string key = group.bare().text();
  auto body = home_.vault().get(kGroups, key);
  if (!body) return std::unexpected(body.error());
  if (!*body) return nullptr;
  const auto found = known_.find(key);
  if (found != known_.end() && found->second.body == **body) return &found->second.group;
  auto object = parse_json_object(**body);
  const Json* forward = object ? object->find("forward") : nullptr;
  if (forward == nullptr || forward->object() == nullptr) return nullptr;
  auto content = decode_content(*forward->object());
  const auto* kept = content ? content->as<ForwardContent>() : nullptr;
  if (kept == nullptr) return nullptr;
  HistoryRead read = read_history(*kept, group.bare(), std::nullopt, home_.account(),
                                  home_.directory(), now, integer_in(*object, "reset"));
  if (!read.group) return nullptr;
  return &known_.insert_or_assign(key, Kept{std::move(**body), std::move(*read.group)})
              .first->second.group;
}

Result<std::vector<Id>> Groups::all() {
  auto rows = home_.vault().list(kGroups);
  if (!rows) return std::unexpected(rows.error());
  std::vector<Id> out;
  for (const auto& row : *rows) {
    auto object = parse_json_object(row.body);
    auto id = object ? Id::parse(text_in(*object, "id")) : Result<Id>(fail(Errc::id, "none"));
    if (id) out.push_back(*id);
  }
  return out;
}

Status Groups::keep(Group group, Millis now) {
  // The metas of group and founder have to be there when it is loaded again.
  for (const Id& id : {group.owner(), group.id()}) {
    const Known* known = home_.directory().find(id);
    if (known == nullptr || !known->meta) continue;
    const JsonObject meta = known->meta->json();
    if (auto kept = home_.learn(id, meta, {}, now); !kept) return kept;
  }
  auto packed = pack_history(group, home_.directory(), home_.account(), now, random_);
  if (!packed) return std::unexpected(packed.error());
  JsonObject row;
  row.set("id", group.id().text());
  row.set("reset", group.reset_time());
  row.set("forward", encode_content(Content(std::move(*packed))));
  std::string body = write_json(row);
  const std::string key = group.id().text();
  if (auto put = home_.vault().put(kGroups, key, body); !put) return put;
  // Whoever was taken in has had an answer: it does not count again when they have left.
  auto asking = kept_requests(home_.vault(), group.id(), now);
  if (!asking) return std::unexpected(asking.error());
  const auto is_in = [&](const GroupRequest& one) { return group.is_member(one.who); };
  if (std::erase_if(*asking, is_in) > 0) {
    if (auto put = put_requests(home_.vault(), group.id(), *asking); !put) return put;
  }
  known_.insert_or_assign(key, Kept{std::move(body), std::move(group)});
  return {};
}

Result<Groups::Read> Groups::read(const ForwardContent& forward, const Id& group, Millis now,
                                  const std::function<bool(const Read&)>& too_early) {
  auto before = find(group, now);
  if (!before) return std::unexpected(before.error());
  std::optional<Group> known;
  if (*before != nullptr) known = **before;
  const std::vector<Id> members = known ? known->members() : std::vector<Id>();
  const std::vector<Id> leaders = known ? known->administrators() : std::vector<Id>();
  const std::string name = known ? known->name() : std::string();
  const Millis floor = known ? known->reset_time() : 0;
  const std::optional<Millis> bulletin = known ? known->bulletin().time() : std::nullopt;
  HistoryRead read = read_history(forward, group.bare(), std::move(known), home_.account(),
                                  home_.directory(), now, floor);
  Read out{.missing = read.missing};
  if (!read.group) return out;
  // Groups of strangers are nobody's business here.
  const Id& self = home_.account().id;
  if (*before == nullptr && !read.group->is_member(self) && !read.group->may_reset(self))
    return out;
  const bool renewed = bulletin != read.group->bulletin().time();
  const bool changes = read.applied > 0 || renewed;
  if (changes) {
    out.added = without(read.group->members(), members);
    out.removed = without(members, read.group->members());
    out.promoted = without(read.group->administrators(), leaders);
    out.demoted = without(leaders, read.group->administrators());
    if (!name.empty() && name != read.group->name()) out.renamed = read.group->name();
  }
  const bool asked = read.waiting > 0 && read.group->may_reset(home_.account().id);
  if (asked) {
    for (const GroupRequest& request : read.group->requests(now)) out.asking.push_back(request.who);
  }
  if (too_early && (changes || asked) && too_early(out)) return Read{.missing = read.missing};
  if (asked) {
    auto asking = take_requests(*read.group, now);
    if (!asking) return std::unexpected(asking.error());
    out.asking = std::move(*asking);
  }
  if (!changes) return out;
  out.first = *before == nullptr;
  if (auto kept = keep(std::move(*read.group), now); !kept) return std::unexpected(kept.error());
  out.changed = true;
  return out;
}

Result<ForwardContent> Groups::history_for(const Id& reader, const Id& group, Millis now) {
  auto found = find(group, now);
  if (!found) return std::unexpected(found.error());
  if (*found == nullptr) return fail(Errc::not_found, "this group is not known here");
  if (auto allowed = (*found)->check_reader(reader); !allowed) {
    return std::unexpected(allowed.error());
  }
  return pack_history(**found, home_.directory(), home_.account(), now, random_);
}

Result<std::vector<GroupRequest>> Groups::requests(const Id& group, Millis now) {
  auto out = kept_requests(home_.vault(), group, now);
  auto known = find(group, now);
  if (!known) return std::unexpected(known.error());
  if (out && *known != nullptr)
    std::erase_if(*out, [&](const GroupRequest& one) { return (*known)->is_member(one.who); });
  return out;
}

// Only leaders can grant a request, so only they keep it. Who asks again is not heard again.
Result<std::vector<Id>> Groups::take_requests(const Group& group, Millis now) {
  std::vector<Id> fresh;
  if (!group.may_reset(home_.account().id)) return fresh;
  auto kept = requests(group.id(), now);
  if (!kept) return std::unexpected(kept.error());
  for (const GroupRequest& request : group.requests(now)) {
    const bool known = std::ranges::any_of(
        *kept, [&](const GroupRequest& old) { return old.who.same_entity(request.who); });
    if (known || kept->size() >= limits::kGroupPending) continue;
    kept->push_back(request);
    fresh.push_back(request.who);
  }
  if (fresh.empty()) return fresh;
  if (auto put = put_requests(home_.vault(), group.id(), *kept); !put)
    return std::unexpected(put.error());
  return fresh;
}

}  // namespace dim
