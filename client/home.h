// One person's folder on one machine: keys, contacts, history and outbox, all encrypted (A43).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/session.h"
#include "dim/engine/account.h"
#include "dim/engine/directory.h"
#include "dim/engine/key_times.h"
#include "dim/native/device_keys.h"
#include "sqlite/vault.h"

namespace dim {

/// What `home/key` says of how the vault's key is had.
enum class HomeLock : std::uint8_t { key_file, passphrase };

/// Somebody this home knows. Meta and documents have verified; `verified` means the two people
/// compared numbers.
struct Contact {
  Id id;
  std::string alias{};       ///< own name for them, unique in this home; may be empty
  std::string registered{};  ///< name at the station when it was last looked up; may be empty
  bool verified = false;
  /// Two metas have proof, or the visa chain broke after verification (3.8): sending stops until
  /// Home::confirm.
  bool blocked = false;
  bool written = false;        ///< the person here has sent them a text: they are no stranger
  bool accepted = false;       ///< no stranger either: the person here has said so
  bool refused = false;        ///< the person here wants to hear nothing of them (F19)
  bool muted = false;          ///< person or group: what they write counts as seen when it comes
  std::int64_t seq = 0;        ///< of the last message written to them (A13)
  std::string prev{};          ///< base64 hash of it
  std::int64_t their_seq = 0;  ///< of their last message, in homes of earlier versions (chain.h)
  std::string their_prev{};    ///< base64 hash of it, there

  /// They have written first, and the person here has not taken notice of them (N10).
  bool is_stranger() const { return !(written || accepted || verified || !alias.empty()); }
  std::string display()
      const;  ///< alias, else registered name, else name in the visa is up to the caller, else ID
};

/// The keys of somebody are no longer those that were known (A02, I13).
struct KeyAlarm {
  enum class Kind : std::uint8_t {
    two_metas,     ///< two keys have signed as this ID: one of them is somebody else's
    broken_chain,  ///< a visa does not continue the one that was known: a fork, or a gap
    new_device,    ///< no alarm: a device that was not known, or was removed before
  };
  Id id;
  Kind kind = Kind::two_metas;
  bool blocked = true;   ///< false: nobody has verified them, and the new visa counts
  std::string device{};  ///< the terminal of a new device
};

class Home {
 public:
  static bool exists(const std::string& folder);
  /// Makes the folder (0700), its key file (0600) and vault, and stores the account. Errc::conflict
  /// when one is there. `native`: keys of N1 that the visa of a linked device names. Where the
  /// account holds the identity they are made, and a visa that names them.
  static Result<Home> create(const std::string& folder, const std::optional<Secret>& passphrase,
                             Account account, Random& random, const Argon2Cost& cost = {},
                             const native::DeviceKeys* native = nullptr);
  /// Errc::key for a wrong passphrase, or a key file that others can read; Errc::not_found when
  /// there is no home.
  static Result<Home> open(const std::string& folder, const std::optional<Secret>& passphrase,
                           Random& random);
  /// Nothing on the disk: for simulations and bots that forget. The account is not to be used again
  /// without it: its visa names keys of N1 that nobody else has.
  static Result<Home> in_memory(Account account, Random& random,
                                const native::DeviceKeys* native = nullptr);
  static Result<HomeLock> lock_of(const std::string& folder);

  const Account& account() const { return *account_; }
  /// Every 90 days a new message key, with a visa that has to be published; what was replaced a
  /// year ago is wiped. A home of an earlier version gets keys of N1, and a visa that names them.
  /// All of it is on the disk when this returns. Nothing where !Account::holds_identity(). `now`
  /// must be right: nobody takes a visa from the future, nor any after it.
  Status renew_keys(Millis now, Random& random);
  /// A visa was made that no station has acknowledged.
  bool has_unpublished_visa();
  /// A station has acknowledged the visa that has this digest.
  Status note_published(const Digest32& visa);
  Vault& vault() { return *vault_; }
  Directory& directory() { return *directory_; }

  Result<std::optional<StationTarget>> station();
  Status set_station(const StationTarget& target);
  /// Up to where this home has the inbox that the station with this ID keeps; 0: nothing of it.
  /// Each station counts for itself.
  Result<std::int64_t> inbox_cursor(const std::string& station);
  Status set_inbox_cursor(const std::string& station, std::int64_t cursor);
  /// The own name registered at the station, or empty.
  Result<std::string> registered_name();
  Status set_registered_name(std::string_view name);

  Result<std::optional<Contact>> contact(const Id& id);
  Result<std::vector<Contact>> contacts();
  Status put_contact(const Contact& contact);
  Result<std::optional<Id>> by_alias(std::string_view alias);

  /// Keeps what verified about an entity; Directory rules apply (A02, A04). Loads it again at the
  /// next start.
  Status learn(const Id& id, const JsonObject& meta, const std::vector<JsonObject>& documents,
               Millis now);
  /// After the directory has learnt something about `id` from elsewhere: keeps it, and decides what
  /// it means for the contact. A newer visa of this very device, with the message key that it has,
  /// is its visa from then on. Errc::io.
  Status keep_known(const Id& id, Millis now);
  /// What keep_known() and learn() have found since this was asked last.
  std::vector<KeyAlarm> take_alarms() { return std::exchange(alarms_, {}); }
  /// The person here has compared numbers: the contact is verified with this meta and the newest
  /// visas, and sending goes on. Errc::not_found for a digest that no meta of theirs has.
  Status confirm(const Id& id, const Digest32& meta, Millis now);
  /// When learn() or note_asked() was called last for that ID; 0 for never.
  Millis asked_at(const Id& id);
  /// The station was asked for that ID's documents, and has none.
  Status note_asked(const Id& id, Millis now);
  /// Rereads what another program of this home has decided since. Cheap while there is nothing.
  Status refresh();

 private:
  Home() = default;
  Status load_known();
  Result<std::optional<Known>> stored_known(const Id& id);
  void take_stored(const Id& id, const Known& stored, Millis now);
  Status put_known(const Id& id, const Known& known, Millis now);
  Status tell_others();
  Status load();
  Status load_account();
  Status store_account();
  Status set_up(const native::DeviceKeys* native, Random& random);
  bool names_native_keys();
  Status name_native_keys(Millis now, Random& random);
  Status take_own_visa();

  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Account> account_;  // stays where it is: sessions hold on to it
  KeyTimes key_times_;
  std::unique_ptr<Directory> directory_;
  std::vector<KeyAlarm> alarms_;
  std::int64_t generation_ = -1;  // what this program has read of what others decide
};

}  // namespace dim
