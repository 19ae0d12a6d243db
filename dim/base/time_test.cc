#include "dim/base/time.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr Millis kDay = 86'400'000;

TEST(Time, FormatsWithMilliseconds) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_time(1'700'000'000'125), "2023-11-14T22:13:20.125Z");
  EXPECT_EQ(format_time(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(format_time(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(format_time(253'402'300'799'999), "9999-12-31T23:59:59.999Z");
}

TEST(Time, FormatsAnyNumberWithoutHarm) {
  for (const Millis time :
       {std::numeric_limits<Millis>::min(), std::numeric_limits<Millis>::max()}) {
    EXPECT_EQ(format_time(time).size(), 24U);
  }
}

TEST(Time, ReadsFractionsOfOneToNineDigits) {
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z"), 1'700'000'000'000);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.1Z"), 1'700'000'000'100);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.12Z"), 1'700'000'000'120);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.125Z"), 1'700'000'000'125);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.1259Z"), 1'700'000'000'125);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.125999999Z"), 1'700'000'000'125);
}

TEST(Time, ReadsBackWhatItWrites) {
  for (Millis time = -800'000 * kDay / 2; time < 2'900'000 * kDay;
       time += 12'345 * kDay + 7'654'321) {
    EXPECT_EQ(parse_time(format_time(time)), time);
  }
}

TEST(Time, RefusesEveryOtherForm) {
  for (const std::string_view text : {"",
                                      "2023",
                                      "2023-11-14",
                                      "2023-11-14T22:13:20",
                                      "2023-11-14t22:13:20Z",
                                      "2023-11-14T22:13:20z",
                                      "2023-11-14 22:13:20Z",
                                      "2023-11-14T22:13:20+00:00",
                                      "2023-11-14T22:13:20.Z",
                                      "2023-11-14T22:13:20.1234567890Z",
                                      "2023-11-14T22:13:20.12",
                                      "2023-11-14T22:13:20,1Z",
                                      "2023-11-14T22:13Z",
                                      " 2023-11-14T22:13:20Z",
                                      "2023-11-14T22:13:20Z ",
                                      "2023-11-14T22:13:20ZZ",
                                      "2023-1-14T22:13:20Z",
                                      "-023-11-14T22:13:20Z",
                                      "2023-11-14T22:13:-1Z",
                                      "2023/11/14T22:13:20Z",
                                      "2023-11-14T22:13:2\xC3\xA9Z",
                                      "12023-11-14T22:13:20Z",
                                      "2023-11-14T22:13:20.1-2Z"}) {
    const auto time = parse_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().code, Errc::bad_request);
  }
}

TEST(Time, RefusesDatesAndTimesThatDoNotExist) {
  for (const std::string_view text :
       {"2023-00-14T00:00:00Z", "2023-13-14T00:00:00Z", "2023-02-29T00:00:00Z",
        "2023-04-31T00:00:00Z", "2023-01-00T00:00:00Z", "2023-01-32T00:00:00Z",
        "1900-02-29T00:00:00Z", "2023-01-01T24:00:00Z", "2023-01-01T00:60:00Z",
        "2016-12-31T23:59:60Z"}) {
    EXPECT_FALSE(parse_time(text)) << text;
  }
  EXPECT_TRUE(parse_time("2024-02-29T23:59:59Z"));
}

TEST(Time, A37_PlausibleFrom2018ToFiveMinutesAhead) {
  const Millis now = parse_time("2026-11-24T14:43:00Z").value();
  const Millis first = parse_time("2018-01-01T00:00:00Z").value();
  EXPECT_TRUE(plausible_time(now, now));
  EXPECT_TRUE(plausible_time(first, now));
  EXPECT_FALSE(plausible_time(first - 1, now));
  EXPECT_TRUE(plausible_time(now + 300'000, now));
  EXPECT_FALSE(plausible_time(now + 300'001, now));
  EXPECT_FALSE(plausible_time(0, now));
  EXPECT_FALSE(plausible_time(std::numeric_limits<Millis>::max(), now));
}

}  // namespace
}  // namespace dim
