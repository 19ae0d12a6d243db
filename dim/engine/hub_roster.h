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

namespace dim {

namespace limits {
inline constexpr std::size_t kPrivateHubMembers = 200;  // each post has a key for each device
inline constexpr std::size_t kRosterEpochs = 10'000;    // of one hub
inline constexpr std::size_t kRosterChangeBytes = 32 * kKiB;
inline constexpr std::size_t kRosterBytes = 8 * kMiB;  // of all changes of one hub
inline constexpr std::size_t kSealedPostBytes = 256 * kKiB;
}  // namespace limits

/// The kind of a hub is in its ID, which the founder's key has made: nobody can say later that it
/// is another one. Private are those whose name begins with "private-".
inline constexpr std::string_view kPrivateHubPrefix = "private-";
bool is_private_hub(std::string_view hub_id);

/// One change of who belongs to it. Epochs count from 1 without gaps.
struct RosterChange {
  std::string hub;  ///< ID without terminal
  std::int64_t epoch = 1;
  std::optional<Digest32> prev{};     ///< roster_digest of epoch - 1; nothing at 1
  std::vector<std::string> add{};     ///< user IDs without terminal
  std::vector<std::string> remove{};  ///< the same
  Millis time = 0;                    ///< whole seconds
  std::optional<Meta> meta{};         ///< of the hub, at epoch 1
  Bytes signature{};
};

/// What is signed, and what the next one's `prev` and each post name by its SHA-256.
Bytes roster_signing_input(const RosterChange& change);
Digest32 roster_digest(const RosterChange& change);
/// `{"hub", "epoch", "prev", "add", "remove", "time", "meta", "signature"}`; `key` has made the
/// hub's ID.
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
  /// Whoever has ever belonged to it.
  std::vector<std::string> people() const;
  bool may_sign(const Account& account) const;
  /// The next change, signed by `account`, of what is not so yet; nothing when all is. Errc::key
  /// when it is not the key's holder, Errc::too_large for more members than there may be.
  Result<std::optional<JsonObject>> next(const Account& account,
                                         const std::vector<std::string>& add,
                                         const std::vector<std::string>& remove, Millis now) const;
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
  std::vector<JsonObject> changes_{};
  std::vector<Digest32> digests_{};
  std::vector<Millis> times_{};
  std::map<std::string, std::vector<Stay>, std::less<>> stays_{};
  std::size_t members_ = 0;
  std::size_t bytes_ = 0;  // of changes_
};

/// The first membership of a new private hub: its founder alone.
JsonObject first_roster(const Account& founder, const std::string& hub, const Meta& meta,
                        Millis now);

}  // namespace dim
