// Which messages use which objects of media, and what becomes of those that none uses any more
// (N14; dim/store/media.h). Part of StoreWriter: what happens within one transaction.
#pragma once
#include <limits>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "dim/store/store.h"
#include "sqlite/database.h"
#include "sqlite/media_writer.h"

namespace dim {

/// A step that ends many messages stops behind the message with which it has ended so many uses of
/// media: each costs a look at the object, and nobody's write is acknowledged meanwhile.
inline constexpr std::int64_t kUsesStep = 2'000;

class MediaUses {
 public:
  /// `media` must outlive it.
  explicit MediaUses(MediaWriter& media) : media_(media) {}

  Status start(Database& db);
  void stop();
  /// When things happen, until it is told otherwise: what ends bears this time.
  void tell_time(Millis now) { now_ = now; }
  Millis time() const { return now_; }

  /// The text `revision` of the message in row `post` uses those of these that its author has
  /// uploaded; those that are not complete are left out.
  Status use(std::span<const Guid> objects, std::int64_t channel, std::int64_t post,
             std::int64_t revision);
  /// The text `to` uses what the text `from` has used.
  Status carry_on(std::int64_t channel, std::int64_t post, std::int64_t from, std::int64_t to);
  struct Gone {
    std::int64_t freed = 0, held = 0;  ///< as of Written
  };
  /// The texts of a message up to `revision` are gone; `destroy`: what nothing uses any more is
  /// overwritten.
  Result<Gone> let_go(std::int64_t channel, std::int64_t post, bool destroy,
                      std::int64_t revision = std::numeric_limits<std::int64_t>::max());

  /// The message in row `message` waits, and uses those of these that `author` has uploaded.
  Status wait(std::span<const Guid> objects, const std::string& author, std::int64_t message);
  /// It waits no more. Costs nothing for one that uses nothing.
  Status arrived(std::int64_t message);

  void committed() { left_.clear(); }
  /// The transaction did not happen.
  void forget();

 private:
  /// Is it complete, and has `author` uploaded it? Nobody else's messages hold it.
  Result<bool> is_own(const Guid& object, const std::string& author);
  Status hold(const Guid& object, std::int64_t channel, std::int64_t holder, std::int64_t revision);
  /// What used these uses them no more. False in `gone`: something else does.
  Result<bool> leaves(const Guid& object, bool destroy);
  Result<std::vector<Guid>> take(Use& uses);

  MediaWriter& media_;
  Millis now_ = 0;
  /// Rows of msg that may use something, and those that left in this transaction.
  std::unordered_set<std::int64_t> carrying_;
  std::vector<std::int64_t> left_;
  Statement find_, find_author_, hold_, held_, carry_, drop_, users_, age_, drop_waiting_;
};

}  // namespace dim
