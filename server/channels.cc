// Messages in channels: one stored copy, told to everyone who reads the channel and is there.
#include <algorithm>
#include <utility>

#include "dim/base/fault.h"
#include "dim/base/utf8.h"
#include "dim/engine/hub_post.h"
#include "dim/engine/hub_view.h"
#include "dim/engine/reaction.h"
#include "server/hubs.h"

namespace dim {
namespace {

/// Text that the station keeps, shows and searches.
Status check_text(const std::optional<std::string>& content) {
  if (!content || content->empty())
    return fail(Errc::bad_request, "a message in a channel needs content: its text");
  if (content->size() > limits::kPostBytes)
    return fail(Errc::too_large, "a message in a channel has at most 64 KiB");
  if (!valid_utf8(*content) || content->contains('\0'))
    return fail(Errc::bad_request, "a message in a channel is UTF-8 text");
  return {};
}

/// What goes into a hub of this kind: text that the station reads, or what it cannot (A29).
Status check_content(const Hub& hub, const std::string& author,
                     const std::optional<std::string>& content) {
  if (hub.is_private() && !DIM_FAULT("private-plain")) {
    if (!content || content->empty())
      return fail(Errc::bad_request, "a message in a private hub needs content: a sealed message");
    return check_sealed_post(*content, hub.id(), author);
  }
  if (const Status right = check_text(content); !right) return right;
  if (is_sealed_post(*content, hub.id()))
    return fail(Errc::bad_request,
                "this hub is public, and its messages are plain text: a sealed one would be "
                "unreadable for all who do not have its keys");
  return {};
}

}  // namespace

Result<Hubs::Spot> Hubs::channel_spot(StationRequest& request, HubObject object,
                                      Operation operation) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) return std::unexpected(guid.error());
  Hub* hub = hub_with(*guid);
  const HubChannel* channel = hub == nullptr ? nullptr : hub->channel(*guid);
  if (channel == nullptr) {
    const bool told = hub != nullptr && (hub->deleted() || hub->is_member(request.session.user));
    if (told && hub->gone(*guid)) return fail(Errc::gone, "this channel is deleted");
    return std::unexpected(missing(*guid, "no such channel, or you cannot read it"));
  }
  if (const Status allowed = may(*hub, request.session.user, operation,
                                 {.object = object, .channel = channel}, core_.clock_.now());
      !allowed)
    return std::unexpected(allowed.error());
  return Spot{.hub = hub, .channel = *guid};
}

Result<Hubs::Spot> Hubs::message_spot(StationRequest& request, HubObject object,
                                      Operation operation) {
  auto guid = Guid::parse(request.packet.get("target"));
  if (!guid) return std::unexpected(guid.error());
  auto post = core_.reads_.post(*guid);
  if (!post) return std::unexpected(post.error());
  // The store cannot change what it cannot read.
  if (*post && (*post)->damaged && operation != Operation::get)
    return fail(Errc::internal, "the station's disk has damaged this message; tell the operator");
  Hub* hub = *post ? hub_with((*post)->channel) : nullptr;
  const HubChannel* channel = hub == nullptr ? nullptr : hub->channel((*post)->channel);
  constexpr Literal kNoMessage = "no such message, or you cannot read it";
  if (channel == nullptr) {
    return std::unexpected(*post && hub == nullptr ? missing((*post)->channel, kNoMessage)
                                                   : Error{Errc::not_found, kNoMessage.view});
  }
  const bool about_reaction = object == HubObject::reaction;
  const std::string_view subject =
      about_reaction ? std::string_view(request.session.user) : std::string_view((*post)->author);
  if (const Status allowed =
          may(*hub, request.session.user, operation,
              {.object = object, .channel = channel, .subject = subject}, core_.clock_.now());
      !allowed)
    return std::unexpected(allowed.error());
  // What is deleted can still be destroyed; what is destroyed is so as often as it is asked for.
  const bool gone = (*post)->state == PostState::deleted || (*post)->state == PostState::destroyed;
  if (gone && operation != Operation::destroy && object != HubObject::erasure)
    return fail(Errc::gone, "this message is deleted");
  return Spot{.hub = hub, .channel = (*post)->channel, .post = std::move(**post)};
}

bool Hubs::moderates(const Spot& spot, const std::string& user) const {
  const HubChannel* channel = spot.hub->channel(spot.channel);
  return channel != nullptr && spot.hub->permissions_in(*channel, user).has(Permission::moderate);
}

// --- who reads

