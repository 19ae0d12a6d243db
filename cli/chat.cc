#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>

#include "cli/hub_run.h"
#include "cli/verbs.h"

namespace dim {

// Lines only go down and are never redrawn, so that a screen reader and a log both follow (C19).
int verb_chat(const CommonOptions& common, const ChatOptions& options) {
  Context context(common);
  if (!context.open_home()) return static_cast<int>(Exit::home);
  if (names_channel(*context.home, options.who)) return chat_in_channel(context, options);
  std::optional<Id> who;
  context.events.ticked = [&](const HistoryEntry& entry) {
    if (!who || !entry.peer.same_entity(*who)) return;
    if (common.json) {
      JsonObject members;
      members.set("guid", entry.guid);
      members.set("peer", entry.peer.text());
      members.set("state", to_string(entry.tick));
      context.out.object("state", std::move(members));
    } else if (entry.tick == Tick::read || entry.tick == Tick::failed) {
      context.out.note(fmt::format("        ({}: {})", to_string(entry.tick),
                                   printable(entry.text.substr(0, 40))));
    }
  };
  context.events.changed = [&](const HistoryEntry& entry, MessageAct act) {
    if (who && entry.peer.same_entity(*who))
      context.out.changed(entry, act, context.name_of(entry.peer),
                          entry.sender ? context.name_of(*entry.sender) : "");
  };
  context.events.added = [&](const HistoryEntry& entry, MessageAct act, bool mine) {
    if (who && entry.peer.same_entity(*who))
      context.out.added(entry, act, mine, context.name_of(entry.peer));
  };
  bool was_typing = false;
  if (!options.no_typing) {
    context.events.typing = [&](const Id& peer, bool on) {
      if (!who || !peer.same_entity(*who) || on == was_typing) return;
      was_typing = on;
      context.out.typing(peer, on, context.name_of(peer));
    };
  }
  if (!options.no_presence) {
    context.events.presence = [&](const Id& peer, std::string_view state) {
      if (who && peer.same_entity(*who)) context.out.presence(peer, state, context.name_of(peer));
    };
  }
  context.make_messenger({.presence = !options.no_presence});
  (void)context.connect(10'000);
  if (context.failure && exit_of(*context.failure) == Exit::security)
    return context.report_failure();
  who = context.find(options.who, 10'000);
  if (!who) return context.unknown_exit();

  const auto show_new = [&] {
    auto unread = context.messenger->unread();
    if (!unread) return;
    for (const HistoryEntry& entry : *unread) {
      // Messages of others wait for their own conversation.
      if (!entry.peer.same_entity(*who)) continue;
      context.show(entry);
      (void)context.messenger->shown(entry);
    }
  };
  if (auto before = context.messenger->history(*who, 10)) {
    auto unread = context.messenger->unread();
    for (const HistoryEntry& entry : *before) {
      const bool is_new = unread && std::ranges::any_of(*unread, [&](const HistoryEntry& other) {
                            return other.guid == entry.guid;
                          });
      if (!is_new) context.show(entry);
    }
  }
  context.out.note(fmt::format("You are writing to {}. One line is one message; Ctrl-D ends.",
                               printable(context.name_of(*who))));
  show_new();

  bool over = false;
  int result = 0;
  bool told_typing = false;
  const auto tell_typing = [&](bool on) {
    if (options.no_typing || who->is_group() || on == told_typing) return;
    told_typing = on;
    context.messenger->typing(*who, on);
  };
  context.link.watch_input(
      [&](std::string line) {
        tell_typing(false);
        if (line.empty()) return;
        auto sent = context.messenger->send_text(*who, line);
        if (!sent) return context.out.error(sent.error());
        if (common.json) context.show(*sent);
      },
      [&] { over = true; }, [&] { tell_typing(true); });
  Backoff backoff;
  while (!over) {
    context.link.run_until(
        [&] {
          if (context.messenger->unread_may_have_grown()) show_new();
          return over || context.failure.has_value();
        },
        -1);
    if (over) break;
    if (exit_of(*context.failure) == Exit::security) {
      result = context.report_failure();
      break;
    }
    context.out.note(
        fmt::format("dim: {}; what you write is kept and sent later", context.failure->hint));
    while (!over && !context.messenger->is_ready()) {
      context.link.run_until([&] { return over; }, backoff.next(context.random));
      if (!over && context.connect(10'000)) context.out.note("dim: connected again");
      if (context.failure && exit_of(*context.failure) == Exit::security)
        return context.report_failure();
    }
    backoff.reset();
  }
  // What was typed last should leave before the program does; otherwise it stays in the outbox.
  context.link.run_until(
      [&] {
        auto waiting = context.messenger->waiting();
        return !context.messenger->is_ready() || !waiting || *waiting == 0;
      },
      5'000);
  context.messenger->leave();
  context.link.finish();
  return result;
}

}  // namespace dim
