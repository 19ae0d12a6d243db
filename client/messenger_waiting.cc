// What cannot be read yet: its sender's keys or its group are not known. It has been kept, so the
// station may forget it, and it holds up nothing that came behind it.
#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::string_view kWaiting = "group-waiting";
constexpr std::size_t kWaitingMost = 500;
constexpr Millis kWaitingMs = 7 * 86'400'000;

}  // namespace

/// When the station took it, as it says; it may have waited there for long.
Millis Messenger::arrival_of(const Packet& push) const {
  const Millis now = clock_.now();
  return std::min(parse_time(push.get("time")).value_or(now), now);
}

Result<bool> Messenger::is_waiting(const std::string& guid) {
  return home_.vault().contains(kWaiting, guid);
}
Status Messenger::stop_waiting(const std::string& guid) {
  return home_.vault().erase(kWaiting, guid);
}
Result<std::size_t> Messenger::set_aside() {
  auto count = home_.vault().count(kWaiting);
  if (!count) return std::unexpected(count.error());
  return static_cast<std::size_t>(*count);
}

/// When too much waits already, it is shown as unreadable at once: nothing goes without a word.
Status Messenger::keep_waiting(const std::string& guid, const std::string& wire, Waits why,
                               Millis arrived, std::vector<HistoryEntry>& show) {
  auto count = home_.vault().count(kWaiting);
  if (!count) return std::unexpected(count.error());
  auto waits = is_waiting(guid);
  if (!waits) return std::unexpected(waits.error());
  if (!*waits && static_cast<std::size_t>(*count) >= kWaitingMost)
    return give_up(guid, wire, why, show);
  if (*waits) return {};
  JsonObject row;
  row.set("guid", guid);
  row.set("wire", wire);
  row.set("fresh", why != Waits::for_group);
  row.set("quiet", why == Waits::quietly);
  row.set("time", format_time(arrived));
  row.set("since", clock_.now());
  return home_.vault().put(kWaiting, guid, write_json(row));
}

/// Shown as unreadable, under the name of who is said to have sent it.
Status Messenger::give_up(const std::string& guid, const std::string& wire, Waits why,
                          std::vector<HistoryEntry>& show) {
  if (auto erased = stop_waiting(guid); !erased) return erased;
  auto message = SignedMessage::parse(wire);
  if (!message || why == Waits::quietly) return {};
  const Error error =
      why == Waits::for_keys
          ? Error{Errc::not_found, "the keys of its sender are not known to this station"}
          : Error{Errc::not_found, "nobody has told you of its group, or of its writer in it"};
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
  const Waits why = quiet ? Waits::quietly : fresh ? Waits::for_keys : Waits::for_group;
  const Millis since = integer_in(row, "since");
  if (since > 0 && clock_.now() - since > kWaitingMs) return give_up(guid, wire, why, show);
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
    }
    return {};
  });
  if (!status) return;
  tell(show, ticked);
  if (retry_) return retry_waiting();
  ask_for_keys();
  pump();
}

void Messenger::tell(const std::vector<HistoryEntry>& show,
                     const std::vector<HistoryEntry>& ticked) const {
  for (const HistoryEntry& entry : ticked) {
    if (events_.ticked) events_.ticked(entry);
  }
  for (const HistoryEntry& entry : show) {
    if (events_.received) events_.received(entry);
  }
}

}  // namespace dim
