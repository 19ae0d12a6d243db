// What the author of a message between people does to it after it was sent: edits it, takes it
// back, deletes or destroys it; what both of them answer it with, and that one of them pins it. A
// content between programs, signed and sealed like every other (docs/protocol/messages.md sections
// 10.1 to 10.3); the station sees that something was sent.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/crypto/digest.h"
#include "dim/engine/pin.h"
#include "dim/engine/reaction.h"
#include "dim/protocol/content.h"

namespace dim {

enum class MessageAct : std::uint8_t {
  edit,
  remove,   ///< taken back: the text is gone, its place stays
  erase,    ///< DELETE: nothing of it is shown any more
  destroy,  ///< the same, and nothing of it is left on the disk
  erased,   ///< the answer to `destroy`: that device has nothing of it any more
  react,    ///< by either of the two: all that they answer it with
  pin,      ///< by either of the two, for both: it is pinned, or no longer
};
/// "edit", "remove", "delete", "destroy", "erased", "react", "pin".
std::string_view to_string(MessageAct act);

struct MessageChange {
  MessageAct act = MessageAct::edit;
  std::string guid{};  ///< of the message, 32 hex digits
  /// What names it, whatever its GUID elsewhere: its message_hash, in a group group_message_name().
  Digest32 hash{};
  std::string text{};         ///< edit: the new text, 1 byte to 64 KiB
  std::int64_t revision = 0;  ///< edit: of the new text; the message as it was sent is 1
  std::string device{};       ///< erased: the terminal of the device; may be empty
  std::optional<Id> peer{};   ///< to one's own devices: with whom, or in which group
  std::optional<Id> group{};  ///< to its members: the group in which it was written
  Reactions reactions{};      ///< react
  Pin pin{};                  ///< pin
};

/// In a group each copy has a message hash of its own, and what all its members see of a message is
/// who has written it, and the `sn` of its content.
Digest32 group_message_name(const Id& group, const Id& author, std::int64_t sn);

Content message_change_content(const MessageChange& change, Millis now, Random& random);
/// Is it one, whatever it says? Nobody is to read it.
bool is_message_change(const Content& content);
/// Errc::content for what is none, or lacks something.
Result<MessageChange> read_message_change(const Content& content);

}  // namespace dim
