// Contents as they arrive: what decodes can be encoded and decodes again to the same.
#include "fuzz/content_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  auto json = parse_json_object(fuzz::text_of(data, size));
  if (json) fuzz::check_content(std::move(*json));
  return 0;
}
