// A group: who is in it, who leads it, and which signed command changes that. A value that is
// folded from its bulletin (a document) and its history (commands that others can check too), so
// that whoever has read the same of both sees the same group. docs/protocol/groups.md.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dim/engine/directory.h"
#include "dim/message/message.h"
#include "dim/protocol/group_commands.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kGroupPending = 50;           // requests that wait, of one group (A30)
inline constexpr std::size_t kGroupJoinsPerDay = 3;        // of one ID (A30)
inline constexpr Millis kGroupPendingMs = 7 * 86'400'000;  // life of a request (A30)
inline constexpr std::size_t kGroupHistory = 60;  // commands since the last reset; with it and the
                                                  // bulletin they fit into one forward
inline constexpr Millis kGroupLateMs = 5 * 60'000;  // from the sender to the receiver's station
inline constexpr std::size_t kGroupPast = 16;       // member lists of the time before it
}  // namespace limits

/// One command of a history, and the proof that its sender gave it.
struct GroupRecord {
  GroupContent content;
  Id sender;              ///< whose signature of `message` has verified
  SignedMessage message;  ///< what others get to see, in broadcast form
  Digest32 hash{};        ///< message_hash(message)
};

/// Somebody who may come in once an owner or administrator says so, with a reset.
struct GroupRequest {
  Id who;
  Id by;  ///< the same for a join, a member for an invitation
  Millis arrived = 0;
};

enum class GroupOutcome : std::uint8_t {
  applied,    ///< belongs to the history now
  waiting,    ///< a request: an owner or administrator decides
  unchanged,  ///< known already, or of no effect
  answer,     ///< a query by somebody who may ask: send the history
};

class Group {
 public:
  /// From what the directory knows of the group and its founder. Both metas must be pinned and have
  /// the same key (A31, A02): Errc::not_found when a meta or the bulletin is missing,
  /// Errc::conflict for a suspect one, Errc::meta when somebody else's key made the group,
  /// Errc::document for a bulletin without a founder. The owner is the only member until the first
  /// reset. `known_reset`: the highest reset time that was ever applied, from the own store (A28).
  static Result<Group> start(const Directory& directory, const Id& group, Millis known_reset = 0);

  const Id& id() const { return id_; }
  const Id& owner() const { return owner_; }
  const Document& bulletin() const { return bulletin_; }
  std::string name() const { return bulletin_.name(); }
  const std::vector<Id>& members() const { return now_.members; }  ///< the owner first
  const std::vector<Id>& administrators() const { return now_.administrators; }
  /// Bots that the signed bulletin names, and nobody else. They can read: show it (A29).
  const std::vector<Id>& assistants() const { return now_.assistants; }
  bool is_member(const Id& who) const;
  bool is_administrator(const Id& who) const;
  bool is_assistant(const Id& who) const;
  bool may_reset(const Id& who) const;  ///< owner or administrator

  /// Who may: invite: any member (an ordinary one's waits); expel: owner, administrators, and
  /// neither of these can be expelled; join: anybody (waits); quit: members who lead nothing;
  /// query: members, assistants; reset: owner, administrators, with the owner first and all
  /// administrators inside; hire, fire: owner; resign: administrators. Errc::forbidden otherwise
  /// (A27, J28). What outdates what: a reset everything about members before it, the bulletin
  /// everything about leaders before it; a reset never yields to an older one (A28):
  /// Errc::conflict. Errc::content without time, for a time that is not plausible, for another
  /// group, and for more than 1,000 members; Errc::too_many_requests over A30's limits, or when
  /// the history is full until the next reset.
  Result<GroupOutcome> apply(GroupRecord record, Millis now);

  /// The command by which `by` takes `who` out and that peers of both generations follow: a reset
  /// to everybody else, because those of 2026 ignore `expel`. Errc::forbidden when `by` may not
  /// reset, and for the owner and administrators; Errc::not_found when one of `who` is no member.
  Result<GroupContent> removal(std::span<const Id> who, const Id& by, Millis now,
                               Random& random) const;

  /// A newer bulletin, already verified for this group. Errc::conflict for an older one,
  /// Errc::document for another founder.
  Status renew(const Document& bulletin);

  /// A27: was `sender` in the group at that time (seconds), and when the message arrived? The time
  /// is the sender's word, so whoever was removed could write in the past: `arrived` is the word of
  /// the receiver's station, else the receiver's own clock, less limits::kGroupLateMs.
  /// Errc::forbidden when not: the message is not shown. Times before the oldest list that is known
  /// count as the time of that list.
  Status check_speaker(const Id& sender, double time, Millis arrived) const;

  /// May `who` be told the history? Members and assistants: Errc::forbidden otherwise.
  Status check_reader(const Id& who) const;

  /// Oldest first: commands about leaders since the bulletin, the reset, what came after it. What a
  /// newcomer needs beside the bulletin.
  std::vector<const GroupRecord*> history() const;
  /// Time of the last reset in milliseconds; 0 before the first. Never falls.
  Millis reset_time() const { return floor_; }
  /// Time of the newest command or the reset; 0 without any.
  Millis history_time() const;
  /// Oldest first; those over 7 days are gone.
  std::vector<GroupRequest> requests(Millis now) const;

 private:
  using Kept = std::shared_ptr<const GroupRecord>;  // never changed, so copies of a group share it
  struct Standing {
    std::vector<Id> members, administrators, assistants;
  };
  struct Past {
    Millis until = 0;
    std::vector<Id> members;
  };
  enum class Effect : std::uint8_t { changed, none, waiting, forbidden, full };

  Group(Id id, Id owner, Document bulletin);
  Standing first_standing() const;
  Effect step(Standing& standing, const GroupRecord& record) const;
  Standing fold(std::span<const Kept> records, const GroupRecord* watched, Effect* effect,
                Millis until) const;
  Standing standing_at(Millis time) const;
  Result<GroupOutcome> apply_reset(Kept record);
  Result<GroupOutcome> apply_join(const GroupRecord& record, Millis now);
  Result<GroupOutcome> apply_change(Kept record, Millis now);
  bool was_member(const Id& who, Millis time) const;
  Status ask(const std::vector<Id>& who, const Id& by, Millis now);
  void forget_old(Millis now);
  bool known(const Digest32& hash) const;

  Id id_;
  Id owner_;
  Document bulletin_;
  Kept reset_;
  Millis floor_ = 0;
  std::vector<Kept> later_;  // since the reset or the bulletin, by time and hash
  Standing now_;
  std::deque<Past> past_;
  std::vector<GroupRequest> requests_;
  std::deque<GroupRequest> joins_;  // of the last day
};

}  // namespace dim
