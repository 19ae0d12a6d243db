// The station's own keys on disk: one file, mode 0600, made once and never made again (security.md
// C04, A43).
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

#include "dim/engine/account.h"
#include "net/tls.h"
#include "server/exit_codes.h"

namespace dim {

struct StationKeys {
  Account account;
  std::vector<Certificate> tls;  ///< the one in use, then the next one

  /// "sha256-<base64url>" of the key of each certificate, in order: what the visa and invitations
  /// show.
  std::vector<std::string> pins() const;
};

std::string key_file(const std::string& data);  ///< DATA/station.keys
bool have_keys(const std::string& data);

std::expected<StationKeys, Failure> make_keys(Millis now, Random& random);
/// Durable and whole, or not there: temporary file, fsync, rename, fsync of the folder.
std::expected<void, Failure> save_keys(const std::string& data, const StationKeys& keys);
/// Exit::permissions when others may read the file; Exit::keys when it is missing, cut, or its
/// parts do not belong together.
std::expected<StationKeys, Failure> load_keys(const std::string& data);

/// Puts host, port and pins into the visa when it says something else. True: changed, to be saved.
bool update_visa(StationKeys& keys, const std::string& host, std::uint16_t port, Millis now);

/// A global IPv6 address of this machine, else a unique local one, else "::1".
std::string machine_address();

}  // namespace dim
