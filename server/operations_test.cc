#include <gmock/gmock.h>

#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

class Operations : public StationTest {};

Packet notify(std::string type) {
  Packet packet = Packet::request(Operation::notify);
  packet.set("id", "3").set("type", std::move(type));
  return packet;
}
Packet get(std::string type, std::string target) {
  Packet packet = Packet::request(Operation::get);
  packet.set("id", "3").set("type", std::move(type)).set("target", std::move(target));
  return packet;
}

TEST_F(Operations, P24_ContentWithoutChecksumIsRefusedAfterTheLogin) {
  auto in = online("alice");
  bytes(*in.text,
        "version: dim/2023\noperation: CREATE\nid: 4\ntype: message\nlength: 2\ncontent: "
        "|\n\"\"\"\n{}\n\"\"\"\n\n");
  auto told = in.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code, 401);
}

TEST_F(Operations, P25_Crc32cOnlyWhenAgreed) {
  auto peer = connect();
  Packet first = hello(user("alice"));
  first.set("checksums", "[sha256]");
  const Packet challenge = answer(*peer, first);
  EXPECT_EQ(challenge.get("chosen"), "sha256");
  ConnectInput input = input_for(user("alice"), *peer, challenge);
  input.offered = "[sha256]";
  ASSERT_EQ(answer(*peer, proof(user("alice"), input, true)).code, 200);
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "4").set("type", "document").set("target", id_of("alice"));
  packet.content = "{}";
  EXPECT_EQ(answer(*peer, packet, Checksum::crc32c).code, 401);
}

TEST_F(Operations, P26_IdsAreNumbersOfTwentyDigits) {
  auto in = login("alice");
  EXPECT_EQ(answer(*in.control, notify("ping").set("id", "0")).get("reply"), "0");
  EXPECT_EQ(answer(*in.control, notify("ping").set("id", std::string(20, '9'))).code, 200);
  EXPECT_EQ(answer(*in.control, notify("ping").set("id", std::string(21, '9'))).code, 401);
  EXPECT_EQ(answer(*in.control, notify("ping").set("id", "seven")).code, 401);
  EXPECT_FALSE(in.control->link.closed);
}

TEST_F(Operations, P27_AnIdThatIsStillOpenIsAConflict) {
  auto in = online("alice");
  committer.held = true;
  EXPECT_TRUE(ask(*in.text, create(user("alice"), id_of("alice"), "one", "5")).empty());
  EXPECT_EQ(answer(*in.text, create(user("alice"), id_of("alice"), "two", "5")).code, 407);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(in.text->take().size(), 2U) << "push and answer";
  EXPECT_EQ(ask(*in.text, create(user("alice"), id_of("alice"), "three", "5")).size(), 2U);
}

TEST_F(Operations, P28_The65thOpenRequestWaits) {
  config.quotas.messages = {};
  start();
  auto in = online("alice", std::nullopt);
  EXPECT_EQ(answer(*in.text, notify("ping").set("id", "1")).code, 200);
  committer.held = true;
  const std::size_t before = committer.submitted;
  const auto requests = [&](int first, int last) {
    std::string all;
    for (int i = first; i <= last; ++i) {
      all += write_packet(
          create(user("alice"), id_of("alice"), "m" + std::to_string(i), std::to_string(i)));
    }
    return all;
  };
  bytes(*in.text, requests(1, 63));
  EXPECT_EQ(committer.submitted, before + 63);
  EXPECT_FALSE(in.text->link.paused) << "there is room for one more";
  bytes(*in.text, requests(64, 70));
  EXPECT_TRUE(in.text->link.paused);
  EXPECT_TRUE(in.text->take().empty());
  EXPECT_EQ(committer.submitted, before + 64) << "the 65th is not read";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  auto answers = in.text->take();
  EXPECT_EQ(answers.size(), 70U);
  for (const Packet& one : answers) EXPECT_EQ(one.code, 202);
  EXPECT_FALSE(in.text->link.paused);
}

TEST_F(Operations, P29_TargetListsAreBounded) {
  auto in = online("alice");
  Packet packet = create(user("alice"), id_of("alice"), "x");
  for (const char* target : {"", "[]", "[[a], b]"}) {
    Packet other = packet;
    EXPECT_EQ(answer(*in.text, other.set("target", target)).code, 401) << target;
  }
  std::string many = "[";
  for (int i = 0; i < 257; ++i) many += (i == 0 ? "" : ", ") + std::string("a");
  EXPECT_EQ(answer(*in.text, packet.set("target", many + "]")).code, 401);
}

