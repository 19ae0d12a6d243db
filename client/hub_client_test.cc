// Requests on hubs against a station that says what the test wants; against a real one:
// tests/hub_client_test.cc.
#include "client/messenger_fixture.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const char* const kChannel = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
const char* const kOwner = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const char* const kHub = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

class HubClientTest : public MessengerTest {
 protected:
  Packet post(Cursor at, std::string text) {
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message").set("author", kOwner).set("target", kChannel);
    packet.set("guid", Guid::make(clock.now(), fake_random()).text());
    packet.set("time", format_time(clock.now())).set("cursor", std::to_string(at));
    packet.content = std::move(text);
    return packet;
  }
  void ask_for_posts() {
    PostQuery query;
    query.target = kChannel;
    query.hub = kHub;
    messenger->hubs().posts(query, [this](HubResult<PostsPage> answer) {
      if (!answer) {
        refusals.push_back(std::move(answer.error()));
        return;
      }
      pages.emplace_back();
      for (const Post& one : answer->posts) pages.back().push_back(one.content);
    });
  }
  void count(const Packet& request, int number, int code = 200) {
    Packet packet = Packet::response(code, request.get("id"));
    answer(Lane::text, packet.set("count", std::to_string(number)));
  }
  void listen() {
    messenger->hubs().live = [this](const Packet& push) { live.push_back(*push.content); };
  }

  std::vector<std::vector<std::string>> pages;
  std::vector<HubRefusal> refusals;
  std::vector<std::string> live;
};

TEST_F(HubClientTest, APageIsWhatComesLastBeforeItsAnswerAndTheRestIsLive) {
  log_in();
  listen();
  ask_for_posts();
  ask_for_posts();
  const Packet first = station.next(Lane::text), second = station.next(Lane::text);
  answer(Lane::text, post(9, "live before"));
  answer(Lane::text, post(2, "two"));
  answer(Lane::text, post(1, "one"));
  EXPECT_THAT(live, IsEmpty()) << "nobody knows yet what it is";
  count(first, 2);
  EXPECT_THAT(live, ElementsAre("live before"));
  answer(Lane::text, post(10, "live between"));
  answer(Lane::text, post(1, "one"));
  count(second, 1);
  answer(Lane::text, post(11, "live behind"));
  EXPECT_THAT(pages, ElementsAre(ElementsAre("two", "one"), ElementsAre("one")));
  EXPECT_THAT(live, ElementsAre("live before", "live between", "live behind"));
}

TEST_F(HubClientTest, WhatAStationClaimsButDoesNotSendIsNoPage) {
  log_in();
  listen();
  ask_for_posts();
  answer(Lane::text, post(1, "one"));
  count(station.next(Lane::text), 2);
  ASSERT_THAT(refusals, SizeIs(1));
  EXPECT_EQ(refusals[0].error.code, Errc::bad_request);
  ask_for_posts();
  Packet broken = post(1, "one");
  answer(Lane::text, broken.set("cursor", "-1"));
  count(station.next(Lane::text), 1);
  EXPECT_THAT(refusals, SizeIs(1));
  EXPECT_THAT(pages, ElementsAre(IsEmpty())) << "what has no place is left out";
}

