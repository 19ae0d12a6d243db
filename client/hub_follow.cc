#include "client/hub_follow.h"

#include <algorithm>

#include "client/fields.h"
#include "client/hub_names.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "channels";
/// What a first look at a channel tells at most.
constexpr std::int64_t kFirstUnread = 200;

}  // namespace

HubFollower::HubFollower(HubClient& client, Home& home, Clock& clock, const HubEvents& events,
                         const std::optional<Guid>& only)
    : client_(client), home_(home), clock_(clock), events_(events), only_(only) {}

bool HubFollower::is_me(const std::string& user) const {
  return user == home_.account().id.bare().text();
}

// ---- hubs

void HubFollower::begin() {
  ++session_;
  busy_ = false;
  wait_until_ = 0;
  queue_.clear();
  changed_.clear();
  for (auto& [channel, flow] : flows_) flow.live = flow.marking = false;
  all_again_ = true;
  next();
}

/// One question at a time, so that following many channels stays within the station's quota.
void HubFollower::next() {
  if (busy_ || stopped_ || clock_.monotonic() < wait_until_) return;
  if (all_again_) {
    busy_ = true;
    return client_.mine([this, session = session_](HubResult<std::vector<HubView>> hubs) {
      if (session != session_) return;
      busy_ = false;
      if (hubs) {
        all_again_ = false;
        take_hubs(std::move(*hubs));
      } else if (hubs.error().code == 416) {
        wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, hubs.error().retry_after);
      } else {
        all_again_ = false;  // a station without hubs, or one that is gone
      }
      next();
    });
  }
  if (!changed_.empty()) return refresh();
  if (queue_.empty()) return;
  const Guid channel = queue_.front();
  queue_.pop_front();
  const auto flow = flows_.find(channel);
  if (flow == flows_.end() || flow->second.live) return next();
  busy_ = true;
  if (flow->second.known) return catch_up(channel);
  begin_channel(channel);
}

void HubFollower::refresh() {
  const std::string id = *changed_.begin();
  changed_.erase(changed_.begin());
  busy_ = true;
  client_.read(id, [this, id, session = session_](HubResult<HubView> hub) {
    if (session != session_) return;
    busy_ = false;
    if (hub) {
      take_hub(std::move(*hub));
      std::vector<HubView> all;
      for (const auto& [key, one] : hubs_) all.push_back(one);
      (void)keep_hubs(home_, all);
    } else if (hub.error().code == 416) {
      changed_.insert(id);
      wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, hub.error().retry_after);
    } else if (hub.error().code != 0) {
      all_again_ = true;  // not a member any more, or deleted: the list says so
    }
    next();
  });
}

void HubFollower::take_hubs(std::vector<HubView> hubs) {
  auto before = kept_hubs(home_);
  (void)keep_hubs(home_, hubs);
  std::set<std::string> there;
  for (HubView& hub : hubs) {
    there.insert(hub.id);
    take_hub(std::move(hub));
  }
  if (before) {
    for (const HubView& old : *before) {
      if (there.contains(old.id)) continue;
      drop_channels(old.id, {});
      hubs_.erase(old.id);
      if (events_.left) events_.left(old);
    }
  }
}

void HubFollower::drop_channels(const std::string& hub, const std::map<Guid, HubChannel>& kept) {
  std::erase_if(flows_, [&](const auto& entry) {
    return entry.second.hub == hub && !kept.contains(entry.first);
  });
}

void HubFollower::take_hub(HubView hub) {
  drop_channels(hub.id, hub.channels);
  for (const auto& [guid, channel] : hub.channels) {
    if (only_ && *only_ != guid) continue;
    Flow& flow = flows_[guid];
    flow.hub = hub.id;
    if (!flow.live && std::ranges::find(queue_, guid) == queue_.end()) queue_.push_back(guid);
  }
  hubs_[hub.id] = std::move(hub);
}

// ---- channels: what was missed

void HubFollower::failed(const Guid& channel, const HubRefusal& refusal) {
  busy_ = false;
  if (refusal.code == 416) {
    wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, refusal.retry_after);
    queue_.push_front(channel);
  } else if (refusal.code != 0) {
    flows_.erase(channel);  // deleted meanwhile, or not to be read any more
  }
  next();
}

void HubFollower::begin_channel(const Guid& channel) {
  auto kept = home_.vault().get(kBucket, channel.text());
  const auto object = parse_json_object(kept && *kept ? **kept : "");
  if (object) {
    Flow& flow = flows_[channel];
    flow.seen = integer_in(*object, "seen");
    flow.base = integer_in(*object, "base");
    flow.unmarked = integer_in(*object, "unmarked");  // the program ended before it could say so
    flow.known = true;
    return catch_up(channel);
  }
  client_.mark(channel, [this, channel, session = session_](HubResult<ReadMark> mark) {
    if (session != session_) return;
    if (!mark) return failed(channel, mark.error());
    const auto found = flows_.find(channel);
    if (found == flows_.end()) {
      busy_ = false;
      return next();
    }
    Flow& flow = found->second;
    const bool many = mark->unread > kFirstUnread;
    flow.seen = flow.base = many ? mark->newest : mark->cursor;
    flow.known = true;
    if (many && events_.behind) events_.behind(hubs_[flow.hub], channel, *mark);
    if (!keep(channel, flow)) return;
    catch_up(channel);
  });
}

