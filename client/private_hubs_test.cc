// What a home keeps of private hubs; with stations and other people: tests/private_hubs_test.cc.
#include "client/private_hubs.h"

#include "client/erasure.h"
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
    EXPECT_TRUE(privates_.learn(view_));
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
    post.content = seal_post(text, place_of(post, 1), roster, {}, me(), home.directory(),
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

TEST_F(PrivateHubsOfHome, F17_WhatWasOpenedIsFoundByItsWordsNewestFirst) {
  for (const char* text : {"Red roses", "white lilies", "roses and lilies"}) {
    Post post = shown(den_, text);
    ASSERT_TRUE(privates_.open(hub_, post));
    EXPECT_EQ(post.content, text);
    ASSERT_TRUE(privates_.open(hub_, post = shown(attic_, "nothing")));
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

TEST_F(PrivateHubsOfHome, F17_WhatIsOlderAndWasOpenedLaterStandsBehind) {
  std::vector<Post> posts;
  for (const char* text : {"roses 1", "roses 2", "roses 3", "rosehip"}) {
    posts.push_back(shown(den_, text));
    clock.passed += 1'000;
  }
  for (const int one : {2, 3, 1, 0}) {
    Post post = posts[static_cast<std::size_t>(one)];
    ASSERT_TRUE(privates_.open(hub_, post));
  }
  EXPECT_THAT(found("roses"), ElementsAre("roses 3", "roses 2", "roses 1"));
  EXPECT_THAT(found("rose"), IsEmpty()) << "no part of a word";
  std::vector<std::string> pages;
  std::int64_t before = INT64_MAX;
  for (int i = 0; i < 4; ++i) {
    const auto page = privates_.search(hub_, den_, "roses", before, 1).value();
    if (page.empty()) break;
    pages.push_back(page.back().post.content);
    before = page.back().place;
  }
  EXPECT_THAT(pages, ElementsAre("roses 3", "roses 2", "roses 1"));
}

TEST_F(PrivateHubsOfHome, N1_WhatIsGoneAtTheStationOrOverIsNotKept) {
  Post taken = shown(den_, "take me back");
  Post brief = shown(den_, "for a moment", clock.now() + 1'000);
  Post old = shown(attic_, "three days only");
  for (Post* one : {&taken, &brief, &old}) ASSERT_TRUE(privates_.open(hub_, *one));
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 3);
  taken.state = PostState::removed;
  taken.content.clear();
  ASSERT_TRUE(privates_.open(hub_, taken));
  EXPECT_THAT(found("take"), IsEmpty());
  clock.passed += 2'000;
  EXPECT_THAT(found("moment"), IsEmpty());
  EXPECT_THAT(found("three"), ElementsAre("three days only"));
  clock.passed += 4 * kDay;
  EXPECT_THAT(found("three"), IsEmpty());
  PrivateHubs next(home, clock);  // the next program of this home
  ASSERT_TRUE(next.learn(view_));
  next.tick();
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 0) << "and nothing of it is left";
}

TEST_F(PrivateHubsOfHome, N1_WhatIsOverIsErasedWhileAProgramRuns) {
  privates_.tick();
  Post brief = shown(den_, "for a moment", clock.now() + 1'000);
  Post old = shown(attic_, "three days only");
  for (Post* one : {&brief, &old}) ASSERT_TRUE(privates_.open(hub_, *one));
  const auto kept = [&] {
    privates_.tick();
    return home.vault().count(kOpenedPosts).value();
  };
  EXPECT_EQ(kept(), 2);
  clock.passed += 61'000;
  EXPECT_EQ(kept(), 1);
  clock.passed += 3 * kDay;
  EXPECT_EQ(kept(), 0);
}

TEST_F(PrivateHubsOfHome, N1_WhatIsOldIsErasedAlsoOfAChannelThatIsNotListedAnyMore) {
  Post old = shown(attic_, "three days only");
  Post other = shown(den_, "for ever");
  for (Post* one : {&old, &other}) ASSERT_TRUE(privates_.open(hub_, *one));
  PrivateHubs next(home, clock);  // the next program, to which the station shows neither
  clock.passed += 4 * kDay;
  next.tick();
  EXPECT_THAT(found("three", std::nullopt, &next), IsEmpty());
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 1);
  view_.channels.at(attic_).retention = 0;
  ASSERT_TRUE(next.learn(view_));
  Post kept = shown(attic_, "kept from now on");
  PrivateHubs third(home, clock);
  ASSERT_TRUE(third.open(hub_, kept));
  clock.passed += 4 * kDay;
  third.tick();
  EXPECT_THAT(found("kept", attic_, &third), ElementsAre("kept from now on"));
}

TEST_F(PrivateHubsOfHome, A29_AStationThatShowsNoTextErasesNone) {
  Post post = shown(den_, "roses");
  Post bare = post;
  bare.content.clear();
  Post broken = post;
  broken.content.clear();
  broken.unreadable = "in no form";
  ASSERT_TRUE(privates_.open(hub_, post));
  EXPECT_EQ(privates_.open(hub_, bare).error().code, Errc::bad_request);
  EXPECT_FALSE(bare.unreadable.empty());
  ASSERT_TRUE(privates_.open(hub_, broken));
  EXPECT_EQ(check_editable("hub-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", broken).error().code,
            Errc::conflict)
      << "in a public hub neither";
  EXPECT_THAT(found("roses"), ElementsAre("roses"));
}

TEST_F(PrivateHubsOfHome, N1_OfADroppedChannelOrHubNothingIsLeft) {
  for (const Guid& channel : {den_, attic_}) {
    Post post = shown(channel, "roses");
    ASSERT_TRUE(privates_.open(hub_, post));
  }
  ASSERT_TRUE(erase_opened(home, "private-other@x"));
  ASSERT_TRUE(erase_opened(home, hub_, std::set<Guid>()));
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 2);
  ASSERT_TRUE(erase_opened(home, hub_, std::set<Guid>{attic_}));
  EXPECT_THAT(found("roses", den_), ElementsAre("roses"));
  EXPECT_THAT(found("roses", attic_), IsEmpty());
  ASSERT_TRUE(erase_opened(home, hub_));
  EXPECT_EQ(home.vault().count(kOpenedPosts).value(), 0);
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

TEST_F(PrivateHubsOfHome, A28_AMembershipIsReadFromTheDiskOnceAndNotReplacedWhenItIsBroken) {
  const JsonObject second = privates_.roster(hub_)
                                ->next(me(), {peer().id.bare().text()}, {}, clock.now())
                                .value()
                                .value();
  ASSERT_TRUE(privates_.take(hub_, {first_, second}));
  ASSERT_TRUE(home.vault().put(kRosters, hub_, "broken"));
  EXPECT_TRUE(privates_.take(hub_, {second})) << "each signature is verified once in a program";
  PrivateHubs next(home, clock);
  EXPECT_FALSE(next.take(hub_, {first_})) << "nothing older counts as new";
  EXPECT_EQ(home.vault().get(kRosters, hub_).value(), "broken");
}

TEST_F(PrivateHubsOfHome, A28_AMembershipThatCannotBeReadIsNotNone) {
  ASSERT_TRUE(home.vault().put("rosters", hub_, R"({"list":[{}]})"));
  PrivateHubs next(home, clock);
  EXPECT_EQ(next.roster(hub_), nullptr);
  EXPECT_EQ(next.take(hub_, {first_}).error().code, Errc::io);
}

TEST_F(PrivateHubsOfHome, A28_AHubThatWasDestroyedComesBackWithTheMembershipThatItHadOrNotAtAll) {
  const std::string peers = peer().id.bare().text();
  const JsonObject second =
      privates_.roster(hub_)->next(me(), {peers}, {}, clock.now()).value().value();
  ASSERT_TRUE(privates_.take(hub_, {first_, second}));
  const JsonObject third =
      privates_.roster(hub_)->next(me(), {}, {peers}, clock.now()).value().value();
  ASSERT_TRUE(privates_.take(hub_, {second, third}));
  ASSERT_TRUE(erase_copies_of(home, hub_));
  EXPECT_EQ(home.vault().get(kRosters, hub_).value(), std::nullopt) << "who belonged to it is gone";
  PrivateHubs next(home, clock);  // the next program of this home
  EXPECT_EQ(next.take(hub_, {first_, second}).error().code, Errc::conflict)
      << "peer is out, and no station brings them back by destroying the hub";
  EXPECT_EQ(next.roster(hub_), nullptr);
  EXPECT_TRUE(next.take(hub_, {first_, second, third})) << "as from a backup";
  EXPECT_EQ(next.roster(hub_)->epoch(), 3);
}

TEST_F(PrivateHubsOfHome, A29_OnlyWhatIsOpenedIsShown) {
  const auto plain = [&](const Guid& channel) {
    return Post{.guid = Guid::make(clock.now(), fake_random()),
                .channel = channel,
                .author = my_id(),
                .content = "in the clear"};
  };
  Post known = plain(den_);
  // The station does not list this one, or not in a form that can be read.
  Post unlisted = plain(Guid::make(clock.now(), fake_random()));
  for (Post* one : {&known, &unlisted}) {
    EXPECT_FALSE(privates_.open(hub_, *one));
    EXPECT_EQ(one->content, "");
    EXPECT_FALSE(one->unreadable.empty());
  }
  Post damaged = plain(den_);
  damaged.damaged = true;
  EXPECT_TRUE(privates_.open(hub_, damaged));
  EXPECT_EQ(damaged.content, "");
  Post hidden = plain(den_);
  hidden.state = PostState::hidden;
  EXPECT_TRUE(privates_.open(hub_, hidden));
  EXPECT_EQ(hidden.content, "");
  Post other = shown(den_, "whose is it?");
  other.author = peer().id.bare().text();
  EXPECT_EQ(privates_.open(hub_, other).error().code, Errc::forbidden);
  EXPECT_EQ(other.content, "");
  Post post = shown(den_, "now");
  post.revision = 3;
  std::vector<PostRevision> earlier = {{.number = 1, .time = 0, .content = "in the clear"}};
  privates_.open(hub_, post, earlier);
  EXPECT_THAT(earlier, IsEmpty());
}

TEST_F(PrivateHubsOfHome, A29_ItsChannelsCountUnderNoOtherHubForEver) {
  const std::string open_hub = "hub-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
  PrivateHubs next(home, clock);  // and with no channel listed any more
  EXPECT_EQ(private_hub_of(home, den_).value(), hub_);
  Post plain{.guid = attic_, .channel = den_, .author = my_id(), .content = "in the clear"};
  EXPECT_EQ(next.open(open_hub, plain).error().code, Errc::conflict);
  EXPECT_EQ(plain.content, "");
  std::vector<PostRevision> earlier = {{.number = 0, .time = 0, .content = "in the clear"}};
  next.open(open_hub, plain, earlier);
  EXPECT_THAT(earlier, IsEmpty());
  plain.content = "of another, private one";
  EXPECT_EQ(next.open("private-2@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", plain).error().code,
            Errc::conflict);
  Post free{.guid = attic_,
            .channel = Guid::make(clock.now(), fake_random()),
            .author = my_id(),
            .content = "for everybody"};
  EXPECT_TRUE(next.open(open_hub, free));
  EXPECT_EQ(free.content, "for everybody");
}

TEST_F(PrivateHubsOfHome, A28_AnOlderTextThanWasOpenedIsRefused) {
  Post first = shown(den_, "we meet at noon");
  const Post before = first;
  ASSERT_TRUE(privates_.open(hub_, first));
  Post second = before;
  second.revision = 2;
  second.content = seal_post("we meet at two", {den_, before.guid, 2}, *privates_.roster(hub_), {},
                             me(), home.directory(), clock.now(), fake_random())
                       .value();
  const Post after = second;
  ASSERT_TRUE(privates_.open(hub_, second));
  Post again = before;
  EXPECT_EQ(PrivateHubs(home, clock).open(hub_, again).error().code, Errc::conflict);
  EXPECT_EQ(again.content, "");
  EXPECT_THAT(found("meet"), ElementsAre("we meet at two"));
  again = after;
  EXPECT_TRUE(privates_.open(hub_, again));
  EXPECT_EQ(again.content, "we meet at two");
}

TEST_F(PrivateHubsOfHome, A28_WhatCannotBeReadIsNotEdited) {
  Post post = shown(den_, "roses");
  EXPECT_TRUE(check_editable(hub_, post));
  post.revision = 99;
  ASSERT_FALSE(privates_.open(hub_, post));
  EXPECT_EQ(check_editable(hub_, post).error().code, Errc::conflict);
  post.unreadable = {};
  post.damaged = true;  // its author writes it anew
  EXPECT_TRUE(check_editable("hub-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", post));
}

TEST_F(PrivateHubsOfHome, N1_MessagesThatCannotBeOpenedCostOneQuestionInHalfAMinute) {
  const Status early = fail(Errc::too_early, "");
  EXPECT_FALSE(privates_.asks_anew(hub_, {}));
  EXPECT_FALSE(privates_.asks_anew(hub_, fail(Errc::rebound, "")));
  EXPECT_TRUE(privates_.asks_anew(hub_, early));
  EXPECT_FALSE(privates_.asks_anew(hub_, early));
  EXPECT_TRUE(privates_.asks_anew("private-other@x", early)) << "each hub by itself";
  clock.passed += 30'000;
  EXPECT_TRUE(privates_.asks_anew(hub_, early));
}

}  // namespace
}  // namespace dim
