#include "client/private_hubs.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "client/fields.h"
#include "client/handing_rows.h"
#include "client/hub_handing.h"
#include "client/hub_names.h"
#include "client/post_files.h"
#include "client/word_search.h"
#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;
constexpr std::string_view kRetention = "retention of private channels";  // days
constexpr Millis kSweepPause = 60'000;
constexpr Error kOlder{Errc::conflict,
                       "the station shows an older membership of this hub than before; it may be "
                       "lying, and nothing is sent until it shows the newest again"};

Result<Roster> roster_of(const std::string& hub, const std::vector<JsonObject>& changes) {
  if (changes.empty())
    return fail(Errc::conflict, "the station shows no membership of this private hub");
  auto out = Roster::begin(hub, changes.front());
  if (!out) return out;
  for (const JsonObject& one : changes) {
    if (auto done = out->extend(one); !done) return std::unexpected(done.error());
  }
  return out;
}

std::optional<Post> read_opened(const std::string& body, std::string& hub) {
  const auto row = parse_json_object(body);
  if (!row) return std::nullopt;
  const auto guid = Guid::parse(text_in(*row, "guid"));
  const auto channel = Guid::parse(text_in(*row, "channel"));
  if (!guid || !channel) return std::nullopt;
  hub = text_in(*row, "hub");
  Post out{.guid = *guid, .channel = *channel};
  out.author = text_in(*row, "author");
  out.time = integer_in(*row, "time");
  out.cursor = out.changed = integer_in(*row, "cursor");
  out.revision = std::max<std::int64_t>(1, integer_in(*row, "revision"));
  out.content = text_in(*row, "text");
  if (const auto reply = Guid::parse(text_in(*row, "reply"))) out.reply = *reply;
  if (const auto thread = Guid::parse(text_in(*row, "thread"))) out.thread = *thread;
  out.expires = integer_in(*row, "expires");
  return out;
}

/// What is looked through: no keys, but names of files.
std::string words_in(const std::string& content) {
  PostText said = read_post_text(content);
  for (const PostFile& file : said.files) said.text += "\n" + file.name();
  return std::move(said.text);
}

/// Each one names all before it.
std::string head_of(const Roster& roster) { return to_base64(roster.digest(roster.epoch())); }

bool contains(const Roster& roster, std::string_view head) {
  for (std::int64_t epoch = roster.epoch(); epoch > 0; --epoch) {
    if (to_base64(roster.digest(epoch)) == head) return true;
  }
  return false;
}

}  // namespace

Status erase_opened(Home& home, const std::string& hub,
                    const std::optional<std::set<Guid>>& channels) {
  if (!is_private_hub(hub) || (channels && channels->empty())) return {};
  return home.vault().transaction([&]() -> Status {
    if (!channels) {
      if (auto done = forget_handed_of(home.vault(), hub); !done) return done;
    }
    for (const Guid& channel : channels.value_or(std::set<Guid>())) {
      if (auto done = forget_handed_of(home.vault(), channel.text()); !done) return done;
    }
    const auto rows = home.vault().list(kOpenedPosts);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      std::string in;
      const auto post = read_opened(row.body, in);
      if (!post || in != hub || (channels && !channels->contains(post->channel))) continue;
      if (auto done = home.vault().erase(kOpenedPosts, post->guid.text()); !done) return done;
    }
    return {};
  });
}

Status check_editable(const std::string& hub, const Post& post) {
  if (post.unreadable.empty() && !(is_private_hub(hub) && post.damaged)) return {};
  return fail(Errc::conflict,
              "this home cannot read the message as the station shows it, and so cannot tell which "
              "text an edit would replace; try again when it can be read");
}

// ---- memberships

Status PrivateHubs::learn(const HubView& hub) {
  if (!is_private_hub(hub.id)) return {};
  for (const auto& [guid, channel] : hub.channels) {
    if (retention(guid) == channel.retention) continue;
    // For as long as there is something of it: also when the station does not list it any more.
    const std::string days = std::to_string(channel.retention);
    if (auto put = home_.vault().put(kRetention, guid.text(), days); !put) return put;
    retention_[guid] = channel.retention;
    sweep_at_ = 0;
  }
  return keep_private(home_, hub);
}

