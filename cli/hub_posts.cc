// What is written in channels: `dim post`, `edit`, `remove`, `delete`, `destroy`, `react`, `pin`,
// `read`, and `dim history` of a channel.
#include <fmt/core.h>

#include <algorithm>

#include "cli/hub_erase.h"
#include "cli/hub_files.h"
#include "cli/message_change.h"
#include "cli/transfer.h"
#include "client/erasure.h"
#include "client/fields.h"
#include "client/mentions.h"
#include "dim/base/utf8.h"
#include "dim/engine/media_link.h"

namespace dim {
namespace {

/// What an own change has come to: the station says only its cursor.
int print_change(HubRun& run, const HubPlace& place, const Post& post, PostEvent event,
                 const Packet& answer) {
  event.channel = *place.channel;
  event.guid = post.guid;
  event.author = run.context.home->account().id.bare().text();
  event.cursor = number_in(answer.get("cursor"));
  run.out.event(place.hub, event);
  return code(Exit::ok);
}

/// Own files at the station that a text names.
std::vector<JsonObject> files_named(HubRun& run, const std::string& text) {
  auto files = own_files(run.context);
  if (!files) return {};
  std::erase_if(*files, [&](const JsonObject& file) {
    const std::string guid = text_in(file, "guid");
    return guid.empty() || !text.contains(guid);
  });
  return std::move(*files);
}

/// Whoever takes a message away hears what has become of its files.
void say_files(HubRun& run, const Post& post, const Packet& answer) {
  const auto files = files_named(run, post.content);
  const std::int64_t freed = number_in(answer.get("freed"));
  const std::int64_t held = number_in(answer.get("held"));
  if (freed > 0)
    run.context.out.note(
        fmt::format("{} of its files went with it, and are gone from the station.", freed));
  if (held > 0)
    run.context.out.note(
        fmt::format("{} of its files stay at the station: other messages or people have them. dim "
                    "upload --delete takes away what you have uploaded.",
                    held));
  // Which ones stay the answer does not say: those that went are forgotten when none does.
  if (held == 0 && freed >= static_cast<std::int64_t>(files.size())) {
    for (const JsonObject& file : files) {
      if (const auto guid = Guid::parse(text_in(file, "guid")))
        static_cast<void>(forget_uploaded(*run.context.home, *guid));
    }
  }
  if (freed > 0 || held > 0) return;
  for (const JsonObject& file : files)
    run.context.out.note(
        fmt::format("The file {} that it names stays at the station: dim upload "
                    "--delete {} takes it away.",
                    printable(text_in(file, "name")), short_guid(text_in(file, "guid"))));
}

int remove_post(HubRun& run, const HubPlace& place, const Post& post) {
  const bool mine = post.author == run.context.home->account().id.bare().text();
  PostEvent event{
      .operation = Operation::remove, .channel = post.channel, .guid = post.guid, .author = {}};
  Packet packet = HubClient::request(Operation::remove, HubObject::message, post.guid.text());
  if (run.options.off) {
    packet = HubClient::request(Operation::edit, HubObject::message, post.guid.text());
    packet.set("state", "shown");
    event.operation = Operation::edit;
  } else {
    event.state = mine ? PostState::removed : PostState::hidden;
    const char* const what =
        mine ? "REMOVE takes your message back: its text, earlier texts, and files that nothing "
               "else uses are gone for everybody, its place stays and says so. There is no way "
               "back."
             : "REMOVE hides this message from all but its author and who moderates; nothing is "
               "lost, and dim remove --undo shows it again.";
    if (!run.confirm(what)) return run.exit;
  }
  const auto answer = run.ask(packet);
  if (!answer) return run.exit;
  if (mine && !run.options.off) say_files(run, post, *answer);
  return print_change(run, place, post, std::move(event), *answer);
}

int delete_post(HubRun& run, const HubPlace& place, const Post& post) {
  if (!run.confirm(
          "DELETE ends this message for everybody: text, earlier texts, reactions, pin, and "
          "files that nothing else uses are gone, only an empty place stays. There is no "
          "way back."))
    return run.exit;
  const auto answer =
      run.ask(HubClient::request(Operation::erase, HubObject::message, post.guid.text()));
  if (!answer) return run.exit;
  say_files(run, post, *answer);
  return print_change(run, place, post,
                      {.operation = Operation::erase,
                       .channel = post.channel,
                       .guid = post.guid,
                       .author = {},
                       .state = PostState::deleted},
                      *answer);
}

int destroy_post(HubRun& run, const HubPlace& place, const Post& post) {
  if (!run.confirm(
          "DESTROY overwrites this message at the station, key and bytes, with its earlier texts, "
          "files that nothing else uses, and what search holds of it; the programs of everybody "
          "who reads the channel are told to "
          "erase their copies and sign that they have. REMOVE only takes it back, DELETE leaves "
          "its "
          "bytes on disks until they are written over. What somebody has copied by hand stays "
          "theirs. There is no way back."))
    return run.exit;
  const auto answer =
      run.ask(HubClient::request(Operation::destroy, HubObject::message, post.guid.text()));
  if (!answer) return run.exit;
  say_files(run, post, *answer);
  print_change(run, place, post,
               {.operation = Operation::destroy,
                .channel = post.channel,
                .guid = post.guid,
                .author = {},
                .state = PostState::destroyed},
               *answer);
  // This home is the first to erase it.
  if (auto erased = erase_copies(*run.context.home, post.guid); !erased)
    return run.failed(erased.error());
  return sign_and_wait(run, place, post.guid.text());
}

int edit_post(HubRun& run, const HubPlace& place, const Post& post) {
  if (const auto known = check_editable(place.hub.id, post); !known)
    return run.failed(known.error());
  Packet packet = HubClient::request(Operation::edit, HubObject::message, post.guid.text());
  packet.set("revision", std::to_string(post.revision));
  std::string text = text_or_input(run.options.text);
  // What is written anew is the text: the files stay, unless it comes with others.
  if (read_post_text(text).files.empty())
    text = write_post_text(text, read_post_text(post.content).files);
  packet.content = text;
  if (const auto target = run.context.home->station(); target && *target) {
    // What neither text names is not spoken of.
    const auto named = media_named(text, (*target)->id);
    if (!named.empty() || !media_named(post.content, (*target)->id).empty())
      packet.set("media", media_list(named));
  }
  if (is_private_hub(place.hub.id)) {
    packet.content = run.wait<std::string>([&](HubDone<std::string> done) {
      run.context.messenger->seal_post(place.hub.id, place_of(post, post.revision + 1), text,
                                       std::move(done));
    });
    if (!packet.content) return run.exit;
  }
  const auto answer = run.wait<Packet>([&](HubDone<Packet> done) {
    HubClient& hubs = run.context.messenger->hubs();
    hubs.ask(packet, [&hubs, packet, done = std::move(done)](HubResult<Packet> got) mutable {
      // As with a new message: a link that somebody was given is text.
      const bool not_ours =
          !got && packet.has("media") && (got.error().code == 404 || got.error().code == 410);
      if (!not_ours) return done(std::move(got));
      std::erase_if(packet.fields, [](const auto& field) { return field.first == "media"; });
      hubs.ask(packet, std::move(done));
    });
  });
  if (!answer) return run.exit;
  return print_change(run, place, post,
                      {.channel = post.channel,
                       .guid = post.guid,
                       .author = {},
                       .revision = post.revision + 1,
                       .text = text},
                      *answer);
}

int react(HubRun& run, const HubPlace& place, const Post& post) {
  const HubOptions& options = run.options;
  if (options.symbol.empty())
    return run.failed({Errc::usage, "a reaction needs a symbol: dim react HUB/CHANNEL ID 👍"});
  const Operation operation = options.off ? Operation::erase : Operation::create;
  Packet packet = HubClient::request(operation, HubObject::reaction, post.guid.text());
  packet.set("symbol", options.symbol);
  // What a header cannot carry the writer leaves out.
  if (!valid_value(options.symbol))
    return run.failed({Errc::usage, "a symbol is 1 to 32 bytes without spaces, commas, brackets"});
  PostEvent event{.operation = operation,
                  .object = HubObject::reaction,
                  .channel = post.channel,
                  .guid = post.guid,
                  .author = {},
                  .symbol = options.symbol};
  if (!options.who.empty()) {
    if (!options.off)
      return run.failed({Errc::usage, "--of goes with --off: everybody reacts for themselves"});
    const auto who = run.who(options.who);
    if (!who) return run.exit;
    event.member = who->text();
    packet.set("member", event.member);
  }
  const auto answer = run.ask(packet);
  return answer ? print_change(run, place, post, std::move(event), *answer) : run.exit;
}

int pin(HubRun& run, const HubPlace& place, const Post& post) {
  const Operation operation = run.options.off ? Operation::erase : Operation::create;
  const auto answer = run.ask(HubClient::request(operation, HubObject::pin, post.guid.text()));
  if (!answer) return run.exit;
  return print_change(run, place, post,
                      {.operation = operation,
                       .object = HubObject::pin,
                       .channel = post.channel,
                       .guid = post.guid,
                       .author = {}},
                      *answer);
}

int pins(HubRun& run, const HubPlace& place) {
  constexpr std::size_t kMost = 10'000;  // of one channel; a page is 200 at most
  PostQuery query{.target = place.channel->text(), .hub = place.hub.id, .pinned = true};
  std::vector<Post> all;
  for (;;) {
    auto page = run.wait<PostsPage>([&](HubDone<PostsPage> done) {
      run.context.messenger->hubs().posts(query, std::move(done));
    });
    if (!page) return run.exit;
    std::ranges::move(page->posts, std::back_inserter(all));
    if (!page->next || page->posts.empty() || all.size() > kMost) break;
    query.before = page->next;
  }
  run.learn(all);
  for (const Post& post : all) run.out.post(place.hub, post, false);
  if (all.empty()) run.context.out.note("Nothing is pinned here.");
  return code(Exit::ok);
}

/// Whom the text is for, among those who are in the hub. False: the station could not be asked.
bool find_mentioned(HubRun& run, const HubView& hub, const std::string& text,
                    std::vector<std::string>& out) {
  const std::vector<std::string> words = mention_words(text);
  if (words.empty()) return true;
  if (!run.context.messenger->is_ready()) {
    run.context.out.note("The station is away: what begins with @ is text, and tells nobody.");
    return true;
  }
  const auto people = run.mentionable(hub, words);
  if (!people) return false;
  out = find_mentions(text, *people);
  return true;
}

/// Has its value again at the end.
class Restored {
 public:
  using Hook = std::function<void(const Guid&, const Packet&)>;
  explicit Restored(Hook& hook) : hook_(hook), before_(hook) {}
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;
  ~Restored() { hook_ = before_; }

