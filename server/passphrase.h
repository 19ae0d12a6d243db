// The passphrase of a station's keys: where it comes from, and how it is changed.
#pragma once
#include <expected>
#include <optional>
#include <string>

#include "dim/crypto/symmetric.h"
#include "server/exit_codes.h"

namespace dim {

/// The first line of `file`; without a file the environment's DIMD_PASSPHRASE, which is wiped
/// there. Nothing: neither is given. Exit::permissions when others may read the file, Exit::usage
/// when it cannot be read or is empty.
std::expected<std::optional<Secret>, Failure> given_passphrase(const std::string& file);

struct Reseal {
  std::string data;
  std::string old_file{};  ///< of the present passphrase; empty: see given_passphrase(), then asked
  std::string new_file{};  ///< of the new one; empty: asked at the terminal, twice
  bool remove = false;     ///< no passphrase afterwards
  Argon2Cost cost{};
};

/// Writes the key file anew under another passphrase, whole or not at all. What was done, for the
/// terminal. Exit::locked while a station works in the folder; else as load_keys().
std::expected<std::string, Failure> reseal_keys(const Reseal& wish);

}  // namespace dim
