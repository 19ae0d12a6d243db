#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <atomic>

#include "dim/crypto/asymmetric.h"
#include "dim/crypto/digest.h"
#include "dim/crypto/pem.h"
#include "dim/crypto/rsa_numbers.h"

namespace dim {
namespace {

constexpr std::size_t kMostDer = 8 * 1024;
constexpr std::size_t kPadding =
    11;  // RFC 8017 section 7.2.1: 00 02, at least 8 non-zero bytes, 00

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Deleter<&EVP_PKEY_CTX_free>>;

/// Parsed once. OpenSSL only reads the key when it signs, verifies or decrypts, so threads may
/// share it.
struct PublicKey {
  Key key;
  std::size_t size = 0;  // bytes of the modulus
  int bits = 0;
  Bytes spki;
  mutable std::atomic<bool> composite = false;  // known to be

  /// S08. Asked when the key is used: most that are read never are.
  bool has_secret() const {
    if (!composite.load(std::memory_order_relaxed)) {
      const auto numbers = rsa::read_public(spki);
      if (!numbers || !rsa::composite(numbers->n)) return false;
      composite.store(true, std::memory_order_relaxed);
    }
    return true;
  }
};
struct PrivateKey {
  Key key;
  Secret pkcs1;
  Secret rejection;  // seeds the messages of implicit rejection
  std::shared_ptr<const PublicKey> public_key;
};

const PublicKey& as_public(const std::shared_ptr<const void>& key) {
  return *static_cast<const PublicKey*>(key.get());
}
const PrivateKey& as_private(const std::shared_ptr<const void>& key) {
  return *static_cast<const PrivateKey*>(key.get());
}

struct NamedNumber {
  const char* name;
  ByteView value;
};

Key make_key(std::initializer_list<NamedNumber> numbers, int selection) {
  std::vector<Secret> native;  // OpenSSL takes numbers in the machine's byte order
  std::vector<OSSL_PARAM> parameters;
  native.reserve(numbers.size());
  for (const NamedNumber& number : numbers) {
    Secret& bytes = native.emplace_back(number.value.size());
    std::ranges::reverse_copy(number.value, bytes.writable().begin());
    parameters.push_back(
        OSSL_PARAM_construct_BN(number.name, bytes.writable().data(), bytes.size()));
  }
  parameters.push_back(OSSL_PARAM_construct_end());
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (context && EVP_PKEY_fromdata_init(context.get()) == 1) {
    (void)EVP_PKEY_fromdata(context.get(), &key, selection, parameters.data());
  }
  ERR_clear_error();
  return Key(key);
}

Result<std::shared_ptr<PublicKey>> make_public(const rsa::PublicNumbers& numbers) {
  if (auto status = rsa::check(numbers); !status) return std::unexpected(status.error());
  auto out = std::make_shared<PublicKey>();
  out->key = make_key({{OSSL_PKEY_PARAM_RSA_N, numbers.n}, {OSSL_PKEY_PARAM_RSA_E, numbers.e}},
                      EVP_PKEY_PUBLIC_KEY);
  if (!out->key) return fail(Errc::key, "the RSA library does not take this key");
  out->size = numbers.n.size();
  out->bits = rsa::bits(numbers.n);
  out->spki = rsa::write_spki(numbers);
  return out;
}

Result<std::shared_ptr<const PrivateKey>> make_private(ByteView der) {
  const auto bad = fail(Errc::key, "this is not an RSA private key in PKCS#1 or PKCS#8 form");
  if (der.size() > kMostDer) return bad;
  const auto pkcs1 = rsa::find_private(der);
  const auto numbers = pkcs1 ? rsa::read_private(*pkcs1) : std::nullopt;
  if (!numbers) return bad;
  auto public_key = make_public({numbers->n, numbers->e});
  if (!public_key) return std::unexpected(public_key.error());
  if (!rsa::consistent(*numbers))
    return fail(Errc::key, "the numbers of this RSA key do not belong together");
  auto out = std::make_shared<PrivateKey>();
  out->key = make_key({{OSSL_PKEY_PARAM_RSA_N, numbers->n},
                       {OSSL_PKEY_PARAM_RSA_E, numbers->e},
                       {OSSL_PKEY_PARAM_RSA_D, numbers->d},
                       {OSSL_PKEY_PARAM_RSA_FACTOR1, numbers->p},
                       {OSSL_PKEY_PARAM_RSA_FACTOR2, numbers->q},
                       {OSSL_PKEY_PARAM_RSA_EXPONENT1, numbers->dp},
                       {OSSL_PKEY_PARAM_RSA_EXPONENT2, numbers->dq},
                       {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, numbers->qi}},
                      EVP_PKEY_KEYPAIR);
  if (!out->key) return fail(Errc::key, "the RSA library does not take this key");
  out->pkcs1 = Secret::copy_of(*pkcs1);
  Digest32 seed = hmac_sha256(as_bytes("dim rsa rejection 1"), numbers->d);
  out->rejection = Secret::copy_of(seed);
  wipe(seed);
  (*public_key)->composite = true;  // p times q
  out->public_key = std::move(*public_key);
  return out;
}

/// m^e or c^d without padding; empty when the number is not below the modulus.
Secret raw(EVP_PKEY* key, ByteView input, bool decrypt) {
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  Secret out(input.size());
  std::size_t size = out.size();
  const auto begin = decrypt ? &EVP_PKEY_decrypt_init : &EVP_PKEY_encrypt_init;
  const auto apply = decrypt ? &EVP_PKEY_decrypt : &EVP_PKEY_encrypt;
  const bool done =
      context && begin(context.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1 &&
      apply(context.get(), out.writable().data(), &size, input.data(), input.size()) == 1 &&
      size == out.size();
  if (done) return out;
  ERR_clear_error();
  return {};
}

// Masks of a whole word, all ones or all zeros, without branches. The barrier keeps the compiler
// from finding out that a mask is a truth value, and so from turning its use back into a branch.
std::uint32_t opaque(std::uint32_t x) {
  __asm__("" : "+r"(x));
  return x;
}
std::uint32_t mask_top_bit(std::uint32_t x) { return opaque(0 - (x >> 31)); }
std::uint32_t mask_zero(std::uint32_t x) { return mask_top_bit(~x & (x - 1)); }
std::uint32_t mask_less(std::uint32_t a, std::uint32_t b) {
  return mask_top_bit(a ^ ((a ^ b) | ((a - b) ^ b)));
}
std::uint32_t pick(std::uint32_t mask, std::uint32_t a, std::uint32_t b) {
  return (mask & a) | (~mask & b);
}

/// What a cipher text with bad padding "decrypts" to: depends on key and cipher text alone, so that
/// asking twice tells nothing.
struct Synthetic {
  Secret block;              // as long as the modulus; the message is right-aligned in it
  std::uint32_t length = 0;  // 0 … modulus - 11
};

Synthetic synthesise(const Secret& rejection, ByteView cipher) {
  Digest32 seed = hmac_sha256(rejection.view(), cipher);
  Synthetic out{Secret(cipher.size()), 0};
  std::span<std::uint8_t> rest = out.block.writable();
  for (std::uint8_t counter = 0; !rest.empty(); ++counter) {
    const std::array<std::uint8_t, 2> label = {1, counter};
    Digest32 part = hmac_sha256(seed, label);
    const std::size_t count = std::min(rest.size(), part.size());
    std::ranges::copy(std::span(part).first(count), rest.begin());
    rest = rest.subspan(count);
    wipe(part);
  }
  const std::array<std::uint8_t, 1> label = {0};
  Digest32 word = hmac_sha256(seed, label);
  std::uint64_t number = 0;
  for (const std::uint8_t byte : std::span(word).first<4>()) number = number << 8 | byte;
  // Scaling a 32-bit number is even enough (bias below 2^-22) and, unlike `%`, takes the same time
  // for all.
  out.length = static_cast<std::uint32_t>(number * (cipher.size() - kPadding + 1) >> 32);
  wipe(seed);
  wipe(word);
  return out;
}

}  // namespace

Result<RsaPublicKey> RsaPublicKey::from_der(ByteView der) {
  const auto bad = fail(Errc::key, "this is not an RSA public key in X.509 or PKCS#1 form");
  if (der.size() > kMostDer) return bad;
  const auto numbers = rsa::read_public(der);
  if (!numbers) return bad;
  auto made = make_public(*numbers);
  if (!made) return std::unexpected(made.error());
  RsaPublicKey out;
  out.key_ = std::move(*made);
  return out;
}

Result<RsaPublicKey> RsaPublicKey::from_pem(std::string_view pem) {
  auto body = pem_body(pem, {"PUBLIC KEY", "RSA PUBLIC KEY"});
  if (!body) return std::unexpected(body.error());
  return from_der(body->der.view());
}

bool RsaPublicKey::verify(ByteView data, ByteView signature) const {
  const PublicKey& key = as_public(key_);
  if (signature.size() != key.size) return false;
  const Digest32 digest = sha256(data);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.key.get(), nullptr));
  const bool good = context && EVP_PKEY_verify_init(context.get()) == 1 &&
                    EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                    EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
                    EVP_PKEY_verify(context.get(), signature.data(), signature.size(),
                                    digest.data(), digest.size()) == 1;
  if (!good) ERR_clear_error();
  return good && key.has_secret();  // who can sign nothing makes nobody look for primes
}

