#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

class Delivery : public StationTest {
 protected:
  Packet get_messages(Peer& peer, std::vector<Packet>& pushes,
                      const std::map<std::string, std::string>& fields) {
    Packet packet = Packet::request(Operation::get);
    packet.set("id", "8").set("type", "message");
    for (const auto& [key, value] : fields) packet.set(key, value);
    pushes = ask(peer, packet);
    if (pushes.empty()) return {};
    Packet last = pushes.back();
    pushes.pop_back();
    return last;
  }
};

TEST_F(Delivery, AnswersAfterTheCommitAndPushesToWhoIsOnline) {
  auto alice = online("alice");
  auto bob = online("bob");
  const Packet message = create(user("alice"), id_of("bob"), "hello");
  committer.held = true;
  EXPECT_TRUE(ask(*alice.text, message).empty()) << "nothing is said before it is on the disk";
  EXPECT_TRUE(bob.text->take().empty());
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto answers = alice.text->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 201);
  EXPECT_EQ(answers[0].get("guid"), message.get("guid"));
  EXPECT_EQ(answers[0].get("reply"), "5");
  const auto pushes = bob.text->take();
  ASSERT_EQ(pushes.size(), 1U);
  EXPECT_EQ(pushes[0].operation, Operation::create);
  EXPECT_EQ(pushes[0].get("author"), id_of("alice"));
  EXPECT_EQ(pushes[0].get("target"), id_of("bob"));
  EXPECT_EQ(pushes[0].get("guid"), message.get("guid"));
  EXPECT_EQ(pushes[0].get("cursor"), "1");
  EXPECT_EQ(pushes[0].get("time"), answers[0].get("time"));
  EXPECT_EQ(pushes[0].content, message.content) << "byte for byte";
  EXPECT_EQ(station->counters().pushed_from_store, 0U);
}

TEST_F(Delivery, WaitsInTheStoreForWhoIsOffline) {
  auto alice = online("alice");
  login("bob");
  for (const char* text : {"one", "two", "three"}) {
    EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), text)).code, 202);
  }
  auto bob = online("bob");
  ASSERT_EQ(pushed_at_open.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i)
    EXPECT_EQ(pushed_at_open[i].get("cursor"), std::to_string(i + 1));
  EXPECT_EQ(bob.welcome.get("cursor"), "3");
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "four")).code, 201);
  EXPECT_EQ(bob.text->take().front().get("cursor"), "4");

  auto later = login("bob");
  open_lane(later, 3);
  ASSERT_EQ(pushed_at_open.size(), 1U);
  EXPECT_EQ(pushed_at_open[0].get("cursor"), "4");
}

TEST_F(Delivery, A21_NobodySpeaksForAnother) {
  auto alice = online("alice");
  login("bob");
  login("carol");
  const Packet forged = create(user("bob"), id_of("carol"), "I am Bob");
  EXPECT_EQ(answer(*alice.text, forged).code, 402);
  EXPECT_EQ(store.newest(id_of("carol")).value(), 0);
}

TEST_F(Delivery, TheTargetIsTheReceiverOfTheMessage) {
  auto alice = online("alice");
  login("bob");
  login("carol");
  Packet packet = create(user("alice"), id_of("bob"), "x");
  EXPECT_EQ(answer(*alice.text, packet.set("target", id_of("carol"))).code, 401);
  EXPECT_EQ(
      answer(*alice.text, packet.set("target", "[" + id_of("bob") + ", " + id_of("bob") + "]"))
          .code,
      202);
  EXPECT_EQ(store.newest(id_of("bob")).value(), 1);
}

TEST_F(Delivery, P36_TheSameGuidIsAnsweredAsTheFirstTimeAndDeliveredOnce) {
  auto alice = online("alice");
  auto bob = online("bob");
  const Packet message = create(user("alice"), id_of("bob"), "once");
  const Packet first = answer(*alice.text, message);
  clock.at += 5'000;
  const Packet second = answer(*alice.text, message);
  EXPECT_EQ(second.code, first.code);
  EXPECT_EQ(second.get("time"), first.get("time"));
  EXPECT_EQ(bob.text->take().size(), 1U);

  Packet other = create(user("alice"), id_of("bob"), "other content");
  EXPECT_EQ(answer(*alice.text, other.set("guid", std::string(message.get("guid")))).code, 407);
  EXPECT_TRUE(bob.text->take().empty());
}

