// What a store that cannot be opened or written means for the person at the terminal.
#pragma once
#include <string>

#include "dim/base/error.h"
#include "server/exit_codes.h"

namespace dim {

/// `data`: the folder of the store. Which exit code, and what to do about it.
Failure store_failure(const std::string& data, const Error& error);

}  // namespace dim
