// The own message key: new every 90 days, old ones readable for a year.
#include "client/home_fixture.h"
#include "client/native_keys.h"
#include "dim/engine/device_link.h"

namespace dim {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kDay = 86'400'000;

class MessengerKeys : public HomeTest {
 protected:
  std::vector<Packet> published() {
    std::vector<Packet> out;
    for (const Packet& packet : station.requests[Lane::control]) {
      if (packet.operation == Operation::create && packet.get("type") == "document")
        out.push_back(packet);
    }
    return out;
  }
  Document visa_in(const Packet& publishing) {
    const auto content = parse_json_object(*publishing.content).value();
    return Document::parse(*content.find("document")->object(), home.account().id,
                           home.account().meta)
        .value();
  }
  std::size_t keys() { return home.account().message_keys.size(); }
  std::int64_t rev() { return *home.account().visa.properties().find("rev")->integer(); }
  const std::int64_t first_rev = rev();
  /// The next visa of this home, with another value (null: without it).
  Document own_visa(std::string_view name, Json value) {
    const Account& me = home.account();
    JsonObject properties = me.visa.properties();
    if (value.is_null()) {
      properties.erase(name);
    } else {
      properties.set(name, std::move(value));
    }
    for (const char* const other : {"type", "did", "time"}) properties.erase(other);
    continue_chain(properties, me.visa);
    return Document::make(me.id, "visa", properties, clock.now(), me.identity_key);
  }
};

TEST_F(MessengerKeys, TheKeyIsRenewedAfter90DaysAndPublished) {
  clock.passed = 89 * kDay;
  log_in();
  EXPECT_THAT(published(), IsEmpty());
  EXPECT_EQ(keys(), 1U);
  clock.passed = 90 * kDay;
  restart();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(keys(), 2U);
  EXPECT_EQ(rev(), first_rev + 1);
  const Packet publishing = published()[0];
  EXPECT_EQ(visa_in(publishing).message_key()->data(),
            home.account().message_keys[0].public_key().data());
  answer(Lane::control, Packet::response(201, publishing.get("id")));
  restart();
  EXPECT_THAT(published(), IsEmpty()) << "once";
  EXPECT_EQ(keys(), 2U);
}

// A crash anywhere behind the making of the key: what was published is always readable.
TEST_F(MessengerKeys, WhatTheStationHasNotAcknowledgedIsPublishedAgain) {
  clock.passed = 91 * kDay;
  log_in();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(reopen().account().visa.digest(), visa_in(published()[0]).digest())
      << "it was on the disk before it went out";
  const SignedMessage message = from_peer("for the new key");
  restart();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(rev(), first_rev + 1) << "the same visa";
  push(message);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "for the new key");
  answer(Lane::control, Packet::response(503, published()[0].get("id")));
  restart();
  ASSERT_THAT(published(), SizeIs(1));
}

TEST_F(MessengerKeys, NothingIsMadeWhileTheStationIsAway) {
  clock.passed = 200 * kDay;
  home = reopen();
  messenger.emplace(home, transport(), clock, fake_random(), MessengerEvents{},
                    Messenger::Options{});
  ASSERT_TRUE(messenger->start());
  messenger->unreachable(Lane::control, {Errc::unreachable, "no station"});
  messenger->tick();
  EXPECT_EQ(keys(), 1U);
  log_in();
  EXPECT_EQ(keys(), 2U) << "one, however long it was";
  EXPECT_THAT(published(), SizeIs(1));
}

TEST_F(MessengerKeys, ASessionThatLastsRenewsItToo) {
  log_in();
  clock.passed = 90 * kDay;
  messenger->tick();
  EXPECT_EQ(keys(), 2U);
  EXPECT_THAT(published(), SizeIs(1));
  messenger->tick();
  EXPECT_THAT(published(), SizeIs(1));
}

