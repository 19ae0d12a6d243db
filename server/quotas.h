// Token buckets: how often a session, or a network of 2^64 addresses, may do something
// (security.md 4.4).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "dim/base/limits.h"
#include "dim/base/time.h"

namespace dim {

/// So many a second, so many at once. A rate of 0 or less means: no limit.
struct Rate {
  double per_second = 0;
  double burst = 0;
};

/// Quotas that may change while the station runs.
struct Quotas {
  Rate messages{limits::kMessagesPerSecond, limits::kMessagesBurst};  ///< a session
  /// Of receipts: each message brings about some.
  static constexpr double kReceiptsPerMessage = 10;
  Rate receipts() const {
    return {messages.per_second * kReceiptsPerMessage, messages.burst * kReceiptsPerMessage};
  }
  Rate notices{limits::kMessagesPerSecond, limits::kMessagesBurst};          ///< typing, presence
  Rate history{limits::kHistoryPerSecond, 2.0 * limits::kHistoryPerSecond};  ///< every GET
  Rate documents{limits::kDocumentsPerHour / 3600.0, 20};            ///< CREATE of documents
  Rate names{1.0 / 3600.0, 3};                                       ///< CREATE of names
  Rate hubs{10 / 3600.0, 10};                                        ///< CREATE of hubs
  Rate invites{20 / 3600.0, 20};                                     ///< CREATE of invites
  Rate changes{limits::kMessagesPerSecond, limits::kMessagesBurst};  ///< other changes of hubs
  /// DESTROY: each makes a part of an index anew while commits wait.
  Rate destroys{1, 20};
  static constexpr double kMediaPerSecond = 4'000;
  Rate media{kMediaPerSecond, 2 * kMediaPerSecond};  ///< pieces and ranges
  static constexpr double kLiveAudioPerSecond = 64.0 * limits::kKiB;
  static constexpr double kLiveVideoPerSecond = 1.0 * limits::kMiB;
  Rate live_audio{kLiveAudioPerSecond, 2 * kLiveAudioPerSecond};  ///< bytes of live frames
  Rate live_video{kLiveVideoPerSecond, 2 * kLiveVideoPerSecond};
  Rate subnet_messages{400, 1'200};  ///< all sessions of one /64 together
  Rate subnet_failures{limits::kFailedLoginsPerMinute / 60.0, limits::kFailedLoginsPerMinute};
  Rate subnet_logins{10, 40};
  static constexpr double kClaimedFailuresPerHour = 20;
  /// Failed log-ins with one ID, from anywhere.
  Rate claimed_failures{kClaimedFailuresPerHour / 3600.0, kClaimedFailuresPerHour};
  bool count_loopback = false;  ///< whether ::1 has the quotas of a /64 too
};

class TokenBucket {
 public:
  /// Takes `cost` tokens when they are there and returns 0; otherwise takes nothing and returns
  /// after how many milliseconds they will be. `now` is monotonic.
  Millis take(const Rate& rate, Millis now, double cost = 1);
  /// As take() of one token, without taking it.
  Millis wait(const Rate& rate, Millis now);
  /// Takes one even when none is there: counts a failure.
  void charge(const Rate& rate, Millis now);
  Millis last() const { return last_; }

 private:
  void refill(const Rate& rate, Millis now);
  double tokens_ = -1;  // -1: never used, full
  Millis last_ = 0;
};

/// The network that quotas are of: the upper 64 bits of an IPv6 address in text form
/// ("2001:db8::7", also "[…]:port"); of an IPv4 address its /24, where 6to4 would put it. 0 when it
/// is neither.
std::uint64_t subnet_of(std::string_view address);
bool is_loopback(std::string_view address);

/// Hash and equality of strings that also take a view, so that look-ups need no copy.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// A state for each key: made when asked for, kept until nobody has asked for `State::kForgetMs`.
/// Bounded. Times are monotonic.
template <class Key, class State, class Hash = std::hash<Key>>
class IdleTable {
 public:
  explicit IdleTable(std::size_t limit = 65'536) : limit_(limit) {}
  /// Valid until the next call of at() or purge().
  State& at(const auto& key, Millis now) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
      // A full table forgets an arbitrary one: its quota starts afresh, which harms less than
      // growing.
      if (entries_.size() >= limit_) entries_.erase(entries_.begin());
      found = entries_.try_emplace(Key(key)).first;
    }
    found->second.used = now;
    return found->second.state;
  }
  void purge(Millis now) {
    std::erase_if(entries_,
                  [&](const auto& entry) { return now - entry.second.used > State::kForgetMs; });
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    State state;
    Millis used = 0;
  };
  std::unordered_map<Key, Entry, Hash, std::equal_to<>> entries_;
  std::size_t limit_;
};

/// What a network has left, all its users and connections together.
struct SubnetQuota {
  static constexpr Millis kForgetMs = 600'000;
  TokenBucket messages, failures, logins;
};
/// By subnet_of.
using SubnetTable = IdleTable<std::uint64_t, SubnetQuota>;

/// What is left of failed log-ins with one ID, whoever tries.
struct ClaimedQuota {
  static constexpr Millis kForgetMs = 3'600'000;
  TokenBucket failures;
};
/// By ID.
using ClaimedTable = IdleTable<std::string, ClaimedQuota, TextHash>;

/// What one user has left, on all connections together.
struct UserQuota {
  static constexpr Millis kForgetMs = Millis{3} * 3'600'000;  // three names, one an hour
  TokenBucket messages, receipts, notices, history, documents, names, hubs, invites, changes,
      destroys, media, live_audio, live_video;
};
/// By ID, and by network for who has not logged in: longer than a connection, so that coming back
/// refills nothing.
using QuotaTable = IdleTable<std::string, UserQuota, TextHash>;

}  // namespace dim
