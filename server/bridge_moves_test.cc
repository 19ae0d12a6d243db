// What waits for somebody who goes back and forth between two stations: it follows every time.
#include "server/bridge_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

class BridgeMovesTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    make_nodes({"east", "west"});
    alice = come_to(node("east"), "alice");
  }
  static const std::string& xena_id() {
    static const std::string id = legacy("xena").id.bare().text();
    return id;
  }
  /// Xena logs in there and acknowledges nothing, as somebody does who is gone at once.
  std::unique_ptr<Client> appear(const char* where) {
    auto client = std::make_unique<Client>();
    client->account = &legacy("xena");
    client->at = node(where).station.get();
    client->station = node(where).id();
    client->acks = false;
    introduce(*client, legacy("xena"));
    introduce(*client, legacy("alice"));
    client->id = client->at->opened_gateway(client->link, "2001:db8:7::7");
    handshake(*client);
    here.push_back(client.get());
    return client;
  }
  /// She says where she is, and is gone when her messages have been pushed.
  void pass_through(const char* where) {
    auto xena = appear(where);
    clock.at += 10;
    give(*xena, login_record(legacy("xena"), node(where).id()));
    run(3'000);
    leave(*xena);
    run(3'000);
  }
  /// What she has in the end, at that station.
  Strings arrives(const char* where) {
    auto xena = come_to(node(where), "xena");
    introduce(*xena, legacy("alice"));
    run(5'000);
    Strings got = heard(*xena);
    leave(*xena);
    return got;
  }
  Strings heard(Client& xena) {
    Strings got;
    for (const SignedMessage& one : xena.raw) {
      if (!one.sealed.envelope.sender.same_entity(legacy("alice").id)) continue;
      auto opened = open(one, *xena.account, xena.directory, {}, clock.now(), {.keys = &xena.keys});
      if (opened) got.push_back(text_in(*opened, "text"));
    }
    return got;
  }
  std::size_t waiting(const char* where) {
    Node& at = node(where);
    const std::string other = node(std::string_view(where) == "east" ? "west" : "east").id();
    return at.store->inbox(xena_id(), 0, 1'000, 1'000'000)->size() +
           at.store->inbox(other, 0, 1'000, 1'000'000)->size();
  }

  std::unique_ptr<Client> alice;
};

TEST_F(BridgeMovesTest, R1_WhatWasForwardedFollowsBackAndForthAndIsThereOnce) {
  for (int moves = 1; moves <= 5; ++moves) {
    pass_through("west");
    const std::string text = "forwarded " + std::to_string(moves);
    say(*alice, "xena", text);
    run(1'000);
    const char* at = "west";
    for (int i = 0; i < moves; ++i) {
      at = std::string_view(at) == "west" ? "east" : "west";
      pass_through(at);
    }
    EXPECT_EQ(arrives(at), Strings{text}) << moves << " moves";
    EXPECT_EQ(waiting("east") + waiting("west"), 0U);
  }
}

TEST_F(BridgeMovesTest, R1_WhatWasKeptHereFollowsBackAndForthAndIsThereOnce) {
  for (int moves = 1; moves <= 5; ++moves) {
    pass_through("east");
    const std::string text = "kept " + std::to_string(moves);
    say(*alice, "xena", text);
    run(1'000);
    const char* at = "east";
    for (int i = 0; i < moves; ++i) {
      at = std::string_view(at) == "west" ? "east" : "west";
      pass_through(at);
    }
    EXPECT_EQ(arrives(at), Strings{text}) << moves << " moves";
    EXPECT_EQ(waiting("east") + waiting("west"), 0U);
  }
}

/// Programs of the reference say that they go and leave the connection open for minutes.
TEST_F(BridgeMovesTest, WhoHasSaidThatTheyAreOfflineIsWhereTheyLogInNext) {
  auto left = appear("east");
  give(*left, login_record(legacy("xena"), node("east").id()));
  run(3'000);
  JsonObject report = command("report");
  report.set("title", "offline");
  give(*left, pack(*left, node("east").id(), std::move(report), {}));
  clock.at += 10;
  auto there = come_to(node("west"), "xena");
  introduce(*there, legacy("alice"));
  give(*there, login_record(legacy("xena"), node("west").id()));
  run(3'000);
  say(*alice, "xena", "are you at the other one now?");
  run(3'000);
  EXPECT_EQ(heard(*there), Strings{"are you at the other one now?"});
}

TEST_F(BridgeMovesTest, R1_WhoComesBackWhileHerInboxMovesGetsAllOfIt) {
  pass_through("east");
  Strings wanted;
  for (int i = 0; i < 230; ++i) {
    wanted.push_back("text " + std::to_string(i));
    say(*alice, "xena", wanted.back());
  }
  EXPECT_EQ(waiting("east"), wanted.size());
  pass_through("west");  // and what has moved is on the way back with this
  TestCommitter& disk = *node("east").committer;
  pass_through("east");
  EXPECT_EQ(waiting("east"), wanted.size());
  {
    auto xena = appear("west");
    clock.at += 10;
    give(*xena, login_record(legacy("xena"), node("west").id()));
    leave(*xena);
  }
  disk.held = true;
  run(1'500);  // the first page is under way
  auto xena = appear("east");
  disk.held = false;
  disk.run();
  run(500);
  EXPECT_GE(node("east").store->inbox(xena_id(), 0, 1'000, 1'000'000)->size(), 20U)
      << "the rest stays for who is here";
  clock.at += 10;
  give(*xena, login_record(legacy("xena"), node("east").id()));
  run(3'000);
  leave(*xena);
  Strings got = arrives("east");
  std::ranges::sort(got);
  std::ranges::sort(wanted);
  EXPECT_EQ(got, wanted);
}

TEST_F(BridgeMovesTest, A12_SentAgainItIsThereOnceWhereverSheIs) {
  pass_through("east");
  introduce(*alice, legacy("xena"));
  const std::string text = pack(*alice, xena_id(), text_of("once"), {});
  give(*alice, text);
  pass_through("west");
  give(*alice, text);
  run(1'000);
  EXPECT_EQ(waiting("east"), 0U);
  EXPECT_EQ(waiting("west"), 1U);
  EXPECT_EQ(arrives("west"), Strings{"once"});
}

}  // namespace
}  // namespace dim::station_test
