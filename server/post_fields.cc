#include "server/post_fields.h"

#include <algorithm>

#include "dim/engine/hub_body.h"

namespace dim {
namespace {

Status read_guid_key(const Packet& packet, std::string_view key, std::optional<Guid>& out) {
  if (!packet.has(key)) return {};
  auto guid = Guid::parse(packet.get(key));
  if (!guid) return std::unexpected(guid.error());
  out = *guid;
  return {};
}

}  // namespace

Result<std::optional<std::vector<Guid>>> read_media_of_message(const Packet& packet) {
  if (!packet.has("media")) return std::nullopt;
  std::vector<Guid> out;
  if (packet.get("media") == "none") return out;
  const auto list = packet.list("media");
  if (!list) return std::unexpected(list.error());
  if (list->size() > limits::kMediaOfMessage)
    return fail(Errc::bad_request, "a message uses at most 100 media objects");
  for (const std::string& one : *list) {
    const auto guid = Guid::parse(one);
    if (!guid)
      return fail(Errc::bad_request, "media has the GUIDs of the objects that a message uses");
    if (std::ranges::find(out, *guid) == out.end()) out.push_back(*guid);
  }
  return out;
}

Result<PostFields> read_post_fields(const Packet& packet) {
  PostFields out;
  if (auto done = read_guid_key(packet, "reply-to", out.reply); !done)
    return std::unexpected(done.error());
  if (auto done = read_guid_key(packet, "thread", out.thread); !done)
    return std::unexpected(done.error());
  if (packet.has("mentions")) {
    const auto list = packet.list("mentions");
    if (!list) return std::unexpected(list.error());
    if (list->size() > limits::kMentions)
      return fail(Errc::bad_request, "a message mentions at most 20, or everyone");
    for (const std::string& one : *list) {
      auto who = one == kEveryone ? Result<std::string>(one) : read_user(one);
      if (!who) return std::unexpected(who.error());
      if (std::ranges::find(out.mentions, *who) == out.mentions.end())
        out.mentions.push_back(std::move(*who));
    }
  }
  if (packet.has("expires")) {
    const auto time = parse_time(packet.get("expires"));
    if (!time || *time <= 0)
      return fail(Errc::bad_request, "expires is a time, as 2026-11-26T12:00:00.000Z");
    out.expires = *time;
  }
  auto media = read_media_of_message(packet);
  if (!media) return std::unexpected(media.error());
  out.media = std::move(*media);
  return out;
}

Status check_mentions_and_time(const Hub& hub, const HubChannel& channel, const std::string& author,
                               const PostFields& fields, Millis now) {
  for (const std::string& who : fields.mentions) {
    if (who == kEveryone) {
      if (!hub.permissions_in(channel, author).has(Permission::moderate))
        return fail(Errc::forbidden, "only who moderates this channel mentions everyone");
    } else if (!hub.permissions_in(channel, who).has(Permission::read)) {
      return fail(Errc::not_found, "a mention names somebody who does not read this channel");
    }
  }
  if (fields.expires == 0) return {};
  if (fields.expires <= now) return fail(Errc::gone, "the time of this message is over");
  if (fields.expires - now > limits::kExpiryMost)
    return fail(Errc::bad_request, "a message disappears within 366 days");
  return {};
}

}  // namespace dim
