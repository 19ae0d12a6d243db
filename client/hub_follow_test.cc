// Following hubs at a station that loses, repeats and refuses; at a real one:
// tests/hub_client_test.cc.
#include "client/hub_follow.h"

#include "client/hub_names.h"
#include "client/messenger_fixture.h"
#include "client/private_hubs.h"
#include "dim/engine/hub_roster.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kChannel = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
const std::string kOwner = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
const std::string kHub = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

class HubFollow : public MessengerTest {
 protected:
  /// Logged in and following, with no request answered yet.
  void follow() {
    MessengerEvents events;
    events.failed = [this](const Error& error, int, std::string_view) { failure = error; };
    events.hubs.post = [this](const HubView&, const Post& post, bool fresh) {
      told.push_back((fresh ? "" : "again ") + post.content);
      if (once) messenger->stop_following();
    };
    events.hubs.changed = [this](const HubView&, const PostEvent& event) {
      told.push_back(std::string(to_string(event.operation)) + " " + event.symbol);
    };
    events.hubs.left = [this](const HubView& hub) { told.push_back("left " + hub.name); };
    events.hubs.behind = [this](const HubView&, const Guid&, const ReadMark& mark) {
      told.push_back("behind " + std::to_string(mark.unread));
    };
    events.hubs.trouble = [this](const HubView* hub, const std::optional<Guid>& channel,
                                 const HubRefusal& why) {
      told.push_back("trouble " + std::to_string(why.code) + (hub ? " " + hub->name : "") +
                     (channel ? " channel" : ""));
    };
    messenger.emplace(home, transport(), clock, fake_random(), std::move(events),
                      Messenger::Options{.follow_hubs = true});
    connect();
  }
  Packet next(std::string_view type) {
    for (;;) {
      Packet packet = station.next(Lane::text);
      if (packet.get("type") == type || HasFailure()) return packet;
    }
  }
  void reply(const Packet& to, int code, std::string content = {}) {
    Packet packet = Packet::response(code, to.get("id"));
    if (!content.empty()) packet.content = std::move(content);
    answer(Lane::text, packet);
  }
  void answer_hubs(bool member = true, const std::string& joined = {}) {
    reply(next("hub"), 200,
          member ? R"({"list":[{"hub":")" + kHub + R"(","name":"gardeners","owner":")" + kOwner +
                       (joined.empty() ? "" : R"(","joined":")" + joined) + "\"}]}"
                 : R"({"list":[]})");
    if (member)
      reply(next("channel"), 200, R"({"list":[{"guid":")" + kChannel + R"(","name":"general"}]})");
  }
  void answer_mark(Cursor read, Cursor newest, std::int64_t unread) {
    const Packet asked = next("mark");
    EXPECT_EQ(asked.operation, Operation::get);
    Packet packet = Packet::response(200, asked.get("id"));
    packet.set("cursor", std::to_string(read)).set("newest", std::to_string(newest));
    answer(Lane::text, packet.set("unread", std::to_string(unread)).set("level", level));
  }
  void answer_level(const Packet& asked) {
    Packet packet = Packet::response(200, asked.get("id"));
    answer(Lane::text,
           packet.set("cursor", "0").set("newest", "0").set("unread", "0").set("level", level));
  }
  Packet post(Cursor at, const std::string& text, Cursor changed = 0) {
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message").set("author", kOwner).set("target", kChannel);
    packet.set("guid", Guid::make(clock.now(), fake_random()).text());
    packet.set("time", format_time(clock.now())).set("cursor", std::to_string(at));
    if (changed != 0) packet.set("changed", std::to_string(changed));
    packet.content = text;
    return packet;
  }
  Packet reaction(Cursor at) {
    Packet packet = post(at, "");
    packet.content.reset();
    return packet.set("type", "reaction").set("symbol", "ok");
  }
  /// Answers a question for what has changed, which must begin behind `seen`; before it, for what
  /// the person wants to be told, with `level`.
  void answer_changes(Cursor seen, const std::vector<Packet>& posts, Cursor more = 0) {
    Packet asked = station.next(Lane::text);
    while (asked.get("type") != "message" && !HasFailure()) {
      if (asked.get("type") == "mark" && asked.operation == Operation::get) answer_level(asked);
      asked = station.next(Lane::text);
    }
    EXPECT_EQ(asked.get("changes"), std::to_string(seen));
    for (const Packet& one : posts) answer(Lane::text, one);
    Packet packet = Packet::response(more != 0 ? 206 : 200, asked.get("id"));
    if (more != 0) packet.set("next", std::to_string(more));
    answer(Lane::text, packet.set("count", std::to_string(posts.size())));
  }

  /// Everything that has been asked for since, by type.
  std::vector<std::string> asked() {
    std::vector<std::string> out;
    for (const Packet& packet : std::exchange(station.requests[Lane::text], {}))
      out.emplace_back(packet.get("type"));
    return out;
  }
  void refuse(const Packet& to, int code) { reply(to, code); }
  /// The mark that the next tick sends.
  Packet next_mark() {
    messenger->tick();
    const Packet mark = next("mark");
    EXPECT_EQ(mark.operation, Operation::notify);
    return mark;
  }

  std::vector<std::string> told;
  std::string level = "all";
  bool once = false;
};

