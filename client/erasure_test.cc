#include "client/erasure.h"

#include <set>

#include "client/drafts.h"
#include "client/hub_names.h"
#include "client/messenger_fixture.h"
#include "client/outbox.h"
#include "dim/engine/erasure.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

const char* const kHub = "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H";

class ErasuresTest : public MessengerTest {
 protected:
  void SetUp() override { log_in(); }
  /// What was sent since, by the message it is about; answered with `code`.
  std::vector<Packet> sent(int code) {
    std::vector<Packet> out;
    for (const Packet& packet : std::exchange(station.requests[Lane::text], {})) {
      if (packet.get("type") != "erasure") continue;
      out.push_back(packet);
      if (code != 0) answer(Lane::text, Packet::response(code, packet.get("id")));
    }
    return out;
  }
  void owe(Erasures& erasures, int many) {
    for (int i = 0; i < many; ++i)
      ASSERT_TRUE(erasures.destroyed(channel, Guid::make(clock.now(), fake_random())));
  }
  Guid channel = Guid::make(kFakeNow, fake_random()), post = Guid::make(kFakeNow, fake_random());
};

TEST_F(ErasuresTest, N1_TheCopyGoesAndTheReceiptIsSignedByThisPerson) {
  const OutboxRow row{.guid = post.text(), .kind = std::string(kPostRow), .to = peer().id};
  ASSERT_TRUE(Outbox(home.vault()).put(row));
  ASSERT_TRUE(home.vault().put(kRefusedPosts, post.text(), "{}"));
  Erasures erasures(messenger->hubs(), home, clock);
  ASSERT_TRUE(erasures.destroyed(channel, post));
  EXPECT_FALSE(*Outbox(home.vault()).find(post.text()));
  EXPECT_FALSE(*home.vault().contains(kRefusedPosts, post.text()));
  erasures.tick();
  const auto packets = sent(201);
  ASSERT_THAT(packets, SizeIs(1));
  EXPECT_EQ(packets[0].operation, Operation::create);
  EXPECT_EQ(packets[0].get("target"), post.text());
  const auto receipt = parse_json_object(*packets[0].content);
  ASSERT_TRUE(receipt);
  EXPECT_TRUE(check_erasure(*receipt, home.account().meta));
  EXPECT_EQ(read_erasure(*receipt)->erased, post.text());
  EXPECT_EQ(read_erasure(*receipt)->channel, channel.text());
  EXPECT_EQ(erasures.owed(), 0U);
  clock.passed += 60'000;
  erasures.tick();
  EXPECT_THAT(sent(0), IsEmpty()) << "once";
}

TEST_F(ErasuresTest, N1_AReceiptStaysOwedUntilTheStationHasIt) {
  {
    Erasures erasures(messenger->hubs(), home, clock);
    ASSERT_TRUE(erasures.destroyed(channel, post));
    erasures.tick();
    EXPECT_THAT(sent(503), SizeIs(1));
    erasures.tick();
    EXPECT_THAT(sent(0), IsEmpty()) << "not at once";
    clock.passed += 10'000;
    erasures.tick();
    EXPECT_THAT(sent(0), SizeIs(1)) << "and the program ends before the answer";
  }
  Erasures again(messenger->hubs(), home, clock);
  again.begin();
  EXPECT_EQ(again.owed(), 1U);
  again.tick();
  EXPECT_THAT(sent(404), SizeIs(1)) << "not in that hub any more";
  Erasures third(messenger->hubs(), home, clock);
  third.begin();
  EXPECT_EQ(third.owed(), 0U);
}

TEST_F(ErasuresTest, N1_ManyReceiptsGoOutAFewAtATime) {
  Erasures erasures(messenger->hubs(), home, clock);
  owe(erasures, 20);
  std::set<std::string> about;
  for (int round = 0; round < 3; ++round) {
    erasures.tick();
    const auto packets = sent(201);
    EXPECT_LE(packets.size(), 8U);
    for (const Packet& packet : packets) about.emplace(packet.get("target"));
  }
  EXPECT_THAT(about, SizeIs(20));
}

TEST_F(ErasuresTest, N1_EraseCopiesForgetsWhatWaitsToBeSent) {
  const OutboxRow row{.guid = post.text(), .kind = std::string(kPostRow), .to = peer().id};
  ASSERT_TRUE(Outbox(home.vault()).put(row));
  ASSERT_TRUE(erase_copies(home, post));
  EXPECT_FALSE(*Outbox(home.vault()).find(post.text()));
}

