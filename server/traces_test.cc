#include "server/traces.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;
constexpr std::string_view kStation = "test_station@23dpckd1Loy7NkqYxr8GSdb4ec3rVY5jVS";

JsonObject with(const std::string& traces) {
  return *parse_json_object("{\"traces\":" + traces + "}");
}

std::string entry(const std::string& more) {
  return "{\"did\":\"" + std::string(kStation) + "\"" + more + "}";
}

Digest32 hash_of(int number) { return sha256(as_bytes(std::to_string(number))); }

TEST(Traces, A25_AreReadInEveryFormOfTheReference) {
  const std::string id = "\"" + std::string(kStation) + "\"";
  const auto traces =
      read_traces(with("[" + id + ",{\"ID\":" + id + ",\"time\":1789999999.5}]"), kNow);
  ASSERT_TRUE(traces.has_value());
  ASSERT_EQ(traces->size(), 2U);
  EXPECT_EQ((*traces)[0].time, 0);
  EXPECT_EQ((*traces)[1].time, 1789999999.5);
  EXPECT_TRUE(has_passed(*traces, *Id::parse(kStation)));
  EXPECT_FALSE(has_passed(*traces, Id("everyone", Address::everywhere())));
  EXPECT_TRUE(read_traces({}, kNow)->empty());
  EXPECT_TRUE(read_traces(with("null"), kNow)->empty());
}

TEST(Traces, A25_SixteenAreReadAndSeventeenAreNot) {
  std::string list = entry("");
  for (int i = 1; i < 16; ++i) list += "," + entry("");
  EXPECT_EQ(read_traces(with("[" + list + "]"), kNow)->size(), 16U);
  EXPECT_FALSE(read_traces(with("[" + list + "," + entry("") + "]"), kNow));
}

TEST(Traces, A25_WhatIsNoListOfStationsIsRefused) {
  for (const char* wrong :
       {"{}", "7", "\"x\"", "[7]", "[{}]", "[{\"did\":7}]", "[\"no id at all\"]"})
    EXPECT_FALSE(read_traces(with(wrong), kNow)) << wrong;
}

TEST(Traces, A25_TimesThatCannotBeAreLeftOut) {
  for (const char* time : {"", ",\"time\":null", ",\"time\":-5", ",\"time\":\"soon\"",
                           ",\"time\":1790000301", ",\"time\":1e300"}) {
    const auto traces = read_traces(with("[" + entry(time) + "]"), kNow);
    ASSERT_TRUE(traces.has_value()) << time;
    EXPECT_EQ((*traces)[0].time, 0) << time;
    EXPECT_EQ(
        write_json(write_traces(*traces)),
        "[{\"ID\":\"" + std::string(kStation) + "\",\"did\":\"" + std::string(kStation) + "\"}]");
  }
}

TEST(ForwardMemory, A25_ForgetsByArrivalAndNeverHoldsMoreThanItsLimit) {
  ForwardMemory memory(3);
  for (int i = 0; i < 5; ++i) memory.note(hash_of(i), 1'000 + i);
  EXPECT_EQ(memory.size(), 3U);
  EXPECT_FALSE(memory.knows(hash_of(1), 1'005));
  EXPECT_TRUE(memory.knows(hash_of(2), 1'005));
  EXPECT_TRUE(memory.knows(hash_of(2), 1'002 + limits::kTraceMs - 1));
  EXPECT_FALSE(memory.knows(hash_of(2), 1'002 + limits::kTraceMs));
  EXPECT_TRUE(memory.knows(hash_of(3), 1'002 + limits::kTraceMs));
}

TEST(ForwardMemory, A25_SeeingAMessageAgainDoesNotKeepIt) {
  ForwardMemory memory;
  memory.note(hash_of(1), 0);
  memory.note(hash_of(1), limits::kTraceMs - 1);
  EXPECT_FALSE(memory.knows(hash_of(1), limits::kTraceMs));
}

}  // namespace
}  // namespace dim
