#include "client/hub_follow.h"

#include <algorithm>

#include "client/fields.h"
#include "client/hub_names.h"

namespace dim {
namespace {

constexpr std::string_view kBucket = "channels";
constexpr std::string_view kToldHistory = "told history";  // epochs of private hubs
/// What a first look at a channel tells at most.
constexpr std::int64_t kFirstUnread = 200;
/// How many messages a row remembers as told while a channel is caught up with.
constexpr std::size_t kFreshKept = 500;
constexpr std::size_t kMarksAtOnce = 8;
constexpr Millis kRetryFirst = 2'000, kRetryMost = 120'000;

/// Twice as long as before.
Millis longer(Millis wait) { return std::clamp(2 * wait, kRetryFirst, kRetryMost); }

/// What the station will not answer otherwise if it is asked again.
bool is_final(int code) { return code == 403 || code == 404 || code == 410; }

bool is_gone(const HubRefusal& refusal) { return refusal.error.code == Errc::unreachable; }

}  // namespace

void forget_followed(Home& home, const HubView& hub) {
  for (const auto& [channel, unused] : hub.channels)
    (void)home.vault().erase(kBucket, channel.text());
}

HubFollower::HubFollower(HubClient& client, Home& home, Clock& clock, const HubEvents& events,
                         const std::optional<Guid>& only)
    : client_(client),
      home_(home),
      clock_(clock),
      events_(events),
      only_(only),
      erasures_(client, home, clock) {}

bool HubFollower::is_me(const std::string& user) const {
  return user == home_.account().id.bare().text();
}

// ---- hubs

void HubFollower::begin() {
  ++session_;
  erasures_.begin();
  busy_ = false;
  wait_until_ = mark_at_ = all_again_at_ = 0;
  marking_ = 0;
  queue_.clear();
  changed_.clear();
  garbled_.clear();
  for (auto& [channel, flow] : flows_) {
    flow.live = flow.marking = flow.level_known = false;
    flow.retry_at = 0;
    // Another program of this home may have marked it meanwhile.
    if (flow.hold != 0) flow.known = false;
  }
  all_again_ = true;
  next();
}

/// One question at a time, so that following many channels stays within the station's quota.
void HubFollower::next() {
  if (busy_ || stopped_ || clock_.monotonic() < wait_until_) return;
  if (all_again_ && clock_.monotonic() >= all_again_at_) {
    busy_ = true;
    all_again_ = false;  // what is told from now on may not be in the answer any more
    return client_.mine([this, session = session_](HubResult<std::vector<HubView>> hubs) {
      if (session != session_) return;
      busy_ = false;
      if (hubs) {
        if (client_.unreadable().empty()) all_again_ms_ = 0;
        take_hubs(std::move(*hubs));
      } else if (hubs.error().code == 416) {
        all_again_ = true;
        wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, hubs.error().retry_after);
      } else if (hubs.error().code != 501) {  // a station without hubs
        list_failed(nullptr, hubs.error());
      }
      next();
    });
  }
  if (!changed_.empty()) return refresh();
  const auto channel = next_channel();
  if (!channel) return;
  busy_ = true;
  if (flows_[*channel].known) return ask_level(*channel);
  begin_channel(*channel);
}

/// The first one of the queue that need not wait.
std::optional<Guid> HubFollower::next_channel() {
  const Millis now = clock_.monotonic();
  for (auto it = queue_.begin(); it != queue_.end();) {
    const auto flow = flows_.find(*it);
    if (flow != flows_.end() && !flow->second.live && flow->second.retry_at > now) {
      ++it;
      continue;
    }
    const Guid channel = *it;
    it = queue_.erase(it);
    if (flow != flows_.end() && !flow->second.live) return channel;
  }
  return std::nullopt;
}

/// The list of hubs, or all of one hub, is asked for again later.
void HubFollower::list_failed(const HubView* hub, const HubRefusal& refusal) {
  if (is_gone(refusal)) return;  // the next session begins anew
  const bool first = all_again_ms_ == 0;
  all_again_ = true;
  all_again_ms_ = longer(all_again_ms_);
  all_again_at_ = clock_.monotonic() + all_again_ms_;
  if (first && events_.trouble) events_.trouble(hub, std::nullopt, refusal);
}

/// What cannot be read now is there as it was last, and will be asked for again.
void HubFollower::add_unreadable(std::vector<HubView>& hubs) {
  if (client_.unreadable().empty()) return;
  std::set<std::string> ids;
  for (const auto& [id, why] : client_.unreadable()) ids.insert(id);
  add_kept(home_, hubs, ids);
  const auto& [id, why] = *client_.unreadable().begin();
  const auto hub = std::ranges::find(hubs, id, &HubView::id);
  list_failed(hub == hubs.end() ? nullptr : &*hub, why);
}

