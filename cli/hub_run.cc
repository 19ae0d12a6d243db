#include "cli/hub_run.h"

#include <fmt/core.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <set>

#include "cli/message_change.h"
#include "client/erasure.h"

namespace dim {
std::function<std::string(const std::string&)> names_of(Context& context) {
  return [&context](const std::string& text) {
    const auto id = Id::parse(text);
    const Account& me = context.home->account();
    if (!id) return text;
    return id->same_entity(me.id) ? me.visa.name() : context.name_of(*id);
  };
}

HubRun::HubRun(Context& in, const HubOptions& given)
    : context(in), options(given), out(in.out, in.home->account().id.bare().text(), names_of(in)) {
  out.ids = given.ids;
}

int HubRun::failed(const Error& error) {
  context.out.error(error);
  return exit = code(exit_of(error));
}

bool HubRun::pause_for(const HubRefusal& refusal) {
  constexpr Millis kMostMs = 5'000;
  if (refusal.code != 416 || refusal.retry_after <= 0 || refusal.retry_after > kMostMs)
    return false;
  context.link.run_until([&] { return context.failure.has_value(); }, refusal.retry_after);
  return !context.failure;
}

void HubRun::refused(const std::optional<HubRefusal>& refusal) {
  if (!refusal) {
    exit = context.report_failure();
    return;
  }
  context.out.error(refusal->error, refusal->station);
  exit = code(exit_of(refusal->error));
}

bool HubRun::dial() {
  if (context.connect(kPatienceMs)) return true;
  exit = context.report_failure();
  return false;
}

/// With what is remembered of those that cannot be read now.
void HubRun::take_hubs(std::vector<HubView> mine) {
  hubs = std::move(mine);
  const auto& unreadable = context.messenger->hubs().unreadable();
  std::set<std::string> ids;
  for (const auto& [id, why] : unreadable) ids.insert(id);
  add_kept(*context.home, hubs, ids);
  for (const auto& [id, why] : unreadable) {
    const auto hub = std::ranges::find(hubs, id, &HubView::id);
    context.out.note(fmt::format("dim: {} cannot be read now: {}",
                                 printable(hub == hubs.end() ? id : hub->name), why.error.hint));
  }
}

bool HubRun::connect() {
  if (!dial()) return false;
  auto mine = wait<std::vector<HubView>>([this](HubDone<std::vector<HubView>> done) {
    context.messenger->hubs().mine(std::move(done));
  });
  if (!mine) return false;
  take_hubs(std::move(*mine));
  if (auto kept = keep_new_hubs(*context.home, hubs); !kept) {
    failed(kept.error());
    return false;
  }
  return true;
}

bool HubRun::connect_or_remember(Millis patience_ms) {
  if (context.connect(patience_ms)) {
    const auto mine = std::make_shared<std::optional<HubResult<std::vector<HubView>>>>();
    context.messenger->hubs().mine(
        [mine](HubResult<std::vector<HubView>> all) { mine->emplace(std::move(all)); });
    context.link.run_until([&] { return mine->has_value() || context.failure.has_value(); },
                           patience_ms);
    if (*mine && **mine) {
      take_hubs(std::move(***mine));
      (void)keep_new_hubs(*context.home, hubs);
      return true;
    }
    if (*mine && (**mine).error().code == 501) {
      refused((**mine).error());
      return false;
    }
  } else if (context.failure && exit_of(*context.failure) == Exit::security) {
    exit = context.report_failure();
    return false;
  }
  auto kept = kept_hubs(*context.home);
  if (!kept) {
    failed(kept.error());
    return false;
  }
  hubs = std::move(*kept);
  return true;
}

std::optional<Packet> HubRun::ask(const Packet& packet) {
  return wait<Packet>(
      [&](HubDone<Packet> done) { context.messenger->hubs().ask(packet, std::move(done)); });
}

std::optional<Packet> HubRun::ask(Packet packet, const JsonObject& body) {
  packet.content = write_json(body);
  return ask(packet);
}

std::optional<HubPlace> HubRun::place() {
  auto found = find_place(hubs, options.place, *context.home);
  if (found) return std::move(*found);
  context.out.error(found.error());
  exit = found.error().code == Errc::usage ? code(Exit::usage) : code(Exit::unknown_person);
  return std::nullopt;
}

std::optional<HubPlace> HubRun::hub() {
  auto found = place();
  if (!found || !found->channel) return found;
  failed({Errc::usage, "this is about a hub, and HUB/CHANNEL names a channel"});
  return std::nullopt;
}

std::optional<HubPlace> HubRun::channel() {
  auto found = place();
  if (!found || found->channel) return found;
  failed({Errc::usage, "this is about a channel: HUB/CHANNEL; `dim channel list HUB` has them"});
  return std::nullopt;
}

std::optional<HubView> HubRun::again(const HubPlace& place) {
  return wait<HubView>([&](HubDone<HubView> done) {
    context.messenger->hubs().read(place.hub.id, std::move(done));
  });
}

std::optional<Id> HubRun::who(const std::string& text) {
  auto id = context.find(text, kPatienceMs);
  if (!id) {
    exit = context.unknown_exit();
    return std::nullopt;
  }
  if (!id->is_user()) {
    failed({Errc::usage, "only persons are members of hubs"});
    return std::nullopt;
  }
  return id->bare();
}

std::optional<std::vector<JsonObject>> HubRun::list(HubObject object, const HubView& hub) {
  return wait<std::vector<JsonObject>>([&](HubDone<std::vector<JsonObject>> done) {
    context.messenger->hubs().list(object, hub.id, std::move(done));
  });
}

std::optional<PostsPage> HubRun::collect(PostQuery query, std::size_t limit) {
  constexpr std::size_t kPage = 200;
  PostsPage all;
  while (all.posts.size() < limit) {
    query.limit = std::min(kPage, limit - all.posts.size());
    auto page = wait<PostsPage>(
        [&](HubDone<PostsPage> done) { context.messenger->hubs().posts(query, std::move(done)); });
    if (!page) return std::nullopt;
    const bool last = !page->next || page->posts.empty();
    std::ranges::move(page->posts, std::back_inserter(all.posts));
    all.next = page->next;
    if (last) break;
    (query.after ? query.after : query.before) = page->next;
  }
  return all;
}

std::optional<Post> HubRun::message(const HubPlace& place, std::string digits) {
  constexpr std::size_t kLookBack = 2'000;
  constexpr std::size_t kFewest = 4;
  if (digits.starts_with('#')) digits.erase(0, 1);
  PostQuery query{.target = place.channel->text(), .hub = place.hub.id, .channel = place.channel};
  const auto whole = Guid::parse(digits);
  if (whole) query.target = digits = whole->text();
  if (!whole && digits.size() < kFewest) {
    failed({Errc::usage, "a message is named by the last digits of its ID, four at least (--ids)"});
    return std::nullopt;
  }
  std::optional<Post> found;
  for (std::size_t seen = 0; seen < kLookBack;) {
    auto page = wait<PostsPage>(
        [&](HubDone<PostsPage> done) { context.messenger->hubs().posts(query, std::move(done)); });
    if (!page) return std::nullopt;
    for (const Post& post : page->posts) {
      if (!post.guid.text().ends_with(digits)) continue;
      if (found && found->guid != post.guid) {
        failed({Errc::usage, "several messages end with these digits; give more of them"});
        return std::nullopt;
      }
      found = post;
    }
    seen += page->posts.size();
    if (!page->next || page->posts.empty()) break;
    query.before = page->next;
  }
  if (!found) {
    failed({Errc::not_found,
            "no such message among the newest 2,000 of this channel; `dim history HUB/CHANNEL "
            "--ids` shows the digits, and a whole ID finds any"});
  }
  return found;
}

std::optional<std::vector<Mentionable>> HubRun::mentionable(const HubView& hub,
                                                            const std::vector<std::string>& words) {
  constexpr std::int64_t kMost = 2'000;  // ten pages
  std::vector<Mentionable> known;
  if (hub.members > kMost) {
    context.out.note("This hub has too many members to look for names: @everyone only.");
    return known;
  }
  const auto all = list(HubObject::member, hub);
  if (!all) return std::nullopt;
  std::vector<std::string> ids;
  for (const JsonObject& shown : *all) {
    const auto member = read_member_view(shown);
    if (member) ids.push_back(member->who);
  }
  learn(ids);
  const auto name = names_of(context);
  for (const std::string& id : ids) known.push_back({id, name(id)});
  // Names that this home has not heard of.
  const auto answered = std::make_shared<std::size_t>(0);
  const auto found = std::make_shared<std::vector<Mentionable>>();
  std::size_t asked = 0;
  for (const std::string& word : words) {
    if (word == kEveryone || !find_mentions("@" + word, known).empty()) continue;
    ++asked;
    context.messenger->resolve(word, [answered, found, word](Result<Id> id) {
      ++*answered;
      if (id) found->push_back({id->bare().text(), word});
    });
  }
  context.link.run_until([&] { return *answered >= asked || context.failure.has_value(); },
                         kPatienceMs);
  for (Mentionable& one : *found) {
    if (std::ranges::find(ids, one.id) != ids.end()) known.push_back(std::move(one));
  }
  return known;
}

void HubRun::learn(std::vector<std::string> people) {
  constexpr std::size_t kMost = 30;  // questions a second that a station answers
  std::ranges::sort(people);
  const auto twice = std::ranges::unique(people);
  people.erase(twice.begin(), twice.end());
  std::size_t asked = 0;
  const auto answered = std::make_shared<std::size_t>(0);
  for (const std::string& one : people) {
    const auto id = Id::parse(one);
    if (!id || context.home->directory().find(id->bare()) != nullptr) continue;
    if (++asked > kMost) break;
    context.messenger->fetch(*id, [answered](const Status&) { ++*answered; });
  }
  asked = std::min(asked, kMost);
  context.link.run_until([&] { return *answered >= asked || context.failure.has_value(); },
                         kPatienceMs);
}

void HubRun::learn(const std::vector<Post>& posts) {
  std::vector<std::string> people;
  for (const Post& post : posts) people.push_back(post.author);
  learn(std::move(people));
}

bool HubRun::confirm(const std::string& what) {
  exit = context.confirm(what, options.yes);
  return exit == 0;
}

void HubRun::done(const HubPlace& place, HubObject object, Operation change,
                  std::optional<Guid> guid, const std::string& member, const JsonObject& more) {
  out.notice({.object = object,
              .change = change,
              .author = context.home->account().id.bare().text(),
              .hub = place.hub.id,
              .member = member,
              .guid = guid,
              .time = context.clock.now()},
             place.hub.name, more);
}

void HubRun::show_channel(const HubView& hub, const Guid& guid) const {
  out.channel(
      hub, guid,
      is_private_hub(hub.id) ? context.messenger->hubs().privates().roster(hub.id) : nullptr);
}

void HubRun::say_kind(const std::string& hub) const { context.out.note(kind_in_words(hub)); }

std::string text_or_input(const std::string& what) {
  if (what != "-") return what;
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return text;
}

int run_hub_verb(HubRun& run) {
  const std::string& verb = run.options.verb;
  if (verb == "hub") return run_hub(run);
  if (verb == "channel") return run_channel(run);
  if (verb == "category") return run_category(run);
  if (verb == "role") return run_role(run);
  if (verb == "post") return run_post(run);
  if (verb == "thread") return run_thread(run);
  if (verb == "report") return run_report(run);
  if (verb == "reports") return run_reports(run);
  if (verb == "notify") return run_notify(run);
  if (verb == "search") return run_search(run);
  if (verb == "unread") return run_unread(run);
  if (verb == "read") return run_read(run);
  if (verb == "kick" || verb == "ban" || verb == "mute") return run_people(run);
  return run_post_change(run);
}

int verb_hub(const CommonOptions& common, const HubOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  if (changes_message(*context.home, options)) return change_message(context, options);
  // What is counted has to be here.
  context.make_messenger({.receive = options.verb == "unread", .media = !options.files.empty()});
  HubRun run(context, options);
  const int result = run_hub_verb(run);
  context.link.finish();
  return result;
}

}  // namespace dim
