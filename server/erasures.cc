// Receipts of erasure (N1): what readers of a channel have signed about a message that was
// destroyed.
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

void Hubs::create_erasure(StationRequest& request) {
  if (!ready(request)) return;
  const auto spot = message_spot(request, HubObject::erasure, Operation::create);
  if (!spot) return core_.refuse(request, spot.error());
  const auto receipt = receipt_in(request.packet);
  if (!receipt) return core_.refuse(request, receipt.error());
  if (receipt->message != spot->post->guid || receipt->channel != spot->channel)
    return core_.refuse(request, {Errc::bad_request, "the receipt is about another message"});
  if (receipt->who != request.session.user)
    return core_.refuse(request, {Errc::forbidden, "everybody signs for themselves"});
  core_.open_request(request.link, request.id);
  PutErasure put{spot->post->guid, request.session.user, std::move(*request.packet.content)};
  submit(*spot->hub, {std::move(put)},
         [this, id = request.link.id,
          reply = request.id](const Result<std::vector<Written>>& written) {
           LinkState* link = core_.finish_request(id, reply);
           if (link == nullptr) return;
           if (!written) return core_.refuse(*link, reply, written.error());
           if (written->front().accepted == Accepted::conflict)
             return core_.refuse(*link, reply, {Errc::conflict, "this message was not destroyed"});
           core_.send(*link, Packet::response(201, reply));
         });
}

void Hubs::get_erasures(StationRequest& request) {
  constexpr std::size_t kList = limits::kTextContent - limits::kKiB;
  if (!ready(request)) return;
  const auto spot = message_spot(request, HubObject::erasure, Operation::get);
  if (!spot) return core_.refuse(request, spot.error());
  if (spot->post->state != PostState::destroyed)
    return core_.refuse(request, {Errc::conflict, "this message was not destroyed"});
  const auto all = core_.reads_.erasures(spot->post->guid);
  if (!all) return core_.read_failed(request.link, request.id, all.error());
  const std::string after(request.packet.get("after"));
  std::string list, last;
  std::size_t count = 0;
  bool more = false;
  for (const std::string& one : *all) {
    const auto object = parse_json_object(one);
    const auto receipt = object ? read_erasure(*object) : Result<Erasure>(fail(Errc::json, ""));
    if (!receipt || receipt->who <= after) continue;
    more = !list.empty() && list.size() + one.size() > kList;
    if (more) break;
    list += (list.empty() ? "" : ",") + one;
    last = receipt->who;
    ++count;
  }
  Packet answer = Packet::response(more ? 206 : 200, request.id);
  answer.set("count", std::to_string(count))
      .set("members", std::to_string(readers(*spot->hub, spot->channel).size()));
  if (more) answer.set("next", last);
  answer.content = "{\"list\":[" + list + "]}";
  core_.send(request.link, answer);
}

}  // namespace dim