const Roster* PrivateHubs::roster(const std::string& hub) { return kept(hub).value_or(nullptr); }

Result<const Roster*> PrivateHubs::kept(const std::string& hub) {
  if (const auto known = rosters_.find(hub); known != rosters_.end()) return &known->second;
  const auto body = home_.vault().get(kRosters, hub);
  if (!body) return std::unexpected(body.error());
  if (!*body) return nullptr;
  const auto list = read_list(**body);
  auto made = list ? roster_of(hub, *list) : Result<Roster>(std::unexpected(list.error()));
  // Not the same as nothing: an old one would be believed again.
  if (!made) return fail(Errc::io, "who belongs to this private hub cannot be read in this home");
  return &rosters_.emplace(hub, std::move(*made)).first->second;
}

/// Another program of this home may know more: then it is read anew, and else not, because that
/// verifies each signature again.
Result<const Roster*> PrivateHubs::newest(const std::string& hub) {
  const auto known = rosters_.find(hub);
  if (known == rosters_.end()) return kept(hub);
  const auto head = home_.vault().get(kRosterHeads, hub);
  if (!head) return std::unexpected(head.error());
  if (*head && **head == head_of(known->second)) return &known->second;
  rosters_.erase(known);
  return kept(hub);
}

Status PrivateHubs::take(const std::string& hub, const std::vector<JsonObject>& shown) {
  return home_.vault().transaction([&]() -> Status {
    const auto known = newest(hub);
    if (!known) return std::unexpected(known.error());
    if (*known == nullptr) {
      auto made = roster_of(hub, shown);
      if (!made) return std::unexpected(made.error());
      const auto head = home_.vault().get(kRosterHeads, hub);
      if (!head) return std::unexpected(head.error());
      if (*head && !contains(*made, **head)) return std::unexpected(kOlder);
      return keep_roster(std::move(*made));
    }
    const std::int64_t last = (*known)->epoch();
    std::int64_t newest_shown = 0;
    for (const JsonObject& one : shown)
      newest_shown = std::max(newest_shown, integer_in(one, "epoch"));
    if (newest_shown <= last) {
      for (const JsonObject& one : shown) {
        if (auto done = (*known)->agrees(one); !done) return done;
      }
      if (newest_shown == last) return {};
      return std::unexpected(kOlder);
    }
    Roster next = **known;
    for (const JsonObject& one : shown) {
      if (auto done = next.extend(one); !done) return done;
    }
    if (auto owed = owe_newcomers(next, last); !owed) return owed;
    for (const std::string& who : next.people()) {
      if (next.has(who) || !(*known)->has(who)) continue;
      if (auto done = forget_pages_for(home_.vault(), hub, who); !done) return done;
    }
    return keep_roster(std::move(next));
  });
}

/// Who was let in behind that epoch is handed what they may read, by the home that lets people in;
/// it is noted with the membership, so that no end of a program is between the two (F23).
Status PrivateHubs::owe_newcomers(const Roster& roster, std::int64_t behind) {
  if (!roster.may_sign(home_.account())) return {};
  for (const std::string& who : roster.members()) {
    if (roster.since(who) <= behind || roster.hides_history(roster.since(who))) continue;
    if (auto owed = owe_handing(home_.vault(), roster.hub(), who); !owed) return owed;
  }
  return {};
}

Status PrivateHubs::keep_roster(Roster roster) {
  JsonArray list;
  for (const JsonObject& one : roster.changes()) list.emplace_back(one);
  JsonObject body;
  body.set("list", std::move(list));
  const std::string hub = roster.hub();
  if (auto put = home_.vault().put(kRosters, hub, write_json(body)); !put) return put;
  if (auto put = home_.vault().put(kRosterHeads, hub, head_of(roster)); !put) return put;
  if (auto taken = take_early_keys(home_, roster); !taken) return taken;
  rosters_.insert_or_assign(hub, std::move(roster));
  return {};
}

