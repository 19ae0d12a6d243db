// Keys that somebody made to fit the fingerprint of another's meta (A02, J15).
#pragma once
#include <string>
#include <string_view>

#include "dim/identity/meta.h"

namespace dim {

/// Whether `shown`, which stands for a meta, has the fingerprint of `known` and is no meta: whoever
/// makes a key for somebody's fingerprint needs that very fingerprint.
inline bool is_forged_for(const JsonObject& shown, const Meta& known) {
  const std::string* one = shown.text("fingerprint");
  const std::string* other = known.json().text("fingerprint");
  return one != nullptr && other != nullptr && *one == *other && !Meta::parse(shown);
}

inline constexpr std::string_view kForgedKey =
    "a key that is not taken under the fingerprint of this ID";

}  // namespace dim