TEST_F(HubFollow, F18_BeginsWhereOneHasReadAndMarksWhatIsTold) {
  follow();
  answer_hubs();
  answer_mark(3, 5, 2);
  answer_changes(3, {post(4, "four"), post(5, "five")});
  answer(Lane::text, post(6, "six"));
  EXPECT_THAT(told, ElementsAre("four", "five", "six"));
  messenger->tick();
  const Packet mark = next("mark");
  EXPECT_EQ(mark.operation, Operation::notify);
  EXPECT_EQ(mark.get("cursor"), "6");
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "once";
  // The program ends before the station has said that it knows.
  messenger.reset();
  follow();
  answer_hubs();
  answer_changes(6, {});
  messenger->tick();
  const Packet again = next("mark");
  EXPECT_EQ(again.get("cursor"), "6");
  reply(again, 200);
  messenger.reset();
  follow();
  answer_hubs();
  answer_changes(6, {});
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "it knows";
}

TEST_F(HubFollow, GapsAreAskedForAndRepetitionsAreNot) {
  follow();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  answer(Lane::text, post(1, "one"));
  answer(Lane::text, post(1, "one"));
  answer(Lane::text, reaction(2));
  answer(Lane::text, post(4, "four"));
  EXPECT_THAT(told, ElementsAre("one", "CREATE ok")) << "three is not there yet";
  answer_changes(2, {post(3, "three"), post(4, "four")});
  answer(Lane::text, post(5, "five"));
  EXPECT_THAT(told, ElementsAre("one", "CREATE ok", "three", "four", "five"));
}

TEST_F(HubFollow, R1_WhatCannotBeReadIsAskedForAgainAndDoesNotVanish) {
  follow();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  answer(Lane::text, post(1, "one").set("guid", "none"));
  answer_changes(0, {post(1, "one")});
  answer(Lane::text, reaction(2).set("author", "nobody"));
  answer_changes(1, {post(1, "one", 2)});
  answer(Lane::text, post(3, "three").set("cursor", "?"));
  answer_changes(2, {post(3, "three")});
  EXPECT_THAT(told, ElementsAre("one", "again one", "three"));
}

TEST_F(HubFollow, WhatIsNewStaysNewAcrossPagesAndWhatHasChangedIsSaidToHave) {
  follow();
  answer_hubs();
  answer_mark(3, 9, 3);
  // In order of changes: four was reacted to behind five; two was told before.
  answer_changes(3, {post(5, "five")}, 5);
  answer_changes(5, {post(4, "four", 8), post(2, "two", 9)});
  EXPECT_THAT(told, ElementsAre("five", "four", "again two"));
}

TEST_F(HubFollow, AfterACutOneGoesOnWhereOneWas) {
  follow();
  answer_hubs();
  answer_mark(0, 1, 1);
  answer_changes(0, {post(1, "one")});
  messenger->closed(Lane::text);
  connect();
  answer_hubs();
  answer_changes(1, {post(2, "two")});
  EXPECT_THAT(told, ElementsAre("one", "two"));
  told.clear();
  messenger.reset();
  follow();
  answer_hubs();
  answer_changes(2, {});
  EXPECT_THAT(told, IsEmpty());
  messenger->closed(Lane::text);
  connect();
  answer_hubs(false);
  EXPECT_THAT(told, ElementsAre("left gardeners"));
}

