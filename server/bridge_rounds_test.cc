// Three stations: what has gone from one over this one to another and comes round by a third.
#include "server/bridge_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

/// Yann is at the first neighbour, Xena at the second; the third brings what it should not have.
class ThirdTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    config.neighbours = {neighbour_of(other()), neighbour_of(reference_station("north")),
                         neighbour_of(reference_station("third"))};
    start();
    come_all();
    give(*first, documents_of(legacy("yann")));
    give(*north, documents_of(legacy("xena")));
    clock.at += 10;
    give(*north, login_record(legacy("xena"), north_id()));
    text = text_from(legacy("yann"), legacy("xena"), "round trip");
  }
  void come_all() {
    first = come(other());
    north = come(reference_station("north"));
    third = come(reference_station("third"));
    pass(1'500);
    for (Client* one : {first.get(), north.get(), third.get()}) take(*one);
  }
  static std::string north_id() { return reference_station("north").id.text(); }
  static std::string third_id() { return reference_station("third").id.text(); }
  static const std::string& xena_id() {
    static const std::string id = legacy("xena").id.bare().text();
    return id;
  }
  /// How often that neighbour has got a message for Xena.
  std::size_t got(Client& client) {
    take(client);
    return messages_for(client, legacy("xena").id).size();
  }
  std::size_t kept_here() { return store.inbox(xena_id(), 0, 10, 1'000'000)->size(); }
  /// Gives it as that neighbour sends it; true when it was acknowledged.
  bool brings(Client& client, const std::string& passed) {
    const std::size_t acks = client.station_acks;
    give(client, with(text, "traces", traces_of({passed})));
    return client.station_acks > acks;
  }
  Strings told(Client& client) {
    Strings out;
    for (const Opened& one : news(client)) {
      if (const std::string* said = one.message.content.text("text")) out.push_back(*said);
    }
    return out;
  }

  std::unique_ptr<Client> first, north, third;
  std::string text;
};