const std::vector<std::string>& Hubs::readers(const Hub& hub, const Guid& channel) {
  Readers& known = readers_[channel];
  if (known.number == hub.number()) return known.users;
  known.number = hub.number();
  known.users.clear();
  const HubChannel* in = hub.channel(channel);
  if (in == nullptr) return known.users;
  for (const auto& [user, member] : hub.members()) {
    if (hub.permissions_in(*in, user).has(Permission::read) || DIM_FAULT("private-pushed"))
      known.users.push_back(user);
  }
  return known.users;
}

void Hubs::spread(const Guid& channel, Cursor cursor, const Packet& push) {
  if (!there()) return;
  const Hub* hub = hub_with(channel);
  if (hub == nullptr || hub->deleted()) return;
  std::array<std::string, 2> encoded;  // for each checksum, made once
  for (const std::string& user : readers(*hub, channel)) {
    for (UserSession* session : core_.sessions_.of(user)) {
      LinkState* link = session->lanes[static_cast<std::size_t>(Lane::text)];
      if (link == nullptr || !link->pushing || link->closing) continue;
      const auto flow = link->flows.find(channel);
      if (flow != link->flows.end()) {
        if (flow->second.behind || cursor <= flow->second.upto) continue;
        link->flows.erase(flow);
      }
      std::string& bytes = encoded[static_cast<std::size_t>(session->checksum)];
      if (bytes.empty()) bytes = write_packet(push, session->checksum);
      if (link->queued() + bytes.size() > core_.config_.send_queue_bytes) {
        // R9: the rest stays in the store until there is room.
        link->flows[channel] = {.upto = cursor - 1, .behind = true};
        ++core_.counters_.pauses_for_slow_reader;
        continue;
      }
      ++core_.counters_.pushed_live;
      core_.send(*link, bytes);
    }
  }
}

// --- CREATE, EDIT, REMOVE, DELETE, DESTROY

void Hubs::create_message(StationRequest& request) {
  if (!ready(request)) return;
  Packet& packet = request.packet;
  auto guid = Guid::parse(packet.get("guid"));
  if (!guid)
    return core_.refuse(
        request, {Errc::bad_request, "a message needs guid: 32 hex digits that the client chose"});
  const auto channel = Guid::parse(packet.get("target"));
  if (!channel) return core_.refuse(request, channel.error());
  // P36: what is stored is answered as the first time, whatever has changed since.
  std::optional<Error> refused;
  const auto spot = channel_spot(request, HubObject::message, Operation::create);
  if (!spot) {
    refused = spot.error();
  } else if (const Status room =
                 check_post(*spot->hub, packet.content ? packet.content->size() : 0, true);
             !room) {
    refused = room.error();
  }
  const auto stays_refused = [&]() -> Result<bool> {
    const Hub* hub = hub_with(*channel);
    if (hub == nullptr || hub->deleted() || hub->channel(*channel) == nullptr) return true;
    const auto before = stored_before(*guid, *channel, request.session.user);
    if (!before) return before;
    return !*before;
  };
  if (refused) {
    const auto stays = stays_refused();
    if (!stays) return core_.read_failed(request.link, request.id, stays.error());
    if (*stays) return core_.refuse(request, *refused);
  }
  if (const Status right = check_content(*hub_with(*channel), request.session.user, packet.content);
      !right)
    return core_.refuse(request, right.error());
  const auto fields = read_post_fields(packet);
  if (!fields) return core_.refuse(request, fields.error());
  if (!refused) {
    Status right = check_links(*spot, *fields, request.session.user);
    if (right && fields->media) right = check_media(*spot, *fields->media, request.session.user);
    if (!right && right.error().code == Errc::internal)
      return core_.read_failed(request.link, request.id, right.error());
    if (!right) {
      refused = right.error();
      const auto stays = stays_refused();
      if (!stays) return core_.read_failed(request.link, request.id, stays.error());
      if (*stays) return core_.refuse(request, *refused);
    }
  }
  Post post{.guid = *guid,
            .channel = *channel,
            .time = core_.clock_.now(),
            .author = request.session.user,
            .reply = fields->reply,
            .content = std::move(*packet.content),
            .thread = fields->thread,
            .mentions = fields->mentions,
            .expires = fields->expires};
  core_.open_request(request.link, request.id);
  core_.inflight_bytes_ += post.content.size();
  const std::string in = places_.at(*channel);
  ChannelUse& coming = coming_[in];
  ++coming.messages;
  coming.bytes += static_cast<std::int64_t>(post.content.size());
  std::vector<Write> writes;
  std::vector<Guid> media;
  // The store may have forgotten what was there a moment ago: what is refused uses nothing.
  if (fields->media && !refused && !DIM_FAULT("media-unused")) media = *fields->media;
  writes.emplace_back(PutPost{post, std::move(media)});
  submit(*hub_with(*channel), std::move(writes),
         [this, id = request.link.id, reply_id = request.id, refused, in,
          post = std::move(post)](const Result<std::vector<Written>>& written) mutable {
           ChannelUse& was_coming = coming_[in];
           was_coming.bytes -= static_cast<std::int64_t>(post.content.size());
           if (--was_coming.messages == 0) coming_.erase(in);
           uses_.erase(post.channel);
           core_.inflight_bytes_ -= std::min(core_.inflight_bytes_, post.content.size());
           const bool stored = written && written->front().accepted == Accepted::stored;
           const bool again =
               DIM_FAULT("post-pushed-again") && written && !written->front().cursors.empty();
           if (stored || again) {
             post.cursor = post.changed = written->front().cursors.front();
             ++core_.counters_.messages_stored;
             spread(post.channel, post.cursor, show(post, Operation::create, {}, false));
           }
           LinkState* link = core_.finish_request(id, reply_id);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply_id, written.error());
           if (written->front().accepted == Accepted::conflict) {
             const auto first = core_.reads_.post(post.guid);
             if (first && *first && (*first)->state == PostState::destroyed)
               refused.emplace(Errc::gone, "the message of this guid was destroyed");
             // No 5xx, so that programs show the text and do not send it for ever.
             if (first && *first && (*first)->damaged)
               refused.emplace(Errc::conflict,
                               "the station's disk has damaged the message of this guid; write it "
                               "again, and tell the operator");
             return core_.refuse(
                 *link, reply_id,
                 refused.value_or(
                     Error{Errc::conflict, "this guid belongs to a message with other content"}));
           }
           if (!stored) {
             ++core_.counters_.messages_repeated;
             const auto first = core_.reads_.post(post.guid);
             if (first && *first) post.time = (*first)->time;
             post.cursor = written->front().cursors.front();
           }
           Packet answer = Packet::response(201, reply_id);
           answer.set("guid", post.guid.text()).set("time", core_.time_text(post.time));
           core_.send(*link, answer.set("cursor", std::to_string(post.cursor)));
         });
}

