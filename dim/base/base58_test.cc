#include "dim/base/base58.h"

#include <gtest/gtest.h>

#include "dim/base/hex.h"

namespace dim {
namespace {

struct Pair {
  std::string_view hex;
  std::string_view encoded;
};

// The first six are Bitcoin Core's; the others were made with the reference and checked by long
// division.
constexpr Pair kPairs[] = {
    {"", ""},
    {"61", "2g"},
    {"626262", "a3gV"},
    {"516b6fcd0f", "ABnLTmg"},
    {"572e4794", "3EFU7m"},
    {"00000000000000000000", "1111111111"},
    {"0000006d6f6b79", "1113oF5MJ"},
    {"68656c6c6f20776f726c64", "StV1DL6CwTryKyV"},
    {"6a0cfc5449c2c7c682c21c91a0a021531133e170833f4a4000", "jg1bkxShjEyZNXfY2qHLcipHjdNkwvBAXH"},
    {"ffffffffffffffffffff", "FPBt6CHo3fovdL"},
};

TEST(Base58, MatchesKnownPairs) {
  for (const auto& [hex, encoded] : kPairs) {
    EXPECT_EQ(to_base58(from_hex(hex).value()), encoded);
    EXPECT_EQ(from_base58(encoded), from_hex(hex).value()) << encoded;
  }
}

TEST(Base58, A35_RefusesCharactersOutsideTheAlphabet) {
  using namespace std::string_view_literals;
  for (const std::string_view text : {"0"sv, "O"sv, "I"sv, "l"sv, "abc def"sv, " abc"sv, "abc\n"sv,
                                      "ab+c"sv, "\xC3\xA9"sv, "a\0"sv}) {
    const auto bytes = from_base58(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Errc::encoding);
  }
}

TEST(Base58, RefusesMoreThan128Characters) {
  EXPECT_TRUE(from_base58(std::string(128, 'z')));
  EXPECT_FALSE(from_base58(std::string(129, 'z')));
  EXPECT_FALSE(from_base58(std::string(100'000, '1')));
}

TEST(Base58, KeepsLeadingZerosInBothDirections) {
  for (std::size_t zeros = 0; zeros < 20; ++zeros) {
    Bytes bytes(zeros, 0);
    bytes.insert(bytes.end(), {0x01, 0x00});
    const std::string text = to_base58(bytes);
    EXPECT_EQ(text, std::string(zeros, '1') + "5R");
    EXPECT_EQ(from_base58(text), bytes);
  }
}

}  // namespace
}  // namespace dim
