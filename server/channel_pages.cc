// Reading channels: pages, search, what a slow reader has missed.
#include <algorithm>
#include <limits>
#include <utility>

#include "dim/base/fault.h"
#include "dim/engine/hub_view.h"
#include "server/hubs.h"
#include "server/page_limit.h"

namespace dim {
namespace {

constexpr std::size_t kPageBytes = 1 * limits::kMiB;
constexpr std::size_t kCatchUpBytes = 256 * limits::kKiB;
constexpr std::size_t kSearchBytes = 200;
constexpr Cursor kEnd = std::numeric_limits<Cursor>::max();

constexpr Error kCannotSearch{Errc::method_not_allowed,
                              "this hub is private: the station cannot read what it would search; "
                              "the client searches what it "
                              "has opened (dim search)"};

/// The earlier texts of a message behind the number `after`, as many as one content holds.
Status add_earlier(PostReads& reads, const Guid& post, std::int64_t after, Packet& answer) {
  constexpr std::size_t kList = limits::kTextContent - limits::kKiB;
  const auto earlier = reads.revisions(post, after, kList);
  if (!earlier) return std::unexpected(earlier.error());
  std::string list;
  std::int64_t last = after;
  for (const PostRevision& one : *earlier) {
    JsonObject object;
    object.set("revision", one.number);
    object.set("time", format_time(one.time));
    object.set("content", one.content);
    const std::string text = write_json(object);
    if (!list.empty() && list.size() + text.size() > kList) break;
    list += (list.empty() ? "" : ",") + text;
    last = one.number;
  }
  answer.content = "{\"list\":[" + list + "]}";
  if (list.empty()) return {};
  const auto rest = reads.revisions(post, last, 0);
  if (!rest) return std::unexpected(rest.error());
  if (rest->empty()) return {};
  answer.code = 206;
  answer.set("next", std::to_string(last));
  return {};
}

}  // namespace

/// `reader`, `moderator`: who gets to see what was hidden.
Packet Hubs::show(const Post& post, Operation operation, const std::string& reader,
                  bool moderator) {
  Packet out = Packet::request(operation);
  out.fields.reserve(16);
  const auto add = [&](const char* key, std::string value) {
    out.fields.emplace_back(key, std::move(value));
  };
  add("type", "message");
  add("author", post.author);
  add("target", post.channel.text());
  add("guid", post.guid.text());
  add("time", core_.time_text(post.time));
  add("cursor", std::to_string(post.cursor));
  if (post.changed != post.cursor) add("changed", std::to_string(post.changed));
  if (post.reply) add("reply-to", post.reply->text());
  if (post.thread) add("thread", post.thread->text());
  if (post.answers != 0) {
    add("answers", std::to_string(post.answers));
    add("answered", std::to_string(post.answered));
  }
  if (!post.mentions.empty()) {
    std::string list;
    for (const std::string& who : post.mentions) list += (list.empty() ? "[" : ", ") + who;
    add("mentions", list + "]");
  }
  if (post.expires != 0) add("expires", format_time(post.expires));
  if (post.revision > 1) add("revision", std::to_string(post.revision));
  if (post.edited != 0) add("edited", format_time(post.edited));
  if (post.state != PostState::shown) add("state", std::string(to_string(post.state)));
  if (post.damaged) add("damaged", "yes");
  if (post.pinned != 0) add("pinned", format_time(post.pinned));
  if (!post.reactions.empty()) {
    std::string list;
    for (const ReactionCount& one : post.reactions) {
      // As many as the line of a header takes.
      if (list.size() > limits::kLineBytes / 2) break;
      list += (list.empty() ? "[" : ", ") + one.symbol + " " + std::to_string(one.count);
    }
    add("reactions", list + "]");
  }
  const bool hidden = post.state == PostState::hidden && !moderator && post.author != reader &&
                      !DIM_FAULT("hidden-shown");
  if (!post.content.empty() && !hidden) out.content = post.content;
  return out;
}

void Hubs::send_page(StationRequest& request, const Spot& spot, const std::vector<Post>& page) {
  const bool moderator = moderates(spot, request.session.user);
  for (const Post& post : page) {
    core_.send(request.link, show(post, Operation::create, request.session.user, moderator));
  }
}

void Hubs::get_messages(StationRequest& request) {
  if (!ready(request)) return;
  const Packet& packet = request.packet;
  if (packet.has("search")) return search(request);
  const auto guid = Guid::parse(packet.get("target"));
  if (!guid) return core_.refuse(request, guid.error());
  if (!places_.contains(*guid)) {
    auto spot = message_spot(request, HubObject::message, Operation::get);
    if (!spot) return core_.refuse(request, spot.error());
    const Post& post = *spot->post;
    const bool moderator = moderates(*spot, request.session.user);
    const bool seen =
        post.state == PostState::shown || moderator || post.author == request.session.user;
    Packet answer = Packet::response(200, request.id);
    answer.set("count", "1");
    if (packet.get("history") == "yes" && seen) {
      const auto after = packet.has("after") ? parse_count(packet.get("after")) : 0;
      if (!after)
        return core_.refuse(request, {Errc::bad_request, "after is the number of a revision"});
      if (const Status done = add_earlier(core_.reads_, post.guid, *after, answer); !done)
        return core_.read_failed(request.link, request.id, done.error());
    }
    send_page(request, *spot, {post});
    return core_.send(request.link, answer);
  }
  auto spot = channel_spot(request, HubObject::message, Operation::get);
  if (!spot) return core_.refuse(request, spot.error());
  const auto limit = page_limit(packet);
  if (!limit) return core_.refuse(request, limit.error());
  PostPage page{.from = kEnd, .limit = *limit, .bytes = kPageBytes};
  int directions = 0;
  for (const auto& [key, order] : {std::pair{"after", PostPage::Order::forward},
                                   std::pair{"before", PostPage::Order::backward},
                                   std::pair{"changes", PostPage::Order::changes}}) {
    if (!packet.has(key)) continue;
    const auto cursor = parse_count(packet.get(key));
    if (!cursor || ++directions > 1)
      return core_.refuse(
          request, {Errc::bad_request, "one of after, before and changes, with a whole number"});
    page.order = order;
    page.from = *cursor;
  }
  if (packet.has("thread")) {
    const auto root = Guid::parse(packet.get("thread"));
    if (!root) return core_.refuse(request, root.error());
    if (page.order == PostPage::Order::changes)
      return core_.refuse(request, {Errc::bad_request, "changes are those of a whole channel"});
    page.thread = *root;
  }
  ++page.limit;  // one more tells whether there are more
  auto posts = core_.reads_.posts(spot->channel, page);
  if (!posts) return core_.read_failed(request.link, request.id, posts.error());
  bool more = posts->size() == page.limit;
  if (more) {
    posts->pop_back();
  } else if (!posts->empty()) {
    // The page may have ended because of its bytes.
    page.from =
        page.order == PostPage::Order::changes ? posts->back().changed : posts->back().cursor;
    page.limit = 1;
    const auto rest = core_.reads_.posts(spot->channel, page);
    if (!rest) return core_.read_failed(request.link, request.id, rest.error());
    more = !rest->empty();
  }
  send_page(request, *spot, *posts);
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(posts->size()));
  if (more) {
    answer.set("next",
               std::to_string(page.order == PostPage::Order::changes ? posts->back().changed
                                                                     : posts->back().cursor));
  }
  core_.send(request.link, answer);
}

