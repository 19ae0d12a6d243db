// Prekeys at the station (docs/protocol/native.md): who brings and gets them, each one-time key
// once.
#include "dim/native/prekeys.h"

#include <gmock/gmock.h>

#include "dim/engine/device_link.h"
#include "server/records.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

using native::DeviceKeys;
using native::PrekeyBundle;
using native::PrekeyKind;
using native::PrekeySecret;
using native::PrekeySet;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

Packet request(Operation operation, const std::string& target) {
  Packet packet = Packet::request(operation);
  packet.set("id", "9").set("type", "prekeys").set("target", target);
  return packet;
}

class Prekeys : public StationTest {
 protected:
  static Id device(const std::string& name, const std::string& terminal) {
    return *Id::parse(id_of(name) + (terminal.empty() ? "" : "/" + terminal));
  }

  /// Alice, logged in as one of her devices.
  LoggedIn login_as(const std::string& terminal) {
    LoggedIn in;
    in.account = &user("alice");
    in.control = connect();
    const Packet challenge = answer(*in.control, hello(*in.account));
    Packet packet = proof(*in.account, input_for(*in.account, *in.control, challenge), false);
    packet.set("author", device("alice", terminal).text());
    const Packet welcome = answer(*in.control, packet);
    EXPECT_EQ(welcome.code, 200) << welcome.get("message");
    learn(in, welcome);
    return in;
  }

  /// The visa of a device of `name`, with the keys of the suite or none, at the station.
  Packet publish(LoggedIn& in, const std::string& terminal, const DeviceKeys* keys) {
    JsonObject properties;
    properties.set("key", *in.account->visa.properties().find("key"));
    if (keys != nullptr) properties.set("n1", keys->public_half().json());
    clock.at += 1'000;
    const Id id =
        *Id::parse(in.account->id.bare().text() + (terminal.empty() ? "" : "/" + terminal));
    return publish(in, Document::make(id, "visa", std::move(properties), clock.now(),
                                      in.account->identity_key));
  }
  Packet publish(LoggedIn& in, const Document& visa) {
    Packet packet = Packet::request(Operation::create);
    packet.set("id", "7").set("type", "document").set("target", visa.id().bare().text());
    JsonObject content;
    content.set("document", visa.json());
    packet.content = write_json(content);
    return answer(*in.control, packet);
  }

