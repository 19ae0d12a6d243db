// Base58 with Bitcoin's alphabet, without a check code.
#pragma once
#include <string>
#include <string_view>
#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {
std::string to_base58(ByteView bytes);
/// At most 128 characters; Errc::encoding for a character outside the alphabet.
Result<Bytes> from_base58(std::string_view text);
}  // namespace dim
