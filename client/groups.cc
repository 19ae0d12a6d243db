#include "client/groups.h"

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::string_view kGroups = "groups";

}  // namespace

Groups::Groups(Home& home, Random& random) : home_(home), random_(random) {
  // What is kept begins with documents that this account has signed.
  const Account& me = home.account();
  if (home.directory().learn_meta(me.id, me.meta)) (void)home.directory().prove(me.id, me.meta);
}

Result<const Group*> Groups::find(const Id& group, Millis now) {
  const std::string key = group.bare().text();
  if (const auto found = known_.find(key); found != known_.end()) return &found->second;
  auto body = home_.vault().get(kGroups, key);
  if (!body) return std::unexpected(body.error());
  if (!*body) return nullptr;
  auto object = parse_json_object(**body);
  const Json* forward = object ? object->find("forward") : nullptr;
  if (forward == nullptr || forward->object() == nullptr) return nullptr;
  auto content = decode_content(*forward->object());
  const auto* kept = content ? content->as<ForwardContent>() : nullptr;
  if (kept == nullptr) return nullptr;
  HistoryRead read = read_history(*kept, group.bare(), std::nullopt, home_.account(),
                                  home_.directory(), now, integer_in(*object, "reset"));
  if (!read.group) return nullptr;
  return &known_.insert_or_assign(key, std::move(*read.group)).first->second;
}

Result<Groups::Read> Groups::read(const ForwardContent& forward, const Id& group, Millis now) {
  auto before = find(group, now);
  if (!before) return std::unexpected(before.error());
  const std::string key = group.bare().text();
  std::optional<Group> known;
  if (*before != nullptr) known = **before;
  const Millis floor = known ? known->reset_time() : 0;
  HistoryRead read = read_history(forward, group.bare(), std::move(known), home_.account(),
                                  home_.directory(), now, floor);
  Read out{.missing = read.missing};
  if (!read.group || (read.applied == 0 && *before != nullptr)) return out;
  // Its founder's meta has to be there when the group is loaded again.
  const Id owner = read.group->owner();
  if (const Known* founder = home_.directory().find(owner); founder != nullptr && founder->meta) {
    const JsonObject meta = founder->meta->json();
    if (auto kept = home_.learn(owner, meta, {}, now); !kept) return std::unexpected(kept.error());
  }
  auto packed = pack_history(*read.group, home_.directory(), home_.account(), now, random_);
  if (!packed) return std::unexpected(packed.error());
  JsonObject row;
  row.set("reset", read.group->reset_time());
  row.set("forward", encode_content(Content(std::move(*packed))));
  if (auto put = home_.vault().put(kGroups, key, write_json(row)); !put) {
    return std::unexpected(put.error());
  }
  known_.insert_or_assign(key, std::move(*read.group));
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

}  // namespace dim
