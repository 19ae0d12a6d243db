#include "client/hub_handing.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/handing_rows.h"
#include "client/outbox.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr Millis kPause = 30'000;  // after a failure
constexpr Millis kDay = 86'400'000;
constexpr Millis kSoon = 10'000;  // who waits for the end waits for that too

}  // namespace

Status owe_handing(Vault& vault, const std::string& hub, const std::string& who) {
  JsonObject row;
  row.set("hub", hub);
  row.set("who", who);
  return vault.put(kHandingRows, hub + " " + who, write_json(row));
}

Status owe_handing_later(Vault& vault, const std::string& hub, const std::string& who,
                         Millis later) {
  JsonObject row;
  row.set("hub", hub);
  row.set("who", who);
  row.set("later", later);
  return vault.put(kHandingRows, hub + " " + who, write_json(row));
}

Status forget_handing(Vault& vault, const std::string& hub) {
  const auto rows = vault.list(kHandingRows);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    if (!object || text_in(*object, "hub") != hub) continue;
    if (auto erased = vault.erase(kHandingRows, hub + " " + text_in(*object, "who")); !erased)
      return erased;
  }
  return {};
}

std::optional<HubHanding::Owed> HubHanding::read(const std::string& body) {
  const auto object = parse_json_object(body);
  if (!object) return std::nullopt;
  return Owed{.hub = text_in(*object, "hub"),
              .who = text_in(*object, "who"),
              .channel = text_in(*object, "channel"),
              .before = integer_in(*object, "before"),
              .count = integer_in(*object, "count"),
              .last = text_in(*object, "last")};
}

Status HubHanding::put(const Owed& owed) {
  JsonObject row;
  row.set("hub", owed.hub);
  row.set("who", owed.who);
  row.set("channel", owed.channel);
  row.set("before", owed.before);
  row.set("count", owed.count);
  row.set("last", owed.last);
  return home_.vault().put(kHandingRows, owed.key(), write_json(row));
}

bool HubHanding::is_mine(const Owed& owed) const {
  return owed.who == home_.account().id.bare().text();
}

void HubHanding::begin() {
  ++session_;
  busy_ = false;
  later_.clear();
}

/// The first one that need not wait.
Result<std::optional<HubHanding::Owed>> HubHanding::due() {
  const auto rows = home_.vault().list(kHandingRows);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    auto owed = read(row.body);
    const auto object = parse_json_object(row.body);
    if (!owed || !object || integer_in(*object, "later") > clock_.now()) continue;
    const auto later = later_.find(owed->key());
    if (later != later_.end() && clock_.monotonic() < later->second) continue;
    // A device that was just added has no prekeys yet: what is for it waits in the outbox.
    if (is_mine(*owed)) return owed;
    const auto before = Outbox(home_.vault()).find(owed->last);
    if (before && !*before) return owed;
  }
  return std::nullopt;
}

bool HubHanding::rests() {
  if (busy_) return false;
  const auto soon = [&](const auto& one) {
    return one.second > clock_.monotonic() && one.second <= clock_.monotonic() + kSoon;
  };
  if (std::ranges::any_of(later_, soon)) return false;
  const auto owed = due();
  return !owed || !*owed;
}

void HubHanding::tick() {
  if (busy_) return;
  const auto owed = due();
  if (!owed || !*owed) return;
  busy_ = true;
  check(**owed);
}

/// Before each page: whoever is put out meanwhile gets no more.
void HubHanding::check(const Owed& owed) {
  const auto go_on = [this, owed, session = session_](bool there) {
    if (session != session_) return;
    if (!there) return finish(owed);
    client_.read(owed.hub, [this, owed, session](HubResult<HubView> hub) {
      if (session != session_) return;
      if (!hub) return failed(owed, hub.error());
      // Its channels, or who belongs to it, could not be read: what is not listed is not done with.
      const auto& unreadable = client_.unreadable();
      if (const auto why = unreadable.find(owed.hub); why != unreadable.end()) {
        HubRefusal refusal = why->second;
        if (refusal.code == 403 || refusal.code == 404 || refusal.code == 410) refusal.code = 0;
        return failed(owed, refusal);
      }
      choose(owed, *hub);
    });
  };
  if (is_mine(owed)) return go_on(true);
  client_.readers(owed.hub, [this, owed, go_on,
                             session = session_](HubResult<std::vector<std::string>> readers) {
    if (session != session_) return;
    if (!readers) return failed(owed, readers.error());
    go_on(std::ranges::find(*readers, owed.who) != readers->end());
  });
}

