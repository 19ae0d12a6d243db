// Rules for the names in IDs. The only user of ICU.
#pragma once
#include <string_view>

#include "dim/base/error.h"

namespace dim {

/// 1 to 64 bytes of NFC text that compatibility normalisation leaves alone too (no full-width forms
/// or ligatures), without control, white space, invisible or direction-changing characters, `@` and
/// `/`; Errc::id otherwise (A36, I02, I03).
Status check_name(std::string_view name);

/// True when letters of more than one script stand in `name` (Latin with Cyrillic, say): to be
/// shown with a warning (I03). The usual mixtures of Han with the Japanese scripts, Hangul or
/// Bopomofo, and of these with Latin, do not count (UTS #39, section 5.2, "highly restrictive").
bool mixed_scripts(std::string_view name);

}  // namespace dim
