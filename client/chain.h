// What one person writes to another (or at once to a group) as a chain, seen by its reader (A13):
// what is missing, what comes late, and what does not fit.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/engine/engine.h"

namespace dim {

/// Messages that have not come. Hashes are base64 of message_hash.
struct ChainHole {
  std::int64_t first = 0, last = 0;
  std::optional<std::string> before{};  ///< hash of the message before `first`, where it is known
  std::string after{};                  ///< `prev` of the one behind `last`: its hash
  std::string told{};                   ///< names the message that was shown with it; empty: none
};

class ReadChain {
 public:
  enum class Step : std::uint8_t {
    follows,  ///< it is the next one, or it fills a place that was open
    gap,      ///< others should have come before it
    forked,   ///< it does not follow on what this sender had written, or its place is taken
    unknown,  ///< from a time of which nothing is known any more
  };

  /// Nothing has come yet: the first message has seq 1.
  ReadChain() = default;
  /// Of a large group, for one who comes to it with message `seq`: all before is of no concern, and
  /// only numbers are compared. A writer may have to seal one message several times there.
  static ReadChain of_group(std::int64_t seq);
  /// What a home of an earlier version has kept. Empty `hash`: not known.
  static ReadChain of_old_home(std::int64_t seq, std::string hash);

  /// `hash` (base64) has not been seen before. `filled`: of the message that was shown with the gap
  /// in which this one has its place, the name.
  Step take(const Chain& chain, const std::string& hash, std::string& filled);

  std::int64_t seq() const { return seq_; }  ///< the highest that has come
  const std::vector<ChainHole>& holes() const { return holes_; }
  bool has_news() const { return forked_ || !holes_.empty(); }
  /// How many are missing of which nobody has been told yet, or with the message of that name; they
  /// count as told with it from now on.
  std::int64_t tell_missing(const std::string& name);
  /// Whether something was forked since this was asked last.
  bool tell_fork();

  JsonObject json() const;
  static ReadChain parse(const JsonObject& object);

 private:
  std::int64_t seq_ = 0;
  std::optional<std::string> hash_ = std::string();  // of the message seq_; unknown in old homes
  std::int64_t unknown_to_ = 0;   // of this one and those before nothing is known
  bool forked_ = false;           // and not told
  bool counts_only_ = false;      // of_group()
  std::vector<ChainHole> holes_;  // by place
};

}  // namespace dim
