// What a home keeps of private hubs; with stations and other people: tests/private_hubs_test.cc.
#include "client/private_hubs.h"

#include "client/hub_names.h"
#include "client/messenger_fixture.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr Millis kDay = 86'400'000;

class PrivateHubsOfHome : public MessengerTest {
 protected:
  PrivateHubsOfHome() {
    know(me());
    view_.channels.emplace(den_, HubChannel{.name = "den", .topic = {}});
    view_.channels.emplace(attic_, HubChannel{.name = "attic", .topic = {}, .retention = 3});
    EXPECT_TRUE(privates_.take(hub_, {first_}));
    privates_.learn(view_);
  }
  const Account& me() { return home.account(); }
  std::string my_id() { return me().id.bare().text(); }
  /// A message that the station shows.
  Post shown(const Guid& channel, std::string_view text, Millis expires = 0) {
    Post post{.guid = Guid::make(clock.now(), fake_random()), .channel = channel};
    post.cursor = post.changed = ++cursor;
    post.time = clock.now();
    post.author = my_id();
    post.expires = expires;
    const Roster& roster = *privates_.roster(hub_);
    post.content = seal_post(text, {channel, post.guid, 1}, roster, {}, me(), home.directory(),
                             clock.now(), fake_random())
                       .value();
    return post;
  }
  std::vector<std::string> found(std::string_view words, std::optional<Guid> channel = {},
                                 PrivateHubs* in = nullptr) {
    auto all = (in == nullptr ? privates_ : *in).search(hub_, channel, words, INT64_MAX, 10);
    std::vector<std::string> out;
    for (const auto& one : all.value()) out.push_back(one.post.content);
    return out;
  }

  Meta meta_ = Meta::make_mkm(me().identity_key, "private-garden");
  std::string hub_ = meta_.id(EntityType::group)->text();
  JsonObject first_ = first_roster(me(), hub_, meta_, clock.now());
  Guid den_ = Guid::make(clock.now(), fake_random());
  Guid attic_ = Guid::make(clock.now(), fake_random());
  HubView view_{.id = hub_, .name = "cellar", .topic = {}, .owner = my_id()};
  PrivateHubs privates_{home, clock};
};

TEST_F(PrivateHubsOfHome, F19_WhatWasOpenedIsFoundByItsWordsNewestFirst) {
  for (const char* text : {"Red roses", "white lilies", "roses and lilies"}) {
    Post post = shown(den_, text);
    ASSERT_TRUE(privates_.open(post));
    EXPECT_EQ(post.content, text);
    ASSERT_TRUE(privates_.open(post = shown(attic_, "nothing")));
  }
  EXPECT_THAT(found("ROSES"), ElementsAre("roses and lilies", "Red roses"));
  EXPECT_THAT(found("lilies roses"), ElementsAre("roses and lilies"));
  EXPECT_THAT(found("roses", attic_), IsEmpty());
  EXPECT_THAT(found(" "), IsEmpty());
  const auto one = privates_.search(hub_, den_, "roses", INT64_MAX, 1).value();
  ASSERT_EQ(one.size(), 1U);
  const auto next = privates_.search(hub_, den_, "roses", one.back().place, 1).value();
  ASSERT_EQ(next.size(), 1U);
  EXPECT_EQ(next.back().post.content, "Red roses");
  EXPECT_THAT(privates_.search("private-other@x", den_, "roses", INT64_MAX, 9).value(), IsEmpty());
}

TEST_F(PrivateHubsOfHome, N1_WhatIsGoneAtTheStationOrOverIsNotKept) {
  Post taken = shown(den_, "take me back");
  Post brief = shown(den_, "for a moment", clock.now() + 1'000);
  Post old = shown(attic_, "three days only");
  for (Post* one : {&taken, &brief, &old}) ASSERT_TRUE(privates_.open(*one));
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 3);
  taken.state = PostState::removed;
  taken.content.clear();
  ASSERT_TRUE(privates_.open(taken));
  EXPECT_THAT(found("take"), IsEmpty());
  clock.passed += 2'000;
  EXPECT_THAT(found("moment"), IsEmpty());
  EXPECT_THAT(found("three"), ElementsAre("three days only"));
  clock.passed += 4 * kDay;
  EXPECT_THAT(found("three"), IsEmpty());
  PrivateHubs next(home, clock);  // the next program of this home
  next.learn(view_);
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 0) << "and nothing of it is left";
}

TEST_F(PrivateHubsOfHome, A28_TheHomeRemembersTheMembershipsThatItHasSeen) {
  const JsonObject second = privates_.roster(hub_)
                                ->next(me(), {peer().id.bare().text()}, {}, clock.now())
                                .value()
                                .value();
  ASSERT_TRUE(privates_.take(hub_, {first_, second}));
  PrivateHubs next(home, clock);
  ASSERT_NE(next.roster(hub_), nullptr);
  EXPECT_EQ(next.roster(hub_)->epoch(), 2);
  EXPECT_EQ(next.take(hub_, {}).error().code, Errc::conflict);
  JsonObject forged = second;
  forged.set("add", JsonArray{Json(my_id())});
  EXPECT_EQ(next.take(hub_, {forged}).error().code, Errc::conflict);
  // What one program learns the others know before they take anything.
  const JsonObject third =
      next.roster(hub_)->next(me(), {}, {peer().id.bare().text()}, clock.now()).value().value();
  ASSERT_TRUE(next.take(hub_, {second, third}));
  EXPECT_EQ(privates_.take(hub_, {second}).error().code, Errc::conflict);
  EXPECT_EQ(privates_.roster(hub_)->epoch(), 3);
  EXPECT_EQ(next.take("private-other@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", {first_}).error().code,
            Errc::bad_request);
}

TEST_F(PrivateHubsOfHome, A29_ChannelsOfPrivateHubsAreKnownAlsoBeforeTheStationShowsThem) {
  ASSERT_TRUE(keep_hubs(home, {view_}));
  PrivateHubs next(home, clock);
  EXPECT_EQ(next.hub_of(den_), hub_);
  EXPECT_FALSE(next.hub_of(Guid::make(clock.now(), fake_random())));
  Post plain{.guid = den_, .channel = den_, .author = my_id(), .content = "in the clear"};
  EXPECT_FALSE(next.open(plain)) << "a station that shows plain text as if it were of the hub";
  EXPECT_EQ(plain.content, "");
  EXPECT_FALSE(plain.unreadable.empty());
  Post other = shown(den_, "whose is it?");
  other.author = peer().id.bare().text();
  EXPECT_EQ(next.open(other).error().code, Errc::forbidden);
}

}  // namespace
}  // namespace dim
