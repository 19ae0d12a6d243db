// Changed keys of others: what the home keeps of them, what is said, and that nothing is sent.
#include "client/home_fixture.h"
#include "dim/engine/verify.h"
#include "testing/twin_metas.h"

namespace dim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// A user of an ID that another key makes as well.
Account twin(std::string_view scalar, Millis now) {
  testing::Twin made = testing::make_twin(scalar);
  JsonObject properties;
  properties.set("key", fake_user(2).message_keys[0].public_key().json());
  properties.set("features", JsonArray{Json("bind")});
  Document visa = Document::make(made.id, "visa", properties, now, made.key);
  return {made.id, made.meta, std::move(visa), std::move(made.key), {}};
}
const Account& real() {
  static const Account account = twin(testing::kFirstTwin, kFakeNow - 1'000);
  return account;
}
const Account& forged() {
  static const Account account = twin(testing::kSecondTwin, kFakeNow - 900);
  return account;
}

class HomeKnown : public HomeTest {
 protected:
  void verify(const Account& account) {
    ASSERT_TRUE(home.confirm(account.id, account.meta.digest(), clock.now()));
  }
  static SignedMessage with(const SignedMessage& message, std::string_view name,
                            const JsonObject& value) {
    JsonObject json = to_json(message);
    json.set(name, value);
    return SignedMessage::parse(write_json(json)).value();
  }
  /// A visa of the peer that says it is the second, and does not continue the first.
  JsonObject forked_visa() {
    JsonObject properties;
    properties.set("key", fake_user(3).message_keys[0].public_key().json());
    properties.set("features", JsonArray{Json("bind")});
    properties.set("rev", 2);
    properties.set("prev", "sha256-" + to_base64(sha256(as_bytes("another first one"))));
    return Document::make(peer().id, "visa", properties, clock.now(), peer().identity_key).json();
  }
  /// One of many devices of the peer, or its newest visa.
  Document visa_for(const std::string& terminal, Millis time, std::optional<Document> after = {}) {
    JsonObject properties;
    properties.set("key", fake_user(3).message_keys[0].public_key().json());
    properties.set("features", JsonArray{Json("bind")});
    properties.set("rev", after ? 2 : 1);
    if (after) properties.set("prev", "sha256-" + to_base64(after->digest()));
    const Id device = terminal.empty() ? peer().id : peer().id.with_terminal(terminal);
    return Document::make(device, "visa", properties, time, peer().identity_key);
  }
  void answer_documents(const std::vector<Document>& documents) {
    const Packet asked = station.next(Lane::control);
    EXPECT_EQ(asked.get("type"), "document");
    EXPECT_EQ(asked.get("target"), peer().id.text());
    JsonObject content;
    content.set("meta", peer().meta.json());
    JsonArray list;
    for (const Document& document : documents) list.emplace_back(document.json());
    content.set("documents", std::move(list));
    Packet packet = Packet::response(200, asked.get("id"));
    packet.content = write_json(content);
    answer(Lane::control, packet);
  }
  std::vector<std::string> sealed_for(const Packet& request) {
    std::vector<std::string> out;
    const SignedMessage message = SignedMessage::parse(*request.content).value();
    for (const auto& [name, key] : message.sealed.keys) out.push_back(name);
    return out;
  }
  std::optional<Errc> refusal(const Account& to) {
    auto sent = messenger->send_text(to.id, "hello");
    return sent ? std::nullopt : std::optional(sent.error().code);
  }
  std::vector<std::string> notices_about(const Account& account) {
    std::vector<std::string> out;
    const auto unread = messenger->unread().value();
    for (const HistoryEntry& entry : unread) {
      if (is_key_notice(entry) && entry.peer.same_entity(account.id)) out.push_back(entry.words);
    }
    return out;
  }
  Contact contact_of(const Account& account) {
    return home.contact(account.id).value().value_or(Contact{.id = account.id});
  }
};

TEST_F(HomeKnown, A02_TwoMetasWithProofStopSendingAlsoAfterARestart) {
  know(real());
  log_in();
  EXPECT_EQ(refusal(real()), std::nullopt);
  push(with(from(forged(), TextContent::make("it is me", clock.now(), fake_random())), "meta",
            forged().meta.json()));
  ASSERT_THAT(received, SizeIs(2)) << "the message that cannot be believed, and the alarm";
  EXPECT_THAT(notices_about(real()), ElementsAre(HasSubstr("two different keys")));
  EXPECT_EQ(refusal(real()), Errc::security_error);
  EXPECT_TRUE(contact_of(real()).blocked);
  restart();
  EXPECT_EQ(home.directory().find(real().id)->state, MetaState::suspect);
  EXPECT_EQ(refusal(real()), Errc::security_error);
  EXPECT_THAT(notices_about(real()), SizeIs(1)) << "it is told until somebody has seen it";

  // The user has compared numbers: the old one is right.
  ASSERT_TRUE(home.confirm(real().id, real().meta.digest(), clock.now()));
  EXPECT_EQ(refusal(real()), std::nullopt);
  restart();
  EXPECT_EQ(refusal(real()), std::nullopt);
  EXPECT_TRUE(contact_of(real()).verified);
  // What has been decided against says nothing any more.
  push(with(from(forged(), TextContent::make("me again", clock.now(), fake_random())), "meta",
            forged().meta.json()));
  EXPECT_EQ(refusal(real()), std::nullopt);
}

TEST_F(HomeKnown, A02_AStationThatHandsOutAnotherMetaWithItsVisaIsAnAlarm) {
  know(real());
  (void)home.learn(real().id, forged().meta.json(), {}, clock.now());
  EXPECT_FALSE(contact_of(real()).blocked) << "without proof it is nothing (J16)";
  (void)home.learn(real().id, forged().meta.json(), {forged().visa.json()}, clock.now());
  EXPECT_TRUE(contact_of(real()).blocked);
  EXPECT_THAT(home.take_alarms(), SizeIs(1));
  // The other one is taken: what the first has signed is gone.
  ASSERT_TRUE(home.confirm(real().id, forged().meta.digest(), clock.now()));
  EXPECT_EQ(home.directory().find(real().id)->meta->digest(), forged().meta.digest());
  EXPECT_TRUE(home.directory().message_keys(real().id).empty());
}

TEST_F(HomeKnown, I13_AForkedVisaStopsSendingToWhomOneHasVerified) {
  log_in();
  verify(peer());
  send("before");
  accept(station.next(Lane::text));
  push(with(from_peer("with another visa"), "visa", forked_visa()));
  EXPECT_THAT(notices_about(peer()), ElementsAre(HasSubstr("does not follow on")));
  EXPECT_EQ(refusal(peer()), Errc::security_error);
  push(with(from_peer("and again"), "visa", forked_visa()));
  EXPECT_THAT(notices_about(peer()), SizeIs(1)) << "one alarm for one state";
  restart();
  EXPECT_EQ(refusal(peer()), Errc::security_error);
  EXPECT_TRUE(contact_of(peer()).blocked);

  ASSERT_TRUE(home.confirm(peer().id, peer().meta.digest(), clock.now()));
  EXPECT_EQ(refusal(peer()), std::nullopt);
  restart();
  const auto keys = home.directory().message_keys(peer().id);
  ASSERT_THAT(keys, SizeIs(1));
  EXPECT_EQ(keys[0].second.data(), fake_user(3).message_keys[0].public_key().data())
      << "the new one counts now";
}

TEST_F(HomeKnown, I13_OfUnverifiedContactsItIsTakenAndTold) {
  log_in();
  send("before");
  accept(station.next(Lane::text));
  push(with(from_peer("with another visa"), "visa", forked_visa()));
  EXPECT_THAT(notices_about(peer()), ElementsAre(HasSubstr("you have not verified them")));
  EXPECT_EQ(refusal(peer()), std::nullopt);
  restart();
  EXPECT_EQ(home.directory().message_keys(peer().id)[0].second.data(),
            fake_user(3).message_keys[0].public_key().data());
}

TEST_F(HomeKnown, I13_WhatWaitsInTheOutboxDoesNotGoOutAfterTheAlarm) {
  verify(peer());
  messenger.emplace(home, transport(), clock, fake_random(), MessengerEvents{},
                    Messenger::Options{});
  const std::string guid = send("written while the station is away");
  (void)home.learn(peer().id, peer().meta.json(), {forked_visa()}, clock.now());
  log_in();
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  const HistoryEntry entry = entry_of(guid);
  EXPECT_EQ(entry.tick, Tick::failed);
  EXPECT_THAT(entry.cause, HasSubstr("dim verify"));
}

TEST_F(HomeKnown, A04_KeysAreAskedForAgainAfterADayBeforeAnythingIsSealed) {
  log_in();
  send("with the keys of today");
  accept(station.next(Lane::text));
  clock.passed += 86'400'001;
  send("with those of tomorrow");
  EXPECT_THAT(station.requests[Lane::text], IsEmpty());
  answer_documents({visa_for("", clock.now() - 1'000, peer().visa)});
  const Packet sent = station.next(Lane::text);
  accept(sent);
  EXPECT_EQ(home.directory().message_keys(peer().id)[0].second.data(),
            fake_user(3).message_keys[0].public_key().data());
  EXPECT_THAT(notices_about(peer()), IsEmpty()) << "it continues the chain";
  send("and again");
  accept(station.next(Lane::text));
  EXPECT_THAT(station.requests[Lane::control], IsEmpty()) << "asked once a day";
  restart();
  send("by the next program");
  accept(station.next(Lane::text));
  EXPECT_THAT(station.requests[Lane::control], IsEmpty());
}

TEST_F(HomeKnown, AStationThatHasNoTimeHoldsUpNothingForWhomKeysAreKnown) {
  log_in();
  clock.passed += 86'400'001;
  send("with the keys of yesterday");
  answer(Lane::control, Packet::response(503, station.next(Lane::control).get("id")));
  accept(station.next(Lane::text));
  send("and another");
  accept(station.next(Lane::text));
}

TEST_F(HomeKnown, AskingAgainAsksTheStationWhateverIsKnown) {
  log_in();
  std::optional<Status> done;
  messenger->fetch(peer().id, [&](Status status) { done = status; });
  ASSERT_TRUE(done.has_value()) << "known, and asked today";
  done.reset();
  messenger->refresh(peer().id, [&](Status status) { done = status; });
  EXPECT_FALSE(done.has_value());
  answer_documents({visa_for("", clock.now(), peer().visa)});
  EXPECT_TRUE(done && *done);
}

TEST_F(HomeKnown, OfManyDevicesTheNewestAreKept) {
  log_in();
  std::vector<Document> devices;
  for (int i = 0; i < 20; ++i)
    devices.push_back(visa_for("device" + std::to_string(i), clock.now() - 100 + i));
  clock.passed += 86'400'001;
  send("to all of them");
  answer_documents(devices);
  const auto names = sealed_for(station.next(Lane::text));
  EXPECT_THAT(names, SizeIs(16));
  for (int i = 4; i < 20; ++i)
    EXPECT_THAT(names, ::testing::Contains(peer().id.text() + "/device" + std::to_string(i)));
}

TEST_F(HomeKnown, AVisaThatComesWithAMessageIsThereAfterARestart) {
  log_in();
  push(with(from_peer("my new key"), "visa", visa_for("", clock.now(), peer().visa).json()));
  ASSERT_THAT(received, SizeIs(1));
  restart();
  EXPECT_EQ(home.directory().message_keys(peer().id)[0].second.data(),
            fake_user(3).message_keys[0].public_key().data());
  EXPECT_FALSE(home.directory().find(peer().id)->chain_alarm);
}

TEST_F(HomeKnown, F07_ANewDeviceOfSomebodyKnownIsToldOnce) {
  log_in();
  send("before");
  accept(station.next(Lane::text));
  const Document first = visa_for("laptop", clock.now() - 500);
  push(with(from_peer("from two now"), "visa", first.json()));
  EXPECT_THAT(notices_about(peer()), ElementsAre("has a new device"));
  const HistoryEntry notice = received.front();
  EXPECT_TRUE(tells_device(notice));
  EXPECT_EQ(notice.text, "laptop");
  EXPECT_FALSE(stops_sending(notice));
  EXPECT_EQ(refusal(peer()), std::nullopt);
  push(with(from_peer("again"), "visa", visa_for("laptop", clock.now(), first).json()));
  restart();
  push(with(from_peer("and again"), "visa", visa_for("laptop", clock.now(), first).json()));
  EXPECT_THAT(notices_about(peer()), SizeIs(1)) << "its visa was signed anew, that is no news";
  // Of a stranger all is new.
  const Account& stranger = fake_user(7);
  const Document tablet =
      Document::make(stranger.id.with_terminal("tablet"), "visa", stranger.visa.properties(),
                     clock.now(), stranger.identity_key);
  ASSERT_TRUE(home.learn(stranger.id, stranger.meta.json(), {stranger.visa.json(), tablet.json()},
                         clock.now()));
  EXPECT_THAT(home.take_alarms(), IsEmpty());
}

TEST_F(HomeKnown, F07_ADeviceThatWasRemovedAndComesBackIsNews) {
  log_in();
  send("before");
  const auto learn = [&](const Document& one) {
    EXPECT_TRUE(home.learn(peer().id, peer().meta.json(), {one.json()}, clock.now()));
    return home.take_alarms().size();
  };
  const Document first = visa_for("laptop", clock.now() - 500);
  EXPECT_EQ(learn(first), 1U);
  JsonObject removed;
  removed.set("removed", true);
  removed.set("rev", 2);
  removed.set("prev", "sha256-" + to_base64(first.digest()));
  const Document gone = Document::make(peer().id.with_terminal("laptop"), "visa", removed,
                                       clock.now() - 400, peer().identity_key);
  EXPECT_EQ(learn(gone), 0U);
  JsonObject back = removed;
  back.erase("removed");
  back.set("key", fake_user(4).message_keys[0].public_key().json());
  back.set("rev", 3);
  back.set("prev", "sha256-" + to_base64(gone.digest()));
  EXPECT_EQ(learn(Document::make(peer().id.with_terminal("laptop"), "visa", back, clock.now() - 300,
                                 peer().identity_key)),
            1U);
}

TEST_F(HomeKnown, I13_WhatAnotherProgramOfThisHomeDecidesCountsHereToo) {
  log_in();
  verify(peer());
  push(with(from_peer("with another visa"), "visa", forked_visa()));
  EXPECT_EQ(refusal(peer()), Errc::security_error);
  {
    Home other = reopen();
    ASSERT_TRUE(other.confirm(peer().id, peer().meta.digest(), clock.now()));
  }
  messenger->tick();
  EXPECT_FALSE(home.directory().find(peer().id)->chain_alarm);
  push(with(from_peer("and again"), "visa", forked_visa()));
  EXPECT_EQ(refusal(peer()), std::nullopt);
}

}  // namespace
}  // namespace dim
