#include "server/live.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "dim/engine/hub_post.h"
#include "server/hubs.h"

namespace dim {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr Millis kHoldLeastMs = 20;
constexpr Millis kHoldMostMs = 100;
constexpr Rate kJoins{1.0, kLiveJoins};
constexpr std::size_t kShortLiveQueue = 64 * limits::kKiB;

std::string pair_place(const std::string& one, const std::string& other) {
  return std::min(one, other) + "\n" + std::max(one, other);
}

/// What a call in a channel of a public hub carries: the station can read all of the hub.
Status check_public_secret(const std::optional<std::string>& content) {
  constexpr Literal kForm =
      "in a channel of a public hub a stream needs content: {\"secret\":<base64 of 32 bytes>}";
  if (!content || content->size() > limits::kHubTopic) return fail(Errc::bad_request, kForm);
  const auto object = parse_json_object(*content);
  const std::string* secret = object ? object->text("secret") : nullptr;
  const auto bytes = secret != nullptr ? from_base64(*secret) : Result<Bytes>(Bytes{});
  if (!bytes || bytes->size() != kSecretBytes) return fail(Errc::bad_request, kForm);
  return {};
}

/// Between two people: a message that the station cannot read.
Status check_sealed_secret(const std::optional<std::string>& content, const std::string& author,
                           const std::string& other) {
  constexpr Literal kForm =
      "between two people a stream needs content: a sealed message of its author to target";
  if (!content) return fail(Errc::bad_request, kForm);
  if (content->size() > limits::kControlContent)
    return fail(Errc::too_large, "the content of a stream between two people has at most 64 KiB");
  const auto message = SignedMessage::parse(*content);
  if (!message) return std::unexpected(message.error());
  const Envelope& envelope = message->sealed.envelope;
  if (message->sealed.plain) return fail(Errc::plain_not_allowed, kForm);
  if (envelope.sender.bare().text() != author || envelope.receiver.bare().text() != other)
    return fail(Errc::bad_request, kForm);
  return {};
}

struct Direction {
  bool sends = true, receives = true;
};
Result<Direction> read_direction(std::string_view word) {
  if (word.empty() || word == "both") return Direction{};
  if (word == "send") return Direction{true, false};
  if (word == "receive") return Direction{false, true};
  return fail(Errc::bad_request, "direction is both, send or receive");
}

}  // namespace

std::string Live::Call::place() const {
  return hub.empty() ? pair_place(author, other) : channel.text();
}

Live::Call* Live::find(const Guid& guid) {
  const auto found = calls_.find(guid);
  return found == calls_.end() ? nullptr : &found->second;
}

Result<Live::Rights> Live::rights(const Call& call, const std::string& user) {
  if (!call.hub.empty()) {
    const auto held = core_.hubs_->live_rights(call.channel, user);
    if (!held) return std::unexpected(held.error());
    return Rights{held->speak, held->stream, held->moderate};
  }
  if (user == call.author || (user == call.other && !call.hushed)) return Rights{.moderate = true};
  return fail(Errc::not_found, "no such stream, or it is not for you");
}

/// The GUID of a stream or channel, or the ID of the other person.
Result<Live::Call*> Live::find(const std::string& target, const std::string& user) {
  constexpr Literal kNone = "no stream is open there";
  Call* call = nullptr;
  if (const auto guid = Guid::parse(target)) {
    call = find(*guid);
    if (call == nullptr) {
      if (const auto right = core_.hubs_->live_rights(*guid, user); !right)
        return std::unexpected(right.error());
    }
  } else if (const auto id = Id::parse(target); !id) {
    return std::unexpected(id.error());
  }
  if (call == nullptr) {
    const auto guid = Guid::parse(target);
    const auto id = guid ? Result<Id>(fail(Errc::id, "a GUID")) : Id::parse(target);
    const auto place = places_.find(guid ? guid->text() : pair_place(user, id->bare().text()));
    if (place == places_.end()) return fail(Errc::not_found, kNone);
    call = find(place->second);
  }
  if (const auto right = rights(*call, user); !right) return std::unexpected(right.error());
  return call;
}

