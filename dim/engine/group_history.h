// The history of a group on its way: signed commands, packed into one forward, and read back.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/engine/engine.h"
#include "dim/engine/group.h"
#include "dim/protocol/content.h"

namespace dim {

/// A new group. Its meta is made with the founder's key; its bulletin says who founded it, what it
/// is called and who leads it.
struct NewGroup {
  Id id;
  Meta meta;
  Document bulletin;
};
/// `name` is for people; the ID gets a random one. Errc::bad_request for more than 100
/// administrators and assistants together. Both values belong into a Directory before Group::start.
Result<NewGroup> create_group(const Account& founder, std::string_view name,
                              const std::vector<Id>& administrators,
                              const std::vector<Id>& assistants, Millis now, Random& random);
/// The next bulletin: `properties` replace those of the same name (null takes one away). Errc::key
/// when the account is not the founder's. Whoever fires an administrator resets the group then, so
/// that no reset of theirs counts any more.
Result<Document> next_bulletin(const Document& bulletin, const Account& founder,
                               const JsonObject& properties, Millis now);

/// Signs a command for everybody to check: plain, to anyone@anywhere. Errc as `seal`.
Result<GroupRecord> sign_command(const GroupContent& command, const Account& sender,
                                 const Directory& directory, Random& random);

/// What brings somebody up to date: meta and bulletin, the reset, what came after it. `me` signs
/// the first of them; the forward goes encrypted to one member at a time. Also what one stores of a
/// group, beside its reset_time: read_history makes the group of it again.
Result<ForwardContent> pack_history(const Group& group, const Directory& directory,
                                    const Account& me, Millis now, Random& random);

/// What a forward (or one forwarded command) did to a group.
struct HistoryRead {
  std::optional<Group> group{};  ///< nothing when its metas or bulletin are not known yet
  std::size_t applied = 0;       ///< commands that changed something
  std::size_t waiting = 0;       ///< requests (A30)
  std::size_t refused = 0;       ///< forged, outdated, not allowed: not shown, counted
  std::vector<Id> missing{};     ///< whose meta has to be asked for, then read again
  bool asked = false;            ///< somebody who may ask wants the history
};
/// Reads it for `group`, over `known` where that is what one has. Every inner message is verified
/// against its own sender; only documents of this group and its commands count, in broadcast form
/// (A09, A27, A32). Makes no answers. Reading the same again changes nothing.
HistoryRead read_history(const ForwardContent& forward, const Id& group, std::optional<Group> known,
                         const Account& me, Directory& directory, Millis now,
                         Millis known_reset = 0);

/// Asks a member for what is newer than `last_time` (seconds; 0: all). Peers of 2025 send a
/// command, those of 2026 a customized content, which both understand. Whether to answer:
/// Group::check_reader.
struct HistoryQuery {
  Id group;
  double last_time = 0;
};
CustomizedContent ask_history(const HistoryQuery& query, Millis now, Random& random);
std::optional<HistoryQuery> read_history_query(const Content& content);

/// The group that a forward is about: of its first command or document. Nothing when none of its
/// messages in broadcast form names one.
std::optional<Id> group_of(const ForwardContent& forward);

}  // namespace dim
