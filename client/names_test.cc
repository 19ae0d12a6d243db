#include "client/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/station_fixture.h"
#include "dim/packet/uri.h"

namespace dim {
namespace {

TEST(Names, AnOwnAliasGoesFirstAndAForeignNameNeverStandsAlone) {
  Home home = Home::in_memory(Account::make_user("me", kFakeNow - 1'000, fake_random()).value(),
                              fake_random())
                  .value();
  const Account& other = fake_user(2);
  EXPECT_EQ(name_of(home, other.id), other.id.text());
  ASSERT_TRUE(home.learn(other.id, other.meta.json(), {other.visa.json()}, kFakeNow));
  EXPECT_THAT(name_of(home, other.id), testing::StartsWith("~user 2 (0x"));
  ASSERT_TRUE(home.put_contact({.id = other.id, .registered = "second"}));
  EXPECT_EQ(name_of(home, other.id), "second");
  ASSERT_TRUE(home.put_contact({.id = other.id, .alias = "Two", .registered = "second"}));
  EXPECT_EQ(name_of(home, other.id), "Two");
}

TEST(Names, N10_WhoIsNewIsMarkedWhateverTheyCallThemselves) {
  Home home = Home::in_memory(Account::make_user("me", kFakeNow - 1'000, fake_random()).value(),
                              fake_random())
                  .value();
  const Account& other = fake_user(2);
  ASSERT_TRUE(home.learn(other.id, other.meta.json(), {other.visa.json()}, kFakeNow));
  ASSERT_TRUE(home.put_contact({.id = other.id}));
  const std::string as_new = name_of(home, other.id);
  EXPECT_THAT(as_new, testing::StartsWith("~user 2 (0x")) << "they have written first";
  for (const Contact& known :
       {Contact{.id = other.id, .verified = true}, Contact{.id = other.id, .written = true},
        Contact{.id = other.id, .accepted = true}}) {
    ASSERT_TRUE(home.put_contact(known));
    EXPECT_EQ("~" + name_of(home, other.id), as_new);
  }
  const Account& me = home.account();
  ASSERT_TRUE(home.learn(me.id, me.meta.json(), {me.visa.json()}, kFakeNow));
  EXPECT_THAT(name_of(home, me.id), testing::StartsWith("me (")) << "one is no stranger to oneself";
  EXPECT_FALSE(parse_graphical_id("~user").has_value()) << "no registered name looks so";
}

TEST(Names, AShortIdKeepsTheNameInItAndTheBeginningOfTheAddress) {
  EXPECT_EQ(short_id(*Id::parse("0x95E6F72fB194200e95b60332E8142DDF41C7c333")), "0x95E6F7…");
  EXPECT_EQ(short_id(*Id::parse("hulk@4YeVEN3aUnvC1DNUufCq1bs9zoBSJTzVEj/phone")),
            "hulk@4YeVEN3a…");
}

}  // namespace
}  // namespace dim
