// What must hold of every content that decodes.
#pragma once
#include <utility>

#include "dim/protocol/content.h"
#include "dim/protocol/wire.h"
#include "fuzz/check.h"

namespace dim::fuzz {

/// Aborts when what decodes cannot be written and read again as the same, or loses a member that it
/// does not know.
inline void check_content(JsonObject json) {
  constexpr std::string_view kUnknown = "x-fuzz-unknown";
  if (!json.contains(kUnknown)) json.set(kUnknown, JsonArray{Json(1), Json("two")});
  const auto content = decode_content(json);
  if (!content) return;
  const JsonObject encoded = encode_content(*content);
  must(encoded.contains(kUnknown));
  must(*encoded.find(kUnknown) == *json.find(kUnknown));
  const auto again = decode_content(encoded);
  must(again.has_value());
  must(encode_content(*again) == encoded);
  // With old names too; these may be more than the limit of the kind.
  const auto old = decode_content(to_wire(encoded));
  must(old.has_value() || old.error().code == Errc::too_large);
  must(!old || encode_content(*old).contains(kUnknown));
}

}  // namespace dim::fuzz