TEST_F(Operations, A08_AMessageOfTheSuiteComesUnderTheGuidItWasSignedWith) {
  auto in = online("alice");
  login("bob");
  const auto under = [&](std::optional<std::string> named) {
    Packet packet = create(user("alice"), id_of("bob"), "x");
    JsonObject message = *parse_json_object(*packet.content);
    message.set("sigv", "n1");
    if (named) message.set("guid", named->empty() ? std::string(packet.get("guid")) : *named);
    packet.content = write_json(message);
    return answer(*in.text, packet).code;
  };
  EXPECT_EQ(under(""), 202);
  EXPECT_EQ(under(Guid::make(clock.now(), random).text()), 401);
  EXPECT_EQ(under(std::nullopt), 401);
}

TEST_F(Operations, P30_UnknownReceiversAre404) {
  auto in = online("alice");
  EXPECT_EQ(answer(*in.text, create(user("alice"), id_of("nobody-here"), "x")).code, 404);
  EXPECT_EQ(answer(*in.control, get("document", id_of("nobody-here"))).code, 404);
  EXPECT_EQ(answer(*in.control, get("name", "some.name")).code, 404);
}

TEST_F(Operations, P30_AnObjectOfAnotherStationIsRefusedWithThatStation) {
  auto in = online("alice");
  const std::string other = "gsp-s001@2ACLy3krqTAvf5G6FTtPYvAaR4gLAMhVVQ";
  const std::string object = "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
  for (const char* type : {"message", "channel", "hub"}) {
    const Packet away = answer(*in.text, get(type, object + "?type=media;station=" + other + ";"));
    EXPECT_EQ(away.code, 417) << type;
    EXPECT_EQ(away.get("location"), "dim:station:" + other) << type;
    EXPECT_TRUE(away.get("port").empty()) << type;
  }
  const std::string here = object + "?station=" + station_account().id.text();
  EXPECT_EQ(answer(*in.text, get("channel", here)).code, 404) << "nobody knows it";
  EXPECT_EQ(answer(*in.text, get("channel", object)).code, 404);
  EXPECT_EQ(answer(*in.text, get("channel", object + "?station=nobody")).code, 401);
  EXPECT_EQ(answer(*in.text, get("channel", "dim:object:42")).code, 401);
}

TEST_F(Operations, P32_TheWrongLaneIsNamed) {
  auto in = online("alice");
  const Packet refused = answer(*in.control, create(user("alice"), id_of("alice"), "x"));
  EXPECT_EQ(refused.code, 417);
  EXPECT_EQ(refused.get("port"), "8801");
  const Packet other = answer(*in.text, get("document", id_of("alice")));
  EXPECT_EQ(other.code, 417);
  EXPECT_EQ(other.get("port"), "8800");
  auto audio = login("bob");
  ASSERT_EQ(open_lane(audio, std::nullopt, Lane::audio).code, 200);
  EXPECT_EQ(answer(*audio.text, notify("typing")).get("port"), "8801");
}

TEST_F(Operations, UnknownTypesAre501WithTheirName) {
  auto in = online("alice");
  Packet packet = Packet::request(Operation::edit);
  EXPECT_EQ(answer(*in.text, packet.set("id", "4").set("type", "message")).code, 501);
  const Packet refused = answer(*in.text, notify("dance"));
  EXPECT_EQ(refused.code, 501);
  EXPECT_EQ(refused.get("type"), "dance");
  EXPECT_EQ(answer(*in.text, Packet::request(Operation::get)).code, 401) << "no type at all";
}

TEST_F(Operations, P40_PriorityAndTimeAreChecked) {
  auto in = login("alice");
  EXPECT_EQ(answer(*in.control, notify("ping").set("priority", "urgent")).code, 401);
  EXPECT_EQ(answer(*in.control, notify("ping").set("priority", "high")).code, 200);
  for (const char* time :
       {"1969-12-31T23:59:59.000Z", "9999-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000", "now"}) {
    EXPECT_EQ(answer(*in.control, notify("ping").set("time", time)).code, 401) << time;
  }
  EXPECT_EQ(answer(*in.control, notify("ping").set("time", format_time(clock.now()))).code, 200);
}