// --- what is told

Packet Live::notice(const Call& call, std::string state) const {
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", "stream").set("state", std::move(state)).set("guid", call.guid.text());
  return packet;
}

Packet Live::about(const Call& call, std::uint32_t number, std::string state) const {
  const Member& member = call.members.at(number);
  Packet packet = notice(call, std::move(state));
  packet.set("stream", std::to_string(number)).set("author", member.user);
  packet.set("kind", std::string(to_string(member.lane)));
  packet.set("direction", !member.receives ? "send" : member.sends ? "both" : "receive");
  return packet;
}

void Live::tell(LinkState& link, const Packet& packet) {
  if (link.session == nullptr) return;
  LinkState* lane = link.session->lanes[static_cast<std::size_t>(Lane::text)];
  if (lane == nullptr) lane = link.session->lanes[static_cast<std::size_t>(Lane::control)];
  if (lane == nullptr || lane->queued() >= core_.config_.send_queue_bytes) return;
  ++core_.counters_.notices;
  core_.send(*lane, packet);
}

void Live::tell_all(const Call& call, const Packet& packet, bool audience, const LinkState* but) {
  std::set<const UserSession*> told;
  if (but != nullptr) told.insert(but->session);
  for (const auto& [number, member] : call.members) {
    LinkState* link = core_.find(member.link);
    if (link != nullptr && link->session != nullptr && told.insert(link->session).second)
      tell(*link, packet);
  }
  if (!audience) return;
  std::vector<std::string> users{call.author};
  if (!call.hub.empty()) {
    users = core_.hubs_->live_audience(call.channel);
  } else if (!call.hushed) {
    users.push_back(call.other);
  }
  for (const std::string& user : users) {
    for (UserSession* session : core_.sessions_.of(user)) {
      LinkState* lane = session->lanes[static_cast<std::size_t>(Lane::text)];
      if (lane != nullptr && lane->pushing && told.insert(session).second) tell(*lane, packet);
    }
  }
}

// --- requests on 8801

Result<Live::Call> Live::asked(StationRequest& request, const Guid& guid) {
  const Packet& packet = request.packet;
  const std::string& user = request.session.user;
  Call out{.guid = guid, .channel = guid, .author = user, .content = packet.content.value_or("")};
  if (const auto channel = Guid::parse(packet.get("target"))) {
    out.channel = *channel;
    const auto held = core_.hubs_->live_rights(*channel, user);
    if (!held) return std::unexpected(held.error());
    out.hub = held->hub->id();
    if (!held->speak && !held->stream)
      return fail(Errc::forbidden, "to open a stream here takes the right to speak or to stream");
    const Status right = held->hub->is_private() ? check_sealed_post(out.content, out.hub, user)
                                                 : check_public_secret(packet.content);
    if (!right) return std::unexpected(right.error());
    return out;
  }
  const auto id = Id::parse(packet.get("target"));
  if (!id || !id->is_user())
    return fail(Errc::bad_request, "target is the GUID of a channel or the ID of a person");
  out.other = id->bare().text();
  if (out.other == user) return fail(Errc::bad_request, "a stream needs somebody else");
  if (const Status right = check_sealed_secret(packet.content, user, out.other); !right)
    return std::unexpected(right.error());
  if (!core_.known_user(out.other))
    return fail(Errc::not_found, "nobody with this ID has ever logged in at this station");
  const auto receiver = core_.receiver_of(out.other);
  if (!receiver) return std::unexpected(receiver.error());
  out.hushed = (*receiver)->blocked.contains(user);
  return out;
}

