// `dim chat` in a channel of a public hub: lines only go down and are never redrawn (C19).
#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "cli/hub_run.h"
#include "client/fields.h"
#include "net/backoff.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;
constexpr std::int64_t kMentionable = 500;  // members whose names are looked up when it begins

class ChannelChat {
 public:
  ChannelChat(Context& context, const ChatOptions& options)
      : context_(context), options_(options), run_(context, given_) {
    given_.place = options.who;
    follow();
    context_.on_posted = [this](const Guid& guid, const Packet& answer) {
      return posted(guid, answer);
    };
    context_.make_messenger({});
  }

  int talk() {
    if (!run_.connect()) return run_.exit;
    place_ = run_.channel();
    if (!place_) return run_.exit;
    if (const int wrong = show_last(); wrong != 0) return wrong;
    if (place_->hub.members <= kMentionable) {
      auto people = run_.mentionable(place_->hub, {});
      if (!people) return run_.exit;
      people_ = std::move(*people);
    }
    run_.say_kind(place_->hub.id);
    context_.out.note(fmt::format("You are writing in {}. One line is one message; Ctrl-D ends.",
                                  printable(options_.who)));
    context_.messenger->follow_hubs(*place_->channel);
    context_.link.watch_input([this](std::string line) { say(std::move(line)); },
                              [this] { over_ = true; }, [this] { tell_typing(true); });
    const int result = listen();
    // What was typed last should leave before the program does; otherwise it stays in the outbox.
    context_.link.run_until([this] { return waiting_.empty() || !context_.messenger->is_ready(); },
                            5'000);
    context_.messenger->leave();
    context_.link.finish();
    return result;
  }

 private:
  bool is_here(const Guid& channel) const { return place_ && *place_->channel == channel; }

  void follow() {
    HubEvents& events = context_.events.hubs;
    events.post = [this](const HubView& hub, const Post& post, bool fresh) {
      // Read on another device, and shown as such already.
      if (fresh && post.cursor <= shown_) return;
      run_.out.post(hub, post, !fresh);
    };
    events.changed = [this](const HubView& hub, const PostEvent& event) {
      run_.out.event(hub, event);
    };
    events.history = [this](const HubView& hub, const HistoryRule& rule, Millis time) {
      run_.out.history(hub, rule, time);
    };
    events.left = [this](const HubView& hub) {
      run_.out.left(hub);
      over_ = over_ || (place_ && hub.id == place_->hub.id);
    };
    events.behind = [this](const HubView&, const Guid&, const ReadMark& mark) {
      context_.out.note(fmt::format(
          "{0} unread messages are not told one by one: dim history {1}; dim read {1} ends that "
          "they count as unread",
          mark.unread, printable(options_.who)));
    };
    events.trouble = [this](const HubView* hub, const std::optional<Guid>& channel,
                            const HubRefusal& why) { run_.out.trouble(hub, channel, why); };
    if (options_.no_typing) return;
    events.typing = [this](const Guid& channel, const std::string& author, bool on) {
      const auto who = Id::parse(author);
      if (!who || !is_here(channel)) return;
      // Each is said once, however often a program says it.
      if (on ? !typing_.insert(author).second : typing_.erase(author) == 0) return;
      JsonObject members;
      members.set("peer", author);
      members.set("channel", channel.text());
      members.set("state", on ? "on" : "off");
      context_.out.object("typing", std::move(members));
      if (on) {
        context_.out.note(fmt::format("        {} is typing", printable(context_.name_of(*who))));
      }
    };
  }

  /// The last messages that were read; following tells the others.
  int show_last() {
    constexpr std::size_t kLast = 10;
    const auto mark = run_.wait<ReadMark>([&](HubDone<ReadMark> done) {
      context_.messenger->hubs().mark(*place_->channel, std::move(done));
    });
    if (!mark) return run_.exit;
    PostQuery query{.target = place_->channel->text(), .hub = place_->hub.id};
    query.limit = kLast;
    shown_ = mark->unread == 0 ? mark->newest : mark->cursor;
    if (mark->unread > 0) query.before = mark->cursor + 1;
    auto page = run_.wait<PostsPage>(
        [&](HubDone<PostsPage> done) { context_.messenger->hubs().posts(query, std::move(done)); });
    if (!page) return run_.exit;
    std::ranges::reverse(page->posts);
    run_.learn(page->posts);
    for (const Post& post : page->posts) run_.out.post(place_->hub, post, false);
    return 0;
  }

  void say(std::string line) {
    tell_typing(false);
    if (line.empty()) return;
    const auto hub = Id::parse(place_->hub.id);
    if (!hub) return;
    const Millis now = context_.clock.now();
    const PostLinks links{.mentions = find_mentions(line, people_)};
    const auto guid = context_.messenger->post(*hub, *place_->channel, line, links);
    if (!guid) return context_.out.error(guid.error());
    waiting_.emplace(guid->text(), Post{.guid = *guid,
                                        .channel = *place_->channel,
                                        .time = now,
                                        .author = context_.home->account().id.bare().text(),
                                        .content = std::move(line),
                                        .mentions = links.mentions});
  }

  /// Programs are told of an own message when the station has it; people have just typed it.
  bool posted(const Guid& guid, const Packet& answer) {
    const auto found = waiting_.find(guid.text());
    if (found == waiting_.end()) return false;
    Post post = std::move(found->second);
    waiting_.erase(found);
    if (answer.code != 201) return false;
    post.cursor = post.changed = number_in(answer.get("cursor"));
    if (context_.common.json) run_.out.post(place_->hub, post, false);
    return true;
  }

  void tell_typing(bool on) {
    if (options_.no_typing || on == told_typing_ || !context_.messenger->is_ready()) return;
    told_typing_ = on;
    context_.messenger->hubs().typing(*place_->channel, on);
  }

  int listen() {
    Backoff backoff;
    while (!over_) {
      context_.link.run_until([this] { return over_ || context_.failure.has_value(); }, -1);
      if (over_) return code(Exit::ok);
      if (exit_of(*context_.failure) == Exit::security) return context_.report_failure();
      context_.out.note(
          fmt::format("dim: {}; what you write is kept and sent later", context_.failure->hint));
      while (!over_ && !context_.messenger->is_ready()) {
        context_.link.run_until([this] { return over_; }, backoff.next(context_.random));
        if (!over_ && context_.connect(kPatienceMs)) context_.out.note("dim: connected again");
        if (context_.failure && exit_of(*context_.failure) == Exit::security)
          return context_.report_failure();
      }
      backoff.reset();
    }
    return code(Exit::ok);
  }

  Context& context_;
  const ChatOptions& options_;
  HubOptions given_;
  HubRun run_;
  std::optional<HubPlace> place_;
  Cursor shown_ = 0;                     ///< read before following began
  std::map<std::string, Post> waiting_;  ///< written, and not answered yet, by GUID
  std::vector<Mentionable> people_;      ///< of a hub that is not very large
  std::set<std::string> typing_;
  bool told_typing_ = false;
  bool over_ = false;
};

}  // namespace

int chat_in_channel(Context& context, const ChatOptions& options) {
  ChannelChat chat(context, options);
  return chat.talk();
}

}  // namespace dim