TEST_F(HubFollow, F18_WhoeverIsLetInAgainIsNotToldWhatWasWrittenMeanwhile) {
  const std::string first = "2026-11-26T12:00:00.000Z", again = "2026-11-26T13:00:00.000Z";
  follow();
  answer_hubs(true, first);
  answer_mark(0, 1, 1);
  answer_changes(0, {post(1, "one")});
  messenger.reset();
  follow();
  answer_hubs(true, first);
  answer_changes(1, {post(2, "two")});
  EXPECT_THAT(told, ElementsAre("one", "two"));
  // Put out and let in again, while this program was away: the station's mark is where one came in.
  messenger->closed(Lane::text);
  connect();
  answer_hubs(true, again);
  answer_mark(7, 8, 1);
  answer_changes(7, {post(8, "eight")});
  EXPECT_THAT(told, ElementsAre("one", "two", "eight"));
  messenger.reset();
  follow();
  answer_hubs(true, again);
  answer_changes(8, {post(9, "nine")});
  EXPECT_THAT(told, ElementsAre("one", "two", "eight", "nine"));
  // The same across programs of this home.
  messenger.reset();
  follow();
  answer_hubs(true, first);
  answer_mark(20, 20, 0);
  answer_changes(20, {});
  EXPECT_THAT(told, ElementsAre("one", "two", "eight", "nine"));
}

TEST_F(HubFollow, F15_WhatThePersonDoesNotWantToBeToldIsNotToldAndStaysUnread) {
  const std::string me = home.account().id.bare().text();
  level = "mentions";
  follow();
  answer_hubs();
  answer_mark(3, 5, 2);
  answer_changes(3, {post(4, "four"), post(5, "five").set("mentions", "[" + me + "]")});
  answer(Lane::text, post(6, "six"));
  answer(Lane::text, reaction(7));
  answer(Lane::text, post(8, "eight").set("mentions", "[everyone]"));
  answer(Lane::text, post(9, "nine").set("mentions", "[" + kOwner + "]"));
  EXPECT_THAT(told, ElementsAre("five", "eight"));
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "four and six nobody has read";
  // Set otherwise on another device: from now on.
  Packet mark = Packet::request(Operation::notify);
  mark.set("type", "mark").set("target", kChannel).set("level", "all");
  answer(Lane::text, mark);
  answer(Lane::text, post(10, "ten"));
  EXPECT_THAT(told, ElementsAre("five", "eight", "ten"));
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "what lies before it is still unread";
  // All was read elsewhere: what is told counts again.
  Packet read = Packet::request(Operation::notify);
  read.set("type", "mark").set("target", kChannel).set("cursor", "10");
  answer(Lane::text, read);
  answer(Lane::text, post(11, "eleven"));
  EXPECT_EQ(next_mark().get("cursor"), "11");
  // In the next session it is asked for anew.
  level = "none";
  messenger.reset();
  follow();
  answer_hubs();
  answer_changes(11, {post(12, "twelve").set("mentions", "[everyone]")});
  EXPECT_THAT(told, ElementsAre("five", "eight", "ten", "eleven"));
}

