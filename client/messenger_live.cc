// Live streams: requests about them, and their secrets (docs/protocol/live.md section 6).
#include "client/fields.h"
#include "client/messenger.h"
#include "dim/engine/stream_secret.h"

namespace dim {
namespace {

// Secrets of streams that this home has opened with one person: nobody else could open them here.
constexpr std::string_view kSecrets = "stream secrets";
constexpr Millis kSecretLifeMs = 86'400'000;

}  // namespace

void Messenger::request(Lane lane, Packet packet, Uplink::Handler handler) {
  if (is_ready()) session_->request(lane, std::move(packet), std::move(handler));
}

void Messenger::send_live(Lane lane, std::string frame) {
  if (is_ready()) session_->send_live(lane, std::move(frame));
}

void Messenger::live(Lane lane, std::string bytes) {
  if (events_.live && !bytes.empty()) events_.live(lane, std::move(bytes));
}

void Messenger::live_ended(Lane lane) {
  if (events_.live) events_.live(lane, {});
}

Result<std::string> Messenger::seal_stream(const Guid& stream, const Secret& secret, const Id& to) {
  if (auto open = check_not_blocked(to); !open) return std::unexpected(open.error());
  auto sealed = seal_stream_secret(stream, secret, to, home_.account(), home_.directory(),
                                   clock_.now(), random_);
  if (!sealed) return sealed;
  const auto rows = home_.vault().list(kSecrets);
  if (!rows) return std::unexpected(rows.error());
  for (const Vault::Row& row : *rows) {
    const auto kept = parse_json_object(row.body);
    if (!kept || integer_in(*kept, "time") > clock_.now() - kSecretLifeMs) continue;
    if (auto erased = home_.vault().erase(kSecrets, text_in(*kept, "guid")); !erased)
      return std::unexpected(erased.error());
  }
  auto kept = parse_json_object(plain_stream_secret(secret));
  if (!kept) return std::unexpected(kept.error());
  kept->set("guid", stream.text());
  kept->set("time", clock_.now());
  if (auto put = home_.vault().put(kSecrets, stream.text(), write_json(*kept)); !put)
    return std::unexpected(put.error());
  return sealed;
}

Result<Secret> Messenger::open_stream(const Guid& stream, const Id& author,
                                      std::string_view content) {
  if (!author.same_entity(home_.account().id)) {
    if (auto open = check_not_blocked(author); !open) return std::unexpected(open.error());
    return open_stream_secret(content, stream, author, home_.account(), home_.directory(),
                              clock_.now());
  }
  const auto kept = home_.vault().get(kSecrets, stream.text());
  if (!kept) return std::unexpected(kept.error());
  if (!*kept)
    return fail(Errc::not_found,
                "another program or device of yours has opened this stream, and has its secret");
  return read_stream_secret(**kept);
}

Result<Secret> Messenger::open_stream_in(const std::string& hub, const Guid& channel,
                                         const Guid& stream, const Id& author,
                                         std::string_view content) {
  if (!is_private_hub(hub)) return read_stream_secret(content);
  const Roster* roster = hubs_.privates().roster(hub);
  if (roster == nullptr)
    return fail(Errc::io, "who belongs to this hub could not be read in this home");
  const Account& me = home_.account();
  (void)home_.learn(me.id, me.meta.json(), {me.visa.json()}, clock_.now());
  auto opened = open_post(content, {.channel = channel, .message = stream}, *roster, me,
                          home_.directory(), clock_.now());
  if (!opened) return std::unexpected(opened.error());
  if (opened->author != author.bare().text())
    return fail(Errc::signature, "the secret of this stream is not from who has opened it");
  return read_stream_secret(opened->text);
}

}  // namespace dim
