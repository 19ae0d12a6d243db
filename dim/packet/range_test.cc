#include "dim/packet/range.h"

#include <gtest/gtest.h>

#include "dim/packet/packet.h"

namespace dim {
namespace {

TEST(Range, ReadsWhatItWrites) {
  for (const ByteRange range : {ByteRange{0, 0}, ByteRange{0, 65'535}, ByteRange{65'536, 200'000},
                                ByteRange{0, 999'999'999'999'999'999}}) {
    const auto again = ByteRange::parse(range.text());
    ASSERT_TRUE(again) << range.text();
    EXPECT_EQ(*again, range);
  }
  EXPECT_EQ((ByteRange{5, 7}.size()), 3);
}

TEST(Range, M10_RefusesBackwardNegativeAndManyRanges) {
  std::string many = "0-1";
  for (int i = 0; i < 999; ++i)
    many += "," + std::to_string(3 * i + 3) + "-" + std::to_string(3 * i + 4);
  for (const std::string& text :
       {std::string("5-2"), std::string("-1"), std::string("1-"), std::string("-"), std::string(),
        std::string("1"), std::string("--1"), std::string("0--1"), std::string("+1-2"),
        std::string(" 1-2"), std::string("1-2 "), std::string("0x1-2"), std::string("1-2-3"),
        std::string("0-9999999999999999999"), std::string("0-1,3-4"), many}) {
    const auto range = ByteRange::parse(text);
    ASSERT_FALSE(range) << text;
    EXPECT_EQ(range.error().code, Errc::bad_request) << text;
  }
}

TEST(Range, AListIsInOrderAndApart) {
  const std::vector<ByteRange> ranges{{0, 65'535}, {131'072, 200'000}};
  EXPECT_EQ(ranges_text(ranges), "[0-65535, 131072-200000]");
  Packet packet = Packet::response(205, "1");
  packet.set("missing", ranges_text(ranges));
  const auto items = packet.list("missing");
  ASSERT_TRUE(items);
  const auto again = parse_ranges(*items);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, ranges);
  EXPECT_FALSE(parse_ranges({"0-5", "6-9"})) << "touching ranges are one";
  EXPECT_FALSE(parse_ranges({"7-9", "0-5"}));
  EXPECT_FALSE(parse_ranges({"0-5", "x"}));
}

}  // namespace
}  // namespace dim
