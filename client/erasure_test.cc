#include "client/erasure.h"

#include <set>

#include "client/messenger_fixture.h"
#include "client/outbox.h"
#include "dim/engine/erasure.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

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
  EXPECT_EQ(read_erasure(*receipt)->message, post);
  EXPECT_EQ(read_erasure(*receipt)->channel, channel);
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

}  // namespace
}  // namespace dim
