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
#include "dim/identity/reading.h"

namespace dim {

/// An identity or message key of somebody: RSA or secp256k1. The object it came from is kept for
/// round trips.
class PublicKey {
 public:
  /// `algorithm`: RSA, SHA256withRSA, RSA/ECB/PKCS1Padding, ECC, SHA256withECDSA. `data`: PEM, and
  /// for ECC also 66, 128 or 130 hex digits (wire.md 3.3, wire-2026.md 3.3). Errc::bad_request for
  /// an unknown algorithm (I09); Errc::key for a key that is none, is too weak (A02, S08, S09), or
  /// is a private key (I12).
  static Result<PublicKey> parse(const JsonObject& object);
  static PublicKey of(EcPublicKey key);
  static PublicKey of(
      RsaPublicKey key);  ///< writes "keySize" (bytes), which the 2026 generation needs

  bool verify(ByteView data, ByteView signature) const;
  bool can_encrypt() const { return std::holds_alternative<RsaPublicKey>(key_); }
  Result<Bytes> encrypt(ByteView plain, Random& random) const;
  /// What an address commits to: the uncompressed point (compressed when the object says so), or
  /// the SPKI of RSA.
  Bytes data() const;
  bool is_ec() const { return std::holds_alternative<EcPublicKey>(key_); }
  const JsonObject& json() const { return *json_; }

 private:
  using Key = std::variant<EcPublicKey, RsaPublicKey>;
  PublicKey(Key key, JsonObject json);
  Key key_;
  std::shared_ptr<const JsonObject> json_;
};

class PrivateKey {
 public:
  static PrivateKey generate_ec(Random& random);
  static Result<PrivateKey> generate_rsa(int bits = 2048);
  /// As PublicKey::parse; `data` is PEM (PKCS#1, PKCS#8, SEC1; a public part in front of it is
  /// skipped) or, for ECC, 64 hex digits.
  static Result<PrivateKey> parse(const JsonObject& object);

  Bytes sign(ByteView data) const;
  /// RSA only (Errc::key otherwise); see RsaPrivateKey::decrypt for what failure looks like.
  Result<Secret> decrypt(ByteView cipher) const;
  PublicKey public_key() const;
  /// The key object as JSON text, for the encrypted key store only.
  Secret json() const;
  /// PKCS#1 DER of RSA, the 32-byte scalar of ECC.
  Secret data() const;

 private:
  using Key = std::variant<EcPrivateKey, RsaPrivateKey>;
  explicit PrivateKey(Key key) : key_(std::move(key)) {}
  Key key_;
};

/// A message key. AES-256-CBC only; PLAIN is not a key but the absence of one (A06).
class SymmetricKey {
 public:
  static SymmetricKey generate(Random& random);
  /// {"algorithm":"AES","data":base64 of 32 bytes}, also with the short names A, D, I (wire.md 2);
  /// `mode` and `padding` may only be CBC and PKCS7. Errc::key for anything else, without telling
  /// what (J17). Reading::codec takes AES of 128 and 192 bits too, and PLAIN, which changes
  /// nothing.
  static Result<SymmetricKey> parse(const JsonObject& object, Reading reading = Reading::strict);
  /// The reference's key of a password: the last bytes are the password itself, so this protects
  /// nothing by our measure and is only for reading what was made with it.
  static SymmetricKey of_password(std::string_view password);

  SymmetricKey clone() const;
  Secret json() const;  ///< the object as text, what goes RSA-encrypted into `keys`
  ByteView data() const { return key_.view(); }
  /// The IV that the key object brought along, as old peers do; see `find_iv`.
  const std::optional<AesIv>& iv() const { return iv_; }
  Result<Bytes> encrypt(ByteView plain, const AesIv& iv) const;
  Result<Secret> decrypt(ByteView cipher, const AesIv& iv) const;

 private:
  SymmetricKey(Secret key, std::optional<AesIv> iv, bool plain)
      : key_(std::move(key)), iv_(iv), plain_(plain) {}
  Secret key_;
  std::optional<AesIv> iv_;
  bool plain_;
};

/// The IV for `key` with a message or file content: `IV`, else `iv` of the object, else the key's
/// own, else 16 zero bytes (wire.md 3.3). Errc::decrypt for one that is not 16 bytes. Zero bytes
/// are for peers of old protocols only (J19).
Result<AesIv> find_iv(const JsonObject& object, const SymmetricKey& key,
                      Reading reading = Reading::strict);

/// Opens a file that came with `content`: {"key": {..}, "IV": ..}. Errc::key without a key,
/// Errc::decrypt as aes_cbc_decrypt.
Result<Secret> decrypt_file(const JsonObject& content, ByteView cipher,
                            Reading reading = Reading::strict);

}  // namespace dim
