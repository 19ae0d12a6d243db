// Binary values, files and times inside JSON. Input: JSON text.
#include "dim/identity/ted.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const std::string_view text = fuzz::text_of(data, size);
  (void)DataUri::parse(text);
  (void)from_hex_lenient(text);
  (void)from_base64_lenient(text);
  const auto value = parse_json(text);
  if (!value) return 0;

  const auto codec = TransportableData::parse(*value, Reading::codec);
  if (const auto strict = TransportableData::parse(*value)) {
    must(codec.has_value() && codec->data == strict->data);
    must(!strict->data.empty());
    const auto again = read_data(Json(TransportableData{.data = strict->data}.text()));
    must(again.has_value() && *again == strict->data);
  }
  if (const auto file = PortableFile::parse(*value)) {
    must(file->url || file->data);
    must(PortableFile::parse(*value, Reading::codec).has_value());
  }
  if (const auto time = read_time(*value)) must(*time >= 0);
  (void)type_text(*value);
  return 0;
}
