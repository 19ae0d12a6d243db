#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

class HubAudit : public HubTest {
 protected:
  /// "author act member reason", oldest first.
  std::vector<std::string> acts(LoggedIn& who, Packet packet) {
    const Packet answer = ask_for(*who.text, std::move(packet));
    std::vector<std::string> out;
    EXPECT_TRUE(answer.code == 200 || answer.code == 206) << answer.get("message");
    if (!answer.content) return out;
    const auto content = parse_json_object(*answer.content);
    for (const Json& one : *content->find("list")->array()) {
      std::string text;
      for (const char* key : {"author", "act", "member", "reason"}) {
        if (const std::string* found = one.object()->text(key))
          text += (text.empty() ? "" : " ") + *found;
      }
      out.insert(out.begin(), text);
    }
    last = answer;
    return out;
  }
  std::vector<std::string> acts(LoggedIn& who) {
    return acts(who, request(Operation::get, "audit", hub_id()));
  }
};

TEST_F(HubAudit, F76_EveryActOfAModeratorIsInTheLogWithWhomAndWhy) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = member("carol");
  give(alice, "bob", "\"moderate\",\"ban\"");
  const Guid hers = next_guid(), own = next_guid();
  EXPECT_EQ(code(*carol.text, post(channel, hers, "a text that no log may have")), 201);
  EXPECT_EQ(code(*bob.text, post(channel, own, "mine")), 201);
  EXPECT_EQ(code(*bob.text, request(Operation::remove, "message", hers.text())), 200);
  EXPECT_EQ(code(*bob.text, request(Operation::remove, "message", hers.text())), 200)
      << "again: nothing happens, and nothing is logged";
  EXPECT_EQ(code(*bob.text, request(Operation::edit, "message", hers.text()).set("state", "shown")),
            200);
  EXPECT_EQ(code(*bob.text, request(Operation::create, "pin", hers.text())), 201);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "message", hers.text())), 204);
  EXPECT_EQ(code(*bob.text, request(Operation::erase, "message", own.text())), 204)
      << "their own is no act of a moderator";
  EXPECT_EQ(code(*bob.control, about(Operation::create, "mute", "carol",
                                     R"({"reason":"too loud","until":"2099-01-01T00:00:00Z"})")),
            201)
      << last.get("message");
  EXPECT_EQ(code(*bob.text, about(Operation::erase, "member", "carol")), 204);
  EXPECT_EQ(code(*bob.control, about(Operation::create, "ban", "carol", R"({"reason":"spam"})")),
            201);
  EXPECT_EQ(code(*alice.text, request(Operation::erase, "invite", invite.text())), 204);
  const std::string a = id_of("alice"), b = id_of("bob"), c = id_of("carol");
  EXPECT_THAT(acts(bob),
              testing::ElementsAre(a + " CREATE hub", a + " CREATE channel", a + " CREATE invite",
                                   a + " CREATE role", a + " EDIT member " + b,
                                   b + " REMOVE message " + c, b + " EDIT message " + c,
                                   b + " CREATE pin " + c, b + " DELETE message " + c,
                                   b + " CREATE mute " + c + " too loud", b + " DELETE member " + c,
                                   b + " CREATE ban " + c + " spam", a + " DELETE invite"));
  EXPECT_FALSE(last.content->contains("no log may have"));
}

TEST_F(HubAudit, F76_OnlyThoseWithTheRightReadItInPages) {
  auto alice = founder();
  auto bob = member("bob");
  auto carol = online("carol");
  EXPECT_EQ(code(*bob.text, request(Operation::get, "audit", hub_id())), 403);
  EXPECT_EQ(code(*carol.text, request(Operation::get, "audit", hub_id())), 404);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "audit", id_of("bob"))), 404);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "audit", channel.text())), 401);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "audit", hub_id()).set("limit", "0")), 401);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "audit", hub_id()).set("before", "x")), 401);
  EXPECT_EQ(code(*alice.text, request(Operation::create, "audit", hub_id())), 501);
  const auto all = acts(alice);
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(last.code, 200);
  const auto two = acts(alice, request(Operation::get, "audit", hub_id()).set("limit", "2"));
  EXPECT_EQ(two, (std::vector{all[1], all[2]}));
  EXPECT_EQ(last.code, 206);
  const std::string next(last.get("next"));
  EXPECT_EQ(acts(alice, request(Operation::get, "audit", hub_id()).set("before", next)),
            std::vector{all[0]});
  EXPECT_EQ(last.code, 200);
}

TEST_F(HubAudit, F76_WhatTheDiskRefusedIsNoActAndWhatItTookOutlivesARestart) {
  auto alice = founder();
  committer.error = Error{Errc::insufficient_storage, "no space is left on the disk"};
  EXPECT_EQ(code(*alice.text, make("role", next_guid(), R"({"name":"r"})")), 506);
  committer.error.reset();
  EXPECT_EQ(acts(alice).size(), 3U);
  start();
  alice = online("alice");
  EXPECT_EQ(acts(alice).size(), 3U);
}

TEST_F(HubAudit, F76_ThePeopleOfAHubSeeTheStationWhereItsOperatorHasActed) {
  auto alice = founder();
  station->admin(R"({"verb":"hubs-freeze","target":")" + hub_id() + R"(","reason":"complaint"})",
                 "operator:1000", [](const std::string&) {});
  station->end_of_turn();
  EXPECT_EQ(acts(alice).back(), station_account().id.bare().text() + " FREEZE hub complaint");
}

}  // namespace
}  // namespace dim::station_test
