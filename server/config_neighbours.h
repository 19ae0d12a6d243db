// The [[neighbour]] entries of dimd's configuration (C12). docs/operator.md has the table.
#pragma once
#include <expected>
#include <string>
#include <vector>

#include <toml++/toml.h>

#include "server/exit_codes.h"
#include "server/neighbour.h"

namespace dim {

/// Every entry has `id` and `address`, and may have `meta` and `from`. Exit::usage with file, line
/// and a right value for a missing, unknown or wrong key, and for two entries of one station or
/// address.
std::expected<std::vector<Neighbour>, Failure> parse_neighbours(const toml::node& node,
                                                                const std::string& file);

}  // namespace dim
