#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <algorithm>
#include <vector>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/pem.h"

namespace dim {
namespace {

constexpr int kLeastBits = 1024;
constexpr int kMostBits = 4096;
constexpr std::size_t kMostDer = 8 * 1024;
constexpr std::size_t kPadding = 11;  // RFC 8017 section 7.2.1: 00 02, at least 8 non-zero bytes, 00

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<&EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Deleter<&EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Deleter<&BN_clear_free>>;

/// Parsed once; EVP_PKEY is safe to use from several threads for signing and verifying.
struct RsaKey {
  Key key;
  std::size_t size = 0;     // bytes of the modulus
  Secret rejection;         // private keys: seeds the messages of implicit rejection
};

const RsaKey& as_rsa(const std::shared_ptr<const void>& key) { return *static_cast<const RsaKey*>(key.get()); }

struct Batch {
  BN_ULONG product = 1;
  std::vector<std::uint32_t> primes;
};

/// Odd primes below 2^16, multiplied together as far as they fit into a word: one long division tests several.
const std::vector<Batch>& small_primes() {
  static const std::vector<Batch> batches = [] {
    std::vector<bool> composite(65'536);
    std::vector<Batch> out(1);
    for (std::uint32_t p = 3; p < composite.size(); p += 2) {
      if (composite[p]) continue;
      for (std::uint64_t q = std::uint64_t{p} * p; q < composite.size(); q += p) composite[q] = true;
      if (out.back().product > (std::uint64_t{1} << 62) / p) out.emplace_back();
      out.back().product *= p;
      out.back().primes.push_back(p);
    }
    return out;
  }();
  return batches;
}

Number parameter(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  (void)EVP_PKEY_get_bn_param(key, name, &number);
  return Number(number);
}

Status check(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) return fail(Errc::key, "this is not an RSA key");
  const int bits = EVP_PKEY_get_bits(key);
  if (bits < kLeastBits || bits > kMostBits) return fail(Errc::key, "an RSA key here has 1024 to 4096 bits");
  const Number n = parameter(key, OSSL_PKEY_PARAM_RSA_N);
  const Number e = parameter(key, OSSL_PKEY_PARAM_RSA_E);
  if (!n || !e || BN_is_word(e.get(), 65'537) != 1) {
    return fail(Errc::key, "the public exponent of an RSA key here is 65537 and no other");
  }
  if (BN_is_odd(n.get()) != 1) return fail(Errc::key, "the modulus of an RSA key is odd");
  for (const Batch& batch : small_primes()) {
    const BN_ULONG rest = BN_mod_word(n.get(), batch.product);
    for (const std::uint32_t prime : batch.primes) {
      if (rest % prime == 0) return fail(Errc::key, "the modulus of this RSA key has a small factor");
    }
  }
  return {};
}

Result<std::shared_ptr<const void>> keep(Key key, bool is_private) {
  ERR_clear_error();
  if (!key) return fail(Errc::key, "this is not an RSA key in a form that is known here");
  if (auto status = check(key.get()); !status) return std::unexpected(status.error());
  auto out = std::make_shared<RsaKey>();
  out->size = static_cast<std::size_t>(EVP_PKEY_get_size(key.get()));
  if (is_private) {
    const Number d = parameter(key.get(), OSSL_PKEY_PARAM_RSA_D);
    if (!d) return fail(Errc::key, "this RSA key has no private part");
    Secret bytes(out->size);
    (void)BN_bn2binpad(d.get(), bytes.writable().data(), static_cast<int>(bytes.size()));
    out->rejection = Secret::copy_of(hmac_sha256(as_bytes("dim rsa rejection 1"), bytes.view()));
  }
  out->key = std::move(key);
  return std::shared_ptr<const void>(std::move(out));
}

/// m^e or c^d without padding; empty when the number is not below the modulus.
Secret raw(const RsaKey& key, ByteView input, bool decrypt) {
  const KeyContext context(EVP_PKEY_CTX_new(key.key.get(), nullptr));
  Secret out(key.size);
  std::size_t size = out.size();
  const bool ready = context && (decrypt ? EVP_PKEY_decrypt_init(context.get()) : EVP_PKEY_encrypt_init(context.get())) == 1 &&
                     EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1;
  const int done = !ready ? 0
                   : decrypt
                       ? EVP_PKEY_decrypt(context.get(), out.writable().data(), &size, input.data(), input.size())
                       : EVP_PKEY_encrypt(context.get(), out.writable().data(), &size, input.data(), input.size());
  ERR_clear_error();
  return done == 1 && size == key.size ? std::move(out) : Secret();
}

// Masks of a whole word, all ones or all zeros, without branches.
std::uint32_t mask_zero(std::uint32_t x) { return static_cast<std::uint32_t>(static_cast<std::int32_t>(~x & (x - 1)) >> 31); }
std::uint32_t mask_equal(std::uint32_t a, std::uint32_t b) { return mask_zero(a ^ b); }
std::uint32_t mask_less(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>((a ^ ((a ^ b) | ((a - b) ^ b)))) >> 31);
}
std::uint32_t pick(std::uint32_t mask, std::uint32_t a, std::uint32_t b) { return (mask & a) | (~mask & b); }

}  // namespace

Result<RsaPublicKey> RsaPublicKey::from_der(ByteView der) {
  if (der.size() > kMostDer || !der_is_one_sequence(der)) return fail(Errc::key, "this is not a DER structure of an RSA key");
  const std::uint8_t* at = der.data();
  Key key(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  if (!key || at != der.data() + der.size()) {
    at = der.data();
    key.reset(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &at, static_cast<long>(der.size())));
  }
  if (key && at != der.data() + der.size()) key.reset();
  auto kept = keep(std::move(key), false);
  if (!kept) return std::unexpected(kept.error());
  RsaPublicKey out;
  out.key_ = std::move(*kept);
  return out;
}

Result<RsaPublicKey> RsaPublicKey::from_pem(std::string_view pem) {
  auto body = pem_body(pem, {"PUBLIC KEY", "RSA PUBLIC KEY"});
  if (!body) return std::unexpected(body.error());
  return from_der(body->der.view());
}

bool RsaPublicKey::verify(ByteView data, ByteView signature) const {
  const RsaKey& key = as_rsa(key_);
  if (signature.size() != key.size) return false;
  const DigestContext context(EVP_MD_CTX_new());
  const bool good = context && EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), signature.data(), signature.size(), data.data(), data.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<Bytes> RsaPublicKey::encrypt(ByteView plain, Random& random) const {
  const RsaKey& key = as_rsa(key_);
  if (plain.size() + kPadding > key.size) return fail(Errc::key, "the text is too long for this RSA key");
  Secret block(key.size);
  const std::span<std::uint8_t> out = block.writable();
  const std::size_t filler = key.size - plain.size() - 3;
  out[1] = 0x02;
  random.fill(out.subspan(2, filler));
  for (std::uint8_t& byte : out.subspan(2, filler)) {
    while (byte == 0) random.fill({&byte, 1});
  }
  std::ranges::copy(plain, out.begin() + static_cast<std::ptrdiff_t>(filler + 3));
  const Secret cipher = raw(key, block.view(), false);
  if (cipher.empty()) return fail(Errc::internal, "the RSA library failed");
  return Bytes(cipher.view().begin(), cipher.view().end());
}

int RsaPublicKey::bits() const { return EVP_PKEY_get_bits(as_rsa(key_).key.get()); }

Bytes RsaPublicKey::spki_der() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(as_rsa(key_).key.get(), &der);
  Bytes out(der, der + std::max(size, 0));
  OPENSSL_free(der);
  return out;
}

