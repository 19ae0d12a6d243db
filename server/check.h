// `dimd check`: what would keep a station from running well, and what to do about it.
#pragma once
#include <string>
#include <vector>

#include "server/config.h"

namespace dim {

struct Finding {
  enum class Kind { ok, warn, fail };
  Kind kind = Kind::ok;
  std::string what;    ///< "port 8800", "clock", …
  std::string detail;  ///< what was found, and what to do unless ok
};
std::string_view to_string(Finding::Kind kind);

/// Looks at ports, IPv6, clock, disk, permissions, keys and the limit of open files. Changes
/// nothing.
std::vector<Finding> check_machine(const DaemonConfig& config);

}  // namespace dim
