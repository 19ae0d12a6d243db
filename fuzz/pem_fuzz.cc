// PEM, and the DER of keys in every form that is read: X.509, PKCS#1, PKCS#8, SEC1.
#include <array>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/pem.h"
#include "fuzz/check.h"

namespace {

void read_der(dim::ByteView der) {
  using namespace dim;
  using fuzz::must;
  if (const auto key = RsaPublicKey::from_der(der)) {
    must(key->bits() >= 1024 && key->bits() <= 4096);
    must(RsaPublicKey::from_der(key->spki_der()).has_value());
  }
  if (const auto key = EcPublicKey::from_der(der))
    must(EcPublicKey::from_point(key->compressed())->point() == key->point());
  if (const auto key = EcPublicKey::from_point(der))
    must(EcPublicKey::from_pem(key->pem())->point() == key->point());
  if (const auto key = RsaPrivateKey::from_der(der)) {
    must(key->public_key().verify(as_bytes("data"), key->sign(as_bytes("data"))));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace dim;
  using fuzz::must;
  const std::string_view text = fuzz::text_of(data, size);
  constexpr std::array<std::string_view, 5> kLabels = {
      "PUBLIC KEY", "RSA PUBLIC KEY", "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"};
  for (const std::string_view label : kLabels) {
    const auto body = pem_body(text, {label});
    if (!body) continue;
    const Secret again = make_pem(label, body->der.view());
    const auto parsed = pem_body(as_text(again.view()), {label});
    must(parsed.has_value() && equal_secret(parsed->der.view(), body->der.view()));
    read_der(body->der.view());
  }
  if (const auto key = EcPrivateKey::from_pem(text)) {
    must(key->public_key().verify(as_bytes("data"), key->sign(as_bytes("data"))));
  }
  read_der({data, size});
  return 0;
}
