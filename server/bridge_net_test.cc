// Stations of ours side by side: they dial each other, log in, and pass on.
#include "server/bridge_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;
using BridgeNetTest = BridgeTest;

Id id_in(const std::string& name) { return legacy(name).id.bare(); }

std::size_t count(const Strings& all, const std::string& one) {
  return static_cast<std::size_t>(std::ranges::count(all, one));
}

TEST_F(BridgeNetTest, A20_AMessageCrossesBothWaysWithReceipts) {
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  auto xena = come_to(node("west"), "xena");
  introduce(*xena, legacy("alice"));
  introduce(*alice, station_named("west"));
  introduce(*xena, station_named("east"));
  news(*alice);
  news(*xena);
  say(*alice, "xena", "to the west");
  EXPECT_EQ(texts(*xena), Strings{"to the west"});
  EXPECT_EQ(texts(*alice), (Strings{"Message redirected.", "Message delivered."}));
  say(*xena, "alice", "to the east");
  EXPECT_EQ(texts(*alice), Strings{"to the east"});
  EXPECT_EQ(texts(*xena), (Strings{"Message redirected.", "Message delivered."}));
  EXPECT_EQ(node("east").station->counters().forwarded, 1U);
  EXPECT_EQ(node("west").station->counters().forwarded, 1U);
}

