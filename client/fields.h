// Reading members of stored objects and numbers of headers, with a default for what is not there.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/base64.h"
#include "dim/base/json.h"
#include "dim/crypto/digest.h"

namespace dim {

inline std::string text_in(const JsonObject& object, std::string_view key) {
  const std::string* value = object.text(key);
  return value == nullptr ? std::string() : *value;
}

inline std::int64_t integer_in(const JsonObject& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->integer() != nullptr ? *value->integer() : 0;
}

inline bool truth_in(const JsonObject& object, std::string_view key) {
  const Json* value = object.find(key);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

/// The number that a header's text begins with; 0 when there is none.
inline std::int64_t number_in(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// What a header says in whole seconds, in ms: 0 to an hour, whatever a station writes there.
inline std::int64_t seconds_in(std::string_view text) {
  constexpr std::int64_t kMostSeconds = 3'600;
  return 1'000 * std::clamp<std::int64_t>(number_in(text), 0, kMostSeconds);
}

/// A digest that was stored as base64.
inline std::optional<Digest32> digest_in(std::string_view base64) {
  const auto bytes = from_base64(base64);
  if (!bytes || bytes->size() != std::tuple_size_v<Digest32>) return std::nullopt;
  Digest32 out;
  std::ranges::copy(*bytes, out.begin());
  return out;
}

}  // namespace dim
