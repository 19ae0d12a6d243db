#include "cli/verbs.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/context.h"
#include "cli/hub_run.h"
#include "client/hub_link.h"
#include "client/rebound.h"
#include "dim/base/hex.h"
#include "dim/base/utf8.h"
#include "dim/packet/uri.h"
#include "terminal/qr.h"

namespace dim {
namespace {

std::string own_uri(const Id& id) { return "dim:user:" + id.bare().text(); }

/// The first 16 hex digits of the meta's digest in groups: short enough to read aloud.
std::string fingerprint(const Meta& meta) {
  const std::string hex = to_hex(meta.digest());
  return fmt::format("{} {} {} {}", hex.substr(0, 4), hex.substr(4, 4), hex.substr(8, 4),
                     hex.substr(12, 4));
}

/// Of strangers and of what one has opened oneself nothing rings.
void tell_ring(Context& context, const Packet& notice) {
  const auto author = Id::parse(notice.get("author"));
  const auto guid = Guid::parse(notice.get("guid"));
  if (notice.get("state") != "started" || !author || !guid) return;
  if (author->same_entity(context.home->account().id)) return;
  const auto channel = Guid::parse(notice.get("target"));
  if (!channel) {
    const auto contact = context.home->contact(*author);
    if (!contact || !*contact || (*contact)->blocked || (*contact)->is_stranger()) return;
  }
  const std::string name = context.name_of(*author);
  JsonObject members;
  members.set("guid", guid->text());
  members.set("author", author->bare().text());
  members.set("name", name);
  if (channel) members.set("channel", channel->text());
  context.out.object("stream_ring", std::move(members));
  context.out.line(channel ? fmt::format("{} has opened a stream in the channel {}",
                                         printable(name), channel->text())
                           : fmt::format("{0} is calling: dim stream {1}", printable(name),
                                         author->bare().text()));
}

std::int64_t milliseconds(int seconds) { return seconds < 0 ? -1 : std::int64_t{1000} * seconds; }

}  // namespace

int verb_join(const CommonOptions& common, const JoinOptions& options) {
  Context context(common);
  // The link of a hub brings its station along.
  std::optional<HubLink> hub;
  Result<StationTarget> target = fail(Errc::usage, "no link");
  if (options.link.starts_with("dim:hub:") || options.link.starts_with("dim:group:")) {
    auto link = HubLink::parse(options.link);
    if (link) hub = *link;
    target = link ? Result<StationTarget>(link->station) : std::unexpected(link.error());
  } else {
    target = StationTarget::parse(options.link);
  }
  if (!target) {
    context.out.error(target.error());
    return code(Exit::usage);
  }
  if (options.name.empty() || options.name.size() > 64 || !valid_utf8(options.name) ||
      printable(options.name) != options.name) {
    context.out.error(
        {Errc::usage, "--name takes 1 to 64 printable characters; it is how others see you"});
    return code(Exit::usage);
  }
  bool joined_before = false;
  if (Home::exists(common.home)) {
    if (!context.open_home()) return code(Exit::home);
    auto before = context.home->station();
    if (!before) {
      context.out.error(before.error());
      return code(Exit::home);
    }
    joined_before = before->has_value();
    if (*before && ((*before)->id != target->id || (*before)->protocol != target->protocol)) {
      context.out.error({Errc::conflict,
                         "this home has joined another station; use another --home for this one"});
      return code(Exit::home);
    }
    context.out.note("This home exists; its identity is kept.");
  } else {
    auto passphrase = passphrase_for(common, options.lock);
    if (!passphrase) {
      context.out.error(passphrase.error());
      return code(Exit::home);
    }
    auto account = Account::make_user(options.name, context.clock.now(), context.random);
    if (!account) {
      context.out.error(account.error());
      return code(Exit::failed);
    }
    auto home = Home::create(common.home, *passphrase, std::move(*account), context.random);
    if (!home) {
      context.out.error(home.error());
      return code(Exit::home);
    }
    context.home.emplace(std::move(*home));
  }
  target->one_port |= common.one_port;
  // Whoever has made a link can write any address into it: what the home has is good until the
  // station has proved that it is there.
  if (!joined_before) {
    if (auto status = context.home->set_station(*target); !status) {
      context.out.error(status.error());
      return code(Exit::home);
    }
  }
  context.make_messenger({.receive = false, .target = *target});
  if (!context.connect(kConnectMs)) {
    context.out.note(
        joined_before
            ? "The station does not answer at the address of this link; the home keeps the one "
              "that it has. For a hub of it: dim hub join LINK."
            : "Your identity is made and stays. Run the same command again when the station is "
              "there.");
    return context.report_failure();
  }
  // A name that cannot be registered is no reason to fail: it is still the name in the visa.
  auto name = parse_graphical_id(options.name);
  std::optional<Status> published;
  context.messenger->publish(name ? *name : "", [&](Status status) { published = status; });
  context.link.run_until([&] { return published.has_value() || context.failure.has_value(); },
                         kConnectMs);
  if (!published) return context.report_failure();
  // From now on others can begin a session with this device, whether it has ever listened or not.
  // Where the station does not take them they come with the next log-in.
  bool asked = false;
  context.messenger->keep_prekeys([&](const Status&) { asked = true; });
  context.link.run_until([&] { return asked || context.failure.has_value(); }, kConnectMs);

  const Account& account = context.home->account();
  const auto station = context.home->station();
  const std::string registered = context.home->registered_name().value_or("");
  std::string notice;
  if (!name) {
    notice =
        "not registered at the station: registered names have 5 to 32 of a-z 0-9 _ .; others reach "
        "you by your ID";
  } else if (!*published) {
    notice = published->error().hint;
  }
  JsonObject members;
  members.set("id", account.id.text());
  members.set("name", options.name);
  members.set("registered", registered);
  members.set("station", station && *station ? (*station)->id : "");
  if (!notice.empty()) members.set("notice", notice);
  context.out.object("joined", std::move(members));
  context.out.line(fmt::format("You are {}\n  ID           {}\n  fingerprint  {}",
                               printable(options.name), account.id.text(),
                               fingerprint(account.meta)));
  if (!registered.empty())
    context.out.line(fmt::format("  registered   {}   (others write: dim send {} \"hello\")",
                                 registered, registered));
  if (!notice.empty()) context.out.note("Note: " + notice);
  if (hub) {
    HubOptions joining;
    joining.link = options.link;
    const int joined = join_hub(context, joining);
    if (joined != code(Exit::ok)) return joined;
  }
  context.link.finish();
  const bool hard = !*published && published->error().code != Errc::conflict &&
                    published->error().code != Errc::forbidden &&
                    published->error().code != Errc::bad_request;
  return hard ? code(Exit::failed) : code(Exit::ok);
}

int verb_id(const CommonOptions& common) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  const Account& account = context.home->account();
  const std::string registered = context.home->registered_name().value_or("");
  const auto station = context.home->station();
  const std::string uri = own_uri(account.id);
  JsonObject members;
  members.set("id", account.id.text());
  members.set("name", account.visa.name());
  members.set("registered", registered);
  members.set("fingerprint", fingerprint(account.meta));
  members.set("uri", uri);
  members.set("station", station && *station ? (*station)->id : "");
  context.out.object("id", std::move(members));
  if (auto qr = qr_code(uri); qr && !common.json) context.out.line(*qr);
  context.out.line(fmt::format("name         {}\nID           {}\nfingerprint  {}\nlink         {}",
                               printable(account.visa.name()), account.id.text(),
                               fingerprint(account.meta), uri));
  if (!registered.empty()) context.out.line(fmt::format("registered   {}", registered));
  return code(Exit::ok);
}

