// Every kind of the table by number, so that the fuzzer need not guess names: the first byte is the
// place in the table, the rest are members as JSON. Files and their URLs are tried as well.
#include "fuzz/content_check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  if (size == 0) return 0;
  auto json = parse_json_object(fuzz::text_of(data + 1, size - 1));
  if (!json) return 0;
  const auto kinds = built_in_kinds();
  const Kind& kind = kinds[data[0] % kinds.size()];
  json->set("type", kind.type);
  if (!kind.command.empty()) {
    json->set("command", kind.command);
    json->erase("cmd");
  }
  if (!json->contains("sn")) json->set("sn", 1);
  if (const auto content = decode_content(*json)) {
    if (const auto* file = content->as<FileContent>()) {
      const bool fetched = check_file_url(file->file.url).has_value();
      fuzz::must(!fetched || file->file.url.starts_with("https://"));
      const auto opened = open_file(file->file, as_bytes(file->file.filename));
      fuzz::must(!opened || !opened->proven || file->file.sha256.has_value());
    }
  }
  fuzz::check_content(std::move(*json));
  return 0;
}
