#include "client/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/station_fixture.h"

namespace dim {
namespace {

TEST(Names, AnOwnAliasGoesFirstAndAForeignNameNeverStandsAlone) {
  Home home = Home::in_memory(Account::make_user("me", kFakeNow - 1'000, fake_random()).value(),
                              fake_random())
                  .value();
  const Account& other = fake_user(2);
  EXPECT_EQ(name_of(home, other.id), other.id.text());
  ASSERT_TRUE(home.learn(other.id, other.meta.json(), {other.visa.json()}, kFakeNow));
  EXPECT_THAT(name_of(home, other.id), testing::StartsWith("user 2 (0x"));
  ASSERT_TRUE(home.put_contact({.id = other.id, .registered = "second"}));
  EXPECT_EQ(name_of(home, other.id), "second");
  ASSERT_TRUE(home.put_contact({.id = other.id, .alias = "Two", .registered = "second"}));
  EXPECT_EQ(name_of(home, other.id), "Two");
}

TEST(Names, AShortIdKeepsTheNameInItAndTheBeginningOfTheAddress) {
  EXPECT_EQ(short_id(*Id::parse("0x95E6F72fB194200e95b60332E8142DDF41C7c333")), "0x95E6F7…");
  EXPECT_EQ(short_id(*Id::parse("hulk@4YeVEN3aUnvC1DNUufCq1bs9zoBSJTzVEj/phone")),
            "hulk@4YeVEN3a…");
}

}  // namespace
}  // namespace dim