TEST_F(HubFollow, ALargeBacklogIsCountedNotTold) {
  follow();
  answer_hubs();
  answer_mark(0, 5'000, 4'000);
  EXPECT_THAT(told, ElementsAre("behind 4000"));
  answer_changes(5'000, {});
}

TEST_F(HubFollow, OneChannelIsFollowedWhileTheOthersWait) {
  follow();
  messenger.reset();
  MessengerEvents heard;
  heard.hubs.post = [this](const HubView&, const Post& post, bool) {
    told.push_back(post.content);
  };
  heard.hubs.typing = [this](const Guid&, const std::string& who, bool on) {
    told.push_back((on ? "writes " : "rests ") + who);
  };
  messenger.emplace(home, transport(), clock, fake_random(), std::move(heard),
                    Messenger::Options{});
  connect();
  const std::string other = kChannel.substr(0, 31) + "5";
  messenger->follow_hubs(*Guid::parse(kChannel));
  reply(next("hub"), 200,
        R"({"list":[{"hub":")" + kHub + R"(","name":"gardeners","owner":")" + kOwner + "\"}]}");
  reply(next("channel"), 200,
        R"({"list":[{"guid":")" + kChannel + R"(","name":"general"},{"guid":")" + other +
            R"(","name":"news"}]})");
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "nothing of the other channel";
  Packet elsewhere = post(1, "elsewhere");
  answer(Lane::text, elsewhere.set("target", other));
  answer(Lane::text, post(1, "here"));
  Packet typing = Packet::request(Operation::notify);
  typing.set("type", "typing").set("author", kOwner).set("state", "on");
  answer(Lane::text, typing.set("target", other));
  answer(Lane::text, typing.set("target", kChannel));
  EXPECT_THAT(told, ElementsAre("here", "writes " + kOwner));
}

TEST_F(HubFollow, StopsAfterTheOneThatWasWanted) {
  once = true;
  follow();
  answer_hubs();
  answer_mark(0, 2, 2);
  answer_changes(0, {post(1, "one"), post(2, "two")});
  EXPECT_THAT(told, ElementsAre("one"));
  messenger.reset();
  told.clear();
  follow();
  answer_hubs();
  answer_changes(1, {post(2, "two")});
  EXPECT_THAT(told, ElementsAre("two"));
}

TEST_F(HubFollow, F18_AMarkIsToldUntilTheStationHasIt) {
  follow();
  answer_hubs();
  answer_mark(0, 1, 1);
  answer_changes(0, {post(1, "one")});
  Packet busy = Packet::response(416, next_mark().get("id"));
  answer(Lane::text, busy.set("retry-after", "3"));
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty()) << "it was told to wait";
  clock.passed += 3'000;
  EXPECT_EQ(next_mark().get("cursor"), "1");
  messenger->closed(Lane::text);  // before the answer
  connect();
  answer_hubs();
  answer_changes(1, {});
  EXPECT_EQ(next_mark().get("cursor"), "1");
  messenger.reset();  // killed before the answer
  follow();
  answer_hubs();
  answer_changes(1, {});
  reply(next_mark(), 200);
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty());
  messenger.reset();
  follow();
  answer_hubs();
  answer_changes(1, {});
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty()) << "once the station has it that is known";
}

TEST_F(HubFollow, F18_MarksOfManyChannelsArePaced) {
  follow();
  std::string list;
  constexpr int kChannels = 20;
  const auto guid = [](int i) {
    std::string out = kChannel;
    out[30] = static_cast<char>('a' + i / 10);
    out[31] = static_cast<char>('0' + i % 10);
    return out;
  };
  for (int i = 0; i < kChannels; ++i)
    list += (i == 0 ? R"({"guid":")" : R"(,{"guid":")") + guid(i) + R"(","name":"c"})";
  reply(next("hub"), 200,
        R"({"list":[{"hub":")" + kHub + R"(","name":"gardeners","owner":")" + kOwner + "\"}]}");
  reply(next("channel"), 200, R"({"list":[)" + list + "]}");
  for (int i = 0; i < kChannels; ++i) {
    answer_mark(0, 1, 1);
    answer_changes(0, {post(1, "one").set("target", guid(i))});
  }
  messenger->tick();
  EXPECT_EQ(station.requests[Lane::text].size(), 8U);
  for (int i = 0; i < 8; ++i) reply(next("mark"), 200);
  messenger->tick();
  EXPECT_EQ(station.requests[Lane::text].size(), 8U);
}