  /// One-time keys of the ids `first` to `last`, an empty set of them where last < first.
  PrekeySet set_of(const DeviceKeys& keys, const Id& id, std::uint32_t first, std::uint32_t last) {
    PrekeySet out;
    out.signed_prekey =
        PrekeySecret::generate(PrekeyKind::signed_prekey, 500'000, clock.now(), random)
            .sign(keys, id);
    out.last_resort = PrekeySecret::generate(PrekeyKind::last_resort, 500'001, clock.now(), random)
                          .sign(keys, id);
    for (std::uint32_t one = first; one <= last; ++one)
      out.one_time.push_back(PrekeySecret::generate(PrekeyKind::one_time, one, clock.now(), random)
                                 .sign_one_time(keys, id));
    return out;
  }
  Packet upload(LoggedIn& in, const PrekeySet& set, const std::string& target) {
    Packet packet = request(Operation::create, target);
    packet.content = write_json(set.json());
    return answer(*in.control, packet);
  }

  /// Alice with a device `phone` that has brought so many one-time keys, from 1 on.
  LoggedIn alice_with(std::uint32_t one_time) {
    LoggedIn alice = login("alice");
    EXPECT_EQ(publish(alice, "phone", &phone).code, 201);
    const Packet told = upload(alice, set_of(phone, device("alice", "phone"), 1, one_time),
                               device("alice", "phone").text());
    EXPECT_EQ(told.code, 201) << told.get("message");
    EXPECT_EQ(told.get("count"), std::to_string(one_time));
    return alice;
  }

  static std::vector<PrekeyBundle> bundles(const Packet& packet) {
    std::vector<PrekeyBundle> out;
    EXPECT_EQ(packet.code, 200) << packet.get("message");
    const auto all = parse_json(packet.content.value_or(""));
    if (!all || all->array() == nullptr) {
      ADD_FAILURE() << "no list: " << packet.content.value_or("");
      return out;
    }
    for (const Json& one : *all->array()) {
      auto bundle = PrekeyBundle::parse(*one.object());
      EXPECT_TRUE(bundle) << to_string(bundle.error());
      if (bundle) out.push_back(std::move(*bundle));
    }
    return out;
  }
  std::vector<PrekeyBundle> fetch(LoggedIn& in, const std::string& target) {
    return bundles(answer(*in.control, request(Operation::get, target)));
  }
  /// The id of the one-time key of Alice's only device that `in` gets; 0: the last-resort key.
  std::uint32_t fetch_one(LoggedIn& in) {
    const auto all = fetch(in, id_of("alice"));
    if (all.size() != 1) {
      ADD_FAILURE() << all.size() << " devices";
      return 0;
    }
    EXPECT_TRUE(all[0].verify(device("alice", ""), phone.public_half()));
    EXPECT_NE(all[0].one_time.has_value(), all[0].last_resort.has_value());
    return all[0].one_time ? all[0].one_time->id : 0;
  }
  std::size_t left(const std::string& name = "alice") {
    const auto rows = store.prekeys(id_of(name));
    EXPECT_TRUE(rows);
    std::size_t out = 0;
    for (const StoredPrekeys& row : *rows) out += row.one_time;
    return out;
  }

  DeviceKeys phone = DeviceKeys::generate(random);
  DeviceKeys tablet = DeviceKeys::generate(random);
};

TEST_F(Prekeys, AreGivenOutOnceTheLastResortKeyBehindThem) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  auto carol = login("carol", "2001:db8:3::7");
  EXPECT_EQ(fetch_one(bob), 1U);
  EXPECT_EQ(fetch_one(carol), 2U);
  pass(61'000);
  EXPECT_EQ(fetch_one(bob), 3U);
  EXPECT_EQ(left(), 0U);
  pass(61'000);
  EXPECT_EQ(fetch_one(bob), 0U);
  EXPECT_EQ(fetch_one(carol), 0U);
}

TEST_F(Prekeys, OneMinuteOneUserOneDeviceOneKey) {
  auto alice = alice_with(5);
  auto bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(fetch_one(bob), 1U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(fetch_one(bob), 0U);
  auto again = login("bob", "2001:db8:9::9");
  EXPECT_EQ(fetch_one(again), 0U) << "another connection of the same user";
  pass(59'000);
  EXPECT_EQ(fetch_one(bob), 0U);
  pass(2'000);
  EXPECT_EQ(fetch_one(bob), 2U);
  EXPECT_EQ(publish(alice, "tablet", &tablet).code, 201);
  const std::string target = device("alice", "tablet").text();
  EXPECT_EQ(upload(alice, set_of(tablet, device("alice", "tablet"), 1, 2), target).code, 201);
  const auto both = fetch(bob, id_of("alice"));
  ASSERT_THAT(both, SizeIs(2));
  EXPECT_FALSE(both[0].one_time) << "of the phone a minute has not passed";
  ASSERT_TRUE(both[1].one_time);
  EXPECT_EQ(both[1].terminal, "tablet");
  EXPECT_EQ(both[1].one_time->id, 1U);
}

TEST_F(Prekeys, ANetworkDrainsThemSlowlyWhateverIdsItMakes) {
  auto alice = alice_with(10);
  std::vector<std::uint32_t> given;
  int place = 0;
  for (const char* name : {"dave", "erin", "frank", "grace", "heidi", "ivan"}) {
    auto one = login(name, "2001:db8:66::" + std::to_string(++place));
    given.push_back(fetch_one(one));
  }
  EXPECT_THAT(given, ElementsAre(1, 2, 3, 4, 5, 0));
  auto bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(fetch_one(bob), 6U) << "somebody elsewhere still gets one";
  EXPECT_EQ(left(), 4U);
}

TEST_F(Prekeys, R1_NothingIsGivenOutBeforeItsRemovalIsOnTheDisk) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  committer.held = true;
  EXPECT_THAT(ask(*bob.control, request(Operation::get, id_of("alice"))), IsEmpty());
  EXPECT_EQ(left(), 3U);
  committer.run();
  station->end_of_turn();
  EXPECT_EQ(left(), 2U) << "before the answer leaves";
  auto told = bob.control->take();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(bundles(told[0]).at(0).one_time->id, 1U);
  committer.held = false;
}

TEST_F(Prekeys, R1_AStationThatBeginsAnewGoesOnBehindWhatWasGivenOut) {
  {
    auto alice = alice_with(4);
    auto bob = login("bob", "2001:db8:2::7");
    EXPECT_EQ(fetch_one(bob), 1U);
  }
  // A removal that reached the disk, of an answer that reached nobody.
  const Write lost = TakePrekey{id_of("alice"), "phone", to_base64(phone.sig.public_key())};
  ASSERT_EQ(store.commit(std::span(&lost, 1))->at(0).accepted, Accepted::stored);
  start();
  auto bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(fetch_one(bob), 3U);
  auto alice = login("alice");
  // The upload again, as after an answer that was lost: what was given out stays away.
  const Id id = device("alice", "phone");
  clock.at += 1'000;
  const Packet told = upload(alice, set_of(phone, id, 1, 4), id.text());
  EXPECT_EQ(told.code, 201);
  EXPECT_EQ(told.get("count"), "1");
  EXPECT_EQ(told.get("newest"), "4");
  auto carol = login("carol", "2001:db8:3::7");
  EXPECT_EQ(fetch_one(carol), 4U);
}

TEST_F(Prekeys, OnAFullDiskThereIsTheLastResortKey) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  committer.error = Error{Errc::insufficient_storage, "full"};
  EXPECT_EQ(fetch_one(bob), 0U);
  EXPECT_EQ(left(), 3U);
  EXPECT_EQ(
      upload(alice, set_of(phone, device("alice", "phone"), 4, 4), device("alice", "phone").text())
          .code,
      506);
  committer.error.reset();
}

TEST_F(Prekeys, WhoIsBlockedGetsNoOneTimeKeyAndLearnsNothing) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  const Write block = PutDocument{id_of("alice"), std::string(kBlockRecord), "", clock.now(),
                                  R"({"list":[")" + id_of("bob") + R"("]})"};
  ASSERT_TRUE(store.commit(std::span(&block, 1)));
  start();
  bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(fetch_one(bob), 0U);
  auto carol = login("carol", "2001:db8:3::7");
  EXPECT_EQ(fetch_one(carol), 1U);
}

TEST_F(Prekeys, AreTheOwnersToBringCountAndDrop) {
  auto alice = alice_with(3);
  const Id id = device("alice", "phone");
  Packet told = answer(*alice.control, request(Operation::get, id_of("alice")));
  EXPECT_EQ(told.code, 200);
  EXPECT_EQ(told.content, R"([{"device":"phone","signed":500000,"time":")" +
                              format_time(clock.now()) + R"(","count":3,"newest":3}])");
  EXPECT_EQ(left(), 3U) << "counting takes none";
  told = upload(alice, set_of(phone, id, 1, 0), id.text());
  EXPECT_EQ(told.get("count"), "3") << "a new signed prekey alone";
  auto bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(upload(bob, set_of(phone, id, 4, 5), id.text()).code, 403);
  EXPECT_EQ(answer(*bob.control, request(Operation::erase, id.text())).code, 403);
  EXPECT_EQ(left(), 3U);
  EXPECT_EQ(answer(*alice.control, request(Operation::erase, id.text())).code, 403)
      << "this session is not the phone's";
  EXPECT_EQ(left(), 3U);
  auto at_phone = login_as("phone");
  EXPECT_EQ(answer(*at_phone.control, request(Operation::erase, id_of("alice"))).code, 403);
  EXPECT_EQ(answer(*at_phone.control, request(Operation::erase, id.text())).code, 204);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(fetch_one(bob), 0U) << "the last-resort key is still there";
  EXPECT_EQ(upload(at_phone, set_of(phone, id, 3, 4), id.text()).get("count"), "1");
  EXPECT_EQ(answer(*alice.control, request(Operation::erase, id_of("alice"))).code, 404);
  // Of one's other devices one gets keys, to begin a session with them; of this one none is spent.
  auto own = fetch(at_phone, id_of("alice") + "/*");
  ASSERT_THAT(own, SizeIs(1));
  EXPECT_FALSE(own[0].one_time);
  own = fetch(alice, id_of("alice") + "/*");
  ASSERT_THAT(own, SizeIs(1));
  EXPECT_EQ(own[0].one_time->id, 4U);
}

