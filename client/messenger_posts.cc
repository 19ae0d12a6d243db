// Messages to channels of public hubs: through the outbox like letters, but as plain text, because
// the station is to read, keep and search them.
#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/utf8.h"

namespace dim {

Result<Guid> Messenger::post(const Id& hub, const Guid& channel, std::string_view text,
                             const std::optional<Guid>& reply_to) {
  if (text.empty() || text.size() > limits::kPostBytes || !valid_utf8(text) || text.contains('\0'))
    return fail(Errc::bad_request,
                "a message in a channel has 1 byte to 64 KiB of UTF-8 without NUL");
  const Millis now = clock_.now();
  const Guid guid = Guid::make(now, random_);
  JsonObject content;
  content.set("channel", channel.text());
  content.set("text", text);
  if (reply_to) content.set("reply", reply_to->text());
  if (auto put = enqueue({.guid = guid.text(),
                          .kind = std::string(kPostRow),
                          .to = hub.bare(),
                          .time = now,
                          .content = std::move(content)});
      !put)
    return std::unexpected(put.error());
  pump();
  return guid;
}

/// The same GUID and text as often as it takes: the station knows a repetition (P36).
void Messenger::transmit_post(const OutboxRow& item) {
  auto guid = Guid::parse(item.guid);
  // Stations of the reference have no hubs; there this would be a broken letter.
  if (!guid || !session_->repeats_bytes()) return settle(item.guid, Tick::failed);
  Packet packet =
      HubClient::request(Operation::create, HubObject::message, text_in(item.content, "channel"));
  packet.set("guid", item.guid);
  if (std::string reply = text_in(item.content, "reply"); !reply.empty())
    packet.set("reply-to", std::move(reply));
  packet.content = text_in(item.content, "text");
  in_flight_.insert(item.guid);
  session_->request(Lane::text, std::move(packet), [this, guid = *guid](const Packet& answer) {
    // 416 and 5xx leave it in the outbox; but what a station can never do is not asked for again.
    const bool settled = answer.code != 416 && (answer.code < 500 || answer.code == 501);
    Packet known = answer;
    if (answer.code == 501) known.code = 405;
    on_accepted(guid.text(), known);
    if (settled && events_.posted) events_.posted(guid, answer);
  });
}

void Messenger::follow_hubs(const std::optional<Guid>& only) {
  follower_ = std::make_unique<HubFollower>(hubs_, home_, clock_, events_.hubs, only);
  hubs_.live = [this](const Packet& push) { follower_->pushed(push); };
  if (is_ready()) follower_->begin();
}

void Messenger::stop_following() {
  if (follower_) follower_->stop();
}

}  // namespace dim
