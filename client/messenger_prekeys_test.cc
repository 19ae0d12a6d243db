// Prekeys of N1 at the station: asked about at each log-in, brought where they are few or old.
#include "client/home_fixture.h"
#include "client/native_prekeys.h"
#include "dim/engine/device_link.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr Millis kDay = 86'400'000;

class MessengerPrekeys : public HomeTest {
 protected:
  Packet asked() {
    if (station.prekeys.empty()) {
      ADD_FAILURE() << "nothing more was asked of type prekeys";
      return Packet::request(Operation::connect);
    }
    Packet out = std::move(station.prekeys.front());
    station.prekeys.pop_front();
    return out;
  }
  /// The station's list, which says of this device what it has been brought, less those it has
  /// given out.
  void tell(const Packet& request, std::int64_t given_out = 0) {
    EXPECT_EQ(request.operation, Operation::get);
    EXPECT_EQ(request.get("target"), home.account().id.text()) << "its own, so nothing is taken";
    JsonArray list;
    if (brought) {
      JsonObject one;
      const std::string terminal = home.account().visa.terminal();
      if (!terminal.empty()) one.set("device", terminal);
      one.set("signed", std::int64_t{brought->signed_prekey.id});
      one.set("time", format_time(brought->signed_prekey.time));
      one.set("count", 100 - given_out);
      one.set("newest", newest);
      list.emplace_back(std::move(one));
    }
    Packet packet = Packet::response(200, request.get("id"));
    packet.content = write_json(list);
    answer(Lane::control, packet);
  }
  native::PrekeySet take(const Packet& request) {
    EXPECT_EQ(request.operation, Operation::create);
    EXPECT_EQ(request.get("target"), home.account().device().text());
    auto set = native::PrekeySet::parse(parse_json_object(*request.content).value()).value();
    const auto named = native::device_of(home.account().visa).value();
    EXPECT_TRUE(set.verify(home.account().device(), *named)) << "402 otherwise";
    for (const auto& one : set.one_time) newest = std::max<std::int64_t>(newest, one.id);
    answer(Lane::control, Packet::response(201, request.get("id"))
                              .set("count", "100")
                              .set("newest", std::to_string(newest)));
    brought = set;
    return set;
  }
  std::optional<native::PrekeySet> brought;
  std::int64_t newest = 0;
};

TEST_F(MessengerPrekeys, A03_AfterTheFirstLogInTheStationHasThem) {
  log_in();
  tell(asked());
  EXPECT_THAT(take(asked()).one_time, SizeIs(100));
  restart();
  tell(asked());
  EXPECT_THAT(station.prekeys, IsEmpty()) << "it has enough";
  restart();
  tell(asked(), 81);
  EXPECT_THAT(take(asked()).one_time, SizeIs(81));
}

TEST_F(MessengerPrekeys, A03_ASessionThatLastsLooksEachHour) {
  log_in();
  tell(asked());
  take(asked());
  clock.passed += 3'600'000;
  messenger->tick();
  EXPECT_THAT(station.prekeys, IsEmpty());
  clock.passed += 1;
  messenger->tick();
  tell(asked(), 100);
  EXPECT_THAT(take(asked()).one_time, SizeIs(100));
}

TEST_F(MessengerPrekeys, A03_ASessionThatReceivesNothingBringsThemOnlyWhenTold) {
  log_in({.receive = false});
  EXPECT_THAT(station.prekeys, IsEmpty());
  std::optional<Status> done;
  messenger->keep_prekeys([&](const Status& status) { done = status; });
  tell(asked());
  EXPECT_FALSE(done);
  take(asked());
  ASSERT_TRUE(done);
  EXPECT_TRUE(*done);
}

// The station checks them against the visa that it has.
TEST_F(MessengerPrekeys, A03_AVisaWithNewKeysIsPublishedBeforeThem) {
  ASSERT_TRUE(put_native_device_keys(home.vault(), native::DeviceKeys::generate(fake_random())));
  log_in();
  EXPECT_THAT(station.prekeys, IsEmpty());
  const Packet publishing = station.next(Lane::control);
  ASSERT_EQ(publishing.get("type"), "document");
  answer(Lane::control, Packet::response(201, publishing.get("id")));
  tell(asked());
  take(asked());
}