void Hubs::get_pins(StationRequest& request) {
  if (!ready(request)) return;
  auto spot = channel_spot(request, HubObject::pin, Operation::get);
  if (!spot) return core_.refuse(request, spot.error());
  PostPage page{.order = PostPage::Order::pinned,
                .from = kEnd,
                .limit = limits::kHistoryPage,
                .bytes = kPageBytes};
  if (request.packet.has("before")) {
    const auto cursor = parse_count(request.packet.get("before"));
    if (!cursor)
      return core_.refuse(request, {Errc::bad_request, "before is a cursor: a whole number"});
    page.from = *cursor;
  }
  const auto posts = core_.reads_.posts(spot->channel, page);
  if (!posts) return core_.read_failed(request.link, request.id, posts.error());
  page.from = posts->empty() ? 0 : posts->back().cursor;
  page.limit = 1;
  const auto rest = core_.reads_.posts(spot->channel, page);
  if (!rest) return core_.read_failed(request.link, request.id, rest.error());
  send_page(request, *spot, *posts);
  Packet answer = Packet::response(rest->empty() ? 200 : 206, request.id);
  answer.set("count", std::to_string(posts->size()));
  if (!rest->empty()) answer.set("next", std::to_string(page.from));
  core_.send(request.link, answer);
}

