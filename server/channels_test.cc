#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class Channels : public HubTest {
 protected:
  Packet get(const std::string& type, const std::string& target) {
    return request(Operation::get, type, target);
  }
  /// What a page holds, in its order.
  std::vector<std::string> page(Peer& peer, Packet packet) {
    static_cast<void>(peer.take());  // what came in the meantime
    last = ask_for(peer, std::move(packet));
    std::vector<std::string> out;
    for (const Packet& one : pushed) out.push_back(one.content.value_or("-"));
    return out;
  }
  using Texts = std::vector<std::string>;
};

TEST_F(Channels, F20_AMessageIsStoredOnceAndToldToEveryoneWhoReads) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = online("carol");
  static_cast<void>(alice.text->take());
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "Hello, garden")), 201) << last.get("message");
  EXPECT_EQ(last.get("cursor"), "1");
  EXPECT_EQ(last.get("guid"), guid.text());
  ASSERT_EQ(pushed.size(), 1U) << "the author's own devices too";
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].operation, Operation::create);
  EXPECT_EQ(told[0].get("author"), id_of("alice"));
  EXPECT_EQ(told[0].get("target"), channel.text());
  EXPECT_EQ(told[0].get("cursor"), "1");
  EXPECT_EQ(told[0].content, "Hello, garden");
  EXPECT_TRUE(carol.text->take().empty());
  EXPECT_EQ(code(*alice.text, post(channel, guid, "Hello, garden")), 201) << "P36";
  EXPECT_EQ(last.get("cursor"), "1");
  EXPECT_TRUE(bob.text->take().empty()) << "delivered once";
  EXPECT_EQ(code(*alice.text, post(channel, guid, "Other")), 407) << "P36";
  EXPECT_EQ(code(*carol.text, post(channel, next_guid(), "x")), 404) << "no member";
}

TEST_F(Channels, R1_AMessageIsNeitherAnsweredNorToldBeforeItIsOnTheDisk) {
  auto alice = founder();
  auto bob = member("bob");
  static_cast<void>(alice.text->take());
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, post(channel, next_guid(), "x")).empty());
  EXPECT_TRUE(bob.text->take().empty());
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(bob.text->take().size(), 1U);
  EXPECT_EQ(alice.text->take().size(), 2U);
}

TEST_F(Channels, WrongMessagesAreRefused) {
  auto alice = founder();
  Packet empty = post(channel, next_guid(), "x");
  empty.content.reset();
  EXPECT_EQ(code(*alice.text, empty), 401);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), std::string("a\0b", 3))), 401);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "\xff")), 401);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), std::string(64 * 1024 + 1, 'x'))), 411);
  EXPECT_EQ(code(*alice.text, post(next_guid(), next_guid(), "x")), 404) << "P30";
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "x").set("guid", "7")), 401);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "x").set("reply-to", next_guid().text())),
            404);
  const Guid first = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, first, "x")), 201);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "y").set("reply-to", first.text())), 201)
      << "F14";
  EXPECT_EQ(pushed.front().get("reply-to"), first.text());
}

TEST_F(Channels, P22_APacketInsideAPostIsStoredAndToldAsBytes) {
  auto alice = founder();
  auto bob = member("bob");
  static_cast<void>(alice.text->take());
  const Guid guid = next_guid();
  const std::string text =
      "before\n\"\"\"\n\nversion: dim/2023\noperation: DESTROY\nid: 66\ntype: message\ntarget: " +
      guid.text() + "\n\nversion: dim/2023\noperation: NOTIFY\nid: 67\ntype: ping\n\n";
  EXPECT_EQ(code(*alice.text, post(channel, guid, text)), 201) << last.get("message");
  ASSERT_EQ(pushed.size(), 1U) << "the inner packets are not executed";
  EXPECT_EQ(pushed[0].content, text);
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].content, text);
  EXPECT_EQ(page(*bob.text, get("message", channel.text())), (Texts{text}));
}