std::vector<Id> PrivateHubs::strangers(const std::string& hub) {
  std::vector<Id> out;
  const Roster* known = roster(hub);
  if (known == nullptr) return out;
  for (const std::string& who : known->people()) {
    const auto id = Id::parse(who);
    if (id && !id->same_entity(home_.account().id) && home_.directory().message_keys(*id).empty())
      out.push_back(*id);
  }
  return out;
}

// ---- messages

Status PrivateHubs::open(const std::string& hub, Post& post, std::optional<PostKey>* key) {
  const auto owner = private_hub_of(home_, post.channel);
  if (owner && !*owner && !is_private_hub(hub)) return {};
  // From here on there is no content but what has been opened.
  const std::string sealed = std::exchange(post.content, std::string());
  const auto refuse = [&](const Error& error) -> Status {
    post.unreadable = error.hint;
    return std::unexpected(error);
  };
  if (!owner) return refuse(owner.error());
  if (owner->value_or(hub) != hub)
    return refuse({Errc::conflict,
                   "the station shows a channel of a private hub as one of "
                   "another"});
  // The station has lost it, or shows it in no form: this home need not.
  if (post.damaged || !post.unreadable.empty()) return {};
  if (post.state != PostState::shown) return forget(post.guid, post.state);
  if (sealed.empty()) return refuse({Errc::bad_request, "the station shows no text of it"});
  const auto before = home_.vault().get(kOpenedPosts, post.guid.text());
  if (!before) return refuse(before.error());
  std::string in;
  const auto opened_before = read_opened(before->value_or(""), in);
  if (opened_before && opened_before->revision > post.revision)
    return refuse({Errc::conflict, "the station shows an older text of it than before"});
  const Roster* known = roster(hub);
  if (known == nullptr)
    return refuse({Errc::too_early, "who belongs to this private hub is not known yet"});
  const auto handed = handed_key(home_, *known, post.channel, post.guid, post.revision);
  if (!handed) return refuse(handed.error());
  auto opened = open_post(sealed, place_of(post, post.revision), *known, home_.account(),
                          home_.directory(), clock_.now(), *handed ? &(*handed)->key : nullptr);
  if (!opened) return refuse(opened.error());
  if (opened->author != post.author)
    return refuse({Errc::forbidden, "the station shows it as written by somebody else"});
  post.content = std::move(opened->text);
  if (opened->handed) post.handed_by = (*handed)->by;
  if (key != nullptr)
    *key = PostKey{.message = post.guid,
                   .revision = post.revision,
                   .key = to_base64(opened->key.data()),
                   .time = opened->time};
  Millis& time = post.revision > 1 ? post.edited : post.time;
  time = time_of_post(time, opened->time);
  return keep(hub, post, before->value_or(""));
}

void PrivateHubs::open(const std::string& hub, const Post& post,
                       std::vector<PostRevision>& earlier) {
  const auto owner = private_hub_of(home_, post.channel);
  if (owner && !*owner && !is_private_hub(hub)) return;
  const Roster* known = owner && owner->value_or(hub) == hub ? roster(hub) : nullptr;
  std::erase_if(earlier, [&](PostRevision& one) {
    if (known == nullptr || one.number >= post.revision) return true;
    auto opened = open_post(one.content, place_of(post, one.number), *known, home_.account(),
                            home_.directory(), clock_.now());
    if (!opened || opened->author != post.author) return true;
    one.content = std::move(opened->text);
    one.time = time_of_post(one.time, opened->time);
    return false;
  });
}

bool PrivateHubs::asks_anew(const std::string& hub, const Status& opened) {
  constexpr Millis kPause = 30'000;
  if (opened || (opened.error().code != Errc::too_early && opened.error().code != Errc::not_found))
    return false;
  const Millis now = clock_.monotonic();
  const auto [asked, first] = asked_at_.try_emplace(hub, now);
  if (!first && now < asked->second + kPause) return false;
  asked->second = now;
  return true;
}

