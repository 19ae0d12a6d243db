// The grammar of header lines, shared by reader and writer.
#pragma once
#include <string_view>

namespace dim {

inline constexpr std::string_view kEdition = "dim/2023";

/// 1 to 64 of `a-z 0-9 -`.
bool valid_key(std::string_view key);
/// UTF-8 without control characters, not empty, without white space at its ends.
bool valid_value(std::string_view value);

}  // namespace dim