TEST_F(Operations, N9_APriorityRequestOn8800OvertakesWhatWaitsForTheDisk) {
  const Packet first = create(user("alice"), id_of("bob"), "first", "1");
  config.inflight_bytes = first.content->size();
  start();
  auto bob = online("bob");
  auto alice = online("alice");
  committer.held = true;
  send(*alice.text, first);
  send(*alice.text, create(user("alice"), id_of("bob"), "second", "2"));
  // What was asked for with priority is a message like any other, and comes in on the same terms.
  Packet plain = create(user("alice"), id_of("bob"), "ordinary", "3");
  EXPECT_EQ(answer(*alice.control, plain).code, 417);
  EXPECT_EQ(answer(*alice.control, plain.set("priority", "low")).get("port"), "8801");
  const Packet urgent = create(user("alice"), id_of("bob"), "urgent", "4").set("priority", "high");
  EXPECT_TRUE(ask(*alice.control, urgent).empty()) << "the disk has the first one in hand";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  committer.run();
  station->end_of_turn();
  const auto answered = alice.control->take();
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].code, 201) << answered[0].get("message");
  std::vector<std::string> came;
  for (const Packet& push : bob.text->take()) came.push_back(*push.content);
  ASSERT_EQ(came.size(), 3U);
  EXPECT_EQ(came[1], *urgent.content) << "in front of what came before on 8801";
}

TEST_F(Operations, N9_PriorityMovesNoReadingAndNoFilesTo8800AndStillNeedsMemory) {
  config.inflight_bytes = 8;
  start();
  auto bob = online("bob");
  auto alice = online("alice");
  for (const auto& [packet, port] :
       {std::pair{Packet::request(Operation::get).set("type", "message"), "8801"},
        std::pair{notify("cursor").set("cursor", "0"), "8801"},
        std::pair{Packet::request(Operation::create).set("type", "media"), "8802"}}) {
    const Packet refused = answer(*alice.control, Packet(packet).set("priority", "high"));
    EXPECT_EQ(refused.code, 417) << packet.get("type");
    EXPECT_EQ(refused.get("port"), port);
  }
  committer.held = true;
  const auto urgent = [&](const char* text, const char* id) {
    return create(user("alice"), id_of("bob"), text, id).set("priority", "high");
  };
  EXPECT_TRUE(ask(*alice.control, urgent("one", "5")).empty());
  // A flood of them fills the memory no more than one of others does.
  EXPECT_EQ(answer(*alice.control, urgent("two", "6")).code, 510);
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(alice.control->take().at(0).code, 201);
  EXPECT_EQ(answer(*alice.control, urgent("two", "6")).code, 201);
}

TEST_F(Operations, P41_StrayResponsesAreIgnoredAHundredClose) {
  auto in = login("alice");
  const std::string stray = write_packet(Packet::response(200, "77"));
  for (int i = 0; i < 99; ++i) bytes(*in.control, stray);
  EXPECT_TRUE(in.control->take().empty());
  EXPECT_FALSE(in.control->link.closed);
  bytes(*in.control, stray);
  EXPECT_TRUE(in.control->link.closed);
  EXPECT_EQ(station->counters().strays, 100U);
}

TEST_F(Operations, P43_OneByteAtATimeWorks) {
  auto in = online("alice");
  for (const char byte : write_packet(create(user("alice"), id_of("alice"), "slow"))) {
    bytes(*in.text, std::string_view(&byte, 1));
  }
  EXPECT_EQ(in.text->take().size(), 2U);
}

