#include "dim/packet/guid.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace dim {
namespace {

class Counter : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0xF0;
};

Errc refusal(std::string_view text) {
  const auto guid = Guid::parse(text);
  return guid ? Errc::internal : guid.error().code;
}

TEST(Guid, I14_ReadsBothFormsAndBothCases) {
  constexpr std::string_view kPlain = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
  for (const std::string_view text : {kPlain, std::string_view("018F6F0E7B8C7CC2A1F3B0D5F3A1C9E4"),
                                      std::string_view("018f6f0e-7b8c-7cc2-a1f3-b0d5f3a1c9e4"),
                                      std::string_view("018F6F0E-7b8c-7CC2-a1f3-B0D5F3A1C9E4")}) {
    const auto guid = Guid::parse(text);
    ASSERT_TRUE(guid) << text;
    EXPECT_EQ(guid->text(), kPlain);
    EXPECT_EQ(guid->bytes()[1], 0x8F);
  }
}

TEST(Guid, I14_RefusesEverythingElse) {
  for (const std::string_view text :
       {"", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4a",
        "{018f6f0e-7b8c-7cc2-a1f3-b0d5f3a1c9e4}", "{18f6f0e7b8c7cc2a1f3b0d5f3a1c9e4",
        "018f6f0e7-b8c-7cc2-a1f3-b0d5f3a1c9e4", "018f6f0e-7b8c-7cc2-a1f3b-0d5f3a1c9e4",
        "018f6f0e-7b8c-7cc2-a1f3-b0d5f3a1c9e-", "g18f6f0e7b8c7cc2a1f3b0d5f3a1c9e4",
        " 18f6f0e7b8c7cc2a1f3b0d5f3a1c9e4", "018f6f0e 7b8c 7cc2 a1f3 b0d5f3a1c9e4",
        "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff",
        "00000000-0000-0000-0000-000000000000", "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"}) {
    EXPECT_EQ(refusal(text), Errc::bad_request) << text;
  }
}

TEST(Guid, I14_RawBytesFollowTheSameRule) {
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_FALSE(Guid::from_bytes(bytes));
  bytes.fill(0xFF);
  EXPECT_FALSE(Guid::from_bytes(bytes));
  bytes[15] = 0xFE;
  EXPECT_EQ(Guid::from_bytes(bytes).value().text(), "fffffffffffffffffffffffffffffffe");
}

TEST(Guid, NewOnesAreVersion7WithTheTimeInFront) {
  Counter random;
  const Guid guid = Guid::make(0x0123456789AB, random);
  const std::string text = guid.text();
  EXPECT_EQ(text.substr(0, 12), "0123456789ab");
  EXPECT_EQ(text[12], '7');
  EXPECT_NE(std::string_view("89ab").find(text[16]), std::string_view::npos);
  EXPECT_EQ(Guid::parse(text).value(), guid);
}

TEST(Guid, NewOnesAreOrderedByTimeAndDiffer) {
  Counter random;
  std::set<std::string> seen;
  Guid last = Guid::make(1, random);
  for (Millis now = 2; now < 100; ++now) {
    const Guid guid = Guid::make(now << 20, random);
    EXPECT_GT(guid, last);
    EXPECT_GT(guid.text(), last.text());
    EXPECT_TRUE(seen.insert(guid.text()).second);
    last = guid;
  }
}

}  // namespace
}  // namespace dim
