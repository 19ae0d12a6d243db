#include "cli/tui_unread.h"

namespace dim {

Unread unread_by(const Post& post, std::string_view me, Cursor marked, NotifyLevel level,
                 bool mentioned, bool named, bool early) {
  if (post.author == me || post.state != PostState::shown || post.cursor <= marked) return {};
  // A27: what cannot be opened is of nobody. What the station says of it calls nobody.
  if (!post.unreadable.empty() && !early) return {};
  return {.counts = level == NotifyLevel::all || (level == NotifyLevel::mentions && mentioned),
          .names_me = (mentioned || named) && level != NotifyLevel::none};
}

}  // namespace dim
