// Exit codes of dimd (security.md 5.6); they mean the same in docs/operator.md.
#pragma once
#include <string>

namespace dim {

enum class Exit : int {
  ok = 0,
  failed = 1,  ///< `dimd check` found something to repair
  usage = 2,   ///< command line or configuration
  port_in_use = 69,
  store_failed = 70,   ///< the disk failed: nothing unsafe was acknowledged
  too_few_files = 71,  ///< limit of open files
  not_writable = 73,
  disk_full = 74,
  locked = 75,       ///< another station works in this folder
  permissions = 77,  ///< a key file is readable by others, or does not open with the passphrase
  keys = 78,         ///< keys missing, damaged, or of another station; store of a newer version
};

/// Why a command could not be done: for the terminal, one or two lines, with what to do.
struct Failure {
  Exit code = Exit::usage;
  std::string text;
};

}  // namespace dim