std::string RsaPublicKey::pem() const { return to_text(make_pem("PUBLIC KEY", spki_der()).view()); }

Result<RsaPrivateKey> RsaPrivateKey::generate(int bits) {
  if (bits < kLeastBits || bits > kMostBits) return fail(Errc::key, "an RSA key here has 1024 to 4096 bits");
  auto kept = keep(Key(EVP_RSA_gen(static_cast<unsigned>(bits))), true);
  if (!kept) return std::unexpected(kept.error());
  RsaPrivateKey out;
  out.key_ = std::move(*kept);
  return out;
}

Result<RsaPrivateKey> RsaPrivateKey::from_der(ByteView der) {
  if (der.size() > kMostDer || !der_is_one_sequence(der)) return fail(Errc::key, "this is not a DER structure of an RSA key");
  const std::uint8_t* at = der.data();
  Key key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (at != der.data() + der.size()) key.reset();
  auto kept = keep(std::move(key), true);
  if (!kept) return std::unexpected(kept.error());
  RsaPrivateKey out;
  out.key_ = std::move(*kept);
  return out;
}

Result<RsaPrivateKey> RsaPrivateKey::from_pem(std::string_view pem) {
  auto body = pem_body(pem, {"RSA PRIVATE KEY", "PRIVATE KEY"});
  if (!body) return std::unexpected(body.error());
  return from_der(body->der.view());
}

