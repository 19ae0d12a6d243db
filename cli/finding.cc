// What waits and what was said, in channels and between people: `dim search`, `dim unread`.
#include <fmt/core.h>

#include <algorithm>
#include <map>

#include "cli/hub_run.h"
#include "client/rebound.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;

/// A person or group that options.place names, as far as this home knows.
std::optional<Id> person_here(HubRun& run) {
  Context& context = run.context;
  const std::string& where = run.options.place;
  if (where.empty() || names_channel(*context.home, where)) return std::nullopt;
  const auto kept = kept_hubs(*context.home);
  if (kept && find_place(*kept, where, *context.home)) return std::nullopt;
  // Shared, because an answer of the station may come when nobody waits any more.
  const auto result = std::make_shared<std::optional<Id>>();
  context.messenger->resolve(where, [result](const Result<Id>& found) {
    if (found) *result = found->bare();
  });
  if (!*result) {
    const auto group = context.messenger->group_called(where);
    return group ? std::optional(group->bare()) : std::nullopt;
  }
  // Hubs have IDs of the same kind.
  if ((*result)->is_user()) return *result;
  const auto group = context.messenger->groups().find(**result, context.clock.now());
  return group && *group != nullptr ? *result : std::nullopt;
}

/// The same with the station's help, when no hub is called so.
std::optional<Id> person_there(HubRun& run) {
  const std::string& where = run.options.place;
  if (where.empty() || names_channel(*run.context.home, where) ||
      find_place(run.hubs, where, *run.context.home))
    return std::nullopt;
  if (where.contains(' ') || where.starts_with("dim:hub:")) return std::nullopt;
  const auto result = std::make_shared<std::optional<Result<Id>>>();
  run.context.messenger->resolve(where,
                                 [result](Result<Id> found) { result->emplace(std::move(found)); });
  run.context.link.run_until([&] { return result->has_value() || run.context.failure.has_value(); },
                             kPatienceMs);
  if (!*result || !**result || !(**result)->is_user()) return std::nullopt;
  return (**result)->bare();
}

/// What this home has: nobody else can read it.
int search_person(HubRun& run, const Id& peer) {
  const HubOptions& options = run.options;
  const auto found = run.context.messenger->page(
      peer,
      {.before = options.before, .limit = static_cast<std::size_t>(std::max(options.limit, 1))},
      options.text);
  if (!found) return run.failed(found.error());
  run.context.ids = run.context.ids || options.ids;
  for (const HistoryEntry& entry : found->entries) run.context.show(entry);
  run.context.out.page(found->entries.size(), found->next, "before");
  if (found->entries.empty()) run.context.out.note("Nothing found.");
  return code(Exit::ok);
}

/// In a private hub: among what this home has opened.
int search_here(HubRun& run, const HubPlace& place) {
  const HubOptions& options = run.options;
  const auto limit = static_cast<std::size_t>(std::max(options.limit, 1));
  auto found = run.context.messenger->hubs().privates().search(
      place.hub.id, place.channel, options.text, options.before.value_or(INT64_MAX), limit);
  if (!found) return run.failed(found.error());
  PostsPage page;
  for (const auto& one : *found) page.posts.push_back(one.post);
  if (found->size() == limit) page.next = found->back().place;
  run.learn(page.posts);
  for (const Post& post : page.posts) run.out.post(place.hub, post, false);
  run.context.out.page(page.posts.size(), page.next, "before");
  run.context.out.note(
      "This searched what this home has opened: the station cannot search a private hub. dim "
      "history HUB/CHANNEL opens older messages.");
  return code(Exit::ok);
}

/// The channels that are meant: one, those of a hub, or all.
std::vector<HubPlace> channels_of(HubRun& run) {
  std::vector<HubPlace> out;
  std::optional<HubPlace> only;
  if (!run.options.place.empty()) {
    only = run.place();
    if (!only) return out;
  }
  for (const HubView& hub : run.hubs) {
    if (only && only->hub.id != hub.id) continue;
    for (const auto& [guid, channel] : hub.channels) {
      if (!only || !only->channel || *only->channel == guid) out.push_back({hub, guid});
    }
  }
  return out;
}

/// Those who have something that nobody has seen, or only `peer`.
int unread_people(HubRun& run, const std::optional<Id>& peer) {
  constexpr std::size_t kMost = 1'000'000;
  Context& context = run.context;
  const auto unread = context.messenger->unread(kMost);
  if (!unread) return run.failed(unread.error());
  std::vector<std::pair<Id, std::int64_t>> counts;
  if (peer) counts.emplace_back(*peer, 0);
  for (const HistoryEntry& entry : *unread) {
    // What this program says of keys is no message, and another device says it for itself.
    if (is_key_notice(entry) || is_rebound(entry)) continue;
    if (peer && !entry.peer.same_entity(*peer)) continue;
    const auto known = std::ranges::find_if(
        counts, [&](const auto& one) { return one.first.same_entity(entry.peer); });
    if (known == counts.end()) {
      counts.emplace_back(entry.peer, 1);
    } else {
      ++known->second;
    }
  }
  // Those whose messages came just now are told that they have.
  context.drain(1'000);
  for (const auto& [who, count] : counts) context.out.unread(who, count, context.name_of(who));
  return code(Exit::ok);
}

}  // namespace

int run_search(HubRun& run) {
  const HubOptions& options = run.options;
  if (options.text.find_first_not_of(' ') == std::string::npos || !valid_value(options.text))
    return run.failed({Errc::usage, "what is searched for: words of 1 to 200 bytes in one line"});
  if (const auto peer = person_here(run)) return search_person(run, *peer);
  if (!run.connect()) return run.exit;
  if (const auto peer = person_there(run)) return search_person(run, *peer);
  const auto place = run.place();
  if (!place) return run.exit;
  if (is_private_hub(place->hub.id)) return search_here(run, *place);
  PostQuery query{.target = place->channel ? place->channel->text() : place->hub.id,
                  .hub = place->hub.id,
                  .search = options.text};
  query.before = options.before;
  const auto found = run.collect(query, static_cast<std::size_t>(std::max(options.limit, 1)));
  if (!found) return run.exit;
  run.learn(found->posts);
  for (const Post& post : found->posts) run.out.post(place->hub, post, false);
  run.context.out.page(found->posts.size(), found->next, "before");
  if (found->posts.empty()) run.context.out.note("Nothing found.");
  return code(Exit::ok);
}

int run_unread(HubRun& run) {
  Context& context = run.context;
  auto peer = person_here(run);
  const bool dialled = run.dial();
  // Exact is what has come; what waits at the station comes first.
  if (dialled) {
    context.link.run_until(
        [&] { return context.messenger->has_caught_up() || context.failure.has_value(); },
        kPatienceMs);
  }
  if (dialled && !peer && !run.connect()) return run.exit;
  if (dialled && !peer) peer = person_there(run);
  if (peer || run.options.place.empty()) {
    if (const int result = unread_people(run, peer); result != 0) return result;
  }
  if (peer || !dialled) return run.exit;
  const auto places = channels_of(run);
  if (run.exit != 0) return run.exit;
  for (const HubPlace& place : places) {
    const auto mark = run.wait<ReadMark>([&](HubDone<ReadMark> done) {
      run.context.messenger->hubs().mark(*place.channel, std::move(done));
    });
    if (!mark) return run.exit;
    run.out.unread(place.hub, *place.channel, *mark);
  }
  return code(Exit::ok);
}

}  // namespace dim