TEST_F(ErasuresTest, N1_OfAChannelOrHubAllThatWaitsForItGoes) {
  const std::string hub = peer().id.bare().text();
  const auto waits = [&](const Guid& guid, const Guid& where) {
    OutboxRow row{.guid = guid.text(), .kind = std::string(kPostRow), .to = peer().id};
    row.content.set("channel", where.text());
    ASSERT_TRUE(Outbox(home.vault()).put(row));
    JsonObject refused;
    refused.set("guid", guid.text());
    refused.set("hub", hub);
    refused.set("channel", where.text());
    ASSERT_TRUE(home.vault().put(kRefusedPosts, guid.text(), write_json(refused)));
  };
  const Guid other = Guid::make(kFakeNow, fake_random()),
             second = Guid::make(kFakeNow, fake_random());
  waits(post, channel);
  waits(second, other);
  Erasures erasures(messenger->hubs(), home, clock);
  ASSERT_TRUE(erasures.object_destroyed(channel.text()));
  EXPECT_FALSE(*Outbox(home.vault()).find(post.text()));
  EXPECT_FALSE(*home.vault().contains(kRefusedPosts, post.text()));
  EXPECT_TRUE(*Outbox(home.vault()).find(second.text()));
  ASSERT_TRUE(erasures.object_destroyed(hub));
  EXPECT_FALSE(*Outbox(home.vault()).find(second.text()));
  EXPECT_FALSE(*home.vault().contains(kRefusedPosts, second.text()));
  erasures.tick();
  EXPECT_THAT(sent(201), SizeIs(2));
}

TEST_F(ErasuresTest, N1_AboutWhatHasVanishedTheStationIsAsked) {
  Erasures erasures(messenger->hubs(), home, clock);
  const auto answered = [&](int code, const char* state) {
    EXPECT_TRUE(erasures.vanished(channel.text()));
    erasures.tick();
    for (const Packet& packet : std::exchange(station.requests[Lane::text], {})) {
      if (packet.get("type") != "channel") continue;
      EXPECT_EQ(packet.operation, Operation::get);
      Packet answer_to = Packet::response(code, packet.get("id"));
      if (*state != 0) answer_to.set("state", state);
      answer(Lane::text, answer_to);
    }
  };
  answered(404, "");
  EXPECT_EQ(erasures.owed(), 0U) << "one may not read it any more";
  answered(410, "");
  EXPECT_EQ(erasures.owed(), 0U) << "deleted";
  answered(410, "destroyed");
  EXPECT_EQ(erasures.owed(), 1U);
  erasures.tick();
  const auto receipts = sent(201);
  ASSERT_THAT(receipts, SizeIs(1));
  EXPECT_EQ(receipts[0].get("target"), channel.text());
  EXPECT_EQ(erasures.owed(), 0U);
}

TEST_F(ErasuresTest, N1_OfADestroyedHubNoNameAndNoDraftIsKept) {
  HubView hub{
      .id = kHub, .name = "gardeners", .topic = {}, .owner = home.account().id.bare().text()};
  hub.channels[channel].name = "general";
  ASSERT_TRUE(keep_hubs(home, {hub}));
  Drafts drafts(home.vault());
  ASSERT_TRUE(drafts.put({channel.text(), "begun", 1}));
  ASSERT_TRUE(drafts.put({"bobby", "stays", 1}));
  Erasures erasures(messenger->hubs(), home, clock);
  ASSERT_TRUE(erasures.object_destroyed(hub.id));
  EXPECT_THAT(*kept_hubs(home), SizeIs(0));
  EXPECT_FALSE(*drafts.find(channel.text()));
  EXPECT_TRUE(*drafts.find("bobby"));
}

TEST_F(ErasuresTest, N1_AboutWhatALaterListHasNoMoreTheNextSessionAsks) {
  HubView hub{
      .id = kHub, .name = "gardeners", .topic = {}, .owner = home.account().id.bare().text()};
  hub.channels[channel].name = "general";
  ASSERT_TRUE(keep_new_hubs(home, {hub}));
  hub.channels.clear();
  Erasures erasures(messenger->hubs(), home, clock);
  erasures.begin();
  EXPECT_EQ(erasures.owed(), 0U);
  ASSERT_TRUE(keep_new_hubs(home, {hub}));
  erasures.begin();
  EXPECT_EQ(erasures.owed(), 1U) << "the channel";
  ASSERT_TRUE(keep_new_hubs(home, {}));
  erasures.begin();
  EXPECT_EQ(erasures.owed(), 2U) << "and the hub";
}

}  // namespace
}  // namespace dim
