#include "dim/crypto/digest.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <bit>
#include <cassert>
#include <cstring>
#include <memory>

#include "dim/base/unrolled.h"
#include "dim/crypto/hkdf.h"

namespace dim {
namespace {

/// Looked up once for the process: OpenSSL's look-up costs as much as hashing a kilobyte.
const EVP_MD* sha256_algorithm() {
  static const EVP_MD* const found = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return found;
}

struct FreeHash {
  void operator()(EVP_MD_CTX* hash) const { EVP_MD_CTX_free(hash); }
};

template <std::size_t N>
std::array<std::uint8_t, N> evp_digest(const EVP_MD* algorithm, ByteView data) {
  std::array<std::uint8_t, N> out{};
  [[maybe_unused]] const int done =
      EVP_Digest(data.data(), data.size(), out.data(), nullptr, algorithm, nullptr);
  assert(done == 1);
  return out;
}

/// FIPS 202 section 3.2: the permutation of 25 lanes of 64 bits. Unrolled it is four times as fast.
void keccak_f(std::array<std::uint64_t, 25>& a) {
  constexpr std::array<std::uint64_t, 24> kRound = {
      0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
      0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
      0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
      0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
      0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
      0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  constexpr std::array<int, 24> kRotate = {1,  3,  6,  10, 15, 21, 28, 36, 45, 55, 2,  14,
                                           27, 41, 56, 8,  25, 43, 62, 18, 39, 61, 20, 44};
  constexpr std::array<std::size_t, 24> kMove = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                                 15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
  for (const std::uint64_t constant : kRound) {
    std::array<std::uint64_t, 5> c{};
    unrolled<5>([&](auto x) { c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]; });
    unrolled<5>([&](auto x) {
      const std::uint64_t d = c[(x + 4) % 5] ^ std::rotl(c[(x + 1) % 5], 1);
      unrolled<5>([&](auto y) { a[5 * y + x] ^= d; });
    });
    std::uint64_t carried = a[1];
    unrolled<24>([&](auto i) {
      const std::uint64_t next = a[kMove[i]];
      a[kMove[i]] = std::rotl(carried, kRotate[i]);
      carried = next;
    });
    unrolled<5>([&](auto y) {
      const std::array<std::uint64_t, 5> row = {a[5 * y], a[5 * y + 1], a[5 * y + 2], a[5 * y + 3],
                                                a[5 * y + 4]};
      unrolled<5>([&](auto x) { a[5 * y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]); });
    });
    a[0] ^= constant;
  }
}

consteval std::array<std::uint32_t, 256> crc32c_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ ((value & 1) != 0 ? 0x82F63B78U : 0U);
    table[i] = value;
  }
  return table;
}

constexpr auto kCrc32c = crc32c_table();

#if defined(__x86_64__)
constexpr std::size_t kStripe = 336;  // bytes; three of them are just less than 1 KiB

/// What kStripe bytes of zeros behind it make of a checksum, byte by byte of it: the checksums of
/// two stripes that were taken apart become one (a CRC is linear).
consteval std::array<std::array<std::uint32_t, 256>, 4> crc32c_stripe() {
  std::array<std::uint32_t, 32> of_bit{};
  for (std::size_t bit = 0; bit < of_bit.size(); ++bit) {
    std::uint32_t value = std::uint32_t{1} << bit;
    for (std::size_t i = 0; i < kStripe; ++i) value = value >> 8 ^ kCrc32c[value & 0xFF];
    of_bit[bit] = value;
  }
  std::array<std::array<std::uint32_t, 256>, 4> out{};
  for (std::size_t place = 0; place < out.size(); ++place) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      for (std::size_t bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) out[place][byte] ^= of_bit[8 * place + bit];
      }
    }
  }
  return out;
}

constexpr auto kCrc32cStripe = crc32c_stripe();

std::uint32_t behind_stripe(std::uint64_t crc) {
  return kCrc32cStripe[0][crc & 0xFF] ^ kCrc32cStripe[1][crc >> 8 & 0xFF] ^
         kCrc32cStripe[2][crc >> 16 & 0xFF] ^ kCrc32cStripe[3][crc >> 24 & 0xFF];
}