TEST_F(HubClientTest, RefusalsSayWhatTheStationSays) {
  log_in();
  ask_for_posts();
  Packet packet = Packet::response(416, station.next(Lane::text).get("id"));
  answer(Lane::text, packet.set("message", "slower").set("retry-after", "3"));
  ASSERT_THAT(refusals, SizeIs(1));
  EXPECT_EQ(refusals[0].error.code, Errc::too_many_requests);
  EXPECT_EQ(refusals[0].code, 416);
  EXPECT_EQ(refusals[0].station, "slower");
  EXPECT_EQ(refusals[0].retry_after, 3'000);
  const auto errc = [&](int code) {
    ask_for_posts();
    answer(Lane::text, Packet::response(code, station.next(Lane::text).get("id")));
    return refusals.back().error.code;
  };
  EXPECT_EQ(errc(403), Errc::forbidden);
  EXPECT_EQ(errc(404), Errc::not_found);
  EXPECT_EQ(errc(407), Errc::conflict);
  EXPECT_EQ(errc(410), Errc::gone);
  EXPECT_EQ(errc(501), Errc::not_implemented);
  EXPECT_EQ(errc(503), Errc::unavailable);
  messenger->stop();
  ask_for_posts();
  EXPECT_EQ(refusals.back().error.code, Errc::unreachable);
}

TEST_F(HubClientTest, N9_BansGoOnTheLaneThatIsReadFirst) {
  log_in();
  station.requests.clear();
  for (const HubObject object : {HubObject::ban, HubObject::mute})
    messenger->hubs().ask(HubClient::request(Operation::create, object, kHub),
                          [](const HubResult<Packet>&) {});
  EXPECT_THAT(station.requests[Lane::control], SizeIs(2));
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
}

TEST_F(HubClientTest, AListThatDoesNotGoOnEnds) {
  log_in();
  std::optional<HubResult<std::vector<JsonObject>>> all;
  messenger->hubs().list(HubObject::role, kHub, [&](HubResult<std::vector<JsonObject>> answer) {
    all.emplace(std::move(answer));
  });
  for (int i = 0; i < 2; ++i) {
    Packet page = Packet::response(206, station.next(Lane::text).get("id"));
    page.set("count", "1").set("next", kChannel);
    page.content = R"({"list":[{}]})";
    answer(Lane::text, page);
  }
  ASSERT_TRUE(all);
  ASSERT_FALSE(*all);
  EXPECT_EQ((*all).error().error.code, Errc::bad_request);
}

TEST_F(HubClientTest, OneHubThatCannotBeReadHoldsUpNoOther) {
  log_in();
  std::optional<HubResult<std::vector<HubView>>> mine;
  messenger->hubs().mine(
      [&](HubResult<std::vector<HubView>> answer) { mine.emplace(std::move(answer)); });
  const auto reply = [&](int code, std::string content) {
    Packet packet = Packet::response(code, station.next(Lane::text).get("id"));
    packet.content = std::move(content);
    answer(Lane::text, packet);
  };
  const std::string second = "Group-888@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
  const auto hub = [](const std::string& id) {
    return R"({"hub":")" + id + R"(","name":"one","owner":")" + kOwner + "\"}";
  };
  reply(200, R"({"list":[{"hub":"Group-1@broken"},)" + hub(kHub) + "," + hub(second) + "]}");
  std::string huge = R"({"list":[)";
  for (int i = 0; i < 11'000; ++i) huge += i == 0 ? "{}" : ",{}";
  reply(200, huge + "]}");
  reply(200, R"({"list":[{"guid":")" + std::string(kChannel) + R"(","name":"general"}]})");
  ASSERT_TRUE(mine);
  ASSERT_TRUE(*mine) << (*mine).error().error.hint;
  ASSERT_THAT(**mine, SizeIs(2));
  EXPECT_THAT((**mine)[0].channels, IsEmpty());
  EXPECT_THAT((**mine)[1].channels, SizeIs(1));
  EXPECT_EQ(messenger->hubs().unreadable().size(), 2U);
  EXPECT_TRUE(messenger->hubs().unreadable().contains(kHub));
}

TEST_F(HubClientTest, OnlyThePageThatWasTooMuchIsAskedForAgain) {
  log_in();
  std::optional<HubResult<std::vector<JsonObject>>> all;
  messenger->hubs().list(HubObject::role, kHub, [&](HubResult<std::vector<JsonObject>> answer) {
    all.emplace(std::move(answer));
  });
  Packet page = Packet::response(206, station.next(Lane::text).get("id"));
  page.set("next", "a");
  page.content = R"({"list":[{}]})";
  answer(Lane::text, page);
  Packet busy = Packet::response(416, station.next(Lane::text).get("id"));
  answer(Lane::text, busy.set("retry-after", "2"));
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  EXPECT_FALSE(all);
  clock.passed += 2'000;
  messenger->tick();
  const Packet again = station.next(Lane::text);
  EXPECT_EQ(again.get("after"), "a");
  Packet last = Packet::response(200, again.get("id"));
  last.content = R"({"list":[{},{}]})";
  answer(Lane::text, last);
  ASSERT_TRUE(all && *all);
  EXPECT_THAT(**all, SizeIs(3));
}

TEST_F(HubClientTest, AWaitIsAnHourAtMostWhateverTheStationSays) {
  log_in();
  for (const auto& [text, wait] : {std::pair{"9223372036854775807", Millis{3'600'000}},
                                   std::pair{"-9223372036854775808", Millis{0}}}) {
    ask_for_posts();
    Packet packet = Packet::response(416, station.next(Lane::text).get("id"));
    answer(Lane::text, packet.set("retry-after", text));
    EXPECT_EQ(refusals.back().retry_after, wait);
  }
}

TEST_F(HubClientTest, PagesOfMessagesMustGoOn) {
  log_in();
  for (const std::string_view key : {"before", "after", "changes"}) {
    PostQuery query;
    query.target = kChannel;
    query.hub = kHub;
    query.limit = 1;
    (key == "before" ? query.before : key == "after" ? query.after : query.changes) = 5;
    std::optional<HubResult<PostsPage>> page;
    messenger->hubs().posts(query,
                            [&](HubResult<PostsPage> answer) { page.emplace(std::move(answer)); });
    answer(Lane::text, post(5, "five"));
    Packet packet = Packet::response(206, station.next(Lane::text).get("id"));
    answer(Lane::text, packet.set("count", "1").set("next", "5"));
    ASSERT_TRUE(page) << key;
    ASSERT_FALSE(*page) << key;
    EXPECT_EQ((*page).error().error.code, Errc::bad_request) << key;
  }
}

TEST_F(HubClientTest, OneMessageThatCannotBeReadIsShownAsThatAmongTheOthers) {
  log_in();
  std::optional<HubResult<PostsPage>> page;
  messenger->hubs().posts({.target = kChannel, .hub = kHub},
                          [&](HubResult<PostsPage> got) { page.emplace(std::move(got)); });
  Packet broken = post(2, "two");
  broken.set("author", "nobody at all").set("state", "molten").set("changed", "9");
  Packet nowhere = post(3, "three");
  nowhere.set("cursor", "-3");
  for (const Packet& one : {post(4, "four"), nowhere, broken, post(1, "one")})
    answer(Lane::text, one);
  count(station.next(Lane::text), 4);
  ASSERT_TRUE(page && *page);
  ASSERT_THAT((*page)->posts, SizeIs(3));
  EXPECT_EQ((*page)->posts[0].content, "four");
  const Post& shown = (*page)->posts[1];
  EXPECT_EQ(shown.content, "");
  EXPECT_FALSE(shown.unreadable.empty());
  EXPECT_EQ(shown.guid.text(), broken.get("guid"));
  EXPECT_EQ(shown.cursor, 2);
  EXPECT_EQ(shown.changed, 9);
  EXPECT_EQ(shown.author, "");
  EXPECT_EQ((*page)->posts[2].content, "one");
  EXPECT_EQ((*page)->lost, 1U);
}

TEST_F(HubClientTest, AStationThatSendsWithoutEndIsLeft) {
  log_in();
  ask_for_posts();
  for (int i = 1; i < 200 && !failure; ++i)
    answer(Lane::text, post(i, std::string(limits::kPostBytes, 'x')));
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Errc::bad_request);
}

