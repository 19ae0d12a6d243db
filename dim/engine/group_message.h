// Messages to a group: one for each member, sealed for that member alone (small groups) or once
// for all (large ones).
#pragma once
#include <vector>

#include "dim/engine/engine.h"
#include "dim/engine/group.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kSplitGroup = 16;  // members from which on data is shared
}  // namespace limits

/// What leaves for the members, never for the sender.
struct GroupSend {
  struct Copy {
    Id member;
    SignedMessage message;
  };
  std::vector<Copy> copies{};
  std::vector<Id> missing{};  ///< members without a known message key: ask for their documents
};

/// Under 16 members: a personal message each, the group only inside of the content, so that no
/// station sees it. From 16 on: encrypted once with `keys` for all devices of all, the group on the
/// envelope, and for each member a copy with `key` and its own `keys` (wire.md 4.3,
/// wire-2026.md 7). A fresh message key each time, in both forms. The envelope tells how new the
/// sender's bulletin and history are (GDT, GHT). Errc::forbidden when the sender is no member
/// (A27); else as `seal`.
Result<GroupSend> seal_for_group(const JsonObject& content, const Group& group,
                                 const Account& sender, const Directory& directory,
                                 const Chain& chain, Random& random);

/// What the envelope of a message to `group` says beside its addressee: that it is one (GF), and
/// how new the writer's bulletin and history are (GDT, GHT). Peers compare and ask for what is
/// newer.
JsonObject group_marks(const Group& group);

/// The group that an opened message belongs to; nothing for a private one.
std::optional<Id> group_of(const Opened& opened);
/// A27: a member wrote it, at that time and when it arrived (Group::check_speaker). Errc::forbidden
/// otherwise: it is kept apart and not shown.
Status check_group_message(const Group& group, const Opened& opened, Millis arrived);

/// What the envelope says of the sender's state of the group; hints, to know whom to ask.
struct GroupTimes {
  double bulletin = 0, history = 0;  ///< seconds; 0 when missing
};
GroupTimes group_times(const SignedMessage& message);

}  // namespace dim
