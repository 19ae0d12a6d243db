// The station's keys on disk: one file, mode 0600, made once and never made again (security.md C04,
// A43). With a passphrase what is secret in it is sealed; who the station is stays readable.
#pragma once
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "server/exit_codes.h"
#include "server/keys.h"

namespace dim {

/// What a key file says without its passphrase.
struct StationCard {
  Id id;
  Meta meta;
  Document visa;
  bool sealed = false;

  std::vector<std::string> pins() const;  ///< those of StationKeys, as the visa has them
};

std::string key_file(const std::string& data);  ///< DATA/station.keys
bool have_keys(const std::string& data);

/// The seal for a new passphrase.
std::expected<KeySeal, Failure> make_seal(const Secret& passphrase, Random& random,
                                          const Argon2Cost& cost = {});
/// Durable and whole, or not there: temporary file, fsync, rename, fsync of the folder.
std::expected<void, Failure> save_keys(const std::string& data, const StationKeys& keys,
                                       Random& random);
/// Exit::permissions when others may read the file, when it is sealed and the passphrase is missing
/// or wrong; Exit::keys when it is missing, cut, or its parts do not belong together; Exit::usage
/// for a passphrase to a file that is not sealed: whoever gives one believes that it is.
std::expected<StationKeys, Failure> load_keys(const std::string& data,
                                              const std::optional<Secret>& passphrase);
/// The same file, needing no passphrase.
std::expected<StationCard, Failure> load_card(const std::string& data);

}  // namespace dim