TEST_F(MessengerPrekeys, A03_ARestoredBackupDropsWhatItsLaterSelfHasBrought) {
  log_in();
  tell(asked());
  take(asked());
  newest = 5'000;  // as it was brought after the backup
  restart();
  tell(asked());
  const Packet drop = asked();
  EXPECT_EQ(drop.operation, Operation::erase);
  EXPECT_EQ(drop.get("target"), home.account().device().text());
  EXPECT_THAT(station.prekeys, IsEmpty()) << "one after the other";
  answer(Lane::control, Packet::response(503, drop.get("id")));
  EXPECT_THAT(station.prekeys, IsEmpty());
  restart();
  tell(asked());
  answer(Lane::control, Packet::response(204, asked().get("id")));
  const auto before = brought->signed_prekey;
  const native::PrekeySet set = take(asked());
  EXPECT_NE(set.signed_prekey.id, before.id);
  EXPECT_GT(set.one_time.front().id, 5'000U);
  restart();
  tell(asked());
  EXPECT_THAT(station.prekeys, IsEmpty());
}

TEST_F(MessengerPrekeys, A03_WhatTheStationRefusesOrDoesNotUnderstandComesWithTheNextLogIn) {
  log_in();
  answer(Lane::control, Packet::response(501, asked().get("id")));
  restart();
  Packet nonsense = Packet::response(200, asked().get("id"));
  nonsense.content = "{}";
  answer(Lane::control, nonsense);
  EXPECT_THAT(station.prekeys, IsEmpty());
  restart();
  tell(asked());
  std::optional<native::PrekeySet> refused;
  {
    const Packet request = asked();
    refused = native::PrekeySet::parse(parse_json_object(*request.content).value()).value();
    answer(Lane::control, Packet::response(507, request.get("id")));
  }
  restart();
  tell(asked());
  EXPECT_EQ(take(asked()), *refused);
  EXPECT_FALSE(failure);
}

TEST_F(MessengerPrekeys, A37_AWrongClockMakesNone) {
  station_ahead = 3'600'000;
  log_in();
  EXPECT_THAT(station.prekeys, IsEmpty());
}

TEST_F(MessengerPrekeys, A03_SecretsOfReplacedOnesGoAfter30Days) {
  log_in();
  tell(asked());
  const auto first = take(asked()).signed_prekey.id;
  const auto has_first = [&] {
    return native_prekey(home.vault(), native::PrekeyKind::signed_prekey, first)
        .value()
        .has_value();
  };
  clock.passed += 8 * kDay;
  restart();
  tell(asked());
  take(asked());
  clock.passed += 29 * kDay;
  restart();
  tell(asked());
  take(asked());
  EXPECT_TRUE(has_first());
  clock.passed += 2 * kDay;
  restart();
  tell(asked());
  EXPECT_FALSE(has_first());
}

TEST_F(MessengerPrekeys, F07_ALinkedDeviceBringsItsOwnUnderItsTerminal) {
  const Account& me = home.account();
  const auto key = PrivateKey::generate_rsa().value();
  const auto native = native::DeviceKeys::generate(fake_random());
  const auto request =
      DeviceRequest::parse(*DeviceRequest::make("laptop", key, native.public_half())).value();
  const Document visa = visa_for(me, request, nullptr, kFakeNow).value();
  home =
      Home::in_memory(linked_account({me.id, me.meta, visa, ""}, key, native.public_half()).value(),
                      fake_random(), &native)
          .value();
  ASSERT_TRUE(home.set_station(fake_target()));
  log_in();
  tell(asked());
  EXPECT_THAT(take(asked()).one_time, SizeIs(100));
}

TEST_F(MessengerPrekeys, F07_ALinkedDeviceWithoutKeysOfN1BringsNone) {
  const Account& me = home.account();
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("laptop", key)).value();
  const Document visa = visa_for(me, request, nullptr, kFakeNow).value();
  home = Home::in_memory(linked_account({me.id, me.meta, visa, ""}, key).value(), fake_random())
             .value();
  ASSERT_TRUE(home.set_station(fake_target()));
  log_in();
  EXPECT_THAT(station.prekeys, IsEmpty());
}

}  // namespace
}  // namespace dim
