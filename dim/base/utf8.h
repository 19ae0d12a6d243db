// UTF-8 checks (RFC 3629) and the characters that may not stand in names, headers and log lines.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "dim/base/error.h"

namespace dim {
/// Strict: no overlong forms, no surrogates, nothing over U+10FFFF.
bool valid_utf8(std::string_view text);
/// Next code point at `offset` (< size), which moves past it; U+FFFD for a byte that is no valid
/// UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& offset);
/// C0, C1, DEL, U+2028 and U+2029.
bool is_control(char32_t c);
/// Marks that change the direction of text or join/hide characters (bidi controls, zero width,
/// BOM).
bool is_invisible(char32_t c);
/// Printable ASCII but the backslash as it is, everything else as \xNN or \u{N}; cut to `limit`
/// bytes (A38). For logs and terminals.
std::string escape(std::string_view text, std::size_t limit = 256);
}  // namespace dim