TEST_F(Channels, HistoryComesInPagesInBothDirections) {
  auto alice = founder();
  for (int i = 1; i <= 5; ++i)
    EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "m" + std::to_string(i))), 201);
  EXPECT_EQ(page(*alice.text, get("message", channel.text()).set("limit", "2")),
            (Texts{"m5", "m4"}));
  EXPECT_EQ(last.code, 206);
  EXPECT_EQ(last.get("next"), "4");
  EXPECT_EQ(page(*alice.text, get("message", channel.text()).set("before", "4")),
            (Texts{"m3", "m2", "m1"}));
  EXPECT_EQ(last.code, 200);
  EXPECT_EQ(page(*alice.text, get("message", channel.text()).set("after", "3").set("limit", "1")),
            (Texts{"m4"}));
  EXPECT_EQ(last.code, 206);
  EXPECT_EQ(page(*alice.text, get("message", channel.text()).set("after", "4")), (Texts{"m5"}));
  EXPECT_EQ(last.code, 200);
  for (const char* limit : {"0", "-1", "x"})
    EXPECT_EQ(code(*alice.text, get("message", channel.text()).set("limit", limit)), 401) << "P39";
  EXPECT_EQ(code(*alice.text, get("message", channel.text()).set("limit", "1000000")), 200)
      << "P39";
  EXPECT_EQ(code(*alice.text, get("message", channel.text()).set("before", "soon")), 401) << "P39";
  EXPECT_EQ(code(*alice.text, get("message", channel.text()).set("before", "3").set("after", "1")),
            401);
}

TEST_F(Channels, F11_TheAuthorEditsAndEverybodySeesWhatItWas) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "one")), 201);
  Packet edit = request(Operation::edit, "message", guid.text());
  edit.content = "two";
  EXPECT_EQ(code(*alice.text, edit), 403) << "P37: not even the owner";
  static_cast<void>(alice.text->take());
  EXPECT_EQ(code(*bob.text, edit.set("revision", "1")), 200) << last.get("message");
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].operation, Operation::edit);
  EXPECT_EQ(told[0].get("revision"), "2");
  EXPECT_EQ(told[0].get("cursor"), "2");
  EXPECT_EQ(told[0].content, "two");
  edit.content = "three";
  EXPECT_EQ(code(*bob.text, edit), 407) << "P37";
  const Packet shown = ask_for(*alice.text, get("message", guid.text()).set("history", "yes"));
  ASSERT_EQ(pushed.size(), 1U);
  EXPECT_EQ(pushed[0].content, "two");
  EXPECT_EQ(pushed[0].get("revision"), "2");
  EXPECT_TRUE(shown.content->contains(R"("content":"one")")) << *shown.content;
}

