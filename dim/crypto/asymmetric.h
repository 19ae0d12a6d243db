// RSA and secp256k1 keys. A key object is proof that its key passed the checks below; it may be
// used by many threads. PEM: one block of the kind asked for (white space in it is free, blocks of
// other kinds may stand beside it).
#pragma once
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/crypto/secret.h"

namespace dim {

/// RSA, e = 65537 exactly, 1024 to 4096 bits, odd n without a factor below 2^16 (A02, S08).
/// Signatures: RSASSA-PKCS1-v1_5 with SHA-256; encryption: RSAES-PKCS1-v1_5 (RFC 8017).
class RsaPublicKey {
 public:
  static Result<RsaPublicKey> from_pem(std::string_view pem);  ///< X.509 SPKI or PKCS#1
  static Result<RsaPublicKey> from_der(ByteView der);          ///< the same two forms
  bool verify(ByteView data, ByteView signature) const;
  /// At most modulus length - 11 bytes of plain text; Errc::key beyond.
  Result<Bytes> encrypt(ByteView plain, Random& random) const;
  int bits() const;
  Bytes spki_der() const;
  std::string pem() const;  ///< SPKI, LF line ends, final LF

 private:
  friend class RsaPrivateKey;
  RsaPublicKey() = default;
  std::shared_ptr<const void> key_;
};

class RsaPrivateKey {
 public:
  static Result<RsaPrivateKey> generate(int bits);
  static Result<RsaPrivateKey> from_pem(
      std::string_view pem);  ///< PKCS#1 or PKCS#8, not encrypted; consistent numbers
  static Result<RsaPrivateKey> from_der(ByteView der);
  Bytes sign(ByteView data) const;
  /// Constant-time implicit rejection (A22): a cipher text of the right length always yields bytes;
  /// for bad padding they are derived from the key and the cipher text, so nothing can be told from
  /// the outcome. Only a wrong length is an error (Errc::decrypt).
  Result<Secret> decrypt(ByteView cipher) const;
  RsaPublicKey public_key() const;
  Secret pem() const;  ///< PKCS#1, as the reference writes it

 private:
  RsaPrivateKey() = default;
  std::shared_ptr<const void> key_;
};

/// secp256k1 with ECDSA over SHA-256. Signing: RFC 6979, low S. Verifying: strict DER, high S
/// accepted (A07, J14).
class EcPublicKey {
 public:
  static Result<EcPublicKey> from_pem(std::string_view pem);  ///< SPKI
  static Result<EcPublicKey> from_der(ByteView der);          ///< SPKI
  static Result<EcPublicKey> from_point(
      ByteView point);  ///< 33, 64 or 65 bytes; on the curve, not infinity
  bool verify(ByteView data, ByteView der_signature) const;
  Bytes point() const;       ///< 65 bytes: 04 | X | Y
  Bytes compressed() const;  ///< 33 bytes
  std::string pem() const;

 private:
  friend class EcPrivateKey;
  EcPublicKey() = default;
  std::array<std::uint8_t, 64> key_{};  ///< libsecp256k1's own form
};

class EcPrivateKey {
 public:
  static EcPrivateKey generate(Random& random);
  static Result<EcPrivateKey> from_pem(std::string_view pem);  ///< PKCS#8 or SEC1, not encrypted
  static Result<EcPrivateKey> from_scalar(ByteView scalar);    ///< 32 bytes, 1 … n-1
  Bytes sign(ByteView data) const;                             ///< DER
  EcPublicKey public_key() const;
  Secret pem() const;     ///< PKCS#8
  Secret scalar() const;  ///< 32 bytes
  EcPrivateKey clone() const;

 private:
  EcPrivateKey() = default;
  Secret scalar_;
};

}  // namespace dim
