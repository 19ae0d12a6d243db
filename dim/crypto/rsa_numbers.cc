#include "dim/crypto/rsa_numbers.h"

#include <openssl/bn.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <mutex>
#include <vector>

#include "dim/base/unrolled.h"
#include "dim/crypto/der.h"
#include "dim/crypto/digest.h"

namespace dim::rsa {
namespace {

constexpr int kLeastBits = 1024;
constexpr int kMostBits = 4096;
constexpr std::array<std::uint8_t, 3> kExponent = {0x01, 0x00, 0x01};
constexpr std::array<std::uint8_t, 9> kRsaEncryption = {0x2A, 0x86, 0x48, 0x86, 0xF7,
                                                        0x0D, 0x01, 0x01, 0x01};

/// AlgorithmIdentifier of rsaEncryption, whose parameters are NULL (RFC 3279 section 2.3.1).
bool is_rsa(ByteView algorithm) {
  der::Reader reader(algorithm);
  const bool same = std::ranges::equal(reader.next(der::kOid), kRsaEncryption);
  return reader.next(der::kNull).empty() && reader.done() && same;
}

std::optional<PublicNumbers> read_pkcs1_public(ByteView der) {
  der::Reader outer(der);
  der::Reader key(outer.next(der::kSequence));
  const PublicNumbers out{key.integer(), key.integer()};
  if (!outer.done() || !key.done()) return std::nullopt;
  return out;
}

constexpr std::size_t kAbreast = 4;  // batches; each alone would wait for its multiplications

__extension__ using Wide = unsigned __int128;

/// Modulo 2^64.
std::uint64_t inverse_of(std::uint64_t odd) {
  std::uint64_t inverse = odd;  // right in three bits; each step doubles them
  for (int i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;
  return inverse;
}

/// An odd prime, for telling its multiples without a division: times the inverse they become their
/// quotients, and everything else becomes a number larger than any quotient.
struct Prime {
  explicit Prime(std::uint32_t value)
      : inverse(inverse_of(value)), largest_quotient(UINT64_MAX / value) {}
  bool divides(std::uint64_t number) const { return number * inverse <= largest_quotient; }

  std::uint64_t inverse;
  std::uint64_t largest_quotient;
};

/// Odd primes whose product stays below 2^63.
struct Batch {
  std::uint64_t product = 1;
  std::uint64_t negative_inverse = 0;  // -1/product modulo 2^64
  std::vector<Prime> primes;
};

/// All odd primes below 2^16; a whole number of kAbreast batches, the last ones without primes.
const std::vector<Batch>& small_primes() {
  static const std::vector<Batch> batches = [] {
    std::vector<bool> composite(65'536);
    std::vector<Batch> out(1);
    for (std::uint32_t p = 3; p < composite.size(); p += 2) {
      if (composite[p]) continue;
      for (std::uint64_t q = std::uint64_t{p} * p; q < composite.size(); q += p)
        composite[q] = true;
      if (out.back().product > (std::uint64_t{1} << 63) / p) out.emplace_back();
      out.back().product *= p;
      out.back().primes.emplace_back(p);
    }
    while (out.size() % kAbreast != 0) out.emplace_back();
    for (Batch& batch : out) batch.negative_inverse = 0 - inverse_of(batch.product);
    return out;
  }();
  return batches;
}

bool has_small_factor(ByteView number) {
  std::vector<std::uint64_t> words((number.size() + 7) / 8);  // least significant first
  for (std::size_t i = 0; i < number.size(); ++i) {
    words[i / 8] |= std::uint64_t{number[number.size() - 1 - i]} << (8 * (i % 8));
  }
  const std::span<const Batch> batches = small_primes();
  for (std::size_t at = 0; at < batches.size(); at += kAbreast) {
    const auto abreast = batches.subspan(at).first<kAbreast>();
    // Montgomery's reduction: `rest` is number * 2^(-64 * words) modulo the product. The power of
    // two is no multiple of any prime here, so `rest` has the same ones as factors as `number`, and
    // no word is ever divided.
    std::array<std::uint64_t, kAbreast> rest{};
    for (const std::uint64_t word : words) {
      unrolled<kAbreast>([&](auto i) {
        const Batch& batch = abreast[i];
        const Wide sum = Wide{rest[i]} + word;
        const std::uint64_t factor = static_cast<std::uint64_t>(sum) * batch.negative_inverse;
        rest[i] = static_cast<std::uint64_t>((sum + Wide{factor} * batch.product) >> 64);
      });
    }
    for (std::size_t i = 0; i < kAbreast; ++i) {
      for (const Prime& prime : abreast[i].primes) {
        if (prime.divides(rest[i])) return true;
      }
    }
  }
  return false;
}

struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
using Number = std::unique_ptr<BIGNUM, FreeNumber>;

Number load(ByteView bytes) {
  Number out(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  if (out) BN_set_flags(out.get(), BN_FLG_CONSTTIME);
  return out;
}

/// Whether 2^(n-1) is 1 modulo n, as for a prime. Taken for one if the library has no memory.
bool passes_fermat(ByteView n) {
  const Number modulus(BN_bin2bn(n.data(), static_cast<int>(n.size()), nullptr));
  const Number exponent(BN_new()), power(BN_new());
  const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_new(), &BN_CTX_free);
  const bool done = modulus && exponent && power && context &&
                    BN_sub(exponent.get(), modulus.get(), BN_value_one()) == 1 &&
                    BN_mod_exp_mont_word(power.get(), 2, exponent.get(), modulus.get(),
                                         context.get(), nullptr) == 1;
  return !done || BN_is_one(power.get()) == 1;
}

/// Names of numbers, each in the one place that it can have. Nothing but time depends on it.
class Composites {
 public:
  bool contains(const Digest32& name) {
    const std::scoped_lock lock(mutex_);
    return places_[place_of(name)] == name;
  }
  void put(const Digest32& name) {
    const std::scoped_lock lock(mutex_);
    places_[place_of(name)] = name;
  }

 private:
  static std::size_t place_of(const Digest32& name) { return name[0] + (name[1] % 4U) * 256; }
  std::mutex mutex_;
  std::array<Digest32, 1024> places_{};
};

}  // namespace

std::optional<PublicNumbers> read_public(ByteView der) {
  if (auto key = read_pkcs1_public(der)) return key;
  der::Reader outer(der);
  der::Reader info(outer.next(der::kSequence));
  const bool rsa = is_rsa(info.next(der::kSequence));
  const ByteView key = info.bits();
  if (!outer.done() || !info.done() || !rsa) return std::nullopt;
  return read_pkcs1_public(key);
}

std::optional<ByteView> find_private(ByteView der) {
  der::Reader outer(der);
  der::Reader info(outer.next(der::kSequence));
  const ByteView version = info.integer();
  if (info.has(der::kInteger)) return der;
  const bool rsa = is_rsa(info.next(der::kSequence));
  const ByteView key = info.next(der::kOctetString);
  if (info.has(der::kContext0)) info.next(der::kContext0);  // attributes
  if (!outer.done() || !info.done() || !rsa || !version.empty()) return std::nullopt;
  return key;
}

std::optional<PrivateNumbers> read_private(ByteView pkcs1) {
  der::Reader outer(pkcs1);
  der::Reader key(outer.next(der::kSequence));
  const ByteView version = key.integer();
  const PrivateNumbers out{key.integer(), key.integer(), key.integer(), key.integer(),
                           key.integer(), key.integer(), key.integer(), key.integer()};
  if (!outer.done() || !key.done() || !version.empty()) return std::nullopt;
  return out;
}

Bytes write_spki(const PublicNumbers& key) {
  const Bytes oid = der::element(der::kOid, {kRsaEncryption});
  const Bytes null = der::element(der::kNull, {});
  const Bytes algorithm = der::element(der::kSequence, {oid, null});
  const Bytes pkcs1 = der::element(der::kSequence, {der::integer(key.n), der::integer(key.e)});
  constexpr std::array<std::uint8_t, 1> unused_bits = {0};
  return der::element(der::kSequence,
                      {algorithm, der::element(der::kBitString, {unused_bits, pkcs1})});
}

int bits(ByteView number) {
  if (number.empty()) return 0;
  return static_cast<int>(8 * number.size()) - std::countl_zero(number[0]);
}

Status check(const PublicNumbers& key) {
  if (!std::ranges::equal(key.e, kExponent)) {
    return fail(Errc::key, "the public exponent of an RSA key here is 65537 and no other");
  }
  if (const int size = bits(key.n); size < kLeastBits || size > kMostBits) {
    return fail(Errc::key, "an RSA key here has 1024 to 4096 bits");
  }
  if (key.n.back() % 2 == 0) return fail(Errc::key, "the modulus of an RSA key is odd");
  if (has_small_factor(key.n))
    return fail(Errc::key, "the modulus of this RSA key has a small factor");
  return {};
}

bool composite(ByteView n) {
  static Composites known;
  const Digest32 name = sha256(n);
  if (known.contains(name)) return true;
  if (passes_fermat(n)) return false;
  known.put(name);
  return true;
}

bool consistent(const PrivateNumbers& key) {
  const int half_bits = bits(key.n);
  for (const ByteView part : {key.d, key.p, key.q, key.dp, key.dq, key.qi}) {
    if (part.empty() || bits(part) > half_bits) return false;
  }
  if (bits(key.p) < 2 || bits(key.q) < 2 || key.p.back() % 2 == 0 || key.q.back() % 2 == 0)
    return false;
  const Number n = load(key.n), e = load(key.e), d = load(key.d), p = load(key.p), q = load(key.q);
  const Number dp = load(key.dp), dq = load(key.dq), qi = load(key.qi);
  const Number p1(BN_dup(p.get())), q1(BN_dup(q.get())), x(BN_new());
  const std::unique_ptr<BN_CTX, decltype(&BN_CTX_free)> context(BN_CTX_secure_new(), &BN_CTX_free);
  if (!n || !e || !d || !p || !q || !dp || !dq || !qi || !p1 || !q1 || !x || !context) return false;
  const auto inverse = [&](const Number& a, const Number& b, const Number& modulus) {
    return BN_mod_mul(x.get(), a.get(), b.get(), modulus.get(), context.get()) == 1 &&
           BN_is_one(x.get());
  };
  const bool product =
      BN_mul(x.get(), p.get(), q.get(), context.get()) == 1 && BN_cmp(x.get(), n.get()) == 0;
  return product && BN_sub_word(p1.get(), 1) == 1 && BN_sub_word(q1.get(), 1) == 1 &&
         inverse(d, e, p1) && inverse(d, e, q1) && inverse(dp, e, p1) && inverse(dq, e, q1) &&
         inverse(qi, q, p);
}

}  // namespace dim::rsa
