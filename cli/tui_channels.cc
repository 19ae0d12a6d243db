#include "cli/tui_channels.h"

#include <algorithm>
#include <set>

#include "cli/hub_run.h"
#include "cli/tui_app.h"
#include "cli/tui_unread.h"
#include "client/erasure.h"
#include "client/fields.h"

namespace dim {
namespace {

constexpr std::size_t kPage = 50;  // messages that are read at once
constexpr Millis kAgainMs = 5'000;
constexpr std::size_t kQuoted = 60;

}  // namespace

std::string beginning(std::string_view text) {
  std::string out(text.substr(0, text.find('\n')));
  if (out.size() > kQuoted) {
    std::size_t end = kQuoted;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80) --end;
    out.resize(end);
  }
  return out.size() < text.size() ? out + "…" : out;
}

namespace {

std::string beginning_of(const Post& post) {
  const PostText said = read_post_text(post.content);
  return beginning(said.text.empty() ? said.words() : said.text);
}

}  // namespace

TuiChannels::TuiChannels(Context& context, tui::Model& model, std::function<void()> changed)
    : context_(context), model_(model), changed_(std::move(changed)) {
  context_.messenger->hubs().live = [this](const Packet& push) { pushed(push); };
}

/// The hub that a channel is shown in, by its ID.
std::string TuiChannels::hub_of(const Guid& channel) const {
  const tui::Conversation* one = model_.find(channel.text());
  return one == nullptr ? std::string() : one->hub_id;
}

tui::Conversation* TuiChannels::conversation(const Guid& channel) {
  return model_.find(channel.text());
}

const Post* TuiChannels::post(std::string_view guid) const {
  const auto found = posts_.find(std::string(guid));
  return found == posts_.end() ? nullptr : &found->second;
}

// ---- hubs

void TuiChannels::load_kept() {
  if (auto kept = kept_hubs(*context_.home)) take_hubs(std::move(*kept));
}

void TuiChannels::begin() {
  ++session_;
  busy_ = false;
  wait_until_ = 0;
  hubs_wanted_ = true;
  asked_people_.clear();
  for (auto& [channel, flow] : flows_) {
    flow.asking = false;
    flow.marking = flow.marked;
    flow.wants_mark = true;
    const tui::Conversation* one = conversation(channel);
    flow.behind = one != nullptr && one->loaded;
  }
  next();
}

void TuiChannels::ask_hubs() {
  busy_ = true;
  context_.messenger->hubs().mine([this, session = session_](HubResult<std::vector<HubView>> mine) {
    if (session != session_) return;
    busy_ = false;
    if (mine) {
      hubs_wanted_ = false;
      std::set<std::string> unreadable;
      for (const auto& [id, why] : context_.messenger->hubs().unreadable()) unreadable.insert(id);
      add_kept(*context_.home, *mine, unreadable);
      (void)keep_new_hubs(*context_.home, *mine);
      take_hubs(std::move(*mine));
      for (auto& [channel, flow] : flows_) flow.wants_mark = true;
    } else if (mine.error().code == 501) {
      hubs_wanted_ = false;  // a station without hubs
    } else {
      trouble(mine.error());
    }
    next();
  });
}

void TuiChannels::trouble(const HubRefusal& why) {
  wait_until_ = context_.clock.monotonic() + std::max(kAgainMs, why.retry_after);
}