TEST_F(Prekeys, ADeviceWithoutATerminalHasThemUnderTheBareId) {
  auto alice = login("alice");
  ASSERT_EQ(publish(alice, "", &phone).code, 201);
  const Id id = device("alice", "");
  EXPECT_EQ(upload(alice, set_of(phone, id, 1, 1), id.text()).code, 201);
  auto bob = login("bob", "2001:db8:2::7");
  EXPECT_EQ(fetch_one(bob), 1U);
}

TEST_F(Prekeys, WhatNoVisaOfTheDeviceProvesIs402) {
  auto alice = login("alice");
  const Id id = device("alice", "phone");
  const PrekeySet right = set_of(phone, id, 1, 2);
  EXPECT_EQ(upload(alice, right, id.text()).code, 402) << "no visa of that device";
  ASSERT_EQ(publish(alice, "phone", nullptr).code, 201);
  EXPECT_EQ(upload(alice, right, id.text()).code, 402) << "a visa without keys";
  ASSERT_EQ(publish(alice, "phone", &tablet).code, 201);
  EXPECT_EQ(upload(alice, right, id.text()).code, 402) << "a visa with other keys";
  ASSERT_EQ(publish(alice, "phone", &phone).code, 201);
  PrekeySet wrong = right;
  wrong.signed_prekey.signature[3] ^= 1;
  EXPECT_EQ(upload(alice, wrong, id.text()).code, 402);
  wrong = right;
  wrong.last_resort.key[3] ^= 1;
  EXPECT_EQ(upload(alice, wrong, id.text()).code, 402);
  wrong = right;
  std::swap(wrong.one_time[0].signature, wrong.one_time[1].signature);
  EXPECT_EQ(upload(alice, wrong, id.text()).code, 402);
  wrong = right;
  std::swap(wrong.signed_prekey, wrong.last_resort);
  EXPECT_EQ(upload(alice, wrong, id.text()).code, 402) << "one kind in the place of another";
  EXPECT_EQ(upload(alice, set_of(phone, device("alice", "tablet"), 1, 2), id.text()).code, 402);
  EXPECT_EQ(left(), 0U);
  EXPECT_EQ(upload(alice, right, id.text()).code, 201);
}