TEST_F(MessengerKeys, WhatWasSealedForTheOldKeyOpensForAYearAndThenTheKeyIsGone) {
  clock.passed = 90 * kDay - 1;
  const SignedMessage one = from_peer("sealed for the first key, at the last moment");
  const SignedMessage two = from_peer("so was this");
  clock.passed = 90 * kDay;
  log_in();
  restart();
  push(one);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "sealed for the first key, at the last moment");
  clock.passed = 90 * kDay + 365 * kDay;
  restart();
  EXPECT_EQ(keys(), 3U) << "nobody was here meanwhile: the second is replaced only now";
  clock.passed += kDay;
  restart();
  EXPECT_EQ(keys(), 2U) << "the first was replaced more than a year ago";
  push(two);
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_TRUE(received[0].text.empty());
  EXPECT_THAT(received[0].cause, HasSubstr("E_DECRYPT"));
  // The second is a year younger.
  clock.passed += 364 * kDay;
  restart();
  EXPECT_EQ(keys(), 3U);
  clock.passed += 2 * kDay;
  restart();
  EXPECT_EQ(keys(), 2U);
}

// A visa from the future would be refused by everybody, and all that continue it.
TEST_F(MessengerKeys, A37_AWrongClockRenewsNothing) {
  clock.passed = 91 * kDay;
  station_ahead = -91 * kDay;
  log_in();
  EXPECT_EQ(keys(), 1U);
  EXPECT_THAT(published(), IsEmpty());
  station_ahead = -60'000;
  connect();
  EXPECT_EQ(keys(), 2U);
}

TEST_F(MessengerKeys, WhatAnotherProgramOfThisHomeRenewsCountsHereToo) {
  log_in();
  clock.passed = 90 * kDay;
  {
    Home other = reopen();
    ASSERT_TRUE(other.renew_keys(clock.now(), fake_random()));
    ASSERT_TRUE(home.refresh());
    EXPECT_EQ(home.account().visa.digest(), other.account().visa.digest());
  }
  EXPECT_EQ(keys(), 2U);
  messenger->tick();
  EXPECT_EQ(rev(), first_rev + 1) << "not renewed a second time";
  push(from_peer("for the key that the other program made"));
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].text, "for the key that the other program made");
}

