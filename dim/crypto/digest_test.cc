#include "dim/crypto/digest.h"

#include <gtest/gtest.h>

#include <numeric>

#include "dim/base/hex.h"

namespace dim {
namespace {

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}
std::string digits(std::size_t size) {
  return repeated("0123456789", size / 10 + 1).substr(0, size);
}

constexpr std::string_view kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

TEST(Digest, Sha256MatchesFips180) {
  EXPECT_EQ(to_hex(sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(sha256(as_bytes(kTwoBlocks))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(to_hex(sha256(as_bytes(repeated("a", 1'000'000)))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, Sha256OfPartsIsThatOfTheWhole) {
  EXPECT_EQ(sha256({as_bytes("a"), ByteView(), as_bytes("bc")}), sha256(as_bytes("abc")));
  EXPECT_EQ(sha256({ByteView(), ByteView()}), sha256(ByteView()));
  const std::string text = digits(1000);
  for (std::size_t cut = 0; cut < text.size(); cut += 37) {
    const std::string_view view = text;
    EXPECT_EQ(sha256({as_bytes(view.substr(0, cut)), as_bytes(view.substr(cut))}),
              sha256(as_bytes(text)));
  }
}

TEST(Digest, Sha512MatchesFips180) {
  EXPECT_EQ(to_hex(sha512(as_bytes("abc"))),
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
  EXPECT_EQ(to_hex(sha512({})),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
}

TEST(Digest, Sha1MatchesRfc3174) {
  EXPECT_EQ(to_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha1(as_bytes(kTwoBlocks))), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(Digest, Md5MatchesRfc1321) {
  EXPECT_EQ(to_hex(md5({})), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(to_hex(md5(as_bytes("message digest"))), "f96b697d7cb7938d525a2f31aaf161d0");
}

TEST(Digest, Ripemd160MatchesItsAuthorsVectors) {
  EXPECT_EQ(to_hex(ripemd160({})), "9c1185a5c5e9fc54612808977ee8f548b2258d31");
  EXPECT_EQ(to_hex(ripemd160(as_bytes("abc"))), "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
  EXPECT_EQ(to_hex(ripemd160(as_bytes(kTwoBlocks))), "12a053384a9c0c88e405a06c27dcf49ada62eb2b");
}

TEST(Digest, Keccak256IsEthereumsAndNotSha3) {
  EXPECT_EQ(to_hex(keccak256({})),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  EXPECT_EQ(to_hex(keccak256(as_bytes("abc"))),
            "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  EXPECT_EQ(to_hex(keccak256(as_bytes("testing"))),
            "5f16f4c7f149ac4f9510d9cf8cf384038ad348b3bcdc01915f95de12df9d1b02");
  // Selectors of two well-known contract functions.
  EXPECT_EQ(to_hex(keccak256(as_bytes("transfer(address,uint256)"))).substr(0, 8), "a9059cbb");
  EXPECT_EQ(to_hex(keccak256(as_bytes("baz(uint32,bool)"))).substr(0, 8), "cdcd77c0");
}

TEST(Digest, Keccak256AroundTheBlockOf136Bytes) {
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(134)))),
            "2a271cee3f8b64a4030387b5ca89be46a1ede06bf8c8875be50f93a8ed3463f5");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(135)))),
            "e1c34dc088c34f47a3d746bb2cdd07231130c59a9727360e79f4a264e949cb87");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(136)))),
            "01247d7ddfd57394d74920f8ffeefcb196ba43c15801b6888a34a383c2866088");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(137)))),
            "b6086ab48f4c24720d6e4d136b3e73c1a8406a2dc3295c3d1b66e0c85fd791cc");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(271)))),
            "cca69daf8aca775f03bb7cf1eabcefaafc30d0b1abeb27b2c5b32476f02b7acf");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(272)))),
            "1392dd362122d191cb0045a4c01c847c7c526b0e25dc86a172d7ef6fd875eb9d");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(273)))),
            "1fbd389c45229ce0fe7809bf3018b6f74c9bdf3faa7b5633b5aaccc2f5391ad9");
  EXPECT_EQ(to_hex(keccak256(as_bytes(digits(1000)))),
            "47330df9571f24094cc8a52631bceaf1f44a3c56c1fefcc263a0dd7c73598494");
}

TEST(Digest, HmacSha256MatchesRfc4231) {
  const auto hmac = [](std::string_view key, std::string_view data) {
    return to_hex(hmac_sha256(from_hex(key).value(), from_hex(data).value()));
  };
  const auto hex = [](std::string_view text) { return to_hex(as_bytes(text)); };
  EXPECT_EQ(hmac(repeated("0b", 20), hex("Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hmac(hex("Jefe"), hex("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hmac(repeated("aa", 20), repeated("dd", 50)),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hmac("0102030405060708090a0b0c0d0e0f10111213141516171819", repeated("cd", 50)),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(
      hmac(repeated("aa", 131), hex("Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hmac(repeated("aa", 131), hex("This is a test using a larger than block-size key and a "
                                          "larger than block-size data. The key needs "
                                          "to be hashed before being used by the HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Digest, HmacSha256TakesAnEmptyKeyAndEmptyData) {
  EXPECT_EQ(to_hex(hmac_sha256({}, {})),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Digest, Crc32cMatchesRfc3720) {
  Bytes bytes(32, 0x00);
  EXPECT_EQ(crc32c(bytes), 0x8A9136AAU);
  bytes.assign(32, 0xFF);
  EXPECT_EQ(crc32c(bytes), 0x62A8AB43U);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(crc32c(bytes), 0x46DD794EU);
  std::reverse(bytes.begin(), bytes.end());
  EXPECT_EQ(crc32c(bytes), 0x113FDB5CU);
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c({}), 0U);
}

TEST(Digest, Crc32cAgreesWithItsDefinitionAtEveryLength) {
  const auto by_definition = [](ByteView data) {
    std::uint32_t crc = ~0U;
    for (const std::uint8_t byte : data) {
      crc ^= byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    }
    return ~crc;
  };
  const std::string text = digits(2'100);  // two rounds of stripes, and a rest
  for (std::size_t size = 0; size < text.size(); ++size) {
    const ByteView data = as_bytes(text).subspan(text.size() - size);  // every alignment too
    ASSERT_EQ(crc32c(data), by_definition(data)) << size;
  }
}

TEST(Digest, FieldsCannotBeShiftedIntoEachOther) {
  const auto fields = [](std::initializer_list<std::string_view> parts) {
    Bytes out;
    for (const std::string_view part : parts) append_field(out, as_bytes(part));
    return out;
  };
  EXPECT_EQ(to_hex(fields({"ab", ""})), "00000002616200000000");
  EXPECT_NE(fields({"ab", "c"}), fields({"a", "bc"}));
  EXPECT_NE(fields({"", "a"}), fields({"a", ""}));
  EXPECT_NE(fields({"a"}), fields({"a", ""}));
}

}  // namespace
}  // namespace dim
