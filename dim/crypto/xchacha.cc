#include "dim/crypto/xchacha.h"

#include <sodium.h>

#include <cassert>

namespace dim {

static_assert(crypto_aead_xchacha20poly1305_ietf_KEYBYTES == kXChaChaKey);
static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == kXChaChaNonce);
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == kXChaChaTag);

Bytes xchacha_seal(ByteView key, ByteView nonce, ByteView ad, ByteView plain) {
  assert(key.size() == kXChaChaKey && nonce.size() == kXChaChaNonce);
  Bytes out(plain.size() + kXChaChaTag);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plain.data(), plain.size(),
                                             ad.data(), ad.size(), nullptr, nonce.data(),
                                             key.data());
  return out;
}

Result<Secret> xchacha_open(ByteView key, ByteView nonce, ByteView ad, ByteView sealed) {
  assert(key.size() == kXChaChaKey && nonce.size() == kXChaChaNonce);
  const auto bad = fail(Errc::decrypt, "this is not what was sealed, or not with this key");
  if (sealed.size() < kXChaChaTag) return bad;
  Secret out(sealed.size() - kXChaChaTag);
  std::uint8_t none = 0;  // libsodium takes no null where there is nothing to write
  std::uint8_t* to = out.empty() ? &none : out.writable().data();
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(to, nullptr, nullptr, sealed.data(), sealed.size(),
                                                 ad.data(), ad.size(), nonce.data(),
                                                 key.data()) != 0)
    return bad;
  return out;
}

}  // namespace dim
