// Log-in of reference clients.
#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

TEST_F(GatewayTest, LogsInInFourSteps) {
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  ASSERT_EQ(alice->raw.size(), 1U) << (details.empty() ? "" : details.back());
  EXPECT_EQ(alice->station_acks, 1U);
  // The answer comes from the station's own ID, encrypted, and introduces it.
  const SignedMessage& answer = alice->raw[0];
  EXPECT_EQ(answer.sealed.envelope.sender.text(), station_id());
  EXPECT_EQ(answer.sealed.envelope.receiver.text(), id_of("alice"));
  EXPECT_FALSE(answer.sealed.plain);
  EXPECT_TRUE(answer.json.contains("meta"));
  EXPECT_TRUE(answer.json.contains("visa"));
  ASSERT_EQ(alice->got.size(), 1U) << alice->refused[0];
  EXPECT_EQ(text_in(alice->got[0], "title"), "DIM?");
  EXPECT_EQ(text_in(alice->got[0], "message"), "DIM?");
  const std::string session = text_in(alice->got[0], "session");
  EXPECT_EQ(session.size(), 64U);
  news(*alice);
  give(*alice, pack(*alice, station_id(), hello(session)));
  ASSERT_EQ(alice->got.size(), 1U);
  EXPECT_EQ(text_in(alice->got[0], "title"), "DIM!");
  EXPECT_EQ(text_in(alice->got[0], "session"), session);
  EXPECT_TRUE(alice->link.was_proven);
  EXPECT_EQ(station->sessions(), 1U);
}

TEST_F(GatewayTest, StoresWhoLogsIn) {
  auto alice = come("alice");
  const auto identity = store.identity(id_of("alice"));
  ASSERT_TRUE(identity && *identity);
  EXPECT_TRUE((*identity)->pinned);
  EXPECT_EQ(store.documents(id_of("alice"))->size(), 1U);
}

TEST_F(GatewayTest, AnotherHelloGetsTheSameKey) {
  auto alice = dial(legacy("alice"));
  std::vector<std::string> keys;
  for (int i = 0; i < 3; ++i) {
    clock.at += 10;
    give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
    auto all = news(*alice);
    ASSERT_EQ(all.size(), 1U);
    keys.push_back(text_in(all[0], "session"));
  }
  EXPECT_EQ(keys[0], keys[1]);
  EXPECT_EQ(keys[0], keys[2]);
}

