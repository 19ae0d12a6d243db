#include "dim/engine/pin.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr std::int64_t kNow = 1'790'000'000'000;

std::optional<Pin> again(const Pin& pin) {
  JsonObject out;
  write_pin(pin, out);
  return read_pin(out);
}

TEST(Pin, WhatIsWrittenIsRead) {
  EXPECT_EQ(again({true, 1}), (Pin{true, 1}));
  EXPECT_EQ(again({false, kLastPin}), (Pin{false, kLastPin}));
  EXPECT_FALSE(again({true, 0}));
  EXPECT_FALSE(again({true, kLastPin + 1}));
  for (const char* bad :
       {R"({})", R"({"pinned": true})", R"({"revision": 5})",
        R"({"pinned": "true", "revision": 5})", R"({"pinned": 1, "revision": 5})",
        R"({"pinned": true, "revision": "5"})", R"({"pinned": true, "revision": 1.5})"})
    EXPECT_FALSE(read_pin(parse_json_object(bad).value())) << bad;
}

TEST(Pin, TheGreaterRevisionCountsAndOfTwoTheOneThatTakesItAway) {
  EXPECT_TRUE(replaces({true, 2}, {false, 1}));
  EXPECT_FALSE(replaces({true, 1}, {false, 2}));
  EXPECT_TRUE(replaces({false, 2}, {true, 2}));
  EXPECT_FALSE(replaces({true, 2}, {false, 2}));
  EXPECT_FALSE(replaces({true, 2}, {true, 2}));
  EXPECT_TRUE(replaces({true, 1}, {}));
}

TEST(Pin, EachChangeIsAboveTheLastOneWhateverTheClockSays) {
  EXPECT_EQ(pinned({}, false, kNow), (Pin{true, kNow}));
  EXPECT_EQ(pinned({true, kNow}, true, kNow), (Pin{false, kNow + 1}));
  EXPECT_EQ(pinned({false, kNow + 50}, false, kNow), (Pin{true, kNow + 51}));
  EXPECT_EQ(pinned({}, false, -5), (Pin{true, 1}));
  EXPECT_FALSE(pinned({true, 1}, false, kNow)) << "it is so already";
  EXPECT_FALSE(pinned({}, true, kNow));
}

TEST(Pin, A14_NobodyPinsForEver) {
  const Pin forced{true, kLastPin};
  const auto away = pinned(forced, true, kNow);
  ASSERT_TRUE(away);
  EXPECT_EQ(*away, (Pin{false, kLastPin}));
  EXPECT_TRUE(replaces(*away, forced)) << "also at the other end";
  EXPECT_FALSE(replaces(forced, *away));
  EXPECT_FALSE(pinned(*away, false, kNow));
}

}  // namespace
}  // namespace dim
