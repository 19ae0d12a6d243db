// Passphrases from files and terminals.
#pragma once
#include <string_view>

#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

/// The first line, at most 1,024 bytes, without its end. `file`: an open descriptor, read no
/// further than the line. Errc::key: empty.
Result<Secret> read_passphrase(int file);
/// Shows `prompt` at the terminal and reads a line without echo. Errc::unavailable: no terminal.
Result<Secret> ask_passphrase(std::string_view prompt);

}  // namespace dim