Bytes RsaPrivateKey::sign(ByteView data) const {
  const RsaKey& key = as_rsa(key_);
  const DigestContext context(EVP_MD_CTX_new());
  Bytes out(key.size);
  std::size_t size = out.size();
  if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.key.get()) != 1 ||
      EVP_DigestSign(context.get(), out.data(), &size, data.data(), data.size()) != 1) {
    size = 0;
  }
  ERR_clear_error();
  out.resize(size);
  return out;
}

Result<Secret> RsaPrivateKey::decrypt(ByteView cipher) const {
  const RsaKey& key = as_rsa(key_);
  if (cipher.size() != key.size) return fail(Errc::decrypt, "this message cannot be decrypted");
  const auto size = static_cast<std::uint32_t>(key.size);

  // The message that a bad cipher text "decrypts" to: right-aligned like a good one, always computed (A22).
  Secret synthetic(size);
  const Secret seed = Secret::copy_of(hmac_sha256(key.rejection.view(), cipher));
  for (std::uint32_t at = 0, block = 0; at < size; ++block) {
    const std::array<std::uint8_t, 2> label = {1, static_cast<std::uint8_t>(block)};
    for (const std::uint8_t byte : hmac_sha256(seed.view(), label)) {
      if (at < size) synthetic.writable()[at++] = byte;
    }
  }
  const std::array<std::uint8_t, 1> length_label = {0};
  const Digest32 length_bytes = hmac_sha256(seed.view(), length_label);
  const std::uint32_t length_word = static_cast<std::uint32_t>(length_bytes[0]) << 24 | static_cast<std::uint32_t>(length_bytes[1]) << 16 |
                                    static_cast<std::uint32_t>(length_bytes[2]) << 8 | length_bytes[3];
  const std::uint32_t most = size - static_cast<std::uint32_t>(kPadding);
  const auto synthetic_length = static_cast<std::uint32_t>((std::uint64_t{length_word} * (most + 1)) >> 32);

  Secret block = raw(key, cipher, true);
  if (block.empty()) block = Secret(size);  // not below the modulus: all zeros fail the checks like any bad padding
  const ByteView em = block.view();
  std::uint32_t good = mask_zero(em[0]) & mask_equal(em[1], 2);
  std::uint32_t zero_at = 0;
  std::uint32_t found = 0;
  for (std::uint32_t i = 2; i < size; ++i) {
    const std::uint32_t is_zero = mask_zero(em[i]);
    zero_at = pick(~found & is_zero, i, zero_at);
    found |= is_zero;
  }
  good &= found & ~mask_less(zero_at, 10);
  const std::uint32_t length = pick(good, size - 1 - zero_at, synthetic_length);
  Secret mixed(size);
  for (std::uint32_t i = 0; i < size; ++i) {
    mixed.writable()[i] = static_cast<std::uint8_t>(pick(good, em[i], synthetic.view()[i]));
  }
  return Secret::copy_of(mixed.view().last(length));
}

RsaPublicKey RsaPrivateKey::public_key() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(as_rsa(key_).key.get(), &der);
  auto out = RsaPublicKey::from_der({der, static_cast<std::size_t>(std::max(size, 0))});
  OPENSSL_free(der);
  return std::move(out.value());
}

Secret RsaPrivateKey::pem() const {
  std::uint8_t* der = nullptr;
  const int size = i2d_PrivateKey(as_rsa(key_).key.get(), &der);
  const auto count = static_cast<std::size_t>(std::max(size, 0));
  Secret out = make_pem("RSA PRIVATE KEY", {der, count});
  OPENSSL_clear_free(der, count);
  return out;
}

}  // namespace dim
