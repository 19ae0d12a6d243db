#include <deque>

#include "server/hub_fixture.h"

namespace dim::station_test {
namespace {

constexpr Millis kHour = 3'600'000, kDay = 24 * kHour;

class PostExpiry : public HubTest {
 protected:
  void begin() { there.push_back(founder()); }
  /// Alice, on a connection of now: one that was idle is closed.
  LoggedIn& here() { return there.emplace_back(online("alice")); }
  /// What the channel holds, by whoever is asked; a connection that was idle is opened anew.
  std::vector<std::string> texts() {
    LoggedIn& alice = here();
    EXPECT_EQ(code(*alice.text, request(Operation::get, "message", channel.text())), 200);
    std::vector<std::string> out;
    for (const Packet& one : pushed) out.push_back(one.content.value_or("-"));
    return out;
  }
  void say(const std::string& text, Millis lasting = 0) {
    LoggedIn& alice = here();
    Packet packet = post(channel, next_guid(), text);
    if (lasting != 0) packet.set("expires", format_time(clock.now() + lasting));
    EXPECT_EQ(code(*alice.text, packet), 201) << last.get("message");
  }
  void keep(int days) {
    LoggedIn& alice = here();
    Packet packet = request(Operation::edit, "channel", channel.text());
    packet.content = R"({"retention":)" + std::to_string(days) + "}";
    EXPECT_EQ(code(*alice.text, packet), 200) << last.get("message");
  }
  using Texts = std::vector<std::string>;
  std::deque<LoggedIn> there;
};

TEST_F(PostExpiry, F74_AChannelForgetsWhatIsOlderThanItKeeps) {
  begin();
  say("one");
  pass(kDay, kHour / 2);
  say("two");
  pass(kDay, kHour / 2);
  EXPECT_EQ(texts(), (Texts{"two", "one"})) << "without retention all is kept";
  keep(2);
  pass(kHour, kHour / 2);
  EXPECT_EQ(texts(), (Texts{"two"}));
  EXPECT_EQ(station->counters().posts_expired, 1U);
  pass(kDay, kHour / 2);
  EXPECT_EQ(texts(), Texts{});
  say("three");
  EXPECT_EQ(texts(), (Texts{"three"}));
}

TEST_F(PostExpiry, F74_OnlyWhoManagesChannelsSaysHowLong) {
  auto alice = founder();
  auto bob = member("bob");
  Packet packet = request(Operation::edit, "channel", channel.text());
  packet.content = R"({"retention":1})";
  EXPECT_EQ(code(*bob.text, packet), 403);
  packet.content = R"({"retention":3651})";
  EXPECT_EQ(code(*alice.text, packet), 401);
  packet.content = R"({"retention":3650})";
  EXPECT_EQ(code(*alice.text, packet), 200);
  EXPECT_EQ(code(*alice.text, request(Operation::get, "channel", channel.text())), 200);
  EXPECT_NE(last.content->find(R"("retention":3650)"), std::string::npos) << *last.content;
}

TEST_F(PostExpiry, F16_AMessageDisappearsWhenItsTimeIsOver) {
  begin();
  pass(2'000);
  say("short", 5'000);
  say("long", kDay);
  say("for ever");
  EXPECT_EQ(texts(), (Texts{"for ever", "long", "short"}));
  pass(4'000);
  EXPECT_EQ(texts(), (Texts{"for ever", "long", "short"}));
  pass(3'000);
  EXPECT_EQ(texts(), (Texts{"for ever", "long"}));
  LoggedIn& alice = here();
  Packet packet = post(channel, next_guid(), "x");
  EXPECT_EQ(code(*alice.text, packet.set("expires", format_time(clock.now()))), 410);
  EXPECT_EQ(code(*alice.text, packet.set("expires", format_time(clock.now() + 367 * kDay))), 401);
  EXPECT_EQ(code(*alice.text, packet.set("expires", "soon")), 401);
}

TEST_F(PostExpiry, F74_AClockThatJumpsForgetsNothing) {
  begin();
  keep(1);
  say("kept");
  say("short", kHour);
  pass(2'000);
  clock.jump = 1'000 * kDay;
  pass(5 * kHour, kHour / 2);
  EXPECT_EQ(texts(), (Texts{"short", "kept"}));
  bool told = false;
  for (const std::string& event : events) told = told || event == "clock-jumped";
  EXPECT_TRUE(told) << "the operator hears of it";
  clock.jump = 0;  // it is put right
  pass(2 * kHour, kHour / 2);
  EXPECT_EQ(texts(), (Texts{"kept"}));
}

TEST_F(PostExpiry, F74_WhatItWasBelievedToBeOutlivesARestart) {
  begin();
  keep(1);
  say("kept");
  pass(2'000);
  clock.jump = 1'000 * kDay;
  start();
  pass(5 * kHour, kHour / 2);
  EXPECT_EQ(texts(), (Texts{"kept"}));
  pass(2 * kHour, kHour / 2);
  EXPECT_EQ(texts(), Texts{}) << "six hours later it is the time that it is";
}

}  // namespace
}  // namespace dim::station_test
