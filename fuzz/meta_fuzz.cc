// Metas. Input: JSON text of an object.
#include "dim/identity/meta.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const auto object = parse_json_object(fuzz::text_of(data, size));
  if (!object) return 0;

  const JsonObject fixed = meta_for_wire(*object);
  must(meta_for_wire(fixed) == fixed);
  const auto codec = Meta::parse(*object, Reading::codec);
  const auto meta = Meta::parse(*object);
  if (!meta) return 0;
  must(codec.has_value() && codec->digest() == meta->digest());
  const auto again = Meta::parse(meta_for_wire(meta->json()));
  must(again.has_value() && again->digest() == meta->digest());
  for (int network = 0; network < 256; network += 1) {
    const auto id = meta->id(static_cast<EntityType>(network));
    if (!id) continue;
    must(meta->matches(*id));
    const auto parsed = Id::parse(id->text());
    must(parsed.has_value() && *parsed == *id);
  }
  return 0;
}