int verb_listen(const CommonOptions& common, const ListenOptions& options) {
  Context context(common);
  context.ids = options.ids;
  if (!context.open_home()) return code(Exit::home);
  context.events.ticked = [&](const HistoryEntry& entry) {
    JsonObject members;
    members.set("guid", entry.guid);
    members.set("peer", entry.peer.text());
    members.set("state", to_string(entry.tick));
    context.out.object("state", std::move(members));
  };
  context.events.changed = [&](const HistoryEntry& entry, MessageAct act) {
    context.out.changed(entry, act, context.name_of(entry.peer),
                        entry.sender ? context.name_of(*entry.sender) : "");
  };
  context.events.added = [&](const HistoryEntry& entry, MessageAct act, bool mine) {
    context.out.added(entry, act, mine, context.name_of(entry.peer));
  };
  if (!options.no_presence) {
    context.events.presence = [&](const Id& peer, std::string_view state) {
      context.out.presence(peer, state, context.name_of(peer));
    };
  }
  bool shown_any = false;
  if (!options.no_hubs) follow_hubs(context, options, shown_any);
  context.events.stream = [&](const Packet& notice) { tell_ring(context, notice); };
  // Who only looks in for one message is not here.
  context.make_messenger(
      {.presence = !options.no_presence && !options.once, .follow_hubs = !options.no_hubs});
  const Millis end =
      options.timeout_s < 0 ? -1 : context.clock.monotonic() + milliseconds(options.timeout_s);
  const auto left = [&]() -> Millis {
    return end < 0 ? -1 : std::max<Millis>(0, end - context.clock.monotonic());
  };
  const auto show_unread = [&]() -> Status {
    auto unread = context.messenger->unread();
    if (!unread) return std::unexpected(unread.error());
    for (const HistoryEntry& entry : *unread) {
      context.show(entry);
      if (auto status = context.messenger->shown(entry); !status) return status;
      // An alarm is not what --once waits for.
      if (is_key_notice(entry) || is_rebound(entry)) continue;
      shown_any = true;
      if (options.once) break;
    }
    return {};
  };
  Backoff backoff;
  while (true) {
    // What has come earlier and nobody has seen is shown first, station or not.
    if (auto status = show_unread(); !status) {
      context.out.error(status.error());
      return code(Exit::failed);
    }
    if (options.once && shown_any && !context.messenger->is_started()) {
      (void)context.connect(
          2'000);  // so that the read receipt goes out; it stays in the outbox otherwise
    }
    if (options.once && shown_any) break;
    if (!context.messenger->is_ready()) {
      const Millis patience = left() < 0 ? kConnectMs : std::min(left(), kConnectMs);
      if (context.connect(patience)) {
        backoff.reset();
        JsonObject members;
        members.set("station", context.messenger->session()->station()
                                   ? context.messenger->session()->station()->text()
                                   : "");
        context.out.object("connected", std::move(members));
      } else if (exit_of(*context.failure) == Exit::security) {
        return context.report_failure();
      } else {
        context.out.note(fmt::format("dim: {}; trying again", context.failure->hint));
        const Millis wait = backoff.next(context.random);
        context.link.run_until([] { return false; }, left() < 0 ? wait : std::min(left(), wait));
      }
    } else {
      bool more = false;
      context.link.run_until(
          [&] {
            if (context.messenger->unread_may_have_grown()) {
              auto unread = context.messenger->unread(1);
              more = unread && !unread->empty();
            }
            return more || context.failure.has_value() || (options.once && shown_any);
          },
          left());
    }
    if (left() == 0) {
      auto unread = context.messenger->unread(1);
      if (!unread || unread->empty()) break;
    }
  }
  // The receipts of what was shown should leave now; they are in the outbox otherwise.
  context.drain(1'000);
  context.messenger->leave();
  context.link.finish();
  return shown_any ? code(Exit::ok) : code(Exit::nothing);
}

int verb_history(const CommonOptions& common, const HistoryOptions& options) {
  Context context(common);
  context.ids = options.ids;
  if (!context.open_home()) return code(Exit::home);
  if (names_channel(*context.home, options.who)) return history_of_channel(context, options);
  context.make_messenger({.receive = false});
  if (options.before && options.after) {
    context.out.error({Errc::usage, "one of --before and --after: pages have one direction"});
    return code(Exit::usage);
  }
  const auto who = context.find_here(options.who);
  if (!who) return context.unknown_exit();
  if (!options.message.empty()) {
    const auto entry = context.find_message(*who, options.message, {});
    if (!entry) return code(Exit::failed);
    const auto earlier = context.messenger->earlier_texts(*entry);
    if (!earlier) {
      context.out.error(earlier.error());
      return code(Exit::failed);
    }
    for (const PostRevision& one : *earlier) context.out.revision(*entry, one);
    context.show(*entry);
    return code(Exit::ok);
  }
  const auto page = context.messenger->page(
      *who, {.before = options.before,
             .after = options.after,
             .limit = static_cast<std::size_t>(std::max(options.limit, 1))});
  if (!page) {
    context.out.error(page.error());
    return code(Exit::failed);
  }
  for (const HistoryEntry& entry : page->entries) context.show(entry);
  context.out.page(page->entries.size(), page->next, options.after ? "after" : "before");
  if (page->entries.empty())
    context.out.note(options.before || options.after ? "No messages here."
                                                     : "No messages in this conversation yet.");
  return code(Exit::ok);
}

int verb_verify(const CommonOptions& common, const VerifyOptions& options) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  context.make_messenger({.receive = false});
  (void)context.connect(kConnectMs);
  const auto who = context.find(options.who, kConnectMs);
  if (!who) return context.unknown_exit();
  std::optional<Status> fetched;
  context.messenger->refresh(*who, [&](Status status) { fetched = status; });
  context.link.run_until([&] { return fetched.has_value() || context.failure.has_value(); },
                         kConnectMs);
  const Known* known = context.home->directory().find(*who);
  if (known == nullptr || !known->meta) {
    context.out.error(
        {Errc::not_found,
         "the keys of this person are not known yet; try again when the station is there"});
    return code(Exit::unknown_person);
  }
  // Copies: confirming changes what the directory has.
  std::vector<Meta> metas = {*known->meta};
  if (known->state == MetaState::suspect)
    metas.insert(metas.end(), known->rivals.begin(), known->rivals.end());
  const bool several = metas.size() > 1;
  auto contact = context.home->contact(*who);
  Contact kept = contact && *contact ? **contact : Contact{.id = who->bare()};
  const auto chosen = static_cast<std::size_t>(options.key > 0 ? options.key : 1);
  if (options.key > 0 && chosen > metas.size()) {
    context.out.error({Errc::usage, "--key takes the number of a key that `dim verify WHO` shows"});
    return code(Exit::usage);
  }
  if (options.confirm && several && options.key == 0) {
    context.out.error(
        {Errc::usage,
         "two keys have signed as this person: compare the numbers of both, then say which is "
         "theirs with --key N"});
    return code(Exit::usage);
  }
  if (options.confirm) {
    const auto status =
        context.home->confirm(*who, metas[chosen - 1].digest(), context.clock.now());
    if (!status) {
      context.out.error(status.error());
      return code(Exit::failed);
    }
    kept.verified = true;
    kept.blocked = false;
    metas = {metas[chosen - 1]};
  }
  const Account& account = context.home->account();
  const bool forward_secret = context.messenger->is_forward_secret(*who).value_or(false);
  context.out.line(
      fmt::format("Compare with {} in person or on a call; both of you see the same.\n",
                  printable(context.name_of(*who))));
  for (std::size_t i = 0; i < metas.size(); ++i) {
    const std::string digits = safety_number(account.id, account.meta, who->bare(), metas[i]);
    const std::string words = safety_words(account.id, account.meta, who->bare(), metas[i]);
    JsonObject members;
    members.set("id", who->text());
    members.set("number", digits);
    members.set("words", words);
    members.set("verified", kept.verified);
    members.set("blocked", kept.blocked);
    members.set("forward_secret", forward_secret);
    if (metas.size() > 1) members.set("key", static_cast<std::int64_t>(i + 1));
    context.out.object("verify", std::move(members));
    if (metas.size() > 1)
      context.out.line(fmt::format("key {} ({})", i + 1, i == 0 ? "known so far" : "new"));
    context.out.line(fmt::format("  {}\n\n  {}\n", digits, words));
  }
  context.out.line(forward_secret ? "What you write to each other is forward secret.\n"
                                  : "What you write to them is not forward secret, so far.\n");
  const std::string confirm = fmt::format("dim verify {} --confirm", options.who);
  if (metas.size() > 1) {
    context.out.line(
        "TWO KEYS have signed as this person, and nothing is sent to them. Ask which "
        "number they see, then: " +
        confirm + " --key N");
  } else if (kept.blocked) {
    context.out.line(
        "Their message key CHANGED without following on the one that you verified, and "
        "nothing is sent to them.\nAsk them whether they have made a new one. If they "
        "have, and the numbers are equal: " +
        confirm);
  } else {
    context.out.line(kept.verified
                         ? "Verified. A change of their key will stop sending until you look again."
                         : "If they are equal: " + confirm);
  }
  context.link.finish();
  return code(Exit::ok);
}

int verb_status(const CommonOptions& common) {
  Context context(common);
  if (!context.open_home()) return code(Exit::home);
  context.make_messenger({.receive = false});
  const bool connected = context.connect(kConnectMs);
  context.drain(kConnectMs);
  const auto station = context.home->station();
  const auto unread = context.messenger->unread();
  const auto waiting = context.messenger->waiting();
  const auto aside = context.messenger->set_aside();
  JsonObject members;
  members.set("id", context.home->account().id.text());
  members.set("station", station && *station ? (*station)->id : "");
  members.set("connected", connected);
  members.set("waiting", static_cast<std::int64_t>(waiting ? *waiting : 0));
  members.set("unread", static_cast<std::int64_t>(unread ? unread->size() : 0));
  members.set("aside", static_cast<std::int64_t>(aside ? *aside : 0));
  const auto contacts = context.home->contacts();
  const auto blocked =
      contacts ? std::ranges::count_if(*contacts, [](const Contact& one) { return one.blocked; })
               : 0;
  members.set("blocked", static_cast<std::int64_t>(blocked));
  if (!connected && context.failure) members.set("reason", context.failure->hint);
  context.out.object("status", std::move(members));
  context.out.line(fmt::format(
      "you        {}\nstation    {}\nconnection {}\noutbox     {} waiting\nunread     {}{}{}",
      context.home->account().id.text(), station && *station ? (*station)->id : "none",
      connected         ? "up"
      : context.failure ? std::string(context.failure->hint)
                        : "down",
      waiting ? *waiting : 0, unread ? unread->size() : 0,
      aside && *aside > 0 ? fmt::format("\naside      {} that cannot be read yet: sender or group "
                                        "unknown, or written in the future",
                                        *aside)
                          : "",
      blocked > 0 ? fmt::format("\nKEYS       of {} contact(s) changed, and nothing is sent to "
                                "them: dim contacts, dim verify WHO",
                                blocked)
                  : ""));
  if (!connected && context.failure && exit_of(*context.failure) == Exit::security)
    return context.report_failure();
  if (!connected) return code(context.failure ? exit_of(*context.failure) : Exit::unreachable);
  context.link.finish();
  return code(Exit::ok);
}

}  // namespace dim
