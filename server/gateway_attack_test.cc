// What hostile clients try on the gateway: much in one frame, answers that are never acknowledged,
// two users at once.
#include "dim/packet/mtp.h"
#include "server/gateway_check.h"
#include "server/gateway_copy.h"
#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

class GatewayAttackTest : public GatewayTest {
 protected:
  /// Several texts in one frame, as the reference joins them.
  void give_frame(Client& client, const std::vector<std::string>& texts) {
    std::string body;
    for (const std::string& text : texts) body += text + "\n";
    bytes(client, client.frames.encode_message(body).bytes);
  }
  void make_known(const std::string& name) {
    auto once = come(name);
    station->closed(once->id);
    station->end_of_turn();
  }
  std::string greeting(Client& client, const std::string& session = {}) {
    return pack(client, "station@anywhere", hello(session), {.meta = true, .visa = true});
  }
  /// An array of so many questions, each of which the station answers.
  JsonObject questions(int count) {
    JsonArray list;
    for (int i = 0; i < count; ++i) {
      JsonObject names = command("ans");
      names.set("names", "station");
      list.emplace_back(std::move(names));
    }
    JsonObject whole;
    whole.set("type", 202);
    whole.set("sn", 99);
    whole.set("time", static_cast<double>(clock.now()) / 1000);
    whole.set("contents", std::move(list));
    return whole;
  }
  /// The session key of a connection that has not logged in.
  std::string key_of(Client& client) {
    give(client, greeting(client));
    auto all = news(client);
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? std::string() : text_in(all[0], "session");
  }
};

TEST_F(GatewayAttackTest, A21_TwoLogInsInOneFrameLeaveNothingOfTheFirstBehind) {
  auto mallory = dial(legacy("mallory"));
  auto other = dial(legacy("bob"));  // packs for bob
  const std::string key = key_of(*mallory);
  committer.held = true;
  give_frame(*mallory, {greeting(*mallory, key), greeting(*other, key)});
  for (int i = 0; i < 3; ++i) {
    committer.run();
    station->end_of_turn();
  }
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(station->sessions(), 1U);
  station->closed(mallory->id);
  station->end_of_turn();
  EXPECT_EQ(station->sessions(), 0U);
  auto alice = come("alice");
  for (const char* name : {"mallory", "bob"}) {
    introduce(*alice, legacy(name));
    news(*alice);
    give(*alice, pack(*alice, id_of(name), text_of("anybody there?")));
    EXPECT_EQ(texts(*alice), std::vector<std::string>{"Message cached."}) << name;
  }
}

