// Who belongs to a private hub, as its founder's key has signed it: a chain of memberships, each a
// change of the one before. What a station says of members opens nothing; a client seals for those
// who stand here (docs/protocol/hubs.md section 10, A27, A28, A29).
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/base/time.h"
#include "dim/crypto/digest.h"
#include "dim/engine/account.h"
#include "dim/identity/meta.h"
#include "dim/packet/guid.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kPrivateHubMembers = 200;  // each post has a key for each device
inline constexpr std::size_t kRosterEpochs = 10'000;    // of one hub
inline constexpr std::size_t kRosterChangeBytes = 32 * kKiB;
inline constexpr std::size_t kRosterBytes = 8 * kMiB;  // of all changes of one hub
inline constexpr std::size_t kSealedPostBytes = 256 * kKiB;
inline constexpr std::int64_t kHistoryDays = 3'650;
}  // namespace limits

/// The kind of a hub is in its ID, which the founder's key has made: nobody can say later that it
/// is another one. Private are those whose name begins with "private-".
inline constexpr std::string_view kPrivateHubPrefix = "private-";
bool is_private_hub(std::string_view hub_id);

/// What whoever is let in may read of what was written in a channel before (F23).
struct HistoryRule {
  Guid channel;
  std::int64_t days = 0;  ///< 0: nothing; 1 to limits::kHistoryDays; kAllDays
  bool operator==(const HistoryRule&) const = default;
};
inline constexpr std::int64_t kAllDays = -1;
/// "none", "30d" or "all".
std::string history_text(std::int64_t days);
/// The other way round. Errc::bad_request.
Result<std::int64_t> parse_history(std::string_view text);

/// One change of who belongs to it, and of what new members may read. Epochs count from 1 without
/// gaps.
struct RosterChange {
  std::string hub;  ///< ID without terminal
  std::int64_t epoch = 1;
  std::optional<Digest32> prev{};      ///< roster_digest of epoch - 1; nothing at 1
  std::vector<std::string> add{};      ///< user IDs without terminal
  std::vector<std::string> remove{};   ///< the same
  std::vector<HistoryRule> history{};  ///< from this epoch on; each channel once
  Millis time = 0;                     ///< whole seconds
  std::optional<Meta> meta{};          ///< of the hub, at epoch 1
  Bytes signature{};
};

/// What is signed, and what the next one's `prev` and each post name by its SHA-256.
Bytes roster_signing_input(const RosterChange& change);
Digest32 roster_digest(const RosterChange& change);
/// `{"hub", "epoch", "prev", "add", "remove", "history", "time", "meta", "signature"}`; `key` has
/// made the hub's ID.
JsonObject sign_roster(RosterChange change, const PrivateKey& key);
/// Only its form: what a station checks. Errc::bad_request when it is none.
Result<RosterChange> read_roster_change(const JsonObject& object);
/// What is signed and the signature, as sign_roster() writes it: whatever else it came with is left
/// out.
JsonObject roster_json(const RosterChange& change);

/// The memberships that have verified, as one knows them. Grows only.
class Roster {
 public:
  /// From the first change. Errc::meta when it was not made by the key of the hub's ID (ECC only:
  /// of others somebody else could make one, A02); Errc::signature; Errc::bad_request.
  static Result<Roster> begin(std::string_view hub, const JsonObject& first);
  /// The next one. Errc::conflict: it does not continue what is known, or is another one of an
  /// epoch that is known (A28); Errc::signature, Errc::bad_request. The same again changes nothing.
  Status extend(const JsonObject& change);
  /// Whether it is one of those that are known. Errc::conflict: it is another one of its epoch, or
  /// of an epoch beyond; Errc::bad_request.
  Status agrees(const JsonObject& change) const;

  const std::string& hub() const { return hub_; }
  std::int64_t epoch() const { return static_cast<std::int64_t>(changes_.size()); }
  /// Of an epoch from 1 to epoch().
  const Digest32& digest(std::int64_t epoch) const { return digests_.at(index(epoch)); }
  Millis time(std::int64_t epoch) const { return times_.at(index(epoch)); }
  bool has(std::string_view who) const { return has(who, epoch()); }
  bool has(std::string_view who, std::int64_t epoch) const;
  /// Of somebody who belonged to it at `epoch`: at which epoch they were taken out then, whether
  /// they are in again or not; 0: they were not.
  std::int64_t left(std::string_view who, std::int64_t epoch) const;
  std::vector<std::string> members() const;
  /// The user ID of who has founded the hub, and signs all of this.
  const std::string& founder() const { return founder_; }
  /// At which epoch somebody who belongs to it now was let in, the last time; 0: they do not.
  std::int64_t since(std::string_view who) const;
  /// What whoever is let in at `epoch` may read of a channel (HistoryRule::days).
  std::int64_t history(const Guid& channel, std::int64_t epoch) const;
  /// Whether that is nothing in every channel.
  bool hides_history(std::int64_t epoch) const;
  /// May somebody be handed the key of a text that was written at `written` (a time) and `epoch`?
  /// They belong to the hub now, and did at that epoch or were let in under a rule that shows it.
  bool may_be_handed(std::string_view who, const Guid& channel, std::int64_t epoch,
                     Millis written) const;
  /// Whoever has ever belonged to it.
  std::vector<std::string> people() const;
  bool may_sign(const Account& account) const;
  /// The next change, signed by `account`, of what is not so yet; nothing when all is. Errc::key
  /// when it is not the key's holder, Errc::too_large for more members than there may be.
  Result<std::optional<JsonObject>> next(const Account& account,
                                         const std::vector<std::string>& add,
                                         const std::vector<std::string>& remove, Millis now,
                                         const std::vector<HistoryRule>& history = {}) const;
  /// As roster_json() writes them, oldest first: begin() and extend() of them make the same.
  const std::vector<JsonObject>& changes() const { return changes_; }

 private:
  struct Stay {
    std::int64_t from = 0, until = 0;  ///< epochs: from <= e < until; 0: still there
  };
  Roster(std::string hub, PublicKey key) : hub_(std::move(hub)), key_(std::move(key)) {}
  static std::size_t index(std::int64_t epoch) { return static_cast<std::size_t>(epoch - 1); }
  Status agrees(const RosterChange& change) const;
  Status take(const RosterChange& change);
  const Stay* stay_at(std::string_view who, std::int64_t epoch) const;

  std::string hub_;
  PublicKey key_;
  std::string founder_{};
  std::vector<JsonObject> changes_{};
  std::vector<Digest32> digests_{};
  std::vector<Millis> times_{};
  std::map<std::string, std::vector<Stay>, std::less<>> stays_{};
  struct Rule {
    std::int64_t from = 0, days = 0;  ///< from: an epoch
  };
  std::map<Guid, std::vector<Rule>> history_{};
  std::size_t members_ = 0;
  std::size_t bytes_ = 0;  // of changes_
};

/// The first membership of a new private hub: its founder alone.
JsonObject first_roster(const Account& founder, const std::string& hub, const Meta& meta,
                        Millis now);

}  // namespace dim