TEST_F(HubClientTest, F20_AHubBelongsToTheKeyOfItsFounder) {
  log_in();
  messenger->hubs().found("Gardeners", "roses", [](const HubResult<Id>&) {});
  const Packet packet = station.next(Lane::text);
  EXPECT_EQ(packet.get("type"), "hub");
  const auto body = parse_json_object(*packet.content);
  ASSERT_TRUE(body);
  EXPECT_EQ(*body->text("name"), "Gardeners");
  const auto meta = Meta::parse(*body->find("meta")->object());
  ASSERT_TRUE(meta) << to_string(meta.error());
  EXPECT_TRUE(meta->matches(*Id::parse(packet.get("target"))));
  EXPECT_EQ(meta->key().data(), home.account().meta.key().data());
}

TEST_F(HubClientTest, WhoTypesInAChannelIsNotShownAsTypingToMe) {
  log_in();
  ASSERT_TRUE(home.put_contact({.id = peer().id.bare()}));
  Packet packet = Packet::request(Operation::notify);
  packet.set("type", "typing").set("author", peer().id.text()).set("state", "on");
  answer(Lane::text, packet);
  EXPECT_THAT(notices, SizeIs(1));
  answer(Lane::text, packet.set("target", kChannel));
  EXPECT_THAT(notices, SizeIs(1));
}

const std::string kPrivate = "private-1@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";
const char* const kOther = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e5";

