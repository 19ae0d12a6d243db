// Keys as DIMP objects: {"algorithm": "ECC", "data": "-----BEGIN …", …}.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "dim/base/json.h"
#include "dim/base/random.h"
#include "dim/crypto/asymmetric.h"
#include "dim/crypto/symmetric.h"

namespace dim {

/// An identity or message key of somebody: RSA or secp256k1. The object it came from is kept for round trips.
class PublicKey {
 public:
  /// Algorithms and forms: reference/wire.md 3.3, wire-2026.md 3.3. Errc::key otherwise.
  static Result<PublicKey> parse(const JsonObject& object);
  static PublicKey of(EcPublicKey key);
  static PublicKey of(RsaPublicKey key);  ///< writes "keySize" (bytes), which the 2026 generation needs

  bool verify(ByteView data, ByteView signature) const;
  bool can_encrypt() const { return std::holds_alternative<RsaPublicKey>(key_); }
  Result<Bytes> encrypt(ByteView plain, Random& random) const;
  /// What an address commits to: the uncompressed point (compressed when the object says so), or the SPKI of RSA.
  Bytes data() const;
  bool is_ec() const { return std::holds_alternative<EcPublicKey>(key_); }
  const JsonObject& json() const { return *json_; }

 private:
  std::variant<EcPublicKey, RsaPublicKey> key_;
  std::shared_ptr<const JsonObject> json_;
};

class PrivateKey {
 public:
  static PrivateKey generate_ec(Random& random);
  static Result<PrivateKey> generate_rsa(int bits = 2048);
  static Result<PrivateKey> parse(const JsonObject& object);

  Bytes sign(ByteView data) const;
  /// RSA only (Errc::key otherwise); see RsaPrivateKey::decrypt for what failure looks like.
  Result<Secret> decrypt(ByteView cipher) const;
  PublicKey public_key() const;
  /// The key object as JSON text, for the encrypted key store only.
  Secret json() const;

 private:
  std::variant<EcPrivateKey, RsaPrivateKey> key_;
};

/// A message key. AES-256-CBC only; PLAIN is not a key but the absence of one (A06).
class SymmetricKey {
 public:
  static SymmetricKey generate(Random& random);
  /// {"algorithm":"AES","data":base64 of 32 bytes}; Errc::key for anything else.
  static Result<SymmetricKey> parse(const JsonObject& object);
  Secret json() const;  ///< the object as text, what goes RSA-encrypted into `keys`
  Result<Bytes> encrypt(ByteView plain, const AesIv& iv) const;
  Result<Secret> decrypt(ByteView cipher, const AesIv& iv) const;

 private:
  Secret key_;
};

}  // namespace dim
