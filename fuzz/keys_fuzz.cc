// Key objects. Input: JSON text of an object.
#include "dim/identity/keys.h"
#include "fuzz/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const auto object = parse_json_object(fuzz::text_of(data, size));
  if (!object) return 0;

  if (const auto key = PublicKey::parse(*object)) {
    const auto again = PublicKey::parse(key->json());
    must(again.has_value() && again->data() == key->data());
    must(!key->verify(as_bytes("data"), as_bytes("signature")) && !key->verify({}, {}));
    must(!PrivateKey::parse(*object).has_value());
  }
  if (const auto key = PrivateKey::parse(*object)) {
    const Bytes signature = key->sign(as_bytes("data"));
    must(key->public_key().verify(as_bytes("data"), signature));
    const auto json = parse_json_object(as_text(key->json().view()));
    must(json.has_value());
    const auto again = PrivateKey::parse(*json);
    must(again.has_value() && again->public_key().data() == key->public_key().data());
  }
  const auto codec = SymmetricKey::parse(*object, Reading::codec);
  if (const auto key = SymmetricKey::parse(*object)) {
    must(codec.has_value() && key->data().size() == kAesKeyBytes);
    const auto cipher = key->encrypt(as_bytes("plain"), AesIv{});
    must(cipher.has_value());
    const auto plain = key->decrypt(*cipher, AesIv{});
    must(plain.has_value() && as_text(plain->view()) == "plain");
    (void)find_iv(*object, *key);
  }
  (void)decrypt_file(*object, Bytes(32), Reading::codec);
  return 0;
}