TEST_F(HubFollow, F18_WhatWasNotToldStaysUnreadUntilThePersonHasReadIt) {
  follow();
  answer_hubs();
  answer_mark(0, 5'000, 4'000);
  answer_changes(5'000, {});
  answer(Lane::text, post(5'001, "fresh"));
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty()) << "a mark would count the 4,000 as read";
  messenger.reset();
  follow();
  answer_hubs();
  answer_mark(0, 5'001, 4'001);
  answer_changes(5'001, {});
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty());
  Packet mark = Packet::request(Operation::notify);  // dim read, elsewhere
  answer(Lane::text, mark.set("type", "mark").set("target", kChannel).set("cursor", "5001"));
  answer(Lane::text, post(5'002, "fresher"));
  EXPECT_EQ(next_mark().get("cursor"), "5002");
  EXPECT_THAT(told, ElementsAre("behind 4000", "fresh", "fresher"));
}

TEST_F(HubFollow, APassingFailureMakesItWaitNotDeaf) {
  follow();
  refuse(next("hub"), 503);
  EXPECT_THAT(told, ElementsAre("trouble 503"));
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty());
  clock.passed += 2'000;
  messenger->tick();
  refuse(next("hub"), 503);
  clock.passed += 2'000;
  messenger->tick();
  EXPECT_THAT(asked(), IsEmpty()) << "the second time it waits longer";
  clock.passed += 2'000;
  messenger->tick();
  answer_hubs();
  answer_mark(0, 1, 1);
  refuse(next("message"), 500);
  EXPECT_THAT(told, ElementsAre("trouble 503", "trouble 500 gardeners channel"));
  clock.passed += 2'000;
  messenger->tick();
  // A page that is not what it says it is.
  Packet broken = Packet::response(200, next("message").get("id"));
  answer(Lane::text, broken.set("count", "7"));
  clock.passed += 4'000;
  messenger->tick();
  answer_changes(0, {post(1, "one")});
  answer(Lane::text, post(2, "two"));
  EXPECT_THAT(told, ElementsAre("trouble 503", "trouble 500 gardeners channel", "one", "two"))
      << "each trouble is said once";
}

TEST_F(HubFollow, AChannelThatIsGoneIsNotAskedForAgain) {
  follow();
  answer_hubs();
  answer_mark(0, 1, 1);
  refuse(next("message"), 404);
  clock.passed += 600'000;
  messenger->tick();
  EXPECT_THAT(asked(), testing::Not(testing::Contains("message")));
  EXPECT_THAT(told, IsEmpty());
}

TEST_F(HubFollow, AHubThatCannotBeReadIsNotLeftAndIsAskedForAgain) {
  follow();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  messenger->closed(Lane::text);
  connect();
  reply(next("hub"), 200,
        R"({"list":[{"hub":")" + kHub + R"(","name":"gardeners","owner":")" + kOwner + "\"}]}");
  reply(next("channel"), 200, R"({"list":7})");
  answer_changes(0, {post(1, "one")});
  EXPECT_THAT(told, ElementsAre("trouble 0 gardeners", "one"));
  clock.passed += 2'000;
  messenger->tick();
  EXPECT_THAT(asked(), testing::Contains("hub"));
}

TEST_F(HubFollow, WhoComesInAgainIsNotToldEverythingAgain) {
  follow();
  answer_hubs();
  answer_mark(0, 1, 1);
  answer_changes(0, {post(1, "one")});
  messenger->closed(Lane::text);
  connect();
  answer_hubs(false);
  messenger->closed(Lane::text);
  connect();
  answer_hubs();
  answer_mark(9, 9, 0);
  answer_changes(9, {});
  EXPECT_THAT(told, ElementsAre("one", "left gardeners"));
}

TEST_F(HubFollow, WhatAnotherProgramHasLeftIsLeft) {
  follow();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  ASSERT_TRUE(keep_hubs(home, {}));  // dim hub leave
  Packet notice = Packet::request(Operation::notify);
  notice.set("type", "member").set("target", kHub).set("author", home.account().id.bare().text());
  notice.set("member", home.account().id.bare().text()).set("change", "DELETE");
  notice.set("time", format_time(clock.now()));
  answer(Lane::text, notice);
  refuse(next("hub"), 404);
  answer_hubs(false);
  EXPECT_THAT(told, ElementsAre("left gardeners"));
}

TEST_F(HubFollow, WhatWasToldBeforeACutIsNotNewWhenItHasChanged) {
  follow();
  answer_hubs();
  answer_mark(0, 9, 3);
  answer_changes(0, {post(1, "one"), post(2, "two")}, 2);
  messenger.reset();  // cut before the second page
  follow();
  answer_hubs();
  answer_changes(2, {post(3, "three"), post(1, "one!", 10)});
  EXPECT_THAT(told, ElementsAre("one", "two", "three", "again one!"));
}

TEST_F(HubFollow, APageThatDoesNotGoOnIsNotAskedForWithoutEnd) {
  follow();
  answer_hubs();
  answer_mark(0, 9, 3);
  answer_changes(0, {post(1, "one")}, 1);
  // Nothing behind what was had, and it says that there is more.
  answer_changes(1, {post(1, "one")}, 5);
  EXPECT_THAT(asked(), IsEmpty());
  EXPECT_THAT(told, ElementsAre("one", "trouble 0 gardeners channel"));
}

TEST_F(HubFollow, WaitsAsLongAsTheStationSays) {
  follow();
  Packet busy = Packet::response(416, next("hub").get("id"));
  answer(Lane::text, busy.set("retry-after", "2"));
  messenger->tick();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  clock.passed += 2'000;
  messenger->tick();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {post(1, "one")});
  EXPECT_THAT(told, ElementsAre("one"));
}

TEST_F(HubFollow, N1_WhatIsDestroyedIsErasedAndAnsweredForLiveAndWhenItWasMissed) {
  follow();
  answer_hubs();
  answer_mark(3, 5, 2);
  Packet missed = post(4, "", 5).set("state", "destroyed");
  missed.content.reset();
  answer_changes(3, {missed});
  messenger->tick();
  const Packet first = next("erasure");
  EXPECT_EQ(first.get("target"), missed.get("guid"));
  reply(first, 201);
  Packet live = post(6, "").set("cursor", "6");
  live.content.reset();
  live.operation = Operation::destroy;
  answer(Lane::text, live);
  messenger->tick();
  const Packet second = next("erasure");
  EXPECT_EQ(second.get("target"), live.get("guid"));
  reply(second, 201);
  EXPECT_THAT(told, ElementsAre("DESTROY ")) << "what was missed is told to nobody as new";
}

/// A station that leaves out what it has shown, and says nothing of destroying it.
TEST_F(HubFollow, A29_N1_WhatAStationDoesNotListAnyMoreStaysInTheHome) {
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string roster =
      R"({"list":[)" + write_json(first_roster(home.account(), cellar, meta, clock.now())) + "]}";
  const std::string hub = R"({"list":[{"hub":")" + cellar + R"(","name":"cellar","owner":")" +
                          home.account().id.bare().text() + R"("}]})";
  JsonObject row;
  row.set("guid", Guid::make(clock.now(), fake_random()).text());
  row.set("hub", cellar);
  row.set("channel", kChannel);
  row.set("text", "the key is under the pot");
  ASSERT_TRUE(home.vault().put(kOpenedPosts, *row.text("guid"), write_json(row)));
  const auto kept = [&] { return home.vault().count(kOpenedPosts).value(); };
  const auto say = [&](std::string_view change) {
    Packet notice = Packet::request(Operation::notify);
    notice.set("type", "channel").set("change", std::string(change)).set("author", kOwner);
    notice.set("target", cellar).set("guid", kChannel).set("number", "9");
    answer(Lane::text, notice.set("time", format_time(clock.now())));
  };
  follow();
  reply(next("hub"), 200, hub);
  reply(next("channel"), 200, R"({"list":[{"guid":")" + kChannel + R"(","name":"den"}]})");
  reply(next("roster"), 200, roster);
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  say("DELETE");  // the channel first
  reply(next("hub"), 200, hub);
  reply(next("channel"), 200, R"({"list":[]})");
  reply(next("roster"), 200, roster);
  EXPECT_EQ(kept(), 1);
  messenger->closed(Lane::text);
  connect();
  answer_hubs(false);  // then the hub as a whole
  EXPECT_THAT(told, ElementsAre("left cellar"));
  EXPECT_EQ(kept(), 1);
  say("DESTROY");
  EXPECT_EQ(kept(), 0) << "what is said to be destroyed is erased";
}

