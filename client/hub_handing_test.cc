// Handing over against a station that says what the test wants; with other people:
// tests/private_hubs_test.cc.
#include "client/hub_handing.h"

#include "client/handing_rows.h"
#include "client/hub_names.h"
#include "client/messenger_fixture.h"

namespace dim {
namespace {

class HubHandingTest : public MessengerTest {
 protected:
  HubHandingTest() {
    know(home.account());
    PrivateHubs privates(home, clock);
    EXPECT_TRUE(privates.take(hub_, {first_}));
    EXPECT_TRUE(owe_handing(home.vault(), hub_, me_));
    log_in();
    messenger->tick();
  }
  static Packet response(const Packet& request, int code, const std::string& content = {}) {
    Packet packet = Packet::response(code, request.get("id"));
    if (!content.empty()) packet.content = content;
    return packet;
  }
  /// What is asked for next of that type; other questions get no answer.
  Packet asked(std::string_view type) {
    for (;;) {
      if (station.requests[Lane::text].empty()) {
        ADD_FAILURE() << "nothing was asked of " << type;
        return Packet::request(Operation::get);
      }
      Packet out = station.next(Lane::text);
      if (out.get("type") == type) return out;
    }
  }
  bool is_asked(std::string_view type) {
    for (const Packet& one : station.requests[Lane::text]) {
      if (one.get("type") == type) return true;
    }
    return false;
  }
  /// Says what is asked before a page: the hub, its channels, who belongs to it.
  void show_hub(int code_of_channels = 200) {
    JsonObject hub;
    hub.set("hub", hub_);
    hub.set("name", "Cellar");
    hub.set("owner", me_);
    hub.set("everyone", JsonArray());
    hub.set("members", 1);
    hub.set("revision", 1);
    answer(Lane::text, response(asked("hub"), 200, list_of(hub)));
    JsonObject channel;
    channel.set("guid", den_);
    channel.set("name", "den");
    channel.set("revision", 1);
    answer(Lane::text, response(asked("channel"), code_of_channels,
                                code_of_channels == 200 ? list_of(channel) : std::string()));
    if (is_asked("roster")) answer(Lane::text, response(asked("roster"), 200, list_of(first_)));
  }
  static std::string list_of(const JsonObject& one) {
    JsonObject out;
    JsonArray list;
    list.emplace_back(one);
    out.set("list", std::move(list));
    return write_json(out);
  }
  /// A page with one message, and where the next one goes on.
  void show_page(const Packet& request, Cursor at, std::int64_t next) {
    const Guid guid = Guid::make(clock.now(), fake_random());
    PrivateHubs privates(home, clock);
    Packet post = Packet::request(Operation::create);
    post.set("type", "message").set("author", me_).set("target", den_).set("guid", guid.text());
    post.set("time", format_time(clock.now())).set("cursor", std::to_string(at));
    post.content = seal_post("x", {*Guid::parse(den_), guid, 1}, *privates.roster(hub_), {},
                             home.account(), home.directory(), clock.now(), fake_random())
                       .value();
    answer(Lane::text, post);
    Packet end = response(request, next == 0 ? 200 : 206);
    end.set("count", "1");
    if (next != 0) end.set("next", std::to_string(next));
    answer(Lane::text, end);
  }
  std::int64_t owed() { return home.vault().count(kHandingRows).value(); }
  std::size_t pages() { return messenger->waiting().value(); }

  const std::string me_ = home.account().id.bare().text();
  Meta meta_ = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string hub_ = meta_.id(EntityType::group)->text();
  const JsonObject first_ = first_roster(home.account(), hub_, meta_, clock.now());
  const std::string den_ = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
};

TEST_F(HubHandingTest, F23_WhatIsThereIsHandedOverPageByPageAndThenNothingIsOwed) {
  show_hub();
  show_page(asked("message"), 9, 5);
  EXPECT_EQ(pages(), 1U);
  EXPECT_EQ(owed(), 1);
  EXPECT_FALSE(messenger->handing_rests());
  show_hub();
  const Packet second = asked("message");
  EXPECT_EQ(second.get("before"), "5");
  show_page(second, 4, 0);
  EXPECT_EQ(pages(), 2U);
  show_hub();
  EXPECT_EQ(owed(), 0);
  EXPECT_FALSE(is_asked("message"));
}

TEST_F(HubHandingTest, F23_R1_AListOfChannelsThatCannotBeReadEndsNothing) {
  show_hub(500);
  EXPECT_EQ(owed(), 1) << "nothing of it is done with";
  EXPECT_FALSE(is_asked("message"));
  EXPECT_TRUE(messenger->handing_rests()) << "it is tried again later";
  EXPECT_FALSE(handed_all(home.vault()).value());
  clock.passed += 31'000;
  messenger->tick();
  show_hub();
  show_page(asked("message"), 9, 0);
  EXPECT_EQ(pages(), 1U);
}

TEST_F(HubHandingTest, F23_R1_APageWithoutMessagesIsNotTheEndOfAChannel) {
  show_hub();
  Packet empty = response(asked("message"), 206);
  answer(Lane::text, empty.set("count", "0").set("next", "7"));
  show_hub();
  const Packet second = asked("message");
  EXPECT_EQ(second.get("before"), "7");
}

TEST_F(HubHandingTest, F23_R1_WhatAnotherProgramHasDoneMeanwhileIsNotUndone) {
  show_hub();
  show_page(asked("message"), 9, 5);
  show_hub();
  const Packet page = asked("message");
  ASSERT_TRUE(owe_handing(home.vault(), hub_, me_));  // from the beginning, once more
  show_page(page, 4, 0);
  EXPECT_EQ(pages(), 1U) << "what was asked for before is dropped";
  show_hub();
  EXPECT_EQ(asked("message").get("before"), "");
  EXPECT_EQ(owed(), 1);
}

TEST_F(HubHandingTest, F23_WhoeverHasNoTimeIsAskedAgainAndWhatFailedWaits) {
  show_hub();
  Packet slower = response(asked("message"), 416);
  answer(Lane::text, slower.set("retry-after", "2"));
  EXPECT_FALSE(messenger->handing_rests()) << "it goes on in two seconds";
  clock.passed += 2'001;
  messenger->tick();
  show_hub();
  show_page(asked("message"), 9, 0);
  show_hub();
  EXPECT_EQ(owed(), 0);
  ASSERT_TRUE(owe_handing_later(home.vault(), hub_, me_, clock.now() + 60'000));
  messenger->tick();
  EXPECT_FALSE(is_asked("hub"));
  EXPECT_TRUE(messenger->handing_rests());
  EXPECT_FALSE(handed_all(home.vault()).value());
  clock.passed += 61'000;
  messenger->tick();
  EXPECT_TRUE(is_asked("hub"));
}

}  // namespace
}  // namespace dim
