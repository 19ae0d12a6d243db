#include "dim/crypto/curve25519.h"

#include <sodium.h>

namespace dim {

static_assert(crypto_scalarmult_BYTES == 32 && crypto_scalarmult_SCALARBYTES == 32);
static_assert(crypto_sign_SEEDBYTES == 32 && crypto_sign_SECRETKEYBYTES == 64);
static_assert(crypto_sign_PUBLICKEYBYTES == 32 && crypto_sign_BYTES == 64);

AgreementKey AgreementKey::generate(Random& random) {
  return of(Secret::random(32, random).view()).value();
}

Result<AgreementKey> AgreementKey::of(ByteView secret) {
  if (secret.size() != 32) return fail(Errc::key, "the secret half of X25519 has 32 bytes");
  Key32 shown{};
  crypto_scalarmult_base(shown.data(), secret.data());
  return AgreementKey(Secret::copy_of(secret), shown);
}

Result<Secret> AgreementKey::agree(const Key32& theirs) const {
  Secret out(32);
  if (crypto_scalarmult(out.writable().data(), secret_.view().data(), theirs.data()) != 0)
    return fail(Errc::key, "the other key is of small order: nothing secret comes out of it");
  return out;
}

SigningKey SigningKey::generate(Random& random) {
  return of(Secret::random(32, random).view()).value();
}

Result<SigningKey> SigningKey::of(ByteView seed) {
  if (seed.size() != 32) return fail(Errc::key, "the seed of Ed25519 has 32 bytes");
  Secret pair(crypto_sign_SECRETKEYBYTES);
  Key32 shown{};
  crypto_sign_seed_keypair(shown.data(), pair.writable().data(), seed.data());
  return SigningKey(std::move(pair), shown);
}

Signature64 SigningKey::sign(ByteView data) const {
  Signature64 out{};
  crypto_sign_detached(out.data(), nullptr, data.data(), data.size(), pair_.view().data());
  return out;
}

bool verify_ed25519(const Key32& key, ByteView data, ByteView signature) {
  return signature.size() == crypto_sign_BYTES &&
         crypto_sign_verify_detached(signature.data(), data.data(), data.size(), key.data()) == 0;
}

}  // namespace dim
