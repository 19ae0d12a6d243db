// Contents and commands: what decodes can be encoded and decodes again to the same.
#include <cstdlib>
#include <string>

#include "dim/protocol/content.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  auto json = parse_json_object({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto content = decode_content(*json);
  if (!content) return 0;
  const JsonObject encoded = encode_content(*content);
  const auto again = decode_content(encoded);
  if (!again || !(encode_content(*again) == encoded)) std::abort();
  return 0;
}
