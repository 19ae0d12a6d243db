// Messages to channels of private hubs: each is sealed, just before it goes out, for who belongs to
// the hub then (docs/protocol/hubs.md section 10).
#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr Millis kDisputedPause = 30'000;

/// Whom a row was sealed for, under which membership, and with which keys of their devices.
std::string mark_of(const Roster& roster, const std::vector<std::string>& readers,
                    const Directory& directory) {
  Bytes input;
  append_field(input, roster.digest(roster.epoch()));
  for (const std::string& who : readers) {
    append_field(input, as_bytes(who));
    const auto id = Id::parse(who);
    if (!id) continue;
    for (const auto& [device, key] : directory.message_keys(*id)) {
      append_field(input, as_bytes(device));
      append_field(input, key.data());
    }
  }
  return to_base64(sha256(input));
}

/// Whom it is for, as the packet names them.
std::vector<std::string> mentions_of(const OutboxRow& row) {
  std::vector<std::string> out;
  const Json* list = row.content.find("mentions");
  if (list == nullptr || list->array() == nullptr) return out;
  for (const Json& one : *list->array()) {
    if (one.text() != nullptr) out.push_back(*one.text());
  }
  return out;
}

PostPlace place_of_row(const OutboxRow& row, const Guid& guid, const Guid& channel) {
  PostPlace out{.channel = channel, .message = guid};
  if (const auto reply = Guid::parse(text_in(row.content, "reply"))) out.reply = *reply;
  if (const auto thread = Guid::parse(text_in(row.content, "thread"))) out.thread = *thread;
  out.expires = integer_in(row.content, "expires");
  out.mentions = mentions_of(row);
  return out;
}

}  // namespace

void Messenger::seal_post(const std::string& hub, const PostPlace& place, std::string text,
                          HubDone<std::string> done) {
  hubs_.readers(hub, [this, hub, place, text = std::move(text),
                      done = std::move(done)](HubResult<std::vector<std::string>> readers) {
    if (!readers) return done(std::unexpected(std::move(readers.error())));
    const Account& me = home_.account();
    // One's own devices read it too, with the keys that they have now.
    (void)home_.learn(me.id, me.meta.json(), {me.visa.json()}, clock_.now());
    const Roster* roster = hubs_.privates().roster(hub);
    if (roster == nullptr)
      return done(std::unexpected(HubRefusal{
          .error = {Errc::io, "who belongs to this hub could not be read in this home"}}));
    auto sealed = dim::seal_post(text, place, *roster, trusted(std::move(*readers)), me,
                                 home_.directory(), clock_.now(), random_);
    if (!sealed) return done(std::unexpected(HubRefusal{.error = sealed.error()}));
    done(std::move(*sealed));
  });
}

/// Without those whose keys have changed in a way that ends all sending to them, until somebody has
/// looked (A04).
std::vector<std::string> Messenger::trusted(std::vector<std::string> readers) {
  std::erase_if(readers, [&](const std::string& who) {
    const auto id = Id::parse(who);
    return !id || !check_not_blocked(*id);
  });
  return readers;
}

/// Once in each session, and after each change of who is there.
bool Messenger::lacks_seal(const OutboxRow& row) const {
  return row.kind == kPostRow && is_private_hub(row.to.text()) && session_->repeats_bytes() &&
         !sealed_now_.contains(row.guid);
}

void Messenger::seal_row(const OutboxRow& row) {
  hubs_.readers(row.to.bare().text(), [this, row](HubResult<std::vector<std::string>> readers) {
    fetching_for_outbox_ = false;
    if (!readers) return refuse_row(row, readers.error());
    seal_row_for(row, trusted(std::move(*readers)));
  });
}

