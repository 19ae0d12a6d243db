// Text codecs of dim/base: what decodes has exactly one text, and encoding gives it back.
#include <algorithm>
#include <string>

#include "dim/base/base58.h"
#include "dim/base/base64.h"
#include "dim/base/hex.h"
#include "dim/base/time.h"
#include "dim/base/utf8.h"
#include "fuzz/check.h"

namespace {

void decode(std::string_view text) {
  using namespace dim;
  using fuzz::must;
  if (const auto bytes = from_base64(text)) {
    const std::string again = to_base64(*bytes);
    must(again == text || again.substr(0, again.find('=')) == text);
  }
  if (const auto bytes = from_base64url(text))
    must(to_base64url(*bytes).starts_with(text.substr(0, text.find('='))));
  if (const auto bytes = from_base58(text)) must(to_base58(*bytes) == text);
  if (const auto bytes = from_hex(text)) must(to_hex(*bytes).size() == text.size());
  if (const auto time = parse_time(text)) {
    const auto again = parse_time(format_time(*time));
    must(again.has_value() && *again == *time);
  }
  if (valid_utf8(text)) {
    for (std::size_t offset = 0; offset < text.size();) {
      const std::size_t before = offset;
      const char32_t c = next_code_point(text, offset);
      must(offset > before && offset <= text.size() && c <= 0x10FFFF);
    }
  }
  const std::string shown = escape(text, 64);
  must(shown.size() <= 64);
  for (const char c : shown) must(c >= ' ' && c < 127);
}

void encode(dim::ByteView bytes) {
  using namespace dim;
  using fuzz::must;
  const Bytes same(bytes.begin(), bytes.end());
  must(from_base64(to_base64(bytes)) == same);
  must(from_base64url(to_base64url(bytes)) == same);
  must(from_hex(to_hex(bytes)) == same);
  const std::string base58 = to_base58(bytes.first(std::min<std::size_t>(bytes.size(), 80)));
  if (base58.size() <= 128) must(from_base58(base58).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode(dim::fuzz::text_of(data, size));
  encode({data, size});
  return 0;
}
