#include "dim/base/hex.h"

#include <gtest/gtest.h>

#include <numeric>

namespace dim {
namespace {

TEST(Hex, WritesLowerCase) {
  EXPECT_EQ(to_hex({}), "");
  EXPECT_EQ(to_hex(Bytes{0x00, 0x0F, 0xA0, 0xFF}), "000fa0ff");
}

TEST(Hex, ReadsEitherCase) {
  EXPECT_EQ(from_hex("DEADbeef"), (Bytes{0xDE, 0xAD, 0xBE, 0xEF}));
  EXPECT_EQ(from_hex(""), Bytes{});
}

TEST(Hex, ReadsBackEveryByte) {
  Bytes all(256);
  std::iota(all.begin(), all.end(), std::uint8_t{0});
  EXPECT_EQ(from_hex(to_hex(all)), all);
}

TEST(Hex, A35_RefusesOddLengthPrefixesSpacesAndOtherCharacters) {
  for (const std::string_view text :
       {"abc", "0xab", "zz", "de ad", " dead", "g0", "0g", "/0", ":0", "@0", "`0"}) {
    const auto bytes = from_hex(text);
    ASSERT_FALSE(bytes) << text;
    EXPECT_EQ(bytes.error().code, Errc::encoding);
  }
}

TEST(Hex, SaysWhereItIsWrong) { EXPECT_EQ(from_hex("0011xx").error().at, 4U); }

}  // namespace
}  // namespace dim