Result<Bytes> RsaPublicKey::encrypt(ByteView plain, Random& random) const {
  const PublicKey& key = as_public(key_);
  if (plain.size() + kPadding > key.size)
    return fail(Errc::key, "the text is too long for this RSA key");
  if (!key.has_secret())
    return fail(Errc::key, "the modulus of this RSA key is a prime, so everybody could read it");
  Secret block(key.size);
  const std::span<std::uint8_t> out = block.writable();
  const std::span<std::uint8_t> filler = out.subspan(2, key.size - plain.size() - 3);
  out[1] = 0x02;
  random.fill(filler);
  for (std::uint8_t& byte : filler) {
    while (byte == 0) random.fill({&byte, 1});
  }
  std::ranges::copy(plain, out.last(plain.size()).begin());
  const Secret cipher = raw(key.key.get(), block.view(), false);
  if (cipher.empty()) return fail(Errc::internal, "the RSA library failed");
  return Bytes(cipher.view().begin(), cipher.view().end());
}

int RsaPublicKey::bits() const { return as_public(key_).bits; }
Bytes RsaPublicKey::spki_der() const { return as_public(key_).spki; }
std::string RsaPublicKey::pem() const {
  return to_text(make_pem("PUBLIC KEY", as_public(key_).spki).view());
}

