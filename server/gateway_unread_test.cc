// A store that cannot be read for a while: nothing is acknowledged, refused or answered with what
// may be wrong, and what comes again afterwards is done.
#include "server/bridge_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

class BlindStore final : public MemoryStore {
 public:
  Result<std::optional<StoredIdentity>> identity(const std::string& id) override {
    if (blind) return fail(Errc::internal, "the disk does not answer");
    return MemoryStore::identity(id);
  }
  Result<std::vector<StoredDocument>> documents(const std::string& id) override {
    if (blind || blind_to_documents) return fail(Errc::internal, "the disk does not answer");
    return MemoryStore::documents(id);
  }
  Result<std::optional<std::string>> owner_of(const std::string& name) override {
    if (blind) return fail(Errc::internal, "the disk does not answer");
    return MemoryStore::owner_of(name);
  }
  bool blind = false, blind_to_documents = false;
};

class UnreadTest : public BridgeTest {
 protected:
  void SetUp() override {
    BridgeTest::SetUp();
    begin();
  }
  void TearDown() override {
    station.reset();  // before its store
    BridgeTest::TearDown();
  }
  /// A station that remembers nothing but what is in the store.
  void begin() {
    station.reset();
    station =
        std::make_unique<Station>(config, station_account(), disk, writer, clock, random, crew);
    station->on_event([this](const StationEvent& event) { events.emplace_back(event.name); });
  }
  /// Sent while the store cannot be read, and again when it can: what was answered the second time.
  Strings sent_twice(Client& client, const std::string& text) {
    take(client);
    news(client);
    events.clear();
    const std::size_t acks = client.station_acks;
    disk.blind = true;
    give(client, text);
    EXPECT_EQ(client.station_acks, acks) << "it was acknowledged";
    EXPECT_EQ(texts(client), Strings{}) << "it was answered";
    EXPECT_TRUE(has_event("store-read"));
    disk.blind = false;
    give(client, text);
    EXPECT_EQ(client.station_acks, acks + 1);
    return texts(client);
  }

  BlindStore disk;
  TestCommitter writer{disk};
};

TEST_F(UnreadTest, R1_WhoseKeysCannotBeReadIsNotAcknowledgedAndLogsInAfterwards) {
  visit("alice");
  begin();
  auto alice = dial(legacy("alice"));
  const std::string first = pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true});
  sent_twice(*alice, first);
  ASSERT_EQ(alice->raw.size(), 1U) << "the second time it is asked to prove itself";
  EXPECT_FALSE(alice->link.closed);
}

TEST_F(UnreadTest, R1_AMessageToSomebodyWhoCannotBeLookedUpIsNeitherTakenNorRefused) {
  visit("bob");
  const std::array<Write, 1> name{PutName{"helper", id_of("bob"), clock.now()}};
  ASSERT_TRUE(disk.commit(name));
  begin();
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  pass(1'500);
  EXPECT_EQ(sent_twice(*alice, pack(*alice, id_of("bob"), text_of("hello"))),
            Strings{"Message cached."});
  begin();
  alice = come("alice");
  EXPECT_EQ(sent_twice(*alice, pack(*alice, "helper@anywhere", text_of("help"))),
            Strings{"Message cached."});
  EXPECT_EQ(disk.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 2U);
}

TEST_F(UnreadTest, R1_AMessageGoesIntoNoWrongInboxWhileTheDevicesCannotBeRead) {
  visit(device_of("bob", "phone"));
  begin();
  auto alice = come("alice");
  introduce(*alice, device_of("bob", "phone"));
  pass(1'500);
  const std::string text = pack(*alice, id_of("bob"), text_of("hello"));
  disk.blind_to_documents = true;
  const std::size_t acks = alice->station_acks;
  give(*alice, text);
  EXPECT_EQ(alice->station_acks, acks);
  disk.blind_to_documents = false;
  give(*alice, text);
  EXPECT_EQ(texts(*alice), Strings{"Message cached."});
  EXPECT_EQ(disk.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 0U);
  EXPECT_EQ(disk.inbox(id_of("bob") + "/phone", 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(UnreadTest, R1_AMessageOfADim2023ClientGoesIntoNoWrongInboxEither) {
  visit(device_of("bob", "phone"));
  begin();
  auto alice = online("alice", std::nullopt);
  const Packet message = create(user("alice"), id_of("bob"), "hello");
  disk.blind_to_documents = true;
  EXPECT_EQ(answer(*alice.text, message, alice.checksum).code, 500);
  EXPECT_TRUE(has_event("store-read"));
  disk.blind_to_documents = false;
  EXPECT_EQ(answer(*alice.text, message, alice.checksum).code, 202);
  EXPECT_EQ(disk.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 0U);
  EXPECT_EQ(disk.inbox(id_of("bob") + "/phone", 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(UnreadTest, R1_WhoseDevicesCannotBeReadIsNotLetIntoAWrongInbox) {
  writer.held = true;
  auto alice = dial(device_of("alice", "phone"));
  give(*alice, pack(*alice, "station@anywhere", hello(), {.meta = true, .visa = true}));
  const auto asked = news(*alice);
  ASSERT_EQ(asked.size(), 1U);
  clock.at += 10;
  give(*alice, pack(*alice, station_id(), hello(*asked[0].message.content.text("session"))));
  disk.blind_to_documents = true;
  writer.held = false;
  writer.run();
  station->end_of_turn();
  EXPECT_TRUE(alice->link.closed);
  disk.blind_to_documents = false;
  alice = come(device_of("alice", "phone"));
  EXPECT_FALSE(alice->link.closed);
}

TEST_F(UnreadTest, R1_NothingIsSaidAboutWhatCannotBeRead) {
  visit("bob");
  auto alice = come("alice");
  JsonObject list = command("block");
  list.set("list", JsonArray{Json(id_of("bob"))});
  EXPECT_EQ(sent_twice(*alice, pack(*alice, station_id(), list)), Strings{"Block list received."});
  for (const char* about : {"meta", "documents"}) {
    JsonObject query = command(about);
    query.set("did", id_of("bob"));
    const std::string text = pack(*alice, station_id(), std::move(query));
    EXPECT_EQ(sent_twice(*alice, text), Strings{}) << "no receipt says that there is none";
    EXPECT_TRUE(alice->got.empty());
  }
  JsonObject names = command("ans");
  names.set("names", "nobody_here");
  sent_twice(*alice, pack(*alice, station_id(), names));
  clock.at += 10;
  EXPECT_EQ(sent_twice(*alice, pack(*alice, "everyone@everywhere",
                                    login_content(legacy("alice"), station_id()))),
            Strings{"Login received."});
}

TEST_F(UnreadTest, A20_WhatANeighbourBringsMeanwhileComesAgain) {
  visit("alice");
  auto neighbour = come(other());
  give(*neighbour, documents_of(legacy("xena")));
  begin();
  neighbour = come(other());
  const std::string text = text_from(legacy("xena"), legacy("alice"), "from afar");
  EXPECT_EQ(sent_twice(*neighbour, text), Strings{});
  EXPECT_EQ(disk.inbox(id_of("alice"), 0, 10, 1'000'000)->size(), 1U);
  EXPECT_EQ(sent_twice(*neighbour, login_record(legacy("xena"), other_id())), Strings{});
}

}  // namespace
}  // namespace dim::station_test
