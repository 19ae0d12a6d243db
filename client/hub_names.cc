#include "client/hub_names.h"

#include "client/fields.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "hubs";
constexpr std::string_view kKey = "mine";

/// Adds `found` to `out`; two different ones are one too many.
Status take(std::optional<HubPlace>& out, const HubView& hub, std::optional<Guid> channel) {
  if (out && (out->hub.id != hub.id || out->channel != channel)) {
    return fail(
        Errc::usage,
        "several have this name; use an ID of `dim hub list` or `dim channel list`, or give "
        "the hub an alias: `dim contacts ID --alias NAME`");
  }
  out = HubPlace{hub, channel};
  return {};
}

Status find_channel(const HubView& hub, std::string_view name, std::optional<HubPlace>& out) {
  const auto guid = Guid::parse(name);
  for (const auto& [key, channel] : hub.channels) {
    if (channel.name != name && !(guid && *guid == key)) continue;
    if (auto done = take(out, hub, key); !done) return done;
  }
  return {};
}

template <class T>
Result<Guid> find_in(const std::map<Guid, T>& all, std::string_view name) {
  std::optional<Guid> out;
  const auto guid = Guid::parse(name);
  for (const auto& [key, one] : all) {
    if (one.name != name && !(guid && *guid == key)) continue;
    if (out) return fail(Errc::usage, "several of this hub have this name; use the ID");
    out = key;
  }
  if (!out)
    return fail(Errc::not_found, "the hub has nothing of that name; `dim hub show HUB` lists all");
  return *out;
}

}  // namespace

Result<HubPlace> find_place(const std::vector<HubView>& hubs, std::string_view where, Home& home) {
  std::optional<HubPlace> out;
  for (const HubView& hub : hubs) {
    std::string alias;
    if (const auto id = Id::parse(hub.id)) {
      auto contact = home.contact(*id);
      if (!contact) return std::unexpected(contact.error());
      if (*contact) alias = (*contact)->alias;
    }
    Status done;
    for (const std::string& name : {hub.id, hub.name, alias}) {
      if (name.empty() || !where.starts_with(name)) continue;
      const std::string_view rest = where.substr(name.size());
      if (rest.empty()) done = take(out, hub, std::nullopt);
      if (rest.size() > 1 && rest.front() == '/') done = find_channel(hub, rest.substr(1), out);
      if (!done) return std::unexpected(done.error());
    }
    if (const auto guid = Guid::parse(where); guid && hub.channels.contains(*guid)) {
      if (done = take(out, hub, *guid); !done) return std::unexpected(done.error());
    }
  }
  if (!out) {
    return fail(Errc::not_found,
                "you are in no hub, or the hub has no channel, of that name; `dim hub list` and "
                "`dim channel list HUB` show what there is");
  }
  return std::move(*out);
}

Result<Guid> find_named(const std::map<Guid, HubCategory>& all, std::string_view name) {
  return find_in(all, name);
}
Result<Guid> find_named(const std::map<Guid, HubRole>& all, std::string_view name) {
  return find_in(all, name);
}

Status keep_hubs(Home& home, const std::vector<HubView>& hubs) {
  JsonArray list;
  for (const HubView& hub : hubs) {
    JsonArray channels;
    for (const auto& [guid, channel] : hub.channels) {
      JsonObject one;
      one.set("guid", guid.text());
      one.set("name", channel.name);
      channels.emplace_back(std::move(one));
    }
    JsonObject one;
    one.set("hub", hub.id);
    one.set("name", hub.name);
    one.set("owner", hub.owner);
    one.set("channels", std::move(channels));
    list.emplace_back(std::move(one));
  }
  JsonObject all;
  all.set("list", std::move(list));
  std::string body = write_json(all);
  auto before = home.vault().get(kBucket, kKey);
  if (!before) return std::unexpected(before.error());
  if (*before && **before == body) return {};
  return home.vault().put(kBucket, kKey, body);
}

Result<std::vector<HubView>> kept_hubs(Home& home) {
  auto body = home.vault().get(kBucket, kKey);
  if (!body) return std::unexpected(body.error());
  std::vector<HubView> out;
  if (!*body) return out;
  auto list = read_list(**body);
  if (!list) return std::unexpected(list.error());
  for (const JsonObject& one : *list) {
    auto hub = read_hub(one);
    if (!hub) return std::unexpected(hub.error());
    const Json* channels = one.find("channels");
    if (channels != nullptr && channels->array() != nullptr) {
      for (const Json& shown : *channels->array()) {
        if (shown.object() == nullptr) continue;
        if (auto channel = read_channel_view(*shown.object()))
          hub->channels.insert(std::move(*channel));
      }
    }
    out.push_back(std::move(*hub));
  }
  return out;
}

}  // namespace dim