void Hubs::get_mark(StationRequest& request) {
  if (!ready(request)) return;
  auto spot = channel_spot(request, HubObject::mark, Operation::get);
  if (!spot) return core_.refuse(request, spot.error());
  const auto state = core_.reads_.read_state(spot->channel, request.session.user);
  if (!state) return core_.read_failed(request.link, request.id, state.error());
  Packet answer = Packet::response(200, request.id);
  answer.set("target", spot->channel.text())
      .set("cursor", std::to_string(state->upto))
      .set("newest", std::to_string(state->newest))
      .set("mentions", std::to_string(state->mentions))
      .set("level", std::string(to_string(state->level)));
  const std::int64_t more = DIM_FAULT("unread-off-by-one") && state->unread > 0 ? 1 : 0;
  core_.send(request.link, answer.set("unread", std::to_string(state->unread + more)));
}

void Hubs::search(StationRequest& request) {
  const Packet& packet = request.packet;
  const std::string& user = request.session.user;
  const std::string_view words = packet.get("search");
  if (words.size() > kSearchBytes)
    return core_.refuse(request, {Errc::bad_request, "search has at most 200 bytes"});
  const auto limit = page_limit(packet);
  if (!limit) return core_.refuse(request, limit.error());
  std::int64_t place = 0;
  if (packet.has("before")) {
    const auto from = parse_count(packet.get("before"));
    if (!from)
      return core_.refuse(request, {Errc::bad_request, "before is the next of the page before"});
    place = *from;
  }
  std::vector<Guid> channels;
  if (Guid::parse(packet.get("target"))) {
    auto one = channel_spot(request, HubObject::message, Operation::get);
    if (!one) return core_.refuse(request, one.error());
    if (one->hub->is_private()) return core_.refuse(request, kCannotSearch);
    channels.push_back(one->channel);
  } else {
    auto id = Id::parse(packet.get("target"));
    if (!id) return core_.refuse(request, id.error());
    const Hub* hub = find(id->bare().text());
    const Millis now = core_.clock_.now();
    const Status allowed = hub == nullptr
                               ? Status(std::unexpected(missing(id->bare().text())))
                               : may(*hub, user, Operation::get, {.object = HubObject::hub}, now);
    if (!allowed) return core_.refuse(request, allowed.error());
    if (hub->is_private()) return core_.refuse(request, kCannotSearch);
    for (const auto& [guid, channel] : hub->channels()) {
      if (may(*hub, user, Operation::get, {.object = HubObject::message, .channel = &channel},
              now) ||
          DIM_FAULT("search-anywhere"))
        channels.push_back(guid);
    }
  }
  auto found = core_.reads_.search(channels, words, place, *limit + 1);
  if (!found) return core_.read_failed(request.link, request.id, found.error());
  const bool more = found->size() > *limit;
  if (more) found->pop_back();
  for (const FoundPost& one : *found)
    core_.send(request.link, show(one.post, Operation::create, user, false));
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(found->size()));
  if (more) answer.set("next", std::to_string(found->back().place));
  core_.send(request.link, answer);
}

void Hubs::catch_up(LinkState& link) {
  if (link.flows.empty() || link.session == nullptr || link.closing || !link.pushing || !there())
    return;
  const std::string user = link.session->user;
  const std::size_t most = std::min<std::size_t>(1 * limits::kMiB, core_.config_.send_queue_bytes);
  for (auto flow = link.flows.begin(); flow != link.flows.end();) {
    auto& [channel, state] = *flow;
    const Hub* hub = hub_with(channel);
    const HubChannel* in = hub == nullptr ? nullptr : hub->channel(channel);
    if (in == nullptr || hub->deleted() || !hub->permissions_in(*in, user).has(Permission::read)) {
      flow = link.flows.erase(flow);
      continue;
    }
    const bool moderator = hub->permissions_in(*in, user).has(Permission::moderate);
    while (state.behind && link.queued() < most) {
      const auto page = core_.reads_.posts(channel, {.order = PostPage::Order::changes,
                                                     .from = state.upto,
                                                     .limit = limits::kHistoryPage,
                                                     .bytes = kCatchUpBytes});
      if (!page) {
        core_.event(StationEvent::Level::error, "store-read", user, page.error().hint);
        return;
      }
      if (page->empty()) {
        state.behind = false;
        break;
      }
      for (const Post& post : *page) {
        core_.send(link, show(post, Operation::create, user, moderator));
        state.upto = post.changed;
        ++core_.counters_.pushed_from_store;
      }
    }
    ++flow;
  }
}

}  // namespace dim