void TuiChannels::take_hubs(std::vector<HubView> hubs) {
  std::set<std::string> there;
  for (const HubView& hub : hubs) {
    for (const auto& [guid, channel] : hub.channels) {
      there.insert(guid.text());
      flows_.try_emplace(guid);
      std::int64_t category = -1;
      if (channel.category) {
        const auto found = hub.categories.find(*channel.category);
        if (found != hub.categories.end()) category = found->second.position;
      }
      tui::Conversation fresh{.id = guid.text(),
                              .kind = tui::Kind::channel,
                              .title = channel.name,
                              .hub = hub.name,
                              .hub_id = hub.id,
                              .place = {category, channel.position},
                              .about = kind_in_words(hub.id)};
      if (channel.kind == ChannelKind::announcement) fresh.about += " · announcements";
      if (!channel.topic.empty()) fresh.about += " · " + channel.topic;
      tui::Conversation* old = model_.find(fresh.id);
      if (old != nullptr && old->title == fresh.title && old->hub_id == fresh.hub_id &&
          old->hub == fresh.hub && old->place == fresh.place) {
        old->about = fresh.about;
        continue;
      }
      const bool is_current = old != nullptr && old == model_.now();
      if (old != nullptr) {
        tui::Conversation moved = std::move(*old);
        model_.remove(fresh.id);
        moved.title = fresh.title;
        moved.hub = fresh.hub;
        moved.hub_id = fresh.hub_id;
        moved.place = fresh.place;
        moved.about = fresh.about;
        fresh = std::move(moved);
      }
      const std::string id = fresh.id;
      tui::Conversation& now = model_.add(std::move(fresh));
      if (is_current) model_.current = static_cast<std::size_t>(&now - model_.conversations.data());
    }
  }
  std::vector<std::string> gone;
  for (const tui::Conversation& one : model_.conversations) {
    if (one.kind == tui::Kind::channel && !there.contains(one.id)) gone.push_back(one.id);
  }
  for (const std::string& id : gone) {
    if (const auto channel = Guid::parse(id)) flows_.erase(*channel);
    model_.remove(id);
  }
  hubs_ = std::move(hubs);
  changed_();
}

void TuiChannels::hub_changed(const std::string&) {
  hubs_wanted_ = true;
  next();
}

void TuiChannels::channel_changed(const Guid& channel) {
  const auto found = flows_.find(channel);
  if (found == flows_.end()) return;
  found->second.behind = true;
  found->second.wants_mark = true;
  next();
}

void TuiChannels::tick() {
  drop_old();
  next();
}

// ---- one question at a time, so that many channels stay within the station's quota

void TuiChannels::next() {
  if (busy_ || !context_.messenger->is_ready() || context_.clock.monotonic() < wait_until_) return;
  if (hubs_wanted_) return ask_hubs();
  // What is looked at comes first.
  std::vector<Guid> order;
  if (const tui::Conversation* one = model_.now();
      one != nullptr && one->kind == tui::Kind::channel) {
    if (const auto channel = Guid::parse(one->id); channel && flows_.contains(*channel))
      order.push_back(*channel);
  }
  for (const auto& [channel, flow] : flows_) order.push_back(channel);
  for (const Guid& channel : order) {
    const Flow& flow = flows_[channel];
    const tui::Conversation* one = conversation(channel);
    if (one == nullptr) continue;
    if (flow.wants_mark) return ask_mark(channel);
    if (flow.wants_page) return ask_page(channel, false);
    if (flow.behind && one->loaded) return ask_changes(channel);
    if (flow.wants_older) return ask_page(channel, true);
  }
}

void TuiChannels::ask_mark(const Guid& channel) {
  busy_ = true;
  flows_[channel].wants_mark = false;
  context_.messenger->hubs().mark(channel,
                                  [this, channel, session = session_](HubResult<ReadMark> mark) {
                                    if (session != session_) return;
                                    busy_ = false;
                                    const auto found = flows_.find(channel);
                                    tui::Conversation* one = conversation(channel);
                                    if (mark && found != flows_.end() && one != nullptr) {
                                      Flow& flow = found->second;
                                      flow.marked = std::max(flow.marked, mark->cursor);
                                      flow.level = mark->level;
                                      one->unread = counted(flow, *mark);
                                      if (one->unread == 0) one->names_me = false;
                                      if (one->unread > 0 && mark->mentions > 0)
                                        one->names_me = true;
                                      changed_();
                                    } else if (!mark) {
                                      if (found != flows_.end() && mark.error().code == 416)
                                        found->second.wants_mark = true;
                                      trouble(mark.error());
                                    }
                                    next();
                                  });
}

