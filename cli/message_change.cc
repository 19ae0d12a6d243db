#include "cli/message_change.h"

#include <fmt/core.h>

#include <algorithm>

#include "cli/hub_run.h"
#include "cli/transfer.h"
#include "client/fields.h"

namespace dim {
namespace {

constexpr Millis kPatienceMs = 10'000;
constexpr int kFileS = 600;  // overwriting may take as long as an upload

std::optional<MessageAct> act_of(const std::string& verb) {
  if (verb == "edit") return MessageAct::edit;
  if (verb == "remove") return MessageAct::remove;
  if (verb == "delete") return MessageAct::erase;
  if (verb == "destroy") return MessageAct::destroy;
  if (verb == "react") return MessageAct::react;
  if (verb == "pin") return MessageAct::pin;
  return std::nullopt;
}

/// What is about to happen, said before it does.
std::string announced(MessageAct act, const std::string& who, bool group) {
  const std::string whom = (group ? "everybody in " : "") + printable(who);
  switch (act) {
    case MessageAct::remove:
      return fmt::format(
          "REMOVE takes your message back: the text and its earlier texts go from this home and, "
          "when their program hears of it, from that of {}; the place stays and says so. There is "
          "no way back.",
          whom);
    case MessageAct::erase:
      return fmt::format(
          "DELETE ends this message here and, when their program hears of it, with {}: nothing of "
          "it is shown any more, and its bytes are on disks until they are written over. There is "
          "no way back.",
          whom);
    case MessageAct::destroy:
      return fmt::format(
          "DESTROY ends this message here and with {}, and overwrites it in the files of both "
          "homes; each device of theirs, and of yours, answers when it has nothing of it any more. "
          "REMOVE only takes it back, DELETE leaves its bytes on disks until they are written "
          "over. What somebody has copied by hand stays theirs. There is no way back.",
          whom);
    case MessageAct::edit:
    case MessageAct::erased:
    case MessageAct::react:
    case MessageAct::pin:
      break;
  }
  return {};
}

std::optional<DestroyedMessage> destroyed(Context& context, const Id& who, std::string digits) {
  if (digits.starts_with('#')) digits.erase(0, 1);
  const auto all = context.messenger->destroyed_messages();
  if (!all || digits.empty()) return std::nullopt;
  const auto at = std::ranges::find_if(*all, [&](const DestroyedMessage& one) {
    return one.peer && one.peer->same_entity(who) && one.guid.ends_with(digits);
  });
  return at == all->end() ? std::nullopt : std::optional(*at);
}

/// The own file at the station that this message alone has brought to somebody: it goes with it.
std::optional<Guid> file_of(Context& context, const HistoryEntry& entry) {
  constexpr std::size_t kLookBack = 100'000;
  const auto content = context.messenger->content(entry);
  const auto files = own_files(context);
  if (!content || !*content || !files) return std::nullopt;
  const std::string said = write_json(**content);
  std::optional<Guid> guid;
  for (const JsonObject& file : *files) {
    const auto one = Guid::parse(text_in(file, "guid"));
    // What was posted in a channel, or given to somebody else, is not this message's to take away.
    if (text_in(file, "to") != entry.peer.bare().text()) continue;
    if (one && said.contains(one->text())) guid = *one;
  }
  const auto contacts = context.home->contacts();
  const auto groups = context.messenger->groups().all();
  if (!guid || !contacts || !groups) return std::nullopt;
  std::vector<Id> peers = *groups;
  for (const Contact& contact : *contacts) peers.push_back(contact.id);
  for (const Id& peer : peers) {
    const auto all = context.messenger->history(peer, kLookBack);
    if (!all) return std::nullopt;
    for (const HistoryEntry& other : *all) {
      if (!other.outgoing || other.guid == entry.guid || other.content_type == "text") continue;
      const auto also = context.messenger->content(other);
      if (!also || (*also && write_json(**also).contains(guid->text()))) return std::nullopt;
    }
  }
  return guid;
}

/// Waits, up to options.wait_s, until all devices have said that they have erased it.
int wait_for_receipts(Context& context, const HubOptions& options, const Id& who,
                      const std::string& guid) {
  constexpr Millis kPause = 200;
  const Millis until = context.clock.monotonic() + Millis{1'000} * options.wait_s;
  for (;;) {
    const auto state = destroyed(context, who, guid);
    if (!state) return code(Exit::ok);  // nobody but this home had it
    const Millis left = until - context.clock.monotonic();
    const auto count = static_cast<std::int64_t>(state->by.size());
    if (left <= 0 || count >= state->of || context.failure) {
      JsonObject members;
      members.set("peer", who.text());
      members.set("peer_name", context.name_of(who));
      members.set("guid", state->guid);
      members.set("erased", count);
      members.set("of", state->of);
      JsonArray by;
      for (const std::string& one : state->by) by.emplace_back(one);
      members.set("by", std::move(by));
      context.out.object("erased", std::move(members));
      context.out.line(fmt::format("Erased on {} of {} devices", count, state->of));
      if (count < state->of)
        context.out.note(
            "The others erase it when their programs are here next; the same command tells how "
            "many have.");
      return code(Exit::ok);
    }
    context.link.run_until([&] { return context.failure.has_value(); }, std::min(left, kPause));
  }
}

/// Where the other's program may not know what follows.
void warn_of_old(Context& context, const Id& who, std::string_view what) {
  const Directory& known = context.home->directory();
  if (who.is_group()) {
    const auto group = context.messenger->groups().find(who, context.clock.now());
    if (!group || *group == nullptr) return;
    for (const Id& member : (*group)->members()) warn_of_old(context, member, what);
    return;
  }
  if (known.message_keys(who).empty() || known.promises(who, "bind")) return;
  context.out.note(fmt::format("The program of {} does not say that it knows this: there {}.",
                               printable(context.name_of(who)), what));
}

void say_what_waits(Context& context) {
  const auto waiting = context.messenger->waiting();
  if (waiting && *waiting > 0)
    context.out.note(
        "The station has not taken it yet. It is in the outbox and goes out, once, with the next "
        "command that reaches it.");
}

/// Answers it with a symbol, or pins it.
int add_to_message(Context& context, const HubOptions& options, MessageAct act) {
  context.make_messenger({.receive = false});
  const bool reacts = act == MessageAct::react;
  if (reacts && (options.symbol.empty() || !options.who.empty())) {
    context.out.error({Errc::usage, options.symbol.empty()
                                        ? "a reaction needs a symbol: dim react WHO ID 👍"
                                        : "--of belongs to channels: everybody reacts for "
                                          "themselves"});
    return code(Exit::usage);
  }
  const auto who = context.find_here(options.place);
  if (!who) return context.unknown_exit();
  const auto entry = context.find_message(*who, options.message, {});
  if (!entry) return code(Exit::failed);
  const auto changed = reacts ? context.messenger->react(*entry, options.symbol, options.off)
                              : context.messenger->pin(*entry, options.off);
  if (!changed) {
    context.out.error(changed.error());
    return code(exit_of(changed.error()));
  }
  context.out.added(*changed, act, true, context.name_of(*who));
  warn_of_old(context, *who, "it may not be seen");
  if (context.connect(kPatienceMs)) {
    context.drain(kPatienceMs);
  } else if (exit_of(*context.failure) == Exit::security) {
    return context.report_failure();
  }
  say_what_waits(context);
  context.link.finish();
  return code(Exit::ok);
}

}  // namespace

int show_pins(Context& context, const HubOptions& options) {
  const auto who = context.find_here(options.place);
  if (!who) return context.unknown_exit();
  const auto pinned = context.messenger->pinned(*who);
  if (!pinned) {
    context.out.error(pinned.error());
    return code(exit_of(pinned.error()));
  }
  context.ids = context.ids || options.ids;
  for (const HistoryEntry& entry : *pinned) context.show(entry);
  if (pinned->empty()) context.out.note("Nothing is pinned here.");
  return code(Exit::ok);
}

int show_thread(Context& context, const HubOptions& options) {
  const auto who = context.find_here(options.place);
  if (!who) return context.unknown_exit();
  const auto entry = context.find_message(*who, options.message, {});
  if (!entry) return code(Exit::failed);
  const auto failed = [&](const Error& error) {
    context.out.error(error);
    return code(exit_of(error));
  };
  const auto root = context.messenger->thread_root(*entry);
  if (!root) return failed(root.error());
  const auto about = entry->thread ? context.messenger->entry_of(*who, *entry->thread)
                                   : Result<std::optional<HistoryEntry>>(*entry);
  if (!about) return failed(about.error());
  const auto page =
      context.messenger->thread(*who, *root,
                                {.before = options.before,
                                 .after = options.after,
                                 .limit = static_cast<std::size_t>(std::max(options.limit, 1))});
  if (!page) return failed(page.error());
  context.ids = context.ids || options.ids;
  if (*about) context.show(**about);
  for (const HistoryEntry& one : page->entries) context.show(one);
  context.out.page(page->entries.size(), page->next, options.after ? "after" : "before");
  if (page->entries.empty()) context.out.note("Nothing stands in this thread.");
  return code(Exit::ok);
}

bool changes_message(Home& home, const HubOptions& options) {
  if (options.verb == "pin" && options.message.empty()) return false;
  return act_of(options.verb) && !options.place.empty() && !names_channel(home, options.place);
}

int change_message(Context& context, const HubOptions& options) {
  const MessageAct act = *act_of(options.verb);
  if (act == MessageAct::react || act == MessageAct::pin)
    return add_to_message(context, options, act);
  const bool destroys = act == MessageAct::destroy;
  // Receipts come as pushes.
  context.make_messenger({.receive = destroys, .media = act != MessageAct::edit});
  if (options.off) {
    context.out.error({Errc::usage, "--undo belongs to channels: what is taken back is gone"});
    return code(Exit::usage);
  }
  const auto who = context.find_here(options.place);
  if (!who) return context.unknown_exit();
  if (destroys && destroyed(context, *who, options.message)) {
    if (!context.connect(kPatienceMs)) return context.report_failure();
    const int result = wait_for_receipts(context, options, *who, options.message);
    context.link.finish();
    return result;
  }
  const auto entry = context.find_message(*who, options.message, {});
  if (!entry) return code(Exit::failed);
  if (!entry->outgoing) {
    const auto refused = context.messenger->change_message(*entry, act, "x");
    context.out.error(refused.error());
    return code(exit_of(refused.error()));
  }
  const std::string name = context.name_of(*who);
  if (act != MessageAct::edit) {
    std::string what = announced(act, name, who->is_group());
    if (who->is_group()) what += " Who has left the group keeps it.";
    if (const int answer = context.confirm(what, options.yes); answer != 0) return answer;
  }
  warn_of_old(context, *who, "the message may stay as it was");
  const bool connected = context.connect(kPatienceMs);
  if (!connected && exit_of(*context.failure) == Exit::security) return context.report_failure();
  const auto file = act == MessageAct::edit ? std::nullopt : file_of(context, *entry);
  const auto changed = context.messenger->change_message(*entry, act, text_or_input(options.text));
  if (!changed) {
    context.out.error(changed.error());
    return code(exit_of(changed.error()));
  }
  context.out.changed(*changed, act, name);
  if (connected) context.drain(kPatienceMs);
  say_what_waits(context);
  int result = code(Exit::ok);
  if (file && connected) {
    result =
        delete_at_station(context, *file, kFileS, destroys ? Operation::destroy : Operation::erase);
    if (result == 0)
      context.out.note("The file that came with it alone is gone from the station as well.");
  } else if (file) {
    context.out.note(fmt::format("Its file is still at the station: dim upload --delete {}",
                                 short_guid(file->text())));
  }
  if (destroys && result == 0) result = wait_for_receipts(context, options, *who, entry->guid);
  context.link.finish();
  return result;
}

}  // namespace dim