void Live::create(StationRequest& request) {
  const auto guid = Guid::parse(request.packet.get("guid"));
  if (!guid)
    return core_.refuse(request, error_of(Errc::bad_request,
                                          "a stream needs guid: 32 hex digits that the client "
                                          "chose"));
  auto call = asked(request, *guid);
  if (!call) return core_.refuse(request, call.error());
  const auto answer = [&](const Call& opened) {
    const bool away =
        opened.hub.empty() && (opened.hushed || core_.sessions_.of(opened.other).empty());
    Packet packet = Packet::response(away ? 202 : 201, request.id);
    packet.set("guid", opened.guid.text()).set("time", format_time(opened.time));
    core_.send(request.link, packet);
  };
  if (const Call* known = find(*guid)) {
    if (known->author == call->author && known->content == call->content &&
        known->place() == call->place())
      return answer(*known);
    return core_.refuse(request,
                        error_of(Errc::conflict, "this guid belongs to something else already"));
  }
  if (const auto there = places_.find(call->place()); there != places_.end()) {
    Call& open = *find(there->second);
    // What the other one has opened, who was blocked for it, is in nobody's way.
    if (open.hushed && open.author != call->author) end(open);
  }
  if (const auto there = places_.find(call->place()); there != places_.end()) {
    const Call& open = *find(there->second);
    Packet packet = Packet::response(
        error_of(Errc::conflict, "a stream is open there; join the one that guid says"),
        request.id);
    packet.set("guid", open.guid.text());
    return core_.send(request.link, packet);
  }
  const auto opened = std::ranges::count_if(
      calls_, [&](const auto& one) { return one.second.author == call->author; });
  if (static_cast<std::size_t>(opened) >= limits::kLiveCallsOfUser)
    return core_.refuse(request, error_of(Errc::insufficient_storage,
                                          "you have eight open streams; end one of them"));
  if (calls_.size() >= limits::kLiveCalls ||
      secret_bytes_ + call->content.size() > limits::kLiveSecrets)
    return core_.refuse(request, error_of(Errc::insufficient_storage,
                                          "the station has as many open streams as it takes"));
  call->time = core_.clock_.now();
  call->empty_since = core_.clock_.monotonic();
  secret_bytes_ += call->content.size();
  places_.emplace(call->place(), *guid);
  const Call& kept = calls_.emplace(*guid, std::move(*call)).first->second;
  answer(kept);
  Packet push = notice(kept, "started");
  push.set("author", kept.author).set("target", kept.target()).set("time", format_time(kept.time));
  push.content = kept.content;
  tell_all(kept, push, true, &request.link);
}

void Live::get(StationRequest& request) {
  const auto call = find(std::string(request.packet.get("target")), request.session.user);
  if (!call) return core_.refuse(request, call.error());
  Packet answer = Packet::response(200, request.id);
  answer.set("guid", (*call)->guid.text()).set("author", (*call)->author);
  answer.set("target", (*call)->target()).set("time", format_time((*call)->time));
  answer.set("joined", std::to_string((*call)->members.size()));
  answer.content = (*call)->content;
  core_.send(request.link, answer);
}

void Live::erase(StationRequest& request) {
  const auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) return core_.refuse(request, guid.error());
  Call* call = find(*guid);
  if (call == nullptr)
    return core_.refuse(request, error_of(Errc::not_found, "no such stream, or it has ended"));
  const auto held = rights(*call, request.session.user);
  if (!held) return core_.refuse(request, held.error());
  if (!held->moderate && call->author != request.session.user)
    return core_.refuse(request, error_of(Errc::forbidden,
                                          "a stream is ended by who has opened it, or by a "
                                          "moderator of its channel"));
  end(*call);
  core_.send(request.link, Packet::response(204, request.id));
}

void Live::end(Call& call) {
  tell_all(call, notice(call, "ended"), true);
  std::vector<LinkId> links;
  for (const auto& [number, member] : call.members) links.push_back(member.link);
  for (const LinkId id : links) {
    LinkState* link = core_.find(id);
    if (link == nullptr || !link->live) continue;
    link->live->number = 0;  // what is left of it is told to nobody
    if (link->carrier != nullptr)
      link->live.reset();
    else
      core_.close_link(*link);
  }
  secret_bytes_ -= call.content.size();
  places_.erase(call.place());
  calls_.erase(call.guid);
}

// --- joining

