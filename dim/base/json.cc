#include "dim/base/json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <unordered_set>

#include "dim/base/utf8.h"

namespace dim {

// --- objects ----------------------------------------------------------------------------------------------------

const Json* JsonObject::find(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Json* JsonObject::find(std::string_view key) {
  for (Member& member : members_) {
    if (member.first == key) return &member.second;
  }
  return nullptr;
}

Json& JsonObject::set(std::string_view key, Json value) {
  if (Json* found = find(key)) return *found = std::move(value);
  return members_.emplace_back(std::string(key), std::move(value)).second;
}

void JsonObject::append_new(std::string key, Json value) { members_.emplace_back(std::move(key), std::move(value)); }

bool JsonObject::erase(std::string_view key) {
  return std::erase_if(members_, [&](const Member& member) { return member.first == key; }) > 0;
}

const std::string* JsonObject::text(std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? nullptr : value->text();
}

std::size_t JsonObject::size() const { return members_.size(); }
bool JsonObject::empty() const { return members_.empty(); }
std::vector<JsonObject::Member>::const_iterator JsonObject::begin() const { return members_.begin(); }
std::vector<JsonObject::Member>::const_iterator JsonObject::end() const { return members_.end(); }
std::vector<JsonObject::Member>::iterator JsonObject::begin() { return members_.begin(); }
std::vector<JsonObject::Member>::iterator JsonObject::end() { return members_.end(); }

bool operator==(const JsonObject& a, const JsonObject& b) {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a.members_, [&](const JsonObject::Member& member) {
    const Json* other = b.find(member.first);
    return other != nullptr && *other == member.second;
  });
}

double Json::number() const {
  if (const std::int64_t* value = integer()) return static_cast<double>(*value);
  const double* value = real();
  return value == nullptr ? 0 : *value;
}

bool operator==(const Json& a, const Json& b) {
  if (a.is_number() && b.is_number()) {
    if (a.integer() != nullptr && b.integer() != nullptr) return *a.integer() == *b.integer();
    return a.number() == b.number();
  }
  return a.value_ == b.value_;
}

// --- reading ----------------------------------------------------------------------------------------------------

namespace {

namespace bj = boost::json;

/// Builds our values from Boost.JSON's events and refuses what the grammar alone allows.
struct Builder {
  static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
  static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);

  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;  // only for objects that grow beyond a scan
  };
  static constexpr std::size_t kScan = 32;

  JsonLimits limits;
  std::vector<Level> levels;
  Json root;
  std::string partial;
  std::size_t number_size = 0;
  std::size_t nodes = 0;
  std::optional<std::unexpected<Error>> refused;

  bool refuse(bj::error_code& ec, std::unexpected<Error> error) {
    refused = error;
    ec = bj::make_error_code(bj::error::syntax);
    return false;
  }

  bool add(Json value, bj::error_code& ec) {
    if (++nodes > limits.nodes) return refuse(ec, fail(Errc::json, "this JSON has too many values; 10,000 are allowed"));
    if (levels.empty()) {
      root = std::move(value);
    } else if (JsonArray* array = levels.back().value.array()) {
      array->push_back(std::move(value));
    } else {
      append_member(std::move(value));
    }
    return true;
  }

  void append_member(Json value) {
    Level& level = levels.back();
    // The key is known to be new, so nothing has to be looked for.
    level.value.object()->append_new(std::move(level.key), std::move(value));
  }

  bool begin(Json container, bj::error_code& ec) {
    if (levels.size() >= limits.depth) return refuse(ec, fail(Errc::json, "this JSON is nested too deeply; 32 levels are allowed"));
    levels.push_back({std::move(container), {}, {}});
    return true;
  }
  bool end(bj::error_code& ec) {
    Json value = std::move(levels.back().value);
    levels.pop_back();
    return add(std::move(value), ec);
  }

  bool on_document_begin(bj::error_code&) { return true; }
  bool on_document_end(bj::error_code&) { return true; }
  bool on_object_begin(bj::error_code& ec) { return begin(JsonObject(), ec); }
  bool on_object_end(std::size_t, bj::error_code& ec) { return end(ec); }
  bool on_array_begin(bj::error_code& ec) { return begin(JsonArray(), ec); }
  bool on_array_end(std::size_t, bj::error_code& ec) { return end(ec); }

