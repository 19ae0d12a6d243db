#include "client/private_hubs.h"

#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/hub_names.h"

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;

/// Letters of ASCII count the same in both cases.
std::string folded(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string rest = folded(text);
  for (std::size_t at = 0; at < rest.size();) {
    const std::size_t begin = rest.find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    out.push_back(rest.substr(begin, end - begin));
    at = end;
  }
  return out;
}

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

}  // namespace

// ---- memberships

void PrivateHubs::learn(const HubView& hub) {
  if (!is_private_hub(hub.id)) return;
  std::erase_if(channels_, [&](const auto& one) {
    return one.second == hub.id && !hub.channels.contains(one.first);
  });
  for (const auto& [guid, channel] : hub.channels) {
    channels_[guid] = hub.id;
    retention_[guid] = channel.retention;
  }
  if (swept_.insert(hub.id).second) sweep(hub.id);
}

std::optional<std::string> PrivateHubs::hub_of(const Guid& channel) {
  if (!std::exchange(loaded_, true)) {
    if (const auto kept = kept_hubs(home_)) {
      for (const HubView& hub : *kept) {
        if (!is_private_hub(hub.id)) continue;
        for (const auto& [guid, unused] : hub.channels) channels_.try_emplace(guid, hub.id);
      }
    }
  }
  const auto found = channels_.find(channel);
  if (found == channels_.end()) return std::nullopt;
  return found->second;
}

const Roster* PrivateHubs::roster(const std::string& hub) {
  if (const auto known = rosters_.find(hub); known != rosters_.end()) return &known->second;
  const auto body = home_.vault().get(kRosters, hub);
  if (!body || !*body) return nullptr;
  const auto list = read_list(**body);
  if (!list) return nullptr;
  auto made = roster_of(hub, *list);
  if (!made) return nullptr;
  return &rosters_.emplace(hub, std::move(*made)).first->second;
}

Status PrivateHubs::take(const std::string& hub, const std::vector<JsonObject>& shown) {
  return home_.vault().transaction([&]() -> Status {
    // Another program of this home may know more.
    rosters_.erase(hub);
    const Roster* known = roster(hub);
    std::optional<Roster> next;
    if (known != nullptr) {
      next = *known;
      bool has_last = false;
      for (const JsonObject& one : shown) {
        if (auto done = next->extend(one); !done) return done;
        const Json* epoch = one.find("epoch");
        has_last = has_last || (epoch != nullptr && epoch->integer() != nullptr &&
                                *epoch->integer() >= known->epoch());
      }
      if (!has_last)
        return fail(Errc::conflict,
                    "the station shows an older membership of this hub than before; it may be "
                    "lying, and nothing is sent");
    } else {
      auto made = roster_of(hub, shown);
      if (!made) return std::unexpected(made.error());
      next = std::move(*made);
    }
    if (known != nullptr && next->epoch() == known->epoch()) return {};
    JsonArray list;
    for (const JsonObject& one : next->changes()) list.emplace_back(one);
    JsonObject body;
    body.set("list", std::move(list));
    if (auto put = home_.vault().put(kRosters, hub, write_json(body)); !put) return put;
    rosters_.insert_or_assign(hub, std::move(*next));
    return {};
  });
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

Status PrivateHubs::open(Post& post) {
  const auto hub = hub_of(post.channel);
  if (!hub) return {};
  if (post.damaged) return {};  // the station has lost it, this home need not
  if (post.content.empty() || post.state != PostState::shown) {
    post.content.clear();
    return forget(post.guid);
  }
  const std::string sealed = std::exchange(post.content, std::string());
  const auto refuse = [&](const Error& error) -> Status {
    post.unreadable = error.hint;
    return std::unexpected(error);
  };
  const Roster* known = roster(*hub);
  if (known == nullptr)
    return refuse({Errc::too_early, "who belongs to this private hub is not known yet"});
  auto opened =
      open_post(sealed, {.channel = post.channel, .message = post.guid, .revision = post.revision},
                *known, home_.account(), home_.directory(), clock_.now());
  if (!opened) return refuse(opened.error());
  if (opened->author != post.author)
    return refuse({Errc::forbidden, "the station shows it as written by somebody else"});
  post.content = std::move(opened->text);
  return keep(*hub, post);
}

void PrivateHubs::open(const Post& post, std::vector<PostRevision>& earlier) {
  const auto hub = hub_of(post.channel);
  if (!hub) return;
  const Roster* known = roster(*hub);
  std::erase_if(earlier, [&](PostRevision& one) {
    if (known == nullptr) return true;
    auto opened = open_post(one.content,
                            {.channel = post.channel, .message = post.guid, .revision = one.number},
                            *known, home_.account(), home_.directory(), clock_.now());
    if (!opened || opened->author != post.author) return true;
    one.content = std::move(opened->text);
    return false;
  });
}

Status PrivateHubs::keep(const std::string& hub, const Post& post) {
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
  const auto before = home_.vault().get(kOpenedPosts, post.guid.text());
  if (before && *before && **before == body) return {};
  return home_.vault().put(kOpenedPosts, post.guid.text(), body);
}

Status PrivateHubs::forget(const Guid& post) {
  return home_.vault().erase(kOpenedPosts, post.text());
}

namespace {

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

}  // namespace

Result<std::vector<PrivateHubs::Found>> PrivateHubs::search(const std::string& hub,
                                                            const std::optional<Guid>& channel,
                                                            std::string_view words,
                                                            std::int64_t before,
                                                            std::size_t limit) {
  constexpr std::size_t kPage = 500;
  const std::vector<std::string> wanted = words_of(words);
  std::vector<Found> out;
  while (out.size() < limit && !wanted.empty()) {
    auto rows = home_.vault().newest(kOpenedPosts, kPage, before);
    if (!rows) return std::unexpected(rows.error());
    for (auto row = rows->rbegin(); row != rows->rend() && out.size() < limit; ++row) {
      before = row->place;
      std::string in;
      auto post = read_opened(row->body, in);
      if (!post || in != hub || (channel && post->channel != *channel)) continue;
      if (is_over(*post)) continue;
      const std::string text = folded(post->content);
      if (std::ranges::all_of(wanted, [&](const auto& word) { return text.contains(word); }))
        out.push_back({std::move(*post), row->place});
    }
    if (rows->size() < kPage) break;
  }
  return out;
}

/// It has disappeared, or is older than its channel keeps.
bool PrivateHubs::is_over(const Post& post) const {
  const auto days = retention_.find(post.channel);
  const bool old = days != retention_.end() && days->second != 0 &&
                   post.time < clock_.now() - days->second * kDay;
  return old || (post.expires != 0 && post.expires <= clock_.now());
}

/// Once in the life of a program.
void PrivateHubs::sweep(const std::string& hub) {
  const auto rows = home_.vault().list(kOpenedPosts);
  if (!rows) return;
  for (const auto& row : *rows) {
    std::string in;
    const auto post = read_opened(row.body, in);
    if (post && in == hub && is_over(*post)) (void)forget(post->guid);
  }
}

}  // namespace dim
