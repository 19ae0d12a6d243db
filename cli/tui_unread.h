// What a message that has just come to a channel does to its count of unread messages.
#pragma once
#include "dim/engine/hub_view.h"
#include "dim/store/posts.h"

namespace dim {

struct Unread {
  bool counts = false;    ///< one more that is unread
  bool names_me = false;  ///< somebody speaks to the person here
};

/// `me`: the person's ID as text. `mentioned`: they are among those it is for; `named`: its text
/// names them. `early`: it cannot be read before its author's keys are here, and is asked for
/// again.
Unread unread_by(const Post& post, std::string_view me, Cursor marked, NotifyLevel level,
                 bool mentioned, bool named, bool early);

}  // namespace dim