TEST_F(Channels, F11_EarlierTextsComeInPagesThatAnAnswerHolds) {
  auto alice = founder();
  const Guid guid = next_guid();
  // As JSON each byte of these takes six.
  const auto text = [](int i) { return std::string(60'000, '\x01') + std::to_string(i); };
  EXPECT_EQ(code(*alice.text, post(channel, guid, text(1))), 201);
  Packet edit = request(Operation::edit, "message", guid.text());
  for (int i = 2; i <= 8; ++i) {
    edit.content = text(i);
    EXPECT_EQ(code(*alice.text, edit), 200) << last.get("message");
  }
  Packet get_all = get("message", guid.text()).set("history", "yes");
  std::vector<std::int64_t> seen;
  for (;;) {
    const Packet answer = ask_for(*alice.text, get_all);
    ASSERT_LE(answer.content->size(), limits::kTextContent);
    const auto content = parse_json_object(*answer.content);
    ASSERT_TRUE(content) << to_string(content.error());
    for (const Json& one : *content->find("list")->array()) {
      seen.push_back(*one.object()->find("revision")->integer());
      EXPECT_EQ(*one.object()->text("content"), text(static_cast<int>(seen.back())));
    }
    if (answer.code == 200) break;
    ASSERT_EQ(answer.code, 206);
    ASSERT_EQ(answer.get("next"), std::to_string(seen.back()));
    get_all.set("after", std::string(answer.get("next")));
  }
  EXPECT_EQ(seen, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(code(*alice.text, get_all.set("after", "x")), 401) << "P39";
}

TEST_F(Channels, P36_ARightThatIsLostSinceDoesNotUndoWhatIsStored) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, guid, "one")), 201);
  const std::string time(last.get("time"));
  EXPECT_EQ(code(*alice.control, about(Operation::create, "mute", "bob")), 201);
  EXPECT_EQ(code(*bob.text, post(channel, guid, "one")), 201) << "its first answer may be lost";
  EXPECT_EQ(last.get("cursor"), "1");
  EXPECT_EQ(last.get("time"), time);
  EXPECT_EQ(code(*bob.text, post(channel, guid, "two")), 403) << "that is another one";
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "one")), 403);
  EXPECT_EQ(code(*alice.text, about(Operation::erase, "member", "bob")), 204);
  EXPECT_EQ(open_lane(bob, 0).code, 200);
  EXPECT_EQ(code(*bob.text, post(channel, guid, "one")), 201);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "one")), 404);
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, post(channel, guid, "one")), 404) << "somebody else's";
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "channel", channel.text())), 204);
  EXPECT_EQ(code(*bob.text, post(channel, guid, "one")), 404);
}

TEST_F(Channels, F12_RemoveAndDeleteMeanWhatTheyMean) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  const Guid own = next_guid(), hidden = next_guid(), deleted = next_guid();
  for (const Guid& guid : {own, hidden, deleted})
    EXPECT_EQ(code(*bob.text, post(channel, guid, "words " + guid.text())), 201);
  EXPECT_EQ(code(*carol.text, request(Operation::remove, "message", own.text())), 403);
  EXPECT_EQ(code(*bob.text, request(Operation::remove, "message", own.text())), 200);
  EXPECT_EQ(code(*alice.text, request(Operation::remove, "message", hidden.text())), 200);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", deleted.text())), 204);
  const auto of = [](const Guid& guid) { return "words " + guid.text(); };
  EXPECT_EQ(page(*carol.text, get("message", channel.text())), (Texts{"-", "-", "-"}));
  EXPECT_EQ(pushed[2].get("state"), "removed");
  EXPECT_EQ(pushed[1].get("state"), "hidden");
  EXPECT_EQ(pushed[0].get("state"), "deleted");
  EXPECT_EQ(page(*bob.text, get("message", channel.text())), (Texts{"-", of(hidden), "-"}));
  EXPECT_EQ(page(*alice.text, get("message", channel.text())), (Texts{"-", of(hidden), "-"}));
  Packet shows = request(Operation::edit, "message", hidden.text()).set("state", "shown");
  EXPECT_EQ(code(*bob.text, shows), 403) << "the author does not undo a moderator";
  EXPECT_EQ(code(*alice.text, shows), 200) << last.get("message");
  EXPECT_EQ(page(*carol.text, get("message", channel.text())), (Texts{"-", of(hidden), "-"}));
  EXPECT_EQ(code(*alice.text, get("message", deleted.text())), 410) << "P38";
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", deleted.text())), 410) << "P38";
}

