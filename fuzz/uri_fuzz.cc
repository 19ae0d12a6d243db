// URIs, graphical IDs, GUIDs and target addresses: what parses is written in a form that parses to
// the same.
#include <cstdlib>
#include <string>

#include "dim/packet/guid.h"
#include "dim/packet/uri.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto uri = Uri::parse(text)) {
    const auto again = Uri::parse(uri->text());
    // Escapes may make the written form longer than a URI may be.
    if (!again && again.error().code != Errc::uri_too_long) std::abort();
    if (again && again->text() != uri->text()) std::abort();
  }
  if (const auto name = parse_graphical_id(text); name && parse_graphical_id(*name) != *name)
    std::abort();
  if (const auto guid = Guid::parse(text); guid && Guid::parse(guid->text()) != *guid) std::abort();
  if (const auto address = parse_target_address(text);
      address && parse_target_address(*address) != *address)
    std::abort();
  return 0;
}
