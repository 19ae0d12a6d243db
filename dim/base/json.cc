#include "dim/base/json.h"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "dim/base/utf8.h"

namespace dim {
namespace {

// Up to here comparing each with each is faster than sorting.
constexpr std::size_t kScanMembers = 16;

bool same_number(std::int64_t a, double b) {
  // 2^63 is the first double beyond int64; the cast back would be undefined from there on.
  return b >= -0x1p63 && b < 0x1p63 && std::trunc(b) == b && static_cast<std::int64_t>(b) == a;
}

std::vector<const JsonObject::Member*> by_key(const JsonObject& object) {
  std::vector<const JsonObject::Member*> out;
  out.reserve(object.size());
  for (const auto& member : object) out.push_back(&member);
  std::sort(out.begin(), out.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  return out;
}

bool has_duplicate_key(const JsonObject& object) {
  if (object.size() <= kScanMembers) {
    for (auto a = object.begin(); a != object.end(); ++a) {
      for (auto b = object.begin(); b != a; ++b) {
        if (a->first == b->first) return true;
      }
    }
    return false;
  }
  // Sorting instead of hashing: keys chosen to collide cannot make it quadratic.
  const auto members = by_key(object);
  const auto same = [](const auto* a, const auto* b) { return a->first == b->first; };
  return std::adjacent_find(members.begin(), members.end(), same) != members.end();
}

using boost::json::error_code;

/// Receives the events of Boost.JSON's parser and builds the value; `fault` says why it stopped the
/// parser.
class Builder {
 public:
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_string_size = std::numeric_limits<std::size_t>::max();

  explicit Builder(const JsonLimits& limits) : limits_(limits) {}

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code& ec) { return open(JsonObject{}, ec); }
  bool on_object_end(std::size_t, error_code& ec) {
    if (has_duplicate_key(*open_.back().value.object())) {
      return stop(ec, Errc::json, "a key stands twice in an object; keep one");
    }
    close();
    return true;
  }
  bool on_array_begin(error_code& ec) { return open(JsonArray{}, ec); }
  bool on_array_end(std::size_t, error_code&) {
    close();
    return true;
  }

  bool on_key_part(boost::json::string_view part, std::size_t size, error_code& ec) {
    return collect(part, size, ec);
  }
  bool on_key(boost::json::string_view part, std::size_t size, error_code& ec) {
    if (!collect(part, size, ec)) return false;
    if (text_.find('\0') != std::string::npos)
      return stop(ec, Errc::json, "a key may not hold NUL");
    open_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(boost::json::string_view part, std::size_t size, error_code& ec) {
    return collect(part, size, ec);
  }
  bool on_string(boost::json::string_view part, std::size_t size, error_code& ec) {
    return collect(part, size, ec) && add(std::exchange(text_, {}), ec);
  }

  bool on_number_part(boost::json::string_view part, error_code& ec) {
    if (text_.size() + part.size() > limits::kJsonNumber) {
      return stop(ec, Errc::json, "a number may have 32 characters");
    }
    text_.append(part.data(), part.size());
    return true;
  }
  bool on_int64(std::int64_t, boost::json::string_view part, error_code& ec) {
    return number(part, 0, ec);
  }
  bool on_uint64(std::uint64_t, boost::json::string_view part, error_code& ec) {
    return number(part, 1, ec);
  }
  bool on_double(double value, boost::json::string_view part, error_code& ec) {
    return number(part, value, ec);
  }
  bool on_bool(bool value, error_code& ec) { return add(value, ec); }
  bool on_null(error_code& ec) { return add(nullptr, ec); }
  bool on_comment_part(boost::json::string_view, error_code&) { return true; }
  bool on_comment(boost::json::string_view, error_code&) { return true; }

  Json take() { return std::move(root_); }
  const std::optional<Error>& fault() const { return fault_; }

 private:
  struct Open {
    Json value;
    std::string key;  // of the member that comes next
  };

  bool stop(error_code& ec, Errc code, Literal hint) {
    fault_ = Error{code, hint.view};
    ec =
        boost::json::error::exception;  // any error makes the parser return; the real one is fault_
    return false;
  }

  bool count(error_code& ec) {
    return ++nodes_ <= limits_.nodes ||
           stop(ec, Errc::json, "the text holds more values than may be");
  }

  bool collect(boost::json::string_view part, std::size_t size, error_code& ec) {
    if (size > limits_.string_bytes)
      return stop(ec, Errc::too_large, "a string is longer than may be");
    text_.append(part.data(), part.size());
    return true;
  }

  /// Reads the number again from its text: Boost.JSON rounds some doubles wrongly in the last
  /// place.
  bool number(boost::json::string_view part, double rough, error_code& ec) {
    if (!on_number_part(part, ec)) return false;
    const std::string text = std::exchange(text_, {});
    const char* const end = text.data() + text.size();
    if (text.find_first_of(".eE") == std::string::npos) {
      std::int64_t integer = 0;
      const auto [stopped, error] = std::from_chars(text.data(), end, integer);
      if (error == std::errc{} && stopped == end) return add(integer, ec);
    }
    double real = 0;
    const auto [stopped, error] = std::from_chars(text.data(), end, real);
    if (error == std::errc::result_out_of_range) {
      if (std::abs(rough) > 1) return stop(ec, Errc::json, "a number is too large for a double");
      real = text.front() == '-' ? -0.0 : 0.0;
    } else if (error != std::errc{} || stopped != end || !std::isfinite(real)) {
      return stop(ec, Errc::json, "a number is malformed");
    }
    return add(real, ec);
  }

  bool open(Json value, error_code& ec) {
    if (!count(ec)) return false;
    open_.push_back({std::move(value), {}});
    return true;
  }

  bool add(Json value, error_code& ec) {
    if (!count(ec)) return false;
    place(std::move(value));
    return true;
  }

  void close() {
    Json value = std::move(open_.back().value);
    open_.pop_back();
    place(std::move(value));
  }

  void place(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (JsonArray* array = open_.back().value.array()) {
      array->push_back(std::move(value));
    } else {
      open_.back().value.object()->append_new(std::move(open_.back().key), std::move(value));
    }
  }

  JsonLimits limits_;
  std::vector<Open> open_;
  std::string text_;
  std::size_t nodes_ = 0;
  Json root_;
  std::optional<Error> fault_;
};

Error explain(const error_code& ec) {
  using boost::json::error;
  const auto json = [](Literal hint) { return Error{Errc::json, hint.view}; };
  switch (static_cast<error>(ec.value())) {
    case error::too_deep:
      return json("arrays and objects are nested too deeply");
    case error::incomplete:
      return json("the text ends too early");
    case error::extra_data:
      return json("something follows the value");
    case error::illegal_leading_surrogate:
    case error::illegal_trailing_surrogate:
    case error::expected_utf16_escape:
      return json("a surrogate stands alone; write the pair");
    default:
      return json("not JSON as RFC 8259 has it");
  }
}

void append_hex4(std::string& out, std::uint32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(digits[unit >> shift & 15]);
}

void append_utf16(std::string& out, char32_t c) {
  if (c < 0x10000) return append_hex4(out, c);
  append_hex4(out, 0xD800 + ((c - 0x10000) >> 10));
  append_hex4(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
}

void append_string(std::string& out, std::string_view text, JsonStyle style) {
  out.push_back('"');
  // Runs of plain characters are copied whole: long strings are mostly base64.
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; };
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t run = i;
    while (i < text.size() && plain(text[i])) ++i;
    out.append(text.substr(run, i - run));
    if (i == text.size()) break;
    const auto byte = static_cast<std::uint8_t>(text[i]);
    if (byte >= 0x80) {
      const std::size_t start = i;
      const char32_t c = next_code_point(text, i);
      if (style == JsonStyle::reference) {
        append_utf16(out, c);
      } else if (c == U'\uFFFD') {
        out +=
            "\xEF\xBF\xBD";  // also in place of bytes that are no UTF-8: the output is always JSON
      } else {
        out.append(text.substr(start, i - start));
      }
      continue;
    }
    ++i;
    switch (byte) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (byte < 0x20 || (byte == 0x7F && style == JsonStyle::reference)) {
          append_hex4(out, byte);
        } else {
          out.push_back(static_cast<char>(byte));
        }
    }
  }
  out.push_back('"');
}

/// As Python's repr: the shortest digits that read back equal, fixed from 1e-4 to below 1e16, else
/// with an exponent of at least two digits.
void append_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";  // JSON has no other way to say it
    return;
  }
  std::array<char, 40> buffer;
  const char* const end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific)
                              .ptr;
  std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* const exponent_text = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_text, end, exponent);
  if (exponent < -4 || exponent >= 16) {
    out.append(text);  // to_chars writes the exponent as Python does
    return;
  }
  if (text.front() == '-') out.push_back('-');
  std::string digits;
  for (const char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits.push_back(c);
  }
  if (exponent < 0) {
    out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
    return;
  }
  const auto whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() < whole + 1) digits.resize(whole + 1, '0');
  out.append(digits, 0, whole).append(".").append(digits, whole);
}

