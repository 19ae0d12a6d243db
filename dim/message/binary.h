// Binary values inside DIMP JSON: base64 text, and the dressed forms that peers of both generations
// write.
#pragma once
#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/base/json.h"

namespace dim {

/// Understands "<base64>", "base64,<..>", "hex,<..>", "base58,<..>",
/// "data:<mime>[;name=value..];base64,<..>" and
/// {"algorithm": "base64" | "hex" | "base58", "data": "<..>"} (wire.md 2, wire-2026.md 3.1). Each
/// payload is strict (A35). Errc::encoding for anything else. Writing is always plain base64.
Result<Bytes> decode_binary(const Json& value);
Result<Bytes> decode_binary(std::string_view text);

}  // namespace dim