std::uint64_t load64(const std::uint8_t* from) {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof word);
  return word;
}

/// The instruction takes three cycles and one can begin in each: three stripes go side by side.
__attribute__((target("sse4.2"))) std::uint32_t crc32c_hardware(ByteView data) {
  std::uint64_t crc = 0xFFFFFFFF;
  std::size_t i = 0;
  for (; i + 3 * kStripe <= data.size(); i += 3 * kStripe) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t at = i; at < i + kStripe; at += 8) {
      crc = __builtin_ia32_crc32di(crc, load64(&data[at]));
      second = __builtin_ia32_crc32di(second, load64(&data[at + kStripe]));
      third = __builtin_ia32_crc32di(third, load64(&data[at + 2 * kStripe]));
    }
    crc = behind_stripe(behind_stripe(crc) ^ second) ^ third;
  }
  for (; i + 8 <= data.size(); i += 8) crc = __builtin_ia32_crc32di(crc, load64(&data[i]));
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; i < data.size(); ++i) narrow = __builtin_ia32_crc32qi(narrow, data[i]);
  return ~narrow;
}
#endif

}  // namespace

Digest32 sha256(ByteView data) { return evp_digest<32>(sha256_algorithm(), data); }

Digest32 sha256(std::initializer_list<ByteView> parts) {
  const std::unique_ptr<EVP_MD_CTX, FreeHash> hash(EVP_MD_CTX_new());
  Digest32 out{};
  bool done = EVP_DigestInit_ex2(hash.get(), sha256_algorithm(), nullptr) == 1;
  for (const ByteView part : parts)
    done = done && EVP_DigestUpdate(hash.get(), part.data(), part.size()) == 1;
  done = done && EVP_DigestFinal_ex(hash.get(), out.data(), nullptr) == 1;
  assert(done);
  return out;
}

Digest64 sha512(ByteView data) { return evp_digest<64>(EVP_sha512(), data); }
Digest20 ripemd160(ByteView data) { return evp_digest<20>(EVP_ripemd160(), data); }
Digest20 sha1(ByteView data) { return evp_digest<20>(EVP_sha1(), data); }
Digest16 md5(ByteView data) { return evp_digest<16>(EVP_md5(), data); }

Digest32 keccak256(ByteView data) {
  constexpr std::size_t kRate = 136;
  std::array<std::uint64_t, 25> state{};
  const auto absorb = [&](std::size_t at, std::uint8_t byte) {
    state[at / 8] ^= static_cast<std::uint64_t>(byte) << (8 * (at % 8));
  };
  std::size_t at = 0;
  for (const std::uint8_t byte : data) {
    absorb(at, byte);
    if (++at == kRate) {
      keccak_f(state);
      at = 0;
    }
  }
  absorb(at, 0x01);
  absorb(kRate - 1, 0x80);
  keccak_f(state);
  Digest32 out{};
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::uint8_t>(state[i / 8] >> (8 * (i % 8)));
  return out;
}

Digest32 hmac_sha256(ByteView key, ByteView data) {
  Digest32 out{};
  hmac_sha256_of(key, {data}, out);
  return out;
}

std::uint64_t siphash(const Digest16& key, ByteView data) {
  const std::uint8_t nothing = 0;
  std::array<std::uint8_t, crypto_shorthash_BYTES> out{};
  crypto_shorthash(out.data(), data.empty() ? &nothing : data.data(), data.size(), key.data());
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < out.size(); ++i) number |= std::uint64_t{out[i]} << (8 * i);
  return number;
}

std::uint32_t crc32c(ByteView data) {
#if defined(__x86_64__)
  static const bool hardware = __builtin_cpu_supports("sse4.2") != 0;
  if (hardware) return crc32c_hardware(data);
#endif
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : data) crc = crc >> 8 ^ kCrc32c[(crc ^ byte) & 0xFF];
  return ~crc;
}

void append_field(Bytes& out, ByteView field) {
  const auto size = static_cast<std::uint32_t>(field.size());
  for (int shift = 24; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(size >> shift));
  out.insert(out.end(), field.begin(), field.end());
}

}  // namespace dim
