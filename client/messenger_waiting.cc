// What cannot be read yet: its sender's keys or its group are not known. It has been kept, so the
// station may forget it, and it holds up nothing that came behind it.
#include <algorithm>
#include <map>
#include <utility>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::string_view kWaiting = "group-waiting";
constexpr std::string_view kWaitingOf = "waiting-of";  // whose each of them is: small rows
constexpr std::size_t kWaitingMost = 500;
constexpr Millis kWaitingMs = 7 * 86'400'000;

}  // namespace

/// When the station took it, as it says; it may have waited there for long.
Millis Messenger::arrival_of(const Packet& push) const {
  const Millis now = clock_.now();
  return std::min(parse_time(push.get("time")).value_or(now), now);
}

Messenger::Waits Messenger::why_of(const JsonObject& row) {
  if (truth_in(row, "early")) return Waits::for_time;
  if (truth_in(row, "quiet")) return Waits::quietly;
  return truth_in(row, "fresh") ? Waits::for_keys : Waits::for_group;
}

Result<bool> Messenger::is_waiting(const std::string& guid) {
  return home_.vault().contains(kWaiting, guid);
}
Status Messenger::stop_waiting(const std::string& guid) {
  if (auto erased = home_.vault().erase(kWaitingOf, guid); !erased) return erased;
  return home_.vault().erase(kWaiting, guid);
}
/// What their author takes away is not kept until it can be read. What cannot be opened even now is
/// known by its hash alone.
Status Messenger::stop_waiting_for(const Id& sender, const MessageChange& change) {
  auto rows = home_.vault().list(kWaitingOf);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& of : *rows) {
    const auto small = parse_json_object(of.body);
    if (!small || text_in(*small, "sender") != sender.text()) continue;
    const std::string guid = text_in(*small, "guid");
    auto body = home_.vault().get(kWaiting, guid);
    if (!body) return std::unexpected(body.error());
    const auto row = parse_json_object(body->value_or(""));
    const auto message = SignedMessage::parse(row ? text_in(*row, "wire") : std::string());
    if (!message) continue;
    bool meant = message_hash(*message) == change.hash;
    if (!meant && change.group) {
      const auto opened = dim::open(
          *message, home_.account(), home_.directory(), [](const Digest32&) { return false; },
          clock_.now());
      const Json* said = row->find("said");
      const JsonObject* content = said != nullptr ? said->object() : nullptr;
      if (content == nullptr && opened) content = &opened->message.content;
      const auto sn = content == nullptr ? std::nullopt : content_sn(*content);
      meant = sn && group_message_name(*change.group, sender, *sn) == change.hash;
    }
    if (!meant) continue;
    if (auto stopped = stop_waiting(guid); !stopped) return stopped;
  }
  return {};
}

Result<std::size_t> Messenger::set_aside() {
  auto count = home_.vault().count(kWaiting);
  if (!count) return std::unexpected(count.error());
  return static_cast<std::size_t>(*count);
}

/// When the places are taken: the last one of whoever has the most of them, so that nobody keeps
/// others' messages out. What waits for its group goes first: whose signature has not been checked
/// yet is decided soon. False when `sender` has no fewer places than anybody else.
Result<bool> Messenger::make_room(const std::string& sender, Waits why,
                                  std::vector<HistoryEntry>& show) {
  struct Places {
    std::size_t count = 0;
    std::string last{};
  };
  std::map<std::string, Places> of_groups, others;
  auto rows = home_.vault().list(kWaitingOf);
  if (!rows) return std::unexpected(rows.error());
  for (const auto& row : *rows) {
    auto object = parse_json_object(row.body);
    if (!object) continue;
    Places& places = (truth_in(*object, "fresh") ? others : of_groups)[text_in(*object, "sender")];
    ++places.count;
    places.last = text_in(*object, "guid");
  }
  const bool for_group = why == Waits::for_group;
  if (why == Waits::quietly || (for_group && of_groups.empty())) return false;
  const auto& candidates = of_groups.empty() ? others : of_groups;
  const auto most = std::ranges::max_element(candidates, {},
                                             [](const auto& entry) { return entry.second.count; });
  if (most == candidates.end()) return false;
  const auto own = candidates.find(sender);
  const std::size_t has = own != candidates.end() ? own->second.count : 0;
  const bool goes_first = !for_group && !of_groups.empty();
  if (!goes_first && most->second.count <= has) return false;
  auto body = home_.vault().get(kWaiting, most->second.last);
  if (!body) return std::unexpected(body.error());
  auto object = parse_json_object(body->value_or("{}"));
  if (!object) return false;
  if (auto gone = give_up(most->second.last, text_in(*object, "wire"), why_of(*object), show);
      !gone)
    return std::unexpected(gone.error());
  return true;
}

