#include "cli/output.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/rebound.h"
#include "dim/base/utf8.h"

namespace dim {

Exit exit_of(const Error& error) {
  switch (error.code) {
    case Errc::usage:
      return Exit::usage;
    case Errc::unreachable:
      return Exit::unreachable;
    case Errc::station_changed:
    case Errc::downgrade:
    case Errc::security_error:
      return Exit::security;
    default:
      return Exit::failed;
  }
}

void Output::object(std::string_view event, JsonObject members) const {
  if (!json_) return;
  JsonObject out;
  out.set("event", event);
  for (auto& [key, value] : members) out.set(key, value);
  // Some readers of lines also break at these characters, which JSON lets stand (U+0085, U+2028,
  // U+2029).
  std::string text = write_json(out);
  for (const auto& [raw, escaped] :
       {std::pair<std::string_view, std::string_view>{"\xC2\x85", "\\u0085"},
        {"\xE2\x80\xA8", "\\u2028"},
        {"\xE2\x80\xA9", "\\u2029"}}) {
    for (std::size_t at = 0; (at = text.find(raw, at)) != std::string::npos; at += escaped.size()) {
      text.replace(at, raw.size(), escaped);
    }
  }
  fmt::print(results(), "{}\n", text);
  std::fflush(results());
}

void Output::line(std::string_view text) const {
  if (sink_) return sink_(text);
  if (json_) return;
  fmt::print(results(), "{}\n", text);
  std::fflush(results());
}

void Output::note(std::string_view text) const {
  if (sink_) return sink_(text);
  if (!json_) fmt::print(stderr, "{}\n", text);
}

void Output::error(const Error& error, std::string_view station_message) const {
  if (json_) {
    JsonObject members;
    members.set("code", name_of(error.code));
    members.set("message", error.hint);
    if (!station_message.empty()) members.set("station", station_message);
    object("error", std::move(members));
    return;
  }
  note(fmt::format("dim: {}{}", error.hint,
                   station_message.empty()
                       ? ""
                       : fmt::format(" (the station says: {})", escape(station_message))));
}

void Output::typing(const Id& peer, bool on, std::string_view peer_name) const {
  JsonObject members;
  members.set("peer", peer.bare().text());
  members.set("state", on ? "on" : "off");
  object("typing", std::move(members));
  if (on) note(fmt::format("        {} is typing", printable(peer_name)));
}

void Output::presence(const Id& peer, std::string_view state, std::string_view peer_name) const {
  JsonObject members;
  members.set("peer", peer.bare().text());
  members.set("state", state);
  object("presence", std::move(members));
  note(fmt::format("        {} is {}", printable(peer_name), printable(state)));
}

void Output::changed(const HistoryEntry& entry, MessageAct act, std::string_view peer_name,
                     std::string_view sender_name) const {
  JsonObject members;
  members.set("guid", entry.guid);
  members.set("direction", entry.outgoing ? "out" : "in");
  members.set("peer", entry.peer.text());
  members.set("peer_name", peer_name);
  if (entry.sender) {
    members.set("sender", entry.sender->text());
    members.set("sender_name", sender_name);
  }
  members.set("change", to_string(act));
  if (act == MessageAct::edit) {
    members.set("text", entry.text);
    members.set("revision", entry.revision);
  }
  object("message_change", std::move(members));
  const std::string deed = act == MessageAct::edit      ? "edited"
                           : act == MessageAct::remove  ? "took back"
                           : act == MessageAct::destroy ? "destroyed"
                                                        : "deleted";
  const std::string who =
      entry.outgoing ? "you"
      : entry.sender ? fmt::format("{} in {}", printable(sender_name), printable(peer_name))
                     : printable(peer_name);
  line(fmt::format("{} {} #{}{}", who, deed, short_guid(entry.guid),
                   act == MessageAct::edit ? ": " + printable_lines(entry.text) : ""));
}

void Output::added(const HistoryEntry& entry, MessageAct act, bool mine,
                   std::string_view peer_name) const {
  JsonObject members;
  members.set("guid", entry.guid);
  members.set("direction", entry.outgoing ? "out" : "in");
  members.set("peer", entry.peer.text());
  members.set("peer_name", peer_name);
  members.set("change", to_string(act));
  members.set("mine", mine);
  const std::string who = mine ? "you" : printable(peer_name);
  const std::string which = short_guid(entry.guid);
  if (act == MessageAct::pin) {
    members.set("pinned", entry.pin.on);
    object("message_change", std::move(members));
    return line(fmt::format("{} {} #{}", who, entry.pin.on ? "pinned" : "unpinned", which));
  }
  const std::vector<std::string>& symbols = (mine ? entry.mine : entry.theirs).symbols;
  JsonArray all;
  std::string words;
  for (const std::string& symbol : symbols) {
    all.emplace_back(symbol);
    words += " " + printable(symbol);
  }
  members.set("symbols", std::move(all));
  object("message_change", std::move(members));
  line(symbols.empty() ? fmt::format("{} took back what answered #{}", who, which)
                       : fmt::format("{} answered #{} with{}", who, which, words));
}

void Output::revision(const HistoryEntry& entry, const PostRevision& revision) const {
  JsonObject members;
  members.set("guid", entry.guid);
  members.set("peer", entry.peer.text());
  members.set("revision", revision.number);
  members.set("time", format_time(revision.time));
  members.set("text", revision.content);
  object("revision", std::move(members));
  line(fmt::format("{}  as it was written ({}): {}", format_time(revision.time).substr(11, 5),
                   revision.number, printable_lines(revision.content)));
}

void Output::page(std::size_t count, std::optional<std::int64_t> next,
                  std::string_view direction) const {
  JsonObject members;
  members.set("count", static_cast<std::int64_t>(count));
  if (next) members.set("next", *next);
  object("page", std::move(members));
  if (next) note(fmt::format("There are more: --{} {}", direction, *next));
}

void Output::unread(const Id& peer, std::int64_t count, std::string_view peer_name) const {
  JsonObject members;
  members.set("peer", peer.bare().text());
  members.set("peer_name", peer_name);
  members.set("unread", count);
  object("unread", std::move(members));
  line(fmt::format("{:>6}  {}", count, printable(peer_name)));
}

void Output::clocks_differ(Millis ahead) const {
  const std::int64_t seconds = (ahead < 0 ? -ahead : ahead) / 1'000;
  JsonObject members;
  members.set("state", ahead > 0 ? "slow" : "fast");
  members.set("seconds", seconds);
  object("clock", std::move(members));
  const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  const std::string much = days > 0    ? fmt::format("{} d {} h", days, hours % 24)
                           : hours > 0 ? fmt::format("{} h {} min", hours, minutes % 60)
                                       : fmt::format("{} min", minutes);
  note(fmt::format(
      "dim: by the station's time the clock of this computer is {} {}. Set it right; {}", much,
      ahead > 0 ? "slow" : "fast",
      ahead > 0 ? "until then messages may wait, from and to people who have a new key."
                : "until then others cannot read at once what you write."));
}

void Output::alarm(const HistoryEntry& notice, std::string_view peer_name) const {
  const bool rebound = is_rebound(notice);
  const bool blocked = !rebound && stops_sending(notice);
  JsonObject members;
  members.set("peer", notice.peer.bare().text());
  members.set("peer_name", peer_name);
  members.set("time", format_time(notice.time));
  if (tells_device(notice)) {
    members.set("device", notice.text);
    object("contact_device", std::move(members));
    return line(fmt::format("{}  {} has a new device: {}", format_time(notice.time).substr(11, 5),
                            printable(peer_name), printable(notice.text)));
  }
  if (const auto secret = tells_secrecy(notice)) {
    members.set("forward_secret", *secret);
    members.set("words", notice.words);
    object("contact_secrecy", std::move(members));
    return line(fmt::format("{}  {}: {}.", format_time(notice.time).substr(11, 5),
                            printable(peer_name), printable(notice.words)));
  }
  members.set("words", rebound ? kReboundWords : std::string_view(notice.words));
  members.set("blocked", blocked);
  if (rebound) members.set("cause", notice.cause);
  object("alarm", std::move(members));
  if (rebound) {
    return line(fmt::format("{}  NOT WRITTEN FOR YOU: {}: {}.",
                            format_time(notice.time).substr(11, 5), printable(peer_name),
                            kReboundWords));
  }
  const std::string peer = printable(peer_name);
  line(fmt::format("{}  KEYS CHANGED: {}: {}{}", format_time(notice.time).substr(11, 5), peer,
                   printable(notice.words),
                   blocked
                       ? ".\n       Nothing is sent to them until you have compared numbers: dim "
                         "verify WHO, then with --confirm."
                       : "."));
}

std::string reactions_in_words(const std::vector<ReactionCount>& reactions) {
  std::string out;
  for (const ReactionCount& one : reactions)
    out += fmt::format("  {} {}", printable(one.symbol), one.count);
  return out;
}

std::string short_guid(std::string_view guid) {
  constexpr std::size_t kDigits = 6;
  return std::string(guid.substr(guid.size() - std::min(guid.size(), kDigits)));
}

void Output::message(const HistoryEntry& entry, const Around& around) const {
  if (json_) {
    JsonObject members;
    members.set("guid", entry.guid);
    members.set("direction", entry.outgoing ? "out" : "in");
    members.set("peer", entry.peer.text());
    members.set("peer_name", around.peer_name);
    members.set("time", format_time(entry.time));
    if (entry.sender) {
      members.set("sender", entry.sender->text());
      members.set("sender_name", around.sender_name);
    }
    members.set("type", entry.content_type);
    members.set("text", entry.text);
    if (!entry.words.empty()) members.set("words", entry.words);
    if (around.outline) members.set("content", *around.outline);
    if (entry.outgoing) {
      members.set("state", to_string(entry.tick));
      if (entry.label == Label::secure) members.set("label", to_string(entry.label));
    } else {
      members.set("label", to_string(entry.label));
      if (around.stranger) members.set("stranger", true);
    }
    if (!entry.cause.empty()) members.set("cause", entry.cause);
    if (entry.expires > 0) members.set("expires", format_time(entry.expires));
    if (entry.late) members.set("late", true);
    if (entry.missing > 0) members.set("missing", entry.missing);
    if (entry.forked) members.set("forked", true);
    if (entry.revision > 1) members.set("revision", entry.revision);
    if (entry.edited > 0) members.set("edited", format_time(entry.edited));
    if (entry.removed) members.set("removed", true);
    if (entry.pin.on) members.set("pinned", true);
    if (entry.thread && !entry.thread->guid.empty()) members.set("thread", entry.thread->guid);
    if (around.answers > 0) members.set("answers", around.answers);
    JsonObject reactions;
    for (const ReactionCount& one : reaction_counts(entry)) reactions.set(one.symbol, one.count);
    if (!reactions.empty()) members.set("reactions", std::move(reactions));
    return object("message", std::move(members));
  }
  const std::string time = format_time(entry.time).substr(11, 5);
  const std::string peer = printable(around.peer_name);
  const std::string from =
      entry.sender ? fmt::format("{} in {}", printable(around.sender_name), peer) : peer;
  if (entry.missing > 0)
    line(fmt::format("        … {} earlier message(s) of {} have not come", entry.missing, from));
  if (entry.forked) {
    line(
        fmt::format("        … this does not follow on what {} wrote before: something was "
                    "withheld or replaced, "
                    "or they went back to an old copy of their keys",
                    from));
  }
  std::string body = printable_lines(entry.text);
  if (entry.expires > 0) body += fmt::format("  [until {}]", format_time(entry.expires));
  if (!entry.words.empty())
    body += fmt::format("{}[{}]", body.empty() ? "" : "  ", printable(entry.words));
  if (entry.thread) {
    body += entry.thread->guid.empty()
                ? "  [in a thread]"
                : fmt::format("  [thread #{}]", short_guid(entry.thread->guid));
  }
  if (around.answers > 0) body += fmt::format("  [{} in its thread]", around.answers);
  if (!entry.cause.empty() && entry.outgoing) {
    const std::string_view fate = entry.tick == Tick::failed   ? "not sent"
                                  : entry.tick == Tick::queued ? "waits"
                                                               : "not for everybody";
    body += fmt::format(" [{}: {}]", fate, printable(entry.cause));
  } else if (!entry.cause.empty()) {
    body = fmt::format("[a message that could not be read: {}]", printable(entry.cause));
  }
  if (entry.revision > 1 && !entry.removed) body += "  [edited]";
  if (entry.pin.on) body += "  [pinned]";
  body += reactions_in_words(reaction_counts(entry));
  const bool plain_text = entry.content_type == "text" || entry.content_type == "group";
  if (around.ids || (!plain_text && entry.cause.empty()))
    body += fmt::format("  #{}", short_guid(entry.guid));
  if (entry.outgoing) {
    line(fmt::format("{}  you → {}: {}  ({})", time, peer, body, to_string(entry.tick)));
  } else {
    line(fmt::format(
        "{}  {}: {}{}{}", time, from, body,
        entry.label == Label::secure || entry.label == Label::secure_old || !entry.cause.empty()
            ? ""
            : fmt::format("  [{}]", to_string(entry.label)),
        entry.late ? "  [arrived late]" : ""));
  }
}

}  // namespace dim
