// Keys of older messages in private hubs, as they are handed to whoever was let in later (F23):
// what is said in doing so, and what a home keeps of it (docs/protocol/hubs.md section 10).
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/home.h"
#include "dim/engine/hub_roster.h"
#include "dim/protocol/content_basic.h"

namespace dim {

/// The app of contents between programs that are about hubs.
inline constexpr std::string_view kHubApp = "chat.dim.hub";
/// Where the vault keeps what was handed over, by the GUIDs of the messages.
inline constexpr std::string_view kHandedKeys = "handed keys";
/// GUIDs of messages of private hubs that are gone for good, and when that was heard (ms): no key
/// of them is taken any more.
inline constexpr std::string_view kGonePosts = "gone posts";
/// In one message; more are not read.
inline constexpr std::size_t kKeysAtOnce = 200;

/// The key of one text of a message.
struct PostKey {
  Guid message;
  std::int64_t revision = 1;
  std::string key;  ///< base64 of 32 bytes
  Millis time = 0;  ///< when the text was written
};

/// What is handed over, as a content for one person: keys of messages in one channel.
struct KeysNote {
  std::string hub;  ///< ID
  Guid channel;
  std::vector<PostKey> keys{};
};
CustomizedContent keys_content(const KeysNote& note, Millis now, Random& random);
/// Nothing for another content, or one that names no channel of a private hub; keys that make no
/// sense are left out.
std::optional<KeysNote> read_keys(const CustomizedContent& content);

/// Keeps what `by` has handed over. `roster`: of the hub, where it is known; then what is not by
/// its founder, nor by `me`, is dropped, and else it counts for nothing later. Keys of what is gone
/// are not kept, nor those for a channel of another hub.
Status keep_handed(Home& home, const KeysNote& note, const std::string& by, const Roster* roster);

struct HandedKey {
  std::string by;  ///< the founder of the hub, or oneself on another device
  SymmetricKey key;
};
Result<std::optional<HandedKey>> handed_key(Home& home, const Roster& roster, const Guid& channel,
                                            const Guid& message, std::int64_t revision);

/// Nothing of its key is kept any more, nor goes out to anybody.
Status forget_handed(Vault& vault, const Guid& message);
/// The same of all in a channel (its GUID) or hub (its ID).
Status forget_handed_of(Vault& vault, std::string_view object);
/// The same of what is older than its channel keeps. `is_over`: by channel and time.
Status forget_handed_if(Vault& vault,
                        const std::function<bool(const Guid& channel, Millis time)>& is_over);
/// It was taken back, deleted or destroyed: forget_handed(), and no key of it is taken later.
Status note_gone(Vault& vault, const Guid& message, Millis now);

}  // namespace dim
