#include <algorithm>
#include <utility>

#include "client/fields.h"
#include "client/handed_keys.h"
#include "client/handing_rows.h"
#include "client/messenger.h"
#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/identity/device_beside.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content.h"

namespace dim {
namespace {

constexpr std::size_t kInFlight = 32;
constexpr Millis kFullMs = 60'000;  // until a receiver without room is asked for again

/// Not what a row says: the same may succeed later.
bool is_of_disk(const Error& error) {
  return error.code == Errc::io || error.code == Errc::unavailable ||
         error.code == Errc::insufficient_storage;
}

}  // namespace

Status Messenger::enqueue(OutboxRow row) {
  outbox_dry_ = false;
  return outbox_.put(row);
}

Result<HistoryEntry> Messenger::send_text(const Id& to, std::string_view text) {
  return send(to, Content(TextContent::make(text, clock_.now(), random_)));
}

/// The history's line for a content that goes out now; too large ones are refused before they are
/// in the outbox.
Result<HistoryEntry> Messenger::entry_for(const Id& to, const Content& content,
                                          const JsonObject& json) {
  if (write_json(json).size() > content_limit(to)) {
    return fail(Errc::too_large,
                "this does not fit into a message (440 KiB with everything to who has forward "
                "secrecy, else 600 KiB; files at 4/3 of their size); put the file behind a URL");
  }
  const Millis now = clock_.now();
  HistoryEntry entry{.guid = Guid::make(now, random_).text(), .peer = to.bare()};
  entry.outgoing = true;
  entry.time = now;
  entry.content_type = content_name(json);
  if (auto status = put_words(entry, content); !status) return std::unexpected(status.error());
  return entry;
}

/// They are no strangers from now on.
Status Messenger::note_written(const Id& peer) {
  if (!peer.is_user()) return {};
  auto contact = home_.contact(peer);
  if (!contact) return std::unexpected(contact.error());
  if (*contact && (*contact)->written) return {};
  Contact kept = contact->value_or(Contact{.id = peer.bare()});
  kept.written = true;
  return home_.put_contact(kept);
}

Result<HistoryEntry> Messenger::send(const Id& to, const Content& content) {
  if (to.is_broadcast())
    return fail(Errc::not_implemented, "this edition sends to persons and groups, not to all");
  if (to.is_group()) return send_to_group(to.bare(), content);
  if (auto open = check_not_blocked(to); !open) return std::unexpected(open.error());
  auto contact = home_.contact(to);
  if (!contact) return std::unexpected(contact.error());
  const JsonObject json = encode_content(content);
  auto entry = entry_for(to, content, json);
  if (!entry) return entry;
  auto status = home_.vault().transaction([&]() -> Status {
    if (auto noted = note_written(to); !noted) return noted;
    if (auto put = history_.put(*entry, json); !put) return put;
    return enqueue(
        {.guid = entry->guid, .kind = "message", .to = entry->peer, .time = entry->time});
  });
  if (!status) return std::unexpected(status.error());
  pump();
  return entry;
}

/// What a row says: its own content, or that of its entry in the history.
Result<JsonObject> Messenger::content_of(const OutboxRow& row) {
  if (!row.content.empty()) return row.content;
  auto content =
      history_.content(row.group.value_or(row.to), row.entry.empty() ? row.guid : row.entry);
  if (!content) return std::unexpected(content.error());
  if (!*content) return fail(Errc::io, "what this message says is no longer in this home");
  return std::move(**content);
}

Result<std::size_t> Messenger::waiting() { return outbox_.count(); }

/// The station allows so many messages a second and refuses the rest (416), which would cost their
/// order. So a full outbox goes out at the station's pace: a burst of two seconds' worth, then the
/// rate itself.
bool Messenger::may_send(std::string_view kind) {
  const Millis now = clock_.monotonic();
  if (now < paused_until_) return false;
  const auto rate = static_cast<double>(session_->message_rate());
  if (rate <= 0 || kind == "receipt") return true;
  allowance_ =
      std::min(2 * rate, allowance_ + rate * static_cast<double>(now - allowance_at_) / 1000);
  allowance_at_ = now;
  if (allowance_ < 1) return false;
  allowance_ -= 1;
  return true;
}

/// Begins again with the oldest row that is not acknowledged.
void Messenger::rewind() {
  outbox_place_ = 0;
  ahead_.clear();
  outbox_dry_ = false;
  sealed_now_.clear();  // who is there may be others by now
}

void Messenger::pump() {
  if (!is_ready() || pumping_ || fetching_for_outbox_) return;
  pumping_ = true;
  while (is_ready() && !refused_ && in_flight_.size() < kInFlight) {
    if (ahead_.empty()) {
      if (outbox_dry_) break;
      auto rows = outbox_.after(outbox_place_, kInFlight);
      if (!rows) break;
      ahead_.assign(std::make_move_iterator(rows->begin()), std::make_move_iterator(rows->end()));
      outbox_dry_ = ahead_.empty();
      if (outbox_dry_) break;
    }
    const OutboxRow& next = ahead_.front();
    if (in_flight_.contains(next.guid)) {  // after a rewind()
      outbox_place_ = next.place;
      ahead_.pop_front();
      continue;
    }
    if (const auto unknown = lacks_keys(next)) {
      // Order matters more than speed: nothing behind this one goes out before its keys are here.
      pumping_ = false;
      fetching_for_outbox_ = true;
      return fetch(*unknown, [this](Status) {
        fetching_for_outbox_ = false;
        pump();
      });
    }
    if (early_.contains(next.to.bare().text()) && home_.directory().message_keys(next.to).empty()) {
      // Their keys count when our clock is right: it stays in the outbox, and others go on.
      outbox_place_ = next.place;
      ahead_.pop_front();
      continue;
    }
    if (is_disputed(next) || full_.contains(next.to.bare().text())) {
      outbox_place_ = next.place;
      ahead_.pop_front();
      continue;
    }
    if (holds_for_native(next)) {
      outbox_place_ = next.place;
      ahead_.pop_front();
      continue;
    }
    if (lacks_seal(next)) {
      if (clock_.monotonic() < paused_until_) break;
      pumping_ = false;
      fetching_for_outbox_ = true;
      return seal_row(OutboxRow(next));
    }
    if (!may_send(next.kind)) break;
    OutboxRow item = std::move(ahead_.front());
    ahead_.pop_front();
    const std::int64_t before = std::exchange(outbox_place_, item.place);
    if (transmit(std::move(item))) continue;
    // The disk failed. It keeps its place, and what is behind it waits, until the next tick.
    outbox_place_ = before;
    ahead_.clear();
    shared_entry_.clear();
    break;
  }
  pumping_ = false;
}

/// Whose keys have to be asked for before the row can be sealed.
std::optional<Id> Messenger::lacks_keys(const OutboxRow& row) {
  if (!row.wire.empty() || row.kind == kPostRow) return std::nullopt;
  const auto unknown = [this](const Id& id) {
    return !fetched_.contains(id.bare().text()) &&
           (home_.directory().message_keys(id).empty() || may_be_old(id));
  };
  if (unknown(row.to)) return row.to;
  if (!row.group || row.entry == shared_entry_) return std::nullopt;
  auto group = groups_.find(*row.group, clock_.now());
  if (!group || *group == nullptr || (*group)->members().size() < limits::kSplitGroup)
    return std::nullopt;
  // Encrypted once for all of them.
  for (const Id& member : (*group)->members()) {
    if (!member.same_entity(home_.account().id) && unknown(member)) return member;
  }
  return std::nullopt;
}

/// False when the disk could not keep what is about to go out.
bool Messenger::transmit(OutboxRow item) {
  if (item.kind == kPostRow) {
    transmit_post(item);
    return true;
  }
  const bool repeats = session_->repeats_bytes();
  if (item.wire.empty() || !repeats) {
    std::string cause;
    bool left = false;
    std::vector<HistoryEntry> lines;
    auto status = home_.vault().transaction([&]() -> Status {
      // Another program of this home may have sealed it since.
      auto row = outbox_.find(item.guid);
      if (!row) return std::unexpected(row.error());
      if (!*row) return fail(Errc::not_found, "sent by another program of this home");
      item = std::move(**row);
      if (!item.wire.empty() && repeats) return {};
      // Keys of a private hub go only to who still belongs to it.
      if (text_in(item.content, "app") == kHubApp && !item.to.same_entity(home_.account().id)) {
        const Roster* roster = hubs_.privates().roster(text_in(item.content, "hub"));
        if (roster == nullptr)
          return fail(Errc::io, "who belongs to this hub could not be read in this home");
        left = !roster->has(item.to.bare().text());
        if (left) return {};
      }
      if (auto wrapped = wrap_native(item, lines); !wrapped) {
        if (wrapped.error().code != Errc::gone) return wrapped;
        cause = to_string(wrapped.error());
        return {};
      }
      auto signed_message = item.group ? seal_copy(item) : seal_for(item);
      if (!signed_message) {
        left = signed_message.error().code == Errc::gone;
        cause = to_string(signed_message.error());
        std::optional<HistoryEntry> unchanged;  // it is not out yet
        if (left && item.group)
          return note_reached(*item.group, item.entry, item.to, std::nullopt, unchanged);
        return {};
      }
      item.wire = write_message(*signed_message);
      const bool is_native_now = !item.native.empty();
      bool gets_receipts = true;  // in a large group nobody sends any
      if (item.group) {
        auto small = is_small(*item.group);
        if (!small) return std::unexpected(small.error());
        gets_receipts = *small;
      }
      if (gets_receipts) {
        if (auto put = remember_sent(item, *signed_message); !put) return put;
      }
      if (auto weaker = weaken_labels(item); !weaker) return weaker;
      if (item.kind == "message") {
        auto entry = history_.find(item.to, item.guid);
        if (!entry) return std::unexpected(entry.error());
        if (*entry) {
          (*entry)->hash = to_base64(message_hash(*signed_message));
          if (is_native_now) (*entry)->label = Label::secure;
          if (auto put = history_.put(**entry); !put) return put;
          const auto said = content_of(item);
          if (repeats && said) {
            if (auto told = tell_sent(**entry, *said); !told) return told;
          }
        }
      }
      // Where it is signed anew the same frames go out again.
      if (repeats) item.native = {};
      return outbox_.put(item);
    });
    if (!status) {
      if (status.error().code == Errc::native)
        hold_for_native(item, to_string(status.error()), clock_.monotonic() + kFullMs);
      return !is_of_disk(status.error());
    }
    tell(lines, {});
    if (left || !cause.empty()) {
      settle(item.guid, left ? Tick::sent : Tick::failed, cause);
      return true;
    }
  }
  Packet packet = Packet::request(Operation::create);
  packet.set("type", item.kind == "receipt" ? "receipt" : "message");
  packet.set("target", item.to.bare().text()).set("guid", item.guid);
  if (repeats && item.kind != "receipt") {
    if (const auto said = content_of(item)) name_media(packet, write_json(*said));
  }
  packet.content = std::move(item.wire);
  in_flight_.insert(item.guid);
  session_->request(
      Lane::text, std::move(packet),
      [this, guid = item.guid](const Packet& response) { on_accepted(guid, response); });
  return true;
}

Result<SignedMessage> Messenger::seal_for(const OutboxRow& row, const JsonObject& marks) {
  if (auto open = check_not_blocked(row.to); !open) return std::unexpected(open.error());
  auto content = row.native.empty() ? content_of(row) : Result<JsonObject>(row.native);
  if (!content) return std::unexpected(content.error());
  auto contact = home_.contact(row.to);
  if (!contact) return std::unexpected(contact.error());
  Contact peer = contact->value_or(Contact{.id = row.to.bare()});
  const Chain chain{.seq = peer.seq + 1, .prev = peer.prev};
  PlainMessage message{.envelope = {.sender = home_.account().id.bare(),
                                    .receiver = row.to.bare(),
                                    .time = static_cast<double>(row.time) / 1000},
                       .content = std::move(*content)};
  message.envelope.extra = marks;
  const bool first =
      session_ && !session_->repeats_bytes() && introduced_.insert(row.to.bare().text()).second;
  if (first || !home_.account().holds_identity()) introduce(message);
  auto sealed = seal(message, home_.account(), home_.directory(), chain, random_);
  if (!sealed) return sealed;
  peer.seq = chain.seq;
  peer.prev = to_base64(message_hash(*sealed));
  if (auto status = home_.put_contact(peer); !status) return std::unexpected(status.error());
  return sealed;
}

/// Stations of the reference keep no documents for the receiver: they travel with the message. And
/// who knows our other devices need not know this one yet.
void Messenger::introduce(PlainMessage& message) const {
  message.envelope.extra.set("meta", home_.account().meta.json());
  const Document& visa = home_.account().visa;
  message.envelope.extra.set(
      "visa", with_device_beside(visa.json(), visa.id().bare().text(), visa.terminal()));
}

void Messenger::on_accepted(const std::string& guid, const Packet& response) {
  in_flight_.erase(guid);
  if (refused_ && in_flight_.empty()) {
    refused_ = false;
    rewind();
  }
  if (response.code == 201 || response.code == 202) {
    settle(guid, Tick::sent);
  } else if (response.code == 416) {
    // Begin again from the oldest one that is not acknowledged; those that were taken meanwhile are
    // known by GUID.
    paused_until_ =
        clock_.monotonic() + std::max<Millis>(1'000, seconds_in(response.get("retry-after")));
    if (in_flight_.empty()) rewind();
    refused_ = !in_flight_.empty();
  } else if (response.code == 506 && hold_for_room(guid, response)) {
    // Everybody else is written to as before.
  } else if (response.code >= 500) {
    // The station cannot take it now: it stays in the outbox and goes out with the next session.
    return session_->abandon(
        {Errc::unavailable, "the station cannot take more messages now; they stay in the outbox"},
        response.code, response.get("message"));
  } else {
    settle(guid, Tick::failed,
           std::to_string(response.code) + " " + std::string(code_name(response.code)) + ": " +
               escape(response.get("message")));
  }
  pump();
}

/// There is no room for one receiver: what is for them stays in the outbox, in order, and is tried
/// again after a while. False for a message to a channel of a hub.
bool Messenger::hold_for_room(const std::string& guid, const Packet& response) {
  const auto row = outbox_.find(guid);
  if (!row || !*row || (*row)->kind == kPostRow) return false;
  full_[(*row)->to.bare().text()] =
      clock_.monotonic() + std::max<Millis>(kFullMs, seconds_in(response.get("retry-after")));
  if ((*row)->kind == "receipt") return true;
  const Id& peer = (*row)->group ? *(*row)->group : (*row)->to;
  auto entry = history_.find(peer, (*row)->group ? (*row)->entry : guid);
  if (!entry || !*entry || (*entry)->tick != Tick::queued) return true;
  (*entry)->cause = "506 " + std::string(code_name(506)) + ": " + escape(response.get("message"));
  if (history_.put(**entry) && events_.ticked) events_.ticked(**entry);
  return true;
}

void Messenger::settle(const std::string& guid, Tick tick, std::string_view cause) {
  std::optional<HistoryEntry> changed;
  auto status = home_.vault().transaction([&]() -> Status {
    auto row = outbox_.find(guid);
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    if ((*row)->kind == "message") {
      auto entry = history_.find((*row)->to, guid);
      if (!entry) return std::unexpected(entry.error());
      // A receipt may have come before the station's answer.
      if (*entry && (tick == Tick::failed || (*entry)->tick == Tick::queued)) {
        (*entry)->tick = tick;
        (*entry)->cause = cause;
        if (auto put = history_.put(**entry); !put) return put;
        changed = std::move(**entry);
      }
    }
    if (tick == Tick::failed && text_in((*row)->content, "app") == kHubApp) {
      constexpr Millis kAgain = 3'600'000;
      if (auto owed = owe_handing_later(home_.vault(), text_in((*row)->content, "hub"),
                                        (*row)->to.bare().text(), clock_.now() + kAgain);
          !owed)
        return owed;
    }
    if ((*row)->kind == "copy") {
      if (auto settled = settle_copy(**row, tick, cause, changed); !settled) return settled;
    }
    return outbox_.erase(guid);
  });
  if (status && changed && events_.ticked) events_.ticked(*changed);
}

}  // namespace dim
