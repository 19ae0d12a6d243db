#include "dim/crypto/symmetric.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"
#include "dim/crypto/os_random.h"

namespace dim {
namespace {

Secret secret(std::string_view hex) { return Secret::copy_of(from_hex(hex).value()); }
Bytes bytes(const Secret& value) { return {value.view().begin(), value.view().end()}; }

template <std::size_t N>
std::array<std::uint8_t, N> fixed(std::string_view hex) {
  std::array<std::uint8_t, N> out{};
  std::ranges::copy(from_hex(hex).value(), out.begin());
  return out;
}

/// Gives the bytes it was made with, over and over.
class ScriptedRandom final : public Random {
 public:
  explicit ScriptedRandom(Bytes script) : script_(std::move(script)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = script_[at_++ % script_.size()];
  }

 private:
  Bytes script_;
  std::size_t at_ = 0;
};

// NIST SP 800-38A section F.2.5.
constexpr std::string_view kKey =
    "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4";
constexpr std::string_view kIv = "000102030405060708090a0b0c0d0e0f";
constexpr std::string_view kPlain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
constexpr std::string_view kCipher =
    "f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d"
    "39f23369a9d9bacfa530e26304231461b2eb05e2c39be9fcda6c19078c6a9d1b";

TEST(AesCbc, MatchesSp80038A) {
  const auto cipher = aes_cbc_encrypt(secret(kKey), fixed<16>(kIv), from_hex(kPlain).value());
  ASSERT_TRUE(cipher);
  ASSERT_EQ(cipher->size(), 80U);  // the four blocks of the vector and one of padding
  EXPECT_EQ(to_hex(ByteView(*cipher).first(64)), kCipher);
  const auto plain = aes_cbc_decrypt(secret(kKey), fixed<16>(kIv), *cipher);
  ASSERT_TRUE(plain);
  EXPECT_EQ(to_hex(plain->view()), kPlain);
}

TEST(AesCbc, EveryLengthComesBack) {
  const Secret key = secret(kKey);
  Bytes plain;
  for (std::size_t size = 0; size <= 70; ++size) {
    const auto cipher = aes_cbc_encrypt(key, fixed<16>(kIv), plain);
    ASSERT_TRUE(cipher);
    EXPECT_EQ(cipher->size(), (size / 16 + 1) * 16);
    const auto back = aes_cbc_decrypt(key, fixed<16>(kIv), *cipher);
    ASSERT_TRUE(back) << size;
    EXPECT_EQ(bytes(*back), plain);
    plain.push_back(static_cast<std::uint8_t>(size));
  }
}

/// Encrypts a last block of our choice: the cipher text of block | padding without its padding
/// block.
Bytes with_last_block(ByteView block) {
  auto cipher = aes_cbc_encrypt(secret(kKey), fixed<16>(kIv), block).value();
  cipher.resize(16);
  return cipher;
}

TEST(AesCbc, J20_EveryByteOfThePaddingIsChecked) {
  for (unsigned amount = 0; amount <= 255; ++amount) {
    Bytes block(16, 'x');
    const std::size_t covered = std::min(amount, 16U);
    std::fill(block.end() - static_cast<std::ptrdiff_t>(covered), block.end(),
              static_cast<std::uint8_t>(amount));
    block.back() = static_cast<std::uint8_t>(amount);
    const auto plain = aes_cbc_decrypt(secret(kKey), fixed<16>(kIv), with_last_block(block));
    ASSERT_EQ(plain.has_value(), amount >= 1 && amount <= 16) << amount;
    if (plain) {
      EXPECT_EQ(plain->size(), 16 - amount);
    } else {
      EXPECT_EQ(plain.error().code, Errc::decrypt);
    }
    for (std::size_t i = 0; amount >= 2 && amount <= 16 && i + 1 < amount; ++i) {
      Bytes changed = block;
      changed[15 - amount + 1 + i] ^= 0x01;
      EXPECT_FALSE(aes_cbc_decrypt(secret(kKey), fixed<16>(kIv), with_last_block(changed)))
          << amount << " " << i;
    }
  }
}

TEST(AesCbc, A22_EveryFaultOfTheCipherTextIsTheSameError) {
  const Secret key = secret(kKey);
  const Bytes good = aes_cbc_encrypt(key, fixed<16>(kIv), Bytes(40, 0x40)).value();
  std::vector<Bytes> faulty = {{},        Bytes(1),  Bytes(15),
                               Bytes(17), Bytes(31), with_last_block(Bytes(16, 0))};
  faulty.emplace_back(good.begin(), good.end() - 16);  // the padding block is missing
  faulty.emplace_back(good.begin(), good.end() - 1);
  std::set<std::string> errors;
  for (const Bytes& cipher : faulty) {
    const auto plain = aes_cbc_decrypt(key, fixed<16>(kIv), cipher);
    ASSERT_FALSE(plain);
    errors.insert(to_string(plain.error()));
  }
  EXPECT_EQ(errors.size(), 1U);
  EXPECT_TRUE(errors.begin()->starts_with("E_DECRYPT"));
}

TEST(AesCbc, OnlyKeysOf32BytesAreTakenUnlessAskedFor) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{16}, std::size_t{24}, std::size_t{31},
                                 std::size_t{33}, std::size_t{64}}) {
    const auto cipher = aes_cbc_encrypt(Secret(size), {}, as_bytes("abc"));
    ASSERT_FALSE(cipher) << size;
    EXPECT_EQ(cipher.error().code, Errc::key);
    EXPECT_FALSE(aes_cbc_decrypt(Secret(size), {}, Bytes(16)));
    const auto any = aes_cbc_encrypt(Secret(size), {}, as_bytes("abc"), AesKeys::any_size);
    ASSERT_EQ(any.has_value(), size == 16 || size == 24);
    if (any) {
      EXPECT_EQ(as_text(aes_cbc_decrypt(Secret(size), {}, *any, AesKeys::any_size)->view()), "abc");
    }
  }
}