void Messenger::seal_row_for(const OutboxRow& row, const std::vector<std::string>& readers) {
  const auto guid = Guid::parse(row.guid);
  const auto channel = Guid::parse(text_in(row.content, "channel"));
  const Roster* roster = hubs_.privates().roster(row.to.bare().text());
  if (!guid || !channel)
    return refuse_row(row, {.error = {Errc::bad_request, "this message names no channel"}});
  if (roster == nullptr)
    return refuse_row(
        row, {.error = {Errc::io, "who belongs to this hub could not be read in this home"}});
  std::optional<Error> wrong;
  const auto status = home_.vault().transaction([&]() -> Status {
    // Another program of this home may have sealed it since, or sent it.
    auto kept = outbox_.find(row.guid);
    if (!kept) return std::unexpected(kept.error());
    if (!*kept) return {};
    OutboxRow next = std::move(**kept);
    const Account& me = home_.account();
    if (auto learnt = home_.learn(me.id, me.meta.json(), {me.visa.json()}, clock_.now());
        !learnt && learnt.error().code == Errc::io)
      return learnt;
    const std::string mark = mark_of(*roster, readers, home_.directory());
    // The same bytes for the same people: the station knows a repetition (P36).
    if (!next.wire.empty() && text_in(next.content, "sealed for") == mark) return {};
    auto sealed = dim::seal_post(text_in(next.content, "text"), place_of_row(next, *guid, *channel),
                                 *roster, readers, me, home_.directory(), clock_.now(), random_);
    if (!sealed) {
      wrong = sealed.error();
      return {};
    }
    if (!next.wire.empty()) next.content.set("again", true);
    next.content.set("sealed for", mark);
    next.wire = std::move(*sealed);
    return outbox_.put(next);
  });
  if (!status) return;  // the disk failed: the next tick tries again
  if (wrong) return refuse_row(row, {.error = *wrong});
  sealed_now_.insert(row.guid);
  ahead_.clear();  // as it is in the outbox now
  outbox_dry_ = false;
  pump();
}

/// Whether the row waits because of what its private hub's station shows.
bool Messenger::is_disputed(const OutboxRow& row) const {
  return row.kind == kPostRow && disputed_.contains(row.to.bare().text());
}

/// What was left out goes out in its place; what a station has refused, once it has answered for
/// what was sent behind that.
void Messenger::look_at_held() {
  const auto is_due = [&](const auto& one) { return one.second <= clock_.monotonic(); };
  std::size_t due = std::erase_if(
      native_held_, [&](const auto& one) { return one.second.until <= clock_.monotonic(); });
  if (in_flight_.empty()) due += std::erase_if(disputed_, is_due) + std::erase_if(full_, is_due);
  if (due > 0) rewind();
}

/// It will never go out as it is, or not now.
void Messenger::refuse_row(const OutboxRow& row, const HubRefusal& why) {
  const bool later = why.code == 416 || why.code >= 500 || why.error.code == Errc::unreachable ||
                     why.error.code == Errc::io ||
                     (why.code == 0 && why.error.code == Errc::unavailable);
  if (why.error.code == Errc::unreachable || !is_ready()) return;  // the next session begins anew
  if (why.error.code == Errc::conflict) {
    // The station shows another membership than this home knows. Nothing goes out to this hub until
    // it shows the right one; what is for others goes on.
    disputed_[row.to.bare().text()] = clock_.monotonic() + kDisputedPause;
    return pump();
  }
  Packet answer = Packet::response(why.code == 0 ? status_of(why.error.code) : why.code, row.guid);
  answer.set("message", why.station.empty() ? std::string(why.error.hint) : why.station);
  if (later) {
    paused_until_ = clock_.monotonic() + std::max<Millis>(1'000, why.retry_after);
    return;
  }
  keep_refused(row, answer.code, answer.get("message"));
  const auto guid = Guid::parse(row.guid);
  ahead_.clear();
  outbox_dry_ = false;
  on_accepted(row.guid, answer);
  if (guid && events_.posted) events_.posted(*guid, answer);
}

}  // namespace dim
