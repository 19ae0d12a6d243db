#include "server/memory.h"

#include <gtest/gtest.h>

#include <memory>

#include "server/config.h"
#include "server/station_fixture.h"

namespace dim::station_test {
namespace {

constexpr std::size_t kLimit = 100 * limits::kMiB;
constexpr std::size_t percent(std::size_t share) { return kLimit / 100 * share; }

TEST(Memory, C09_EachLevelBeginsAtItsShareAndEndsFivePercentBelow) {
  using enum MemoryLevel;
  EXPECT_EQ(memory_level(percent(80) - 100, kLimit, free), free);
  EXPECT_EQ(memory_level(percent(80), kLimit, free), no_strangers);
  EXPECT_EQ(memory_level(percent(90) - 100, kLimit, free), no_strangers);
  EXPECT_EQ(memory_level(percent(90), kLimit, free), shed_idle);
  EXPECT_EQ(memory_level(percent(95), kLimit, free), no_work);
  EXPECT_EQ(memory_level(10 * kLimit, kLimit, free), no_work);
  EXPECT_EQ(memory_level(percent(92), kLimit, no_work), no_work);
  EXPECT_EQ(memory_level(percent(90) - 100, kLimit, no_work), shed_idle);
  EXPECT_EQ(memory_level(percent(85) - 100, kLimit, no_work), no_strangers);
  EXPECT_EQ(memory_level(percent(75) - 100, kLimit, no_work), free);
  EXPECT_EQ(memory_level(10 * kLimit, 0, free), free) << "0 is no limit";
}

TEST(Memory, ReadsWhatTheSystemTells) {
  EXPECT_EQ(parse_statm("9000 300 120 50 0 700 0\n", 4'096), 180U * 4'096);
  EXPECT_EQ(parse_statm("9000 100 120 50 0 700 0\n", 4'096), 0U);
  EXPECT_EQ(parse_statm("9000", 4'096), 0U);
  EXPECT_EQ(parse_statm("", 4'096), 0U);
  EXPECT_EQ(parse_memory_max("67108864\n"), 64 * limits::kMiB);
  EXPECT_EQ(parse_memory_max("max\n"), std::nullopt);
  EXPECT_EQ(parse_memory_max(""), std::nullopt);
  EXPECT_EQ(parse_own_group("12:cpu:/a\n0::/system.slice/dimd.service\n"),
            "/system.slice/dimd.service");
  EXPECT_EQ(parse_own_group("12:cpu:/a\n"), "");
  EXPECT_EQ(parse_own_group(""), "");
}

TEST(Memory, C09_ASmallLimitMakesSmallerCapsAndTheDefaultNone) {
  DaemonConfig config;
  fit_to_memory(config);
  const DaemonConfig asked;
  EXPECT_EQ(config.station.send_queue_bytes, asked.station.send_queue_bytes);
  EXPECT_EQ(config.station.inflight_bytes, asked.station.inflight_bytes);
  EXPECT_EQ(config.station.media_inflight_bytes, asked.station.media_inflight_bytes);
  EXPECT_EQ(config.admission.total, asked.admission.total);
  config.station.memory_bytes = 64 * limits::kMiB;
  fit_to_memory(config);
  EXPECT_EQ(config.station.send_queue_bytes, 1 * limits::kMiB);
  EXPECT_EQ(config.station.inflight_bytes, 8 * limits::kMiB);
  EXPECT_EQ(config.station.media_inflight_bytes, 8 * limits::kMiB);
  EXPECT_EQ(config.admission.total, 256U);
}

class MemoryLimit : public StationTest {
 protected:
  void SetUp() override {
    config.memory_bytes = kLimit;
    start();
  }
  void use(std::size_t share) {
    station->memory_used(percent(share));
    station->end_of_turn();
  }
  static Packet ping() {
    Packet packet = Packet::request(Operation::notify);
    packet.set("id", "8").set("type", "ping");
    return packet;
  }
  static Packet cursor(Cursor upto) {
    Packet packet = Packet::request(Operation::notify);
    packet.set("id", "9").set("type", "cursor").set("cursor", std::to_string(upto));
    return packet;
  }
};

TEST_F(MemoryLimit, C09_NewConnectionsAreRefusedFirstAndLetInAgainLater) {
  auto alice = online("alice");
  use(80);
  auto stranger = connect();
  const auto told = stranger->take();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].code, 510);
  EXPECT_TRUE(stranger->link.closed);
  EXPECT_EQ(ask(*alice.text, create(user("alice"), id_of("alice"), "x")).size(), 2U)
      << "who is there works on";
  use(76);
  EXPECT_TRUE(connect()->link.closed);
  use(74);
  EXPECT_FALSE(connect()->link.closed);
}

TEST_F(MemoryLimit, C09_WhoIsSilentForAMinuteIsShedThen) {
  auto alice = online("alice");
  auto bob = online("bob");
  pass(61'000);
  EXPECT_EQ(answer(*bob.control, ping()).code, 200);
  use(89);
  pass(1'000);
  EXPECT_FALSE(alice.control->link.closed);
  use(90);
  pass(1'000);
  EXPECT_TRUE(alice.control->link.closed);
  EXPECT_TRUE(alice.text->link.closed);
  const auto told = alice.control->take();
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.back().code, 510);
  EXPECT_FALSE(bob.control->link.closed) << "one of the two connections was not silent";
  EXPECT_FALSE(bob.text->link.closed);
}

TEST_F(MemoryLimit, C09_NewWorkGets510AndWhatMakesRoomGoesOn) {
  auto alice = online("alice");
  auto bob = online("bob");
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "before")).code, 201);
  EXPECT_EQ(bob.text->take().size(), 1U);
  auto early = connect();
  use(95);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 510);
  Packet get = Packet::request(Operation::get);
  EXPECT_EQ(
      answer(*alice.control, get.set("id", "7").set("type", "document").set("target", id_of("bob")))
          .code,
      510);
  EXPECT_EQ(answer(*alice.control, ping()).code, 200);
  EXPECT_EQ(answer(*bob.text, cursor(1)).code, 200);
  EXPECT_EQ(answer(*early, hello(user("carol"))).code, 510);
  EXPECT_TRUE(early->link.closed);
  EXPECT_EQ(station->counters().refused_memory, 3U);
  use(80);
  EXPECT_EQ(answer(*alice.text, create(user("alice"), id_of("bob"), "x")).code, 201);
}

TEST_F(MemoryLimit, C09_ALargePacketIsNotReadOnAndComesWhenThereIsRoom) {
  auto alice = online("alice");
  const std::string large =
      write_packet(create(user("alice"), id_of("alice"), std::string(200'000, 'x')));
  bytes(*alice.text, std::string_view(large).substr(0, 100'000));
  EXPECT_FALSE(alice.text->link.paused);
  use(95);
  bytes(*alice.text, std::string_view(large).substr(100'000, 1'000));
  EXPECT_TRUE(alice.text->link.paused);
  use(80);
  pass(100);
  EXPECT_FALSE(alice.text->link.paused);
  bytes(*alice.text, std::string_view(large).substr(101'000));
  EXPECT_EQ(alice.text->take().size(), 2U);
}

TEST_F(MemoryLimit, C09_QueuesAreShorterWhileMemoryIsShort) {
  auto alice = online("alice");
  auto bob = online("bob");
  use(90);
  bob.text->link.stuck = true;
  for (int i = 0; i < 20; ++i)
    EXPECT_LT(
        answer(*alice.text, create(user("alice"), id_of("bob"), std::string(20'000, 'x'))).code,
        300);
  EXPECT_LT(bob.text->link.queued(), 128 * limits::kKiB);
  use(50);
  std::size_t got = 0;
  for (int i = 0; i < 20 && got < 20; ++i) {
    bob.text->link.unstick();
    bob.text->link.stuck = i < 18;
    station->drained(bob.text->id);
    station->end_of_turn();
    got += bob.text->take().size();
  }
  EXPECT_EQ(got, 20U) << "nothing was dropped";
}

}  // namespace
}  // namespace dim::station_test