TEST_F(BridgeNetTest, A20_EachStationHasOneReadyConnectionToItsNeighbour) {
  make_nodes({"east", "west"});
  run(60'000);
  EXPECT_EQ(wires.size(), 2U) << "each has dialled the other, once";
  EXPECT_EQ(count(node("east").events, "neighbour-up"), 2U);
  EXPECT_EQ(count(node("east").events, "neighbour-down"), 0U);
  run(300'000);
  EXPECT_EQ(wires.size(), 2U) << "pings keep them alive";
  EXPECT_EQ(count(node("west").events, "neighbour-down"), 0U);
}

TEST_F(BridgeNetTest, R1_ANeighbourThatWasAwayGetsWhatWaitedOnceAndInOrder) {
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  auto xena = come_to(node("west"), "xena");
  leave(*xena);
  switch_off(node("west"));
  Strings wanted;
  for (int i = 0; i < 20; ++i) {
    wanted.push_back("waits " + std::to_string(i));
    say(*alice, "xena", wanted.back());
  }
  run(200'000);
  EXPECT_EQ(count(node("east").events, "neighbour-away"), 1U) << "said once";
  switch_on(node("west"));
  run(100'000);  // within the longest wait between attempts
  xena = come_to(node("west"), "xena");
  introduce(*xena, legacy("alice"));
  run(2'000);
  Strings got;
  for (const SignedMessage& one : xena->raw) {
    if (!one.sealed.envelope.sender.same_entity(id_in("alice"))) continue;
    auto opened =
        open(one, *xena->account, xena->directory, {}, clock.now(), {.keys = &xena->keys});
    ASSERT_TRUE(opened.has_value());
    got.push_back(text_in(*opened, "text"));
  }
  EXPECT_EQ(got, wanted);
}

TEST_F(BridgeNetTest, R1_AQueueOutlivesItsStation) {
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  auto xena = come_to(node("west"), "xena");
  introduce(*xena, legacy("alice"));
  switch_off(node("west"));
  xena.reset();
  here = {alice.get()};
  say(*alice, "xena", "survives");
  here.clear();
  switch_off(node("east"));
  switch_on(node("east"));
  switch_on(node("west"));
  run(5'000);
  xena = come_to(node("west"), "xena");
  introduce(*xena, legacy("alice"));
  run(2'000);
  EXPECT_FALSE(messages_for(*xena, id_in("xena")).empty());
  bool found = false;
  for (const SignedMessage& one : messages_for(*xena, id_in("xena")))
    found = found || one.sealed.envelope.sender.same_entity(id_in("alice"));
  EXPECT_TRUE(found);
}

TEST_F(BridgeNetTest, R1_TheQueueIsBoundedAndSaysSo) {
  inbox_limits = {.messages = 3, .bytes = 1'000'000};
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  auto xena = come_to(node("west"), "xena");
  here = {alice.get()};
  switch_off(node("west"));
  news(*alice);
  for (int i = 0; i < 5; ++i) say(*alice, "xena", "text " + std::to_string(i));
  EXPECT_EQ(texts(*alice),
            (Strings{"Message redirected.", "Message redirected.", "Message redirected.",
                     "The queue for the receiver's station is full.",
                     "The queue for the receiver's station is full."}));
}

TEST_F(BridgeNetTest, A23_AUserRoamsBackAndForthAndMessagesFollow) {
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  for (int round = 0; round < 3; ++round) {
    for (const char* where : {"west", "east"}) {
      auto xena = come_to(node(where), "xena");
      introduce(*xena, legacy("alice"));
      news(*xena);
      const std::string live = std::string("live in the ") + where + std::to_string(round);
      say(*alice, "xena", live);
      run(1'000);
      EXPECT_EQ(count(texts(*xena), live), 1U) << live;
      leave(*xena);
      const std::string later = "after the " + live;
      say(*alice, "xena", later);
      run(1'000);
      const char* next = std::string_view(where) == "west" ? "east" : "west";
      clock.at += 5'000;
      auto again = come_to(node(next), "xena");
      introduce(*again, legacy("alice"));
      run(3'000);
      bool found = false;
      for (const SignedMessage& one : again->raw) {
        auto opened =
            open(one, *again->account, again->directory, {}, clock.now(), {.keys = &again->keys});
        found = found || (opened && text_in(*opened, "text") == later);
      }
      EXPECT_TRUE(found) << later << " has followed to the " << next;
      leave(*again);
      clock.at += 5'000;
    }
  }
}

TEST_F(BridgeNetTest, S21_TwoStationsThatEachSayTheOtherHasHimEndTheLoop) {
  make_nodes({"east", "west"});
  auto alice = come_to(node("east"), "alice");
  {
    auto xena = come_to(node("west"), "xena");
    leave(*xena);
  }
  // Each station believes the other: records that were not told.
  const auto believe = [&](Node& who, const std::string& where) {
    const auto message = SignedMessage::parse(login_record(legacy("xena"), where));
    JsonObject record;
    record.set("cmd", login_content(legacy("xena"), where));
    record.set("msg", message->json);
    const std::array<Write, 2> writes{
        PutIdentity{id_in("xena").text(), write_json(legacy("xena").meta.json()), true},
        PutDocument{id_in("xena").text(), "#login", "", clock.now() + 1'000, write_json(record)}};
    ASSERT_TRUE(who.store->commit(writes).has_value());
  };
  believe(node("east"), node("west").id());
  believe(node("west"), node("east").id());
  switch_off(node("west"));
  switch_on(node("west"));  // what it remembered of homes is gone
  run(5'000);
  say(*alice, "xena", "where are you?");
  run(5'000);
  EXPECT_EQ(node("east").station->counters().forwarded, 1U);
  EXPECT_EQ(node("west").station->counters().forwarded, 0U);
  EXPECT_EQ(node("west").store->inbox(id_in("xena").text(), 0, 10, 1'000'000)->size(), 1U)
      << "it waits where the loop has ended";
}

TEST_F(BridgeNetTest, S21_AThreeStationLoopEndsAndLosesNothing) {
  make_nodes({"east", "north", "west"});
  auto alice = come_to(node("east"), "alice");
  {
    auto xena = come_to(node("west"), "xena");
    leave(*xena);
  }
  const auto believe = [&](const char* name, const char* at) {
    const auto message = SignedMessage::parse(login_record(legacy("xena"), node(at).id()));
    JsonObject record;
    record.set("cmd", login_content(legacy("xena"), node(at).id()));
    record.set("msg", message->json);
    const std::array<Write, 2> writes{
        PutIdentity{id_in("xena").text(), write_json(legacy("xena").meta.json()), true},
        PutDocument{id_in("xena").text(), "#login", "", clock.now() + 1'000, write_json(record)}};
    ASSERT_TRUE(node(name).store->commit(writes).has_value());
    if (std::string_view(name) == "east") return;
    switch_off(node(name));
    switch_on(node(name));
  };
  believe("west", "north");
  believe("north", "east");
  run(5'000);
  const auto forwarded = [&](const char* name) { return node(name).station->counters().forwarded; };
  const std::uint64_t before = forwarded("east");
  say(*alice, "xena", "round and round");
  run(5'000);
  EXPECT_EQ(forwarded("east"), before + 1) << "the first station sends it on once";
  EXPECT_EQ(forwarded("west"), 2U) << "the text, and back the receipt for it";
  EXPECT_EQ(forwarded("north"), 0U) << "the third does not send it back to the first";
  EXPECT_EQ(node("north").store->inbox(id_in("xena").text(), 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(BridgeNetTest, A23_RecordsReachAllThreeStationsAndEveryBroadcastEnds) {
  make_nodes({"east", "north", "west"});
  auto alice = come_to(node("east"), "alice");
  auto xena = come_to(node("west"), "xena");
  auto nils = come_to(node("north"), "nils");
  for (Node& one : nodes) {
    for (const char* name : {"alice", "xena", "nils"}) {
      const auto documents = one.store->documents(id_in(name).text());
      EXPECT_TRUE(std::ranges::any_of(
          *documents, [](const StoredDocument& document) { return document.type == "#login"; }))
          << one.name << " knows where " << name << " is";
    }
  }
  say(*alice, "nils", "to the north");
  say(*xena, "nils", "from the west");
  introduce(*nils, legacy("alice"));
  introduce(*nils, legacy("xena"));
  EXPECT_GE(messages_for(*nils, id_in("nils")).size(), 2U);
}

TEST_F(BridgeNetTest, A18_J31_AnotherStationAtTheAddressGetsNoSignature) {
  make_nodes({"east", "west"});
  Node& east = node("east");
  switch_off(east);
  east.config.neighbours = {neighbour_of(station_named("stranger"), "west")};
  east.events.clear();
  node("west").events.clear();
  switch_on(east);
  run(35'000);
  EXPECT_GE(count(east.events, "neighbour-refused"), 1U);
  // West dials East too, and East has not listed it.
  EXPECT_EQ(count(east.events, "neighbour-up"), 0U);
  EXPECT_EQ(count(node("west").events, "login"), 0U);
}

TEST_F(BridgeNetTest, A20_AKeyThatIsNotThePinnedOneEndsTheConnection) {
  make_nodes({"east", "west"});
  Node& east = node("east");
  switch_off(east);
  east.config.neighbours[0].meta = station_named("stranger").meta.digest();
  east.events.clear();
  switch_on(east);
  run(5'000);
  EXPECT_GE(count(east.events, "neighbour-refused"), 1U);
  EXPECT_EQ(count(east.events, "neighbour-up"), 0U);
}

}  // namespace
}  // namespace dim::station_test