void HubFollower::refresh() {
  const std::string id = *changed_.begin();
  changed_.erase(changed_.begin());
  busy_ = true;
  client_.read(id, [this, id, session = session_](HubResult<HubView> hub) {
    if (session != session_) return;
    busy_ = false;
    if (hub && client_.unreadable().contains(id)) {
      list_failed(&*hub, client_.unreadable().at(id));
    } else if (hub) {
      if (const auto known = hubs_.find(id);
          known != hubs_.end() && !ask_about_vanished({known->second}, {*hub}))
        return;
      take_hub(std::move(*hub));
      std::vector<HubView> all;
      for (const auto& [key, one] : hubs_) all.push_back(one);
      (void)keep_hubs(home_, all);
    } else if (hub.error().code == 416) {
      changed_.insert(id);
      wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, hub.error().retry_after);
    } else if (is_final(hub.error().code)) {
      all_again_ = true;  // not a member any more, or deleted: the list says so
      all_again_at_ = 0;
    } else {
      const auto known = hubs_.find(id);
      list_failed(known == hubs_.end() ? nullptr : &known->second, hub.error());
    }
    next();
  });
}

void HubFollower::take_hubs(std::vector<HubView> hubs) {
  // What another program of this home has left is not among the kept ones any more.
  auto before = kept_hubs(home_).value_or(std::vector<HubView>());
  for (const auto& [id, hub] : hubs_) {
    if (std::ranges::find(before, id, &HubView::id) == before.end()) before.push_back(hub);
  }
  add_unreadable(hubs);
  if (!ask_about_vanished(before, hubs)) return;
  (void)keep_hubs(home_, hubs);
  std::set<std::string> there;
  for (HubView& hub : hubs) {
    there.insert(hub.id);
    take_hub(std::move(hub));
  }
  for (const HubView& old : before) {
    if (there.contains(old.id)) continue;
    drop_channels(old.id, {});
    forget_followed(home_, old);
    hubs_.erase(old.id);
    if (events_.left) events_.left(old);
  }
}

/// What was there and is not any more may have been destroyed, and this home has not heard it.
bool HubFollower::ask_about_vanished(const std::vector<HubView>& before,
                                     const std::vector<HubView>& hubs) {
  for (const std::string& object : vanished_of(before, hubs))
    stopped_ = stopped_ || !erasures_.vanished(object);
  return !stopped_;
}

/// What was opened of a private one stays: a station that leaves a channel out destroys nothing.
void HubFollower::drop_channels(const std::string& hub, const std::map<Guid, HubChannel>& kept) {
  std::erase_if(flows_, [&](const auto& entry) {
    const bool gone = entry.second.hub == hub && !kept.contains(entry.first);
    if (gone) (void)home_.vault().erase(kBucket, entry.first.text());
    return gone;
  });
}

void HubFollower::take_hub(HubView hub) {
  drop_channels(hub.id, hub.channels);
  for (const auto& [guid, channel] : hub.channels) {
    if (only_ && *only_ != guid) continue;
    Flow& flow = flows_[guid];
    flow.hub = hub.id;
    if (flow.known && flow.joined != hub.joined && hub.joined != 0) flow.known = flow.live = false;
    if (!flow.live && std::ranges::find(queue_, guid) == queue_.end()) queue_.push_back(guid);
  }
  const std::string id = hub.id;
  hubs_[id] = std::move(hub);
  if (is_private_hub(id)) tell_history(hubs_[id]);
}

/// By what has verified, and not by what the station tells.
void HubFollower::tell_history(const HubView& hub) {
  const Roster* roster = client_.privates().roster(hub.id);
  if (roster == nullptr || is_me(roster->founder()) || !events_.history) return;
  const auto told = home_.vault().get(kToldHistory, hub.id);
  if (!told) return;
  const std::int64_t from = *told ? number_in(**told) : roster->epoch();
  for (std::int64_t epoch = from + 1; epoch <= roster->epoch(); ++epoch) {
    const auto change = read_roster_change(roster->changes()[static_cast<std::size_t>(epoch) - 1]);
    if (!change) continue;
    for (const HistoryRule& rule : change->history) events_.history(hub, rule, change->time);
  }
  if (*told && from == roster->epoch()) return;
  (void)home_.vault().put(kToldHistory, hub.id, std::to_string(roster->epoch()));
}

