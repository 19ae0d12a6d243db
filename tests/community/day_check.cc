// What must have come of the day.
#include <fmt/core.h>

#include <algorithm>

#include "tests/community/day.h"
#include "tests/community/wait.h"

namespace dim::community {
namespace {

bool same(const std::vector<ReactionCount>& shown,
          const std::map<std::string, std::set<std::size_t>>& wanted) {
  return shown.size() == wanted.size() && std::ranges::all_of(shown, [&](const auto& one) {
           const auto found = wanted.find(one.symbol);
           return found != wanted.end() &&
                  one.count == static_cast<std::int64_t>(found->second.size());
         });
}

}  // namespace

void Day::check() {
  Millis over = 0;
  for (const auto& [guid, message] : ledger_) over = std::max(over, message.expires);
  wait("what disappears", [&] { return clock_.now() > over + 2'000; });
  Pages station;
  for (std::size_t hub = 0; hub < hubs_.size(); ++hub) {
    // Owners see everything of their hub.
    for (auto& [channel, posts] : read_all(hubs_[hub].owner)) {
      if (channels_[channel].hub == hub) station[channel] = std::move(posts);
    }
  }
  check_ledger(station);
  for (std::size_t who = 0; who < people_.size(); ++who) check_reader(who, station);
  for (std::size_t who = 0; who < people_.size(); ++who) {
    if (!follows(who)) continue;
    std::string last;
    try {
      wait("telling", [&] {
        std::string now = difference(who, station);
        if (now != last) ++progress_;
        last = std::move(now);
        return last.empty();
      });
    } catch (const std::runtime_error&) {
      wrong(fmt::format("person {}: {}", who, last));
    }
  }
  for (std::size_t who = 0; who < people_.size(); ++who) check_marks(who, station);
  for (std::size_t who = 0; who < people_.size(); who += 3) check_device(who, station);
  check_search(station);
  check_private_search();
  check_threads(station);
  check_files();
  check_destroyed();
  check_disk();
}

// ---- histories

Day::Pages Day::read_all(std::size_t who) {
  Pages out;
  std::size_t open = 0;
  if (members_[who][kPrivate]) {
    // Who belongs to it now.
    bool known = false;
    Millis again = 0;
    wait("reading a private hub", [&] {
      if (!known && clock_.monotonic() >= again && people_[who]->is_here()) {
        again = clock_.monotonic() + 1'000;
        people_[who]->messenger().hubs().read(
            hubs_[kPrivate].id, [&](const HubResult<HubView>& hub) { known = known || hub; });
      }
      return known;
    });
  }
  for (std::size_t channel = 0; channel < channels_.size(); ++channel) {
    if (!reads(who, channel)) continue;
    out[channel];
    read_pages(who, channel, 0, out, ++open);
    // One after the other: what comes as a push belongs to the page that was asked for.
    wait("reading", [&] { return open == 0; });
  }
  return out;
}

void Day::read_pages(std::size_t who, std::size_t channel, Cursor after, Pages& out,
                     std::size_t& open) {
  PostQuery query{.target = channels_[channel].guid.text(),
                  .hub = hubs_[channels_[channel].hub].id};
  query.after = after;
  people_[who]->messenger().hubs().posts(query, [this, who, channel, after, &out,
                                                 &open](const HubResult<PostsPage>& page) {
    ++progress_;
    if (page) {
      auto& all = out[channel];
      all.insert(all.end(), page->posts.begin(), page->posts.end());
      if (!page->next) {
        --open;
        return;
      }
    } else if (page.error().code != 416 && page.error().code != 0) {
      --open;
      return wrong(fmt::format("a page is refused: {}", page.error().code));
    }
    const Cursor next = page ? *page->next : after;
    const Millis when = clock_.monotonic() + (page ? 0 : 1'000);
    later([this, when, who] { return clock_.monotonic() >= when && people_[who]->is_here(); },
          [this, who, channel, next, &out, &open] { read_pages(who, channel, next, out, open); });
  });
}

void Day::check_ledger(const Pages& station) {
  std::map<Guid, const Post*> there;
  std::size_t all = 0;
  for (const auto& [channel, posts] : station) {
    Cursor last = 0;
    for (const Post& post : posts) {
      ++all;
      there[post.guid] = &post;
      if (post.cursor <= last || post.channel != channels_[channel].guid)
        wrong("out of order or in another channel: " + post.content);
      last = post.cursor;
    }
  }
  if (there.size() != all) wrong("a message stands there twice");
  for (const auto& [guid, message] : ledger_) {
    const auto found = there.find(guid);
    if (channels_[message.channel].closed) continue;
    if (message.acked && message.expires != 0) {
      if (found != there.end()) wrong("it should have disappeared: " + message.text);
      continue;
    }
    if (message.acked == (found == there.end())) {
      wrong(fmt::format(
          "{} {}", message.acked ? "acknowledged and lost:" : "refused and there:", message.text));
      continue;
    }
    if (!message.acked) continue;
    --all;
    const Post& post = *found->second;
    // In a private hub nobody opens what is hidden.
    const bool closed = is_private(message.channel) && message.state == PostState::hidden;
    if (post.author != people_[message.author]->id() ||
        post.content != (closed ? std::string() : message.text) || post.state != message.state ||
        post.revision != message.revision || post.reply != message.reply ||
        post.thread != message.thread ||
        !std::ranges::is_permutation(post.mentions, message.mentions) ||
        (post.pinned != 0) != message.pinned || !same(post.reactions, message.reactions))
      wrong(fmt::format("not as it was left: w{} \"{}\", state {} not {}, revision {} not {}",
                        message.number, post.content, to_string(post.state),
                        to_string(message.state), post.revision, message.revision));
  }
  if (all != 0) wrong(fmt::format("{} messages that nobody wrote", all));
}

void Day::check_reader(std::size_t who, const Pages& station) {
  const auto own = read_all(who);
  for (const auto& [channel, posts] : own) {
    const auto& whole = station.at(channel);
    const bool owner = hubs_[channels_[channel].hub].owner == who;
    const bool same_posts = std::ranges::equal(posts, whole, [&](const Post& a, const Post& b) {
      const bool hidden = b.state == PostState::hidden && !owner && b.author != people_[who]->id();
      return a.guid == b.guid && a.cursor == b.cursor && a.changed == b.changed &&
             a.author == b.author && a.state == b.state && a.revision == b.revision &&
             a.pinned == b.pinned && a.reactions == b.reactions && a.time == b.time &&
             a.thread == b.thread && a.answers == b.answers && a.mentions == b.mentions &&
             a.content == (hidden ? std::string() : b.content);
    });
    if (!same_posts)
      wrong(fmt::format("person {} reads another history in channel {}", who, channel));
  }
}

// ---- what was told

std::string Day::difference(std::size_t who, const Pages& station) {
  const auto& told = people_[who]->told;
  for (const auto& [channel, posts] : station) {
    if (!reads(who, channel) || was_put_out(who, channels_[channel].hub)) continue;
    for (const Post& post : posts) {
      if (post.author == people_[who]->id()) continue;
      const Message& message = ledger_.at(post.guid);
      const auto found = told.find(post.guid);
      if (found == told.end() || found->second.times == 0) {
        if (post.state == PostState::shown && !message.was_hidden)
          return "was not told " + post.content;
        continue;
      }
      if (found->second.state != post.state)
        return fmt::format("believes w{} of hub {} is {} at {}, and it is {} at {}", message.number,
                           channels_[channel].hub, to_string(found->second.state),
                           found->second.changed, to_string(post.state), post.changed);
      if (post.state == PostState::shown && found->second.text != post.content)
        return fmt::format("was told \"{}\" of \"{}\"", found->second.text, post.content);
    }
  }
  return {};
}

// ---- how many are unread

std::int64_t Day::unread_of(std::size_t who, const std::vector<Post>& posts, Cursor mark) const {
  return std::ranges::count_if(posts, [&](const Post& post) {
    return post.cursor > mark && post.state == PostState::shown &&
           post.author != people_[who]->id();
  });
}

std::int64_t Day::mentions_of(std::size_t who, const std::vector<Post>& posts, Cursor mark) const {
  const std::string& me = people_[who]->id();
  return std::ranges::count_if(posts, [&](const Post& post) {
    return post.cursor > mark && post.state == PostState::shown && post.author != me &&
           std::ranges::any_of(post.mentions, [&](const std::string& one) {
             return one == me || one == kEveryone;
           });
  });
}

ReadMark Day::mark_of(std::size_t who, std::size_t channel) {
  std::optional<ReadMark> out;
  Millis again = 0;
  bool open = false;
  wait("asking for marks", [&] {
    if (!out && !open && clock_.monotonic() >= again && people_[who]->is_here()) {
      open = true;
      people_[who]->messenger().hubs().mark(channels_[channel].guid,
                                            [&](const HubResult<ReadMark>& mark) {
                                              open = false;
                                              again = clock_.monotonic() + 500;
                                              ++progress_;
                                              if (mark) out = *mark;
                                            });
    }
    return out.has_value();
  });
  return *out;
}

void Day::check_marks(std::size_t who, const Pages& station) {
  for (const auto& [channel, posts] : station) {
    if (!reads(who, channel)) continue;
    if (!follows(who) && !posts.empty()) {
      // Who follows nothing reads a part of it.
      Packet mark =
          HubClient::request(Operation::notify, HubObject::mark, channels_[channel].guid.text());
      mark.set("cursor", std::to_string(posts[posts.size() / 3].cursor));
      people_[who]->surely(std::move(mark), must("a mark", {200}, [] {}));
      wait("marking", [&] { return !people_[who]->asks(); });
    }
    const auto begin = bench::now();
    for (;;) {
      const ReadMark mark = mark_of(who, channel);
      const std::int64_t due = unread_of(who, posts, mark.cursor);
      if (mark.unread != due) {
        wrong(fmt::format("person {} has {} unread in channel {}, not {}", who, mark.unread,
                          channel, due));
        break;
      }
      if (const auto named = mentions_of(who, posts, mark.cursor); mark.mentions != named) {
        wrong(fmt::format("person {} has {} mentions in channel {}, not {}", who, mark.mentions,
                          channel, named));
        break;
      }
      // What was told counts as read, soon.
      const auto& told = people_[who]->told;
      const auto waiting = std::ranges::count_if(posts, [&](const Post& post) {
        const auto found = told.find(post.guid);
        return post.cursor > mark.cursor && found != told.end() && found->second.times > 0;
      });
      if (waiting == 0) break;
      if (bench::seconds_since(begin) > 90) {
        wrong(fmt::format("person {} was told {} messages of channel {} that stay unread", who,
                          waiting, channel));
        break;
      }
    }
  }
}

/// A second device of the same person counts alike (C10).
void Day::check_device(std::size_t who, const Pages& station) {
  bool ready = false;
  std::set<std::pair<std::string, std::string>> marks;  // told: channel and cursor
  bench::LoadClient device(reactor_, tls_, station_.target(), people_[who]->account(),
                           Session::Options{.after = 0},
                           {.ready = [&] { ready = true; },
                            .pushed =
                                [&](const Packet& push) {
                                  if (push.get("type") == "mark")
                                    marks.emplace(push.get("target"), push.get("cursor"));
                                },
                            .failed = bench::give_up});
  device.start();
  wait("a second device", [&] { return ready; });
  for (const auto& [channel, posts] : station) {
    if (!reads(who, channel)) continue;
    const ReadMark mark = mark_of(who, channel);
    std::optional<Packet> answer;
    device.session().request(
        Lane::text,
        HubClient::request(Operation::get, HubObject::mark, channels_[channel].guid.text()),
        [&](const Packet& packet) { answer = packet; });
    wait("a second device's mark", [&] { return answer.has_value(); });
    if (answer->get("unread") != std::to_string(mark.unread) ||
        answer->get("cursor") != std::to_string(mark.cursor))
      wrong(fmt::format("two devices of person {} count {} and {} unread", who, mark.unread,
                        answer->get("unread")));
    if (mark.cursor == mark.newest) continue;
    const std::string guid = channels_[channel].guid.text();
    const std::string newest = std::to_string(mark.newest);
    Packet read = HubClient::request(Operation::notify, HubObject::mark, guid);
    read.set("cursor", newest);
    people_[who]->surely(std::move(read), must("a mark", {200}, [] {}));
    wait("telling a mark to another device", [&] { return marks.contains({guid, newest}); });
  }
}

std::optional<PostsPage> Day::page_of(std::size_t who, const PostQuery& query) {
  std::optional<HubResult<PostsPage>> page;
  wait("reading a page", [&] {
    if (page && !*page && (page->error().code == 416 || page->error().code == 0)) {
      page.reset();
      pass(1'000);
    } else if (page) {
      return true;
    }
    bool done = false;
    people_[who]->messenger().hubs().posts(query, [&](HubResult<PostsPage> found) {
      page.emplace(std::move(found));
      done = true;
    });
    wait("a page", [&] { return done; });
    return false;
  });
  if (!*page) {
    wrong(fmt::format("a page is refused: {}", page->error().code));
    return std::nullopt;
  }
  return std::move(**page);
}

void Day::check_search(const Pages& station) {
  for (int tries = 0; tries < 40 && !acked_.empty(); ++tries) {
    const Guid& guid = acked_[below(acked_.size())];
    const Message& message = ledger_.at(guid);
    if (is_private(message.channel) || channels_[message.channel].closed) continue;
    const Hub& hub = hubs_[channels_[message.channel].hub];
    const auto page = page_of(
        hub.owner, {.target = hub.id, .hub = hub.id, .search = fmt::format("w{}", message.number)});
    if (!page) continue;
    const bool found = page->posts.size() == 1 && page->posts.front().guid == guid;
    if (message.state == PostState::shown && message.expires == 0 ? !found : !page->posts.empty())
      wrong(fmt::format("a search for w{} finds {} messages", message.number, page->posts.size()));
  }
  for (const auto& [channel, posts] : station) {
    const auto due =
        std::ranges::count_if(posts, [](const Post& post) { return post.pinned != 0; });
    const Hub& hub = hubs_[channels_[channel].hub];
    const auto page = page_of(
        hub.owner, {.target = channels_[channel].guid.text(), .hub = hub.id, .pinned = true});
    if (page && !page->next && std::ssize(page->posts) != due)
      wrong(fmt::format("pins of channel {} are not {}", channel, due));
  }
}

/// The station cannot; the home searches what it has opened.
void Day::check_private_search() {
  for (const auto& [guid, message] : ledger_) {
    if (!message.acked || !is_private(message.channel) || message.expires != 0) continue;
    const auto found = people_[hubs_[kPrivate].owner]->messenger().hubs().privates().search(
        hubs_[kPrivate].id, channels_[message.channel].guid, fmt::format("w{}", message.number), 0,
        10);
    const bool due = message.state == PostState::shown;
    if (!found || found->size() != (due ? 1U : 0U))
      wrong(fmt::format("a home's search for w{} does not find {}", message.number, due ? 1 : 0));
  }
}

void Day::check_threads(const Pages& station) {
  std::size_t looked = 0;
  for (const auto& [channel, posts] : station) {
    std::map<Guid, std::vector<Guid>> threads;
    std::map<Guid, std::int64_t> shown;
    for (const Post& post : posts) {
      if (!post.thread) continue;
      threads[*post.thread].push_back(post.guid);
      if (post.state == PostState::shown) ++shown[*post.thread];
    }
    for (const Post& post : posts) {
      const auto answers = shown.find(post.guid);
      if (post.answers != (answers == shown.end() ? 0 : answers->second))
        wrong(fmt::format("{} messages in the thread of {}, not {}", post.answers, post.content,
                          answers == shown.end() ? 0 : answers->second));
    }
    for (const auto& [root, stand] : threads) {
      if (++looked > 20) return;
      const Hub& hub = hubs_[channels_[channel].hub];
      PostQuery query{
          .target = channels_[channel].guid.text(), .hub = hub.id, .after = 0, .thread = root};
      const auto page = page_of(hub.owner, query);
      if (page && !page->next && !std::ranges::equal(page->posts, stand, {}, &Post::guid))
        wrong(fmt::format("{} messages are in a thread, not {}", page->posts.size(), stand.size()));
    }
  }
}

}  // namespace dim::community
