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
  EXPECT_THAT(refusals, SizeIs(2));
  EXPECT_THAT(pages, IsEmpty());
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

}  // namespace
}  // namespace dim
