// X25519 (RFC 7748) and Ed25519 (RFC 8032): keys of two kinds, neither of which is ever made into
// the other.
#pragma once
#include <array>

#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

using Key32 = std::array<std::uint8_t, 32>;
using Signature64 = std::array<std::uint8_t, 64>;

/// A pair for agreeing on a secret: X25519.
class AgreementKey {
 public:
  static AgreementKey generate(Random& random);
  /// The 32 secret bytes, in any form (RFC 7748 clamps them in use); Errc::key for another size.
  static Result<AgreementKey> of(ByteView secret);

  const Key32& public_key() const { return public_; }
  /// 32 bytes; Errc::key where they would be all zero, as with a point of small order: then they do
  /// not depend on this key.
  Result<Secret> agree(const Key32& theirs) const;
  ByteView secret() const { return secret_.view(); }
  AgreementKey clone() const { return {secret_.clone(), public_}; }

 private:
  AgreementKey(Secret secret, const Key32& shown) : secret_(std::move(secret)), public_(shown) {}
  Secret secret_;
  Key32 public_;
};

/// A pair for signing: Ed25519. The same bytes get the same signature.
class SigningKey {
 public:
  static SigningKey generate(Random& random);
  /// The seed of 32 bytes; Errc::key for another size.
  static Result<SigningKey> of(ByteView seed);

  const Key32& public_key() const { return public_; }
  Signature64 sign(ByteView data) const;
  ByteView seed() const { return pair_.view().first(32); }
  SigningKey clone() const { return {pair_.clone(), public_}; }

 private:
  SigningKey(Secret pair, const Key32& shown) : pair_(std::move(pair)), public_(shown) {}
  Secret pair_;  ///< seed, public key
  Key32 public_;
};

/// False also for a key of small order and for a signature in a second form (S not reduced).
bool verify_ed25519(const Key32& key, ByteView data, ByteView signature);

}  // namespace dim
