#include "server/quotas.h"

#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr Rate kTwo{2, 4};  // two a second, four at once

TEST(TokenBucket, R10_GivesItsBurstThenItsRateAndSaysHowLongToWait) {
  TokenBucket bucket;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bucket.take(kTwo, 1'000), 0) << i;
  EXPECT_EQ(bucket.take(kTwo, 1'000), 500);
  EXPECT_EQ(bucket.take(kTwo, 1'400), 100) << "asking costs nothing";
  EXPECT_EQ(bucket.take(kTwo, 1'500), 0);
  EXPECT_EQ(bucket.take(kTwo, 1'500), 500);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bucket.take(kTwo, 60'000), 0) << "never more than a burst";
  EXPECT_GT(bucket.take(kTwo, 60'000), 0);
}

TEST(TokenBucket, ARateOfNothingIsNoLimit) {
  TokenBucket bucket;
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(bucket.take({0, 0}, 0), 0);
}

TEST(TokenBucket, AClockThatGoesBackGivesNothing) {
  TokenBucket bucket;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(bucket.take(kTwo, 10'000), 0);
  EXPECT_EQ(bucket.take(kTwo, 5'000), 500);
  EXPECT_EQ(bucket.take(kTwo, 10'000), 500);
}

TEST(TokenBucket, SeveralTokensAreTakenTogetherOrNotAtAll) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.take(kTwo, 0, 3), 0);
  EXPECT_EQ(bucket.take(kTwo, 0, 3), 1'000);
  EXPECT_EQ(bucket.take(kTwo, 0, 1), 0);
}

TEST(TokenBucket, FailuresAreCountedAndLookingCostsNothing) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.wait(kTwo, 0), 0);
  for (int i = 0; i < 6; ++i) bucket.charge(kTwo, 0);
  EXPECT_EQ(bucket.wait(kTwo, 0), 500) << "no debt beyond nothing";
  EXPECT_EQ(bucket.wait(kTwo, 500), 0);
}

TEST(Subnets, A64IsOneNetworkHoweverItIsWritten) {
  const auto net = subnet_of("2001:db8:1:2::7");
  EXPECT_NE(net, 0U);
  EXPECT_EQ(subnet_of("2001:db8:1:2:ffff::1"), net);
  EXPECT_EQ(subnet_of("[2001:db8:1:2::9]:8800"), net);
  EXPECT_EQ(subnet_of("2001:db8:1:2::9%eth0"), net);
  EXPECT_NE(subnet_of("2001:db8:1:3::7"), net);
  EXPECT_EQ(subnet_of("nonsense"), 0U);
  EXPECT_EQ(subnet_of(""), 0U);
}

TEST(Subnets, R11_A24OfIpv4IsOneNetwork) {
  const auto net = subnet_of("192.0.2.1");
  EXPECT_NE(net, 0U);
  EXPECT_EQ(subnet_of("192.0.2.254"), net);
  EXPECT_NE(subnet_of("192.0.3.1"), net);
  EXPECT_NE(subnet_of("193.0.2.1"), net);
}

TEST(Subnets, LoopbackIsKnownInBothFamilies) {
  for (const char* yes : {"::1", "[::1]:8800", "127.0.0.1", "127.8.9.10"})
    EXPECT_TRUE(is_loopback(yes)) << yes;
  for (const char* no : {"::", "::2", "2001:db8::1", "128.0.0.1", "", "localhost"})
    EXPECT_FALSE(is_loopback(no)) << no;
}

TEST(QuotaTable, R10_ComingBackWithinThreeHoursRefillsNothing) {
  QuotaTable table;
  constexpr Rate kOneAnHour{1.0 / 3600, 1};
  const std::string who = "0x95E6F72fB194200e95b60332E8142DDF41C7c333";
  EXPECT_EQ(table.at(who, 0).names.take(kOneAnHour, 0), 0);
  table.purge(3 * 3'600'000);
  EXPECT_GT(table.at(std::string_view(who), 1'000).names.take(kOneAnHour, 1'000), 0);
  EXPECT_EQ(table.size(), 1U);
  table.purge(1'000 + 3 * 3'600'000 + 1);
  EXPECT_EQ(table.size(), 0U);
}

TEST(SubnetTable, R11_IsBoundedAndForgetsWhoWasIdleForTenMinutes) {
  SubnetTable table(3);
  for (std::uint64_t net = 1; net <= 10; ++net) table.at(net, 0);
  EXPECT_EQ(table.size(), 3U);
  table.at(std::uint64_t{10}, 300'000);
  table.purge(600'000);
  EXPECT_EQ(table.size(), 3U);
  table.purge(600'001);
  EXPECT_LE(table.size(), 1U);
}

}  // namespace
}  // namespace dim
