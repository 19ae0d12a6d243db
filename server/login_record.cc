#include "server/login_record.h"

#include <algorithm>
#include <array>

#include "dim/engine/rights.h"
#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "server/bridge.h"
#include "server/core.h"
#include "server/gateway_copy.h"
#include "server/records.h"

namespace dim {
namespace {

constexpr std::size_t kLoginBytes = 16 * limits::kKiB;
constexpr std::size_t kDevices = 16;  // as many as a user may have visas

}  // namespace

Result<PutDocument> login_record(const SignedMessage& message, const JsonObject& content,
                                 const std::optional<std::string>& terminal,
                                 std::span<const StoredDocument> kept, std::span<const Id> stations,
                                 Millis now) {
  auto decoded = decode_content(content);
  const LoginContent* login = decoded ? decoded->as<LoginContent>() : nullptr;
  if (login == nullptr) return fail(Errc::content, "this is no login command");
  const Id& signer = message.sealed.envelope.sender;
  // Not older than the last: the store sees to that.
  if (auto status = check_login(*login, signer, {}, stations, now); !status)
    return std::unexpected(status.error());
  if (message.wire.size() > kLoginBytes)
    return fail(Errc::too_large, "a login command has at most 16 KiB");
  JsonObject record;
  record.set("cmd", content);
  record.set("msg", without_hints(message.json, false));
  const Millis time = std::min(static_cast<Millis>(login->head.time * 1000), now);
  std::string device = terminal.value_or(login->did.terminal());
  std::size_t others = 0;
  for (const StoredDocument& one : kept) {
    if (one.type == kLoginRecord && one.terminal != device) ++others;
  }
  if (others >= kDevices) device.clear();
  return PutDocument{signer.bare().text(), std::string(kLoginRecord), std::move(device), time,
                     write_json(record)};
}

// --- users of DIM/2023

/// Neighbours know of a user what the user has signed: CONNECT proves it to this station alone.
void StationCore::create_login(StationRequest& request) {
  const std::string& user = request.session.user;
  auto target = Id::parse(request.packet.get("target"));
  if (!target) return refuse(request, target.error());
  if (target->bare().text() != user)
    return refuse(request, error_of(Errc::forbidden, "a session says where its own user is"));
  if (!request.packet.content)
    return refuse(request, error_of(Errc::bad_request,
                                    "a login needs content: the signed login command, as a plain "
                                    "message to everyone@everywhere"));
  auto message = SignedMessage::parse(*request.packet.content);
  if (!message) return refuse(request, message.error());
  if (message->sealed.envelope.sender.bare_text() != user)
    return refuse(request, error_of(Errc::unauthorised,
                                    "the message's sender is not the user of this session"));
  if (!message->sealed.plain || !gateway_->is_everybody(message->sealed.envelope.receiver))
    return refuse(request, error_of(Errc::bad_request,
                                    "a login command is a plain message to everyone@everywhere"));
  Directory directory(4);
  if (auto status = gateway_->bridge().verified(*message, directory); !status)
    return refuse(request, status.error());
  auto content = parse_json_object(as_text(message->sealed.data));
  if (content) content = from_wire(std::move(*content));
  if (!content) return refuse(request, content.error());
  const auto kept = reads_.documents(user);
  if (!kept) return read_failed(request.link, request.id, kept.error());
  const std::array stations{account_.id};
  auto record =
      login_record(*message, *content, request.link.terminal, *kept, stations, clock_.now());
  if (!record) return refuse(request, record.error());
  open_request(request.link, request.id);
  std::vector<Write> writes;
  writes.emplace_back(std::move(*record));
  submit(std::move(writes), [this, id = request.link.id, reply = request.id,
                             message = *message](const Result<std::vector<Written>>& written) {
    const bool old = written && written->front().accepted == Accepted::conflict;
    if (written && !old) gateway_->bridge().login_kept(message, nullptr);
    LinkState* link = finish_request(id, reply);
    if (link == nullptr) return;
    if (!written) return refuse(*link, reply, written.error());
    if (old)
      return refuse(*link, reply, error_of(Errc::conflict, "a newer login of this device is kept"));
    send(*link, Packet::response(201, reply));
  });
}

}  // namespace dim