TEST_F(Delivery, P36_AnswersDoNotPushEachOtherOut) {
  auto alice = online("alice");
  login("bob");
  std::vector<Packet> messages;
  std::vector<std::string> times;
  for (int i = 0; i < 500; ++i) {
    messages.push_back(create(user("alice"), id_of("bob"), "one of many"));
    times.emplace_back(answer(*alice.text, messages.back()).get("time"));
    clock.at += 1'000;
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(answer(*alice.text, messages[i]).get("time"), times[i]) << "message " << i;
    clock.at += 1'000;
  }
}

TEST_F(Delivery, A14_GuidsThatNameBytesAreTheStations) {
  login("bob");
  auto alice = online("alice");
  Packet packet = create(user("alice"), id_of("bob"), "hello");
  packet.set("guid", "018f6f0e7b8c8cc2a1f3b0d5f3a1c9e4");
  EXPECT_EQ(answer(*alice.text, packet).code, 401);
  packet.set("guid", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  EXPECT_EQ(answer(*alice.text, packet).code, 202);
}

TEST_F(Delivery, P23_AWrongChecksumStoresNothing) {
  auto alice = online("alice");
  login("bob");
  std::string wire = write_packet(create(user("alice"), id_of("bob"), "x"));
  const auto at = wire.find("sender");
  wire[at] = 'S';
  bytes(*alice.text, wire);
  EXPECT_EQ(alice.text->take().front().code, 401);
  EXPECT_EQ(store.newest(id_of("bob")).value(), 0);
}

TEST_F(Delivery, P22_PacketsInsideContentAreBytes) {
  auto alice = online("alice");
  Packet packet = create(user("alice"), id_of("alice"), "x");
  packet.content = "\n\"\"\"\n\nversion: dim/2023\noperation: NOTIFY\nid: 66\ntype: ping\n\n";
  const auto answers = ask(*alice.text, packet);
  ASSERT_EQ(answers.size(), 1U) << "the inner packet is not executed";
  EXPECT_EQ(answers[0].get("reply"), "5");
  EXPECT_EQ(answers[0].code, 401);
}

TEST_F(Delivery, P42_HalfAPacketStoresNothing) {
  auto alice = online("alice");
  login("bob");
  const std::string wire = write_packet(create(user("alice"), id_of("bob"), "x"));
  bytes(*alice.text, std::string_view(wire).substr(0, wire.size() / 2));
  station->closed(alice.text->id);
  station->end_of_turn();
  EXPECT_EQ(store.newest(id_of("bob")).value(), 0);
}

TEST_F(Delivery, P39_GetIsPagedAndChecked) {
  auto alice = online("alice", std::nullopt);
  for (int i = 0; i < 5; ++i)
    answer(*alice.text, create(user("alice"), id_of("alice"), "m" + std::to_string(i)));
  std::vector<Packet> pushes;
  EXPECT_EQ(get_messages(*alice.text, pushes, {{"limit", "0"}}).code, 401);
  EXPECT_EQ(get_messages(*alice.text, pushes, {{"limit", "-1"}}).code, 401);
  EXPECT_EQ(get_messages(*alice.text, pushes, {{"before", "garbage"}}).code, 401);
  Packet page = get_messages(*alice.text, pushes, {{"after", "1"}, {"limit", "2"}});
  EXPECT_EQ(page.code, 206);
  EXPECT_EQ(page.get("next"), "3");
  ASSERT_EQ(pushes.size(), 2U);
  EXPECT_EQ(pushes[0].get("cursor"), "2");
  page = get_messages(*alice.text, pushes, {{"after", "3"}, {"limit", "1000000"}});
  EXPECT_EQ(page.code, 200);
  EXPECT_EQ(page.get("count"), "2");
  page = get_messages(*alice.text, pushes, {{"before", "3"}});
  EXPECT_EQ(page.get("count"), "2");
}

TEST_F(Delivery, P39_ALimitOverTheCapIsCapped) {
  config.quotas.messages = {};
  config.quotas.subnet_messages = {};
  start();
  auto alice = online("alice", std::nullopt);
  for (int i = 0; i < 201; ++i)
    answer(*alice.text, create(user("alice"), id_of("alice"), "m" + std::to_string(i)));
  std::vector<Packet> pushes;
  const Packet page = get_messages(*alice.text, pushes, {{"limit", "1000000"}});
  EXPECT_EQ(page.code, 206);
  EXPECT_EQ(pushes.size(), 200U);
}

TEST_F(Delivery, AcknowledgedMessagesAreRemovedOnceEveryDeviceHasThem) {
  auto alice = online("alice");
  auto phone = online("bob");
  auto laptop = online("bob");
  for (const char* text : {"one", "two"})
    answer(*alice.text, create(user("alice"), id_of("bob"), text));
  Packet seen = Packet::request(Operation::notify);
  seen.set("id", "9").set("type", "cursor").set("cursor", "2");
  phone.text->take();
  laptop.text->take();
  EXPECT_EQ(answer(*phone.text, seen).code, 200);
  pass(6'000);
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 10, 10'000)->size(), 2U)
      << "the laptop has not stored them yet";
  EXPECT_EQ(answer(*laptop.text, seen).code, 200);
  pass(6'000);
  EXPECT_TRUE(store.inbox(id_of("bob"), 0, 10, 10'000)->empty());
  EXPECT_EQ(answer(*phone.text, seen.set("cursor", "3")).code, 401) << "never given";
  EXPECT_EQ(answer(*phone.text, seen.set("cursor", "-1")).code, 401);
}

TEST_F(Delivery, AcknowledgementsAreFlushedAtAStop) {
  auto alice = online("alice");
  EXPECT_EQ(ask(*alice.text, create(user("alice"), id_of("alice"), "x")).size(), 2U);
  Packet seen = Packet::request(Operation::notify);
  ask(*alice.text, seen.set("id", "9").set("type", "cursor").set("cursor", "1"));
  station->stop();
  station->end_of_turn();
  EXPECT_TRUE(store.inbox(id_of("alice"), 0, 10, 10'000)->empty());
}

TEST_F(Delivery, R5_PushesComeInCursorOrderOnceWhateverTheTimingOfCommits) {
  config.quotas.messages = {};
  config.quotas.subnet_messages = {};
  start();
  auto alice = online("alice");
  auto carol = online("carol");
  auto bob = online("bob");
  Cursor last = 0;
  const auto check = [&](const std::vector<Packet>& pushes) {
    for (const Packet& push : pushes) {
      if (push.is_response()) continue;
      const Cursor cursor = std::stoll(std::string(push.get("cursor")));
      EXPECT_EQ(cursor, last + 1);
      last = cursor;
    }
  };
  for (int i = 0; i < 200; ++i) {
    auto& from = i % 2 == 0 ? alice : carol;
    committer.held = random.u64() % 2 == 0;
    ask(*from.text,
        create(*from.account, id_of("bob"), "m" + std::to_string(i), std::to_string(100 + i)));
    if (i % 50 == 25) {
      check(bob.text->take());
      station->closed(bob.text->id);
      bob.text->link.closed = true;
      EXPECT_EQ(open_lane(bob, last).code, 200);  // while commits are under way
      check(pushed_at_open);
    }
  }
  committer.held = false;
  committer.run();
  station->end_of_turn();
  check(bob.text->take());
  EXPECT_EQ(last, 200);
}

TEST_F(Delivery, R9_ASlowReaderStopsPushesAtItsLimitAndContinuesFromTheStore) {
  config.quotas.messages = {};
  config.quotas.subnet_messages = {};
  config.send_queue_bytes = 64 * 1024;
  start();
  auto alice = online("alice", std::nullopt);
  auto slow = online("bob");
  auto other = online("carol");
  slow.text->link.stuck = true;
  const std::string big(8'000, 'x');
  for (int i = 0; i < 40; ++i) {
    const int code = answer(*alice.text, create(user("alice"), id_of("bob"), big)).code;
    EXPECT_TRUE(code == 201 || code == 202);
  }
  EXPECT_LE(slow.text->link.waiting.size(), 64U * 1024 + 12'000) << "one message over at most";
  EXPECT_GT(station->counters().pauses_for_slow_reader, 0U);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("carol"), "quick")).code, 201);
  Cursor last = 0;
  for (int round = 0; round < 40 && last < 40; ++round) {
    slow.text->link.unstick();
    slow.text->link.stuck = true;
    station->drained(slow.text->id);
    station->end_of_turn();
    slow.text->link.sent += std::exchange(slow.text->link.waiting, {});
    for (const Packet& push : slow.text->take())
      EXPECT_EQ(std::stoll(std::string(push.get("cursor"))), ++last);
  }
  EXPECT_EQ(last, 40);
  slow.text->link.stuck = false;
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "live again")).code, 201);
}

TEST_F(Delivery, APeerThatReadsNoAnswersIsNotRead) {
  config.send_queue_bytes = 4'096;
  start();
  auto in = login("alice");
  in.control->link.stuck = true;
  std::string all;
  Packet ping = Packet::request(Operation::notify);
  for (int i = 0; i < 500; ++i)
    all += write_packet(ping.set("id", std::to_string(i)).set("type", "ping"));
  bytes(*in.control, all);
  EXPECT_TRUE(in.control->link.paused);
  EXPECT_LT(in.control->link.waiting.size(), 8'192U);
  for (int i = 0; i < 100 && in.control->link.paused; ++i) {
    in.control->link.unstick();
    in.control->link.stuck = true;
    station->drained(in.control->id);
    station->end_of_turn();
  }
  in.control->link.unstick();
  EXPECT_EQ(in.control->take().size(), 500U);
}

TEST_F(Delivery, R14_AFullDiskIs506AndTheStationGoesOn) {
  auto alice = online("alice");
  committer.error = Error{Errc::insufficient_storage, "no space"};
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("alice"), "x")).code, 506);
  EXPECT_FALSE(station->failed());
  std::vector<Packet> pushes;
  EXPECT_EQ(get_messages(*alice.text, pushes, {}).code, 200) << "reading works";
  committer.error.reset();
  EXPECT_EQ(ask(*alice.text, create(user("alice"), id_of("alice"), "y")).size(), 2U);
}

TEST_F(Delivery, R3_AStoreThatFailsAcknowledgesNothingAndStopsTheStation) {
  auto alice = online("alice");
  committer.error = Error{Errc::io, "fdatasync failed"};
  const auto answers = ask(*alice.text, create(user("alice"), id_of("alice"), "x"));
  ASSERT_GE(answers.size(), 1U);
  for (const Packet& one : answers) EXPECT_GE(one.code, 500);
  EXPECT_TRUE(station->failed());
  EXPECT_TRUE(alice.text->link.closed);
  EXPECT_TRUE(alice.control->link.closed);
}

TEST_F(Delivery, R14_AFullInboxIs506) {
  MemoryStore small({.messages = 2, .bytes = 1'000'000});
  TestCommitter small_committer(small);
  station =
      std::make_unique<Station>(config, station_account(), small, small_committer, clock, random);
  auto alice = online("alice", std::nullopt);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("alice"), "1")).code, 202);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("alice"), "2")).code, 202);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("alice"), "3")).code, 506);
  station.reset();
}