TEST_F(ThirdTest, S21_WhatComesRoundByAThirdIsAnswered507AndWaitsHereOnce) {
  EXPECT_TRUE(brings(*first, other_id()));
  EXPECT_EQ(got(*north), 1U);
  told(*third);
  EXPECT_TRUE(brings(*third, third_id()));
  EXPECT_EQ(told(*third), Strings{"507 Loop_Detected"});
  EXPECT_EQ(station->counters().loops, 1U);
  EXPECT_EQ(got(*north), 1U) << "it is not sent round for ever";
  EXPECT_EQ(kept_here(), 1U) << "what the third has been told is here must not get lost";
  EXPECT_TRUE(brings(*third, third_id()));
  EXPECT_EQ(kept_here(), 1U);
  // Xena comes here and finds it.
  clock.at += 1'000;
  auto xena = come("xena");
  introduce(*xena, legacy("yann"));
  pass(1'500);
  take(*xena);
  EXPECT_EQ(texts(*xena), Strings{"round trip"});
}

TEST_F(ThirdTest, S21_WhatComesRoundWithItsReceiverFollowsHerAgain) {
  EXPECT_TRUE(brings(*first, other_id()));
  EXPECT_EQ(got(*north), 1U);
  // She goes to the third, where it follows her, and back to the north before it reaches us.
  for (const std::string& where : {third_id(), north_id()}) {
    clock.at += 1'000;
    give(where == third_id() ? *third : *north, login_record(legacy("xena"), where));
  }
  EXPECT_TRUE(brings(*third, third_id()));
  EXPECT_EQ(got(*north), 2U);
  EXPECT_EQ(kept_here(), 0U);
  EXPECT_EQ(station->counters().loops, 0U) << "nothing has gone wrong";
  EXPECT_TRUE(brings(*third, third_id()));
  EXPECT_EQ(got(*north), 2U) << "A12: sent again it goes on once";
}

TEST_F(ThirdTest, A12_WhatANeighbourSendsAgainGoesOnOnceAlsoAfterARestart) {
  EXPECT_TRUE(brings(*first, other_id()));
  EXPECT_TRUE(brings(*first, other_id()));
  EXPECT_EQ(got(*north), 1U);
  pass(6'000);  // acknowledgements are written lazily
  start();      // and what it remembers of messages is in memory
  come_all();
  EXPECT_TRUE(brings(*first, other_id()));
  EXPECT_EQ(got(*north), 0U) << "the new connection gets nothing again";
  EXPECT_EQ(kept_here(), 0U);
  // By the third it may have come round: the north decides.
  EXPECT_TRUE(brings(*third, third_id()));
  EXPECT_EQ(got(*north) + kept_here(), 1U);
}

TEST_F(ThirdTest, A20_DocumentsThatWereSpreadReachANeighbourThatWasAway) {
  const Id everyone = *Id::parse("everyone@everywhere");
  const auto broadcasts = [&](Client& client) {
    take(client);
    const auto all = messages_for(client, everyone);
    return std::ranges::count_if(all, [](const SignedMessage& one) {
      return one.sealed.envelope.sender.same_entity(legacy("alice").id);
    });
  };
  auto alice = come("alice");
  station->closed(third->id);
  station->end_of_turn();
  give(*alice, documents_of(legacy("alice")));
  EXPECT_EQ(broadcasts(*north), 1);
  third = come(reference_station("third"));
  pass(1'500);
  EXPECT_EQ(broadcasts(*third), 0);
  clock.at += 1'000;
  give(*alice, documents_of(legacy("alice")));
  EXPECT_EQ(broadcasts(*third), 1);
  EXPECT_EQ(broadcasts(*north), 1) << "who was there has it";
  clock.at += 1'000;
  give(*alice, documents_of(legacy("alice")));
  EXPECT_EQ(broadcasts(*third), 1);
}

// --- three stations of ours

class WalkTest : public BridgeTest {
 protected:
  /// Xena logs in there, acknowledges nothing of what she gets, and leaves.
  void pass_through(Node& where) {
    auto xena = std::make_unique<Client>();
    xena->account = &legacy("xena");
    xena->at = where.station.get();
    xena->station = where.id();
    xena->acks = false;
    introduce(*xena, legacy("xena"));
    xena->id = xena->at->opened_gateway(xena->link, "2001:db8:7::7");
    handshake(*xena);
    here.push_back(xena.get());
    clock.at += 10;
    give(*xena, login_record(legacy("xena"), where.id()));
    run(3'000);
    leave(*xena);
    run(500);
  }
  Strings arrives(Node& where) {
    auto xena = come_to(where, "xena");
    introduce(*xena, legacy("alice"));
    run(5'000);
    Strings got;
    for (const SignedMessage& one : xena->raw) {
      if (!one.sealed.envelope.sender.same_entity(legacy("alice").id)) continue;
      auto opened =
          open(one, *xena->account, xena->directory, {}, clock.now(), {.keys = &xena->keys});
      if (opened) got.push_back(text_in(*opened, "text"));
    }
    leave(*xena);
    return got;
  }
};

TEST_F(WalkTest, R1_WhereverSheWalksAmongThreeStationsItArrivesOnce) {
  make_nodes({"east", "north", "west"});
  auto alice = come_to(node("east"), "alice");
  SeededRandom way(2026);
  const auto anywhere = [&]() -> Node& {
    return *std::next(nodes.begin(), static_cast<std::ptrdiff_t>(way.u64() % nodes.size()));
  };
  for (int walk = 0; walk < 12; ++walk) {
    pass_through(anywhere());
    const std::string text = "walk " + std::to_string(walk);
    say(*alice, "xena", text);
    std::string path;
    for (int steps = walk % 6; steps > 0; --steps) {
      Node& next = anywhere();
      path += next.name + " ";
      pass_through(next);
    }
    EXPECT_EQ(arrives(anywhere()), Strings{text}) << path;
  }
}

}  // namespace
}  // namespace dim::station_test
