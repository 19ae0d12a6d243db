// Message keys of peers that send a key once and leave it out later (wire.md 4.1). We never do that
// ourselves.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <utility>

#include "dim/identity/id.h"
#include "dim/identity/keys.h"

namespace dim {

/// The last four keys of each direction, kept only after a message opened with them (A11). In
/// memory, at most 10,000 directions: the oldest goes first.
class KeyRing {
 public:
  /// `target`: receiver, or the group of the message.
  void remember(const Id& sender, const Id& target, const SymmetricKey& key);
  /// Newest first; empty when there is none.
  const std::deque<SymmetricKey>& find(const Id& sender, const Id& target) const;

 private:
  using Direction = std::pair<std::string, std::string>;
  std::map<Direction, std::deque<SymmetricKey>> keys_;
  std::deque<Direction> order_;
  std::deque<SymmetricKey> none_;
};

}  // namespace dim
