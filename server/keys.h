// The station's own keys: who it is, its certificates, and what its visa says of it.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "dim/crypto/passphrase_lock.h"
#include "dim/engine/account.h"
#include "net/tls.h"
#include "server/exit_codes.h"

namespace dim {

/// What the secrets of a key file are sealed with: XChaCha20-Poly1305 under a key that Argon2id
/// makes of the passphrase, over the station's ID too.
struct KeySeal {
  PassphraseLock lock;
  Secret key;
};

struct StationKeys {
  Account account;
  std::vector<Certificate> tls;  ///< the one in use, then the next one
  std::optional<KeySeal> seal;   ///< nothing: they lie open in the file

  /// "sha256-<base64url>" of the key of each certificate, in order: what the visa and invitations
  /// show.
  std::vector<std::string> pins() const;
};

std::expected<StationKeys, Failure> make_keys(Millis now, Random& random);

/// Puts host, port and pins into the visa when it says something else. True: changed, to be saved.
bool update_visa(StationKeys& keys, const std::string& host, std::uint16_t port, Millis now);

/// A global IPv6 address of this machine, else a unique local one, else "::1".
std::string machine_address();

}  // namespace dim