Result<RsaPrivateKey> RsaPrivateKey::generate(int bits) {
  if (bits < 1024 || bits > 4096) return fail(Errc::key, "an RSA key here has 1024 to 4096 bits");
  const Key made(EVP_RSA_gen(static_cast<unsigned>(bits)));
  std::uint8_t* der = nullptr;
  const int size = made ? i2d_PrivateKey(made.get(), &der) : 0;
  if (size <= 0) {
    ERR_clear_error();
    return fail(Errc::internal, "the RSA library failed");
  }
  const auto count = static_cast<std::size_t>(size);
  auto out = from_der({der, count});
  OPENSSL_clear_free(der, count);
  return out;
}

Result<RsaPrivateKey> RsaPrivateKey::from_der(ByteView der) {
  auto made = make_private(der);
  if (!made) return std::unexpected(made.error());
  RsaPrivateKey out;
  out.key_ = std::move(*made);
  return out;
}

Result<RsaPrivateKey> RsaPrivateKey::from_pem(std::string_view pem) {
  auto body = pem_body(pem, {"RSA PRIVATE KEY", "PRIVATE KEY"});
  if (!body) return std::unexpected(body.error());
  return from_der(body->der.view());
}

Bytes RsaPrivateKey::sign(ByteView data) const {
  const PrivateKey& key = as_private(key_);
  const Digest32 digest = sha256(data);
  const KeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.key.get(), nullptr));
  Bytes out(key.public_key->size);
  std::size_t size = out.size();
  const bool done =
      context && EVP_PKEY_sign_init(context.get()) == 1 &&
      EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
      EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
      EVP_PKEY_sign(context.get(), out.data(), &size, digest.data(), digest.size()) == 1;
  if (!done) {
    ERR_clear_error();
    size = 0;
  }
  out.resize(size);
  return out;
}

Result<Secret> RsaPrivateKey::decrypt(ByteView cipher) const {
  const PrivateKey& key = as_private(key_);
  if (cipher.size() != key.public_key->size)
    return fail(Errc::decrypt, "this message cannot be decrypted");
  const Synthetic synthetic = synthesise(key.rejection, cipher);
  Secret block = raw(key.key.get(), cipher, true);
  // Not below the modulus, which everybody can see: zeros, which fail the checks like any bad
  // padding.
  if (block.empty()) block = Secret(cipher.size());

  const auto size = static_cast<std::uint32_t>(cipher.size());
  const ByteView em = block.view();
  std::uint32_t found = 0;    // mask: the 00 that ends the filler was seen
  std::uint32_t zero_at = 0;  // where
  for (std::uint32_t i = 2; i < size; ++i) {
    const std::uint32_t here = mask_zero(em[i]) & ~found;
    zero_at = pick(here, i, zero_at);
    found |= here;
  }
  const std::uint32_t good =
      mask_zero(em[0]) & mask_zero(em[1] ^ 2U) & found & ~mask_less(zero_at, kPadding - 1);
  const std::uint32_t length = pick(good, size - 1 - zero_at, synthetic.length);
  Secret mixed(size);
  const std::span<std::uint8_t> out = mixed.writable();
  for (std::uint32_t i = 0; i < size; ++i) {
    out[i] = static_cast<std::uint8_t>(pick(good, em[i], synthetic.block.view()[i]));
  }
  return Secret::copy_of(mixed.view().last(length));
}

RsaPublicKey RsaPrivateKey::public_key() const {
  RsaPublicKey out;
  out.key_ = as_private(key_).public_key;
  return out;
}

Secret RsaPrivateKey::pem() const {
  return make_pem("RSA PRIVATE KEY", as_private(key_).pkcs1.view());
}

}  // namespace dim