TEST_F(Operations, P44_AThousandPacketsAtOnceAreAllAnswered) {
  auto in = login("alice");
  std::string all;
  for (int i = 1; i <= 1'000; ++i) all += write_packet(notify("ping").set("id", std::to_string(i)));
  bytes(*in.control, all);
  auto answers = in.control->take();
  ASSERT_EQ(answers.size(), 1'000U);
  EXPECT_EQ(answers.back().get("reply"), "1000");
}

TEST_F(Operations, P45_NoiseIsClosed) {
  auto peer = connect();
  std::string noise(1'024, '\0');
  random.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
  bytes(*peer, noise + "\n\n");
  EXPECT_TRUE(peer->link.closed);
  EXPECT_EQ(peer->take().front().code, 401);
}

TEST_F(Operations, R10_AFloodIsRefusedThenReadSlowlyThenClosed) {
  auto flood = online("alice", std::nullopt);
  auto bob = login("bob");
  std::string all;
  for (int i = 1; i <= 400; ++i) {
    all += write_packet(
        create(user("alice"), id_of("bob"), "m" + std::to_string(i), std::to_string(i)));
  }
  bytes(*flood.text, all);
  auto answers = flood.text->take();
  ASSERT_EQ(answers.size(), 61U) << "60 at once, then 416 and a pause";
  EXPECT_EQ(answers.front().code, 416) << "it overtakes what waits for the disk";
  EXPECT_EQ(answers.front().get("retry-after"), "1");
  EXPECT_TRUE(flood.text->link.paused);
  pass(5'000);
  std::size_t accepted = 60;
  for (const Packet& one : flood.text->take()) accepted += one.code == 202 ? 1U : 0U;
  EXPECT_GT(accepted, 120U);
  EXPECT_LE(accepted, 161U) << "never more than 20 a second";
  Packet ping = notify("ping");
  EXPECT_EQ(answer(*bob.control, ping).code, 200) << "others are not touched";
}

TEST_F(Operations, R10_WhatIsHeldBackIsDoneAlthoughSomethingIsPushedInBetween) {
  config.quotas.messages = {1, 1};
  start();
  auto alice = online("alice", std::nullopt);
  auto bob = online("bob", std::nullopt);
  std::string all;
  for (const char* id : {"1", "2"})
    all += write_packet(create(user("alice"), id_of("bob"), id, id));
  bytes(*alice.text, all + write_packet(notify("ping").set("id", "3")));
  ASSERT_EQ(alice.text->take().size(), 2U) << "the second is refused, and the ping is held back";
  clock.at += 150;  // the time is over, and before anybody looks something is sent
  send(*bob.text, notify("typing").set("target", id_of("alice")).set("state", "on"));
  pass(300);
  std::vector<std::string> replies;
  for (const Packet& one : alice.text->take()) replies.emplace_back(one.get("reply"));
  EXPECT_THAT(replies, testing::Contains("3"));
}

TEST_F(Operations, R10_AHundredRefusalsInARowClose) {
  config.quotas.names = {0.0001, 1};
  start();
  auto in = login("alice");
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "3").set("type", "name").set("target", "alice.one");
  EXPECT_EQ(answer(*in.control, packet).code, 201);
  for (int i = 0; i < 100 && !in.control->link.closed; ++i) {
    send(*in.control, packet);
    pass(2'100);
  }
  EXPECT_TRUE(in.control->link.closed);
}

TEST_F(Operations, QuotasOfA64CountAllItsSessionsTogether) {
  config.quotas.messages = {};
  config.quotas.subnet_messages = {1, 5};
  start();
  auto alice = online("alice", std::nullopt);
  auto bob = online("bob", std::nullopt);
  int refused = 0;
  for (int i = 0; i < 4; ++i) {
    for (auto* in : {&alice, &bob}) {
      const Packet told =
          answer(*in->text, create(*in->account, id_of("alice"), "m" + std::to_string(i)));
      refused += told.code == 416 ? 1 : 0;
      if (refused > 0) break;
    }
    if (refused > 0) break;
  }
  EXPECT_EQ(refused, 1);
  EXPECT_EQ(station->counters().messages_stored, 5U);
}

TEST_F(Operations, TypingIsPushedToWhoIsOnlineAndNeverStored) {
  auto alice = online("alice");
  auto bob = online("bob");
  EXPECT_EQ(
      answer(*alice.text, notify("typing").set("target", id_of("bob")).set("state", "on")).code,
      200);
  auto told = bob.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("author"), id_of("alice"));
  EXPECT_EQ(told[0].get("state"), "on");
  EXPECT_EQ(
      answer(*alice.text, notify("typing").set("target", id_of("carol")).set("state", "off")).code,
      200);
  EXPECT_EQ(
      answer(*alice.text, notify("typing").set("target", id_of("bob")).set("state", "maybe")).code,
      401);
}

TEST_F(Operations, PresenceGoesToTheListedUsersOnce) {
  auto alice = online("alice");
  auto bob = online("bob");
  auto carol = online("carol");
  Packet packet = notify("presence").set("state", "away");
  packet.set("target", "[" + id_of("bob") + ", " + id_of("bob") + "]");
  EXPECT_EQ(answer(*alice.control, packet).code, 200);
  ASSERT_EQ(bob.control->take().size(), 1U);
  EXPECT_TRUE(carol.control->take().empty());
}

TEST_F(Operations, I15_NamesHaveOneOwnerAndASignedAnswer) {
  auto alice = login("alice");
  auto bob = login("bob");
  Packet packet = Packet::request(Operation::create);
  packet.set("id", "3").set("type", "name").set("target", "Alice.One");
  EXPECT_EQ(answer(*alice.control, packet).get("target"), "alice.one");
  EXPECT_EQ(answer(*alice.control, packet).code, 201) << "own already";
  EXPECT_EQ(answer(*bob.control, packet).code, 407);
  Packet reserved = packet;
  EXPECT_EQ(answer(*bob.control, reserved.set("target", "admin")).code, 403);
  const Packet found = answer(*bob.control, get("name", "alice.one"));
  ASSERT_EQ(found.code, 200);
  EXPECT_EQ(found.get("owner"), id_of("alice"));
  EXPECT_TRUE(station_account().meta.key().verify(
      name_signing_input("alice.one", id_of("alice"), found.get("time")),
      *from_base64(found.get("signature"))));
}

class Documents : public StationTest {
 protected:
  static Packet publish(const Account& account, const Document& document) {
    JsonObject content;
    content.set("meta", account.meta.json());
    content.set("document", document.json());
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "3").set("type", "document").set("target", account.id.bare().text());
    packet.content = write_json(content);
    return packet;
  }
  Document make(const Account& account, Millis time, const std::string& name) {
    JsonObject properties;
    properties.set("name", name);
    return Document::make(account.id, "profile", properties, time, account.identity_key);
  }
};

TEST_F(Documents, AreStoredAndHandedOutAsTheyCame) {
  auto in = login("alice");
  const Document document = make(user("alice"), clock.now(), "Alice");
  EXPECT_EQ(answer(*in.control, publish(user("alice"), document)).code, 201);
  auto bob = login("bob");
  const Packet found = answer(*bob.control, get("document", id_of("alice")));
  ASSERT_EQ(found.code, 200);
  auto object = parse_json_object(*found.content);
  ASSERT_TRUE(object);
  EXPECT_TRUE(Meta::parse(*object->find("meta")->object())->matches(user("alice").id));
  const JsonArray& documents = *object->find("documents")->array();
  ASSERT_EQ(documents.size(), 2U);
  EXPECT_EQ(*documents[0].object()->text("type"), "visa");
  EXPECT_EQ(*documents[1].object(), document.json());
  EXPECT_EQ(answer(*bob.control, get("document", station_account().id.text())).code, 200);
}

TEST_F(Documents, I11_OlderAndFutureOnesAreRefused) {
  auto in = login("alice");
  EXPECT_EQ(
      answer(*in.control, publish(user("alice"), make(user("alice"), clock.now(), "new"))).code,
      201);
  EXPECT_EQ(
      answer(*in.control, publish(user("alice"), make(user("alice"), clock.now() - 1'000, "old")))
          .code,
      407);
  EXPECT_EQ(answer(*in.control,
                   publish(user("alice"), make(user("alice"), clock.now() + 3'600'000, "future")))
                .code,
            401);
}

TEST_F(Documents, NobodyPublishesForAnother) {
  auto in = login("alice");
  EXPECT_EQ(answer(*in.control, publish(user("bob"), make(user("bob"), clock.now(), "x"))).code,
            403);
  // Bob's document under Alice's name: the signature is not hers.
  Packet packet = publish(user("bob"), make(user("bob"), clock.now(), "x"));
  packet.set("target", id_of("alice"));
  EXPECT_EQ(answer(*in.control, packet).code, 407) << "with another meta than hers";
  JsonObject content = parse_json_object(*packet.content).value();
  content.erase("meta");
  packet.content = write_json(content);
  EXPECT_EQ(answer(*in.control, packet).code, 402);
  EXPECT_EQ(store.documents(id_of("alice"))->size(), 1U);
}

}  // namespace
}  // namespace dim::station_test
