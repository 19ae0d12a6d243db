// Contents as they arrive: what decodes can be encoded and decodes again to the same.
#include "dim/engine/message_change.h"
#include "fuzz/content_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  auto json = parse_json_object(fuzz::text_of(data, size));
  if (json) {
    const auto content = decode_content(*json);
    if (const auto change = content ? read_message_change(*content)
                                    : Result<MessageChange>(fail(Errc::content, "none")))
      fuzz::must(change->guid.size() == 32 &&
                 (change->act == MessageAct::edit) == !change->text.empty());
  }
  if (json) fuzz::check_content(std::move(*json));
  return 0;
}