void HubFollower::catch_up(const Guid& channel) {
  PostQuery query{.target = channel.text()};
  query.changes = flows_[channel].seen;
  client_.posts(query, [this, channel, session = session_](HubResult<PostsPage> page) {
    if (session != session_) return;
    if (!page) return failed(channel, page.error());
    for (const Post& post : page->posts) {
      const auto found = flows_.find(channel);
      if (found == flows_.end() || post.channel != channel || post.changed <= found->second.seen)
        continue;
      if (!tell(channel, post, post.cursor > found->second.base)) return;
    }
    const auto found = flows_.find(channel);
    if (found == flows_.end()) {
      busy_ = false;
      return next();
    }
    Flow& flow = found->second;
    if (page->next && !page->posts.empty() && !stopped_) return catch_up(channel);
    busy_ = false;
    flow.base = flow.seen;
    flow.live = true;
    if (!keep(channel, flow)) return;
    next();
  });
}

/// False: nothing more is told now.
bool HubFollower::tell(const Guid& channel, const Post& post, bool fresh) {
  Flow& flow = flows_[channel];
  const HubView& hub = hubs_[flow.hub];
  const bool there = post.state == PostState::shown || !post.content.empty();
  flow.seen = std::max(flow.seen, post.changed);
  if (!is_me(post.author) && (there || !fresh)) {
    if (fresh) flow.unmarked = flow.seen;
    if (events_.post) events_.post(hub, post, fresh);
  }
  return keep(channel, flow) && !stopped_;
}

/// Without the disk nothing is told twice as new for ever: it stops.
bool HubFollower::keep(const Guid& channel, const Flow& flow) {
  JsonObject object;
  object.set("seen", flow.seen);
  object.set("base", flow.base);
  if (flow.unmarked != 0) object.set("unmarked", flow.unmarked);
  const bool kept = home_.vault().put(kBucket, channel.text(), write_json(object)).has_value();
  if (!kept) stopped_ = true;
  return kept;
}

// ---- what comes

void HubFollower::pushed(const Packet& push) {
  if (stopped_) return;
  if (push.operation == Operation::notify) return on_notice(push);
  on_post(push);
}

void HubFollower::on_notice(const Packet& push) {
  if (push.get("type") == "typing") return on_typing(push);
  const auto notice = read_hub_notice(push);
  if (!notice) return;  // marks of other devices, too
  if (events_.notice) events_.notice(*notice);
  const bool of_people = notice->object == HubObject::member || notice->object == HubObject::mute ||
                         notice->object == HubObject::ban || notice->object == HubObject::request;
  if (notice->object == HubObject::invite || (of_people && !is_me(notice->member))) return;
  if (hubs_.contains(notice->hub)) {
    changed_.insert(notice->hub);
  } else {
    all_again_ = true;
  }
  next();
}

void HubFollower::on_typing(const Packet& push) {
  const auto channel = Guid::parse(push.get("target"));
  const auto author = Id::parse(push.get("author"));
  if (!channel || !author || !flows_.contains(*channel) || !events_.typing) return;
  const std::string who = author->bare().text();
  if (!is_me(who)) events_.typing(*channel, who, push.get("state") == "on");
}

void HubFollower::on_post(const Packet& push) {
  const auto channel = Guid::parse(push.get("target"));
  if (!channel) return;
  const auto found = flows_.find(*channel);
  if (found == flows_.end() || !found->second.live) return;
  Flow& flow = found->second;
  const std::int64_t cursor =
      number_in(push.get("changed").empty() ? push.get("cursor") : push.get("changed"));
  if (cursor <= flow.seen) return;
  const bool whole = push.operation == Operation::create && push.get("type") == "message";
  if (cursor > flow.seen + 1) {
    flow.live = false;
    queue_.push_back(*channel);
    return next();
  }
  if (whole) {
    const auto post = read_post(push);
    if (!post) return;
    tell(*channel, *post, post->cursor > flow.base);
  } else {
    const auto event = read_post_event(push);
    if (!event) return;
    flow.seen = event->cursor;
    if (!is_me(event->author) && events_.changed) events_.changed(hubs_[flow.hub], *event);
  }
  flow.base = flow.seen;
  keep(*channel, flow);
}

// ---- how far one has read

void HubFollower::tick() {
  if (stopped_) return;
  flush();
  next();
}

void HubFollower::flush() {
  for (auto& [channel, flow] : flows_) {
    if (flow.unmarked == 0 || flow.marking) continue;
    flow.marking = true;
    const Cursor upto = flow.unmarked;
    Packet packet = HubClient::request(Operation::notify, HubObject::mark, channel.text());
    packet.set("cursor", std::to_string(upto));
    client_.ask(std::move(packet),
                [this, key = channel, upto, session = session_](const HubResult<Packet>& answer) {
                  const auto found = flows_.find(key);
                  if (session != session_ || found == flows_.end()) return;
                  found->second.marking = false;
                  if (!answer || found->second.unmarked != upto) return;
                  found->second.unmarked = 0;
                  keep(key, found->second);
                });
  }
}

}  // namespace dim