 private:
  Hook& hook_;
  Hook before_;
};

/// What is said of a message that the station has not answered for.
std::string why_queued(const Context& context) {
  constexpr std::string_view kKept = "The message is in the outbox and goes out, once, with the";
  if (context.messenger->is_ready())
    return fmt::format("The station has not taken it yet. {} next command.", kKept);
  // It has answered, with 5xx.
  if (context.failure && context.failure->code == Errc::unavailable) {
    return fmt::format("The station cannot take it now{}. {} next command after it can.",
                       context.station_message.empty()
                           ? ""
                           : fmt::format(" (it says: {})", escape(context.station_message)),
                       kKept);
  }
  return fmt::format("The station is away. {} next command that reaches it.", kKept);
}

}  // namespace

int run_post(HubRun& run) {
  const HubOptions& options = run.options;
  Context& context = run.context;
  std::string text = text_or_input(options.text);
  const bool has_files = !options.files.empty();
  const Millis patience = Millis{1000} * options.timeout_s;
  struct Written {
    std::optional<Guid> guid;
    std::optional<Packet> answer;
  };
  // Shared, because the answer may come when nobody waits any more.
  const auto written = std::make_shared<Written>();
  // What a screen shows goes on being told.
  const Restored hook(context.on_posted);
  context.on_posted = [written, before = context.on_posted](const Guid& guid,
                                                            const Packet& packet) {
    if (before) before(guid, packet);
    if (written->guid == guid) written->answer = packet;
  };
  if (!run.connect_or_remember(patience)) return run.exit;
  const auto place = run.channel();
  if (!place) {
    if (run.hubs.empty() && context.failure) run.exit = context.report_failure();
    return run.exit;
  }
  PostLinks links;
  for (const auto& [digits, to] :
       {std::pair{&options.reply_to, &links.reply}, std::pair{&options.thread, &links.thread}}) {
    if (digits->empty()) continue;
    const auto whole = Guid::parse(*digits);
    if (whole && !context.messenger->is_ready()) {
      *to = *whole;
      continue;
    }
    const auto origin = run.message(*place, *digits);
    if (!origin) return run.exit;
    *to = origin->guid;
    // Who names an answer means the thread that it stands in.
    if (to == &links.thread && origin->thread) *to = origin->thread;
  }
  const auto hub = Id::parse(place->hub.id);
  if (!hub) return run.failed(hub.error());
  const Millis now = context.clock.now();
  if (!options.expires.empty()) {
    const auto lasts = parse_duration(options.expires);
    if (!lasts) return run.failed(lasts.error());
    links.expires = now + *lasts;
  }
  if (!find_mentioned(run, place->hub, text, links.mentions)) return run.exit;
  FilesToPost files;
  if (has_files) {
    if (const auto right = check_files(text, options.files.size()); !right)
      return run.failed(right.error());
    if (!may_attach(run, *place)) return run.exit;
    auto up = upload_for_post(context, options.files, options.no_preview,
                              std::max(options.timeout_s, kStallS));
    if (!up) return run.exit = up.error();
    files = std::move(*up);
    text = write_post_text(text, files.files);
  }
  const auto guid = context.messenger->post(*hub, *place->channel, text, links);
  if (!guid) return run.failed({Errc::usage, guid.error().hint});
  // Only now: a crash before it uploads nothing again, and posts.
  if (const auto noted = note_posted(*context.home, files, *hub); !noted)
    return run.failed(noted.error());
  written->guid = *guid;
  const std::optional<Packet>& answer = written->answer;
  if (context.messenger->is_ready()) {
    context.link.run_until([&] { return answer.has_value() || context.failure.has_value(); },
                           patience);
  }
  Post post{.guid = *guid,
            .channel = *place->channel,
            .time = now,
            .author = context.home->account().id.bare().text(),
            .reply = links.reply,
            .content = text,
            .thread = links.thread,
            .mentions = links.mentions,
            .expires = links.expires};
  if (!answer) {
    run.out.post(place->hub, post, false, HubOutput::Fate::queued);
    context.out.note(why_queued(context));
    run.say_kind(place->hub.id);
    return code(Exit::ok);
  }
  if (answer->code != 201) {
    const bool sealed = is_private_hub(place->hub.id);
    context.out.error(
        sealed
            ? Error{Errc::forbidden, "the message was not sent; it is not in the outbox any more"}
            : Error{Errc::forbidden,
                    "the station has refused the message; it is not in the outbox any more"},
        answer->get("message"));
    if (has_files) {
      // An earlier run may have posted what it had begun, and ended before it could note that.
      std::vector<Guid> objects;
      for (const Uploaded& object : files.objects) {
        if (!object.resumed) objects.push_back(object.link.guid);
      }
      context.out.note(objects.size() == files.objects.size()
                           ? "Its files are taken away from the station. Files need the right to "
                             "attach in a channel."
                           : "Files need the right to attach in a channel. What an earlier run has "
                             "begun stays at the station: dim upload --list, --delete.");
      drop_unposted(context, objects, kStallS);
    }
    return run.exit = code(Exit::failed);
  }
  post.cursor = post.changed = number_in(answer->get("cursor"));
  if (const auto time = parse_time(answer->get("time"))) post.time = *time;
  run.out.ids = true;  // so that it can be edited, taken back, answered
  run.out.post(place->hub, post, false);
  run.say_kind(place->hub.id);
  return code(Exit::ok);
}

int run_post_change(HubRun& run) {
  const std::string& verb = run.options.verb;
  if (verb == "pin" && !names_channel(*run.context.home, run.options.place))
    return run.exit = show_pins(run.context, run.options);
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  if (verb == "pin" && run.options.message.empty()) return pins(run, *place);
  if (verb == "destroy") {
    // Also what is deleted or destroyed already, of which the station shows nothing.
    if (const auto whole = Guid::parse(run.options.message))
      return destroy_post(run, *place, {.guid = *whole, .channel = *place->channel});
  }
  const auto post = run.message(*place, run.options.message);
  if (!post) return run.exit;
  if (verb == "destroy") return destroy_post(run, *place, *post);
  if (verb == "edit") return edit_post(run, *place, *post);
  if (verb == "remove") return remove_post(run, *place, *post);
  if (verb == "delete") return delete_post(run, *place, *post);
  if (verb == "react") return react(run, *place, *post);
  return pin(run, *place, *post);
}

int run_thread(HubRun& run) {
  const HubOptions& options = run.options;
  if (options.before && options.after)
    return run.failed({Errc::usage, "one of --before and --after: pages have one direction"});
  if (!names_channel(*run.context.home, options.place))
    return run.exit = show_thread(run.context, options);
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  auto root = run.message(*place, options.message);
  if (root && root->thread) root = run.message(*place, root->thread->text());
  if (!root) return run.exit;
  PostQuery query{.target = place->channel->text(), .hub = place->hub.id};
  query.before = options.before;
  query.after = options.after;
  query.thread = root->guid;
  auto page = run.collect(query, static_cast<std::size_t>(std::max(options.limit, 1)));
  if (!page) return run.exit;
  if (!options.after) std::ranges::reverse(page->posts);
  run.learn(page->posts);
  run.out.post(place->hub, *root, false);
  for (const Post& post : page->posts) run.out.post(place->hub, post, false);
  run.context.out.page(page->posts.size(), page->next, options.after ? "after" : "before");
  if (page->posts.empty()) run.context.out.note("Nothing stands in this thread.");
  return code(Exit::ok);
}

int run_notify(HubRun& run) {
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  if (!run.options.level.empty()) {
    Packet packet = HubClient::request(Operation::edit, HubObject::mark, place->channel->text());
    if (!run.ask(packet.set("level", run.options.level))) return run.exit;
  }
  const auto mark = run.wait<ReadMark>([&](HubDone<ReadMark> done) {
    run.context.messenger->hubs().mark(*place->channel, std::move(done));
  });
  if (!mark) return run.exit;
  run.out.unread(place->hub, *place->channel, *mark);
  return code(Exit::ok);
}

int run_read(HubRun& run) {
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  const auto ask = [&] {
    return run.wait<ReadMark>([&](HubDone<ReadMark> done) {
      run.context.messenger->hubs().mark(*place->channel, std::move(done));
    });
  };
  auto mark = ask();
  if (!mark) return run.exit;
  const Cursor upto = run.options.upto.value_or(mark->newest);
  if (upto > mark->cursor) {
    Packet packet = HubClient::request(Operation::notify, HubObject::mark, place->channel->text());
    if (!run.ask(packet.set("cursor", std::to_string(upto)))) return run.exit;
    mark = ask();
    if (!mark) return run.exit;
  }
  run.out.unread(place->hub, *place->channel, *mark);
  return code(Exit::ok);
}

bool names_channel(Home& home, const std::string& who) {
  if (auto alias = home.by_alias(who); alias && *alias) return false;
  if (const auto id = Id::parse(who); id && id->is_user()) return false;
  return who.contains('/') || Guid::parse(who).has_value();
}

int history_of_channel(Context& context, const HistoryOptions& options) {
  context.make_messenger({.receive = false});
  HubOptions given;
  given.place = options.who;
  given.ids = options.ids;
  HubRun run(context, given);
  if (options.before && options.after)
    return run.failed({Errc::usage, "one of --before and --after: pages have one direction"});
  if (!run.connect()) return run.exit;
  const auto place = run.channel();
  if (!place) return run.exit;
  if (!options.message.empty()) {
    const auto post = run.message(*place, options.message);
    if (!post) return run.exit;
    PostQuery query{.target = post->guid.text(), .hub = place->hub.id, .channel = place->channel};
    query.earlier = true;
    const auto page = run.wait<PostsPage>(
        [&](HubDone<PostsPage> done) { context.messenger->hubs().posts(query, std::move(done)); });
    if (!page) return run.exit;
    run.learn(page->posts);
    for (const PostRevision& one : page->earlier) run.out.revision(place->hub, *post, one);
    for (const Post& one : page->posts) run.out.post(place->hub, one, false);
    context.link.finish();
    return code(Exit::ok);
  }
  PostQuery query{.target = place->channel->text(), .hub = place->hub.id};
  query.before = options.before;
  query.after = options.after;
  auto page = run.collect(query, static_cast<std::size_t>(std::max(options.limit, 1)));
  if (!page) return run.exit;
  // Read from above to below, whatever the direction of the pages.
  if (!options.after) std::ranges::reverse(page->posts);
  run.learn(page->posts);
  for (const Post& post : page->posts) run.out.post(place->hub, post, false);
  run.context.out.page(page->posts.size(), page->next, options.after ? "after" : "before");
  if (page->posts.empty()) context.out.note("No messages here.");
  context.link.finish();
  return code(Exit::ok);
}

void follow_hubs(Context& context, const ListenOptions& options, bool& shown) {
  const auto out = std::make_shared<HubOutput>(
      context.out, context.home->account().id.bare().text(), names_of(context));
  out->ids = options.ids;
  // Who has not been seen before is asked about, so that they have a name from now on.
  const auto learn = [&context](const std::string& id) {
    const auto parsed = Id::parse(id);
    if (parsed && context.home->directory().find(parsed->bare()) == nullptr)
      context.messenger->fetch(*parsed, [](const Status&) {});
  };
  const auto told = [&context, &options, &shown] {
    shown = true;
    if (options.once) context.messenger->stop_following();
  };
  HubEvents& events = context.events.hubs;
  events.post = [out, learn, told](const HubView& hub, const Post& post, bool fresh) {
    learn(post.author);
    out->post(hub, post, !fresh);
    told();
  };
  events.changed = [out, learn, told](const HubView& hub, const PostEvent& event) {
    learn(event.author);
    out->event(hub, event);
    told();
  };
  events.notice = [&context, out](const HubNotice& notice) {
    std::string name;
    if (const auto kept = kept_hubs(*context.home)) {
      const auto hub =
          std::ranges::find_if(*kept, [&](const HubView& one) { return one.id == notice.hub; });
      if (hub != kept->end()) name = hub->name;
    }
    out->notice(notice, name);
  };
  events.history = [out](const HubView& hub, const HistoryRule& rule, Millis time) {
    out->history(hub, rule, time);
  };
  events.left = [out](const HubView& hub) { out->left(hub); };
  events.trouble = [out](const HubView* hub, const std::optional<Guid>& channel,
                         const HubRefusal& why) { out->trouble(hub, channel, why); };
  events.behind = [&context, out](const HubView& hub, const Guid& channel, const ReadMark& mark) {
    out->unread(hub, channel, mark);
    context.out.note(
        "So many are not told one by one: dim history HUB/CHANNEL shows them. They stay unread, "
        "and what comes behind them with them, until dim read HUB/CHANNEL.");
  };
}

}  // namespace dim
