// `dimd check`: what would keep a station from running well, and what to do about it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/crypto/secret.h"
#include "server/config.h"

namespace dim {

struct Finding {
  enum class Kind { ok, warn, fail };
  Kind kind = Kind::ok;
  std::string what;    ///< "port 8800", "clock", …
  std::string detail;  ///< what was found, and what to do unless ok
};
std::string_view to_string(Finding::Kind kind);

/// Looks at ports, IPv6, clock, disk, permissions, keys, the limit of open files, and whether
/// neighbours answer (6 s at most). Changes nothing. `passphrase`: that of sealed keys, when it is
/// to be tried.
std::vector<Finding> check_machine(const DaemonConfig& config,
                                   const std::optional<Secret>& passphrase = std::nullopt);

/// What check_machine says of a clock that shows `now`, of free space on the store's disk, and of
/// the address (IPv6, text) at which others would reach this machine.
Finding judge_clock(Millis now);
Finding judge_disk(std::uint64_t free_bytes);
Finding judge_address(const std::string& address);

}  // namespace dim
