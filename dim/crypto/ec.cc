#include <secp256k1.h>

#include <algorithm>
#include <optional>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/der.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/os_random.h"
#include "dim/crypto/pem.h"

namespace dim {
namespace {

constexpr std::size_t kScalar = 32;
constexpr std::size_t kPoint = 65;

// SubjectPublicKeyInfo of a secp256k1 key up to the point (RFC 5480): SEQUENCE { SEQUENCE {
// id-ecPublicKey, secp256k1 }, BIT STRING }, for points of 65 and 33 bytes.
constexpr std::array<std::uint8_t, 23> kSpki65 = {0x30, 0x56, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86,
                                                  0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B,
                                                  0x81, 0x04, 0x00, 0x0A, 0x03, 0x42, 0x00};
constexpr std::array<std::uint8_t, 23> kSpki33 = {0x30, 0x36, 0x30, 0x10, 0x06, 0x07, 0x2A, 0x86,
                                                  0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B,
                                                  0x81, 0x04, 0x00, 0x0A, 0x03, 0x22, 0x00};

constexpr std::array<std::uint8_t, 7> kEcPublicKey = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
constexpr std::array<std::uint8_t, 5> kCurve = {0x2B, 0x81, 0x04, 0x00, 0x0A};  // secp256k1 (SEC 2)

/// One context for the process, blinded with the system's randomness; libsecp256k1 contexts are
/// read-only after that.
const secp256k1_context* context() {
  static const secp256k1_context* const made = [] {
    secp256k1_context* fresh = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    const auto seed = OsRandom().array<32>();
    [[maybe_unused]] const int blinded = secp256k1_context_randomize(fresh, seed.data());
    return fresh;
  }();
  return made;
}

const secp256k1_pubkey* as_key(const std::array<std::uint8_t, 64>& key) {
  static_assert(sizeof(secp256k1_pubkey) == 64);
  return reinterpret_cast<const secp256k1_pubkey*>(key.data());
}

/// The OID alone, or the whole AlgorithmIdentifier of an elliptic-curve key on secp256k1.
bool is_curve(ByteView oid) { return std::ranges::equal(oid, kCurve); }
bool is_algorithm(ByteView algorithm) {
  der::Reader reader(algorithm);
  const bool ec = std::ranges::equal(reader.next(der::kOid), kEcPublicKey);
  return is_curve(reader.next(der::kOid)) && reader.done() && ec;
}

/// PKCS#8 (RFC 5958): version, algorithm, the SEC1 structure, perhaps attributes. The reference
/// writes version 1.
std::optional<ByteView> unwrap_pkcs8(ByteView der) {
  der::Reader outer(der);
  der::Reader info(outer.next(der::kSequence));
  const ByteView version = info.integer();
  const bool ours = is_algorithm(info.next(der::kSequence));
  const ByteView key = info.next(der::kOctetString);
  if (info.has(der::kContext0)) info.next(der::kContext0);
  const bool known = version.empty() || (version.size() == 1 && version[0] == 1);
  if (!outer.done() || !info.done() || !ours || !known) return std::nullopt;
  return key;
}

struct Sec1 {
  ByteView scalar;
  ByteView point;  // empty if it is left out
  bool names_curve = false;
};

/// ECPrivateKey (RFC 5915 section 3): version 1, scalar, perhaps the curve, perhaps the public key.
std::optional<Sec1> read_sec1(ByteView der) {
  der::Reader outer(der);
  der::Reader key(outer.next(der::kSequence));
  const ByteView version = key.integer();
  Sec1 out;
  out.scalar = key.next(der::kOctetString);
  bool good = version.size() == 1 && version[0] == 1;
  if (key.has(der::kContext0)) {
    der::Reader curve(key.next(der::kContext0));
    out.names_curve = is_curve(curve.next(der::kOid)) && curve.done();
    good = good && out.names_curve;
  }
  if (key.has(der::kContext1)) {
    der::Reader point(key.next(der::kContext1));
    out.point = point.bits();
    good = good && point.done() && !out.point.empty();
  }
  if (!outer.done() || !key.done() || !good) return std::nullopt;
  return out;
}

Bytes serialised(const std::array<std::uint8_t, 64>& key, std::size_t size, unsigned flags) {
  Bytes out(size);
  std::size_t length = size;
  secp256k1_ec_pubkey_serialize(context(), out.data(), &length, as_key(key), flags);
  return out;
}

}  // namespace

Result<EcPublicKey> EcPublicKey::from_point(ByteView point) {
  Bytes full(point.begin(), point.end());
  if (full.size() == 64) full.insert(full.begin(), 0x04);
  const bool form = (full.size() == kPoint && full[0] == 0x04) ||
                    (full.size() == 33 && (full[0] == 0x02 || full[0] == 0x03));
  EcPublicKey out;
  if (!form ||
      secp256k1_ec_pubkey_parse(context(), reinterpret_cast<secp256k1_pubkey*>(out.key_.data()),
                                full.data(), full.size()) != 1) {
    return fail(Errc::key,
                "this is not a point of secp256k1; 33, 64 or 65 bytes on the curve are needed");
  }
  return out;
}

Result<EcPublicKey> EcPublicKey::from_der(ByteView der) {
  if (der.size() == kSpki65.size() + kPoint &&
      std::ranges::equal(der.first(kSpki65.size()), kSpki65)) {
    return from_point(der.subspan(kSpki65.size()));
  }
  if (der.size() == kSpki33.size() + 33 && std::ranges::equal(der.first(kSpki33.size()), kSpki33)) {
    return from_point(der.subspan(kSpki33.size()));
  }
  return fail(Errc::key, "this is not the SubjectPublicKeyInfo of a secp256k1 key");
}

Result<EcPublicKey> EcPublicKey::from_pem(std::string_view pem) {
  auto der = pem_body(pem, {"PUBLIC KEY", "EC PUBLIC KEY"});
  if (!der) return std::unexpected(der.error());
  return from_der(der->der.view());
}

bool EcPublicKey::verify(ByteView data, ByteView der_signature) const {
  if (der_signature.empty())
    return false;  // the library stops the program for a null pointer (J13)
  secp256k1_ecdsa_signature signature;
  if (secp256k1_ecdsa_signature_parse_der(context(), &signature, der_signature.data(),
                                          der_signature.size()) != 1) {
    return false;
  }
  (void)secp256k1_ecdsa_signature_normalize(context(), &signature, &signature);
  const Digest32 hash = sha256(data);
  return secp256k1_ecdsa_verify(context(), &signature, hash.data(), as_key(key_)) == 1;
}

Bytes EcPublicKey::point() const { return serialised(key_, kPoint, SECP256K1_EC_UNCOMPRESSED); }
Bytes EcPublicKey::compressed() const { return serialised(key_, 33, SECP256K1_EC_COMPRESSED); }

std::string EcPublicKey::pem() const {
  Bytes der(kSpki65.begin(), kSpki65.end());
  const Bytes tail = point();
  der.insert(der.end(), tail.begin(), tail.end());
  return to_text(make_pem("PUBLIC KEY", der).view());
}

Result<EcPrivateKey> EcPrivateKey::from_scalar(ByteView scalar) {
  if (scalar.size() != kScalar || secp256k1_ec_seckey_verify(context(), scalar.data()) != 1) {
    return fail(Errc::key, "a secp256k1 private key is a number from 1 to n-1 in 32 bytes");
  }
  EcPrivateKey out;
  out.scalar_ = Secret::copy_of(scalar);
  return out;
}

EcPrivateKey EcPrivateKey::generate(Random& random) {
  while (true) {
    const Secret scalar = Secret::random(kScalar, random);
    if (auto key = from_scalar(scalar.view())) return std::move(*key);
  }
}

Result<EcPrivateKey> EcPrivateKey::from_pem(std::string_view pem) {
  const auto bad = fail(Errc::key, "this is not a secp256k1 private key in SEC1 or PKCS#8 form");
  auto body = pem_body(pem, {"PRIVATE KEY", "EC PRIVATE KEY"});
  if (!body) return std::unexpected(body.error());
  const bool wrapped = body->label == "PRIVATE KEY";
  const auto sec1 = wrapped ? unwrap_pkcs8(body->der.view()) : body->der.view();
  if (!sec1) return bad;
  const auto parts = read_sec1(*sec1);
  if (!parts || (!wrapped && !parts->names_curve)) return bad;
  auto key = from_scalar(parts->scalar);
  if (!key || parts->point.empty()) return key;
  const auto point = EcPublicKey::from_point(parts->point);
  if (!point || point->key_ != key->public_key().key_) {
    return fail(Errc::key, "the public half in this file belongs to another private key");
  }
  return key;
}

Bytes EcPrivateKey::sign(ByteView data) const {
  const Digest32 hash = sha256(data);
  secp256k1_ecdsa_signature signature;
  (void)secp256k1_ecdsa_sign(context(), &signature, hash.data(), scalar_.view().data(), nullptr,
                             nullptr);
  Bytes out(72);
  std::size_t size = out.size();
  secp256k1_ecdsa_signature_serialize_der(context(), out.data(), &size, &signature);
  out.resize(size);
  return out;
}

EcPublicKey EcPrivateKey::public_key() const {
  EcPublicKey out;
  [[maybe_unused]] const int made = secp256k1_ec_pubkey_create(
      context(), reinterpret_cast<secp256k1_pubkey*>(out.key_.data()), scalar_.view().data());
  return out;
}

Secret EcPrivateKey::pem() const {
  // PKCS#8 (RFC 5958) around SEC1 (RFC 5915), with the public key, as OpenSSL writes it.
  constexpr std::array<std::uint8_t, 33> kHead = {
      0x30, 0x81, 0x84, 0x02, 0x01, 0x00, 0x30, 0x10, 0x06, 0x07, 0x2A,
      0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04,
      0x00, 0x0A, 0x04, 0x6D, 0x30, 0x6B, 0x02, 0x01, 0x01, 0x04, 0x20};
  constexpr std::array<std::uint8_t, 5> kMiddle = {0xA1, 0x44, 0x03, 0x42, 0x00};
  Secret der(kHead.size() + kScalar + kMiddle.size() + kPoint);
  auto out = der.writable().begin();
  out = std::ranges::copy(kHead, out).out;
  out = std::ranges::copy(scalar_.view(), out).out;
  out = std::ranges::copy(kMiddle, out).out;
  std::ranges::copy(public_key().point(), out);
  return make_pem("PRIVATE KEY", der.view());
}

Secret EcPrivateKey::scalar() const { return scalar_.clone(); }

EcPrivateKey EcPrivateKey::clone() const {
  EcPrivateKey out;
  out.scalar_ = scalar_.clone();
  return out;
}

}  // namespace dim
