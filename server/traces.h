// The stations that a message of the dimchat world has passed (`traces`, wire.md 4.1, 6), and what
// this station remembers of having sent on (A25, S21). Nothing of a trace is signed, so it decides
// nothing alone: a message has come round when it names this station and this station knows it.
#pragma once
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/limits.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"
#include "dim/identity/id.h"

namespace dim {

struct Trace {
  Id station;
  double time = 0;  ///< seconds since 1970; 0 where it said none, or one that cannot be
};

/// `traces` of a message: a list of {"did" or "ID", "time"}, or of IDs. None is an empty one.
/// Errc::bad_request for another form and for more than 16. A time that is missing, negative or
/// more than five minutes ahead of `now` (milliseconds) is left out.
Result<std::vector<Trace>> read_traces(const JsonObject& message, Millis now);
/// As the reference writes them: `ID`, `did`, `time`.
Json write_traces(const std::vector<Trace>& traces);
bool has_passed(const std::vector<Trace>& traces, const Id& station);

/// Why something was sent on: who had brought it, and the log-in record that said where to.
struct SentOn {
  static constexpr std::size_t kNobody = ~std::size_t{0};
  std::size_t by = kNobody;  ///< index of the neighbour; kNobody: it was written or kept here
  Millis record = 0;         ///< time of the record; 0: there was none
};

/// Hashes of what was sent on: 65,536 for five hours, by the station's own clock. Times inside of
/// messages have no say in it.
class ForwardMemory {
 public:
  explicit ForwardMemory(std::size_t limit = limits::kTraceMemory) : limit_(limit) {}
  /// `now` is monotonic and never goes back. Of what is known already the last reason counts.
  void note(const Digest32& hash, Millis now, const SentOn& why = {});
  bool knows(const Digest32& hash, Millis now) { return find(hash, now).has_value(); }
  std::optional<SentOn> find(const Digest32& hash, Millis now);
  void clear();
  std::size_t size() const { return known_.size(); }

 private:
  void purge(Millis now);
  std::map<Digest32, SentOn> known_;
  std::deque<std::pair<Millis, Digest32>> order_;
  std::size_t limit_;
};

}  // namespace dim
