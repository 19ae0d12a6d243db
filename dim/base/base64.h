// Base64 (RFC 4648 section 4) and its URL form without padding (section 5).
#pragma once
#include <string>
#include <string_view>
#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {
std::string to_base64(ByteView bytes);
/// Strict: standard alphabet, zero trailing bits; padding may be missing as a whole but not be
/// wrong (A35, J12).
Result<Bytes> from_base64(std::string_view text);
std::string to_base64url(ByteView bytes);
Result<Bytes> from_base64url(std::string_view text);
}  // namespace dim
