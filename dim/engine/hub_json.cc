// What GET shows of a hub's objects.
#include "dim/engine/hub.h"
#include "dim/engine/hub_body.h"

namespace dim {
namespace {

Json count(std::size_t number) { return static_cast<std::int64_t>(number); }

}  // namespace

JsonObject Hub::hub_json() const {
  JsonObject out;
  out.set("hub", id_);
  out.set("name", name_);
  out.set("topic", topic_);
  out.set("owner", owner_);
  out.set("kind", private_ ? "private" : "public");
  if (private_) out.set("epoch", count(roster_.size()));
  out.set("everyone", words_json(everyone_));
  out.set("members", count(members_.size()));
  out.set("revision", revision_);
  JsonArray categories, channels, roles;
  for (const auto& [guid, one] : categories_) categories.emplace_back(category_json(guid));
  for (const auto& [guid, one] : roles_) roles.emplace_back(role_json(guid));
  out.set("categories", std::move(categories));
  out.set("roles", std::move(roles));
  return out;
}

JsonObject Hub::category_json(const Guid& guid) const {
  const HubCategory& category = categories_.at(guid);
  JsonObject out;
  out.set("guid", guid.text());
  out.set("name", category.name);
  out.set("position", category.position);
  out.set("revision", category.revision);
  return out;
}

JsonObject Hub::channel_json(const Guid& guid) const {
  const HubChannel& channel = channels_.at(guid);
  JsonObject out;
  out.set("guid", guid.text());
  out.set("name", channel.name);
  out.set("topic", channel.topic);
  out.set("kind", to_string(channel.kind));
  out.set("category", channel.category ? Json(channel.category->text()) : Json());
  out.set("position", channel.position);
  if (channel.retention != 0) out.set("retention", channel.retention);
  JsonArray overrides;
  for (const HubOverride& one : channel.overrides) {
    JsonObject object;
    object.set("role", one.role ? one.role->text() : "everyone");
    object.set("allow", words_json(one.allow));
    object.set("deny", words_json(one.deny));
    overrides.emplace_back(std::move(object));
  }
  out.set("overrides", std::move(overrides));
  out.set("revision", channel.revision);
  return out;
}

JsonObject Hub::role_json(const Guid& guid) const {
  const HubRole& role = roles_.at(guid);
  JsonObject out;
  out.set("guid", guid.text());
  out.set("name", role.name);
  out.set("permissions", words_json(role.permissions));
  out.set("rank", role.rank);
  out.set("revision", role.revision);
  return out;
}

JsonObject Hub::member_json(std::string_view who, Millis now) const {
  const HubMember& member = members_.find(who)->second;
  JsonObject out;
  out.set("member", who);
  JsonArray roles;
  for (const Guid& role : member.roles) roles.emplace_back(role.text());
  out.set("roles", std::move(roles));
  out.set("joined", format_time(member.joined));
  if (is_muted(who, now)) {
    const Millis until = mutes_.find(who)->second.until;
    out.set("muted", until == 0 ? Json(true) : Json(format_time(until)));
  }
  out.set("revision", member.revision);
  return out;
}

JsonObject Hub::invite_json(const Guid& guid) const {
  const HubInvite& invite = invites_.at(guid);
  JsonObject out;
  out.set("guid", guid.text());
  out.set("author", invite.author);
  if (invite.uses >= 0) out.set("uses", invite.uses);
  if (invite.expires != 0) out.set("expires", format_time(invite.expires));
  out.set("approval", invite.approval);
  return out;
}

JsonObject Hub::request_json(std::string_view who) const {
  const HubRequest& request = requests_.find(who)->second;
  JsonObject out;
  out.set("member", who);
  out.set("time", format_time(request.arrived));  // not the invite: it is a key
  return out;
}

JsonObject Hub::penalty_json(std::string_view who, const HubPenalty& penalty) {
  JsonObject out;
  out.set("member", who);
  out.set("author", penalty.by);
  out.set("reason", penalty.reason);
  out.set("time", format_time(penalty.time));
  if (penalty.until != 0) out.set("until", format_time(penalty.until));
  return out;
}

}  // namespace dim
