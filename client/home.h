// One person's folder on one machine: keys, contacts, history and outbox, all encrypted (A43).
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/session.h"
#include "dim/engine/account.h"
#include "dim/engine/directory.h"
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
  bool blocked =
      false;  ///< meta changed or visa chain forked after verification: sending stops (3.8)
  bool written = false;  ///< the person here has sent them a text: they are no stranger
  std::int64_t seq = 0;  ///< of the last message written to them (A13)
  std::string prev{};    ///< base64 hash of it
  std::int64_t their_seq = 0;
  std::string their_prev{};

  std::string display()
      const;  ///< alias, else registered name, else name in the visa is up to the caller, else ID
};

class Home {
 public:
  static bool exists(const std::string& folder);
  /// Makes the folder (0700), its key file (0600) and vault, and stores the account. Errc::conflict
  /// when one is there.
  static Result<Home> create(const std::string& folder, const std::optional<Secret>& passphrase,
                             Account account, Random& random, const Argon2Cost& cost = {});
  /// Errc::key for a wrong passphrase, or a key file that others can read; Errc::not_found when
  /// there is no home.
  static Result<Home> open(const std::string& folder, const std::optional<Secret>& passphrase,
                           Random& random);
  /// Nothing on the disk: for simulations and bots that forget.
  static Result<Home> in_memory(Account account, Random& random);
  static Result<HomeLock> lock_of(const std::string& folder);

  const Account& account() const { return *account_; }
  /// Signs the own visa anew, and keeps it. Errc::forbidden where !Account::holds_identity().
  Status renew_visa(Millis now);
  Vault& vault() { return *vault_; }
  Directory& directory() { return *directory_; }

  Result<std::optional<StationTarget>> station();
  Status set_station(const StationTarget& target);
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

 private:
  Home() = default;
  Status load(Random& random);
  Status store_account(const Account& account);

  std::unique_ptr<Vault> vault_;
  std::unique_ptr<Account> account_;
  std::unique_ptr<Directory> directory_;
};

}  // namespace dim
