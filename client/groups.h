// The groups that a home knows. Each lies in the vault as the forward that would bring somebody up
// to date (docs/protocol/groups.md section 3).
#pragma once
#include <map>
#include <vector>

#include "client/home.h"
#include "dim/engine/group.h"
#include "dim/engine/group_history.h"

namespace dim {

class Groups {
 public:
  Groups(Home& home, Random& random);

  /// nullptr when it is not known, or not enough of its founder.
  Result<const Group*> find(const Id& group, Millis now);

  struct Read {
    bool changed = false;
    std::vector<Id> missing{};  ///< whose meta and documents are needed first
  };
  /// Reads what somebody forwards, and keeps what it changes.
  Result<Read> read(const ForwardContent& forward, const Id& group, Millis now);
  /// For somebody who may know: the whole history. Errc::not_found, Errc::forbidden.
  Result<ForwardContent> history_for(const Id& reader, const Id& group, Millis now);

 private:
  Home& home_;
  Random& random_;
  std::map<std::string, Group> known_;
};

}  // namespace dim