void Live::join(LinkState& link, const Packet& packet) {
  const std::string_view reply = packet.get("id");
  if (link.live)
    return core_.refuse(link, reply,
                        error_of(Errc::conflict, "this lane has joined a stream already"));
  const Millis now = core_.clock_.monotonic();
  // Leaving is bounded with it.
  if (const Millis wait = joins_.at(link.session->user, now).joins.take(kJoins, now); wait != 0) {
    Packet copy = packet;
    StationRequest request{link, *link.session, copy, std::string(reply)};
    return core_.refuse_quota(request, wait);
  }
  const auto guid = Guid::parse(packet.get("target"));
  if (!guid)
    return core_.refuse(link, reply, error_of(Errc::bad_request, "target is the GUID of a stream"));
  const auto direction = read_direction(packet.get("direction"));
  if (!direction) return core_.refuse(link, reply, direction.error());
  Call* call = find(*guid);
  if (call == nullptr)
    return core_.refuse(link, reply, error_of(Errc::not_found, "no such stream, or it has ended"));
  const std::string user = link.session->user;
  const auto held = rights(*call, user);
  if (!held) return core_.refuse(link, reply, held.error());
  const bool may_send = link.info.lane == Lane::video ? held->stream : held->speak;
  if (direction->sends && !may_send)
    return core_.refuse(link, reply,
                        error_of(Errc::forbidden,
                                 "to speak or to show something here is a right that you do not "
                                 "have; direction: receive listens"));
  if (call->members.size() >= limits::kLiveMembers)
    return core_.refuse(link, reply, error_of(Errc::insufficient_storage, "this stream is full"));
  // A45: what was sent before the answer may be meant otherwise.
  if (link.carrier == nullptr && link.reader.buffered() > 0)
    return core_.refuse_and_close(
        link, reply, error_of(Errc::bad_request, "frames come behind the 101, not before it"));
  const Lane lane = link.info.lane;
  const std::uint32_t number = call->relay.join({.lane = lane,
                                                 .shared = link.session->guid,
                                                 .sends = direction->sends,
                                                 .receives = direction->receives});
  Packet answer = Packet::response(101, reply);
  answer.set("guid", call->guid.text()).set("stream", std::to_string(number));
  answer.set("limit-payload", std::to_string(live_payload(lane)));
  core_.send(link, answer);
  call->members.emplace(number, Member{.user = user,
                                       .link = link.id,
                                       .lane = lane,
                                       .sends = direction->sends,
                                       .receives = direction->receives});
  link.live = std::make_unique<LiveLink>(
      LiveLink{.call = call->guid, .number = number, .reader = LiveFrameReader(lane)});
  if (link.carrier == nullptr) link.link->shared();
  for (const auto& [other, member] : call->members) {
    if (other != number) tell(link, about(*call, other, "joined"));
  }
  tell_all(*call, about(*call, number, "joined"), false, &link);
  ask_for_keys(*call);
}

void Live::gone(LinkState& link) {
  const auto left = std::exchange(link.live, nullptr);
  Call* call = left && left->number != 0 ? find(left->call) : nullptr;
  if (call == nullptr) return;
  Packet packet = about(*call, left->number, "left");
  call->members.erase(left->number);
  call->relay.leave(left->number);
  if (call->members.empty()) return end(*call);
  tell_all(*call, packet, false);
}

void Live::leave(StationRequest& request) {
  LinkState& link = request.link;
  if (!link.live)
    return core_.refuse(request, error_of(Errc::conflict, "this lane has joined no stream"));
  if (request.packet.get("state") != "left")
    return core_.refuse(request, error_of(Errc::bad_request, "state is left"));
  gone(link);
  core_.send(link, Packet::response(204, request.id));
}

void Live::put_out(LinkState& link, std::string_view reason) {
  Call* call = find(link.live->call);
  if (call != nullptr) {
    Packet packet = about(*call, link.live->number, "left");
    tell(link, packet.set("reason", std::string(reason)));
  }
  if (link.carrier != nullptr) return gone(link);
  core_.close_link(link);
}

