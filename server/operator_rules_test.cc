#include "server/operator_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;

OperatorRules rules(const std::vector<StoredSetting>& settings) {
  auto out = OperatorRules::load(settings);
  EXPECT_TRUE(out) << to_string(out.error());
  return out.value_or(OperatorRules());
}

TEST(OperatorRules, F69_ABanHoldsUntilItsEndAndIsReadBackAsItWasWritten) {
  const OperatorAct act{"operator:1000", "spam, \"again\"", kNow, kNow + 10};
  const auto read = OperatorAct::parse(act.text());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->by, act.by);
  EXPECT_EQ(read->reason, act.reason);
  EXPECT_EQ(read->time, act.time);
  EXPECT_EQ(read->until, act.until);
  OperatorRules set = rules({{"ban", "bob@x", act.text()}});
  EXPECT_NE(set.ban_of("bob@x", kNow + 9), nullptr);
  EXPECT_EQ(set.ban_of("bob@x", kNow + 10), nullptr);
  EXPECT_EQ(set.ban_of("carol@x", kNow), nullptr);
  ASSERT_TRUE(set.set("ban", "bob@x", OperatorAct{.time = kNow}.text()));
  EXPECT_NE(set.ban_of("bob@x", kNow * 2), nullptr) << "without an end";
  ASSERT_TRUE(set.set("ban", "bob@x", ""));
  EXPECT_EQ(set.ban_of("bob@x", kNow), nullptr);
}

TEST(OperatorRules, F69_AnAddressOrANetworkIsKeptOut) {
  OperatorRules set =
      rules({{"ban", "2001:db8:1::/48", "{}"}, {"ban", "192.0.2.7", R"({"until":1790000000010})"}});
  EXPECT_NE(set.ban_at("2001:db8:1:ffff::9", kNow), nullptr);
  EXPECT_EQ(set.ban_at("2001:db8:2::9", kNow), nullptr);
  EXPECT_NE(set.ban_at("::ffff:192.0.2.7", kNow), nullptr);
  EXPECT_EQ(set.ban_at("192.0.2.7", kNow + 10), nullptr);
  EXPECT_EQ(set.ban_of("2001:db8:1::/48", kNow), nullptr) << "no name is an address";
  ASSERT_TRUE(set.set("ban", "2001:db8:1::/48", ""));
  ASSERT_TRUE(set.set("ban", "192.0.2.7", ""));
  EXPECT_EQ(set.ban_at("2001:db8:1::9", kNow), nullptr);
}

TEST(OperatorRules, N14_QuotasOfAHubStandInPlaceOfTheDefaults) {
  OperatorRules set = rules({{"quota", "hub", R"({"messages":5,"members":7})"}});
  const HubQuotas defaults{.messages = 1, .bytes = 2};
  EXPECT_EQ(set.quotas(defaults, "other"), defaults);
  HubQuotas wanted = defaults;
  wanted.messages = 5;
  wanted.members = 7;
  EXPECT_EQ(set.quotas(defaults, "hub"), wanted);
  ASSERT_TRUE(set.set("quota", "hub", ""));
  EXPECT_EQ(set.quotas(defaults, "hub"), defaults);
  EXPECT_TRUE(check_quota("hubs", 0));
  for (const auto& [name, value] :
       {std::pair{"members", 0L}, std::pair{"members", 100'001L}, std::pair{"channels", 501L},
        std::pair{"bytes", -1L}, std::pair{"messages", -1L}, std::pair{"hubs", -1L},
        std::pair{"files", 1L}})
    EXPECT_FALSE(check_quota(name, value)) << name << value;
}

TEST(OperatorRules, WhatIsNoSettingOfOursIsAnErrorAndNotPassedOver) {
  for (const StoredSetting& one :
       {StoredSetting{"bann", "bob@x", "{}"}, StoredSetting{"ban", "bob@x", "true"},
        StoredSetting{"ban", "bob@x", R"({"until":"soon"})"},
        StoredSetting{"ban", "bob@x", R"({"reason":7})"},
        StoredSetting{"quota", "hub", R"({"messages":"many"})"},
        StoredSetting{"quota", "hub", R"({"files":1})"}}) {
    const auto out = OperatorRules::load({one});
    ASSERT_FALSE(out) << one.kind << one.value;
    EXPECT_EQ(out.error().code, Errc::internal);
  }
}

}  // namespace
}  // namespace dim
