// IDs and addresses: whatever the trust boundary takes, the codec takes; text comes back as one
// canonical spelling.
#include "dim/base/base58.h"
#include "dim/base/utf8.h"
#include "dim/identity/id.h"
#include "dim/identity/name.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const std::string_view text = fuzz::text_of(data, size);

  const auto wire = WireId::parse(text);
  if (wire) {
    must(wire->text == text);
    must(wire->same_entity(wire->with_terminal("x")));
    must(WireId::parse(wire->with_terminal("x").text).has_value());
  }
  if (const auto id = Id::parse(text)) {
    must(wire.has_value());
    must(valid_utf8(id->text()));
    must(id->text().size() <= 64 + 1 + 44 + 1 + 32);
    const auto again = Id::parse(id->text());
    must(again.has_value() && *again == *id && again->type() == id->type());
    must(id->name().empty() || check_name(id->name()).has_value());
    must(id->is_broadcast() == (id->address().kind() == AddressKind::broadcast));
    must(id->same_entity(id->bare()) && id->bare().terminal().empty());
  }
  if (const auto bytes = from_base58(text)) must(to_base58(*bytes) == text);
  const bool mixed = mixed_scripts(text);
  if (mixed) must(valid_utf8(text));
  return 0;
}