TEST_F(Channels, N1_P37_P38_TheAuthorOrWhoOwnsDestroysForEver) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  auto dave = online("dave");
  const Guid mine = next_guid(), other = next_guid(), shown = next_guid();
  for (const Guid& guid : {mine, other, shown})
    EXPECT_EQ(code(*bob.text, post(channel, guid, "canary words")), 201);
  Packet edit = request(Operation::edit, "message", mine.text());
  edit.content = "canary words, better";
  EXPECT_EQ(code(*bob.text, edit), 200);
  const auto destroying = [](const Guid& guid) {
    return request(Operation::destroy, "message", guid.text());
  };
  give(alice, "carol", R"("moderate")");
  static_cast<void>(alice.text->take());
  EXPECT_EQ(code(*carol.text, destroying(mine)), 403) << "P37: moderate is not own";
  EXPECT_EQ(code(*dave.text, destroying(mine)), 404) << "who is no member learns nothing";
  EXPECT_EQ(code(*bob.text, destroying(next_guid())), 404) << "P30";
  EXPECT_EQ(code(*bob.control, destroying(mine)), 417);
  EXPECT_EQ(code(*bob.text, destroying(mine)), 204) << last.get("message");
  EXPECT_EQ(last.get("cursor"), "5");
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].operation, Operation::destroy);
  EXPECT_EQ(told[0].get("guid"), mine.text());
  EXPECT_EQ(told[0].get("target"), channel.text());
  EXPECT_EQ(told[0].get("author"), id_of("bob"));
  EXPECT_EQ(told[0].get("cursor"), "5");
  EXPECT_FALSE(told[0].content);
  EXPECT_EQ(code(*bob.text, destroying(mine)), 204) << "P38: twice";
  EXPECT_EQ(code(*bob.text, get("message", mine.text())), 410) << "P30, P38";
  EXPECT_EQ(code(*alice.text, get("message", mine.text()).set("history", "yes")), 410) << "P38";
  EXPECT_EQ(code(*bob.text, edit), 410);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "message", mine.text())), 410);
  EXPECT_EQ(code(*bob.text, post(channel, mine, "canary words")), 410) << "it does not come back";
  EXPECT_EQ(code(*alice.text, destroying(other)), 204) << "the owner has own";
  EXPECT_EQ(page(*carol.text, get("message", channel.text())), (Texts{"canary words", "-", "-"}));
  EXPECT_EQ(pushed[1].get("state"), "destroyed");
  EXPECT_EQ(page(*carol.text, get("message", channel.text()).set("search", "better")), Texts{});
}

TEST_F(Channels, N1_ADeletedMessageCanStillBeDestroyed) {
  auto alice = founder();
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "words")), 201);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", guid.text())), 204);
  EXPECT_EQ(code(*alice.text, request(Operation::destroy, "message", guid.text())), 204);
  EXPECT_EQ((*store.post(guid))->state, PostState::destroyed);
}

TEST_F(Channels, N1_DestroyingHasAQuotaOfItsOwn) {
  config.quotas.destroys = {1, 2};
  start();
  auto alice = founder();
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "words")), 201);
  Packet destroying = request(Operation::destroy, "message", guid.text());
  EXPECT_EQ(code(*alice.text, destroying), 204);
  EXPECT_EQ(code(*alice.text, destroying), 204);
  EXPECT_EQ(code(*alice.text, destroying), 416);
  EXPECT_EQ(last.get("retry-after"), "1");
}

TEST_F(Channels, F13_ReactionsAndPins) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid guid = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, guid, "one")), 201);
  static_cast<void>(bob.text->take());
  Packet reaction = request(Operation::create, "reaction", guid.text());
  EXPECT_EQ(code(*bob.text, reaction), 401) << "no symbol";
  EXPECT_EQ(code(*bob.text, reaction.set("symbol", "a, b")), 401);
  EXPECT_EQ(code(*bob.text, reaction.set("symbol", "👍")), 201) << last.get("message");
  EXPECT_EQ(code(*bob.text, reaction), 201) << "once for each person";
  EXPECT_EQ(code(*alice.text, reaction), 201);
  EXPECT_EQ(page(*bob.text, get("message", guid.text())), (Texts{"one"}));
  EXPECT_EQ(pushed[0].get("reactions"), "[👍 2]");
  EXPECT_EQ(pushed[0].get("changed"), "3");
  Packet away = request(Operation::erase, "reaction", guid.text()).set("symbol", "👍");
  EXPECT_EQ(code(*bob.text, away), 204);
  EXPECT_EQ(code(*bob.text, away.set("member", id_of("alice"))), 403);
  EXPECT_EQ(code(*alice.text, away.set("member", id_of("alice"))), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::create, "pin", guid.text())), 403);
  EXPECT_EQ(code(*alice.text, request(Operation::create, "pin", guid.text())), 201);
  EXPECT_EQ(page(*bob.text, get("pin", channel.text())), (Texts{"one"}));
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "pin", guid.text())), 204);
  EXPECT_EQ(page(*bob.text, get("pin", channel.text())), Texts{});
}

