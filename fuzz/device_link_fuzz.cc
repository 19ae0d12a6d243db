// What one device shows another: what parses is written in a form that parses to the same.
#include <cstdlib>
#include <string_view>

#include "dim/engine/device_link.h"

using namespace dim;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = DeviceRequest::parse(text)) {
    if (request->number().size() != 19 || !request->key.can_encrypt()) std::abort();
    if (!Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF/" + request->name)) std::abort();
  }
  if (const auto grant = DeviceGrant::parse(text)) {
    const auto again = DeviceGrant::parse(grant->text());
    if (!again || again->visa.digest() != grant->visa.digest() || again->id != grant->id ||
        again->station != grant->station)
      std::abort();
  }
  return 0;
}