TEST_F(HubFollow, ANoticeThatCannotBeReadIsSaidAndWhatItWasAboutIsReadAnew) {
  follow();
  answer_hubs();
  answer_mark(0, 0, 0);
  answer_changes(0, {});
  Packet notice = Packet::request(Operation::notify);
  notice.set("type", "channel").set("target", kHub).set("change", "CREATE");
  notice.set("author", "nobody at all").set("time", format_time(clock.now()));
  answer(Lane::text, notice);
  EXPECT_THAT(told, ElementsAre("trouble 0 gardeners"));
  reply(next("hub"), 200,
        R"({"list":[{"hub":")" + kHub + R"(","name":"gardeners","owner":")" + kOwner + R"("}]})");
  reply(next("channel"), 200, R"({"list":[{"guid":")" + kChannel + R"(","name":"general"}]})");
  answer(Lane::text, notice);
  EXPECT_THAT(asked(), testing::Contains("hub"));
  EXPECT_THAT(told, testing::SizeIs(1)) << "and said once";
  // What is for those who ask for it is no hub's.
  Packet report = Packet::request(Operation::notify);
  report.set("type", "report").set("target", kChannel).set("guid", kChannel);
  answer(Lane::text, report.set("time", format_time(clock.now())));
  EXPECT_THAT(asked(), IsEmpty());
}

