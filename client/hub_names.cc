#include "client/hub_names.h"

#include <algorithm>

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

/// Who chooses a name must not take an ID away from what has it.
Status find_channel(const HubView& hub, std::string_view name, std::optional<HubPlace>& out) {
  if (const auto guid = Guid::parse(name); guid && hub.channels.contains(*guid))
    return take(out, hub, *guid);
  for (const auto& [key, channel] : hub.channels) {
    if (channel.name != name) continue;
    if (auto done = take(out, hub, key); !done) return done;
  }
  return {};
}

/// Whether `where` is `name` or `name`/CHANNEL.
bool begins_with(std::string_view where, std::string_view name) {
  return !name.empty() && where.starts_with(name) &&
         (where.size() == name.size() || where[name.size()] == '/');
}

/// `where` begins with `name`, which means this hub.
Status find_in_hub(const HubView& hub, std::string_view where, std::string_view name,
                   std::optional<HubPlace>& out) {
  const std::string_view rest = where.substr(name.size());
  if (rest.empty()) return take(out, hub, std::nullopt);
  return rest.size() > 1 ? find_channel(hub, rest.substr(1), out) : Status();
}

template <class T>
Result<Guid> find_in(const std::map<Guid, T>& all, std::string_view name) {
  if (const auto guid = Guid::parse(name); guid && all.contains(*guid)) return *guid;
  std::optional<Guid> out;
  for (const auto& [key, one] : all) {
    if (one.name != name) continue;
    if (out) return fail(Errc::usage, "several of this hub have this name; use the ID");
    out = key;
  }
  if (!out)
    return fail(Errc::not_found, "the hub has nothing of that name; `dim hub show HUB` lists all");
  return *out;
}

Result<HubPlace> place_or_none(std::optional<HubPlace> out) {
  if (out) return std::move(*out);
  return fail(Errc::not_found,
              "you are in no hub, or the hub has no channel, of that name; `dim hub list` and "
              "`dim channel list HUB` show what there is");
}

}  // namespace

Result<HubPlace> find_place(const std::vector<HubView>& hubs, std::string_view where, Home& home) {
  std::optional<HubPlace> out;
  const auto guid = Guid::parse(where);
  for (const HubView& hub : hubs) {
    if (guid && hub.channels.contains(*guid)) return HubPlace{hub, *guid};
    if (!begins_with(where, hub.id)) continue;
    if (auto done = find_in_hub(hub, where, hub.id, out); !done)
      return std::unexpected(done.error());
    return place_or_none(std::move(out));
  }
  auto contacts = home.contacts();
  if (!contacts) return std::unexpected(contacts.error());
  bool by_alias = false;
  for (const Contact& contact : *contacts) {
    if (!contact.id.is_group() || !begins_with(where, contact.alias)) continue;
    by_alias = true;
    const auto hub = std::ranges::find(hubs, contact.id.bare().text(), &HubView::id);
    if (hub == hubs.end()) continue;
    if (auto done = find_in_hub(*hub, where, contact.alias, out); !done)
      return std::unexpected(done.error());
  }
  if (by_alias) {
    if (out) return std::move(*out);
    return fail(Errc::not_found,
                "this is your alias of a hub or group, and you are not in such a hub, or it has no "
                "such channel; another hub of that name goes by its ID: `dim hub list`");
  }
  for (const HubView& hub : hubs) {
    if (!begins_with(where, hub.name)) continue;
    if (auto done = find_in_hub(hub, where, hub.name, out); !done)
      return std::unexpected(done.error());
  }
  return place_or_none(std::move(out));
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

void add_kept(Home& home, std::vector<HubView>& hubs, const std::set<std::string>& unreadable) {
  if (unreadable.empty()) return;
  auto kept = kept_hubs(home);
  if (!kept) return;
  for (HubView& old : *kept) {
    if (!unreadable.contains(old.id)) continue;
    const auto hub = std::ranges::find(hubs, old.id, &HubView::id);
    if (hub == hubs.end()) {
      hubs.push_back(std::move(old));
    } else {
      hub->channels.insert(old.channels.begin(), old.channels.end());
    }
  }
}

}  // namespace dim
