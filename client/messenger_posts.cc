// Messages to channels of hubs: through the outbox like letters. In public ones as plain text,
// because the station is to read, keep and search them; in private ones sealed
// (messenger_private.cc).
#include "client/fields.h"
#include "client/messenger.h"
#include "dim/base/utf8.h"
#include "dim/engine/media_link.h"

namespace dim {
namespace {

constexpr std::string_view kUnnamed = "unnamed";  // in a row: without the files that it links to

}  // namespace

Result<Guid> Messenger::post(const Id& hub, const Guid& channel, std::string_view text,
                             const PostLinks& links) {
  if (text.empty() || text.size() > limits::kPostBytes || !valid_utf8(text) || text.contains('\0'))
    return fail(Errc::bad_request,
                "a message in a channel has 1 byte to 64 KiB of UTF-8 without NUL");
  const Millis now = clock_.now();
  const Guid guid = Guid::make(now, random_);
  JsonObject content;
  content.set("channel", channel.text());
  content.set("text", text);
  if (links.reply) content.set("reply", links.reply->text());
  if (links.thread) content.set("thread", links.thread->text());
  if (!links.mentions.empty()) {
    JsonArray mentions;
    for (const std::string& who : links.mentions) mentions.emplace_back(who);
    content.set("mentions", std::move(mentions));
  }
  if (links.expires != 0) content.set("expires", links.expires);
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

void Messenger::name_media(Packet& packet, std::string_view text) {
  if (!text.contains("dim:object:")) return;
  const auto target = home_.station();
  if (!target || !*target) return;
  const auto named = media_named(text, (*target)->id);
  if (!named.empty()) packet.set("media", media_list(named));
}

/// The same GUID and text as often as it takes: the station knows a repetition (P36).
void Messenger::transmit_post(const OutboxRow& item) {
  auto guid = Guid::parse(item.guid);
  // Stations of the reference have no hubs; there this would be a broken letter.
  if (!guid || !session_->repeats_bytes()) {
    keep_refused(item, 0, "");
    return settle(item.guid, Tick::failed);
  }
  Packet packet =
      HubClient::request(Operation::create, HubObject::message, text_in(item.content, "channel"));
  packet.set("guid", item.guid);
  if (std::string reply = text_in(item.content, "reply"); !reply.empty())
    packet.set("reply-to", std::move(reply));
  if (std::string thread = text_in(item.content, "thread"); !thread.empty())
    packet.set("thread", std::move(thread));
  std::string mentions;
  if (const Json* list = item.content.find("mentions");
      list != nullptr && list->array() != nullptr) {
    for (const Json& one : *list->array()) {
      if (one.text() != nullptr) mentions += (mentions.empty() ? "[" : ", ") + *one.text();
    }
  }
  if (!mentions.empty()) packet.set("mentions", mentions + "]");
  if (const Millis expires = integer_in(item.content, "expires"); expires != 0)
    packet.set("expires", format_time(expires));
  if (!truth_in(item.content, kUnnamed)) name_media(packet, text_in(item.content, "text"));
  const bool named = packet.has("media");
  const bool sealed = is_private_hub(item.to.text());
  packet.content = sealed ? item.wire : text_in(item.content, "text");
  in_flight_.insert(item.guid);
  session_->request(
      Lane::text, std::move(packet), [this, guid = *guid, item, named](const Packet& answer) {
        if (named && (answer.code == 404 || answer.code == 410) && send_unnamed(item)) return;
        // 416 and 5xx leave it in the outbox; but what a station can never do is not asked for
        // again.
        const bool settled = answer.code != 416 && (answer.code < 500 || answer.code == 501);
        Packet known = answer;
        // It was sealed anew, and the station has the one from before: the GUID is ours alone.
        if (answer.code == 407 && truth_in(item.content, "again")) known.code = 201;
        if (answer.code == 501) known.code = 405;
        // Before the outbox forgets it: a text that nobody was told about is not lost by a kill.
        if (settled && known.code != 201 && known.code != 202)
          keep_refused(item, answer.code, answer.get("message"));
        on_accepted(guid.text(), known);
        if (settled) sealed_now_.erase(guid.text());
        if (settled && events_.posted) events_.posted(guid, known);
      });
}

/// A link that was handed over to this person is text like any other: the file is not theirs to
/// hold, and the message goes out without naming it. False: the disk did not take that.
bool Messenger::send_unnamed(const OutboxRow& item) {
  auto row = outbox_.find(item.guid);
  if (!row || !*row) return false;
  (*row)->content.set(kUnnamed, true);
  if (!outbox_.put(**row)) return false;
  in_flight_.erase(item.guid);
  refused_ = !in_flight_.empty();
  if (!refused_) rewind();
  pump();
  return true;
}

void Messenger::keep_refused(const OutboxRow& item, int code, std::string_view station) {
  const auto guid = Guid::parse(item.guid);
  const auto channel = Guid::parse(text_in(item.content, "channel"));
  if (!guid || !channel) return;
  RefusedPost post{.guid = *guid,
                   .hub = item.to.bare().text(),
                   .channel = *channel,
                   .text = text_in(item.content, "text"),
                   .time = item.time,
                   .code = code,
                   .station = std::string(station)};
  JsonObject row;
  row.set("guid", item.guid);
  row.set("hub", post.hub);
  row.set("channel", channel->text());
  row.set("text", post.text);
  row.set("time", post.time);
  row.set("code", std::int64_t{code});
  row.set("station", post.station);
  (void)home_.vault().put(kRefusedPosts, item.guid, write_json(row));
  if (events_.post_refused) events_.post_refused(post);
}

Result<std::vector<RefusedPost>> Messenger::refused_posts() {
  auto rows = home_.vault().list(kRefusedPosts);
  if (!rows) return std::unexpected(rows.error());
  std::vector<RefusedPost> out;
  for (const auto& row : *rows) {
    const auto object = parse_json_object(row.body);
    if (!object) continue;
    const auto guid = Guid::parse(text_in(*object, "guid"));
    const auto channel = Guid::parse(text_in(*object, "channel"));
    if (!guid || !channel) continue;
    out.push_back({.guid = *guid,
                   .hub = text_in(*object, "hub"),
                   .channel = *channel,
                   .text = text_in(*object, "text"),
                   .time = integer_in(*object, "time"),
                   .code = static_cast<int>(integer_in(*object, "code")),
                   .station = text_in(*object, "station")});
  }
  return out;
}

Status Messenger::forget_refused(const Guid& post) {
  return home_.vault().erase(kRefusedPosts, post.text());
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
