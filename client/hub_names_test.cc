#include "client/hub_names.h"

#include <gmock/gmock.h>

#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::SizeIs;

const std::string kOwner = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const std::string kFirst = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

Guid guid(int number) {
  return *Guid::parse("018f6f0e7b8c7cc2a1f3b0d5f3a1c9e" + std::to_string(number));
}

class HubNames : public testing::Test {
 protected:
  HubNames()
      : home(Home::in_memory(Account::make_user("me", kFakeNow - 1'000, fake_random()).value(),
                             fake_random())
                 .value()) {
    hubs.push_back({.id = kFirst, .name = "gardeners", .topic = {}, .owner = kOwner});
    hubs[0].channels[guid(1)] = {.name = "general", .topic = {}};
    hubs[0].channels[guid(2)] = {.name = "a/b", .topic = {}};
    hubs.push_back({.id = second(), .name = "choir", .topic = {}, .owner = kOwner});
    hubs[1].channels[guid(3)] = {.name = "general", .topic = {}};
  }
  static std::string second() {
    static const std::string id =
        Meta::make_mkm(fake_user(3).identity_key, "second").id(EntityType::group)->text();
    return id;
  }
  std::string found(std::string_view where) {
    const auto place = find_place(hubs, where, home);
    if (!place) return std::string(name_of(place.error().code));
    return place->hub.name + (place->channel ? " " + place->channel->text().substr(31) : "");
  }
  Home home;
  std::vector<HubView> hubs;
};

TEST_F(HubNames, HubsAndChannelsAreFoundByNameIdAndAlias) {
  EXPECT_EQ(found("gardeners"), "gardeners");
  EXPECT_EQ(found(kFirst), "gardeners");
  EXPECT_EQ(found("gardeners/general"), "gardeners 1");
  EXPECT_EQ(found("gardeners/a/b"), "gardeners 2");
  EXPECT_EQ(found(kFirst + "/general"), "gardeners 1");
  EXPECT_EQ(found("choir/general"), "choir 3");
  EXPECT_EQ(found(guid(3).text()), "choir 3");
  EXPECT_EQ(found("choir/" + guid(3).text()), "choir 3");
  EXPECT_EQ(found("choir/" + guid(1).text()), "NOT_FOUND") << "of another hub";
  EXPECT_EQ(found("singers"), "NOT_FOUND");
  EXPECT_EQ(found("choir/"), "NOT_FOUND");
  ASSERT_TRUE(home.put_contact({.id = *Id::parse(second()), .alias = "singers"}));
  EXPECT_EQ(found("singers/general"), "choir 3");
}

TEST_F(HubNames, WhatSeveralAreCalledNamesNone) {
  hubs[1].name = "gardeners";
  EXPECT_EQ(found("gardeners"), "E_USAGE");
  EXPECT_EQ(found("gardeners/general"), "E_USAGE");
  EXPECT_EQ(found(kFirst + "/general"), "gardeners 1") << "the ID decides";
  hubs[0].channels[guid(4)] = {.name = "general", .topic = {}};
  EXPECT_EQ(found(kFirst + "/general"), "E_USAGE");
  std::map<Guid, HubRole> roles;
  roles[guid(5)] = {.name = "keeper"};
  EXPECT_EQ(find_named(roles, "keeper").value(), guid(5));
  EXPECT_EQ(find_named(roles, guid(5).text()).value(), guid(5));
  EXPECT_EQ(find_named(roles, "owner").error().code, Errc::not_found);
  roles[guid(6)] = {.name = "keeper"};
  EXPECT_EQ(find_named(roles, "keeper").error().code, Errc::usage);
}

TEST_F(HubNames, NobodyTakesAnIdAwayByANameThatLooksLikeIt) {
  hubs[1].name = kFirst;
  EXPECT_EQ(found(kFirst), "gardeners");
  EXPECT_EQ(found(kFirst + "/general"), "gardeners 1");
  hubs[0].channels[guid(4)] = {.name = guid(1).text(), .topic = {}};
  EXPECT_EQ(found("gardeners/" + guid(1).text()), "gardeners 1");
  EXPECT_EQ(found(guid(1).text()), "gardeners 1");
  hubs[1].name = guid(1).text();
  EXPECT_EQ(found(guid(1).text()), "gardeners 1");
  std::map<Guid, HubRole> roles;
  roles[guid(5)] = {.name = "keeper"};
  roles[guid(6)] = {.name = guid(5).text()};
  EXPECT_EQ(find_named(roles, guid(5).text()).value(), guid(5));
}

TEST_F(HubNames, AnAliasMeansItsHubAlsoWhereOneIsInItNoLonger) {
  ASSERT_TRUE(home.put_contact({.id = *Id::parse(second()), .alias = "gardeners"}));
  EXPECT_EQ(found("gardeners/general"), "choir 3") << "not the one that only calls itself so";
  EXPECT_EQ(found("gardeners/a/b"), "NOT_FOUND");
  EXPECT_EQ(found(kFirst + "/general"), "gardeners 1");
  hubs.pop_back();
  EXPECT_EQ(found("gardeners/general"), "NOT_FOUND");
  EXPECT_EQ(found("gardeners"), "NOT_FOUND");
}

TEST_F(HubNames, WhatCannotBeReadIsAsItWasLast) {
  ASSERT_TRUE(keep_hubs(home, hubs));
  std::vector<HubView> now = {hubs[0]};
  now[0].channels.clear();
  add_kept(home, now, {});
  EXPECT_THAT(now[0].channels, SizeIs(0));
  add_kept(home, now, {kFirst, second()});
  ASSERT_THAT(now, SizeIs(2));
  EXPECT_THAT(now[0].channels, SizeIs(2));
  EXPECT_EQ(now[1].name, "choir");
}

TEST_F(HubNames, AHomeRemembersThem) {
  EXPECT_THAT(kept_hubs(home).value(), SizeIs(0));
  ASSERT_TRUE(keep_hubs(home, hubs));
  hubs = kept_hubs(home).value();
  ASSERT_THAT(hubs, SizeIs(2));
  EXPECT_EQ(found("gardeners/general"), "gardeners 1");
  EXPECT_EQ(hubs[1].owner, kOwner);
}

class PrivateNames : public HubNames {
 protected:
  PrivateNames() {
    cellar.channels[guid(5)] = {.name = "den", .topic = {}};
    EXPECT_TRUE(keep_private(home, cellar));
  }
  HubView cellar{.id = "private-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H",
                 .name = "Cellar",
                 .topic = {},
                 .owner = kOwner};
};

TEST_F(PrivateNames, A29_AChannelOfAPrivateHubIsFoundInNoOther) {
  hubs[1].channels[guid(5)] = {.name = "den", .topic = {}};
  EXPECT_EQ(found(guid(5).text()), "NOT_FOUND");
  hubs.push_back(cellar);
  EXPECT_EQ(found(guid(5).text()), "Cellar 5") << "also behind the one that shows it too";
  EXPECT_EQ(drop_borrowed(home, hubs[1]).error().code, Errc::conflict);
  EXPECT_THAT(hubs[1].channels, SizeIs(1));
  EXPECT_TRUE(drop_borrowed(home, hubs[1]));
  EXPECT_TRUE(drop_borrowed(home, hubs[2]));
  EXPECT_THAT(hubs[2].channels, SizeIs(1));
  // Who comes second does not take it over, private or not.
  HubView other = cellar;
  other.id = "private-2@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
  ASSERT_TRUE(keep_private(home, other));
  EXPECT_EQ(private_hub_of(home, guid(5)).value(), cellar.id);
  EXPECT_EQ(private_hub_of(home, guid(1)).value(), std::nullopt);
  // A list of before it was known says nothing else either.
  other.id = kFirst;
  ASSERT_TRUE(keep_hubs(home, {other}));
  EXPECT_THAT(kept_hubs(home).value().front().channels, SizeIs(0));
}

TEST_F(PrivateNames, A29_ANameOfAPrivateHubMeansNoOther) {
  hubs[1].name = "Cellar";
  hubs[1].channels[guid(6)] = {.name = "den", .topic = {}};
  EXPECT_EQ(found("Cellar/den"), "E_USAGE") << "the station has left the private one out";
  EXPECT_EQ(found("Cellar"), "E_USAGE");
  hubs[1].name = "Cellar/den";
  EXPECT_EQ(found("Cellar/den"), "E_USAGE");
  hubs[1].name = "Cellar";
  EXPECT_EQ(found(second() + "/den"), "Cellar 6") << "an ID means what has it";
  cellar.name = "Vault";
  ASSERT_TRUE(keep_private(home, cellar));
  EXPECT_EQ(found("Cellar/den"), "E_USAGE") << "also when the station calls it otherwise first";
  ASSERT_TRUE(forget_names(home, cellar.id));
  EXPECT_EQ(found("Cellar/den"), "Cellar 6") << "once one has left it";
  EXPECT_EQ(private_hub_of(home, guid(5)).value(), cellar.id);
  ASSERT_TRUE(keep_private(home, cellar));
  hubs.push_back(cellar);
  EXPECT_EQ(found("Vault/den"), "Vault 5");
}

}  // namespace
}  // namespace dim