  bool on_part(bj::string_view part, bj::error_code& ec) {
    if (partial.size() + part.size() > limits.string_bytes) {
      return refuse(ec, fail(Errc::too_large, "a JSON string is too long; 1 MiB is allowed"));
    }
    partial.append(part.data(), part.size());
    return true;
  }
  bool on_key_part(bj::string_view part, std::size_t, bj::error_code& ec) { return on_part(part, ec); }
  bool on_key(bj::string_view part, std::size_t, bj::error_code& ec) {
    if (!on_part(part, ec)) return false;
    std::string key = std::exchange(partial, {});
    if (key.contains('\0')) return refuse(ec, fail(Errc::json, "a JSON key may not hold NUL"));
    Level& level = levels.back();
    const JsonObject& object = *level.value.object();
    bool fresh = true;
    if (object.size() < kScan) {
      fresh = !object.contains(key);
    } else {
      if (level.keys.empty()) {
        for (const auto& member : object) level.keys.insert(member.first);
      }
      fresh = level.keys.insert(key).second;
    }
    if (!fresh) return refuse(ec, fail(Errc::json, "a JSON key stands twice in one object; keep one"));
    level.key = std::move(key);
    return true;
  }
  bool on_string_part(bj::string_view part, std::size_t, bj::error_code& ec) { return on_part(part, ec); }
  bool on_string(bj::string_view part, std::size_t, bj::error_code& ec) {
    return on_part(part, ec) && add(std::exchange(partial, {}), ec);
  }
  bool on_number_part(bj::string_view part, bj::error_code&) {
    number_size += part.size();
    return true;
  }
  bool on_number(Json value, bj::string_view part, bj::error_code& ec) {
    if (std::exchange(number_size, 0) + part.size() > limits::kJsonNumber) {
      return refuse(ec, fail(Errc::json, "a JSON number has more than 32 characters"));
    }
    return add(std::move(value), ec);
  }
  bool on_int64(std::int64_t value, bj::string_view part, bj::error_code& ec) { return on_number(value, part, ec); }
  bool on_uint64(std::uint64_t value, bj::string_view part, bj::error_code& ec) {
    return on_number(static_cast<double>(value), part, ec);
  }
  bool on_double(double value, bj::string_view part, bj::error_code& ec) {
    if (!std::isfinite(value)) return refuse(ec, fail(Errc::json, "a JSON number is too large to be finite"));
    return on_number(value, part, ec);
  }
  bool on_bool(bool value, bj::error_code& ec) { return add(value, ec); }
  bool on_null(bj::error_code& ec) { return add(nullptr, ec); }
  bool on_comment_part(bj::string_view, bj::error_code&) { return true; }
  bool on_comment(bj::string_view, bj::error_code&) { return true; }
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  bj::parse_options options;
  options.max_depth = limits.depth + 1;  // one level more, so that ours is the message
  bj::basic_parser<Builder> parser(options);
  parser.handler().limits = limits;
  bj::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (auto& refused = parser.handler().refused) {
    refused->error().at = static_cast<std::uint32_t>(used);
    return *refused;
  }
  if (ec || !parser.done()) return fail(Errc::json, "this is not valid JSON (RFC 8259)", used);
  if (text.find_first_not_of(" \t\r\n", used) != std::string_view::npos) {
    return fail(Errc::json, "something stands behind the JSON value", used);
  }
  return std::move(parser.handler().root);
}

Result<JsonObject> parse_json_object(std::string_view text, const JsonLimits& limits) {
  auto value = parse_json(text, limits);
  if (!value) return std::unexpected(value.error());
  JsonObject* object = value->object();
  if (object == nullptr) return fail(Errc::json, "a JSON object is needed here");
  return std::move(*object);
}

// --- writing ----------------------------------------------------------------------------------------------------

