// Requests of a session: which operation is done where, by whom, how often
// (docs/protocol/operations.md).
#include <algorithm>

#include "dim/base/fault.h"
#include "dim/base/utf8.h"
#include "dim/packet/uri.h"
#include "server/admin.h"
#include "server/hubs.h"

namespace dim {
namespace {

constexpr unsigned kRefusalsBeforeClose = 100;
constexpr Millis kHoldStepMs = 100;
constexpr Millis kHoldMostMs = 2'000;
/// Priority requests may bring what waits for the disk to so many times its limit.
constexpr std::size_t kPriorityAhead = 2;

bool valid_request_id(std::string_view id) {
  return id.size() <= 20 && std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

enum class Quota : std::uint8_t {
  none,
  messages,
  receipts,
  notices,
  history,
  documents,
  names,
  hubs,
  invites,
  changes,
  destroys,
  media,
};

/// Where a request may come besides its own lane.
enum class Also : std::uint8_t { nowhere, control, video, anywhere };

/// One row: what is done, on which lane, under which quota.
struct StationCore::Operations {
  Operation operation;
  std::string_view type;
  Lane lane;
  Also also;
  Quota quota;
  Handler handler;

  static const Operations* find(Operation operation, std::string_view type);
  /// What can wait when memory is short. Acknowledgements and removals make room, a ban is urgent.
  bool is_new_work() const {
    const bool removes = operation == Operation::remove || operation == Operation::erase ||
                         operation == Operation::destroy;
    return quota != Quota::none && !removes && type != "ban" && type != "mute";
  }
  /// A priority request is of 8800, whatever it writes: there it waits behind no text. What is read
  /// and told stays where the pushes go.
  bool is_taken_on(Lane on, bool urgent) const {
    if (lane == on || also == Also::anywhere) return true;
    if (on == Lane::video) return also == Also::video;
    if (on != Lane::control) return false;
    const bool writes = operation != Operation::get && operation != Operation::notify;
    return also == Also::control || (urgent && writes && lane == Lane::text);
  }
};

const StationCore::Operations* StationCore::Operations::find(Operation operation,
                                                             std::string_view type) {
  using Core = StationCore;
  static constexpr std::array kTable{
      Operations{Operation::create, "message", Lane::text, Also::nowhere, Quota::messages,
                 &Core::create_message},
      Operations{Operation::create, "receipt", Lane::text, Also::nowhere, Quota::receipts,
                 &Core::create_message},
      Operations{Operation::notify, "cursor", Lane::text, Also::nowhere, Quota::none,
                 &Core::notify_cursor},
      Operations{Operation::notify, "typing", Lane::text, Also::nowhere, Quota::notices,
                 &Core::notify_typing},
      Operations{Operation::get, "message", Lane::text, Also::nowhere, Quota::history,
                 &Core::get_message},
      Operations{Operation::notify, "ping", Lane::control, Also::anywhere, Quota::none,
                 &Core::notify_ping},
      Operations{Operation::notify, "presence", Lane::control, Also::nowhere, Quota::notices,
                 &Core::notify_presence},
      Operations{Operation::create, "document", Lane::control, Also::nowhere, Quota::documents,
                 &Core::create_document},
      Operations{Operation::create, "prekeys", Lane::text, Also::control, Quota::documents,
                 &Core::create_prekeys},
      Operations{Operation::get, "prekeys", Lane::text, Also::control, Quota::history,
                 &Core::get_prekeys},
      Operations{Operation::erase, "prekeys", Lane::text, Also::control, Quota::changes,
                 &Core::drop_prekeys},
      Operations{Operation::create, "login", Lane::control, Also::nowhere, Quota::changes,
                 &Core::create_login},
      Operations{Operation::create, "name", Lane::control, Also::nowhere, Quota::names,
                 &Core::create_name},
      Operations{Operation::get, "document", Lane::control, Also::nowhere, Quota::history,
                 &Core::get_document},
      Operations{Operation::get, "name", Lane::control, Also::nowhere, Quota::history,
                 &Core::get_name},
      Operations{Operation::create, "hub", Lane::text, Also::control, Quota::hubs,
                 &Core::change_hub},
      Operations{Operation::edit, "hub", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "hub", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::destroy, "hub", Lane::text, Also::control, Quota::destroys,
                 &Core::change_hub},
      Operations{Operation::get, "hub", Lane::text, Also::control, Quota::history, &Core::get_hub},
      Operations{Operation::edit, "owner", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::create, "category", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::edit, "category", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "category", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "category", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "channel", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::edit, "channel", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "channel", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::destroy, "channel", Lane::text, Also::control, Quota::destroys,
                 &Core::change_hub},
      Operations{Operation::get, "channel", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "role", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::edit, "role", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "role", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "role", Lane::text, Also::control, Quota::history, &Core::get_hub},
      Operations{Operation::create, "roster", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "roster", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "member", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::edit, "member", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "member", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "member", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "invite", Lane::text, Also::control, Quota::invites,
                 &Core::change_hub},
      Operations{Operation::erase, "invite", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "invite", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::edit, "request", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "request", Lane::text, Also::control, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "request", Lane::text, Also::control, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "mute", Lane::control, Also::nowhere, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "mute", Lane::control, Also::nowhere, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "mute", Lane::control, Also::nowhere, Quota::history,
                 &Core::get_hub},
      Operations{Operation::create, "ban", Lane::control, Also::nowhere, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::erase, "ban", Lane::control, Also::nowhere, Quota::changes,
                 &Core::change_hub},
      Operations{Operation::get, "ban", Lane::control, Also::nowhere, Quota::history,
                 &Core::get_hub},
      Operations{Operation::edit, "message", Lane::text, Also::nowhere, Quota::messages,
                 &Core::change_channel_message},
      Operations{Operation::remove, "message", Lane::text, Also::nowhere, Quota::messages,
                 &Core::change_channel_message},
      Operations{Operation::erase, "message", Lane::text, Also::nowhere, Quota::messages,
                 &Core::change_channel_message},
      Operations{Operation::destroy, "message", Lane::text, Also::nowhere, Quota::destroys,
                 &Core::change_channel_message},
      Operations{Operation::create, "reaction", Lane::text, Also::nowhere, Quota::messages,
                 &Core::react_or_pin},
      Operations{Operation::erase, "reaction", Lane::text, Also::nowhere, Quota::messages,
                 &Core::react_or_pin},
      Operations{Operation::create, "pin", Lane::text, Also::nowhere, Quota::messages,
                 &Core::react_or_pin},
      Operations{Operation::erase, "pin", Lane::text, Also::nowhere, Quota::messages,
                 &Core::react_or_pin},
      Operations{Operation::get, "pin", Lane::text, Also::nowhere, Quota::history, &Core::get_pins},
      Operations{Operation::create, "media", Lane::media, Also::nowhere, Quota::media,
                 &Core::create_media},
      Operations{Operation::get, "media", Lane::media, Also::nowhere, Quota::media,
                 &Core::get_media},
      Operations{Operation::remove, "media", Lane::media, Also::nowhere, Quota::changes,
                 &Core::drop_media},
      Operations{Operation::erase, "media", Lane::media, Also::nowhere, Quota::changes,
                 &Core::drop_media},
      Operations{Operation::destroy, "media", Lane::media, Also::nowhere, Quota::destroys,
                 &Core::destroy_media},
      Operations{Operation::create, "stream", Lane::text, Also::nowhere, Quota::messages,
                 &Core::create_stream},
      Operations{Operation::get, "stream", Lane::text, Also::nowhere, Quota::history,
                 &Core::get_stream},
      Operations{Operation::erase, "stream", Lane::text, Also::nowhere, Quota::changes,
                 &Core::erase_stream},
      Operations{Operation::notify, "stream", Lane::audio, Also::video, Quota::none,
                 &Core::notify_stream},
      Operations{Operation::notify, "frame", Lane::audio, Also::video, Quota::none,
                 &Core::notify_frame},
      Operations{Operation::notify, "mark", Lane::text, Also::nowhere, Quota::notices,
                 &Core::notify_mark},
      Operations{Operation::edit, "mark", Lane::text, Also::nowhere, Quota::notices,
                 &Core::edit_mark},
      Operations{Operation::create, "erasure", Lane::text, Also::nowhere, Quota::receipts,
                 &Core::create_erasure},
      Operations{Operation::create, "report", Lane::text, Also::nowhere, Quota::invites,
                 &Core::create_report},
      Operations{Operation::get, "report", Lane::text, Also::nowhere, Quota::history,
                 &Core::get_reports},
      Operations{Operation::erase, "report", Lane::text, Also::nowhere, Quota::changes,
                 &Core::close_reports},
      Operations{Operation::get, "erasure", Lane::text, Also::nowhere, Quota::history,
                 &Core::get_erasures},
      Operations{Operation::get, "mark", Lane::text, Also::nowhere, Quota::history,
                 &Core::get_mark},
      Operations{Operation::get, "audit", Lane::text, Also::control, Quota::history,
                 &Core::get_audit},
  };
  for (const Operations& row : kTable) {
    if (row.operation == operation && row.type == type) return &row;
  }
  return nullptr;
}

void StationCore::on_request(LinkState& link, Packet& packet) {
  const std::string_view id = packet.get("id");
  if (!valid_request_id(id)) {
    return refuse(link, {}, error_of(Errc::bad_request, "id is a number of 1 to 20 digits"));
  }
  if (link.session == nullptr) {
    refuse(link, id,
           error_of(Errc::token_required, "log in first: this connection begins with CONNECT"));
    if (++link.failures > kRefusalsBeforeClose / 10) close_link(link);
    return;
  }
  UserSession& session = *link.session;
  if (!session.resume.confirmed) confirm_resume(session);
  const bool open = !id.empty() && std::ranges::find(link.open, id) != link.open.end();
  if (open && !DIM_FAULT("open-id")) {
    return refuse(
        link, id,
        error_of(Errc::conflict, "a request with this id is still open on this connection"));
  }
  if (packet.has("priority")) {
    const std::string_view priority = packet.get("priority");
    if (priority != "high" && priority != "normal" && priority != "low") {
      return refuse(link, id, error_of(Errc::bad_request, "priority is high, normal or low"));
    }
  }
  if (packet.has("time")) {
    const auto time = parse_time(packet.get("time"));
    if (!time || (!plausible_time(*time, clock_.now()) && !admin_->clock_is_wrong())) {
      return refuse(link, id,
                    error_of(Errc::bad_request,
                             "time is RFC 3339 in UTC, from 2018 to five minutes from now"));
    }
  }
  const std::string_view type = packet.get("type");
  if (type.empty()) return refuse(link, id, error_of(Errc::bad_request, "a request needs type"));
  const Operations* row = Operations::find(*packet.operation, type);
  const bool changes =
      packet.operation == Operation::edit || packet.operation == Operation::remove ||
      packet.operation == Operation::erase || packet.operation == Operation::destroy;
  // What people wrote to each other is on their own devices: only channels change what is written.
  if (changes && type == "message" && !Guid::parse(packet.get("target"))) row = nullptr;
  if (row == nullptr) {
    Packet answer = Packet::response(
        error_of(DIM_FAULT("wrong-code") ? Errc::method_not_allowed : Errc::not_implemented,
                 "this station does not do this operation on this type"),
        id);
    return send(link, answer.set("type", escape(type, 64)));
  }
  const bool urgent = packet.get("priority") == "high" && !DIM_FAULT("priority-ignored");
  if (!row->is_taken_on(link.info.lane, urgent) && !DIM_FAULT("wrong-lane")) {
    Packet answer = Packet::response(
        error_of(Errc::wrong_instance,
                 "this operation belongs on another port of the station; port says which"),
        id);
    return send(link, answer.set("port", std::to_string(draft_port(row->lane))));
  }
  // 8800 is read whatever waits for the disk, so what overtakes there has a bound of its own.
  const bool overtakes = !row->is_taken_on(link.info.lane, false);
  const bool too_much = memory_ == MemoryLevel::no_work ||
                        (overtakes && inflight_bytes_ >= kPriorityAhead * config_.inflight_bytes);
  if (too_much && row->is_new_work()) return refuse_overload(link, id);
  StationRequest request{link, session, packet, std::string(id)};
  const Quotas& quotas = config_.quotas;
  UserQuota& left = left_.at(session.user, clock_.monotonic());
  bool admitted = true;
  switch (row->quota) {
    case Quota::none:
      break;
    case Quota::messages:
      admitted = within_quota(request, left.messages, quotas.messages);
      break;
    case Quota::receipts:
      admitted = within_quota(request, left.receipts, quotas.receipts());
      break;
    case Quota::notices:
      admitted = within_quota(request, left.notices, quotas.notices);
      break;
    case Quota::history:
      admitted = within_quota(request, left.history, quotas.history);
      break;
    case Quota::documents:
      admitted = within_quota(request, left.documents, quotas.documents);
      break;
    case Quota::names:
      admitted = within_quota(request, left.names, quotas.names);
      break;
    case Quota::hubs:
      admitted = within_quota(request, left.hubs, quotas.hubs);
      break;
    case Quota::invites:
      admitted = within_quota(request, left.invites, quotas.invites);
      break;
    case Quota::changes:
      admitted = within_quota(request, left.changes, quotas.changes);
      break;
    case Quota::destroys:
      admitted = within_quota(request, left.destroys, quotas.destroys);
      break;
    case Quota::media:
      admitted = within_quota(request, left.media, quotas.media);
      break;
  }
  if (!admitted) return;
  if (link.subnet != 0 && row->quota == Quota::messages) {
    const Millis now = clock_.monotonic();
    const Millis wait = subnets_.at(link.subnet, now).messages.take(quotas.subnet_messages, now);
    if (wait != 0) return refuse_quota(request, wait);
  }
  link.refusals = 0;
  // P30: the URI of an object may say at which station it is.
  if (packet.get("target").starts_with("dim:object:")) {
    const auto uri = Uri::parse(packet.get("target"));
    if (!uri) return refuse(request, uri.error());
    if (const std::string_view at = uri->parameter("station"); !at.empty()) {
      const auto where = Id::parse(at);
      if (!where) return refuse(request, where.error());
      if (where->bare().text() != station_id_) {
        Packet answer =
            Packet::response(error_of(Errc::wrong_instance,
                                      "this object is at another station; location says which"),
                             request.id);
        const Uri station{UriType::station, where->bare().text(), {}, {}, {}};
        return send(link, answer.set("location", station.text()));
      }
    }
    packet.set("target", uri->identifier);
  }
  (this->*row->handler)(request);
}

bool StationCore::within_quota(StationRequest& request, TokenBucket& bucket, const Rate& rate,
                               double cost) {
  const Millis wait = bucket.take(rate, clock_.monotonic(), cost);
  if (wait == 0) return true;
  refuse_quota(request, wait);
  return false;
}

/// R10: says no, then reads more and more slowly, in the end not at all.
void StationCore::refuse_quota(StationRequest& request, Millis wait) {
  LinkState& link = request.link;
  ++counters_.refused_quota;
  Packet answer =
      Packet::response(error_of(Errc::too_many_requests,
                                "too many requests; wait as many seconds as retry-after says"),
                       request.id);
  if (!DIM_FAULT("retry-after")) answer.set("retry-after", std::to_string((wait + 999) / 1000));
  send(link, answer);
  if (++link.refusals >= kRefusalsBeforeClose) {
    event(StationEvent::Level::warn, "flood", request.session.user,
          "closed after 100 refused requests in a row");
    return close_link(link);
  }
  link.held_until = clock_.monotonic() + std::min<Millis>(kHoldStepMs * link.refusals, kHoldMostMs);
}

// --- notices
// ------------------------------------------------------------------------------------------------------

void StationCore::notify_ping(StationRequest& request) {
  Packet answer = Packet::response(DIM_FAULT("done-otherwise") ? 204 : 200, request.id);
  if (DIM_FAULT("key-strange")) answer.set(std::string("flavour"), "any");
  send(request.link, answer);
}

void StationCore::notify_typing(StationRequest& request) {
  const std::string_view state = request.packet.get("state");
  if (state != "on" && state != "off") {
    return refuse(request, error_of(Errc::bad_request, "typing needs state: on or off"));
  }
  if (Guid::parse(request.packet.get("target"))) return hubs_->typing(request);
  auto target = Id::parse(request.packet.get("target"));
  if (!target) return refuse(request, target.error());
  if (!target->is_user())
    return refuse(request, error_of(Errc::not_found, "typing is told to users only"));
  Packet push = Packet::request(Operation::notify);
  push.set("type", "typing").set("author", request.session.user).set("state", std::string(state));
  for (UserSession* session : sessions_.of(target->bare().text())) {
    LinkState* lane = session->lanes[static_cast<std::size_t>(Lane::text)];
    // Never stored: whoever is slow misses it.
    if (lane == nullptr || lane->queued() >= config_.send_queue_bytes) continue;
    ++counters_.notices;
    send(*lane, push);
  }
  if (DIM_FAULT("notice-echo")) send(request.link, push);
  send(request.link, Packet::response(200, request.id));
}

void StationCore::notify_presence(StationRequest& request) {
  const std::string_view state = request.packet.get("state");
  if (state != "online" && state != "away" && state != "offline") {
    return refuse(request,
                  error_of(Errc::bad_request, "presence needs state: online, away or offline"));
  }
  auto targets = request.packet.list("target");
  if (!targets) return refuse(request, targets.error());
  if (targets->empty())
    return refuse(request, error_of(Errc::bad_request, "presence needs target: who may know"));
  std::vector<std::string> users;
  for (const auto& text : *targets) {
    auto target = Id::parse(text);
    if (!target) return refuse(request, target.error());
    users.push_back(target->bare().text());
  }
  std::ranges::sort(users);
  users.erase(std::unique(users.begin(), users.end()), users.end());
  Packet push = Packet::request(Operation::notify);
  push.set("type", "presence").set("author", request.session.user).set("state", std::string(state));
  const std::string bytes = write_packet(push);
  for (const auto& user : users) {
    for (UserSession* session : sessions_.of(user)) {
      LinkState* lane = session->lanes[static_cast<std::size_t>(Lane::control)];
      if (lane == nullptr || lane->queued() >= config_.send_queue_bytes) continue;
      ++counters_.notices;
      send(*lane, bytes);
    }
  }
  send(request.link, Packet::response(200, request.id));
}

void StationCore::notify_cursor(StationRequest& request) {
  const auto cursor = parse_count(request.packet.get("cursor"));
  if (!cursor)
    return refuse(request, error_of(Errc::bad_request, "cursor is the whole number of a push"));
  UserSession& session = request.session;
  if (*cursor > request.link.sent) {
    const auto newest = reads_.newest(session.inbox);
    if (!newest) return read_failed(request.link, request.id, newest.error());
    if (*cursor > *newest && !DIM_FAULT("cursor-unknown")) {
      return refuse(request, error_of(Errc::bad_request,
                                      "this cursor was never given to a message of this inbox"));
    }
  }
  if (*cursor > session.acked) {
    session.acked = *cursor;
    remember_ack(session.inbox, session.acked);
  }
  send(request.link, Packet::response(200, request.id));
}

}  // namespace dim