// ---- channels: what was missed

void HubFollower::failed(const Guid& channel, const HubRefusal& refusal) {
  busy_ = false;
  const auto found = flows_.find(channel);
  if (refusal.code == 416) {
    wait_until_ = clock_.monotonic() + std::max<Millis>(1'000, refusal.retry_after);
    queue_.push_front(channel);
  } else if (is_final(refusal.code)) {
    flows_.erase(channel);  // deleted meanwhile, or not to be read any more
  } else if (found != flows_.end() && !is_gone(refusal)) {
    Flow& flow = found->second;
    const bool first = flow.retry_ms == 0;
    flow.retry_ms = longer(flow.retry_ms);
    flow.retry_at = clock_.monotonic() + flow.retry_ms;
    queue_.push_back(channel);
    if (first && events_.trouble) events_.trouble(&hubs_[flow.hub], channel, refusal);
  }
  next();
}

void HubFollower::begin_channel(const Guid& channel) {
  auto kept = home_.vault().get(kBucket, channel.text());
  const auto object = parse_json_object(kept && *kept ? **kept : "");
  if (!object) return ask_mark(channel);
  Flow& flow = flows_[channel];
  flow.seen = integer_in(*object, "seen");
  flow.base = integer_in(*object, "base");
  // "unmarked": of a row as it was before it said how far the station knows.
  flow.told = std::max(integer_in(*object, "told"), integer_in(*object, "unmarked"));
  flow.marked = integer_in(*object, "marked");
  flow.hold = integer_in(*object, "hold");
  flow.fresh.clear();
  if (const Json* fresh = object->find("fresh"); fresh != nullptr && fresh->array() != nullptr) {
    for (const Json& one : *fresh->array()) {
      if (one.integer() != nullptr) flow.fresh.insert(*one.integer());
    }
  }
  flow.joined = integer_in(*object, "joined");
  if (flow.hold != 0 || came_again(flow)) return ask_mark(channel);
  if (flow.joined == 0) flow.joined = hubs_[flow.hub].joined;
  flow.known = true;
  ask_level(channel);
}

/// `done` unless the channel has gone meanwhile; what the person wants to be told of it is known
/// then.
void HubFollower::mark_of(const Guid& channel, std::function<void(Flow&, const ReadMark&)> done) {
  client_.mark(channel, [this, channel, done = std::move(done),
                         session = session_](HubResult<ReadMark> mark) {
    if (session != session_) return;
    if (!mark) return failed(channel, mark.error());
    const auto found = flows_.find(channel);
    if (found == flows_.end()) {
      busy_ = false;
      return next();
    }
    found->second.level = mark->level;
    found->second.level_known = true;
    done(found->second, *mark);
  });
}

/// It may have been set otherwise while nobody was here; then what was missed is told by it.
void HubFollower::ask_level(const Guid& channel) {
  if (only_ || flows_[channel].level_known) return catch_up(channel);
  mark_of(channel, [this, channel](Flow&, const ReadMark&) { catch_up(channel); });
}

/// `fresh`: it is new, and not only changed.
bool HubFollower::wants(const Flow& flow, const Post& post, bool fresh) const {
  if (only_ || flow.level == NotifyLevel::all) return true;
  // Of what cannot be read the station's word calls nobody.
  return flow.level == NotifyLevel::mentions && fresh && post.unreadable.empty() &&
         std::ranges::any_of(
             post.mentions, [&](const std::string& who) { return is_me(who) || who == kEveryone; });
}

/// One was put out, or has left, and is in again: what was written meanwhile is not new.
bool HubFollower::came_again(const Flow& flow) {
  const Millis joined = hubs_[flow.hub].joined;
  return flow.joined != 0 && joined != 0 && flow.joined != joined;
}

void HubFollower::ask_mark(const Guid& channel) {
  mark_of(channel, [this, channel](Flow& flow, const ReadMark& mark) {
    flow.known = true;
    const bool again = came_again(flow);
    flow.joined = hubs_[flow.hub].joined;
    if (again && mark.cursor > flow.seen) {
      // The station's mark stands where one came in, or behind it.
      flow.seen = flow.base = mark.cursor;
      flow.told = flow.marked = mark.cursor;
      flow.fresh.clear();
    }
    if (again && flow.hold == 0) {
      if (!keep(channel, flow)) return;
      return catch_up(channel);
    }
    if (flow.hold != 0) {
      take_mark(channel, mark.cursor);
      return catch_up(channel);
    }
    const bool many = mark.unread > kFirstUnread;
    flow.seen = flow.base = many ? mark.newest : mark.cursor;
    if (many) flow.hold = mark.newest;
    flow.told = flow.marked = mark.cursor;
    if (many && events_.behind && (only_ || flow.level != NotifyLevel::none))
      events_.behind(hubs_[flow.hub], channel, mark);
    if (!keep(channel, flow)) return;
    catch_up(channel);
  });
}

void HubFollower::catch_up(const Guid& channel) {
  PostQuery query{.target = channel.text(), .hub = flows_[channel].hub};
  const Cursor from = flows_[channel].seen;
  query.changes = from;
  client_.posts(query, [this, channel, from, session = session_](HubResult<PostsPage> page) {
    if (session != session_) return;
    if (!page) return failed(channel, page.error());
    for (const Post& post : page->posts) {
      const auto found = flows_.find(channel);
      if (found == flows_.end() || post.channel != channel || post.changed <= found->second.seen)
        continue;
      const bool fresh =
          post.cursor > found->second.base && !found->second.fresh.contains(post.cursor);
      if (!tell(channel, post, fresh)) return;
    }
    const auto found = flows_.find(channel);
    if (found == flows_.end()) {
      busy_ = false;
      return next();
    }
    Flow& flow = found->second;
    if (page->lost > 0) garbled(flow.hub, channel);
    if (page->next && !page->posts.empty() && !stopped_) {
      if (flow.seen > from) return catch_up(channel);
      return failed(channel, {.error = {Errc::bad_request,
                                        "the station's pages do not go on as they should"}});
    }
    busy_ = false;
    flow.base = flow.seen;
    flow.fresh.clear();
    flow.retry_ms = 0;
    flow.live = true;
    if (!keep(channel, flow)) return;
    next();
  });
}

/// False: nothing more is told now.
bool HubFollower::tell(const Guid& channel, const Post& post, bool fresh) {
  Flow& flow = flows_[channel];
  const HubView& hub = hubs_[flow.hub];
  const bool over = post.expires != 0 && post.expires <= clock_.now();
  const bool there = !over && (post.state == PostState::shown || !post.content.empty());
  if (post.state == PostState::destroyed && !erase(channel, post.guid)) return false;
  flow.seen = std::max(flow.seen, post.changed);
  const bool of_others = !is_me(post.author) && (there || !fresh);
  if (of_others && !wants(flow, post, fresh)) {
    if (fresh) flow.hold = std::max(flow.hold, post.cursor);
  } else if (of_others) {
    if (fresh && flow.hold == 0) flow.told = flow.seen;
    if (fresh && !flow.live) {
      flow.fresh.insert(post.cursor);
      if (flow.fresh.size() > kFreshKept) flow.fresh.erase(flow.fresh.begin());
    }
    if (events_.post) events_.post(hub, post, fresh);
  }
  return keep(channel, flow) && !stopped_;
}

/// Before it counts as seen: a home that is stopped on the way hears of it again.
bool HubFollower::erase(const Guid& channel, const Guid& post) {
  const bool done = erasures_.destroyed(channel, post).has_value();
  if (!done) stopped_ = true;
  return done;
}

/// Without the disk nothing is told twice as new for ever: it stops.
bool HubFollower::keep(const Guid& channel, const Flow& flow) {
  JsonObject object;
  object.set("seen", flow.seen);
  object.set("base", flow.base);
  object.set("told", flow.told);
  object.set("marked", flow.marked);
  if (flow.joined != 0) object.set("joined", flow.joined);
  if (flow.hold != 0) object.set("hold", flow.hold);
  if (!flow.fresh.empty()) {
    JsonArray fresh;
    for (const Cursor one : flow.fresh) fresh.emplace_back(one);
    object.set("fresh", std::move(fresh));
  }
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
  if (push.get("type") == "mark") {
    const auto channel = Guid::parse(push.get("target"));
    if (!channel) return;
    const auto level = parse_level(push.get("level"));
    if (const auto flow = flows_.find(*channel); flow != flows_.end() && level)
      flow->second.level = *level;
    take_mark(*channel, number_in(push.get("cursor")));
    return;
  }
  if (push.get("type") == "report") return;  // for who asks for them
  const auto notice = read_hub_notice(push);
  if (!notice) {
    // What it was about is read anew, whatever it was.
    const std::string hub(push.get("target"));
    garbled(hub, std::nullopt);
    return ask_anew(hub);
  }
  if (notice->change == Operation::destroy) {
    const std::string object = notice->guid ? notice->guid->text() : notice->hub;
    if (!erasures_.object_destroyed(object)) stopped_ = true;
    if (stopped_) return;
  }
  if (events_.notice) events_.notice(*notice);
  const bool of_people = notice->object == HubObject::member || notice->object == HubObject::mute ||
                         notice->object == HubObject::ban || notice->object == HubObject::request;
  if (notice->object == HubObject::invite || (of_people && !is_me(notice->member))) return;
  ask_anew(notice->hub);
}

void HubFollower::ask_anew(const std::string& hub) {
  if (hubs_.contains(hub)) {
    changed_.insert(hub);
  } else {
    all_again_ = true;
    all_again_at_ = 0;
  }
  next();
}

void HubFollower::garbled(const std::string& hub, const std::optional<Guid>& channel) {
  const auto known = hubs_.find(hub);
  const std::string about = channel ? channel->text() : known == hubs_.end() ? "" : hub;
  if (!garbled_.insert(about).second || !events_.trouble) return;
  events_.trouble(known == hubs_.end() ? nullptr : &known->second, channel,
                  {.error = {Errc::bad_request,
                             "the station shows something here in a form that this program does "
                             "not know"}});
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
  if (cursor > 0 && cursor <= flow.seen) return;
  // What has been missed, or cannot be read, is asked for: it comes right, or the failure is told.
  const auto ask_again = [&] {
    flow.live = false;
    queue_.push_back(*channel);
    next();
  };
  const bool whole = push.operation == Operation::create && push.get("type") == "message";
  if (cursor != flow.seen + 1) return ask_again();
  if (whole) {
    auto post = read_post(push);
    if (!post) return ask_again();
    // Somebody may have come in just now: their membership and keys are asked for, and then it.
    const Status opened = client_.privates().open(flow.hub, *post);
    if (client_.privates().asks_anew(flow.hub, opened)) {
      changed_.insert(flow.hub);
      return ask_again();
    }
    tell(*channel, *post, post->cursor > flow.base);
  } else {
    const auto event = read_post_event(push);
    if (!event) return ask_again();
    if (event->state == PostState::destroyed && !erase(*channel, event->guid)) return;
    if (is_private_hub(flow.hub)) {
      // A text is opened with the message that it belongs to.
      if (event->text) return ask_again();
      const bool ends = event->object == HubObject::message && event->state != PostState::shown;
      if (ends && !client_.privates().forget(event->guid, event->state)) return;
    }
    flow.seen = event->cursor;
    const bool wanted = only_ || flow.level == NotifyLevel::all;
    if (!is_me(event->author) && wanted && events_.changed)
      events_.changed(hubs_[flow.hub], *event);
  }
  flow.base = flow.seen;
  keep(*channel, flow);
}

// ---- how far one has read

void HubFollower::tick() {
  if (stopped_) return;
  erasures_.tick();
  flush();
  next();
}

void HubFollower::flush() {
  if (clock_.monotonic() < mark_at_) return;
  for (auto& [channel, flow] : flows_) {
    if (flow.told <= flow.marked || flow.marking) continue;
    if (marking_ >= kMarksAtOnce) return;
    ++marking_;
    flow.marking = true;
    Packet packet = HubClient::request(Operation::notify, HubObject::mark, channel.text());
    packet.set("cursor", std::to_string(flow.told));
    client_.ask(std::move(packet), [this, channel, cursor = flow.told,
                                    session = session_](const HubResult<Packet>& answer) {
      if (session == session_) on_mark(channel, cursor, answer);
    });
  }
}

/// A mark is done with when the station says so, or says that it never will.
void HubFollower::on_mark(const Guid& channel, Cursor cursor, const HubResult<Packet>& answer) {
  --marking_;
  const auto found = flows_.find(channel);
  if (found != flows_.end()) found->second.marking = false;
  if (!answer && answer.error().code != 401 && !is_final(answer.error().code)) {
    mark_at_ = clock_.monotonic() + std::max<Millis>(kRetryFirst, answer.error().retry_after);
    return;
  }
  if (found == flows_.end()) return;
  found->second.marked = std::max(found->second.marked, cursor);
  keep(channel, found->second);
}

/// How far one has read says the station: another device or program has marked it.
void HubFollower::take_mark(const Guid& channel, Cursor cursor) {
  const auto found = flows_.find(channel);
  if (found == flows_.end() || !found->second.known) return;
  Flow& flow = found->second;
  flow.marked = std::max(flow.marked, cursor);
  if (flow.hold != 0 && cursor >= flow.hold) {
    flow.hold = 0;
    flow.told = std::max(flow.told, cursor);
  }
  keep(channel, flow);
}

}  // namespace dim