std::size_t Live::end_for(const std::string& user, const std::string& hub) {
  std::vector<LinkId> links;
  for (const auto& [guid, call] : calls_) {
    if (call.hub != hub) continue;
    for (const auto& [number, member] : call.members) {
      if (member.user == user) links.push_back(member.link);
    }
  }
  for (const LinkId id : links) {
    if (LinkState* link = core_.find(id); link != nullptr && link->live)
      put_out(*link, "forbidden");
  }
  return links.size();
}

void Live::look_at(const Hub& hub) {
  std::vector<LinkId> links;
  std::vector<Guid> over;
  for (const auto& [guid, call] : calls_) {
    if (call.hub != hub.id()) continue;
    if (hub.deleted() || hub.channel(call.channel) == nullptr) {
      over.push_back(guid);
      continue;
    }
    for (const auto& [number, member] : call.members) {
      const auto held = rights(call, member.user);
      const bool may_send = held && (member.lane == Lane::video ? held->stream : held->speak);
      const bool lost = !held || (member.sends && !may_send);
      if (lost && !DIM_FAULT("live-rights-stay")) links.push_back(member.link);
    }
  }
  for (const Guid& guid : over) {
    if (Call* call = find(guid)) end(*call);
  }
  for (const LinkId id : links) {
    if (LinkState* link = core_.find(id); link != nullptr && link->live)
      put_out(*link, "forbidden");
  }
}

// --- frames

void Live::process(LinkState& link) {
  if (link.processing) return;
  link.processing = true;
  const std::optional<Guid> call = link.live ? std::optional(link.live->call) : std::nullopt;
  while (!link.closing && link.live && !core_.held(link)) {
    const auto next = link.live->reader.next();
    if (!next) {
      // What comes behind a length that is none cannot be told apart.
      ++core_.counters_.live_refused;
      core_.event(StationEvent::Level::debug, "live-frame", link.info.remote, next.error().hint);
      core_.close_link(link);
      break;
    }
    if (!*next || !take(link, **next)) break;
  }
  link.processing = false;
  if (call) ask_for_keys(*call);
  core_.update_pause(link);
}

/// False: nothing more is taken from it.
bool Live::take(LinkState& link, const LiveFrame& frame) {
  Call* call = find(link.live->call);
  if (call == nullptr || link.session == nullptr) return false;
  const Millis now = core_.clock_.monotonic();
  link.session->last_active = now;
  ++core_.counters_.live_frames;
  const Quotas& quotas = core_.config_.quotas;
  UserQuota& left = core_.left_.at(link.session->user, now);
  const double size = static_cast<double>(
      std::max(kLiveHead + frame.payload.size(),
               link.info.lane == Lane::video ? kLiveLeastVideo : kLiveLeastAudio));
  const bool of_video = link.info.lane == Lane::video;
  const Millis wait = of_video ? left.live_video.take(quotas.live_video, now, size)
                               : left.live_audio.take(quotas.live_audio, now, size);
  const bool admitted = wait == 0 || DIM_FAULT("live-unshaped");
  using Taken = LiveRelay::Taken;
  const std::size_t most = core_.memory_ >= MemoryLevel::shed_idle ? kShortLiveQueue : kLiveQueue;
  const Taken taken = call->relay.take(link.live->number, frame, admitted, now, most);
  if (taken == Taken::shaped) {
    ++core_.counters_.live_shaped;
    // What is over the rate is read at the rate, so that the sender feels it.
    if (!admitted) link.held_until = now + std::clamp(wait, kHoldLeastMs, kHoldMostMs);
    return true;
  }
  if (taken != Taken::forwarded) {
    ++core_.counters_.live_refused;
    if (++link.live->bad < limits::kLiveBadFrames || DIM_FAULT("live-bad-endless")) return true;
    core_.event(StationEvent::Level::warn, "live-frames", link.session->user,
                "closed after 100 frames of no stream of its own, or that were there before");
    core_.close_link(link);
    return false;
  }
  const Lane lane = link.info.lane;
  for (const auto& [number, member] : call->members) {
    if (!member.receives || member.lane != lane || number == link.live->number) continue;
    if (LinkState* to = core_.find(member.link)) pump(*to);
  }
  return true;
}