Status PrivateHubs::keep(const std::string& hub, const Post& post, std::string_view before) {
  JsonObject row;
  row.set("guid", post.guid.text());
  row.set("hub", hub);
  row.set("channel", post.channel.text());
  row.set("author", post.author);
  row.set("time", post.time);
  row.set("cursor", post.cursor);
  row.set("revision", post.revision);
  row.set("text", post.content);
  if (post.reply) row.set("reply", post.reply->text());
  if (post.thread) row.set("thread", post.thread->text());
  if (post.expires != 0) row.set("expires", post.expires);
  const std::string body = write_json(row);
  if (before == body) return {};
  if (post.expires != 0 || retention(post.channel) != 0)
    sweep_at_ = std::min(sweep_at_, clock_.now() + kSweepPause);
  return home_.vault().put(kOpenedPosts, post.guid.text(), body);
}

Status PrivateHubs::forget(const Guid& post, PostState state) {
  return home_.vault().transaction([&]() -> Status {
    if (auto erased = home_.vault().erase(kOpenedPosts, post.text()); !erased) return erased;
    return state == PostState::hidden ? Status() : note_gone(home_.vault(), post, clock_.now());
  });
}

Result<std::vector<PrivateHubs::Found>> PrivateHubs::search(const std::string& hub,
                                                            const std::optional<Guid>& channel,
                                                            std::string_view words,
                                                            std::int64_t before,
                                                            std::size_t limit) {
  auto wanted = WordSearch::of(words);
  if (!wanted) return std::unexpected(wanted.error());
  std::vector<Found> out;
  if (!wanted->has_words()) return out;
  const auto rows = home_.vault().list(kOpenedPosts);
  if (!rows) return std::unexpected(rows.error());
  // Older ones may have been opened later: places say nothing about their order.
  const auto order = [](const Found& one) {
    return std::tuple(one.post.time, one.post.cursor, one.post.guid);
  };
  std::optional<std::tuple<Millis, Cursor, Guid>> behind;
  for (const auto& row : *rows) {
    std::string in;
    auto post = read_opened(row.body, in);
    if (!post || in != hub) continue;
    const bool is_found = (!channel || post->channel == *channel) && !is_over(*post) &&
                          wanted->is_in(words_in(post->content));
    Found one{std::move(*post), row.place};
    if (row.place == before) behind = order(one);
    if (is_found) out.push_back(std::move(one));
  }
  if (behind) std::erase_if(out, [&](const Found& one) { return order(one) >= *behind; });
  std::ranges::sort(out, std::ranges::greater(), order);
  if (out.size() > limit) out.erase(out.begin() + static_cast<std::ptrdiff_t>(limit), out.end());
  return out;
}

/// Days; 0: for ever.
std::int64_t PrivateHubs::retention(const Guid& channel) {
  const auto known = retention_.find(channel);
  if (known != retention_.end()) return known->second;
  const auto kept = home_.vault().get(kRetention, channel.text());
  const std::int64_t days = kept && *kept ? number_in(**kept) : 0;
  retention_.emplace(channel, days);
  return days;
}

/// It has disappeared, or is older than its channel keeps.
bool PrivateHubs::is_over(const Post& post) {
  const std::int64_t days = retention(post.channel);
  const bool old = days != 0 && post.time < clock_.now() - days * kDay;
  return old || (post.expires != 0 && post.expires <= clock_.now());
}

void PrivateHubs::tick() {
  const Millis now = clock_.now();
  if (now < sweep_at_) return;
  sweep_at_ = now + kSweepPause;
  const auto rows = home_.vault().list(kOpenedPosts);
  if (!rows) return;
  bool some = false;
  for (const auto& row : *rows) {
    std::string in;
    const auto post = read_opened(row.body, in);
    if (!post) continue;
    some = some || post->expires != 0 || retention(post->channel) != 0;
    if (!is_over(*post)) continue;
    (void)home_.vault().erase(kOpenedPosts, post->guid.text());
    (void)forget_handed(home_.vault(), post->guid);
  }
  // Where some channel forgets, a key of it may come at any time.
  const auto kept = home_.vault().list(kRetention);
  if (!kept) return;
  if (std::ranges::any_of(*kept, [](const auto& row) { return row.body != "0"; })) {
    some = true;
    (void)forget_handed_if(home_.vault(), [&](const Guid& channel, Millis time) {
      const std::int64_t days = retention(channel);
      return days != 0 && time < now - days * kDay;
    });
  }
  if (!some) sweep_at_ = INT64_MAX;  // keep() and learn() say when there is something again
}

}  // namespace dim
