// Messages between reference clients, and between them and our own.
#include "server/gateway_fixture.h"

namespace dim::station_test {
namespace {

using Strings = std::vector<std::string>;

TEST_F(GatewayTest, ATextGoesFromOneToTheOtherWithItsReceipt) {
  auto [alice, bob] = come_together("alice", "bob");
  give(*alice, pack(*alice, id_of("bob"), text_of("hello bob")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"hello bob"});
  auto receipts = news(*alice);
  ASSERT_EQ(receipts.size(), 1U);
  EXPECT_EQ(text_in(receipts[0], "text"), "Message delivered.");
  const Json* origin = receipts[0].message.content.find("origin");
  ASSERT_NE(origin, nullptr);
  EXPECT_EQ(*origin->object()->text("receiver"), id_of("bob"));
  EXPECT_TRUE(origin->object()->contains("signature"));
  EXPECT_FALSE(origin->object()->contains("data"));
}

TEST_F(GatewayTest, J06_HoweverMuchUnknownAnEnvelopeHoldsItsSenderIsToldOfIt) {
  auto [alice, bob] = come_together("alice", "bob");
  const auto with = [&](const std::string& receiver, JsonObject content, JsonObject more) {
    JsonObject message = *parse_json_object(pack(*alice, receiver, std::move(content)));
    for (const auto& [name, value] : more) message.set(name, value);
    give(*alice, write_json(message, JsonStyle::reference));
    take(*bob);
    EXPECT_EQ(alice->refused, Strings{});
  };
  JsonObject many, one, known;
  for (int i = 0; i < 6'000; ++i) many.set("unknown " + std::to_string(i), std::string(90, 'x'));
  one.set("unknown", std::string(600'000, 'x'));
  known.set("SDT", std::string(600'000, 'x'));
  for (const JsonObject& more : {many, one, known}) {
    with(id_of("bob"), text_of("hello bob"), more);
    EXPECT_EQ(texts(*bob), Strings{"hello bob"});
    const auto receipts = news(*alice);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(text_in(receipts[0], "text"), "Message delivered.");
    const JsonObject& origin = *receipts[0].message.content.find("origin")->object();
    EXPECT_EQ(*origin.text("sender"), id_of("alice"));
    EXPECT_TRUE(origin.contains("signature"));
    with(station_id(), command("no such command"), more);
    EXPECT_EQ(texts(*alice), Strings{"Command not support."});
  }
}

TEST_F(GatewayTest, OfflineMessagesComeInOrderAfterTheLogIn) {
  visit("bob");  // known from now on, and away
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  for (int i = 0; i < 30; ++i)
    give(*alice, pack(*alice, id_of("bob"), text_of("text " + std::to_string(i))));
  auto bob = dial(legacy("bob"));
  introduce(*bob, legacy("alice"));
  handshake(*bob);
  take(*bob);
  EXPECT_TRUE(texts(*bob).empty()) << "a client is not ready right after DIM!";
  pass(1'200);
  take(*bob);
  Strings expected;
  for (int i = 0; i < 30; ++i) expected.push_back("text " + std::to_string(i));
  EXPECT_EQ(texts(*bob), expected);
}

TEST_F(GatewayTest, CachedMessagesComeWithTheFirstMessageAfterTheLogIn) {
  visit("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  give(*alice, pack(*alice, id_of("bob"), text_of("waiting")));
  auto bob = dial(legacy("bob"));
  introduce(*bob, legacy("alice"));
  handshake(*bob);
  JsonObject visa = command("documents");
  visa.set("did", id_of("bob"));
  visa.set("document", legacy("bob").visa.json());
  give(*bob, pack(*bob, "everyone@everywhere", visa));
  const Strings all = texts(*bob);
  EXPECT_NE(std::find(all.begin(), all.end(), "waiting"), all.end());
}

TEST_F(GatewayTest, A15_AMessageLeavesTheInboxWithTheAckFrameOnly) {
  auto [alice, bob] = come_together("alice", "bob");
  bob->acks = false;
  give(*alice, pack(*alice, id_of("bob"), text_of("one")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"one"});
  station->closed(bob->id);
  pass(6'000);
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U);
  auto again = come("bob");
  introduce(*again, legacy("alice"));
  pass(1'500);
  take(*again);
  EXPECT_EQ(texts(*again), Strings{"one"});
  pass(6'000);
  EXPECT_TRUE(store.inbox(id_of("bob"), 0, 10, 1'000'000)->empty());
}

TEST_F(GatewayTest, A15_WhatWasAcknowledgedDoesNotComeAgainToWhoReconnectsAtOnce) {
  auto [alice, bob] = come_together("alice", "bob");
  give(*alice, pack(*alice, id_of("bob"), text_of("one")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"one"});
  station->closed(bob->id);
  give(*alice, pack(*alice, id_of("bob"), text_of("two")));
  auto again = come("bob");
  introduce(*again, legacy("alice"));
  pass(1'500);
  take(*again);
  EXPECT_EQ(texts(*again), Strings{"two"});
  pass(6'000);
  EXPECT_TRUE(store.inbox(id_of("bob"), 0, 10, 1'000'000)->empty());
}

TEST_F(GatewayTest, R14_WhatAClientHasAcknowledgedDoesNotFillItsInbox) {
  MemoryStore small({.messages = 2, .bytes = 1'000'000});
  TestCommitter small_committer(small);
  station =
      std::make_unique<Station>(config, station_account(), small, small_committer, clock, random);
  auto [alice, bob] = come_together("alice", "bob");
  for (int i = 0; i < 10; ++i) {  // in less than the time after which acknowledgements are stored
    give(*alice, pack(*alice, id_of("bob"), text_of(std::to_string(i))));
    take(*bob);
    EXPECT_EQ(texts(*bob), Strings{std::to_string(i)});
    auto receipts = news(*alice);
    ASSERT_EQ(receipts.size(), 1U);
    EXPECT_EQ(text_in(receipts[0], "text"), "Message delivered.");
  }
  station.reset();
}

TEST_F(GatewayTest, TheTransportAckWaitsForTheDisk) {
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  visit("bob");
  const std::size_t acks = alice->station_acks;
  committer.held = true;
  give(*alice, pack(*alice, id_of("bob"), text_of("one")));
  EXPECT_EQ(alice->station_acks, acks);
  EXPECT_TRUE(news(*alice).empty());
  committer.run();
  station->end_of_turn();
  take(*alice);
  EXPECT_EQ(alice->station_acks, acks + 1);
  EXPECT_EQ(news(*alice).size(), 1U);
}

TEST_F(GatewayTest, NothingIsAcknowledgedThatTheDiskRefuses) {
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  visit("bob");
  const std::size_t acks = alice->station_acks;
  committer.error = Error{Errc::insufficient_storage, "the disk is full"};
  const std::string text = pack(*alice, id_of("bob"), text_of("one"));
  give(*alice, text);
  EXPECT_EQ(alice->station_acks, acks);
  committer.error.reset();
  give(*alice, text);  // the client sends it again
  EXPECT_EQ(alice->station_acks, acks + 1);
}

TEST_F(GatewayTest, AnUnansweredMessageIsSentThreeTimesWithTheSameNumber) {
  auto [alice, bob] = come_together("alice", "bob");
  bob->acks = false;
  give(*alice, pack(*alice, id_of("bob"), text_of("one")));
  const std::string first = std::exchange(bob->link.sent, {});
  ASSERT_FALSE(first.empty());
  for (int i = 0; i < 2; ++i) {
    for (int s = 0; s < 122; ++s) {
      pass(1'000, 1'000);
      if (s % 60 == 0) bytes(*bob, bob->frames.ping());
    }
    EXPECT_NE(bob->link.sent.find(first), std::string::npos) << i;
    bob->link.sent.clear();
  }
  for (int s = 0; s < 300; ++s) {
    pass(1'000, 1'000);
    if (s % 60 == 0) bytes(*bob, bob->frames.ping());
  }
  EXPECT_EQ(bob->link.sent.find(first), std::string::npos);
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 1'000'000)->size(), 1U);
}

TEST_F(GatewayTest, FromAReferenceClientToOurs) {
  LoggedIn bob = online("bob");
  auto alice = come("alice");
  introduce(*alice, user("bob"));
  give(*alice, pack(*alice, id_of("bob"), text_of("over the border")));
  auto pushed = bob.text->take();
  ASSERT_EQ(pushed.size(), 1U);
  EXPECT_EQ(pushed[0].get("type"), "message");
  EXPECT_EQ(pushed[0].get("author"), id_of("alice"));
  auto message = SignedMessage::parse(*pushed[0].content);
  ASSERT_TRUE(message);
  Directory directory;
  (void)directory.learn_meta(user("alice").id, user("alice").meta);
  auto opened = open(*message, user("bob"), directory, {}, clock.now());
  ASSERT_TRUE(opened) << to_string(opened.error());
  EXPECT_EQ(*opened->message.content.text("text"), "over the border");
  EXPECT_EQ(opened->label, Label::addressee_unproven);
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."});
}

TEST_F(GatewayTest, FromOursToAReferenceClient) {
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  pass(1'500);
  LoggedIn alice = online("alice");
  Directory directory;
  (void)directory.learn_meta(user("bob").id, user("bob").meta);
  (void)directory.learn_document(user("bob").id, legacy("bob").visa.json(), clock.now());
  auto sealed = seal({.envelope = {.sender = user("alice").id, .receiver = user("bob").id},
                      .content = text_of("and back")},
                     user("alice"), directory, {}, random);
  ASSERT_TRUE(sealed);
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "5").set("type", "message").set("target", id_of("bob"));
  packet.set("guid", Guid::make(clock.now(), random).text());
  packet.content = write_message(*sealed);
  EXPECT_EQ(answer(*alice.text, packet).code, 201);
  take(*bob);
  auto all = news(*bob);
  ASSERT_EQ(all.size(), 1U) << (bob->refused.empty() ? "" : bob->refused[0]);
  EXPECT_EQ(text_in(all[0], "text"), "and back");
  EXPECT_EQ(all[0].label, Label::secure_old);
  // What the generation of 2025 reads is there: the entry under the receiver's bare ID.
  EXPECT_TRUE(bob->raw.back().json.find("keys")->object()->contains(id_of("bob")));
}

TEST_F(GatewayTest, BothKindsOfSessionsOfAUserGetTheMessage) {
  LoggedIn native = online("bob");
  auto [alice, bob] = come_together("alice", "bob");
  give(*alice, pack(*alice, id_of("bob"), text_of("both")));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"both"});
  EXPECT_EQ(native.text->take().size(), 1U);
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."});
}

TEST_F(GatewayTest, EveryDeviceHasItsCopyItsKeyAndItsPlace) {
  auto phone = come(device_of("bob", "phone"));
  auto tablet = come(device_of("bob", "tablet"));
  station->closed(tablet->id);
  auto alice = come("alice");
  introduce(*alice, device_of("bob", "phone"));
  introduce(*alice, device_of("bob", "tablet"));
  introduce(*phone, legacy("alice"));
  pass(1'500);
  give(*alice, pack(*alice, id_of("bob"), text_of("to both")));
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."}) << "one receipt for one message";
  take(*phone);
  ASSERT_EQ(texts(*phone), Strings{"to both"});
  const JsonObject& copy = phone->raw.back().json;
  EXPECT_EQ(*copy.text("rcpt"), id_of("bob") + "/phone");
  ASSERT_EQ(copy.find("keys")->object()->size(), 1U);
  EXPECT_TRUE(copy.find("keys")->object()->contains(id_of("bob") + "/phone"));
  // The other one is away and loses nothing.
  auto back = come(device_of("bob", "tablet"));
  introduce(*back, legacy("alice"));
  pass(1'500);
  take(*back);
  EXPECT_EQ(texts(*back), Strings{"to both"});
  // No phantom copy for a device that does not exist.
  for (const char* owner : {"//", "/*", "/"}) {
    EXPECT_EQ(*store.newest(id_of("bob") + owner), 0) << owner;
  }
  EXPECT_EQ(*store.newest(id_of("bob")), 0);
}

TEST_F(GatewayTest, AKeyOfTheOldFormIsReadableByDevices) {
  auto phone = come(device_of("bob", "phone"));
  auto alice = come("alice");
  introduce(*alice, device_of("bob", "phone"));
  introduce(*phone, legacy("alice"));
  pass(1'500);
  auto message = SignedMessage::parse(pack(*alice, id_of("bob"), text_of("one key")));
  ASSERT_TRUE(message);
  message->sealed.key = message->sealed.keys[0].second;
  message->sealed.keys.clear();
  message->json.erase("keys");
  message->json.erase("key");
  give(*alice, write_message(*message));
  take(*phone);
  EXPECT_EQ(texts(*phone), Strings{"one key"});
  EXPECT_TRUE(phone->raw.back().json.find("keys")->object()->contains(id_of("bob") + "/phone"));
  EXPECT_TRUE(phone->raw.back().json.contains("key"));
}

TEST_F(GatewayTest, A17_HintsOfAClientAreTakenOff) {
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  visit("carol");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  pass(1'500);
  auto object = parse_json_object(pack(*alice, id_of("bob"), text_of("clean")));
  object->set("rcpt", id_of("carol"));
  object->set("from", "/elsewhere");
  object->set("recipients", JsonArray{Json(id_of("carol"))});
  object->set("neighbor", station_id());
  object->set("traces", JsonArray{Json(station_id())});
  object->set("muted", true);
  object->set("error", "x");
  give(*alice, write_json(*object, JsonStyle::reference));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"clean"}) << "a trace of ours must not stop it (A25)";
  for (const char* hint : {"rcpt", "from", "recipients", "neighbor", "traces", "muted", "error"})
    EXPECT_FALSE(bob->raw.back().json.contains(hint)) << hint;
  EXPECT_EQ(*store.newest(id_of("carol")), 0);
}

TEST_F(GatewayTest, J23_AMessageSentAgainIsDeliveredOnce) {
  auto [alice, bob] = come_together("alice", "bob");
  const std::string text = pack(*alice, id_of("bob"), text_of("once"));
  give(*alice, text);
  give(*alice, text);
  auto object = parse_json_object(text);
  object->set("time", object->find("time")->number() + 1);
  give(*alice, write_json(*object, JsonStyle::reference));
  take(*bob);
  EXPECT_EQ(texts(*bob), Strings{"once"});
  EXPECT_EQ(*store.newest(id_of("bob")), 1);
}

TEST_F(GatewayTest, ReportOfflineHoldsMessagesUntilOnline) {
  auto [alice, bob] = come_together("alice", "bob");
  JsonObject report = command("report");
  report.set("title", "offline");
  EXPECT_TRUE(ask(*bob, report).empty());
  give(*alice, pack(*alice, id_of("bob"), text_of("later")));
  EXPECT_EQ(texts(*alice), Strings{"Message cached."});
  take(*bob);
  EXPECT_TRUE(texts(*bob).empty());
  clock.at += 1'000;
  report = command("report");
  report.set("title", "online");
  give(*bob, pack(*bob, station_id(), report));
  EXPECT_EQ(texts(*bob), (Strings{"Online received.", "later"}));
}

TEST_F(GatewayTest, MessagesToGroupsAreAnswered) {
  auto alice = come("alice");
  SeededRandom seed(99);
  const PrivateKey key = PrivateKey::generate_ec(seed);
  const Meta meta = Meta::make_mkm(key, "group-1");
  const std::string group = meta.id(EntityType::group)->text();
  introduce(*alice, legacy("bob"));
  auto object = parse_json_object(pack(*alice, id_of("bob"), text_of("to all")));
  object->set("receiver", group);
  give(*alice, write_json(*object, JsonStyle::reference));
  const Strings all = texts(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_NE(all[0].find("groups"), std::string::npos);
}

TEST_F(GatewayTest, MessagesToNobodyAreAnsweredAndNotStored) {
  auto alice = come("alice");
  introduce(*alice, legacy("dora"));
  give(*alice, pack(*alice, id_of("dora"), text_of("hello?")));
  const Strings all = texts(*alice);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_NE(all[0].find("Nobody"), std::string::npos);
  EXPECT_EQ(*store.newest(id_of("dora")), 0);
}

TEST_F(GatewayTest, ARegisteredNameReachesItsOwner) {
  const std::array<Write, 1> name{PutName{"helper", id_of("bob"), clock.now()}};
  ASSERT_TRUE(store.commit(name));
  auto bob = come("bob");
  introduce(*bob, legacy("alice"));
  auto alice = come("alice");
  pass(1'500);
  give(*alice, pack(*alice, "helper@anywhere", text_of("help")));
  take(*bob);
  auto all = news(*bob);
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].label, Label::not_encrypted);
  EXPECT_EQ(texts(*alice), Strings{"Message delivered."});
  give(*alice, pack(*alice, "nobody_here@anywhere", text_of("help")));
  EXPECT_EQ(texts(*alice).size(), 1U);
  give(*alice, pack(*alice, "bots@everywhere", text_of("help")));
  EXPECT_EQ(texts(*alice).size(), 1U);
}

TEST_F(GatewayTest, ASlowReaderKeepsItsPlaceInTheQueue) {
  config.send_queue_bytes = 65'536;
  start();
  auto [alice, bob] = come_together("alice", "bob");
  take(*bob);
  bob->link.stuck = true;
  Strings expected;
  for (int i = 0; i < 200; ++i) {
    expected.push_back("text " + std::to_string(i));
    give(*alice, pack(*alice, id_of("bob"), text_of(expected.back())));
  }
  EXPECT_LT(bob->link.waiting.size(), 80'000U);
  Strings got;
  for (int i = 0; i < 20 && got.size() < expected.size(); ++i) {
    bob->link.unstick();
    take(*bob);
    station->drained(bob->id);
    station->end_of_turn();
    take(*bob);
    for (const std::string& one : texts(*bob)) got.push_back(one);
  }
  EXPECT_EQ(got, expected);
}

TEST_F(GatewayTest, AFastSenderIsReadMoreSlowlyAndLosesNothing) {
  config.quotas.messages = {20, 10};
  start();
  visit("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  std::string all;
  for (int i = 0; i < 40; ++i)
    all +=
        alice->frames.encode_message(pack(*alice, id_of("bob"), text_of(std::to_string(i)))).bytes;
  bytes(*alice, all);
  EXPECT_TRUE(alice->link.paused);
  EXPECT_LT(*store.newest(id_of("bob")), 20);
  pass(3'000);
  EXPECT_EQ(*store.newest(id_of("bob")), 40);
  EXPECT_FALSE(alice->link.paused);
}

TEST_F(GatewayTest, ReceiptsHaveTenTimesTheQuotaOfMessages) {
  config.quotas.messages = {20, 10};
  start();
  const auto bob = come("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  std::string all;
  for (int i = 0; i < 90; ++i) {
    JsonObject receipt = command("receipt");
    receipt.set("text", "Message received.");
    all += alice->frames.encode_message(pack(*alice, id_of("bob"), receipt)).bytes;
  }
  bytes(*alice, all);
  EXPECT_FALSE(alice->link.paused);
  EXPECT_EQ(*store.newest(id_of("bob")), 90);
  give(*alice, pack(*alice, id_of("bob"), text_of("not behind them")));
  EXPECT_EQ(*store.newest(id_of("bob")), 91);
}

TEST_F(GatewayTest, SeveralMessagesInOneFrameAreAcknowledgedOnce) {
  visit("bob");
  auto alice = come("alice");
  introduce(*alice, legacy("bob"));
  const std::size_t acks = alice->station_acks;
  give(*alice,
       pack(*alice, id_of("bob"), text_of("a")) + "\n" + pack(*alice, id_of("bob"), text_of("b")));
  EXPECT_EQ(alice->station_acks, acks + 1);
  EXPECT_EQ(*store.newest(id_of("bob")), 2);
}

}  // namespace
}  // namespace dim::station_test
