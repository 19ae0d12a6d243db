// JSON as DIM reads it: strict (RFC 8259, no duplicate keys, no lone surrogates, bounded), order of
// members kept.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/limits.h"

namespace dim {

class Json;

/// Members in the order in which they arrived or were set. Look-up is linear: objects here are
/// small and bounded.
class JsonObject {
 public:
  using Member = std::pair<std::string, Json>;

  const Json* find(std::string_view key) const;
  Json* find(std::string_view key);
  bool contains(std::string_view key) const { return find(key) != nullptr; }
  /// Replaces the value of `key` in place, or appends the member.
  Json& set(std::string_view key, Json value);
  bool erase(std::string_view key);
  /// Appends without a look-up; the caller knows that the key is new.
  void append_new(std::string key, Json value);

  /// Text of a string member, or nullptr (missing or of another type).
  const std::string* text(std::string_view key) const;

  std::size_t size() const;
  bool empty() const;
  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;
  std::vector<Member>::iterator begin();
  std::vector<Member>::iterator end();

  /// Equal members in any order.
  friend bool operator==(const JsonObject& a, const JsonObject& b);

 private:
  std::vector<Member> members_;
};

using JsonArray = std::vector<Json>;

/// One JSON value. Integers within int64 stay integers; every other number is a finite double.
class Json {
 public:
  Json() = default;
  Json(std::nullptr_t) {}                                  // NOLINT(google-explicit-constructor)
  Json(bool value) : value_(value) {}                      // NOLINT(google-explicit-constructor)
  Json(int value) : value_(std::int64_t{value}) {}         // NOLINT(google-explicit-constructor)
  Json(std::int64_t value) : value_(value) {}              // NOLINT(google-explicit-constructor)
  Json(double value) : value_(value) {}                    // NOLINT(google-explicit-constructor)
  Json(const char* value) : value_(std::string(value)) {}  // NOLINT(google-explicit-constructor)
  Json(std::string_view value)
      : value_(std::string(value)) {}                    // NOLINT(google-explicit-constructor)
  Json(std::string value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Json(JsonArray value) : value_(std::move(value)) {}    // NOLINT(google-explicit-constructor)
  Json(JsonObject value) : value_(std::move(value)) {}   // NOLINT(google-explicit-constructor)

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&value_); }
  const double* real() const { return std::get_if<double>(&value_); }
  const std::string* text() const { return std::get_if<std::string>(&value_); }
  const JsonArray* array() const { return std::get_if<JsonArray>(&value_); }
  const JsonObject* object() const { return std::get_if<JsonObject>(&value_); }
  std::string* text() { return std::get_if<std::string>(&value_); }
  JsonArray* array() { return std::get_if<JsonArray>(&value_); }
  JsonObject* object() { return std::get_if<JsonObject>(&value_); }
  bool is_number() const { return integer() != nullptr || real() != nullptr; }
  /// The number as double; 0 for anything that is not a number.
  double number() const;

  /// 1 == 1.0, objects without regard to order.
  friend bool operator==(const Json& a, const Json& b);

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, JsonArray, JsonObject>
      value_ = nullptr;
};

struct JsonLimits {
  std::size_t depth = limits::kJsonDepth;
  std::size_t nodes = limits::kJsonNodes;
  std::size_t string_bytes = limits::kJsonString;
};

/// Reads one JSON text, all of it (white space around it is allowed). Refused with Errc::json and
/// the offset: anything RFC 8259 refuses, a duplicate key, a lone surrogate, NUL in a key, NaN,
/// infinities, a number over 32 characters, a BOM; with Errc::too_large: a string over its limit.
/// Source: security.md J01–J06.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});
/// As parse_json, and the text must be an object (J07).
Result<JsonObject> parse_json_object(std::string_view text, const JsonLimits& limits = {});

enum class JsonStyle : std::uint8_t {
  compact,    ///< no white space, UTF-8 as it is
  reference,  ///< as Python's json.dumps: ", " and ": ", every non-ASCII character as \uXXXX
};
std::string write_json(const Json& value, JsonStyle style = JsonStyle::compact);
std::string write_json(const JsonObject& value, JsonStyle style = JsonStyle::compact);

}  // namespace dim