/// What of it the person wants to be told.
std::int64_t TuiChannels::counted(const Flow& flow, const ReadMark& mark) {
  if (flow.level == NotifyLevel::none) return 0;
  return flow.level == NotifyLevel::mentions ? mark.mentions : mark.unread;
}

bool TuiChannels::for_me(const Post& post) const {
  const std::string me = context_.home->account().id.bare().text();
  return post.author != me && std::ranges::any_of(post.mentions, [&](const std::string& who) {
           return who == me || who == kEveryone;
         });
}

/// Those who have written in this channel, as far as that is here.
std::vector<Mentionable> TuiChannels::mentionable(const Guid& channel) const {
  const auto name = names_of(context_);
  std::set<std::string> ids;
  for (const auto& [guid, post] : posts_) {
    if (post.channel == channel) ids.insert(post.author);
  }
  std::vector<Mentionable> out;
  for (const std::string& id : ids) out.push_back({id, name(id)});
  return out;
}

/// What has disappeared, or is older than its channel keeps.
void TuiChannels::drop_old() {
  constexpr Millis kDay = 86'400'000;
  if (context_.clock.monotonic() < dropped_at_ + 1'000) return;
  dropped_at_ = context_.clock.monotonic();
  const Millis now = context_.clock.now();
  std::map<Guid, Millis> before;
  for (const HubView& hub : hubs_) {
    for (const auto& [guid, channel] : hub.channels) {
      if (channel.retention != 0) before[guid] = now - channel.retention * kDay;
    }
  }
  const auto is_old = [&](const Post& post) {
    const auto keeps = before.find(post.channel);
    return (post.expires != 0 && post.expires <= now) ||
           (keeps != before.end() && post.cursor != 0 && post.time < keeps->second);
  };
  bool some = false;
  for (auto it = posts_.begin(); it != posts_.end();) {
    if (!is_old(it->second)) {
      ++it;
      continue;
    }
    if (tui::Conversation* one = conversation(it->second.channel))
      std::erase_if(one->messages, [&](const auto& message) { return message.id == it->first; });
    it = posts_.erase(it);
    some = true;
  }
  if (some) changed_();
}

void TuiChannels::open(tui::Conversation& one) {
  const auto channel = Guid::parse(one.id);
  if (!channel || one.loading) return;
  one.loading = true;
  flows_[*channel].wants_page = true;
  next();
}

void TuiChannels::load_older(tui::Conversation& one) {
  const auto channel = Guid::parse(one.id);
  if (!channel || !one.loaded || one.whole) return;
  flows_[*channel].wants_older = true;
  next();
}

void TuiChannels::ask_page(const Guid& channel, bool older) {
  busy_ = true;
  PostQuery query{.target = channel.text(), .hub = hub_of(channel), .limit = kPage};
  if (older) query.before = flows_[channel].oldest;
  context_.messenger->hubs().posts(
      query, [this, channel, older, session = session_](HubResult<PostsPage> page) {
        if (session != session_) return;
        busy_ = false;
        const auto found = flows_.find(channel);
        tui::Conversation* one = conversation(channel);
        if (found == flows_.end() || one == nullptr) return next();
        Flow& flow = found->second;
        if (!page) {
          trouble(page.error());
          return next();
        }
        (older ? flow.wants_older : flow.wants_page) = false;
        one->loading = false;
        one->loaded = true;
        one->whole = !page->next;
        std::ranges::reverse(page->posts);
        if (!page->posts.empty()) flow.oldest = page->posts.front().cursor;
        if (page->posts.empty() && flow.oldest == 0) flow.oldest = 1;
        take_posts(channel, page->posts);
        if (!older && one->unread > 0) {
          const auto first = std::ranges::find_if(page->posts, [&](const Post& post) {
            return post.cursor > flow.marked &&
                   post.author != context_.home->account().id.bare().text();
          });
          if (first != page->posts.end()) one->new_from = first->guid.text();
        }
        next();
      });
}

void TuiChannels::ask_changes(const Guid& channel) {
  busy_ = true;
  const Cursor from = flows_[channel].seen;
  PostQuery query{.target = channel.text(), .hub = hub_of(channel), .changes = from};
  context_.messenger->hubs().posts(
      query, [this, channel, from, session = session_](HubResult<PostsPage> page) {
        if (session != session_) return;
        busy_ = false;
        const auto found = flows_.find(channel);
        if (found == flows_.end()) return next();
        if (!page) {
          trouble(page.error());
          return next();
        }
        take_posts(channel, page->posts);
        found->second.behind = page->next.has_value() && found->second.seen > from;
        next();
      });
}

// ---- messages

void TuiChannels::take_posts(const Guid& channel, const std::vector<Post>& posts) {
  for (const Post& post : posts) take_post(channel, post);
  changed_();
}

/// Shows it where it belongs, anew where it is shown already.
void TuiChannels::take_post(const Guid& channel, const Post& post) {
  tui::Conversation* one = conversation(channel);
  if (one == nullptr || post.channel != channel) return;
  Flow& flow = flows_[channel];
  flow.seen = std::max(flow.seen, post.changed);
  if (post.cursor < flow.oldest) return;  // older than what is loaded
  flow.newest = std::max(flow.newest, post.cursor);
  const std::string guid = post.guid.text();
  learn(post.author);
  const auto before = posts_.find(guid);
  const bool waited = before != posts_.end() && before->second.cursor == 0;
  posts_.insert_or_assign(guid, post);
  tui::Message message = message_of(post);
  if (waited) std::erase_if(one->messages, [&](const auto& other) { return other.id == guid; });
  if (tui::Message* there = tui::find_message(*one, guid)) {
    *there = std::move(message);
    return;
  }
  const auto is_behind = [&](const tui::Message& other) {
    const Post* known = this->post(other.id);
    return known != nullptr && (known->cursor == 0 || known->cursor > post.cursor);
  };
  // Mostly the newest.
  auto at = one->messages.end();
  while (at != one->messages.begin() && is_behind(*std::prev(at))) --at;
  one->messages.insert(at, std::move(message));
}

tui::Message TuiChannels::message_of(const Post& post) {
  const auto name = names_of(context_);
  const bool mine = post.author == context_.home->account().id.bare().text();
  tui::Message out{.id = post.guid.text(),
                   .day = day_in_words(post.time),
                   .clock = clock_in_words(post.time),
                   .author = mine ? "you" : name(post.author),
                   .author_id = post.author,
                   .mine = mine};
  const PostText said = read_post_text(post.content);
  out.text = said.text;
  out.words = said.words();
  if (post.state != PostState::shown) {
    out.words = to_string(post.state);
    if (post.state != PostState::hidden) out.text.clear();
  } else if (post.damaged) {
    out.words = "damaged at the station: the text is lost";
  }
  if (post.damaged) out.words = "damaged at the station";
  if (!post.unreadable.empty()) out.words = "cannot be read: " + std::string(post.unreadable);
  if (post.reply) {
    const Post* origin = this->post(post.reply->text());
    out.answers = origin == nullptr
                      ? "answers #" + tui::short_id(post.reply->text())
                      : "answers " + name(origin->author) + ": “" + beginning_of(*origin) + "”";
  }
  if (post.revision > 1) out.labels.emplace_back("edited");
  if (post.pinned != 0) out.labels.emplace_back("pinned");
  if (!post.handed_by.empty()) out.labels.push_back("handed over by " + name(post.handed_by));
  for (const ReactionCount& one : post.reactions) out.reactions.emplace_back(one.symbol, one.count);
  if (mine) out.progress = post.cursor == 0 ? tui::Progress::queued : tui::Progress::sent;
  if (post.thread) {
    const Post* root = this->post(post.thread->text());
    out.labels.push_back(root == nullptr ? "thread #" + tui::short_id(post.thread->text())
                                         : "thread: “" + beginning_of(*root) + "”");
  }
  if (post.answers != 0) out.labels.push_back(std::to_string(post.answers) + " in its thread");
  if (post.expires != 0) out.labels.emplace_back("disappears");
  out.names_me =
      !mine && post.unreadable.empty() && (for_me(post) || tui::names_person(said.text, model_.me));
  if (files && !said.files.empty() && post.state == PostState::shown) files(post, said, out);
  return out;
}

/// Who has not been seen before is asked about, so that they have a name from now on.
void TuiChannels::learn(const std::string& author) {
  const auto id = Id::parse(author);
  if (!id || context_.home->directory().find(id->bare()) != nullptr) return;
  if (!asked_people_.insert(author).second) return;
  context_.messenger->fetch(*id, [this](const Status& known) {
    if (known) rename();
  });
}

void TuiChannels::rename() {
  for (tui::Conversation& one : model_.conversations) {
    if (one.kind != tui::Kind::channel) continue;
    for (tui::Message& message : one.messages) {
      if (const Post* known = post(message.id)) message = message_of(*known);
    }
  }
  changed_();
}

// ---- what comes

void TuiChannels::pushed(const Packet& push) {
  const std::string_view type = push.get("type");
  if (push.operation == Operation::notify) {
    const auto channel = Guid::parse(push.get("target"));
    if (type == "typing") {
      const auto author = Id::parse(push.get("author"));
      if (!channel || !author || !typing) return;
      const std::string who = author->bare().text();
      if (who == context_.home->account().id.bare().text()) return;
      return typing(channel->text(), context_.name_of(*author), push.get("state") == "on");
    }
    if (type == "mark") {  // read, or set otherwise, on another device
      if (channel && flows_.contains(*channel)) flows_[*channel].wants_mark = true;
      return next();
    }
    if (type == "report") return;
    const auto notice = read_hub_notice(push);
    if (!notice) {  // whatever it was about is read anew
      hubs_wanted_ = true;
      return next();
    }
    const bool of_people = notice->object == HubObject::member ||
                           notice->object == HubObject::mute || notice->object == HubObject::ban ||
                           notice->object == HubObject::request;
    const bool me = notice->member == context_.home->account().id.bare().text();
    if (notice->object == HubObject::invite || (of_people && !me)) return;
    hubs_wanted_ = true;
    return next();
  }
  const auto channel = Guid::parse(push.get("target"));
  const auto found = channel ? flows_.find(*channel) : flows_.end();
  if (found == flows_.end()) return;
  Flow& flow = found->second;
  tui::Conversation* one = conversation(*channel);
  if (one == nullptr) return;
  const bool whole = push.operation == Operation::create && type == "message";
  auto post = whole ? read_post(push) : Result<Post>(std::unexpected(Error{}));
  if (whole && !post) {  // the page has it, as far as it can be read
    flow.behind = one->loaded;
    flow.wants_mark = true;
    return next();
  }
  PrivateHubs& privates = context_.messenger->hubs().privates();
  const Status opened = whole ? privates.open(one->hub_id, *post) : Status();
  // Somebody may have come in just now: their membership and keys first, then it once more.
  const bool early = privates.asks_anew(one->hub_id, opened);
  hubs_wanted_ = hubs_wanted_ || early;
  if (whole) {
    const Unread unread = unread_by(
        *post, context_.home->account().id.bare().text(), flow.marked, flow.level, for_me(*post),
        tui::names_person(read_post_text(post->content).text, model_.me), early);
    if (unread.counts) ++one->unread;
    one->names_me = one->names_me || unread.names_me;
    if (typing) typing(channel->text(), names_of(context_)(post->author), false);
    if (one->loaded && !early && post->changed == flow.seen + 1) {
      take_post(*channel, *post);
    } else {
      flow.behind = one->loaded;
    }
  } else {
    flow.behind = one->loaded;
    if (push.operation != Operation::create) flow.wants_mark = true;
  }
  changed_();
  next();
}

// ---- what was read

void TuiChannels::see(tui::Conversation& one) {
  const auto channel = Guid::parse(one.id);
  const auto found = channel ? flows_.find(*channel) : flows_.end();
  if (found == flows_.end() || !context_.messenger->is_ready()) return;
  Flow& flow = found->second;
  if (flow.newest <= std::max(flow.marked, flow.marking) ||
      context_.clock.monotonic() < wait_until_)
    return;
  flow.marking = flow.newest;
  one.unread = 0;
  one.names_me = false;
  Packet packet = HubClient::request(Operation::notify, HubObject::mark, channel->text());
  packet.set("cursor", std::to_string(flow.newest));
  context_.messenger->hubs().ask(std::move(packet),
                                 [this, channel = *channel, upto = flow.newest,
                                  session = session_](const HubResult<Packet>& answer) {
                                   if (session != session_) return;
                                   const auto there = flows_.find(channel);
                                   if (there == flows_.end()) return;
                                   if (answer) {
                                     there->second.marked = std::max(there->second.marked, upto);
                                   } else {
                                     there->second.marking = there->second.marked;
                                     there->second.wants_mark = true;
                                     trouble(answer.error());
                                   }
                                 });
}

// ---- what is written

void TuiChannels::send(tui::Conversation& one, const std::string& text,
                       const std::optional<Guid>& reply) {
  const auto channel = Guid::parse(one.id);
  const auto hub = Id::parse(one.hub_id);
  if (!channel || !hub) return;
  const Millis now = context_.clock.now();
  PostLinks links{.reply = reply, .mentions = find_mentions(text, mentionable(*channel))};
  // An answer to what stands in a thread belongs there too.
  const Post* answered = reply ? post(reply->text()) : nullptr;
  if (answered != nullptr) links.thread = answered->thread;
  const auto guid = context_.messenger->post(*hub, *channel, text, links);
  if (!guid) {
    one.composer.set(text);
    context_.out.error(guid.error());
    return;
  }
  const Post post{.guid = *guid,
                  .channel = *channel,
                  .time = now,
                  .author = context_.home->account().id.bare().text(),
                  .reply = reply,
                  .content = text,
                  .thread = links.thread,
                  .mentions = links.mentions};
  // The station's answer, or the message itself, may be here already.
  if (!posts_.try_emplace(guid->text(), post).second) return;
  one.messages.push_back(message_of(post));
  one.anchor.reset();
  one.new_from.clear();
  changed_();
}

void TuiChannels::posted(const Guid& guid, const Packet& answer) {
  const auto found = posts_.find(guid.text());
  if (found == posts_.end()) return;
  Post post = found->second;
  tui::Conversation* one = conversation(post.channel);
  if (one == nullptr || post.cursor != 0) return;
  if (answer.code != 201) {
    if (tui::Message* message = tui::find_message(*one, guid.text())) {
      message->progress = tui::Progress::failed;
      message->cause = "the station has refused it";
    }
    return changed_();
  }
  post.cursor = post.changed = number_in(answer.get("cursor"));
  if (const auto time = parse_time(answer.get("time"))) post.time = *time;
  Flow& flow = flows_[post.channel];
  const bool follows = one->loaded && post.changed == flow.seen + 1;
  const Cursor seen = flow.seen;
  take_post(post.channel, post);
  if (!follows) {
    flow.seen = seen;  // what lies between has not come
    flow.behind = one->loaded;
  }
  changed_();
  next();
}

}  // namespace dim