TEST_F(Delivery, R14_WhatIsAcknowledgedDoesNotFillAnInboxAlthoughTheStoreDoesNotKnowItYet) {
  for (const InboxLimits most : {InboxLimits{.messages = 2, .bytes = 1'000'000},
                                 InboxLimits{.messages = 100, .bytes = 2'000}}) {
    MemoryStore small(most);
    TestCommitter small_committer(small);
    station =
        std::make_unique<Station>(config, station_account(), small, small_committer, clock, random);
    auto alice = online("alice");
    auto bob = online("bob");
    for (int i = 1; i <= 20;
         ++i) {  // in less than the time after which acknowledgements are stored
      EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 201) << i;
      Packet acked = Packet::request(Operation::notify);
      acked.set("id", "9").set("type", "cursor").set("cursor", std::to_string(i));
      EXPECT_EQ(ask(*bob.text, acked).back().code, 200);
    }
    EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 201);
    EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 201);
    EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 506);
    station.reset();
  }
}

TEST_F(Delivery, R14_OneSenderFillsAQuarterOfAnInboxAndTheOthersStillWrite) {
  MemoryStore small({.messages = 4 * 256, .bytes = 100'000'000});
  TestCommitter small_committer(small);
  config.quotas.messages = config.quotas.subnet_messages = {};
  station =
      std::make_unique<Station>(config, station_account(), small, small_committer, clock, random);
  (void)login("bob");
  auto mallory = online("mallory", std::nullopt);
  auto alice = online("alice", std::nullopt);
  const auto fill = [&](int count) {
    std::string all;
    const std::string content = signed_message(user("mallory"), id_of("bob"), "x");
    for (int i = 1; i <= count; ++i) {
      Packet packet = Packet::request(Operation::create);
      packet.set("id", std::to_string(i)).set("type", "message").set("target", id_of("bob"));
      packet.set("guid", Guid::make(clock.now(), random).text());
      packet.content = content;
      all += write_packet(packet);
    }
    bytes(*mallory.text, all);
    return mallory.text->take();
  };
  for (const Packet& one : fill(256)) ASSERT_EQ(one.code, 202);
  const auto refused = fill(1);
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].code, 506);
  EXPECT_TRUE(refused[0].get("message").contains("no room for more of yours"));
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "hello")).code, 202);
  EXPECT_EQ(answer(*mallory.text, create(user("mallory"), id_of("alice"), "x")).code, 202);
  station.reset();
}