TEST_F(Channels, F24_AThreadIsReadInPagesAndItsRootSaysHowMany) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid root = next_guid(), other = next_guid(), answer = next_guid();
  const auto in_thread = [&](const Guid& guid, const std::string& text, const Guid& of) {
    return post(channel, guid, text).set("thread", of.text());
  };
  EXPECT_EQ(code(*alice.text, post(channel, root, "Which soil?")), 201);
  EXPECT_EQ(code(*alice.text, post(channel, other, "Hello")), 201);
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*alice.text, in_thread(answer, "Clay", root)), 201) << last.get("message");
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("thread"), root.text());
  EXPECT_EQ(code(*bob.text, in_thread(next_guid(), "Sand", root)), 201);
  EXPECT_EQ(code(*bob.text, in_thread(answer, "Clay", root)), 407) << "another author";
  EXPECT_EQ(code(*alice.text, in_thread(answer, "Clay", root)), 201) << "P36";
  EXPECT_EQ(code(*alice.text, post(channel, answer, "Clay")), 407) << "in no thread";
  EXPECT_EQ(code(*bob.text, in_thread(next_guid(), "x", answer)), 401) << "one level";
  EXPECT_EQ(code(*bob.text, in_thread(next_guid(), "x", next_guid())), 404);
  EXPECT_EQ(page(*bob.text, get("message", channel.text()).set("thread", root.text())),
            (Texts{"Sand", "Clay"}));
  EXPECT_EQ(page(*bob.text, get("message", channel.text())
                                .set("thread", root.text())
                                .set("after", "0")
                                .set("limit", "1")),
            (Texts{"Clay"}));
  EXPECT_EQ(last.code, 206);
  EXPECT_EQ(page(*bob.text, get("message", channel.text())
                                .set("thread", root.text())
                                .set("after", std::string(last.get("next")))),
            (Texts{"Sand"}));
  EXPECT_EQ(last.code, 200);
  EXPECT_EQ(code(*bob.text,
                 get("message", channel.text()).set("thread", root.text()).set("changes", "0")),
            401);
  ASSERT_EQ(page(*bob.text, get("message", root.text())), (Texts{"Which soil?"}));
  EXPECT_EQ(pushed[0].get("answers"), "2");
  EXPECT_EQ(pushed[0].get("answered"), "4");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", answer.text())), 204);
  ASSERT_EQ(page(*bob.text, get("message", root.text())), (Texts{"Which soil?"}));
  EXPECT_EQ(pushed[0].get("answers"), "1");
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "message", other.text())), 204);
  EXPECT_EQ(code(*bob.text, in_thread(next_guid(), "x", other)), 410);
}

TEST_F(Channels, F15_MentionsAreOfReadersAndCountedWithWhatIsUnread) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = online("carol");  // no member
  const auto mentioning = [&](const Guid& guid, const std::string& who) {
    return post(channel, guid, "hello").set("mentions", who);
  };
  const std::string to_bob = id_of("bob");
  const Guid first = next_guid();
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*alice.text, mentioning(first, "[everyone, " + to_bob + "]")), 201)
      << last.get("message");
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("mentions"), "[everyone, " + to_bob + "]");
  EXPECT_EQ(code(*alice.text, mentioning(next_guid(), to_bob)), 201);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "no mention")), 201);
  EXPECT_EQ(code(*bob.text, mentioning(next_guid(), "everyone")), 403);
  EXPECT_EQ(code(*bob.text, mentioning(next_guid(), id_of("carol"))), 404);
  EXPECT_EQ(code(*bob.text, mentioning(next_guid(), "[nobody]")), 401);
  EXPECT_EQ(code(*bob.text, get("mark", channel.text())), 200);
  EXPECT_EQ(last.get("unread"), "3");
  EXPECT_EQ(last.get("mentions"), "2");
  EXPECT_EQ(last.get("level"), "all");
  // P36: answered as the first time, although bob does not read there any more.
  EXPECT_EQ(code(*alice.text, about(Operation::erase, "member", "bob")), 204);
  EXPECT_EQ(code(*alice.text, mentioning(first, "[everyone, " + to_bob + "]")), 201);
  EXPECT_EQ(last.get("cursor"), "1");
}

