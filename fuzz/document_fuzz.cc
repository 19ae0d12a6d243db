// Documents. Input: a line of JSON, the members outside, and behind it what is signed. The
// signature is made here where the line brings none, so that mutations get past it.
#include "dim/base/base64.h"
#include "dim/identity/document.h"
#include "fuzz/check.h"

namespace {

struct Owner {
  dim::PrivateKey key;
  dim::Meta meta;
  dim::Id id;
};

const Owner& owner() {
  static const Owner made = [] {
    dim::JsonObject object;
    object.set("algorithm", "ECC");
    object.set("data", std::string(64, '7'));
    dim::PrivateKey key = *dim::PrivateKey::parse(object);
    dim::Meta meta = *dim::Meta::make(dim::MetaType::eth, key.public_key());
    dim::Id id = *meta.id(dim::EntityType::user);
    return Owner{std::move(key), std::move(meta), std::move(id)};
  }();
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const std::string_view text = fuzz::text_of(data, size);
  const std::size_t line = text.find('\n');
  if (line == std::string_view::npos) return 0;
  auto object = parse_json_object(text.substr(0, line));
  if (!object) return 0;
  const std::string_view signed_text = text.substr(line + 1);
  if (!object->contains("data")) object->set("data", signed_text);
  if (!object->contains("did")) object->set("did", owner().id.text());
  if (!object->contains("signature"))
    object->set("signature", to_base64(owner().key.sign(as_bytes(signed_text))));

  const JsonObject fixed = fix_document(*object);
  must(fix_document(fixed) == fixed);
  const auto codec = verify_document(*object, owner().meta.key(), Reading::codec);
  const auto document = Document::parse(*object, owner().id, owner().meta);
  if (!document) return 0;
  must(codec.has_value());
  must(document->id() == owner().id);
  const auto again = Document::parse(document->json(), owner().id, owner().meta);
  must(again.has_value() && again->digest() == document->digest() &&
       again->terminal() == document->terminal() && again->type() == document->type() &&
       again->time() == document->time());
  (void)check_document_time(*document, std::nullopt, 1'800'000'000'000);
  if (const auto key = document->message_key()) must(key->can_encrypt());
  return 0;
}
