// What the author of a message between people does to it after it was sent: edits it, takes it
// back, deletes or destroys it; and what both of them answer it with. A content between programs,
// signed and sealed like every other (docs/protocol/messages.md sections 10.1 and 10.2); the
// station sees that something was sent.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/crypto/digest.h"
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
};
/// "edit", "remove", "delete", "destroy", "erased", "react".
std::string_view to_string(MessageAct act);

struct MessageChange {
  MessageAct act = MessageAct::edit;
  std::string guid{};         ///< of the message, 32 hex digits
  Digest32 hash{};            ///< message_hash of it: two messages never share that
  std::string text{};         ///< edit: the new text, 1 byte to 64 KiB
  std::int64_t revision = 0;  ///< edit: of the new text; the message as it was sent is 1
  std::string device{};       ///< erased: the terminal of the device; may be empty
  std::optional<Id> peer{};   ///< to one's own devices: with whom the message was exchanged
  Reactions reactions{};      ///< react
};

Content message_change_content(const MessageChange& change, Millis now, Random& random);
/// Is it one, whatever it says? Nobody is to read it.
bool is_message_change(const Content& content);
/// Errc::content for what is none, or lacks something.
Result<MessageChange> read_message_change(const Content& content);

}  // namespace dim
