// What goes through the crew: order, verdicts, bounds, and the end of the station meanwhile.
#include <gmock/gmock.h>

#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;
using testing::Each;
using testing::SizeIs;

/// Works when it is told to, in any order.
class TestCrew final : public Crew {
 public:
  void submit(Work work, Work done) override {
    jobs.emplace_back(std::move(work), std::move(done));
    if (!held) run();
  }
  void run() {
    while (!jobs.empty()) run_one(0);
  }
  void run_one(std::size_t index) {
    auto [work, done] = std::move(jobs[index]);
    jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(index));
    work();
    done();
  }
  std::vector<std::pair<Work, Work>> jobs;
  bool held = false;
};

class GatewayRunTest : public GatewayTest {
 protected:
  void SetUp() override {
    crew = &helpers;
    GatewayTest::SetUp();
    std::tie(alice, bob) = come_together("alice", "bob");
    take(*bob);
    helpers.held = true;
  }
  std::string frames(int count, int first = 0) {
    std::string out;
    for (int i = first; i < first + count; ++i)
      out += frame(pack(*alice, id_of("bob"), text_of(std::to_string(i))));
    return out;
  }
  std::string frame(const std::string& text) { return alice->frames.encode_message(text).bytes; }
  static Strings numbers(int count) {
    Strings out;
    for (int i = 0; i < count; ++i) out.push_back(std::to_string(i));
    return out;
  }
  void let_work() {
    helpers.held = false;
    helpers.run();
    station->end_of_turn();
    take(*bob);
    take(*alice);
  }

  TestCrew helpers;
  std::unique_ptr<Client> alice, bob;
};

TEST_F(GatewayRunTest, MessagesKeepTheirOrderWhicheverIsCheckedFirst) {
  bytes(*alice, frames(20));
  ASSERT_THAT(helpers.jobs, SizeIs(3));
  helpers.run_one(2);
  station->end_of_turn();
  take(*bob);
  EXPECT_TRUE(texts(*bob).empty());
  helpers.run_one(0);
  station->end_of_turn();
  take(*bob);
  EXPECT_EQ(texts(*bob), numbers(8));
  helpers.run_one(0);
  station->end_of_turn();
  take(*bob);
  Strings rest = numbers(20);
  rest.erase(rest.begin(), rest.begin() + 8);
  EXPECT_EQ(texts(*bob), rest);
}

TEST_F(GatewayRunTest, A19_AForgeryAmongOthersIsRefusedAlone) {
  auto forged = SignedMessage::parse(pack(*alice, id_of("bob"), text_of("forged")));
  forged->signature = user("bob").identity_key.sign(forged->sealed.data);
  forged->json.set("signature", to_base64(forged->signature));
  bytes(*alice, frames(2) + frame(write_json(forged->json)) + frames(2, 2));
  let_work();
  EXPECT_EQ(texts(*bob), numbers(4));
  EXPECT_THAT(texts(*alice), SizeIs(4));
  EXPECT_EQ(station->counters().messages_refused, 1U);
}

TEST_F(GatewayRunTest, A21_WhatWasCheckedForOneUserIsNotTakenFromTheNext) {
  visit("carol");
  auto carol = std::make_unique<Client>();
  carol->account = &legacy("carol");
  // In one piece: carol takes the connection over, then alice's message, which her keys verify.
  const std::string takeover = pack(*carol, "station@anywhere", hello(alice->session),
                                    {.meta = true, .visa = true, .group = "stations@everywhere"});
  bytes(*alice, frame(takeover) + frames(1));
  let_work();
  EXPECT_TRUE(texts(*bob).empty());
  EXPECT_EQ(station->counters().messages_refused, 1U);
}

TEST_F(GatewayRunTest, R1_NothingIsAcknowledgedBeforeItIsCheckedAndStored) {
  const std::size_t acks = alice->station_acks;
  bytes(*alice, frames(3));
  take(*alice);
  EXPECT_EQ(alice->station_acks, acks);
  committer.held = true;
  let_work();
  EXPECT_EQ(alice->station_acks, acks);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(alice->station_acks, acks + 3);
}

TEST_F(GatewayRunTest, R1_StoppingAndLeavingWithWorkAtTheCrewLosesNothingAcknowledged) {
  bytes(*alice, frames(5));
  const std::size_t acks = alice->station_acks;
  station->stop();
  station->end_of_turn();
  EXPECT_TRUE(alice->link.closed);
  let_work();
  EXPECT_EQ(alice->station_acks, acks);
  EXPECT_TRUE(store.inbox(id_of("bob"), 0, 10, 1'000'000)->empty());
}

TEST_F(GatewayRunTest, AClientThatLeavesLeavesItsWorkBehind) {
  bytes(*alice, frames(5));
  station->closed(alice->id);
  station->end_of_turn();
  helpers.held = false;
  helpers.run();
  station->end_of_turn();
  take(*bob);
  EXPECT_TRUE(texts(*bob).empty());
}

TEST_F(GatewayRunTest, A33_WhoSendsFasterThanTheCrewChecksIsNotRead) {
  bytes(*alice, frames(400));
  EXPECT_TRUE(alice->link.paused);
  EXPECT_LE(helpers.jobs.size(), 16U);
  Strings got;
  helpers.held = false;
  for (int i = 0; i < 100 && got.size() < 400; ++i) {
    helpers.run();
    station->end_of_turn();
    take(*bob);
    take(*alice);
    for (std::string& text : texts(*bob)) got.push_back(std::move(text));
  }
  EXPECT_EQ(got, numbers(400));
  EXPECT_FALSE(alice->link.paused);
}

// Nothing but the clock wakes whom a quota holds, when the crew has come back with everything that
// one client may have there. A client that is not read sends nothing that would.
TEST_F(GatewayRunTest, R9_R10_WhoIsHeldByAQuotaGoesOnThoughAllRunsAreBackAndWait) {
  config.quotas.messages = {20, 60};
  station->reload(config.quotas, {});
  bytes(*alice, frames(200));
  while (!helpers.jobs.empty()) {  // one comes back, and there is room for the next
    helpers.run_one(0);
    station->end_of_turn();
  }
  helpers.held = false;
  take(*bob);
  Strings got = texts(*bob);
  EXPECT_EQ(got, numbers(60));
  EXPECT_TRUE(alice->link.paused);
  for (int i = 0; i < 100 && got.size() < 200; ++i) {
    pass(100);
    take(*bob);
    for (std::string& text : texts(*bob)) got.push_back(std::move(text));
  }
  EXPECT_EQ(got, numbers(200));
  pass(1'000);
  EXPECT_FALSE(alice->link.paused);
}

TEST_F(GatewayRunTest, EachMessageHasItsReceiptThoughTheCrewSealsThem) {
  bytes(*alice, frames(20));
  for (std::size_t jobs = 3; jobs > 0; --jobs) helpers.run_one(0);
  station->end_of_turn();
  EXPECT_THAT(helpers.jobs, SizeIs(3));
  take(*alice);
  EXPECT_TRUE(news(*alice).empty());
  let_work();
  const Strings said = texts(*alice);
  EXPECT_THAT(said, SizeIs(20));
  EXPECT_THAT(said, Each(std::string("Message delivered.")));
}

}  // namespace
}  // namespace dim::station_test