class PrivatePages : public HubClientTest {
 protected:
  /// What comes of the question when the station answers with this.
  HubResult<PostsPage> ask(const PostQuery& query, std::vector<Packet> shown,
                           std::string earlier = {}) {
    std::optional<HubResult<PostsPage>> page;
    messenger->hubs().posts(query, [&](HubResult<PostsPage> got) { page.emplace(std::move(got)); });
    for (const Packet& one : shown) answer(Lane::text, one);
    Packet packet = Packet::response(200, station.next(Lane::text).get("id"));
    packet.set("count", std::to_string(shown.size()));
    if (!earlier.empty()) packet.content = std::move(earlier);
    answer(Lane::text, packet);
    return std::move(*page);
  }
  PostQuery channel() { return {.target = kChannel, .hub = kPrivate}; }
};

TEST_F(PrivatePages, A29_PlainTextOfAStationIsNoMessageOfAPrivateHub) {
  log_in();
  // Neither the channel nor the hub has been shown to this home before.
  auto page = ask(channel(), {post(1, "send me the key")});
  ASSERT_TRUE(page);
  ASSERT_THAT(page->posts, SizeIs(1));
  EXPECT_EQ(page->posts[0].content, "");
  EXPECT_FALSE(page->posts[0].unreadable.empty());
  Packet damaged = post(1, "send me the key");
  page = ask(channel(), {damaged.set("damaged", "yes")});
  ASSERT_TRUE(page);
  EXPECT_EQ(page->posts[0].content, "");
}

TEST_F(PrivatePages, A29_WhatStandsElsewhereThanWasAskedForIsNoAnswer) {
  log_in();
  Packet elsewhere = post(1, "send me the key");
  elsewhere.set("target", kOther);
  const auto page = ask(channel(), {elsewhere});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().error.code, Errc::bad_request);
  // One message is asked for, and another is shown; or it, in another channel.
  const std::string wanted = Guid::make(clock.now(), fake_random()).text();
  PostQuery query{.target = wanted, .hub = kPrivate, .channel = *Guid::parse(kChannel)};
  EXPECT_FALSE(ask(query, {post(1, "send me the key")}));
  EXPECT_FALSE(ask(query, {elsewhere.set("guid", wanted)}));
  query.hub = kHub;
  EXPECT_FALSE(ask(query, {elsewhere})) << "in a public hub neither";
  EXPECT_TRUE(ask(query, {elsewhere.set("target", kChannel)}));
}

TEST_F(PrivatePages, A29_EarlierTextsBelongToTheMessageThatWasAskedFor) {
  log_in();
  const std::string earlier = R"({"list":[{"revision":1,"time":")" + format_time(clock.now()) +
                              R"(","content":"send me the key"}]})";
  Packet one = post(1, "now");
  PostQuery query{.target = std::string(one.get("guid")),
                  .hub = kHub,
                  .channel = *Guid::parse(kChannel),
                  .earlier = true};
  one.set("revision", "2");
  EXPECT_THAT(ask(query, {one}, earlier).value().earlier, SizeIs(1)) << "in a public hub";
  EXPECT_THAT(ask(query, {}, earlier).value().earlier, IsEmpty());
  query.hub = kPrivate;
  EXPECT_THAT(ask(query, {one}, earlier).value().earlier, IsEmpty());
  EXPECT_THAT(ask(query, {}, earlier).value().earlier, IsEmpty());
  EXPECT_THAT(ask(query, {one, one}, earlier).value().earlier, IsEmpty());
}

