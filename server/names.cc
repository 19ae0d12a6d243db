// Graphical IDs: the first owner keeps the name, the station signs who that is (A26).
#include "dim/base/base64.h"
#include "dim/base/fault.h"
#include "dim/packet/uri.h"
#include "server/core.h"

namespace dim {

void StationCore::create_name(StationRequest& request) {
  auto name = parse_graphical_id(request.packet.get("target"));
  if (!name) return refuse(request, name.error());
  open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(PutName{*name, request.session.user, clock_.now()});
  submit(std::move(writes), [this, id = request.link.id, reply = request.id,
                             name = *name](const Result<std::vector<Written>>& written) {
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    if (!written) return refuse(*link, reply, written.error());
    if (written->front().accepted == Accepted::conflict && !DIM_FAULT("name-taken")) {
      return refuse(*link, reply,
                    {Errc::conflict, "this name has another owner; choose a different one"});
    }
    Packet packet = Packet::response(201, reply);
    send(*link, packet.set("target", name));
  });
}

void StationCore::get_name(StationRequest& request) {
  auto name = parse_graphical_id(request.packet.get("target"));
  if (!name) return refuse(request, name.error());
  auto owner = reads_.owner_of(*name);
  if (!owner) return read_failed(request.link, request.id, owner.error());
  if (!*owner) return refuse(request, {Errc::not_found, "nobody has this name at this station"});
  const std::string time = format_time(clock_.now());
  const Bytes signature = account_.identity_key.sign(name_signing_input(*name, **owner, time));
  Packet packet = Packet::response(200, request.id);
  packet.set("target", *name)
      .set("owner", **owner)
      .set("time", time)
      .set("signature", to_base64(signature));
  send(request.link, packet);
}

}  // namespace dim