/// What finds no room is shown as unreadable at once: nothing goes without a word.
Status Messenger::keep_waiting(const std::string& guid, const std::string& wire, Waits why,
                               Millis arrived, std::vector<HistoryEntry>& show,
                               const Opened* opened) {
  auto waits = is_waiting(guid);
  if (!waits) return std::unexpected(waits.error());
  if (*waits) return {};
  auto message = SignedMessage::parse(wire);
  if (!message) return {};  // none that gets here
  const std::string sender = message->sealed.envelope.sender.bare().text();
  auto count = home_.vault().count(kWaiting);
  if (!count) return std::unexpected(count.error());
  if (static_cast<std::size_t>(*count) >= kWaitingMost) {
    auto room = make_room(sender, why, show);
    if (!room) return std::unexpected(room.error());
    if (!*room) return give_up(guid, wire, why, show);
  }
  JsonObject of;
  of.set("guid", guid);
  of.set("sender", sender);
  of.set("fresh", why != Waits::for_group);
  if (auto put = home_.vault().put(kWaitingOf, guid, write_json(of)); !put) return put;
  JsonObject row;
  row.set("guid", guid);
  row.set("wire", wire);
  row.set("fresh", why != Waits::for_group);
  row.set("quiet", why == Waits::quietly);
  row.set("early", why == Waits::for_time);
  row.set("time", format_time(arrived));
  row.set("since", clock_.now());
  if (opened != nullptr && opened->label == Label::secure) row.set("said", opened->message.content);
  return home_.vault().put(kWaiting, guid, write_json(row));
}

/// Shown as unreadable, under the name of who is said to have sent it.
Status Messenger::give_up(const std::string& guid, const std::string& wire, Waits why,
                          std::vector<HistoryEntry>& show) {
  if (auto erased = stop_waiting(guid); !erased) return erased;
  auto message = SignedMessage::parse(wire);
  if (!message || why == Waits::quietly) return {};
  Error error{Errc::not_found, "nobody has told you of its group, or of its writer in it"};
  if (why == Waits::for_keys) error.hint = "the keys of its sender are not known to this station";
  if (why == Waits::for_time) {
    error = {Errc::too_early,
             "its time is in the future, and too much waits already; is the clock of this computer "
             "right?"};
  }
  return show_unreadable(message->sealed.envelope.sender, guid, error, show);
}

Status Messenger::show_unreadable(const Id& author, const std::string& guid, const Error& error,
                                  std::vector<HistoryEntry>& show) {
  auto key = free_guid(author.bare(), guid);
  if (!key) return std::unexpected(key.error());
  HistoryEntry entry{.guid = std::move(*key), .peer = author.bare()};
  entry.time = clock_.now();
  entry.cause = to_string(error);
  if (auto put = history_.put(entry); !put) return put;
  show.push_back(entry);
  return put_unread(entry);
}

/// Does the author have to be asked for first? Not when the message brings its meta along.
bool Messenger::lacks_author(const Id& author, std::string_view wire) {
  const Known* known = home_.directory().find(author);
  if (known != nullptr && known->meta) return false;
  return !fetched_.contains(author.bare().text()) &&
         wire.find("\"meta\"") == std::string_view::npos;
}

/// Messages that somebody passes on, each with a sender of its own. Those for others stay closed.
Status Messenger::take_forwarded(const ForwardContent& forward, std::vector<HistoryEntry>& show) {
  for (const SignedMessage& secret : forward.secrets) {
    if (!secret.sealed.envelope.receiver.same_entity(home_.account().id)) continue;
    const std::string guid = to_hex(message_hash(secret)).substr(0, 32);
    if (auto kept = keep_waiting(guid, write_message(secret), Waits::for_keys, clock_.now(), show);
        !kept)
      return kept;
    retry_ = true;
  }
  return {};
}

