// QR codes for terminals.
#pragma once
#include <string>
#include <string_view>

#include "dim/base/error.h"

namespace dim {

/// `text` as a QR code (ISO/IEC 18004, error correction level L) of UTF-8 half blocks, light on
/// dark, with a quiet zone of two modules; lines end with LF. Errc::too_large when it does not fit
/// version 40.
Result<std::string> qr_code(std::string_view text);

}  // namespace dim
