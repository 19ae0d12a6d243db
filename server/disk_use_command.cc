#include "server/disk_use_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "dim/engine/hub.h"
#include "server/admin_channel.h"
#include "server/store_failure.h"
#include "sqlite/folder_lock.h"

namespace dim {
namespace {

/// What each part of DiskUse is, for people.
constexpr std::pair<std::string_view, std::string_view> kMeanings[] = {
    {"channels", "messages of channels, earlier texts, reactions, marks"},
    {"indexes", "indexes: words for search, order, what is unread"},
    {"waiting", "messages that wait for their receivers, and GUIDs seen"},
    {"people", "identities, documents, names, sessions"},
    {"hubs", "changes of hubs"},
    {"files-table", "which files are whose"},
    {"operator", "settings and the log of acts"},
    {"schema", "the list of tables"},
    {"tables", "other tables"},
    {"free", "free pages of the database, for what comes"},
    {"log", "the log of the database, moved into it when it is quiet"},
    {"keys", "keys of the station, of messages and of words"},
    {"files", "files that users have uploaded"},
    {"reserve", "room that is kept for a full disk"},
    {"other", "other files in the folder"}};

std::string size_text(std::int64_t bytes) {
  constexpr std::string_view kUnits[] = {"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1'024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1'024;
  std::size_t unit = 0;
  for (; value >= 1'024 && unit + 1 < std::size(kUnits); ++unit) value /= 1'024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string line(std::int64_t bytes, std::string_view what) {
  return fmt::format("{:>12}  {}\n", size_text(bytes), what);
}

template <class List>
std::size_t shown_of(const List& list, std::size_t limit) {
  return limit == 0 ? list.size() : std::min(limit, list.size());
}

template <class List>
void say_rest(std::string& out, const List& list, std::size_t shown, std::string_view what) {
  if (shown < list.size())
    out += fmt::format("{:>12}  {} more {}; --limit 0 shows all\n", "", list.size() - shown, what);
}

JsonObject use_json(const ChannelUse& use) {
  JsonObject out;
  out.set("messages", use.messages);
  out.set("bytes", use.bytes);
  return out;
}

std::string files_text(std::int64_t bytes) {
  return bytes == 0 ? std::string() : fmt::format("  and {} of files", size_text(bytes));
}

/// When an object that nothing uses goes.
std::string end_text(const DiskUnused& one, Millis keep_ms) {
  return keep_ms == 0 ? std::string("stays until its owner deletes it")
                      : "goes " + format_time(one.since + keep_ms);
}

std::string unused_text(const DiskUse& use, const DiskUseOptions& options) {
  const DiskFiles& files = use.files;
  std::string out = "\nfiles, by what holds them\n";
  for (const auto& [bytes, what] :
       {std::pair{files.channels, "messages of channels"},
        std::pair{files.waiting, "messages that wait for a person"},
        std::pair{files.unused, "nothing: no message at this station uses them"},
        std::pair{files.gone, "ended, and being removed"},
        std::pair{files.uploads, "uploads that are not complete"}}) {
    if (bytes != 0) out += line(bytes, what);
  }
  const std::size_t shown = shown_of(use.unused, options.limit);
  if (shown != 0) out += "\nfiles that no message uses\n";
  for (const DiskUnused& one : std::span(use.unused).first(shown)) {
    out += line(one.bytes, fmt::format("{}  {}  {}", one.guid.text(), escape(one.owner, 128),
                                       end_text(one, options.keep_ms)));
  }
  say_rest(out, use.unused, shown, "files");
  return out;
}

std::string explain_text(const DiskUse& use, const DiskUseOptions& options) {
  const std::size_t limit = options.limit;
  std::string out = "\nhubs and their channels, by the bytes of their texts\n";
  const auto hubs = named_hubs(use);
  for (std::size_t i = 0; i < shown_of(hubs, limit); ++i) {
    const NamedHub& hub = hubs[i];
    out += line(hub.use.bytes,
                hub.id.empty() ? "channels that were deleted, being removed" + files_text(hub.files)
                               : fmt::format("{}  {}  {} messages{}", escape(hub.name, 64), hub.id,
                                             hub.use.messages, files_text(hub.files)));
    const std::size_t channels = shown_of(hub.channels, limit);
    for (std::size_t k = 0; k < channels; ++k) {
      const NamedChannel& one = hub.channels[k];
      out += line(one.use.bytes, fmt::format("  {}  {}  {} messages{}", escape(one.name, 64),
                                             one.guid, one.use.messages, files_text(one.files)));
    }
    say_rest(out, hub.channels, channels, "channels");
  }
  say_rest(out, hubs, shown_of(hubs, limit), "hubs");
  out +=
      "\nusers: what waits for them, their documents, their files (the same bytes are kept "
      "once)\n";
  const std::size_t users = shown_of(use.users, limit);
  for (std::size_t i = 0; i < users; ++i) {
    const DiskUser& one = use.users[i];
    out +=
        line(one.all(), fmt::format("{}  {} + {} + {}", escape(one.id, 128), size_text(one.waiting),
                                    size_text(one.documents), size_text(one.files)));
  }
  say_rest(out, use.users, users, "users");
  return out + unused_text(use, options);
}

std::string json_lines(const DiskUse& use, const DiskUseOptions& options) {
  JsonObject parts;
  for (const DiskPart& one : use.parts) parts.set(one.name, one.bytes);
  JsonObject head;
  head.set("total", use.total);
  head.set("parts", std::move(parts));
  std::string out = write_json(head) + "\n";
  if (!options.explain) return out;
  const auto hubs = named_hubs(use);
  for (std::size_t i = 0; i < shown_of(hubs, options.limit); ++i) {
    const NamedHub& hub = hubs[i];
    JsonObject one = use_json(hub.use);
    one.set("hub", hub.id);
    one.set("name", hub.name);
    one.set("files", hub.files);
    out += write_json(one) + "\n";
    for (std::size_t k = 0; k < shown_of(hub.channels, options.limit); ++k) {
      JsonObject channel = use_json(hub.channels[k].use);
      channel.set("channel", hub.channels[k].guid);
      channel.set("of", hub.id);
      channel.set("name", hub.channels[k].name);
      channel.set("files", hub.channels[k].files);
      out += write_json(channel) + "\n";
    }
  }
  for (std::size_t i = 0; i < shown_of(use.users, options.limit); ++i) {
    JsonObject one;
    one.set("user", use.users[i].id);
    one.set("waiting", use.users[i].waiting);
    one.set("documents", use.users[i].documents);
    one.set("files", use.users[i].files);
    out += write_json(one) + "\n";
  }
  JsonObject held;
  held.set("channels", use.files.channels);
  held.set("waiting", use.files.waiting);
  held.set("unused", use.files.unused);
  held.set("gone", use.files.gone);
  held.set("uploads", use.files.uploads);
  JsonObject files;
  files.set("files", std::move(held));
  out += write_json(files) + "\n";
  for (const DiskUnused& unused :
       std::span(use.unused).first(shown_of(use.unused, options.limit))) {
    JsonObject one;
    one.set("file", unused.guid.text());
    one.set("owner", unused.owner);
    one.set("bytes", unused.bytes);
    one.set("since", format_time(unused.since));
    if (options.keep_ms != 0) one.set("goes", format_time(unused.since + options.keep_ms));
    out += write_json(one) + "\n";
  }
  return out;
}

}  // namespace

std::vector<NamedHub> named_hubs(const DiskUse& use) {
  std::map<std::string, std::optional<Hub>> hubs;
  for (const StoredHubChange& stored : use.hub_changes) {
    const auto change = HubChange::parse(stored.change);
    auto& hub = hubs[stored.hub];
    if (!change) continue;
    if (!hub) {
      if (auto made = Hub::found(stored.hub, *change)) hub = std::move(*made);
      continue;
    }
    // One that cannot be read costs a name, and no count.
    static_cast<void>(hub->apply(*change));
  }
  std::map<Guid, std::pair<std::string, std::string>> places;  // channel: hub, name
  std::map<std::string, NamedHub> found;
  for (const auto& [id, hub] : hubs) {
    if (!hub || hub->deleted()) continue;
    found[id] = {.id = id, .name = hub->name()};
    for (const auto& [guid, channel] : hub->channels())
      places.emplace(guid, std::pair{id, channel.name});
  }
  for (const DiskChannel& one : use.channels) {
    const auto place = places.find(one.guid);
    NamedHub& hub = found[place == places.end() || one.dropped ? "" : place->second.first];
    hub.use.messages += one.use.messages;
    hub.use.bytes += one.use.bytes;
    hub.files += one.files;
    hub.channels.push_back(
        {one.guid.text(), place == places.end() ? "" : place->second.second, one.use, one.files});
  }
  std::vector<NamedHub> out;
  for (auto& [id, hub] : found) out.push_back(std::move(hub));
  std::ranges::sort(out, {}, [](const NamedHub& hub) { return std::pair(-hub.use.bytes, hub.id); });
  return out;
}

std::string disk_use_text(const DiskUse& use, const DiskUseOptions& options) {
  if (options.json) return json_lines(use, options);
  std::string out;
  for (const DiskPart& one : use.parts) {
    if (one.bytes == 0) continue;
    const auto meaning = std::ranges::find(kMeanings, one.name,
                                           &std::pair<std::string_view, std::string_view>::first);
    out += line(one.bytes, meaning == std::end(kMeanings) ? one.name : meaning->second);
  }
  out += line(use.total, "in all");
  return options.explain ? out + explain_text(use, options) : out;
}

std::expected<DiskUse, Failure> disk_use_of(const std::string& data) {
  std::error_code error;
  // The lock would make what is not there.
  if (!std::filesystem::is_regular_file(data + "/station.db", error)) {
    return std::unexpected(
        Failure{Exit::usage, fmt::format("{}: no station.db is there; name the folder of the "
                                         "station with --data",
                                         data)});
  }
  act_as_owner(data);
  const auto lock = FolderLock::take(data);
  if (!lock && lock.error().code != Errc::conflict)
    return std::unexpected(store_failure(data, lock.error()));
  auto use = read_disk_use(data, lock.has_value());
  if (use) return std::move(*use);
  if (use.error().code == Errc::conflict) {
    return std::unexpected(Failure{
        Exit::failed, fmt::format("{}: the database is busy; try again in a moment", data)});
  }
  if (use.error().code == Errc::edition)
    return std::unexpected(Failure{Exit::keys, fmt::format("{}: {}", data, use.error().hint)});
  return std::unexpected(store_failure(data, use.error()));
}

}  // namespace dim
