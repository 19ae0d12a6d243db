#include "dim/protocol/head.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "dim/identity/ted.h"
#include "dim/message/message.h"

namespace dim {

ContentHead ContentHead::make(std::string_view type, Millis now, Random& random) {
  constexpr std::uint64_t kMask = 0x7FFF'FFFF;
  ContentHead head{.type = std::string(type)};
  head.sn = static_cast<std::int64_t>(random.u64() & kMask);
  if (head.sn == 0) head.sn = 1;
  head.time = static_cast<double>(now) / 1000;
  return head;
}

std::string content_type(const JsonObject& content) {
  const Json* type = content.find("type");
  return type != nullptr && (type->text() != nullptr || type->integer() != nullptr)
             ? type_text(*type)
             : std::string();
}

std::optional<std::int64_t> content_sn(const JsonObject& content) {
  const Json* value = content.find("sn");
  if (value == nullptr) return std::nullopt;
  if (const std::int64_t* number = value->integer())
    return *number > 0 ? std::optional(*number) : std::nullopt;
  const std::string* text = value->text();
  if (text == nullptr) return std::nullopt;
  std::int64_t number = 0;
  const char* end = text->data() + text->size();
  const auto [at, error] = std::from_chars(text->data(), end, number);
  if (error != std::errc() || at != end || number <= 0) return std::nullopt;
  return number;
}

double content_time(const JsonObject& content) { return read_seconds(content.find("time")); }

Millis content_millis(double seconds) {
  constexpr double kLast = 1e11;
  return static_cast<Millis>(std::llround(std::min(seconds, kLast) * 1000));
}

}  // namespace dim
