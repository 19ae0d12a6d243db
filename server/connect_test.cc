#include <gmock/gmock.h>

#include <array>

#include "dim/engine/device_link.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

class Connect : public StationTest {};

TEST_F(Connect, LogsInAnUnknownUserWhoShowsTheMeta) {
  auto in = login("alice");
  EXPECT_EQ(in.welcome.get("session").size(), 32U);
  EXPECT_EQ(in.token.size(), 32U);
  EXPECT_EQ(in.welcome.get("limit-control"), "65536");
  EXPECT_EQ(in.welcome.get("limit-text"), "1048576");
  EXPECT_EQ(in.welcome.get("cursor"), "0");
  EXPECT_EQ(in.welcome.get("chosen"), "crc32c");
  EXPECT_TRUE(in.control->link.was_proven);
  ASSERT_TRUE(store.identity(id_of("alice")).value());
  EXPECT_TRUE((*store.identity(id_of("alice")))->pinned);
  EXPECT_EQ(store.documents(id_of("alice"))->size(), 1U);
  auto again = connect();
  EXPECT_EQ(answer(*again, hello(user("alice"))).get("known"), "yes");
}

TEST_F(Connect, TheStationProvesItselfBeforeTheClientDoes) {
  auto peer = connect();
  const Packet challenge = answer(*peer, hello(user("alice")));
  ASSERT_EQ(challenge.code, 418);
  EXPECT_EQ(challenge.get("author"), station_account().id.text());
  ConnectInput input = input_for(user("alice"), *peer, challenge);
  input.station = true;
  EXPECT_TRUE(station_account().meta.key().verify(connect_signing_input(input),
                                                  *from_base64(challenge.get("signature"))));
  auto shown = parse_json_object(*challenge.content);
  ASSERT_TRUE(shown);
  EXPECT_TRUE(Meta::parse(*shown->find("meta")->object())->matches(station_account().id));
}

TEST_F(Connect, S01_RefusesIpv4InAnyDress) {
  for (const char* target :
       {"1.2.3.4", "::ffff:1.2.3.4", "::1.2.3.4", "64:ff9b::102:304", "016.1.1.1", "0x7f000001"}) {
    auto peer = connect();
    EXPECT_EQ(answer(*peer, hello(user("alice"), target)).code, 401) << target;
  }
}

TEST_F(Connect, S02_RefusesAddressesThatNobodyHas) {
  for (const char* target : {"::", "ff02::1", "fe80::1", "fe80::1%eth0"}) {
    auto peer = connect();
    EXPECT_EQ(answer(*peer, hello(user("alice"), target)).code, 401) << target;
  }
  auto peer = connect();
  EXPECT_EQ(answer(*peer, hello(user("alice"), "2001:db8::99")).code, 418);
}

TEST_F(Connect, S03_ChoosesAesFromAListAndRefusesAListWithoutIt) {
  auto peer = connect();
  Packet packet = hello(user("alice"));
  const Packet refused = answer(*peer, packet.set("encryption", "ROT13"));
  EXPECT_EQ(refused.code, 303);
  EXPECT_EQ(refused.get("encryption"), "[AES]");
  EXPECT_EQ(answer(*peer, packet.set("encryption", "[RC4, AES]")).code, 418);
}

TEST_F(Connect, S04_RefusesASignatureOverAnotherConnection) {
  auto first = connect();
  auto second = connect();
  const Packet challenge = answer(*second, hello(user("alice")));
  const ConnectInput stolen = input_for(user("alice"), *first, challenge);
  EXPECT_EQ(answer(*second, proof(user("alice"), stolen, true)).code, 402);
}

TEST_F(Connect, S05_RefusesASignatureForAnotherStationRoleOrPort) {
  for (int which = 0; which < 3; ++which) {
    auto peer = connect();
    const Packet challenge = answer(*peer, hello(user("alice")));
    ConnectInput input = input_for(user("alice"), *peer, challenge);
    if (which == 0) input.station_id = user("bob").id.text();
    if (which == 1) input.station = true;
    if (which == 2) input.port = 8801;
    EXPECT_EQ(answer(*peer, proof(user("alice"), input, true)).code, 402) << which;
  }
}

TEST_F(Connect, S06_AChallengeWorksOnceAndForThirtySeconds) {
  auto peer = connect();
  const Packet challenge = answer(*peer, hello(user("alice")));
  const ConnectInput input = input_for(user("alice"), *peer, challenge);
  ConnectInput wrong = input;
  wrong.port = 1;
  EXPECT_EQ(answer(*peer, proof(user("alice"), wrong, true)).code, 402);
  EXPECT_EQ(answer(*peer, proof(user("alice"), input, true)).code, 402)
      << "used up by the wrong proof";

  auto late = connect();
  const Packet second = answer(*late, hello(user("alice")));
  clock.at += 30'001;  // no tick: the log-in deadline of 20 s does not help here
  EXPECT_EQ(answer(*late, proof(user("alice"), input_for(user("alice"), *late, second), true)).code,
            511);
}