Result<bool> Hubs::stored_before(const Guid& guid, const Guid& channel, const std::string& author) {
  const auto first = core_.reads_.post(guid);
  if (!first) return std::unexpected(first.error());
  return *first && (*first)->author == author && (*first)->channel == channel;
}

Status Hubs::check_links(const Spot& spot, const PostFields& fields, const std::string& author) {
  // Told apart from what is refused, whatever the store has said.
  const auto read = [&](const Guid& guid) {
    auto post = core_.reads_.post(guid);
    if (!post) {
      Error failed = post.error();
      failed.code = Errc::internal;
      post = std::unexpected(failed);
    }
    return post;
  };
  if (fields.reply) {
    const auto origin = read(*fields.reply);
    if (!origin) return std::unexpected(origin.error());
    if (!*origin || ((*origin)->channel != spot.channel && !DIM_FAULT("reply-anywhere")))
      return fail(Errc::not_found, "no such message in this channel to reply to");
  }
  if (fields.thread) {
    const auto root = read(*fields.thread);
    if (!root) return std::unexpected(root.error());
    if (!*root || ((*root)->channel != spot.channel && !DIM_FAULT("thread-anywhere")))
      return fail(Errc::not_found, "no such message in this channel that a thread could be about");
    if ((*root)->thread)
      return fail(Errc::bad_request, "that message stands in a thread itself; name the thread's");
    if ((*root)->state == PostState::deleted || (*root)->state == PostState::destroyed)
      return fail(Errc::gone, "the message that this thread would be about is deleted");
  }
  const HubChannel* channel = spot.hub->channel(spot.channel);
  return check_mentions_and_time(*spot.hub, *channel, author, fields, core_.clock_.now());
}