TEST_F(Channels, F15_WhatOneWantsToBeToldOfIsKeptForAllTheirDevices) {
  auto alice = founder();
  auto bob = member("bob");
  auto desk = online("bob");
  Packet level = request(Operation::edit, "mark", channel.text());
  static_cast<void>(bob.text->take());
  EXPECT_EQ(code(*desk.text, level.set("level", "mentions")), 200) << last.get("message");
  const auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "mark");
  EXPECT_EQ(told[0].get("level"), "mentions");
  EXPECT_EQ(code(*bob.text, get("mark", channel.text())), 200);
  EXPECT_EQ(last.get("level"), "mentions");
  EXPECT_EQ(code(*alice.text, get("mark", channel.text())), 200);
  EXPECT_EQ(last.get("level"), "all") << "everybody has their own";
  EXPECT_EQ(code(*bob.text, level.set("level", "loud")), 401);
  auto carol = online("carol");
  EXPECT_EQ(code(*carol.text, level.set("level", "none")), 404);
}

TEST_F(Channels, F18_ReadMarksAndUnreadCountsAreTheSameOnAllDevices) {
  auto alice = founder();
  auto bob = member("bob");
  auto desk = online("bob");
  for (int i = 1; i <= 3; ++i)
    EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "m" + std::to_string(i))), 201);
  static_cast<void>(desk.text->take());
  const auto unread = [&](LoggedIn& in) {
    return std::string(ask_for(*in.text, get("mark", channel.text())).get("unread"));
  };
  EXPECT_EQ(unread(bob), "3");
  EXPECT_EQ(unread(alice), "0") << "one's own are read";
  Packet mark = request(Operation::notify, "mark", channel.text());
  EXPECT_EQ(code(*bob.text, mark.set("cursor", "2")), 200) << last.get("message");
  const auto told = desk.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "mark");
  EXPECT_EQ(told[0].get("cursor"), "2");
  EXPECT_EQ(unread(bob), "1");
  EXPECT_EQ(unread(desk), "1");
  EXPECT_EQ(code(*desk.text, mark.set("cursor", "1")), 200);
  EXPECT_EQ(unread(bob), "1") << "a mark never goes back";
  EXPECT_EQ(code(*bob.text, mark.set("cursor", "4")), 401);
  EXPECT_EQ(code(*bob.text, mark.set("cursor", "3")), 200);
  EXPECT_EQ(unread(desk), "0");
}

TEST_F(Channels, F69_TheMutedReadAndDoNotWrite) {
  auto alice = founder();
  auto bob = member("bob");
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "one")), 201);
  const Guid first = next_guid();
  EXPECT_EQ(code(*bob.text, post(channel, first, "two")), 201);
  EXPECT_EQ(
      code(*alice.control, about(Operation::create, "mute", "bob",
                                 R"({"until":")" + format_time(clock.now() + 60'000) + "\"}")),
      201)
      << last.get("message");
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "three")), 403);
  Packet edit = request(Operation::edit, "message", first.text());
  edit.content = "worse";
  EXPECT_EQ(code(*bob.text, edit), 403);
  EXPECT_EQ(
      code(*bob.text, request(Operation::create, "reaction", first.text()).set("symbol", "x")),
      403);
  EXPECT_EQ(
      code(*bob.text, request(Operation::notify, "typing", channel.text()).set("state", "on")),
      403);
  EXPECT_EQ(code(*bob.text, get("message", channel.text())), 200);
  pass(60'000);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "three")), 201);
}