TEST_F(GatewayTest, AWrongKeyIsAnsweredWithTheRightOne) {
  auto alice = dial(legacy("alice"));
  give(*alice,
       pack(*alice, "station@anywhere", hello(std::string(64, 'a')), {.meta = true, .visa = true}));
  auto all = news(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(text_in(all[0], "title"), "DIM?");
  EXPECT_NE(text_in(all[0], "session"), std::string(64, 'a'));
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(GatewayTest, A24_KeysOfConnectionsDiffer) {
  auto one = dial(legacy("alice"));
  auto two = dial(legacy("alice"));
  for (Client* client : {one.get(), two.get()}) {
    give(*client, pack(*client, "station@anywhere", hello(), {.meta = true, .visa = true}));
  }
  EXPECT_NE(text_in(one->got[0], "session"), text_in(two->got[0], "session"));
}

TEST_F(GatewayTest, A18_ALogInIsToldToTheOtherSessionsAsUnbound) {
  LoggedIn native = login("alice");
  auto alice = come("alice");
  bool told = false;
  for (const Packet& packet : native.control->take()) {
    told |= packet.get("type") == "session" && packet.get("state") == "unbound-login";
  }
  EXPECT_TRUE(told);
}

TEST_F(GatewayTest, A18_AHandshakeForAnotherStationLogsNobodyIn) {
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  JsonObject content = hello(text_in(news(*alice)[0], "session"));
  content.set("station", "gsp@x77uVYBT1G48CLzW9iwe2dr5jhUNEM772G");
  give(*alice, pack(*alice, station_id(), content));
  EXPECT_TRUE(news(*alice).empty());
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(GatewayTest, WhatComesBeforeTheLogInIsKeptAndDoneAfterIt) {
  auto bob = come("bob");
  auto alice = dial(legacy("alice"));
  introduce(*alice, legacy("bob"));
  introduce(*alice, station_account());
  const std::size_t acks = alice->station_acks;
  give(*alice, pack(*alice, id_of("bob"), text_of("too early"), {.meta = true, .visa = true}));
  auto asked = news(*alice);
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(text_in(asked[0], "title"), "DIM?");
  EXPECT_TRUE(*asked[0].message.content.find("force")->boolean());
  // It is in memory only, so it is not acknowledged yet.
  EXPECT_EQ(alice->station_acks, acks);
  give(*alice, pack(*alice, station_id(), hello(text_in(asked[0], "session"))));
  pass(1'500);
  take(*bob);
  introduce(*bob, legacy("alice"));
  EXPECT_EQ(alice->station_acks, acks + 2);
  EXPECT_EQ(bob->raw.size() - 2, 1U);
}

TEST_F(GatewayTest, NiceToMeetYouIsAnsweredWithoutLogIn) {
  auto alice = dial(legacy("alice"));
  JsonObject content = command("handshake");
  content.set("title", "Nice to meet you!");
  give(*alice, pack(*alice, "station@anywhere", content, {.meta = true, .visa = true}));
  auto all = news(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(text_in(all[0], "title"), "Nice to meet you too!");
  EXPECT_EQ(text_in(all[0], "session").size(), 64U);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(GatewayTest, DimMarksOfAClientAreNotSupported) {
  auto alice = come("alice");
  for (const char* title : {"DIM?", "DIM!"}) {
    JsonObject content = command("handshake");
    content.set("title", title);
    auto all = ask(*alice, content);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(text_in(all[0], "text"), "Command not support.");
  }
}

TEST_F(GatewayTest, ASecondUserTakesTheConnectionOverWithAHandshake) {
  auto alice = come("alice");
  auto bob = dial(legacy("bob"));  // packs for bob; his bytes go over alice's connection
  introduce(*bob, station_account());
  const std::string taking =
      pack(*bob, "station@anywhere", hello(alice->session), {.meta = true, .visa = true});
  bytes(*alice, alice->frames.encode_message(taking).bytes);
  EXPECT_EQ(station->sessions(), 1U);
  alice->account = &legacy("bob");
  alice->directory = std::move(bob->directory);
  take(*alice);
  auto all = news(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(text_in(all[0], "title"), "DIM!");
  EXPECT_EQ(all[0].message.envelope.receiver.text(), id_of("bob"));
}

TEST_F(GatewayTest, A21_ASecondUserDoesNothingElse) {
  auto bob = come("bob");
  auto alice = come("alice");
  auto carol = dial(legacy("carol"));
  introduce(*carol, legacy("bob"));
  const std::string text =
      pack(*carol, id_of("bob"), text_of("not mine"), {.meta = true, .visa = true});
  bytes(*alice, alice->frames.encode_message(text).bytes);
  pass(1'500);
  take(*bob);
  EXPECT_EQ(bob->raw.size(), 2U);  // its own log-in
  EXPECT_EQ(station->counters().messages_refused, 1U);
}

TEST_F(GatewayTest, ABannedUserIsCutOff) {
  config.bans.insert(id_of("alice"));
  start();
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  give(*alice, pack(*alice, "station@anywhere", hello(text_in(news(*alice)[0], "session"))));
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayTest, S11_ABanThatComesDuringTheLogInCountsToo) {
  auto alice = dial(legacy("alice"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  committer.held = true;
  give(*alice, pack(*alice, station_id(), hello(text_in(news(*alice)[0], "session"))));
  station->reload(config.quotas, {id_of("alice")});
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_TRUE(alice->link.closed);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(GatewayTest, S11_ABanEndsASession) {
  auto alice = come("alice");
  station->reload(config.quotas, {id_of("alice")});
  station->end_of_turn();
  EXPECT_TRUE(alice->link.closed);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(GatewayTest, S15_TheNinthSessionEndsTheOldest) {
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < 9; ++i) {
    clock.at += 1'000;
    all.push_back(come("alice"));
  }
  EXPECT_TRUE(all[0]->link.closed);
  EXPECT_FALSE(all[1]->link.closed);
  EXPECT_EQ(station->sessions(), 8U);
}

TEST_F(GatewayTest, WhoDoesNotLogInIsCutOff) {
  auto alice = dial(legacy("alice"));
  pass(59'000, 1'000);
  EXPECT_FALSE(alice->link.closed);
  pass(3'000, 1'000);
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayTest, ASessionThatSaysNothingIsDeadAfter128Seconds) {
  auto alice = come("alice");
  pass(100'000, 1'000);
  bytes(*alice, alice->frames.ping());
  take(*alice);
  EXPECT_EQ(alice->events.back(), FrameEvent::Kind::pong);
  pass(127'000, 1'000);
  EXPECT_FALSE(alice->link.closed);
  pass(3'000, 1'000);
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayTest, ACutConnectionEndsItsSessionAtOnce) {
  auto alice = come("alice");
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  station->closed(alice->id);
  station->end_of_turn();
  EXPECT_EQ(station->sessions(), 1U);
  give(*bob, pack(*bob, id_of("alice"), text_of("are you there?")));
  EXPECT_EQ(texts(*bob), std::vector<std::string>{"Message cached."});
}

}  // namespace
}  // namespace dim::station_test