void Live::frames(StationRequest& request) {
  LinkState& link = request.link;
  if (link.carrier == nullptr)
    return core_.refuse(request, error_of(Errc::bad_request,
                                          "frames in packets are for the connection of 8800; "
                                          "join, and send them behind the 101"));
  if (!link.live)
    return core_.refuse(request, error_of(Errc::conflict, "this lane has joined no stream"));
  LiveFrameReader reader(link.info.lane);
  reader.feed(request.packet.content.value_or(""));
  const Guid call = link.live->call;
  // What comes behind the first frame that is too much is dropped with it.
  while (link.held_until <= core_.clock_.monotonic()) {
    const auto next = reader.next();
    if (!next || (!*next && reader.buffered() > 0)) {
      ++core_.counters_.live_refused;
      core_.refuse(request, next ? Error(error_of(Errc::bad_request, "content ends within a frame"))
                                 : next.error());
      if (++link.live->bad >= limits::kLiveBadFrames) core_.close_link(link);
      return;
    }
    if (!*next) break;
    if (!take(link, **next)) return;
  }
  ask_for_keys(call);
  if (!request.id.empty()) core_.send(link, Packet::response(200, request.id));
}

void Live::pump(LinkState& link) {
  if (link.closing || !link.live) return;
  Call* call = find(link.live->call);
  if (call == nullptr) return;
  const Millis now = core_.clock_.monotonic();
  const bool carried = link.carrier != nullptr;
  while ((carried ? link.queued() : link.LinkBase::queued()) <= kSharedAhead) {
    const auto bytes = call->relay.next(link.live->number, now);
    if (!bytes) return;
    if (carried) {
      Packet packet = Packet::request(Operation::notify);
      packet.set("type", "frame");
      packet.content = *bytes;
      core_.send(link, packet);
    } else {
      link.out.append(*bytes);
      core_.mark_dirty(link);
    }
  }
}

void Live::ask_for_keys(const Guid& guid) {
  if (Call* call = find(guid)) ask_for_keys(*call);
}

void Live::ask_for_keys(Call& call) {
  for (const std::uint32_t number : call.relay.ask_for_keys(core_.clock_.monotonic())) {
    const auto found = call.members.find(number);
    LinkState* link = found == call.members.end() ? nullptr : core_.find(found->second.link);
    if (link != nullptr) tell(*link, about(call, number, "key-frame"));
  }
}

void Live::tick(Millis now) {
  std::vector<Guid> over;
  for (auto& [guid, call] : calls_) {
    if (call.members.empty()) {
      if (now - call.empty_since >= limits::kLiveEmptyMs) over.push_back(guid);
      continue;
    }
    ask_for_keys(call);
    for (const LiveReport& report : call.relay.reports(now)) {
      const auto found = call.members.find(report.stream);
      LinkState* link = found == call.members.end() ? nullptr : core_.find(found->second.link);
      if (link == nullptr) continue;
      Packet packet = about(call, report.stream, "report");
      packet.set("frames", std::to_string(report.frames));
      packet.set("shaped", std::to_string(report.shaped));
      packet.set("copies", std::to_string(report.copies));
      packet.set("dropped", std::to_string(report.dropped));
      packet.set("delay", std::to_string(report.delay));
      tell(*link, packet);
    }
    for (const auto& [number, member] : call.members) {
      if (LinkState* link = member.receives ? core_.find(member.link) : nullptr) pump(*link);
    }
  }
  for (const Guid& guid : over) {
    if (Call* call = find(guid)) end(*call);
  }
}

// --- from the table of operations

void StationCore::create_stream(StationRequest& request) { live_->create(request); }
void StationCore::get_stream(StationRequest& request) { live_->get(request); }
void StationCore::erase_stream(StationRequest& request) { live_->erase(request); }
void StationCore::notify_frame(StationRequest& request) { live_->frames(request); }
void StationCore::notify_stream(StationRequest& request) { live_->leave(request); }

}  // namespace dim