TEST_F(Channels, F10_TypingGoesToTheOthersWhoRead) {
  auto alice = founder();
  auto bob = member("bob");
  static_cast<void>(alice.text->take());
  Packet typing = request(Operation::notify, "typing", channel.text()).set("state", "on");
  EXPECT_EQ(code(*bob.text, typing), 200);
  EXPECT_TRUE(pushed.empty());
  const auto told = alice.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "typing");
  EXPECT_EQ(told[0].get("target"), channel.text());
}

TEST_F(Channels, R9_ASlowReaderGetsTheRestInOrderAndOnceWhenThereIsRoom) {
  config.send_queue_bytes = 4'000;
  start();
  auto alice = founder();
  auto bob = member("bob");
  bob.text->link.stuck = true;
  for (int i = 1; i <= 12; ++i) {
    EXPECT_EQ(
        code(*alice.text, post(channel, next_guid(), std::string(1'000, 'a') + std::to_string(i))),
        201);
  }
  EXPECT_LE(bob.text->link.waiting.size(), config.send_queue_bytes);
  std::vector<std::string> cursors;
  for (int turn = 0; turn < 8; ++turn) {
    bob.text->link.unstick();
    for (const Packet& one : bob.text->take()) cursors.emplace_back(one.get("cursor"));
    station->drained(bob.text->id);
    station->end_of_turn();
  }
  for (const Packet& one : bob.text->take()) cursors.emplace_back(one.get("cursor"));
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "last")), 201);
  for (const Packet& one : bob.text->take()) cursors.emplace_back(one.get("cursor"));
  std::vector<std::string> all;
  for (int i = 1; i <= 13; ++i) all.push_back(std::to_string(i));
  EXPECT_EQ(cursors, all);
}

TEST_F(Channels, SearchFindsInWhatOneMayReadAndNowhereElse) {
  auto alice = founder();
  auto bob = member("bob");
  const Guid secret = next_guid();
  EXPECT_EQ(code(*alice.text, make("channel", secret, R"({"name":"s","kind":"private"})")), 201);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "Roses bloom")), 201);
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "我爱中国园林")), 201);
  EXPECT_EQ(code(*alice.text, post(secret, next_guid(), "secret roses")), 201);
  EXPECT_EQ(page(*bob.text, get("message", hub_id()).set("search", "roses")),
            (Texts{"Roses bloom"}));
  EXPECT_EQ(page(*alice.text, get("message", hub_id()).set("search", "roses")),
            (Texts{"secret roses", "Roses bloom"}));
  EXPECT_EQ(page(*alice.text, get("message", hub_id()).set("search", "roses").set("limit", "1")),
            (Texts{"secret roses"}));
  EXPECT_EQ(last.code, 206);
  EXPECT_EQ(page(*alice.text, get("message", hub_id())
                                  .set("search", "roses")
                                  .set("before", std::string(last.get("next")))),
            (Texts{"Roses bloom"}));
  EXPECT_EQ(page(*bob.text, get("message", channel.text()).set("search", "中国")),
            (Texts{"我爱中国园林"}));
  EXPECT_EQ(code(*bob.text, get("message", secret.text()).set("search", "roses")), 404);
  EXPECT_EQ(code(*bob.text, get("message", channel.text()).set("search", std::string(201, 'x'))),
            401);
}

TEST_F(Channels, F70_WhoIsBannedGetsNothingMore) {
  auto alice = founder();
  auto bob = member("bob");
  EXPECT_EQ(code(*alice.control, about(Operation::create, "ban", "bob")), 201);
  EXPECT_EQ(open_lane(bob, 0).code, 200) << "his other conversations go on";
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "gone?")), 201);
  EXPECT_TRUE(bob.text->take().empty());
  EXPECT_EQ(code(*bob.text, get("message", channel.text())), 403);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "x")), 403);
}