TEST_F(MessengerKeys, I13_WhoHasVerifiedUsSeesNoAlarm) {
  const Id me = home.account().id;
  Home other = Home::in_memory(Account::make_user("other", kFakeNow - 1'000, fake_random()).value(),
                               fake_random())
                   .value();
  const auto learn = [&] {
    return other.learn(me, home.account().meta.json(), {home.account().visa.json()}, clock.now())
        .has_value();
  };
  ASSERT_TRUE(learn());
  ASSERT_TRUE(other.confirm(me, home.account().meta.digest(), clock.now()));
  for (const Millis at : {100 * kDay, 200 * kDay, 300 * kDay}) {
    clock.passed = at;
    restart();
    if (at == 200 * kDay) continue;  // nobody has asked for this one
    EXPECT_TRUE(learn());
  }
  EXPECT_EQ(rev(), first_rev + 3);
  EXPECT_THAT(other.take_alarms(), IsEmpty());
  EXPECT_FALSE(other.contact(me).value()->blocked);
  EXPECT_EQ(other.directory().message_keys(me)[0].second.data(),
            home.account().message_keys[0].public_key().data());
}

TEST_F(MessengerKeys, A03_ANewHomeNamesItsKeysOfN1AndHasNothingToPublishForThat) {
  const auto own = native_device_keys(home.vault()).value().public_half();
  EXPECT_EQ(native::device_of(home.account().visa).value(), own);
  EXPECT_EQ(native::device_of(reopen().account().visa).value(), own);
  log_in();
  EXPECT_THAT(published(), IsEmpty());
  clock.passed = 90 * kDay;
  restart();
  EXPECT_EQ(keys(), 2U);
  EXPECT_EQ(native::device_of(home.account().visa).value(), own) << "a new message key alone";
}

TEST_F(MessengerKeys, A03_AHomeOfAnEarlierVersionGetsKeysOfN1AndPublishesThem) {
  // As it was before: no keys, and a visa that names none.
  JsonObject row = parse_json_object(*home.vault().get("account", "self").value()).value();
  row.set("visa", own_visa("n1", Json()).json());
  ASSERT_TRUE(home.vault().put("account", "self", write_json(row)));
  ASSERT_TRUE(home.vault().erase("native device", "keys"));
  const std::int64_t before = *reopen().account().visa.properties().find("rev")->integer();
  restart();
  ASSERT_THAT(published(), SizeIs(1));
  const Document visa = visa_in(published()[0]);
  EXPECT_EQ(native::device_of(visa).value(),
            native_device_keys(reopen().vault()).value().public_half());
  EXPECT_EQ(rev(), before + 1);
  EXPECT_EQ(keys(), 1U);
  restart();
  ASSERT_THAT(published(), SizeIs(1)) << "until a station has it";
  EXPECT_EQ(visa_in(published()[0]).digest(), visa.digest());
  answer(Lane::control, Packet::response(201, published()[0].get("id")));
  restart();
  EXPECT_THAT(published(), IsEmpty());
}

TEST_F(MessengerKeys, A03_AVisaThatNamesOtherKeysOfN1IsSignedAnewWithThoseThatAreHere) {
  ASSERT_TRUE(put_native_device_keys(home.vault(), native::DeviceKeys::generate(fake_random())));
  log_in();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(native::device_of(visa_in(published()[0])).value(),
            native_device_keys(home.vault()).value().public_half());
}

TEST_F(MessengerKeys, F07_ANewerVisaOfThisDeviceIsItsOwnWhereItHasTheKey) {
  const Account& me = home.account();
  const auto learn = [&](const Document& visa) {
    ASSERT_TRUE(home.learn(me.id, me.meta.json(), {visa.json()}, clock.now()));
  };
  clock.passed = 1'000;
  const Document newer = own_visa("name", "renamed");
  learn(newer);
  EXPECT_EQ(home.account().visa.digest(), newer.digest());
  EXPECT_EQ(reopen().account().visa.digest(), newer.digest());
  clock.passed = 2'000;
  learn(own_visa("key", fake_user(3).message_keys[0].public_key().json()));
  EXPECT_EQ(home.account().visa.digest(), newer.digest()) << "nothing here opens what it asks for";
}

TEST_F(MessengerKeys, F07_ALinkedDeviceKeepsItsKeyAndTheOthersHearOfTheNewOne) {
  const Account& me = home.account();
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("laptop", key)).value();
  const Document laptop = visa_for(me, request, nullptr, kFakeNow).value();
  ASSERT_TRUE(home.learn(me.id, me.meta.json(), {me.visa.json(), laptop.json()}, kFakeNow));
  clock.passed = 100 * kDay;
  restart();
  ASSERT_THAT(published(), SizeIs(1));
  EXPECT_EQ(visa_in(published()[0]).terminal(), "") << "the laptop's has time";
  EXPECT_THAT(station.requests[Lane::text], IsEmpty()) << "the station does not have it yet";
  answer(Lane::control, Packet::response(201, published()[0].get("id")));
  const Known* own = home.directory().find(home.account().id);
  EXPECT_EQ(own->documents[*newest_visa(own->documents, "")].digest(),
            home.account().visa.digest());
  EXPECT_FALSE(own->chain_alarm);
  // It asks for the own documents first, which nobody has done since yesterday.
  EXPECT_EQ(messenger->waiting().value(), 1U) << "a note to the laptop";

  home = Home::in_memory(
             linked_account({home.account().id, home.account().meta, laptop, ""}, key).value(),
             fake_random())
             .value();
  ASSERT_TRUE(home.set_station(fake_target()));
  log_in();
  EXPECT_EQ(keys(), 1U);
  EXPECT_THAT(published(), IsEmpty());
}

}  // namespace
}  // namespace dim