TEST_F(Delivery, VerifyAlwaysRefusesAWrongSignature) {
  config.verify = VerifyMode::always;
  start();
  auto alice = online("alice");
  Packet packet = create(user("alice"), id_of("alice"), "x");
  EXPECT_EQ(ask(*alice.text, packet).size(), 2U);
  auto object = parse_json_object(*packet.content);
  object->set("signature", to_base64(user("bob").identity_key.sign(to_bytes("x"))));
  packet.content = write_json(*object);
  packet.set("guid", Guid::make(clock.now(), random).text());
  EXPECT_EQ(answer(*alice.text, packet).code, 402);
}

TEST_F(Delivery, A01_A21_WrongSignaturesAndSendersCountAsFailuresOfTheirNetwork) {
  config.verify = VerifyMode::always;
  start();
  auto alice = online("alice", std::nullopt);
  const auto wrong = [&](int which) {
    Packet packet = create(user(which % 2 == 0 ? "alice" : "bob"), id_of("alice"), "x");
    if (which % 2 == 0) {
      auto object = parse_json_object(*packet.content);
      object->set("signature", to_base64(user("bob").identity_key.sign(to_bytes("x"))));
      packet.content = write_json(*object);
    }
    bytes(*alice.text, write_packet(packet));
    pass(200);  // after a refusal for the quota the connection is read a little later
    auto all = alice.text->take();
    return all.empty() ? Packet{} : all.front();
  };
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(wrong(i).code, 402) << i;
  const Packet refused = wrong(11);
  EXPECT_EQ(refused.code, 416);
  EXPECT_FALSE(refused.get("retry-after").empty());
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("alice"), "right")).code, 202)
      << "the right key is let through";
  auto stranger = connect(Lane::control, "2001:db8:1::8");
  EXPECT_EQ(answer(*stranger, hello(user("carol"))).code, 416) << "log-ins of the network wait";
  pass(7'000);
  EXPECT_EQ(wrong(12).code, 402);
  EXPECT_EQ(wrong(14).code, 416);
}

TEST_F(Delivery, ManyMessagesInOneTurnAreOneCommit) {
  auto alice = online("alice", std::nullopt);
  login("bob");
  const auto before = station->counters().commits;
  std::string all;
  for (int i = 1; i <= 50; ++i) {
    all += write_packet(
        create(user("alice"), id_of("bob"), "m" + std::to_string(i), std::to_string(i)));
  }
  bytes(*alice.text, all);
  EXPECT_EQ(alice.text->take().size(), 50U);
  EXPECT_EQ(station->counters().commits, before + 1);
}

}  // namespace
}  // namespace dim::station_test