void append_json(std::string& out, const Json& value, JsonStyle style);

void append_object(std::string& out, const JsonObject& object, JsonStyle style) {
  const bool spaced = style == JsonStyle::reference;
  out.push_back('{');
  bool first = true;
  for (const auto& [key, value] : object) {
    if (!std::exchange(first, false)) out.append(spaced ? ", " : ",");
    append_string(out, key, style);
    out.append(spaced ? ": " : ":");
    append_json(out, value, style);
  }
  out.push_back('}');
}

void append_json(std::string& out, const Json& value, JsonStyle style) {
  if (value.is_null()) {
    out += "null";
  } else if (const bool* boolean = value.boolean()) {
    out += *boolean ? "true" : "false";
  } else if (const std::int64_t* integer = value.integer()) {
    out += std::to_string(*integer);
  } else if (const double* real = value.real()) {
    append_double(out, *real);
  } else if (const std::string* text = value.text()) {
    append_string(out, *text, style);
  } else if (const JsonObject* object = value.object()) {
    append_object(out, *object, style);
  } else if (const JsonArray* array = value.array()) {
    out.push_back('[');
    bool first = true;
    for (const Json& item : *array) {
      if (!std::exchange(first, false)) out.append(style == JsonStyle::reference ? ", " : ",");
      append_json(out, item, style);
    }
    out.push_back(']');
  }
}

}  // namespace