TEST_F(Prekeys, MalformedAndTooMuchIsRefusedWhole) {
  auto alice = alice_with(3);
  const Id id = device("alice", "phone");
  const auto with = [&](std::optional<std::string> content) {
    Packet packet = request(Operation::create, id.text());
    packet.content = std::move(content);
    return answer(*alice.text, packet).code;
  };
  ASSERT_EQ(open_lane(alice, std::nullopt).code, 200);
  EXPECT_EQ(with(std::nullopt), 401);
  EXPECT_EQ(with("[]"), 401);
  EXPECT_EQ(with("{}"), 401);
  EXPECT_EQ(with("{\"v\":1" + std::string(64 * 1024, ' ') + "}"), 411);
  EXPECT_EQ(with(write_json(set_of(phone, id, 4, 104).json())), 411) << "101 one-time keys";
  PrekeySet twice = set_of(phone, id, 4, 5);
  twice.one_time[1] = twice.one_time[0];
  EXPECT_EQ(with(write_json(twice.json())), 401);
  EXPECT_EQ(with(write_json(set_of(phone, id, 0, 1).json())), 401) << "ids begin with 1";
  PrekeySet late = set_of(phone, id, 4, 4);
  clock.jump = -400'000;
  EXPECT_EQ(with(write_json(late.json())), 401) << "a key from the future";
  clock.jump = 0;
  late.last_resort =
      PrekeySecret::generate(PrekeyKind::last_resort, 500'001, clock.now() + 400'000, random)
          .sign(phone, id);
  EXPECT_EQ(with(write_json(late.json())), 401) << "a last-resort key from the future";
  const PrekeySet before = set_of(phone, id, 4, 4);
  clock.at += 5'000;
  EXPECT_EQ(with(write_json(set_of(phone, id, 5, 5).json())), 201);
  EXPECT_EQ(with(write_json(before.json())), 407) << "an older signed prekey";
  EXPECT_EQ(left(), 4U);
  EXPECT_EQ(with(write_json(set_of(phone, id, 6, 105).json())), 201);
  EXPECT_EQ(with(write_json(set_of(phone, id, 106, 202).json())), 506);
  EXPECT_EQ(left(), 104U);
  EXPECT_EQ(with(write_json(set_of(phone, id, 106, 201).json())), 201);
  EXPECT_EQ(left(), limits::kOneTimeKeys);
}

