#include "dim/crypto/hkdf.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"
#include "dim/crypto/digest.h"

namespace dim {
namespace {

Bytes row(int from, int to) {
  Bytes out;
  for (int i = from; i <= to; ++i) out.push_back(static_cast<std::uint8_t>(i));
  return out;
}

// RFC 5869 appendix A, cases 1 to 3.
TEST(Hkdf, GivesWhatRfc5869Says) {
  EXPECT_EQ(to_hex(hkdf_sha256(Bytes(22, 0x0b), row(0, 12), row(0xf0, 0xf9), 42).view()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
  EXPECT_EQ(to_hex(hkdf_sha256(row(0, 0x4f), row(0x60, 0xaf), row(0xb0, 0xff), 82).view()),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41"
            "c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
  EXPECT_EQ(to_hex(hkdf_sha256(Bytes(22, 0x0b), {}, {}, 42).view()),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8");
}

TEST(Hkdf, AnEmptySaltIsOneOfZeros) {
  EXPECT_EQ(to_hex(hkdf_sha256(Bytes(32, 1), {}, row(1, 5), 88).view()),
            to_hex(hkdf_sha256(Bytes(32, 1), Bytes(32, 0), row(1, 5), 88).view()));
}

TEST(Hkdf, ALongerOneBeginsAsTheShorter) {
  const Secret most = hkdf_sha256(Bytes(32, 1), {}, {}, 255 * 32);
  ASSERT_EQ(most.size(), 8'160U);
  for (const std::size_t size : {1U, 31U, 32U, 33U, 64U, 88U})
    EXPECT_TRUE(
        equal_secret(hkdf_sha256(Bytes(32, 1), {}, {}, size).view(), most.view().first(size)));
}

TEST(Hkdf, HmacIsThatOfTheOtherLibrary) {
  for (const std::size_t size : {0U, 1U, 32U, 64U, 65U, 200U}) {
    const Bytes key(size, 3);
    const Bytes data(size + 1, 4);
    const Secret out = secret_hmac_sha256(key, data);
    EXPECT_EQ(to_hex(out.view()), to_hex(hmac_sha256(key, data))) << size;
  }
}

}  // namespace
}  // namespace dim