TEST_F(Channels, A44_WhatWasWrittenBeforeABanIsStoredBeforeTheBanIsAnswered) {
  auto alice = founder();
  auto bob = member("bob");
  static_cast<void>(alice.text->take());
  committer.held = true;
  const Guid before = next_guid();
  EXPECT_TRUE(ask(*bob.text, post(channel, before, "before")).empty());
  EXPECT_TRUE(ask(*alice.control, about(Operation::create, "ban", "bob")).empty());
  EXPECT_EQ(open_lane(bob, 0).code, 200);
  EXPECT_EQ(code(*bob.text, post(channel, next_guid(), "behind")), 403)
      << "it holds although it is not on the disk yet";
  committer.run_one();
  station->end_of_turn();
  EXPECT_TRUE(store.post(before)->has_value());
  EXPECT_TRUE(alice.control->take().empty());
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(alice.control->take().size(), 1U);
  EXPECT_EQ(page(*alice.text, get("message", channel.text())), (Texts{"before"}));
}

TEST_F(Channels, A44_NothingRestsOnARightWhoseChangeCouldNotBeStored) {
  auto alice = founder();
  auto bob = online("bob");
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "alice")), 201);
  const Guid own = next_guid();
  committer.held = true;
  EXPECT_TRUE(ask(*bob.text, joining(invite)).empty());
  EXPECT_TRUE(ask(*bob.text, post(channel, own, "bob").set("id", "8")).empty())
      << "a member, as it seems";
  lose_the_first();
  const auto answers = bob.text->take();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, 506);
  EXPECT_EQ(answers[1].code, 503);
  EXPECT_FALSE(store.post(own)->has_value());
  EXPECT_EQ(page(*alice.text, get("message", channel.text())), (Texts{"alice"}));
  EXPECT_EQ(code(*bob.text, joining(invite)), 201);
  EXPECT_EQ(code(*bob.text, post(channel, own, "bob")), 201) << last.get("message");
}

TEST_F(Channels, A44_AChannelWhoseDeletionCouldNotBeStoredKeepsItsMessages) {
  auto alice = founder();
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "kept")), 201);
  static_cast<void>(alice.text->take());
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, make("role", next_guid(), R"({"name":"r"})")).empty());
  EXPECT_TRUE(ask(*alice.text, request(Operation::erase, "channel", channel.text()).set("id", "8"))
                  .empty());
  lose_the_first();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 2U);
  EXPECT_EQ(answers[0].code, 506);
  EXPECT_EQ(answers[1].code, 503) << "it rests on the one before";
  EXPECT_EQ(page(*alice.text, get("message", channel.text())), (Texts{"kept"}));
}

/// A disk that has lost the keys of what is on it.
class DamagedStore final : public MemoryStore {
 public:
  Result<std::optional<Post>> post(const Guid& guid) override {
    auto out = MemoryStore::post(guid);
    if (damaged && out && *out) {
      (*out)->damaged = true;
      (*out)->content.clear();
    }
    return out;
  }
  bool damaged = false;
};

TEST_F(Channels, R14_ARepetitionOfADamagedMessageIsToldThatItIsDamaged) {
  DamagedStore disk;
  TestCommitter writer(disk);
  station = std::make_unique<Station>(config, station_account(), disk, writer, clock, random);
  auto alice = founder();
  const Guid first = next_guid();
  EXPECT_EQ(code(*alice.text, post(channel, first, "a text")), 201);
  EXPECT_EQ(code(*alice.text, post(channel, first, "another")), 407);
  EXPECT_FALSE(last.get("message").contains("damaged")) << last.get("message");
  disk.damaged = true;
  EXPECT_EQ(code(*alice.text, post(channel, first, "another")), 407);
  EXPECT_TRUE(last.get("message").contains("damaged")) << last.get("message");
  EXPECT_EQ(code(*alice.text, post(channel, next_guid(), "and on it goes")), 201);
  station.reset();  // before its store
}

}  // namespace
}  // namespace dim::station_test