TEST_F(Prekeys, AreAskedForOfUsersThatAreKnownHere) {
  auto bob = login("bob");
  EXPECT_EQ(answer(*bob.control, request(Operation::get, id_of("nobody-here"))).code, 404);
  EXPECT_EQ(answer(*bob.control, request(Operation::get, "everyone@everywhere")).code, 404);
  EXPECT_EQ(answer(*bob.control, request(Operation::get, "@")).code, 401);
  EXPECT_EQ(answer(*bob.control, request(Operation::edit, id_of("bob"))).code, 501);
  auto alice = login("alice");
  EXPECT_THAT(fetch(bob, id_of("alice")), IsEmpty());
  EXPECT_THAT(fetch(bob, id_of("alice") + "/phone"), IsEmpty());
}

TEST_F(Prekeys, GoWithTheirDevice) {
  auto alice = alice_with(3);
  ASSERT_EQ(publish(alice, "tablet", &tablet).code, 201);
  const Id other = device("alice", "tablet");
  ASSERT_EQ(upload(alice, set_of(tablet, other, 1, 2), other.text()).code, 201);
  const auto documents = store.documents(id_of("alice"));
  const auto stored = std::ranges::find(*documents, "phone", &StoredDocument::terminal);
  ASSERT_NE(stored, documents->end());
  const auto visa = Document::parse(*parse_json_object(stored->document), device("alice", ""),
                                    user("alice").meta);
  ASSERT_TRUE(visa);
  clock.at += 1'000;
  EXPECT_EQ(publish(alice, visa_without(user("alice"), *visa, clock.now()).value()).code, 201);
  EXPECT_EQ(left(), 2U) << "those of the tablet";
  auto bob = login("bob", "2001:db8:2::7");
  auto all = fetch(bob, id_of("alice"));
  ASSERT_THAT(all, SizeIs(1));
  EXPECT_EQ(all[0].terminal, "tablet");
  const Id id = device("alice", "phone");
  EXPECT_EQ(upload(alice, set_of(phone, id, 4, 4), id.text()).code, 402);
  // A new device of that name has nothing of the old one.
  DeviceKeys fresh = DeviceKeys::generate(random);
  ASSERT_EQ(publish(alice, "phone", &fresh).code, 201);
  EXPECT_EQ(upload(alice, set_of(fresh, id, 1, 1), id.text()).get("count"), "1");
}

TEST_F(Prekeys, GoWithTheKeysThatSignedThem) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  ASSERT_EQ(publish(alice, "phone", &phone).code, 201);
  EXPECT_EQ(left(), 3U) << "a visa that was signed anew changes nothing";
  ASSERT_EQ(publish(alice, "phone", &tablet).code, 201);
  EXPECT_EQ(left(), 0U);
  EXPECT_THAT(fetch(bob, id_of("alice")), IsEmpty());
  const Id id = device("alice", "phone");
  EXPECT_EQ(upload(alice, set_of(tablet, id, 1, 2), id.text()).get("count"), "2");
  ASSERT_EQ(publish(alice, "phone", nullptr).code, 201);
  EXPECT_THAT(fetch(bob, id_of("alice")), IsEmpty());
  EXPECT_THAT(*store.prekeys(id_of("alice")), IsEmpty());
}

TEST_F(Prekeys, GoWithTheirUserAndABanEndsWhoBringsThem) {
  auto alice = alice_with(3);
  auto bob = login("bob", "2001:db8:2::7");
  const auto admin = [&](const std::string& verb) {
    std::string out;
    station->admin(R"({"verb":")" + verb + R"(","target":")" + id_of("alice") + "\"}",
                   "operator:1000", [&](std::string text) { out = std::move(text); });
    station->end_of_turn();
    EXPECT_TRUE(out.starts_with(R"({"ok":true)")) << out;
  };
  admin("bans-add");
  EXPECT_TRUE(alice.control->link.closed);
  EXPECT_EQ(fetch_one(bob), 1U) << "a ban may be lifted, and what was written waits";
  admin("users-remove");
  EXPECT_THAT(*store.prekeys(id_of("alice")), IsEmpty());
  EXPECT_EQ(answer(*bob.control, request(Operation::get, id_of("alice"))).code, 404);
}

}  // namespace
}  // namespace dim::station_test