void Hubs::change_post(StationRequest& request, const Spot& spot, ChangePost change, Packet push,
                       std::optional<PutAudit> act) {
  const Operation operation = *request.packet.operation;
  const bool ends = operation == Operation::erase || operation == Operation::destroy;
  const int code = operation == Operation::create ? 201 : ends ? 204 : 200;
  core_.open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(std::move(change));
  if (act) writes.emplace_back(std::move(*act));
  submit(*spot.hub, std::move(writes),
         [this, id = request.link.id, reply = request.id, code, channel = spot.channel,
          push = std::move(push)](const Result<std::vector<Written>>& written) mutable {
           uses_.erase(channel);
           if (written && written->front().accepted == Accepted::stored) {
             const Cursor cursor = written->front().cursors.front();
             spread(channel, cursor, push.set("cursor", std::to_string(cursor)));
           }
           const bool done = written && written->front().accepted != Accepted::conflict;
           Packet answer = Packet::response(code, reply);
           if (done) {
             const Written& outcome = written->front();
             answer.set("cursor", std::to_string(outcome.cursors.front()));
             if (outcome.freed > 0) answer.set("freed", std::to_string(outcome.freed));
             if (outcome.held > 0) answer.set("held", std::to_string(outcome.held));
             // The bytes of its files too.
             if (outcome.unfinished) return shred(id, reply, answer, {});
           }
           LinkState* link = core_.finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           if (done) return core_.send(*link, answer);
           core_.refuse(*link, reply,
                        {Errc::conflict,
                         "somebody was faster: the message has changed or is not there any more"});
         });
}

void Hubs::change_message(StationRequest& request) {
  if (!ready(request)) return;
  Packet& packet = request.packet;
  const std::string& user = request.session.user;
  Operation operation = *packet.operation;
  // Showing again what was hidden is the other side of REMOVE, with its right.
  const bool shows = operation == Operation::edit && packet.get("state") == "shown";
  auto spot = message_spot(request, HubObject::message, shows ? Operation::remove : operation);
  if (!spot) return core_.refuse(request, spot.error());
  Post& post = *spot->post;
  ChangePost change{.guid = post.guid, .time = core_.clock_.now()};
  Packet push = Packet::request(operation);
  push.set("type", "message")
      .set("author", user)
      .set("target", spot->channel.text())
      .set("guid", post.guid.text())
      .set("time", format_time(change.time));
  if (shows) {
    if (!moderates(*spot, user))
      return core_.refuse(request, {Errc::forbidden, "only who may hide a message shows it again"});
    change.act = PostAct::show;
    push.set("state", "shown");
    if (!post.content.empty()) push.content = post.content;
  } else if (operation == Operation::edit) {
    if (const Status right = check_content(*spot->hub, user, packet.content); !right)
      return core_.refuse(request, right.error());
    if (const Status room = check_post(*spot->hub, packet.content->size(), false); !room)
      return core_.refuse(request, room.error());
    if (packet.has("revision") && !DIM_FAULT("edit-stale")) {
      const auto revision = parse_count(packet.get("revision"));
      if (!revision || *revision == 0)
        return core_.refuse(request, {Errc::bad_request, "revision is a whole number from 1"});
      change.revision = *revision;
    }
    // The push tells the next revision, so it must be that one.
    if (!change.revision) change.revision = post.revision;
    auto media = read_media_of_message(packet);
    if (!media) return core_.refuse(request, media.error());
    if (*media) {
      const Status right = check_media(*spot, **media, user);
      if (!right && right.error().code == Errc::internal)
        return core_.read_failed(request.link, request.id, right.error());
      if (!right) return core_.refuse(request, right.error());
    }
    change.media = std::move(*media);
    change.act = PostAct::edit;
    change.text = *packet.content;
    push.set("revision", std::to_string(post.revision + 1));
    if (post.state == PostState::shown) {
      push.content = std::move(packet.content);
    } else {
      push.set("state", "hidden");
    }
  } else if (operation == Operation::remove) {
    const bool own = post.author == user;
    change.act = own ? PostAct::take_back : PostAct::hide;
    push.set("state", own ? "removed" : "hidden");
  } else {
    change.act = operation == Operation::destroy && !DIM_FAULT("destroy-deletes") ? PostAct::destroy
                                                                                  : PostAct::erase;
  }
  auto act = act_on(request, *spot, post.author);
  change_post(request, *spot, std::move(change), std::move(push), std::move(act));
}