TEST_F(Connect, S07_TheAuthorMustBeTheSigner) {
  auto peer = connect();
  Packet challenge = answer(*peer, hello(user("alice")));
  Packet packet = proof(user("bob"), input_for(user("alice"), *peer, challenge), true);
  EXPECT_EQ(answer(*peer, packet).code, 402) << "other author than in the first step";

  challenge = answer(*peer, hello(user("alice")));
  packet = proof(user("bob"), input_for(user("alice"), *peer, challenge), true);
  packet.set("author", id_of("alice"));
  EXPECT_EQ(answer(*peer, packet).code, 402) << "a meta of another ID";

  auto third = connect();
  challenge = answer(*third, hello(user("alice")));
  const ConnectInput input = input_for(user("alice"), *third, challenge);
  const Packet again = answer(*third, proof(user("alice"), input, false));
  EXPECT_EQ(again.code, 418);
  EXPECT_EQ(again.get("known"), "no");
  EXPECT_NE(again.get("challenge"), challenge.get("challenge"));
  EXPECT_EQ(
      answer(*third, proof(user("alice"), input_for(user("alice"), *third, again), true)).code,
      200);
}

TEST_F(Connect, A04_AnOldVisaBringsNoOldKeyBackIn) {
  auto account = Account::make_user("carol", clock.now() - 60'000, random);
  ASSERT_TRUE(account);
  const Document old_visa = account->visa;
  ASSERT_TRUE(account->renew_message_key(clock.now() - 30'000));
  const auto log_in = [&](const PrivateKey& key, const Document& visa) {
    auto peer = connect();
    const ConnectInput input = input_for(*account, *peer, answer(*peer, hello(*account)));
    Packet packet = proof(*account, input, true);
    packet.set("signature", to_base64(key.sign(connect_signing_input(input))));
    JsonObject content;
    content.set("meta", account->meta.json());
    content.set("visa", visa.json());
    packet.content = write_json(content);
    return answer(*peer, packet).code;
  };
  EXPECT_EQ(log_in(account->message_keys[0], account->visa), 200);
  EXPECT_EQ(log_in(account->message_keys[1], old_visa), 402)
      << "the stolen key of a visa that has been replaced";
  EXPECT_EQ(log_in(account->identity_key, old_visa), 200) << "an old visa alone does no harm";
}

TEST_F(Connect, S10_RefusesAStationAsAuthor) {
  auto peer = connect();
  Packet packet = hello(user("alice"));
  packet.set("author", station_account().id.text());
  EXPECT_EQ(answer(*peer, packet).code, 403);
  EXPECT_TRUE(peer->link.closed);
}

TEST_F(Connect, S10_RefusesAForeignStationAsAuthor) {
  const auto other = Account::make_station("other", {}, clock.now() - 60'000, random);
  ASSERT_TRUE(other);
  auto peer = connect();
  const Packet refused = answer(*peer, hello(*other));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.get("challenge"), "") << "it comes to no signature";
  EXPECT_TRUE(peer->link.closed);
  EXPECT_FALSE(*store.identity(other->id.bare().text()));
}

TEST_F(Connect, S11_RefusesTheBannedAndEndsTheirSessions) {
  auto in = online("alice");
  auto other = online("bob");
  station->reload(config.quotas, {id_of("alice")});
  station->end_of_turn();
  EXPECT_TRUE(in.control->link.closed);
  EXPECT_TRUE(in.text->link.closed);
  EXPECT_EQ(in.control->take().front().code, 403);
  EXPECT_FALSE(other.control->link.closed);

  auto peer = connect();
  const Packet challenge = answer(*peer, hello(user("alice")));
  EXPECT_EQ(
      answer(*peer, proof(user("alice"), input_for(user("alice"), *peer, challenge), false)).code,
      403);
  EXPECT_TRUE(peer->link.closed);
}

TEST_F(Connect, S12_RefusesAWrongExpiredOrForeignProof) {
  auto alice = login("alice");
  auto bob = login("bob");
  const auto lane = [&](const LoggedIn& in, const Bytes& proof_bytes, const Peer& peer) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1").set("session", in.session).set("proof", to_base64(proof_bytes));
    Packet out;
    send(const_cast<Peer&>(peer), packet);
    auto all = const_cast<Peer&>(peer).take();
    return all.empty() ? out : all.front();
  };
  const auto right = [](const LoggedIn& in, const Peer& peer) {
    const Digest32 digest = port_proof(in.token, 8801, peer.binding);
    return Bytes(digest.begin(), digest.end());
  };
  auto peer = connect(Lane::text);
  EXPECT_EQ(lane(alice, Bytes(32, 0), *peer).code, 419);
  EXPECT_EQ(lane(alice, right(bob, *peer), *peer).code, 419);
  peer = connect(Lane::text);
  EXPECT_EQ(lane(alice, alice.token, *peer).code, 419) << "the bare token";
  clock.at += limits::kTokenMs + 1;
  EXPECT_EQ(lane(alice, right(alice, *peer), *peer).code, 419) << "expired";
  clock.at -= limits::kTokenMs + 1;
  EXPECT_EQ(lane(alice, right(alice, *peer), *peer).code, 200);
}

TEST_F(Connect, S13_AProofForOnePortFailsOnAnother) {
  auto alice = login("alice");
  auto peer = connect(Lane::media);
  Packet packet = Packet::request(Operation::connect);
  packet.set("session", alice.session)
      .set("proof", to_base64(port_proof(alice.token, 8801, peer->binding)));
  EXPECT_EQ(answer(*peer, packet).code, 419);
  packet.set("proof", to_base64(port_proof(alice.token, 8802, peer->binding)));
  EXPECT_EQ(answer(*peer, packet).code, 200);
}

class Resume : public StationTest {
 protected:
  Packet resume(Peer& peer, const LoggedIn& in, const std::string& secret) {
    Packet packet = Packet::request(Operation::connect);
    packet.set("id", "1")
        .set("author", in.account->id.bare().text())
        .set("target", in.session)
        .set("resume", secret);
    auto all = ask(peer, packet);
    return all.empty() ? Packet{} : all.front();
  }
};

TEST_F(Resume, S14_RefusesUnknownAndMalformedSessions) {
  auto in = login("alice");
  auto peer = connect();
  in.session = "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4";
  EXPECT_EQ(resume(*peer, in, in.resume).code, 419);
  in.session = "no-guid";
  EXPECT_EQ(resume(*peer, in, in.resume).code, 401);
  auto lane = connect(Lane::text);
  Packet packet = Packet::request(Operation::connect);
  packet.set("session", "zz").set("proof", to_base64(Bytes(32, 1)));
  EXPECT_EQ(answer(*lane, packet).code, 401);
  packet.set("session", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  EXPECT_EQ(answer(*lane, packet).code, 419);
}

TEST_F(Resume, SurvivesARestartAndTakesOverOldConnections) {
  auto in = online("alice");
  start();  // the process died: tokens are gone, the disk is not
  auto peer = connect();
  const Packet welcome = resume(*peer, in, in.resume);
  ASSERT_EQ(welcome.code, 200) << welcome.get("message");
  EXPECT_EQ(welcome.get("session"), in.session);
  EXPECT_NE(welcome.get("resume"), in.resume);
  EXPECT_NE(welcome.get("token"), in.welcome.get("token"));

  auto newer = connect();
  const Packet second = resume(*newer, in, std::string(welcome.get("resume")));
  EXPECT_EQ(second.code, 200);
  EXPECT_TRUE(peer->link.closed);
  EXPECT_EQ(station->sessions(), 1U);
}

TEST_F(Connect, R14_OnAFullDiskWhoIsKnownLogsInAndReadsAndWhoIsNotHas506) {
  auto before = online("alice");
  committer.error = Error{Errc::insufficient_storage, "no space"};
  auto in = online("alice");
  ASSERT_NE(in.text, nullptr);
  Packet get = Packet::request(Operation::get);
  EXPECT_EQ(answer(*in.text, get.set("id", "9").set("type", "message")).code, 200);
  EXPECT_FALSE(station->failed());
  auto peer = connect();
  const Packet challenge = answer(*peer, hello(user("bob")));
  ASSERT_EQ(challenge.code, 418);
  EXPECT_EQ(answer(*peer, proof(user("bob"), input_for(user("bob"), *peer, challenge), true)).code,
            506);
}

TEST_F(Resume, R14_OnAFullDiskASessionIsNotResumedAndTheSameConnectionLogsIn) {
  auto in = online("alice");
  start();
  committer.error = Error{Errc::insufficient_storage, "no space"};
  auto peer = connect();
  EXPECT_EQ(resume(*peer, in, in.resume).code, 419);
  EXPECT_FALSE(peer->link.closed);
  EXPECT_EQ(answer(*peer, hello(user("alice"))).code, 418);
  committer.error.reset();
  auto again = connect();
  EXPECT_EQ(resume(*again, in, in.resume).code, 200) << "the secret was not used up";
}

TEST_F(Resume, C07_ByAWrongClockWhoIsKnownIsServedAndNobodyIsNew) {
  std::vector<LoggedIn> people;  // the station knows their connections until the end
  std::vector<std::unique_ptr<Peer>> peers;
  for (const auto& [jump, stranger] :
       {std::pair{-Millis{3'600'000}, "carol"}, {-Millis{200'000'000'000}, "dave"}}) {
    auto bobby = online("bobby");
    auto alice = online("alice");
    events.clear();
    clock.jump = jump;
    station->tick();
    EXPECT_THAT(events, ::testing::Contains("clock"));
    EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bobby"), "hello")).code, 201);
    EXPECT_EQ(login("alice").welcome.code, 200);
    auto peer = connect();
    EXPECT_EQ(resume(*peer, alice, alice.resume).code, 419);
    EXPECT_EQ(std::ranges::count(events, "login-refused"), 0) << "it was no wrong proof";
    auto other = connect();
    const Packet challenge = answer(*other, hello(user(stranger)));
    EXPECT_EQ(
        answer(*other, proof(user(stranger), input_for(user(stranger), *other, challenge), true))
            .code,
        503);
    EXPECT_FALSE(store.identity(id_of(stranger)).value());
    JsonObject content;
    content.set("document", user("alice").visa.json());
    Packet document = Packet::request(Operation::create);
    document.set("id", "7").set("type", "document").set("target", id_of("alice"));
    document.content = write_json(content);
    EXPECT_EQ(answer(*alice.control, document).code, 503);
    clock.jump = 0;
    station->tick();
    EXPECT_THAT(events, ::testing::Contains("clock-right"));
    EXPECT_EQ(login(stranger).welcome.code, 200);
    auto again = connect();
    EXPECT_EQ(resume(*again, alice, alice.resume).code, 200);
    people.push_back(std::move(alice));
    people.push_back(std::move(bobby));
    for (auto* one : {&peer, &other, &again}) peers.push_back(std::move(*one));
  }
}

TEST_F(Resume, C07_ANewerVisaIsNotTakenByAWrongClock) {
  auto account = Account::make_user("erin", clock.now() - 60'000, random);
  ASSERT_TRUE(account);
  login(*account);
  ASSERT_TRUE(account->renew_message_key(clock.now() - 30'000));
  const auto shown = [&] {
    auto peer = connect();
    const ConnectInput input = input_for(*account, *peer, answer(*peer, hello(*account)));
    EXPECT_EQ(answer(*peer, proof(*account, input, true)).code, 200);
    return store.documents(account->id.bare().text())->front().time;
  };
  clock.jump = -Millis{200'000'000'000};
  EXPECT_LT(shown(), account->visa.time());
  clock.jump = 0;
  EXPECT_EQ(shown(), account->visa.time());
}

TEST_F(Resume, S14_AUsedSecretEndsTheSessionAndIsTold) {
  auto in = login("alice");
  auto other = login("alice");
  const std::string stolen = in.resume;
  station->closed(in.control->id);
  station->end_of_turn();
  auto thief = connect();
  ASSERT_EQ(resume(*thief, in, stolen).code, 200);
  Packet ping = Packet::request(Operation::notify);
  EXPECT_EQ(answer(*thief, ping.set("id", "9").set("type", "ping")).code, 200);

  auto owner = connect();
  EXPECT_EQ(resume(*owner, in, stolen).code, 419);
  EXPECT_TRUE(thief->link.closed);
  auto told = other.control->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("type"), "session");
  EXPECT_EQ(told[0].get("state"), "theft");
  EXPECT_EQ(station->counters().thefts, 1U);
  EXPECT_FALSE(store.resume(*Guid::parse(in.session)).value());
  EXPECT_EQ(answer(*owner, hello(user("alice"))).code, 418)
      << "the identity can still be proven there";
}

TEST_F(Resume, S14_AStolenSessionIsGoneBeforeTheDiskKnows) {
  auto in = login("alice");
  auto first = connect();
  const std::string newest{resume(*first, in, in.resume).get("resume")};
  Packet ping = Packet::request(Operation::notify);
  ASSERT_EQ(answer(*first, ping.set("id", "9").set("type", "ping")).code, 200);
  committer.held = true;
  auto owner = connect();
  EXPECT_EQ(resume(*owner, in, in.resume).code, 419);
  auto thief = connect();
  EXPECT_EQ(resume(*thief, in, newest).code, 419);
  committer.held = false;
  committer.run();
  auto later = connect();
  EXPECT_EQ(resume(*later, in, newest).code, 419);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(Resume, ALostAnswerIsNotTheft) {
  auto in = login("alice");
  auto first = connect();
  ASSERT_EQ(resume(*first, in, in.resume).code, 200);
  station->closed(first->id);  // the client never saw the answer
  start();
  auto second = connect();
  EXPECT_EQ(resume(*second, in, in.resume).code, 200);
  EXPECT_EQ(station->counters().thefts, 0U);
}

TEST_F(Resume, SecretsAreOnTheDiskAsDigestsOnly) {
  auto in = login("alice");
  const auto stored = store.resume(*Guid::parse(in.session)).value();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->secret_sha256.find(in.resume), std::string::npos);
  EXPECT_EQ(stored->secret_sha256.size(), 64U);
}

// A further device has a key of its own and a visa that the identity has signed for it.
class LinkedDevice : public Resume {
 protected:
  void SetUp() override {
    Resume::SetUp();
    phone = online("alice");
    const Account& alice = account_of("alice");
    visa = visa_for(alice, request, nullptr, clock.now()).value();
    laptop =
        std::make_unique<Account>(linked_account({alice.id, alice.meta, *visa, ""}, key()).value());
  }
  static const PrivateKey& key() {
    static const PrivateKey made = PrivateKey::generate_rsa().value();
    return made;
  }
  static Packet publishing(const Document& document) {
    JsonObject content;
    content.set("document", document.json());
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "7").set("type", "document").set("target", id_of("alice"));
    packet.content = write_json(content);
    return packet;
  }
  int publish(const Document& document) {
    return answer(*phone.control, publishing(document), phone.checksum).code;
  }
  /// A message of Bob's with keys for Alice's phone and laptop.
  Packet to_both(const std::string& text) {
    Packet packet = create(account_of("bob"), id_of("alice"), text);
    JsonObject message = *parse_json_object(*packet.content);
    JsonObject keys = *message.find("keys")->object();
    keys.set(id_of("alice") + "/laptop", to_base64(Bytes(256, 3)));
    message.set("keys", keys);
    packet.content = write_json(message);
    return packet;
  }
  /// The code that ends a log-in with the laptop's key.
  int try_login() {
    auto peer = connect();
    const Packet challenge = answer(*peer, hello(*laptop));
    return answer(*peer, proof(*laptop, input_for(*laptop, *peer, challenge), false)).code;
  }
  DeviceRequest request = DeviceRequest::parse(*DeviceRequest::make("laptop", key())).value();
  LoggedIn phone;
  std::optional<Document> visa;
  std::unique_ptr<Account> laptop;
};

TEST_F(LinkedDevice, F07_LogsInWithItsOwnKeyAndHasAnInboxOfItsOwn) {
  EXPECT_EQ(try_login(), 402) << "nobody has said that it is one";
  ASSERT_EQ(publish(*visa), 201);
  auto at_laptop = login(*laptop);
  ASSERT_EQ(at_laptop.welcome.code, 200);
  ASSERT_EQ(open_lane(at_laptop, 0).code, 200);
  auto bob = online("bob");
  for (const char* const text : {"one", "two"})
    EXPECT_EQ(answer(*bob.text, to_both(text), bob.checksum).code, 201);
  EXPECT_EQ(phone.text->take().size(), 2U);
  EXPECT_EQ(at_laptop.text->take().size(), 2U);
  EXPECT_EQ(store.inbox(id_of("alice"), 0, 9, 99'999)->size(), 2U);
  EXPECT_EQ(store.inbox(id_of("alice") + "/laptop", 0, 9, 99'999)->size(), 2U);
}

TEST_F(LinkedDevice, F07_ARemovedOneIsCutOffOnAllPortsAndComesInByNoWay) {
  ASSERT_EQ(publish(*visa), 201);
  auto at_laptop = login(*laptop);
  ASSERT_EQ(open_lane(at_laptop, 0).code, 200);
  // The laptop again, which has not said what it is.
  LoggedIn hidden;
  hidden.control = connect();
  {
    const Packet challenge = answer(*hidden.control, hello(account_of("alice")));
    const auto input = input_for(*laptop, *hidden.control, challenge);
    Packet proof_packet = proof(*laptop, input, false);
    ASSERT_EQ(answer(*hidden.control, proof_packet.set("author", id_of("alice"))).code, 200);
  }
  clock.at += 1'000;
  const Document gone = visa_without(account_of("alice"), *visa, clock.now()).value();
  ASSERT_EQ(publish(gone), 201);
  for (const LoggedIn* one : {&at_laptop, &hidden}) EXPECT_TRUE(one->control->link.closed);
  EXPECT_TRUE(at_laptop.text->link.closed);
  EXPECT_FALSE(phone.control->link.closed);
  EXPECT_THAT(events, testing::Contains("device-removed"));
  auto thief = connect();
  EXPECT_EQ(resume(*thief, at_laptop, at_laptop.resume).code, 419) << "with what it has kept";
  EXPECT_EQ(try_login(), 402);
  EXPECT_EQ(publish(*visa), 407) << "A04";
  auto bob = online("bob");
  EXPECT_EQ(answer(*bob.text, to_both("x"), bob.checksum).code, 201);
  EXPECT_EQ(store.inbox(id_of("alice"), 0, 9, 99'999)->size(), 1U);
  EXPECT_EQ(store.inbox(id_of("alice") + "/laptop", 0, 9, 99'999)->size(), 0U);
  // Another one of that name is another device.
  ASSERT_EQ(publish(visa_for(account_of("alice"), request, &gone, clock.now()).value()), 201);
  EXPECT_EQ(try_login(), 200);
}

TEST_F(LinkedDevice, A44_WhatARemovedOneWroteIsStoredBeforeItsRemovalIsAnswered) {
  ASSERT_EQ(publish(*visa), 201);
  auto at_laptop = login(*laptop);
  ASSERT_EQ(open_lane(at_laptop, 0).code, 200);
  login("bob");
  clock.at += 1'000;
  committer.held = true;
  const Document gone = visa_without(account_of("alice"), *visa, clock.now()).value();
  EXPECT_TRUE(ask(*phone.control, publishing(gone), phone.checksum).empty());
  const Packet message = create(account_of("alice"), id_of("bob"), "x");
  EXPECT_TRUE(ask(*at_laptop.text, message, at_laptop.checksum).empty());
  committer.run_one();  // the removal
  station->end_of_turn();
  EXPECT_TRUE(at_laptop.text->link.closed);
  EXPECT_TRUE(phone.control->take().empty()) << "something of it is still on its way";
  committer.held = false;
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(store.inbox(id_of("bob"), 0, 9, 99'999)->size(), 1U);
  const auto answers = phone.control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 201);
}

TEST_F(LinkedDevice, A04_RemovedOnesTakeNoPlaceAndNoneOfTheirVisasComesBack) {
  const Account& alice = account_of("alice");
  const auto publish_later = [&](const Document& document) {
    clock.at += 60'000;  // the quota of documents
    return publish(document);
  };
  std::map<int, Document> added, gone;
  const auto add = [&](int number) {
    const DeviceRequest named{"device-" + std::to_string(number), request.key};
    const auto before = gone.find(number);
    const auto made = visa_for(alice, named, before != gone.end() ? &before->second : nullptr,
                               clock.now() + 60'000);
    added.insert_or_assign(number, *made);
    return publish_later(*made);
  };
  const auto remove = [&](int number) {
    gone.insert_or_assign(number,
                          visa_without(alice, added.at(number), clock.now() + 60'000).value());
    return publish_later(gone.at(number));
  };
  for (int number = 1; number < 16; ++number) ASSERT_EQ(add(number), 201);
  ASSERT_EQ(add(16), 506) << "with the phone it is the 17th";
  for (int number = 1; number <= 32; ++number) {
    ASSERT_EQ(remove(number), 201);
    ASSERT_EQ(publish_later(added.at(number)), 407);
    ASSERT_EQ(add(number + 15), 201) << number;
  }
  ASSERT_EQ(remove(33), 201) << "always";
  EXPECT_EQ(add(48), 506) << "the removed ones are remembered, and they are too many now";
  EXPECT_EQ(publish_later(added.at(1)), 407);
  EXPECT_EQ(add(1), 201) << "the name of a removed one";
  Packet question = Packet::request(Operation::get);
  question.set("id", "8").set("type", "document").set("target", id_of("alice"));
  const Packet shown = answer(*phone.control, question, phone.checksum);
  ASSERT_EQ(shown.code, 200);
  const JsonObject content = *parse_json_object(*shown.content);
  std::vector<Document> given;
  for (const Json& one : *content.find("documents")->array())
    given.push_back(Document::parse(*one.object(), alice.id, alice.meta).value());
  ASSERT_GE(given.size(), 40U);
  for (std::size_t i = 0; i < given.size(); ++i)
    EXPECT_EQ(is_removed(given[i]), i >= 16) << i << ": who can be written to comes first";
}

TEST_F(LinkedDevice, S14_SessionsOfBeforeARemovalAreNotResumedAfterARestartEither) {
  ASSERT_EQ(publish(*visa), 201);
  auto at_laptop = login(*laptop);
  station->closed(at_laptop.control->id);
  station->end_of_turn();
  clock.at += 1'000;
  ASSERT_EQ(publish(visa_without(account_of("alice"), *visa, clock.now()).value()), 201);
  start();
  auto thief = connect();
  EXPECT_EQ(resume(*thief, at_laptop, at_laptop.resume).code, 419);
  clock.at += 1'000;
  auto again = login("alice");
  station->closed(again.control->id);
  station->end_of_turn();
  auto peer = connect();
  EXPECT_EQ(resume(*peer, again, again.resume).code, 200) << "who has come in since";
}

TEST_F(Connect, S15_TheNinthSessionReplacesTheOldest) {
  std::vector<LoggedIn> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(login("alice"));
    clock.at += 1'000;
  }
  Packet ping = Packet::request(Operation::notify);
  EXPECT_EQ(answer(*all[0].control, ping.set("type", "ping")).code,
            200);  // now the second is the oldest idle
  clock.at += 1'000;
  auto ninth = login("alice");
  EXPECT_EQ(station->sessions(), 8U);
  EXPECT_FALSE(all[0].control->link.closed);
  EXPECT_TRUE(all[1].control->link.closed);
  auto told = all[1].control->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].get("state"), "replaced");
}

TEST_F(Connect, S15_RefusesASecondConnectionOnOnePort) {
  auto in = online("alice");
  auto first = std::move(in.text);
  EXPECT_EQ(open_lane(in, 0).code, 407);
  EXPECT_FALSE(first->link.closed);
}

TEST_F(Connect, P35_RefusesASecondConnect) {
  auto in = online("alice");
  EXPECT_EQ(answer(*in.control, hello(user("alice"))).code, 407);
  Packet packet = Packet::request(Operation::connect);
  packet.set("session", in.session).set("proof", to_base64(Bytes(32, 1)));
  EXPECT_EQ(answer(*in.text, packet).code, 407);
  EXPECT_FALSE(in.control->link.closed);
}

TEST_F(Connect, EndingTheControlLaneEndsTheOthers) {
  auto in = online("alice");
  station->closed(in.control->id);
  station->end_of_turn();
  EXPECT_TRUE(in.text->link.closed);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(Connect, NothingButConnectBeforeTheLogin) {
  auto peer = connect();
  Packet ping = Packet::request(Operation::notify);
  EXPECT_EQ(answer(*peer, ping.set("type", "ping")).code, 418);
  auto text = connect(Lane::text);
  EXPECT_EQ(answer(*text, create(user("alice"), id_of("bob"), "hi")).code, 418);
  EXPECT_EQ(answer(*text, hello(user("alice"))).code, 417);
}

TEST_F(Connect, FailedLoginsAreCountedForTheNetworkNotForTheUser) {
  Packet last;
  for (int i = 0; i < 12; ++i) {
    auto peer = connect(Lane::control, "2001:db8:bad::" + std::to_string(i + 1));
    const Packet challenge = answer(*peer, hello(user("alice")));
    last = challenge;
    if (challenge.code != 418) break;
    ConnectInput wrong = input_for(user("alice"), *peer, challenge);
    wrong.port = 1;
    EXPECT_EQ(answer(*peer, proof(user("alice"), wrong, true)).code, 402);
  }
  EXPECT_EQ(last.code, 416);
  EXPECT_FALSE(last.get("retry-after").empty());
  EXPECT_EQ(login("alice", "2001:db8:600d::1").welcome.code, 200);
}

TEST_F(Connect, FailedLoginsWithOneIdAreCountedWhereverTheyComeFromAndTheRightKeyIsLetIn) {
  (void)login("bob");
  (void)login("alice");
  const auto wrong = [&](const std::string& name, int network) {
    auto peer = connect(Lane::control, "2001:db8:" + std::to_string(network) + "::1");
    const Packet challenge = answer(*peer, hello(user(name)));
    ConnectInput input = input_for(user(name), *peer, challenge);
    input.port = 1;
    Packet refused = answer(*peer, proof(user(name), input, false));
    EXPECT_EQ(peer->link.closed, refused.code == 416);
    return refused;
  };
  for (int i = 1; i <= 20; ++i) EXPECT_EQ(wrong("alice", i).code, 402) << i;
  const Packet refused = wrong("alice", 21);
  EXPECT_EQ(refused.code, 416);
  EXPECT_EQ(refused.get("retry-after"), "180");
  EXPECT_EQ(wrong("bob", 22).code, 402) << "another ID";
  EXPECT_EQ(login("alice", "2001:db8:600d::1").welcome.code, 200) << "she has the key";
  EXPECT_EQ(login("alice", "2001:db8:21::1").welcome.code, 200) << "from a network of theirs too";
  clock.at += 2 * 181'000;
  EXPECT_EQ(wrong("alice", 23).code, 402);
}

TEST_F(Connect, TheThirdWrongProofCloses) {
  auto peer = connect();
  for (int i = 0; i < 3; ++i) {
    ASSERT_FALSE(peer->link.closed);
    const Packet challenge = answer(*peer, hello(user("alice")));
    ConnectInput wrong = input_for(user("alice"), *peer, challenge);
    wrong.port = 1;
    EXPECT_EQ(answer(*peer, proof(user("alice"), wrong, true)).code, 402);
  }
  EXPECT_TRUE(peer->link.closed);
}

TEST_F(Connect, A33_TheSeventeenthVisaOfAUserIsNotKept) {
  const Account& alice = account_of("alice");
  std::vector<Write> writes;
  for (int i = 0; i < 16; ++i) {
    writes.emplace_back(
        PutDocument{alice.id.text(), "visa", "t" + std::to_string(i), clock.now(), "{}"});
  }
  ASSERT_TRUE(store.commit(writes));
  EXPECT_EQ(login("alice").welcome.code, 200) << "but she is let in";
  EXPECT_EQ(store.documents(alice.id.text())->size(), 16U);
}

TEST_F(Connect, S11_ABanThatComesDuringTheLogInCountsToo) {
  const Account& alice = account_of("alice");
  auto control = connect();
  const Packet challenge = answer(*control, hello(alice));
  committer.held = true;
  send(*control, proof(alice, input_for(alice, *control, challenge), true));
  station->reload(config.quotas, {alice.id.text()});
  committer.held = false;
  committer.run();
  station->end_of_turn();
  const auto answers = control->take();
  ASSERT_EQ(answers.size(), 1U);
  EXPECT_EQ(answers[0].code, 403);
  EXPECT_TRUE(control->link.closed);
  EXPECT_EQ(station->sessions(), 0U);
}

TEST_F(Connect, P16_AHeaderThatNeverEndsIsClosedAfterTenSeconds) {
  auto peer = connect();
  bytes(*peer, "version: dim/2023\noperation: CONNECT\nx: ");
  for (int i = 0; i < 99; ++i) {
    pass(100);
    if (!peer->link.closed) bytes(*peer, "y");
  }
  EXPECT_FALSE(peer->link.closed);
  pass(1'200);
  EXPECT_TRUE(peer->link.closed);
  EXPECT_EQ(peer->take().front().code, 511);
}

TEST_F(Connect, P19_AContentThatStopsIsClosedAfterTenSeconds) {
  auto in = online("alice");
  bytes(*in.text,
        "version: dim/2023\noperation: CREATE\nid: 4\ntype: message\nlength: 9999\nchecksum: "
        "crc32c-AAAAAA==\n"
        "content: |\n\"\"\"\nhalf");
  pass(9'000);
  EXPECT_FALSE(in.text->link.closed);
  pass(2'500);
  EXPECT_TRUE(in.text->link.closed);
  auto told = in.text->take();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front().code, 511);
}

TEST_F(Connect, AContentThatComesAtLessThan64BytesASecondIsClosed) {
  auto slow = online("alice");
  auto slow_enough = online("bob");
  const std::string head =
      "version: dim/2023\noperation: CREATE\nid: 4\ntype: message\nlength: 9999\nchecksum: "
      "crc32c-AAAAAA==\ncontent: |\n\"\"\"\n";
  bytes(*slow.text, head);
  bytes(*slow_enough.text, head);
  const Millis begun = clock.at;
  for (int second = 1; second <= 40; ++second) {
    pass(1'000);
    if (!slow.text->link.closed) bytes(*slow.text, std::string(32, 'x'));
    bytes(*slow_enough.text, std::string(80, 'x'));
    if (clock.at - begun < 10'000) {
      ASSERT_FALSE(slow.text->link.closed) << second;
    }
    if (clock.at - begun > 12'000) {
      ASSERT_TRUE(slow.text->link.closed) << second;
    }
    ASSERT_FALSE(slow_enough.text->link.closed) << second;
  }
  const auto told = slow.text->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told.front().code, 511);
}

TEST_F(Connect, IdleSessionsEndAfterFiveMinutesAndPingsKeepThem) {
  auto in = online("alice");
  Packet ping = Packet::request(Operation::notify);
  ping.set("type", "ping");
  pass(200'000, 1'000);
  EXPECT_EQ(answer(*in.control, ping).code, 200);
  pass(200'000, 1'000);
  EXPECT_FALSE(in.control->link.closed);
  EXPECT_TRUE(in.text->link.closed);
  pass(101'000, 1'000);
  EXPECT_TRUE(in.control->link.closed);
}

TEST_F(Connect, LoginMustBeCompleteInTwentySeconds) {
  auto peer = connect();
  EXPECT_EQ(answer(*peer, hello(user("alice"))).code, 418);
  pass(19'000);
  EXPECT_FALSE(peer->link.closed);
  pass(2'000);
  EXPECT_TRUE(peer->link.closed);
}

TEST_F(Connect, AStationThatStopsSaysSo) {
  auto in = online("alice");
  station->stop();
  station->end_of_turn();
  EXPECT_TRUE(in.control->link.closed);
  EXPECT_EQ(in.control->take().front().code, 503);
}

}  // namespace
}  // namespace dim::station_test
