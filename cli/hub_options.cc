#include "cli/hub_options.h"

#include <CLI/CLI.hpp>

#include <charconv>

namespace dim {
namespace {

const char* const kHub = "your alias for it, its name, or its ID";
const char* const kChannel = "HUB/CHANNEL, or the channel's GUID";
const char* const kWhere = "WHO, HUB/CHANNEL, or the channel's GUID";
const char* const kWho = "ID, link, registered name, or alias";
const char* const kMessage = "last digits of the message's ID (--ids)";
const char* const kYes = "do not ask";
const char* const kWords =
    "read write attach speak stream invite moderate manage-channels manage-roles ban own";
const char* const kFor = "for how long: 30m, 12h, 7d; without it: for ever";

/// One verb, or one action of a verb.
struct Verb {
  CLI::App& app;
  HubOptions& to;

  Verb& place(const char* what) {
    app.add_option("where", to.place, what)->required();
    return *this;
  }
  Verb& object(const char* name, const char* what) {
    app.add_option(name, to.object, what)->required();
    return *this;
  }
  Verb& who(bool needed = true) {
    app.add_option("who", to.who, kWho)->required(needed);
    return *this;
  }
  Verb& message(bool needed = true) {
    app.add_option("message", to.message, kMessage)->required(needed);
    return *this;
  }
  Verb& name() {
    app.add_option("name", to.name, "what it is called, 1 to 64 bytes")->required();
    return *this;
  }
  /// HUB NAME, or HUB/NAME as it is called later.
  Verb& name_in_hub() {
    app.add_option("name", to.name, "what it is called, 1 to 64 bytes; HUB/NAME does as well");
    app.parse_complete_callback([this_to = &to] {
      if (!this_to->name.empty()) return;
      const std::size_t slash = this_to->place.rfind('/');
      if (slash == std::string::npos || slash + 1 == this_to->place.size())
        throw CLI::RequiredError("name");
      this_to->name = this_to->place.substr(slash + 1);
      this_to->place.resize(slash);
    });
    return *this;
  }
  Verb& wait() {
    app.add_option("--wait", to.wait_s,
                   "seconds to wait for the receipts of those who have erased it")
        ->check(CLI::Range(0, 86'400))
        ->capture_default_str();
    return *this;
  }
  Verb& new_name() {
    app.add_option("--name", to.name, "another name");
    return *this;
  }
  Verb& topic() {
    app.add_option("--topic", to.topic, "a line of up to 1,024 bytes")
        ->each([this_to = &to](const std::string&) { this_to->topic_given = true; });
    return *this;
  }
  Verb& position() {
    app.add_option("--position", to.position, "0 to 1000000: their order")
        ->check(CLI::Range(0, 1'000'000));
    return *this;
  }
  Verb& rank() {
    app.add_option("--rank", to.rank, "0 to 1000000; a greater one stands above")
        ->check(CLI::Range(0, 1'000'000));
    return *this;
  }
  Verb& channel_options() {
    app.add_option("--kind", to.kind, "text; private: only for roles; announcement: to be read")
        ->check(CLI::IsMember({"text", "private", "announcement"}));
    app.add_option("--retention", to.retention,
                   "days after which messages are forgotten, up to 3650; 0: never")
        ->check(CLI::Range(0, 3'650));
    app.add_option("--history", to.history,
                   "in a private hub, what new members read of before: none, all, or days: 30d");
    app.add_option("--category", to.category, "name of a category; empty: none")
        ->each([this_to = &to](const std::string&) { this_to->category_given = true; });
    return topic().position();
  }
  Verb& permissions(const char* name, bool needed = false) {
    app.add_option(name, to.permissions, kWords)
        ->required(needed)
        ->each([this_to = &to](const std::string&) { this_to->permissions_given = true; });
    return *this;
  }
  Verb& flag(const char* name, bool& where, const char* what) {
    app.add_flag(name, where, what);
    return *this;
  }
  Verb& option(const char* name, std::string& where, const char* what) {
    app.add_option(name, where, what);
    return *this;
  }
  Verb& number(const char* name, std::optional<std::int64_t>& where, const char* what) {
    app.add_option(name, where, what)->check(CLI::NonNegativeNumber);
    return *this;
  }
  Verb& limit(const char* what = "how many messages to print") {
    app.add_option("--limit", to.limit, what)->check(CLI::Range(1, 100'000))->capture_default_str();
    return *this;
  }
  Verb& text(bool needed = true) {
    app.add_option("text", to.text, "the text; - reads standard input")->required(needed);
    return *this;
  }
};

Verb verb(CLI::App& app, HubOptions& to, const char* name, const char* what) {
  auto* sub = app.add_subcommand(name, what);
  sub->callback([&to, name] { to.verb = name; });
  return {*sub, to};
}

Verb action(Verb& of, const char* name, const char* what) {
  auto* sub = of.app.add_subcommand(name, what);
  sub->callback([&to = of.to, name] { to.action = name; });
  return {*sub, of.to};
}

void add_hub(CLI::App& app, HubOptions& to) {
  Verb hub = verb(app, to, "hub", "hubs: found, see, join, leave and lead them");
  hub.app.require_subcommand(1);
  action(hub, "create", "found a hub; you are its owner")
      .name()
      .topic()
      .flag("--private", to.is_private,
            "end-to-end encrypted: the station cannot read what is written in it; fixed for ever");
  action(hub, "list", "the hubs that you are in");
  action(hub, "show", "its categories, channels and roles").place(kHub);
  action(hub, "edit", "change its name, topic, or what every member may do")
      .place(kHub)
      .new_name()
      .topic()
      .permissions("--everyone");
  action(hub, "delete", "end the hub, with everything in it")
      .place(kHub)
      .flag("--yes", to.yes, kYes);
  action(hub, "destroy", "overwrite the hub at the station, and have everybody erase it")
      .place(kHub)
      .flag("--yes", to.yes, kYes)
      .wait();
  action(hub, "join", "come in with an invite")
      .option("link", to.link, "dim:hub:… that you were given");
  action(hub, "leave", "go out").place(kHub);
  action(hub, "members", "who is in it, with which roles").place(kHub);
  action(hub, "invite", "make a link, and its QR code, that lets others in")
      .place(kHub)
      .number("--uses", to.uses, "how often it works; without it: always")
      .option("--for", to.duration, kFor)
      .flag("--approval", to.approval, "who uses it waits until somebody has approved them");
  action(hub, "invites", "those that are still good").place(kHub);
  action(hub, "uninvite", "take an invite back").place(kHub).object("invite", "its GUID");
  action(hub, "requests", "who waits to be let in").place(kHub);
  action(hub, "audit", "what moderators and the station's operator have done, newest first")
      .place(kHub)
      .number("--before", to.before, "go on before the number of an act")
      .limit("how many acts to print");
  action(hub, "approve", "let somebody in who waits").place(kHub).who();
  action(hub, "refuse", "do not let somebody in who waits").place(kHub).who();
  action(hub, "transfer", "give the hub to another member")
      .place(kHub)
      .who()
      .flag("--yes", to.yes, kYes);
}

void add_channels(CLI::App& app, HubOptions& to) {
  Verb channel = verb(app, to, "channel", "channels of a hub");
  channel.app.require_subcommand(1);
  action(channel, "list", "those that you may read").place(kHub);
  action(channel, "create", "make a channel").place(kHub).name_in_hub().channel_options();
  action(channel, "edit", "change it")
      .place(kChannel)
      .new_name()
      .channel_options()
      .flag("--yes", to.yes, kYes);
  for (const auto& [name, what] :
       {std::pair{"allow", "let a role do this here"},
        std::pair{"deny", "do not let a role do this here"},
        std::pair{"reset", "let a role do here what it may in the hub"}}) {
    action(channel, name, what)
        .place(kChannel)
        .object("role", "name or GUID of a role, or everyone")
        .permissions("permissions", true);
  }
  action(channel, "delete", "end it, with every message in it")
      .place(kChannel)
      .flag("--yes", to.yes, kYes);
  action(channel, "destroy", "overwrite it at the station, and have everybody erase it")
      .place(kChannel)
      .flag("--yes", to.yes, kYes)
      .wait();

  Verb category = verb(app, to, "category", "categories: what a hub's channels stand under");
  category.app.require_subcommand(1);
  const char* const which = "its name or GUID";
  action(category, "create", "make one").place(kHub).name().position();
  action(category, "edit", "change it").place(kHub).object("category", which).new_name().position();
  action(category, "delete", "end it, with the channels in it")
      .place(kHub)
      .object("category", which)
      .flag("--yes", to.yes, kYes);

  Verb role = verb(app, to, "role", "roles: what members of a hub may do");
  role.app.require_subcommand(1);
  action(role, "list", "the roles of a hub").place(kHub);
  action(role, "create", "make one").place(kHub).name().rank().permissions("permissions");
  action(role, "edit", "change it")
      .place(kHub)
      .object("role", which)
      .new_name()
      .rank()
      .permissions("--permissions");
  action(role, "delete", "end it").place(kHub).object("role", which).flag("--yes", to.yes, kYes);
  action(role, "give", "give it to somebody").place(kHub).object("role", which).who();
  action(role, "take", "take it from somebody").place(kHub).object("role", which).who();
}

void add_people(CLI::App& app, HubOptions& to) {
  verb(app, to, "kick", "put somebody out of a hub; an invite lets them in again")
      .place(kHub)
      .who();
  verb(app, to, "ban", "put somebody out and keep them out, at once; without WHO: who is banned")
      .place(kHub)
      .who(false)
      .option("--reason", to.reason, "a line for those who may ban")
      .option("--for", to.duration, kFor)
      .flag("--lift", to.off, "end the ban");
  verb(app, to, "mute", "let somebody read but not write or react; without WHO: who is muted")
      .place(kHub)
      .who(false)
      .option("--reason", to.reason, "a line for those who moderate")
      .option("--for", to.duration, kFor)
      .flag("--lift", to.off, "end the mute");
}

void add_posts(CLI::App& app, HubOptions& to) {
  Verb post = verb(app, to, "post", "write into a channel");
  post.place(kChannel)
      .text(false)
      .option("--reply-to", to.reply_to, kMessage)
      .option("--thread", to.thread, "write into the thread about this message, by its digits")
      .option("--expires", to.expires, "disappear after: 90s, 30m, 12h, 7d");
  post.app
      .add_option("--file", to.files,
                  "a file that goes with it, encrypted, through the station; may be given again")
      ->allow_extra_args(false);
  post.app.parse_complete_callback([&to] {
    if (to.text.empty() && to.files.empty()) throw CLI::RequiredError("text or --file");
  });
  post.app.add_flag("--no-preview", to.no_preview, "post pictures without small ones");
  post.app.add_option("--timeout", to.timeout_s, "seconds to try before it is left in the outbox")
      ->check(CLI::Range(0, 86'400))
      ->capture_default_str();
  verb(app, to, "edit", "write an own message anew; the earlier texts stay readable")
      .place(kWhere)
      .message()
      .text();
  verb(app, to, "remove", "take back a message of your own, or hide one of others in a channel")
      .place(kWhere)
      .message()
      .flag("--undo", to.off, "show again what was hidden")
      .flag("--yes", to.yes, kYes);
  verb(app, to, "delete", "end a message for everybody: text, earlier texts, reactions and pin")
      .place(kWhere)
      .message()
      .flag("--yes", to.yes, kYes);
  Verb destroy = verb(app, to, "destroy",
                      "overwrite a message wherever it is kept, and have everybody erase it");
  destroy.place(kWhere).message().flag("--yes", to.yes, kYes).wait();
  verb(app, to, "react", "answer a message with a symbol")
      .place(kWhere)
      .message()
      .option("symbol", to.symbol, "an emoji or word of 1 to 32 bytes")
      .option("--of", to.who,
              "in a channel, with --off: the reaction of this person, for who moderates")
      .flag("--off", to.off, "take it away again");
  verb(app, to, "pin", "pin a message for all who read it; without MESSAGE: what is pinned")
      .place(kWhere)
      .message(false)
      .flag("--off", to.off, "take the pin away")
      .flag("--ids", to.ids, "show the digits that name each message");
  verb(app, to, "thread", "a message, and the newest that stand in its thread")
      .place(kWhere)
      .message()
      .number("--before", to.before, "go on where the last page ended")
      .number("--after", to.after, "newer ones than this cursor, oldest first")
      .limit()
      .flag("--ids", to.ids, "show the digits that name each message");
  verb(app, to, "notify", "what you want to be told of in a channel, on all your devices")
      .place(kChannel)
      .app.add_option("level", to.level, "all, mentions or none; without it: what it is")
      ->check(CLI::IsMember({"all", "mentions", "none"}));
  verb(app, to, "report", "tell those who moderate a channel of a message in it")
      .place(kChannel)
      .message()
      .text();
  verb(app, to, "reports", "what was reported to you who moderate")
      .place("HUB, or HUB/CHANNEL")
      .option("--close", to.message,
              "the reports about the message with these digits are done with");
  verb(app, to, "search", "messages that hold all the words, newest first")
      .place("WHO, HUB, or HUB/CHANNEL")
      .option("words", to.text, "whole words; of Chinese, Japanese and Korean also a part")
      .number("--before", to.before, "go on where the last page ended")
      .limit()
      .flag("--ids", to.ids, "show the digits that name each message");
  verb(app, to, "unread", "how many messages you have not read, of people, groups and channels")
      .app.add_option("where", to.place, "only of this WHO, HUB or HUB/CHANNEL");
  verb(app, to, "read", "all in a channel is read now, on all your devices")
      .place(kChannel)
      .number("--upto", to.upto, "only up to this cursor");
}

}  // namespace

void add_hub_verbs(CLI::App& app, HubOptions& options) {
  add_hub(app, options);
  add_channels(app, options);
  add_people(app, options);
  add_posts(app, options);
}

Result<Millis> parse_duration(std::string_view text) {
  constexpr Millis kMost = Millis{3'660} * 86'400'000;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, text.data() + text.size());
  const Millis one = unit == "s"   ? 1'000
                     : unit == "m" ? 60'000
                     : unit == "h" ? 3'600'000
                     : unit == "d" ? 86'400'000
                                   : 0;
  if (error != std::errc() || number < 1 || one == 0 || number > kMost / one)
    return fail(Errc::usage, "a duration is a number with its unit: 90s, 30m, 12h, 7d");
  return number * one;
}

}  // namespace dim