void Hubs::react_or_pin(StationRequest& request, HubObject object) {
  if (!ready(request)) return;
  const Packet& packet = request.packet;
  const bool created = packet.operation == Operation::create;
  auto spot = message_spot(request, object, *packet.operation);
  if (!spot) return core_.refuse(request, spot.error());
  if (created) {
    if (const Status free = check_post(*spot->hub, 0, false); !free)
      return core_.refuse(request, free.error());
  }
  std::optional<PutAudit> act;
  ChangePost change{.guid = spot->post->guid, .time = core_.clock_.now()};
  Packet push = Packet::request(*packet.operation);
  push.set("type", std::string(to_string(object)))
      .set("author", request.session.user)
      .set("target", spot->channel.text())
      .set("guid", spot->post->guid.text())
      .set("time", format_time(change.time));
  if (object == HubObject::reaction) {
    if (!valid_symbol(packet.get("symbol")))
      return core_.refuse(request, {Errc::bad_request,
                                    "symbol is 1 to 32 bytes without spaces, commas and brackets"});
    change.act = created ? PostAct::react : PostAct::unreact;
    change.text = packet.get("symbol");
    change.who = request.session.user;
    if (packet.has("member") && packet.get("member") != request.session.user) {
      if (created || !moderates(*spot, request.session.user))
        return core_.refuse(request, {Errc::forbidden, "the reactions of others are not yours"});
      change.who = packet.get("member");
      push.set("member", change.who);
      act = act_on(request, *spot, change.who);
    }
    push.set("symbol", change.text);
  } else {
    change.act = created ? PostAct::pin : PostAct::unpin;
    act = act_on(request, *spot, spot->post->author);
  }
  change_post(request, *spot, std::move(change), std::move(push), std::move(act));
}

// --- NOTIFY

void Hubs::typing(StationRequest& request) {
  if (!ready(request)) return;
  auto spot = channel_spot(request, HubObject::message, Operation::notify);
  if (!spot) return core_.refuse(request, spot.error());
  Packet push = Packet::request(Operation::notify);
  push.set("type", "typing").set("author", request.session.user);
  push.set("target", spot->channel.text()).set("state", std::string(request.packet.get("state")));
  for (const std::string& user : readers(*spot->hub, spot->channel)) {
    if (user != request.session.user) tell({user}, push);
  }
  core_.send(request.link, Packet::response(200, request.id));
}

void Hubs::read_mark(StationRequest& request) {
  if (!ready(request)) return;
  auto spot = channel_spot(request, HubObject::mark, Operation::notify);
  if (!spot) return core_.refuse(request, spot.error());
  const std::string& user = request.session.user;
  const auto cursor = parse_count(request.packet.get("cursor"));
  if (!cursor)
    return core_.refuse(request, {Errc::bad_request, "cursor is the whole number of a message"});
  const auto state = core_.reads_.read_state(spot->channel, user);
  if (!state) return core_.read_failed(request.link, request.id, state.error());
  if (*cursor > state->newest)
    return core_.refuse(request,
                        {Errc::bad_request, "this cursor was never given in this channel"});
  if (*cursor <= state->upto) return core_.send(request.link, Packet::response(200, request.id));
  core_.open_request(request.link, request.id);
  Packet push = Packet::request(Operation::notify);
  push.set("type", "mark").set("target", spot->channel.text());
  push.set("cursor", std::to_string(*cursor));
  submit(*spot->hub, {PutMark{spot->channel, user, *cursor}},
         [this, id = request.link.id, reply = request.id, user,
          push = std::move(push)](const Result<std::vector<Written>>& written) {
           LinkState* link = core_.finish_request(id, reply);
           // So that all devices count alike.
           if (written && !DIM_FAULT("mark-untold")) tell_devices(user, link, push);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           core_.send(*link, Packet::response(200, reply));
         });
}

void Hubs::tell_devices(const std::string& user, const LinkState* but, const Packet& push) {
  for (UserSession* session : core_.sessions_.of(user)) {
    LinkState* lane = session->lanes[static_cast<std::size_t>(Lane::text)];
    if (lane != nullptr && lane != but && lane->pushing) core_.send(*lane, push);
  }
}

void Hubs::edit_mark(StationRequest& request) {
  if (!ready(request)) return;
  auto spot = channel_spot(request, HubObject::mark, Operation::edit);
  if (!spot) return core_.refuse(request, spot.error());
  const auto level = parse_level(request.packet.get("level"));
  if (!level) return core_.refuse(request, level.error());
  const std::string& user = request.session.user;
  core_.open_request(request.link, request.id);
  Packet push = Packet::request(Operation::notify);
  push.set("type", "mark").set("target", spot->channel.text());
  push.set("level", std::string(to_string(*level)));
  submit(*spot->hub, {PutLevel{spot->channel, user, *level}},
         [this, id = request.link.id, reply = request.id, user,
          push = std::move(push)](const Result<std::vector<Written>>& written) {
           LinkState* link = core_.finish_request(id, reply);
           if (written) tell_devices(user, link, push);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           core_.send(*link, Packet::response(200, reply));
         });
}

}  // namespace dim