// draft-irtf-cfrg-xchacha-03 appendix A.3.1.
constexpr std::string_view kSunscreen =
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, "
    "sunscreen would be it.";
constexpr std::string_view kBoxKey =
    "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f";
constexpr std::string_view kAssociated = "50515253c0c1c2c3c4c5c6c7";
constexpr std::string_view kNonce = "404142434445464748494a4b4c4d4e4f5051525354555657";
constexpr std::string_view kBoxed =
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e"
    "39ae64c6708c54c216"
    "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637d"
    "a9768812f615c68b13"
    "b52e"
    "c0875924c1c7987947deafd8780acf49";

TEST(Box, MatchesTheDraftOfXChaCha20Poly1305) {
  ScriptedRandom random(from_hex(kNonce).value());
  const auto boxed =
      box(secret(kBoxKey), as_bytes(kSunscreen), from_hex(kAssociated).value(), random);
  ASSERT_TRUE(boxed);
  EXPECT_EQ(to_hex(*boxed), std::string(kNonce) + std::string(kBoxed));
  const auto plain = unbox(secret(kBoxKey), *boxed, from_hex(kAssociated).value());
  ASSERT_TRUE(plain);
  EXPECT_EQ(as_text(plain->view()), kSunscreen);
}

TEST(Box, AnyChangedBitIsNoticed) {
  OsRandom random;
  const Secret key = Secret::random(32, random);
  const Bytes boxed = box(key, as_bytes("data at rest"), as_bytes("place"), random).value();
  for (std::size_t bit = 0; bit < boxed.size() * 8; ++bit) {
    Bytes changed = boxed;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    const auto plain = unbox(key, changed, as_bytes("place"));
    ASSERT_FALSE(plain) << bit;
    EXPECT_EQ(plain.error().code, Errc::decrypt);
  }
  for (std::size_t size = 0; size < boxed.size(); ++size)
    EXPECT_FALSE(unbox(key, ByteView(boxed).first(size), as_bytes("place")));
  EXPECT_FALSE(unbox(key, boxed, as_bytes("other place")));
  EXPECT_FALSE(unbox(key, boxed, {}));
  EXPECT_FALSE(unbox(Secret::random(32, random), boxed, as_bytes("place")));
  EXPECT_TRUE(unbox(key, boxed, as_bytes("place")));
}

TEST(Box, TheSameTextIsNeverBoxedTheSame) {
  OsRandom random;
  const Secret key = Secret::random(32, random);
  EXPECT_NE(box(key, as_bytes("a"), {}, random).value(),
            box(key, as_bytes("a"), {}, random).value());
}

TEST(Box, TakesEmptyTextAndRefusesOtherKeySizes) {
  OsRandom random;
  const Secret key = Secret::random(32, random);
  const Bytes boxed = box(key, {}, {}, random).value();
  EXPECT_EQ(boxed.size(), 40U);
  EXPECT_TRUE(unbox(key, boxed, {})->empty());
  for (const std::size_t size : {0U, 16U, 31U, 33U}) {
    EXPECT_EQ(box(Secret(size), {}, {}, random).error().code, Errc::key);
    EXPECT_EQ(unbox(Secret(size), boxed, {}).error().code, Errc::key);
  }
}

constexpr Argon2Cost kCheap{.passes = 2, .memory_bytes = std::size_t{8} * 1024 * 1024};

TEST(DeriveKey, A43_IsArgon2idAsItsAuthorsProgramComputesIt) {
  // argon2 "0123456789abcdef" -id -t 2 -k 8192 -p 1 -l 32 -v 13 -r, of the reference
  // implementation.
  const auto key = derive_key(as_bytes("correct horse"), as_bytes("0123456789abcdef"), kCheap);
  ASSERT_TRUE(key);
  EXPECT_EQ(to_hex(key->view()),
            "3bc382900be1a5086645e5643548dd6c97748cfc94980aa565eaf33e0f3fd0fb");
}

TEST(DeriveKey, EveryInputMatters) {
  const auto derive = [](std::string_view passphrase, std::string_view salt, Argon2Cost cost) {
    return to_hex(derive_key(as_bytes(passphrase), as_bytes(salt), cost)->view());
  };
  const std::set<std::string> keys = {
      derive("a", "0123456789abcdef", kCheap),
      derive("b", "0123456789abcdef", kCheap),
      derive("", "0123456789abcdef", kCheap),
      derive("a", "0123456789abcdeg", kCheap),
      derive("a", "0123456789abcdef", {.passes = 3, .memory_bytes = kCheap.memory_bytes}),
      derive("a", "0123456789abcdef", {.passes = 2, .memory_bytes = kCheap.memory_bytes * 2})};
  EXPECT_EQ(keys.size(), 6U);
}

TEST(DeriveKey, RefusesSaltsOfOtherSizesAndImpossibleCosts) {
  for (const std::size_t size : {0U, 8U, 15U, 17U, 32U}) {
    EXPECT_EQ(derive_key(as_bytes("a"), Bytes(size), kCheap).error().code, Errc::key) << size;
  }
  EXPECT_FALSE(
      derive_key(as_bytes("a"), Bytes(16), {.passes = 0, .memory_bytes = kCheap.memory_bytes}));
  EXPECT_FALSE(derive_key(as_bytes("a"), Bytes(16), {.passes = 1, .memory_bytes = 100}));
}

}  // namespace
}  // namespace dim
