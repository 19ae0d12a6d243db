// Hexadecimal text.
#pragma once
#include <string>
#include <string_view>
#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {
/// Lower case, two digits a byte.
std::string to_hex(ByteView bytes);
/// Either case, even length, nothing else (no 0x); Errc::encoding otherwise.
Result<Bytes> from_hex(std::string_view text);
}  // namespace dim
