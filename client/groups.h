// The groups that a home knows, and the changes that its person makes in them. Each lies in the
// vault as the forward that would bring somebody up to date (docs/protocol/groups.md section 3).
#pragma once
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/home.h"
#include "dim/engine/group.h"
#include "dim/engine/group_history.h"

namespace dim {

class Groups {
 public:
  Groups(Home& home, Random& random);

  /// nullptr when it is not known, or not enough of its founder. Sees what other programs of this
  /// home have changed.
  Result<const Group*> find(const Id& group, Millis now);
  /// All that are known, in the order in which they became so.
  Result<std::vector<Id>> all();

  struct Read {
    bool changed = false;
    bool first = false;                     ///< nothing was known of the group before
    std::vector<Id> missing{};              ///< whose meta and documents are needed first
    std::vector<Id> added{}, removed{};     ///< members
    std::vector<Id> promoted{}, demoted{};  ///< administrators
    std::string renamed{};                  ///< the new name, where there was another one
    std::vector<Id> asking{};  ///< who wants to come in now and did not before; for leaders only
  };
  /// Reads what somebody forwards, and keeps what it changes. `too_early`, when set, is asked first
  /// with what would change: true, and nothing is kept or changed.
  Result<Read> read(const ForwardContent& forward, const Id& group, Millis now,
                    const std::function<bool(const Read&)>& too_early = {});
  /// For somebody who may know: the whole history. Errc::not_found, Errc::forbidden.
  Result<ForwardContent> history_for(const Id& reader, const Id& group, Millis now);
  /// Who wants to come in, as far as it was told to this home; none over 7 days, 50 at most (A30).
  Result<std::vector<GroupRequest>> requests(const Id& group, Millis now);

  // ---- changes by the own account, kept here when they return (groups_change.cc)

  /// `news` has to reach everybody of `told`.
  struct Change {
    Id group;
    std::vector<Id> told;
    ForwardContent news;
  };
  /// Founds a group; the own account is its owner and first member.
  Result<Change> create(std::string_view name, const std::vector<Id>& members, Millis now);
  /// Owner and administrators: they are in. An ordinary member asks the leaders to take them in.
  Result<Change> invite(const Id& group, const std::vector<Id>& who, Millis now);
  /// Owner and administrators, written as a reset, which both generations of the reference
  /// understand. Errc::forbidden for the owner and administrators.
  Result<Change> expel(const Id& group, const std::vector<Id>& who, Millis now);
  /// An administrator resigns first. Errc::forbidden for the owner.
  Result<Change> leave(const Id& group, Millis now);
  /// The owner: a new bulletin, and a reset after it. Errc::forbidden for who is no member.
  Result<Change> set_administrators(const Id& group, const std::vector<Id>& who, Millis now);
  Result<Change> rename(const Id& group, std::string_view name, Millis now);
  /// Asks `leader` to be taken into a group that this home need not know.
  Result<Change> ask_in(const Id& group, const Id& leader, Millis now);

 private:
  struct Kept {
    std::string body;
    Group group;
  };
  Status keep(Group group, Millis now);
  Result<Group> known(const Id& group, Millis now);
  Result<Change> reset(Group group, std::vector<Id> members, Millis now);
  Result<Change> renew(const Id& group, const JsonObject& properties, Millis now);
  Result<GroupRecord> signed_by_me(GroupContent command, Millis time);
  Result<std::vector<Id>> take_requests(const Group& group, Millis now);

  Home& home_;
  Random& random_;
  std::map<std::string, Kept> known_;
};

}  // namespace dim