namespace {

/// As Python prints floats: shortest digits that read back, exponent form from 1e16 and below 1e-4, ".0" for whole numbers.
void write_double(std::string& out, double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  if (text.starts_with('-')) {
    out.push_back('-');
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits.append(text.substr(2, e - 2));
  int exponent = 0;
  const std::string_view exponent_text = text.substr(e + (text[e + 1] == '+' ? 2 : 1));
  std::from_chars(exponent_text.data(), exponent_text.data() + exponent_text.size(), exponent);
  const auto count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out.push_back(digits[0]);
    if (count > 1) out.append(".").append(digits, 1);
    out.append(exponent < 0 ? "e-" : "e+");
    const std::string size = std::to_string(std::abs(exponent));
    if (size.size() < 2) out.push_back('0');
    out.append(size);
  } else if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  } else if (count <= exponent + 1) {
    out.append(digits).append(static_cast<std::size_t>(exponent + 1 - count), '0').append(".0");
  } else {
    const auto whole = static_cast<std::size_t>(exponent) + 1;
    out.append(digits, 0, whole).append(".").append(digits, whole);
  }
}

void write_unit(std::string& out, std::uint32_t unit) {
  constexpr char kDigits[] = "0123456789abcdef";
  const char text[6] = {'\\', 'u', kDigits[unit >> 12 & 15], kDigits[unit >> 8 & 15], kDigits[unit >> 4 & 15], kDigits[unit & 15]};
  out.append(text, 6);
}

void write_string(std::string& out, std::string_view text, JsonStyle style) {
  out.push_back('"');
  std::size_t at = 0;
  while (at < text.size()) {
    // Runs of plain characters are copied whole: base64 is nothing else.
    std::size_t run = at;
    while (run < text.size()) {
      const auto c = static_cast<std::uint8_t>(text[run]);
      if (c < 0x20 || c == '"' || c == '\\' || (style == JsonStyle::reference && c >= 0x7F)) break;
      ++run;
    }
    out.append(text, at, run - at);
    at = run;
    if (at == text.size()) break;
    const char c = text[at];
    switch (c) {
      case '"': out.append("\\\""); ++at; continue;
      case '\\': out.append("\\\\"); ++at; continue;
      case '\b': out.append("\\b"); ++at; continue;
      case '\f': out.append("\\f"); ++at; continue;
      case '\n': out.append("\\n"); ++at; continue;
      case '\r': out.append("\\r"); ++at; continue;
      case '\t': out.append("\\t"); ++at; continue;
      default: break;
    }
    const char32_t point = next_code_point(text, at);
    if (point == 0x7F) {
      out.push_back(c);
    } else if (point >= 0x10000) {
      write_unit(out, 0xD800 + ((point - 0x10000) >> 10));
      write_unit(out, 0xDC00 + ((point - 0x10000) & 0x3FF));
    } else {
      write_unit(out, point);
    }
  }
  out.push_back('"');
}

void write(std::string& out, const Json& value, JsonStyle style);

void write(std::string& out, const JsonObject& object, JsonStyle style) {
  out.push_back('{');
  bool first = true;
  for (const auto& [key, value] : object) {
    if (!std::exchange(first, false)) out.append(style == JsonStyle::reference ? ", " : ",");
    write_string(out, key, style);
    out.append(style == JsonStyle::reference ? ": " : ":");
    write(out, value, style);
  }
  out.push_back('}');
}

void write(std::string& out, const Json& value, JsonStyle style) {
  if (value.is_null()) {
    out.append("null");
  } else if (const bool* truth = value.boolean()) {
    out.append(*truth ? "true" : "false");
  } else if (const std::int64_t* integer = value.integer()) {
    char buffer[24];
    out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, *integer).ptr);
  } else if (const double* real = value.real()) {
    write_double(out, *real);
  } else if (const std::string* text = value.text()) {
    write_string(out, *text, style);
  } else if (const JsonArray* array = value.array()) {
    out.push_back('[');
    bool first = true;
    for (const Json& item : *array) {
      if (!std::exchange(first, false)) out.append(style == JsonStyle::reference ? ", " : ",");
      write(out, item, style);
    }
    out.push_back(']');
  } else {
    write(out, *value.object(), style);
  }
}

}  // namespace

std::string write_json(const Json& value, JsonStyle style) {
  std::string out;
  write(out, value, style);
  return out;
}

std::string write_json(const JsonObject& value, JsonStyle style) {
  std::string out;
  write(out, value, style);
  return out;
}

}  // namespace dim
