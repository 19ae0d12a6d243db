// JSON: what was read is written and read again as the same, in both styles; the limits hold.
#include "dim/base/json.h"
#include "dim/base/utf8.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const std::string_view text = fuzz::text_of(data, size);
  const auto value = parse_json(text);
  must(!parse_json(text, {.depth = 0, .nodes = 0, .string_bytes = 0}).has_value());
  if (!value) return 0;
  must(valid_utf8(text));
  for (const JsonStyle style : {JsonStyle::compact, JsonStyle::reference}) {
    const std::string written = write_json(*value, style);
    const auto again = parse_json(written);
    must(again.has_value() && *again == *value);
    must(write_json(*again, style) == written);
  }
  if (value->object() != nullptr) must(parse_json_object(text).has_value());
  return 0;
}
