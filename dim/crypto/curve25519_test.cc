#include "dim/crypto/curve25519.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "dim/base/hex.h"
#include "dim/crypto/os_random.h"

namespace dim {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }
Key32 key_of(std::string_view text) {
  Key32 out{};
  std::ranges::copy(hex(text), out.begin());
  return out;
}

TEST(Curve25519, AgreesAsRfc7748Says) {
  const auto scalar =
      AgreementKey::of(hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"));
  const auto point = key_of("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
  EXPECT_EQ(to_hex(scalar->agree(point)->view()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  // Section 5.2: the result of each round is the next scalar, its scalar the next point.
  Bytes k(32, 0);
  k[0] = 9;
  Key32 u{};
  u[0] = 9;
  for (int i = 1; i <= 1'000; ++i) {
    const auto out = AgreementKey::of(k)->agree(u);
    ASSERT_TRUE(out);
    std::ranges::copy(k, u.begin());
    k.assign(out->view().begin(), out->view().end());
    if (i == 1) {
      EXPECT_EQ(to_hex(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  EXPECT_EQ(to_hex(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
}

TEST(Curve25519, J32_PointsOfSmallOrderAreRefused) {
  OsRandom random;
  const auto key = AgreementKey::generate(random);
  for (const char* point : {
           "0000000000000000000000000000000000000000000000000000000000000000",
           "0100000000000000000000000000000000000000000000000000000000000000",
           "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
           "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
           "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
           "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
       }) {
    const auto out = key.agree(key_of(point));
    ASSERT_FALSE(out) << point;
    EXPECT_EQ(out.error().code, Errc::key);
  }
  EXPECT_FALSE(AgreementKey::of(Bytes(31, 1)));
  EXPECT_FALSE(AgreementKey::of(Bytes(33, 1)));
}

TEST(Curve25519, BothSidesAgree) {
  OsRandom random;
  const auto a = AgreementKey::generate(random);
  const auto b = AgreementKey::generate(random);
  const auto there = a.agree(b.public_key());
  const auto back = b.clone().agree(a.clone().public_key());
  EXPECT_TRUE(equal_secret(there->view(), back->view()));
  EXPECT_NE(a.public_key(), b.public_key());
}

TEST(Curve25519, SignsAsRfc8032Says) {
  const auto first =
      SigningKey::of(hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));
  EXPECT_EQ(to_hex(first->public_key()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(to_hex(first->sign({})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const auto second =
      SigningKey::of(hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"));
  EXPECT_EQ(to_hex(second->public_key()),
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  EXPECT_EQ(to_hex(second->sign(hex("72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
            "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  EXPECT_EQ(to_hex(SigningKey::of(second->seed())->public_key()), to_hex(second->public_key()));
  EXPECT_FALSE(SigningKey::of(Bytes(64, 1)));
}

TEST(Curve25519, NoOtherSignatureVerifies) {
  const auto key = SigningKey::of(Bytes(32, 7)).value();
  const Bytes text = to_bytes("a letter");
  const Signature64 right = key.sign(text);
  EXPECT_TRUE(verify_ed25519(key.public_key(), text, right));
  EXPECT_FALSE(verify_ed25519(key.public_key(), to_bytes("another"), right));
  EXPECT_FALSE(verify_ed25519(SigningKey::of(Bytes(32, 8))->public_key(), text, right));
  for (std::size_t i = 0; i < right.size(); ++i) {
    Signature64 wrong = right;
    wrong[i] ^= 1;
    EXPECT_FALSE(verify_ed25519(key.public_key(), text, wrong)) << i;
  }
  EXPECT_FALSE(verify_ed25519(key.public_key(), text, ByteView(right).first(63)));
  EXPECT_FALSE(verify_ed25519(key.public_key(), text, {}));
  // S + L is the same number modulo the order: RFC 8032 section 5.1.7 wants it refused.
  const Bytes order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  Signature64 second = right;
  int carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const int sum = second[32 + i] + order[i] + carry;
    second[32 + i] = static_cast<std::uint8_t>(sum);
    carry = sum >> 8;
  }
  EXPECT_FALSE(verify_ed25519(key.public_key(), text, second));
  // A key of small order would let one signature stand under many texts.
  Signature64 zero{};
  zero[0] = 1;
  Key32 small{};
  small[0] = 1;
  EXPECT_FALSE(verify_ed25519(small, text, zero));
}

}  // namespace
}  // namespace dim
