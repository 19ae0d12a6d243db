// What CREATE of a message in a channel says beside its text: docs/protocol/hubs.md section 7.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/engine/hub.h"
#include "dim/packet/packet.h"
#include "dim/store/media.h"
#include "dim/store/posts.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kMentions = 20;                     // of one message
inline constexpr Millis kExpiryMost = Millis{366} * 86'400'000;  // of a message that disappears
inline constexpr std::size_t kReportBytes = 2 * kKiB;            // why a message is reported
}  // namespace limits

struct PostFields {
  std::optional<Guid> reply{}, thread{};
  std::vector<std::string> mentions{};       ///< user IDs without terminal, kEveryone; each once
  Millis expires = 0;                        ///< 0: never
  std::optional<std::vector<Guid>> media{};  ///< read_media_of_message()
};

/// What `media` of a message names: objects that it uses, each once; `none`: no objects; nothing
/// where it is not there. Errc::bad_request: no GUIDs, or more than limits::kMediaOfMessage.
Result<std::optional<std::vector<Guid>>> read_media_of_message(const Packet& packet);

/// Errc::bad_request for a GUID, list, ID or time that is none, Errc::id for an ID.
Result<PostFields> read_post_fields(const Packet& packet);

/// Errc::not_found: a mention of somebody who does not read the channel. Errc::forbidden:
/// kEveryone without the right to moderate there. Errc::bad_request: a time too far away.
/// Errc::gone: a time that is over.
Status check_mentions_and_time(const Hub& hub, const HubChannel& channel, const std::string& author,
                               const PostFields& fields, Millis now);

}  // namespace dim