TEST_F(GatewayAttackTest, R10_ManyCommandsInOneFrameAreCountedOneByOne) {
  config.quotas.history = {1, 3};
  start();
  auto mallory = dial(legacy("mallory"));
  std::vector<std::string> all;
  for (int i = 0; i < 20; ++i) all.push_back(greeting(*mallory));
  give_frame(*mallory, all);
  EXPECT_TRUE(mallory->link.paused);
  take(*mallory);
  EXPECT_LE(news(*mallory).size(), 4U);
  pass(18'000);
  take(*mallory);
  EXPECT_EQ(station->counters().packets, 20U);  // nothing is lost either
}

TEST_F(GatewayAttackTest, R10_ManyMessagesInOneFrameAreCountedOneByOne) {
  make_known("bob");
  config.quotas.messages = {1, 3};
  station->reload(config.quotas, {});
  auto mallory = come("mallory");
  introduce(*mallory, legacy("bob"));
  std::vector<std::string> all;
  for (int i = 0; i < 20; ++i) all.push_back(pack(*mallory, id_of("bob"), text_of("spam")));
  const std::size_t acks = mallory->station_acks;
  give_frame(*mallory, all);
  EXPECT_LE(station->counters().messages_stored, 4U);
  pass(18'000);
  EXPECT_EQ(station->counters().messages_stored, 20U);
  take(*mallory);
  EXPECT_EQ(mallory->station_acks, acks + 1);  // for the frame, when all of it is durable
}

TEST_F(GatewayAttackTest, A32_ContentsOfNestedArraysAreCountedTogether) {
  auto mallory = come("mallory");
  JsonArray inner;
  for (int i = 0; i < 10; ++i) {
    JsonObject names = command("ans");
    names.set("names", "station");
    inner.emplace_back(std::move(names));
  }
  JsonArray outer;
  for (int i = 0; i < 20; ++i) {
    JsonObject list;
    list.set("type", 202);
    list.set("sn", i + 1);
    list.set("contents", inner);
    outer.emplace_back(std::move(list));
  }
  JsonObject whole;
  whole.set("type", 202);
  whole.set("sn", 99);
  whole.set("time", static_cast<double>(clock.now()) / 1000);
  whole.set("contents", std::move(outer));
  const std::size_t answers = ask(*mallory, whole).size();
  EXPECT_GT(answers, 0U);
  EXPECT_LE(answers, limits::kForwardMessages);
}

TEST_F(GatewayAttackTest, A32_ContentsOfAnArrayCountAgainstTheQuota) {
  config.quotas.history = {10, 10};
  start();
  auto mallory = come("mallory");
  pass(2'000);
  ask(*mallory, questions(40));
  EXPECT_TRUE(mallory->link.paused);
  pass(2'000);
  EXPECT_TRUE(mallory->link.paused) << "40 at 10 a second take 3 seconds";
  pass(3'000);
  EXPECT_FALSE(mallory->link.paused);
}

TEST_F(GatewayAttackTest, R10_WhatIsHeldBackIsDoneAlthoughSomethingIsSentInBetween) {
  config.quotas.history = {10, 10};
  start();
  auto [alice, mallory] = come_together("alice", "mallory");
  mallory->acks = false;
  ask(*mallory, questions(20));
  ASSERT_TRUE(mallory->link.paused);
  give(*mallory, pack(*mallory, legacy("alice").id.bare().text(), text_of("later")));
  clock.at += 5'000;  // the time is over, and before anybody looks something is sent
  give(*alice, pack(*alice, legacy("mallory").id.bare().text(), text_of("to mallory")));
  pass(1'000);
  take(*alice);
  const auto all = texts(*alice);
  EXPECT_NE(std::ranges::find(all, "later"), all.end());
}

TEST_F(GatewayAttackTest, AnswersThatAreAcknowledgedTakeNoRoomBehindAMessageThatIsNot) {
  auto alice = come("alice");
  auto mallory = come("mallory");
  introduce(*alice, legacy("mallory"));
  introduce(*mallory, legacy("alice"));
  pass(1'500);
  mallory->acks = false;
  give(*alice, pack(*alice, id_of("mallory"), text_of("never acknowledged")));
  take(*mallory);
  mallory->acks = true;
  std::vector<std::string> all;
  for (int i = 0; i < 1'100; ++i) {
    JsonObject names = command("ans");
    names.set("names", "station");
    all.push_back(pack(*mallory, station_id(), std::move(names)));
    if (all.size() == 50) {
      give_frame(*mallory, std::exchange(all, {}));
      take(*mallory);
    }
  }
  news(*mallory);
  give(*alice, pack(*alice, id_of("mallory"), text_of("there is room for this")));
  take(*mallory);
  EXPECT_EQ(texts(*mallory), std::vector<std::string>{"there is room for this"});
}

TEST_F(GatewayAttackTest, WhatCouldNotBeStoredStopsNothingForEver) {
  make_known("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  const std::size_t acks = alice->station_acks;
  committer.error = Error{Errc::insufficient_storage, "the disk is full"};
  for (int i = 0; i < 300; ++i) {
    bytes(*alice, alice->frames.encode_message(pack(*alice, id_of("bob"), text_of("full"))).bytes);
  }
  take(*alice);
  EXPECT_EQ(alice->station_acks, acks) << "not durable, so not acknowledged";
  EXPECT_FALSE(alice->link.paused);
  committer.error.reset();
  give(*alice, pack(*alice, id_of("bob"), text_of("room again")));
  EXPECT_EQ(station->counters().messages_stored, 1U);
  EXPECT_EQ(alice->station_acks, acks + 1);
}

TEST_F(GatewayAttackTest, R1_ACommandThatCouldNotBeStoredIsDoneWhenItComesAgain) {
  make_known("bob");
  make_known("carol");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  JsonObject block = command("block");
  block.set("list", JsonArray{Json(id_of("carol"))});
  JsonObject where;
  where.set("did", station_id());
  JsonObject login = command("login");
  login.set("did", id_of("alice"));
  login.set("station", std::move(where));
  JsonObject visa = command("documents");
  visa.set("did", id_of("alice"));
  const PrivateKey& key = legacy("alice").identity_key;
  visa.set("documents", JsonArray{Json(Document::make(user("alice").id.with_terminal("pad"), "visa",
                                                      {}, clock.now(), key)
                                           .json())});
  auto inner = parse_json_object(pack(*alice, id_of("bob"), text_of("in a forward")));
  JsonObject forward;
  forward.set("type", 255);
  forward.set("sn", 7);
  forward.set("time", static_cast<double>(clock.now()) / 1000);
  forward.set("secrets", JsonArray{Json(std::move(*inner))});
  // The same bytes come again, as a client sends what was not acknowledged.
  std::vector<std::string> frames;
  for (const JsonObject& content : {block, login, visa, forward})
    frames.push_back(alice->frames.encode_message(pack(*alice, station_id(), content)).bytes);
  const auto send_all = [&] {
    const std::size_t acks = alice->station_acks;
    for (const std::string& frame : frames) bytes(*alice, frame);
    take(*alice);
    return alice->station_acks - acks;
  };
  committer.error = Error{Errc::insufficient_storage, "the disk is full"};
  EXPECT_EQ(send_all(), 0U);
  committer.error.reset();
  news(*alice);
  EXPECT_EQ(send_all(), frames.size());
  EXPECT_EQ(texts(*alice), (std::vector<std::string>{"Block list received.", "Login received.",
                                                     "Document received.", "Message cached."}));
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U);
  EXPECT_EQ(store.documents(id_of("alice"))->size(), 4U);
  // And once only.
  EXPECT_EQ(send_all(), frames.size());
  EXPECT_EQ(texts(*alice), std::vector<std::string>{"Message cached."});
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(GatewayAttackTest, R1_AClientThatHasLeftMeanwhileMayRepeatItsCommandToo) {
  auto alice = come("alice");
  JsonObject block = command("block");
  block.set("list", JsonArray{Json(id_of("carol"))});
  const std::string text = pack(*alice, station_id(), block);
  committer.held = true;
  give(*alice, text);
  station->closed(alice->id);
  committer.error = Error{Errc::insufficient_storage, "the disk is full"};
  committer.run();
  committer.error.reset();
  committer.held = false;
  auto again = come("alice");
  give(*again, text);
  EXPECT_EQ(texts(*again), std::vector<std::string>{"Block list received."});
}

TEST_F(GatewayAttackTest, ASecondUserHasTheTimeOfALogInToo) {
  auto alice = come("alice");
  for (int i = 0; i < 2; ++i) {
    pass(60'000, 1'000);
    bytes(*alice, alice->frames.ping());
    take(*alice);
  }
  auto bob = dial(legacy("bob"));  // packs for bob
  bytes(*alice, alice->frames.encode_message(greeting(*bob)).bytes);
  EXPECT_EQ(station->sessions(), 0U);
  pass(5'000, 1'000);
  EXPECT_FALSE(alice->link.closed);
  pass(60'000, 1'000);
  EXPECT_TRUE(alice->link.closed);
}

TEST_F(GatewayAttackTest, A33_StrangersTogetherHold64MiB) {
  // Nearly all of a frame of 1 MiB, and nothing more.
  std::string part = write_mtp({.type = MtpType::message, .sn = 1}, std::string(1'048'576, '{'));
  part.resize(part.size() - 1);
  auto alice = come("alice");
  std::vector<std::unique_ptr<Client>> strangers;
  for (int i = 0; i < 70; ++i) {
    strangers.push_back(dial(legacy("mallory")));
    bytes(*strangers.back(), part);
  }
  const auto cut =
      std::ranges::count_if(strangers, [](const auto& stranger) { return stranger->link.closed; });
  EXPECT_GE(cut, 6);
  EXPECT_LE(cut, 8);
  bytes(*alice, part);
  EXPECT_FALSE(alice->link.closed);
  for (auto& stranger : strangers) station->closed(stranger->id);
  station->end_of_turn();
  // What they held is free again, and a log-in always has room.
  auto late = dial(legacy("bob"));
  bytes(*late, part);
  EXPECT_FALSE(late->link.closed);
  const auto carol = come("carol");
  EXPECT_EQ(station->sessions(), 2U);
}

TEST_F(GatewayAttackTest, A33_EachTextOfAStrangersFrameCountsForWhatItCosts) {
  config.quotas.subnet_failures = {1.0 / 60, 2};  // then the rest of the frame waits
  start();
  std::string body;
  for (std::size_t i = 0; i < limits::kFrameTexts; ++i) body += "{\n";
  const std::string frame = write_mtp({.type = MtpType::message, .sn = 1}, body);
  std::vector<std::unique_ptr<Client>> strangers;
  for (int i = 0; i < 600; ++i) {
    strangers.push_back(dial(legacy("mallory")));
    bytes(*strangers.back(), frame);
  }
  const auto open = static_cast<std::size_t>(std::ranges::count_if(
      strangers, [](const auto& stranger) { return !stranger->link.closed; }));
  EXPECT_LE(open * (limits::kFrameTexts - 20) * sizeof(GatewayText), 64 * limits::kMiB);
  EXPECT_GE(open, 64U) << "a few strangers do not use it up";
}

TEST_F(GatewayAttackTest, A14_NobodyTakesTheGuidOfAReferenceClientsMessage) {
  make_known("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  const std::string text = pack(*alice, id_of("bob"), text_of("for bob"));
  // A member of the same group knows these bytes, and so the name of bob's copy of them.
  LoggedIn mallory = online("mallory");
  Packet squat = create(*mallory.account, id_of("mallory"), "mine now");
  squat.set("guid", guid_of(*SignedMessage::parse(text)).text());
  EXPECT_EQ(answer(*mallory.text, squat).code, 401);
  give(*alice, text);
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(GatewayAttackTest, StrangersAreNotToldWhereSomebodyLoggedIn) {
  auto alice = come("alice");
  JsonObject login = command("login");
  login.set("did", id_of("alice"));
  login.set("agent", "DIMP/0.4 (test)");
  JsonObject where;
  where.set("did", station_id());
  login.set("station", std::move(where));
  ask(*alice, login);
  JsonObject query = command("documents");
  query.set("did", id_of("alice"));
  auto stranger = dial(legacy("mallory"));
  key_of(*stranger);
  introduce(*stranger, station_account());
  EXPECT_EQ(ask(*stranger, query).size(), 1U);
  auto bob = come("bob");
  EXPECT_EQ(ask(*bob, query).size(), 2U);
}

}  // namespace
}  // namespace dim::station_test