/// A station that shows a public hub of its own with the channel of a private one.
TEST_F(PrivatePages, A29_AChannelIsShownInThePrivateHubThatHasIt) {
  log_in();
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string me = home.account().id.bare().text();
  const auto hub = [&](const std::string& id) {
    return R"({"hub":")" + id + R"(","name":"Cellar","owner":")" + me + "\"}";
  };
  const auto reply = [&](std::string_view type, std::string content, int code = 200) {
    Packet asked = station.next(Lane::text);
    EXPECT_EQ(asked.get("type"), type);
    Packet packet = Packet::response(code, asked.get("id"));
    if (code == 416) packet.set("retry-after", "1");
    if (!content.empty()) packet.content = std::move(content);
    answer(Lane::text, packet);
  };
  const std::string den = R"({"list":[{"guid":")" + std::string(kChannel) + R"(","name":"den"}]})";
  JsonObject first = first_roster(home.account(), cellar, meta, clock.now());
  const std::string roster = R"({"list":[)" + write_json(first) + "]}";
  std::optional<HubResult<std::vector<HubView>>> mine;
  messenger->hubs().mine(
      [&](HubResult<std::vector<HubView>> all) { mine.emplace(std::move(all)); });
  reply("hub", R"({"list":[)" + hub(kHub) + "," + hub(cellar) + "]}");
  reply("channel", den);
  reply("channel", den);
  reply("roster", "", 416);
  EXPECT_FALSE(mine) << "only the roster is asked for again";
  clock.passed += 1'000;
  messenger->tick();
  reply("roster", roster);
  ASSERT_TRUE(mine && *mine);
  ASSERT_THAT(**mine, SizeIs(2));
  EXPECT_THAT((**mine)[0].channels, IsEmpty()) << "though it came first";
  EXPECT_THAT((**mine)[1].channels, SizeIs(1));
  EXPECT_TRUE(messenger->hubs().unreadable().contains(kHub));
  // Later it leaves the private one out.
  mine.reset();
  messenger->hubs().mine(
      [&](HubResult<std::vector<HubView>> all) { mine.emplace(std::move(all)); });
  reply("hub", R"({"list":[)" + hub(kHub) + "]}");
  reply("channel", den);
  ASSERT_TRUE(mine && *mine);
  EXPECT_THAT((**mine)[0].channels, IsEmpty());
}

/// Who is there must not be signed out because the station shows something else of them badly.
TEST_F(PrivatePages, A27_AMemberThatIsShownBadlyHasNotGone) {
  log_in();
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string bob = peer().id.bare().text();
  Roster roster =
      Roster::begin(cellar, first_roster(home.account(), cellar, meta, clock.now())).value();
  ASSERT_TRUE(roster.extend(roster.next(home.account(), {bob}, {}, clock.now()).value().value()));
  PrivateHubs& privates = messenger->hubs().privates();
  ASSERT_TRUE(privates.take(cellar, roster.changes()));
  for (const std::string& member : {bob, std::string("nobody")}) {
    std::optional<HubResult<std::vector<std::string>>> readers;
    messenger->hubs().readers(
        cellar, [&](HubResult<std::vector<std::string>> all) { readers.emplace(std::move(all)); });
    Packet known = Packet::response(200, station.next(Lane::text).get("id"));
    known.content = R"({"list":[)" + write_json(roster.changes().back()) + "]}";
    answer(Lane::text, known);
    Packet members = Packet::response(200, station.next(Lane::text).get("id"));
    members.content = R"({"list":[{"member":")" + member + R"(","joined":"never","roles":7}]})";
    answer(Lane::text, members);
    while (!station.requests[Lane::text].empty()) {
      const Packet more = station.next(Lane::text);
      EXPECT_NE(more.operation, Operation::create) << "nobody is signed out";
      answer(Lane::text, Packet::response(404, more.get("id")));
    }
    if (member != bob) {
      ASSERT_TRUE(readers && !*readers);
      EXPECT_EQ(readers->error().error.code, Errc::bad_request);
    } else if (readers) {
      EXPECT_THAT(**readers, testing::Contains(bob));
    }
    EXPECT_TRUE(privates.roster(cellar)->has(bob));
  }
}

