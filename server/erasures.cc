// DESTROY of channels and hubs behind its change, slice by slice, and receipts of erasure (N1):
// what people have signed about a message of a channel, a channel or a hub that was destroyed.
#include "dim/engine/erasure.h"

#include <utility>

#include "server/hubs.h"

namespace dim {
namespace {

constexpr std::size_t kReceiptBytes = 2 * limits::kKiB;

/// The station does not verify the signature: whoever counts receipts does (docs/protocol/hubs.md).
Result<Erasure> receipt_in(const Packet& packet) {
  const std::string text = packet.content.value_or("");
  if (text.size() > kReceiptBytes)
    return fail(Errc::too_large, "a receipt of erasure has at most 2 KiB");
  const auto object = parse_json_object(text);
  if (!object) return std::unexpected(object.error());
  return read_erasure(*object);
}

}  // namespace

// --- the destroying

Hubs::Shredding Hubs::destroys(const Hub& hub, const HubChange& change,
                               std::vector<std::string> signers, std::vector<Write>& writes) {
  Shredding out{.ground = {hub.id(), hub.number()}, .what = {}};
  std::string object = hub.id();
  if (change.guid) {
    object = change.guid->text();
    out.what.channels.push_back(*change.guid);
  } else {
    // Channels that were deleted before are among them.
    out.what = {.channels = {hub.gone().begin(), hub.gone().end()},
                .hub = hub.id(),
                .number = hub.number()};
  }
  if (signers.empty()) {
    for (const auto& [user, member] : hub.members()) signers.push_back(user);
  }
  writes.emplace_back(out.ground);
  writes.emplace_back(ExpectErasures{object, std::move(signers)});
  if (change.guid) {
    writes.emplace_back(out.ground);
    writes.emplace_back(ForgetChannelWords{hub.id(), *change.guid});
  }
  return out;
}

void Hubs::shred(LinkId id, const std::string& reply, const Packet& answer, const Shredding& what) {
  std::vector<Write> writes;
  writes.emplace_back(what.ground);
  writes.emplace_back(what.what);
  core_.submit(std::move(writes), [this, id, reply, answer,
                                   what](const Result<std::vector<Written>>& written) {
    if (written && written->back().accepted == Accepted::stored)
      return shred(id, reply, answer, what);
    LinkState* link = core_.finish_request(id, reply);
    if (link == nullptr) return;
    if (!written) return core_.refuse(*link, reply, written.error());
    if (written->back().accepted == Accepted::conflict)
      return core_.refuse(*link, reply, {Errc::unavailable, "this could not be stored; try again"});
    core_.send(*link, answer);
  });
}

/// What a station that was stopped has not finished.
void Hubs::go_on() {
  for (const Shredding& one : std::exchange(unfinished_, {})) shred({}, {}, {}, one);
}

// --- the receipts

Result<Hubs::Erased> Hubs::erased_object(StationRequest& request, Operation operation) {
  const std::string_view target = request.packet.get("target");
  const std::string& user = request.session.user;
  const auto guid = Guid::parse(target);
  if (guid && !places_.contains(*guid)) {
    auto spot = message_spot(request, HubObject::erasure, operation);
    if (!spot) return std::unexpected(spot.error());
    if (operation == Operation::get && spot->post->state != PostState::destroyed)
      return fail(Errc::conflict, "this message was not destroyed");
    return Erased{.erased = spot->post->guid.text(),
                  .channel = spot->channel.text(),
                  .message = spot->post->guid,
                  .readers = readers(*spot->hub, spot->channel).size(),
                  .hub = spot->hub};
  }
  const auto id = Id::parse(target);
  if (!guid && !id) return std::unexpected(id.error());
  const Hub* hub = guid ? hub_with(*guid) : find(id->bare().text());
  if (hub == nullptr || (!hub->deleted() && !hub->is_member(user)))
    return fail(Errc::not_found, "no such hub, or you are not a member of it");
  if (!(guid ? hub->destroyed(*guid) : hub->destroyed()))
    return fail(Errc::conflict, "this was not destroyed");
  const bool owns = user == hub->owner() || hub->permissions_of(user).has(Permission::own);
  if (operation == Operation::get && !owns)
    return fail(Errc::forbidden, "who has signed is shown to the owner");
  const std::string name = guid ? guid->text() : hub->id();
  return Erased{.erased = name, .channel = name, .hub = hub};
}

void Hubs::create_erasure(StationRequest& request) {
  if (!ready(request)) return;
  const auto object = erased_object(request, Operation::create);
  if (!object) return core_.refuse(request, object.error());
  const auto receipt = receipt_in(request.packet);
  if (!receipt) return core_.refuse(request, receipt.error());
  if (receipt->erased != object->erased || receipt->channel != object->channel)
    return core_.refuse(request, {Errc::bad_request, "the receipt is about something else"});
  if (receipt->who != request.session.user)
    return core_.refuse(request, {Errc::forbidden, "everybody signs for themselves"});
  core_.open_request(request.link, request.id);
  PutErasure put{.post = object->message,
                 .user = request.session.user,
                 .receipt = std::move(*request.packet.content),
                 .object = object->message ? "" : object->erased};
  submit(*object->hub, {std::move(put)},
         [this, id = request.link.id, reply = request.id,
          message = object->message.has_value()](const Result<std::vector<Written>>& written) {
           LinkState* link = core_.finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           if (written->front().accepted == Accepted::conflict)
             return core_.refuse(
                 *link, reply,
                 message ? Error{Errc::conflict, "this message was not destroyed"}
                         : Error{Errc::forbidden, "you could not read it when it was destroyed"});
           core_.send(*link, Packet::response(201, reply));
         });
}

void Hubs::get_erasures(StationRequest& request) {
  constexpr std::size_t kList = limits::kTextContent - limits::kKiB;
  if (!ready(request)) return;
  const auto object = erased_object(request, Operation::get);
  if (!object) return core_.refuse(request, object.error());
  std::vector<std::string> all;
  std::size_t members = object->readers;
  if (object->message) {
    auto receipts = core_.reads_.erasures(*object->message);
    if (!receipts) return core_.read_failed(request.link, request.id, receipts.error());
    all = std::move(*receipts);
  } else {
    auto expected = core_.reads_.expected_erasures(object->erased);
    if (!expected) return core_.read_failed(request.link, request.id, expected.error());
    members = expected->size();
    for (ExpectedErasure& one : *expected) {
      if (!one.receipt.empty()) all.push_back(std::move(one.receipt));
    }
  }
  const std::string after(request.packet.get("after"));
  std::string list, last;
  std::size_t count = 0;
  bool more = false;
  for (const std::string& one : all) {
    const auto parsed = parse_json_object(one);
    const auto receipt = parsed ? read_erasure(*parsed) : Result<Erasure>(fail(Errc::json, ""));
    if (!receipt || receipt->who <= after) continue;
    more = !list.empty() && list.size() + one.size() > kList;
    if (more) break;
    list += (list.empty() ? "" : ",") + one;
    last = receipt->who;
    ++count;
  }
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(count)).set("members", std::to_string(members));
  if (more) answer.set("next", last);
  answer.content = "{\"list\":[" + list + "]}";
  core_.send(request.link, answer);
}

}  // namespace dim
