#include "client/hub_names.h"

#include <algorithm>

#include "client/fields.h"
#include "dim/engine/hub_roster.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "hubs";
constexpr std::string_view kKey = "mine";
// By GUID: the private hub that a channel is in.
constexpr std::string_view kPrivateChannels = "private channels";
// By ID: what a private hub has been called.
constexpr std::string_view kPrivateNames = "private names";
constexpr std::size_t kNamesKept = 50;  // of one hub

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

std::vector<std::string> names_in(const JsonObject& row) {
  std::vector<std::string> out;
  const Json* list = row.find("names");
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& one : *list->array()) {
    if (one.text() != nullptr) out.push_back(*one.text());
  }
  return out;
}

/// Whether `where` begins with what another hub, a private one, has been called in this home. A
/// station that leaves that one out, and shows a hub of its own by its name, gets nothing.
Status check_name(Home& home, std::string_view where, const HubView& found) {
  const auto rows = home.vault().list(kPrivateNames);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    if (!object || text_in(*object, "hub") == found.id) continue;
    for (const std::string& name : names_in(*object)) {
      if (begins_with(where, name))
        return fail(Errc::usage,
                    "a private hub has this name in this home, and the station shows another hub "
                    "by it; use an ID of `dim hub list`, or give the hub an alias: `dim contacts "
                    "ID --alias NAME`");
    }
  }
  return {};
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
    if (guid && hub.channels.contains(*guid)) {
      const auto owner = private_hub_of(home, *guid);
      if (!owner) return std::unexpected(owner.error());
      if (owner->value_or(hub.id) == hub.id) return HubPlace{hub, *guid};
    }
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
  if (out) {
    if (auto known = check_name(home, where, out->hub); !known)
      return std::unexpected(known.error());
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
    // What has turned out to be a private hub's since.
    if (auto own = drop_borrowed(home, *hub); !own && own.error().code != Errc::conflict)
      return std::unexpected(own.error());
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

Result<std::optional<std::string>> private_hub_of(Home& home, const Guid& channel) {
  return home.vault().get(kPrivateChannels, channel.text());
}

Status keep_private(Home& home, const HubView& hub) {
  if (!is_private_hub(hub.id)) return {};
  return home.vault().transaction([&]() -> Status {
    for (const auto& [guid, unused] : hub.channels) {
      const auto owner = private_hub_of(home, guid);
      if (!owner) return std::unexpected(owner.error());
      if (*owner) continue;
      if (auto put = home.vault().put(kPrivateChannels, guid.text(), hub.id); !put) return put;
    }
    const auto before = home.vault().get(kPrivateNames, hub.id);
    if (!before) return std::unexpected(before.error());
    const auto row = parse_json_object(before->value_or(""));
    std::vector<std::string> names = row ? names_in(*row) : std::vector<std::string>();
    if (hub.name.empty() || std::ranges::find(names, hub.name) != names.end()) return {};
    if (names.size() >= kNamesKept) names.erase(names.begin());
    names.push_back(hub.name);
    JsonArray list;
    for (std::string& name : names) list.emplace_back(std::move(name));
    JsonObject now;
    now.set("hub", hub.id);
    now.set("names", std::move(list));
    return home.vault().put(kPrivateNames, hub.id, write_json(now));
  });
}

Status drop_borrowed(Home& home, HubView& hub) {
  bool some = false;
  for (auto it = hub.channels.begin(); it != hub.channels.end();) {
    const auto owner = private_hub_of(home, it->first);
    if (!owner) return std::unexpected(owner.error());
    const bool borrowed = owner->value_or(hub.id) != hub.id;
    it = borrowed ? hub.channels.erase(it) : std::next(it);
    some = some || borrowed;
  }
  if (some)
    return fail(Errc::conflict, "the station shows a channel of a private hub as one of another");
  return {};
}

Status forget_names(Home& home, const std::string& hub) {
  return home.vault().erase(kPrivateNames, hub);
}

}  // namespace dim