void HubHanding::choose(const Owed& owed, const HubView& hub) {
  const Roster* roster = client_.privates().roster(owed.hub);
  const std::int64_t since = roster == nullptr ? 0 : roster->since(owed.who);
  if (since == 0) return finish(owed);
  for (const auto& [guid, unused] : hub.channels) {
    const bool shows = is_mine(owed) || roster->history(guid, since) != 0;
    if (guid.text() >= owed.channel && shows) return ask_page(owed, guid);
  }
  finish(owed);
}

void HubHanding::ask_page(const Owed& owed, const Guid& channel) {
  PostQuery query{.target = channel.text(), .hub = owed.hub};
  if (owed.channel == channel.text() && owed.before != 0) query.before = owed.before;
  query.limit = kKeysAtOnce;
  query.keys = true;
  client_.posts(query, [this, owed, channel, session = session_](HubResult<PostsPage> page) {
    if (session != session_) return;
    if (page) return take_page(owed, channel, std::move(*page));
    const int code = page.error().code;
    if (code != 403 && code != 404 && code != 410) return failed(owed, page.error());
    skip(owed, channel);
  });
}

/// What of a page they may read goes into the outbox in the same step in which the page is done.
void HubHanding::take_page(Owed owed, const Guid& channel, PostsPage page) {
  const Roster* roster = client_.privates().roster(owed.hub);
  const auto to = Id::parse(owed.who);
  const std::int64_t since = roster == nullptr ? 0 : roster->since(owed.who);
  if (since == 0 || !to) return finish(owed);
  const Millis let_in = roster->time(since);
  const std::int64_t days = is_mine(owed) ? kAllDays : roster->history(channel, since);
  const Millis from = days == kAllDays ? 0 : let_in - days * kDay;
  const bool all_older =
      !page.posts.empty() && std::ranges::all_of(page.posts, [&](const Post& post) {
        return post.time < from && post.edited < from;
      });
  std::erase_if(page.keys, [&](const PostKey& key) { return key.time < from; });
  Owed next = owed;
  if (owed.channel != channel.text()) next.count = 0;
  // What was written since has keys for them; it does not use up what is handed over.
  next.count += std::ranges::count_if(
      page.posts, [&](const Post& post) { return is_mine(owed) || post.time < let_in; });
  const bool last = !page.next || all_older || next.count >= kHandedMost;
  next.channel = last ? channel.text() + "+" : channel.text();
  next.before = last ? 0 : *page.next;
  if (last) next.count = 0;
  const KeysNote note{.hub = owed.hub, .channel = channel, .keys = std::move(page.keys)};
  const auto kept = home_.vault().transaction([&]() -> Status {
    // Another program of this home has handed it over meanwhile, or it was begun anew.
    const auto same = still(owed);
    if (!same || !*same) return same ? Status() : std::unexpected(same.error());
    if (!note.keys.empty()) {
      const auto content = keys_content(note, clock_.now(), random_);
      const auto guid = send_(*to, encode_content(Content(content)));
      if (!guid) return std::unexpected(guid.error());
      next.last = *guid;
    }
    return put(next);
  });
  if (!kept) return failed(owed, {.error = kept.error()});
  busy_ = false;
  tick();
}

/// Whether the row is as it was when its page was asked for.
Result<bool> HubHanding::still(const Owed& owed) {
  const auto body = home_.vault().get(kHandingRows, owed.key());
  if (!body) return std::unexpected(body.error());
  const auto now = *body ? read(**body) : std::nullopt;
  return now && now->channel == owed.channel && now->before == owed.before &&
         now->count == owed.count && now->last == owed.last;
}

/// On to the channel behind this one.
void HubHanding::skip(Owed owed, const Guid& channel) {
  Owed next = owed;
  next.channel = channel.text() + "+";
  next.before = next.count = 0;
  const auto kept = home_.vault().transaction([&]() -> Status {
    const auto same = still(owed);
    if (!same || !*same) return same ? Status() : std::unexpected(same.error());
    return put(next);
  });
  if (!kept) return failed(owed, {.error = kept.error()});
  busy_ = false;
  tick();
}

void HubHanding::finish(const Owed& owed) {
  const auto erased = home_.vault().transaction([&]() -> Status {
    const auto same = still(owed);
    if (!same || !*same) return same ? Status() : std::unexpected(same.error());
    return home_.vault().erase(kHandingRows, owed.key());
  });
  if (!erased) return failed(owed, {.error = erased.error()});
  busy_ = false;
  tick();
}

void HubHanding::failed(const Owed& owed, const HubRefusal& why) {
  if (why.error.code == Errc::unreachable) return;  // the next session begins anew
  const bool gone = why.code == 403 || why.code == 404 || why.code == 410;
  if (gone) return finish(owed);  // one is not in that hub any more
  busy_ = false;
  const Millis pause = why.code == 416 ? std::max<Millis>(1'000, why.retry_after) : kPause;
  later_[owed.key()] = clock_.monotonic() + pause;
}

}  // namespace dim