void Messenger::ask_for_keys() {
  if (!is_ready() || needs_.empty()) return;
  for (const std::string& text : std::exchange(needs_, {})) {
    auto id = Id::parse(text);
    if (!id || fetched_.contains(text) || !home_.directory().message_keys(*id).empty()) {
      asking_.erase(text);
      continue;
    }
    asking_.insert(text);
    if (!decides_.insert(text).second) continue;
    // Known or not: what waits for them can be decided then.
    fetch(*id, [this, text](Status) {
      asking_.erase(text);
      decides_.erase(text);
      retry_waiting();
    });
  }
}

Status Messenger::retry_row(const JsonObject& row, std::vector<HistoryEntry>& show,
                            std::vector<HistoryEntry>& ticked) {
  const std::string guid = text_in(row, "guid"), wire = text_in(row, "wire");
  const bool fresh = truth_in(row, "fresh");
  const bool quiet = truth_in(row, "quiet");
  const Waits why = why_of(row);
  auto waits = is_waiting(guid);  // another one may have taken its place
  if (!waits) return std::unexpected(waits.error());
  if (!*waits) return {};
  const Millis since = integer_in(row, "since");
  // A clock that is set right may go on by years: what waited for that has not waited too long.
  if (why != Waits::for_time && since > 0 && clock_.now() - since > kWaitingMs)
    return give_up(guid, wire, why, show);
  auto message = SignedMessage::parse(wire);
  if (!message) return stop_waiting(guid);
  Packet push = Packet::request(Operation::create);
  push.set("type", quiet ? "receipt" : "message").set("guid", guid);
  push.set("time", text_in(row, "time"));
  push.set("author", message->sealed.envelope.sender.bare().text());
  if (fresh) {
    const Id author = message->sealed.envelope.sender.bare();
    if (lacks_author(author, wire)) {
      needs_.insert(author.text());
      return {};
    }
    if (auto erased = stop_waiting(guid); !erased) return erased;
    push.content = wire;
    return take(push, show, ticked);
  }
  // It was verified, and counted as seen, when it came.
  auto opened = dim::open(
      *message, home_.account(), home_.directory(), [](const Digest32&) { return false; },
      clock_.now());
  if (!opened) return {};
  if (is_native(opened->message.content)) {
    const Json* said = row.find("said");
    if (said == nullptr || said->object() == nullptr) return stop_waiting(guid);
    opened->message.content = *said->object();
    opened->label = Label::secure;
  }
  opened->chain.reset();  // it took its place then
  return take_opened(push, *message, *opened, show, ticked);
}

void Messenger::retry_waiting() {
  retry_ = false;
  std::vector<HistoryEntry> show, ticked;
  auto status = home_.vault().transaction([&]() -> Status {
    auto rows = home_.vault().list(kWaiting);
    if (!rows) return std::unexpected(rows.error());
    for (const auto& row : *rows) {
      auto object = parse_json_object(row.body);
      if (!object) continue;
      if (auto done = retry_row(*object, show, ticked); !done) return done;
      if (auto noted = note_alarms(show); !noted) return noted;
    }
    return {};
  });
  if (!status) return;
  tell(show, ticked);
  if (retry_) return retry_waiting();
  ask_for_keys();
  ask_for_native_visas();
  pump();
}

void Messenger::tell(const std::vector<HistoryEntry>& show,
                     const std::vector<HistoryEntry>& ticked) {
  for (const auto& [entry, act, own] : std::exchange(changes_, {})) {
    if (act == MessageAct::react || act == MessageAct::pin) {
      if (events_.added) events_.added(entry, act, own);
    } else if (events_.changed) {
      events_.changed(entry, act);
    }
  }
  for (const HistoryEntry& entry : ticked) {
    if (events_.ticked) events_.ticked(entry);
  }
  for (const HistoryEntry& entry : show) {
    if (events_.received) events_.received(entry);
  }
}

}  // namespace dim
