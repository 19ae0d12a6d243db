// Which messages have been received already, for 400 days (A12).
#pragma once
#include <deque>
#include <unordered_set>
#include <utility>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"

namespace dim {

/// How long a hash is kept: 400 days in milliseconds.
inline constexpr Millis kReplayLife = Millis{400} * 24 * 3'600'000;

/// Where the hashes are kept durably. `insert` belongs into the same transaction as the message
/// itself: after verification, before anything is shown or answered.
class ReplayStore {
 public:
  virtual ~ReplayStore() = default;
  virtual Result<bool> contains(const Digest32& hash) = 0;
  virtual Status insert(const Digest32& hash, Millis now) = 0;
  /// Drops what was inserted before `time`.
  virtual Status forget_before(Millis time) = 0;
};

/// The set in memory, as a value: for programs whose history is in memory, and as the cache of a
/// durable store.
class ReplaySet {
 public:
  bool contains(const Digest32& hash) const { return hashes_.contains(hash); }
  /// False when it was there already. Forgets what is older than kReplayLife.
  bool insert(const Digest32& hash, Millis now);
  std::size_t size() const { return hashes_.size(); }

 private:
  struct Hash {
    std::size_t operator()(const Digest32& digest) const;
  };
  std::unordered_set<Digest32, Hash> hashes_;
  std::deque<std::pair<Millis, Digest32>> order_;  // oldest first
};

}  // namespace dim