const Json* JsonObject::find(std::string_view key) const {
  for (const auto& [name, value] : members_) {
    if (name == key) return &value;
  }
  return nullptr;
}

Json* JsonObject::find(std::string_view key) {
  return const_cast<Json*>(std::as_const(*this).find(key));
}

Json& JsonObject::set(std::string_view key, Json value) {
  if (Json* old = find(key)) return *old = std::move(value);
  return members_.emplace_back(key, std::move(value)).second;
}

void JsonObject::append_new(std::string key, Json value) {
  members_.emplace_back(std::move(key), std::move(value));
}

bool JsonObject::erase(std::string_view key) {
  return std::erase_if(members_, [&](const Member& member) { return member.first == key; }) != 0;
}

const std::string* JsonObject::text(std::string_view key) const {
  const Json* value = find(key);
  return value == nullptr ? nullptr : value->text();
}

std::size_t JsonObject::size() const { return members_.size(); }
bool JsonObject::empty() const { return members_.empty(); }
std::vector<JsonObject::Member>::const_iterator JsonObject::begin() const {
  return members_.begin();
}
std::vector<JsonObject::Member>::const_iterator JsonObject::end() const { return members_.end(); }
std::vector<JsonObject::Member>::iterator JsonObject::begin() { return members_.begin(); }
std::vector<JsonObject::Member>::iterator JsonObject::end() { return members_.end(); }

bool operator==(const JsonObject& a, const JsonObject& b) {
  if (a.size() != b.size()) return false;
  const auto left = by_key(a);
  const auto right = by_key(b);
  return std::equal(left.begin(), left.end(), right.begin(), [](const auto* x, const auto* y) {
    return x->first == y->first && x->second == y->second;
  });
}

double Json::number() const {
  if (const std::int64_t* value = integer()) return static_cast<double>(*value);
  if (const double* value = real()) return *value;
  return 0;
}

bool operator==(const Json& a, const Json& b) {
  if (a.integer() != nullptr && b.real() != nullptr) return same_number(*a.integer(), *b.real());
  if (a.real() != nullptr && b.integer() != nullptr) return same_number(*b.integer(), *a.real());
  return a.value_ == b.value_;
}

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::basic_parser<Builder> parser(options, limits);
  error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (!ec && used < text.size()) ec = boost::json::error::extra_data;
  if (!ec) return parser.handler().take();
  Error error = parser.handler().fault().value_or(explain(ec));
  error.at = static_cast<std::uint32_t>(used);
  return std::unexpected(error);
}

Result<JsonObject> parse_json_object(std::string_view text, const JsonLimits& limits) {
  Result<Json> value = parse_json(text, limits);
  if (!value) return std::unexpected(value.error());
  if (JsonObject* object = value->object()) return std::move(*object);
  return fail(Errc::json, "the text must be an object");
}

std::string write_json(const Json& value, JsonStyle style) {
  std::string out;
  append_json(out, value, style);
  return out;
}

std::string write_json(const JsonObject& value, JsonStyle style) {
  std::string out;
  append_object(out, value, style);
  return out;
}

}  // namespace dim