TEST_F(HubFollow, AMessageThatCannotBeReadHoldsUpNoOther) {
  follow();
  answer_hubs();
  answer_mark(0, 3, 3);
  Packet broken = post(2, "two");
  broken.set("author", "nobody at all");
  Packet nowhere = post(4, "four");
  nowhere.set("cursor", "-3");
  answer_changes(0, {post(1, "one"), broken, post(3, "three"), nowhere, post(5, "five")});
  EXPECT_THAT(told, ElementsAre("one", "", "three", "five", "trouble 0 gardeners channel"));
  answer(Lane::text, post(6, "six"));
  EXPECT_THAT(told, testing::Contains("six"));
}

/// A station that gives words of its own out as those of a member, where it can.
TEST_F(HubFollow, A29_NothingIsToldOfAPrivateHubThatHasNotBeenOpened) {
  const Meta meta = Meta::make_mkm(home.account().identity_key, "private-garden");
  const std::string cellar = meta.id(EntityType::group)->text();
  const std::string roster =
      R"({"list":[)" + write_json(first_roster(home.account(), cellar, meta, clock.now())) + "]}";
  const std::string hub = R"({"list":[{"hub":")" + cellar + R"(","name":"cellar","owner":")" +
                          home.account().id.bare().text() + "\"}]}";
  const auto channel = [](const std::string& name) {
    return R"({"list":[{"guid":")" + kChannel + R"(","name":")" + name + "\"}]}";
  };
  follow();
  reply(next("hub"), 200, hub);
  reply(next("channel"), 200, channel("den"));
  reply(next("roster"), 200, roster);
  answer_mark(0, 1, 1);
  answer_changes(0, {post(1, "send me the key")});
  EXPECT_THAT(told, ElementsAre(""));
  answer(Lane::text, post(2, "send me the key"));
  // Now the channel is shown in a form that cannot be read, and later not at all.
  for (const std::string& list : {channel(std::string(65, 'x')), std::string(R"({"list":[]})")}) {
    Packet notice = Packet::request(Operation::notify);
    notice.set("type", "channel").set("change", "EDIT").set("author", kOwner);
    notice.set("target", cellar).set("guid", kChannel).set("number", "9");
    answer(Lane::text, notice.set("time", format_time(clock.now())));
    reply(next("hub"), 200, hub);
    reply(next("channel"), 200, list);
    const Packet asked = next("roster");
    answer(Lane::text, post(static_cast<Cursor>(told.size()) + 1, "send me the key"));
    reply(asked, 200, roster);
  }
  Packet edit = post(static_cast<Cursor>(told.size()) + 1, "send me the key");
  edit.operation = Operation::edit;
  answer(Lane::text, edit.set("revision", "2"));
  for (const std::string& one : told) EXPECT_THAT(one, testing::Not(testing::HasSubstr("key")));
  EXPECT_THAT(told, testing::SizeIs(testing::Ge(3U)));
}

}  // namespace
}  // namespace dim