/// Who is put out while the keys of the others are on their way stands in the answer of before.
TEST_F(PrivatePages, A27_WhoGoesWhileKeysAreFetchedGetsNoKey) {
  const Account& carol = fake_user(3);
  know(carol);
  know(home.account());
  clock.passed = Millis{3} * 86'400'000;  // since anybody's keys were asked for
  log_in();
  const Meta meta = Meta::make_mkm(peer().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string me = home.account().id.bare().text(), her = carol.id.bare().text(),
                    founder = peer().id.bare().text();
  Roster roster = Roster::begin(cellar, first_roster(peer(), cellar, meta, clock.now())).value();
  ASSERT_TRUE(roster.extend(roster.next(peer(), {me, her}, {}, clock.now()).value().value()));
  ASSERT_TRUE(messenger->hubs().privates().take(cellar, roster.changes()));
  const auto next = [&](std::string_view type, const std::string& content) {
    const Packet asked = station.next(Lane::text);
    EXPECT_EQ(asked.get("type"), type);
    Packet packet = Packet::response(200, asked.get("id"));
    packet.content = content;
    answer(Lane::text, packet);
  };
  const auto list = [](const std::vector<std::string>& members) {
    std::string out;
    for (const std::string& one : members)
      out += (out.empty() ? "" : ",") + (R"({"member":")" + one + R"("})");
    return R"({"list":[)" + out + "]}";
  };
  const std::string last = R"({"list":[)" + write_json(roster.changes().back()) + "]}";
  ASSERT_TRUE(messenger->post(*Id::parse(cellar), *Guid::parse(kChannel), "not for Carol"));
  next("roster", last);
  next("member", list({founder, me, her}));
  std::vector<Packet> asked;
  while (!station.requests[Lane::control].empty()) asked.push_back(station.next(Lane::control));
  ASSERT_THAT(asked, testing::Not(IsEmpty())) << "keys are on their way";
  Packet gone = Packet::request(Operation::notify);
  gone.set("type", "member").set("change", "DELETE").set("author", founder).set("number", "9");
  gone.set("target", cellar).set("member", her).set("time", format_time(clock.now()));
  answer(Lane::text, gone);
  for (const Packet& one : asked) answer(Lane::control, Packet::response(404, one.get("id")));
  next("roster", last);
  next("member", list({founder, me}));
  const Packet sent = station.next(Lane::text);
  ASSERT_EQ(sent.get("type"), "message");
  EXPECT_EQ(SignedMessage::parse(*sent.content)->sealed.keys.size(), 2U) << "founder and I";
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
}

TEST_F(PrivatePages, A27_WhoIsInAHubThatNeverRestsIsToldToTryAgain) {
  log_in();
  know(home.account());
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string me = home.account().id.bare().text();
  const JsonObject first = first_roster(home.account(), cellar, meta, clock.now());
  std::optional<HubResult<std::string>> sealed;
  messenger->seal_post(cellar, {*Guid::parse(kChannel), Guid::make(clock.now(), fake_random()), 2},
                       "roses",
                       [&](HubResult<std::string> answer) { sealed.emplace(std::move(answer)); });
  int rounds = 0;
  for (; rounds < 20 && !sealed; ++rounds) {
    Packet known = Packet::response(200, station.next(Lane::text).get("id"));
    known.content = R"({"list":[)" + write_json(first) + "]}";
    answer(Lane::text, known);
    Packet notice = Packet::request(Operation::notify);
    notice.set("type", "member").set("change", "CREATE").set("author", me).set("number", "9");
    notice.set("target", cellar).set("member", peer().id.bare().text());
    answer(Lane::text, notice.set("time", format_time(clock.now())));
    Packet members = Packet::response(200, station.next(Lane::text).get("id"));
    members.content = R"({"list":[{"member":")" + me + R"("}]})";
    answer(Lane::text, members);
  }
  ASSERT_TRUE(sealed) << "it does not ask without end";
  ASSERT_FALSE(*sealed);
  EXPECT_EQ(sealed->error().error.code, Errc::unavailable);
  EXPECT_GT(rounds, 2);
}

TEST_F(PrivatePages, A27_WhatHadToWaitIsSealedForThoseWhoAreThereThen) {
  log_in();
  know(home.account());
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string first =
      R"({"list":[)" + write_json(first_roster(home.account(), cellar, meta, clock.now())) + "]}";
  const auto next = [&](std::string_view type, int code, const std::string& content) {
    const Packet asked = station.next(Lane::text);
    EXPECT_EQ(asked.get("type"), type);
    Packet packet = Packet::response(code, asked.get("id"));
    if (code == 416) packet.set("retry-after", "1");
    if (!content.empty()) packet.content = content;
    answer(Lane::text, packet);
  };
  const std::string members = R"({"list":[{"member":")" + home.account().id.bare().text() + "\"}]}";
  ASSERT_TRUE(messenger->post(*Id::parse(cellar), *Guid::parse(kChannel), "roses"));
  next("roster", 200, first);
  next("member", 200, members);
  next("message", 416, "");
  clock.passed += 1'000;
  messenger->tick();
  next("roster", 200, first);
  next("member", 200, members);
  next("message", 201, "");
  EXPECT_THAT(messenger->refused_posts().value(), IsEmpty());
}

}  // namespace
}  // namespace dim
