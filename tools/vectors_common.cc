#include <algorithm>

#include "dim/base/hex.h"
#include "tools/vectors.h"

namespace dim::vectors {
namespace {

constexpr std::size_t kShown = 200;

std::string shown(const Json& value) {
  std::string text = write_json(value);
  if (text.size() > kShown) {
    text.resize(kShown);
    text += "…";
  }
  return text;
}

}  // namespace

std::string differs(const Json& expected, const Json& got) {
  return "expected " + shown(expected) + ", got " + shown(got);
}

std::string differs(std::string_view what, const Json& expected, const Json& got) {
  return std::string(what) + ": " + differs(expected, got);
}

std::optional<std::string> check_verdict(const Case& test, bool accepted) {
  if (accepted == test.accepts()) return std::nullopt;
  return differs(test.verdict, accepted ? "accept" : "reject");
}

std::optional<std::string> compare_members(const JsonObject& expected, const JsonObject& got,
                                           std::initializer_list<std::string_view> ignored) {
  for (const auto& [name, value] : expected) {
    if (std::ranges::find(ignored, std::string_view(name)) != ignored.end()) continue;
    const Json* found = got.find(name);
    const Json actual = found != nullptr ? *found : Json();
    if (!(actual == value)) return differs(name, value, actual);
  }
  return std::nullopt;
}

const JsonObject& object_member(const JsonObject& object, std::string_view name) {
  static const JsonObject kNone;
  const Json* value = object.find(name);
  return value != nullptr && value->object() != nullptr ? *value->object() : kNone;
}

const std::string& text_member(const JsonObject& object, std::string_view name) {
  static const std::string kNone;
  const std::string* text = object.text(name);
  return text != nullptr ? *text : kNone;
}

Bytes hex_member(const JsonObject& object, std::string_view name) {
  auto bytes = from_hex(text_member(object, name));
  return bytes ? std::move(*bytes) : Bytes();
}

}  // namespace dim::vectors
