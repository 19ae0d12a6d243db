#include "net/admission.h"

#include <gtest/gtest.h>

#include <random>

namespace dim {
namespace {

class Dice final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_{7};
};

// 2001:db8:SITE:NET::HOST
Endpoint at(unsigned site, unsigned net = 0, unsigned host = 1) {
  Endpoint out;
  out.address = {0x20, 0x01, 0x0d, 0xb8};
  out.address[4] = static_cast<std::uint8_t>(site >> 8);
  out.address[5] = static_cast<std::uint8_t>(site);
  out.address[6] = static_cast<std::uint8_t>(net >> 8);
  out.address[7] = static_cast<std::uint8_t>(net);
  out.address[14] = static_cast<std::uint8_t>(host >> 8);
  out.address[15] = static_cast<std::uint8_t>(host);
  return out;
}

Endpoint v4(std::uint8_t last) {
  Endpoint out;
  out.address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, last};
  return out;
}

AdmissionLimits no_rate() {
  AdmissionLimits limits;
  limits.new_per_second = 0;
  return limits;
}

TEST(Endpoint, PrintsAddressesAsRfc5952Does) {
  Endpoint loopback;
  loopback.address[15] = 1;
  loopback.port = 8800;
  EXPECT_EQ(loopback.text(), "[::1]:8800");
  EXPECT_EQ(at(0, 0, 7).address_text(), "2001:db8::7");
  EXPECT_EQ(v4(9).text(), "192.0.2.9:0");
  EXPECT_TRUE(v4(9).is_v4());
  EXPECT_FALSE(loopback.is_v4());
}

TEST(Admission, R7_Takes32FromOneNetworkWhateverTheHost) {
  Dice dice;
  Admission admission(no_rate(), dice);
  for (unsigned i = 0; i < 32; ++i) ASSERT_EQ(admission.admit(at(1, 1, i), 0), Verdict::admit);
  EXPECT_EQ(admission.admit(at(1, 1, 99), 0), Verdict::per_64);
  EXPECT_EQ(admission.admit(at(1, 2), 0), Verdict::admit);
  admission.release(at(1, 1, 0));
  EXPECT_EQ(admission.admit(at(1, 1, 99), 0), Verdict::admit);
}

TEST(Admission, R7_Takes128FromOneSite) {
  Dice dice;
  Admission admission(no_rate(), dice);
  for (unsigned net = 0; net < 8; ++net) {
    for (unsigned i = 0; i < 16; ++i) ASSERT_EQ(admission.admit(at(1, net), 0), Verdict::admit);
  }
  EXPECT_EQ(admission.admit(at(1, 100), 0), Verdict::per_48);
  EXPECT_EQ(admission.admit(at(2, 100), 0), Verdict::admit);
}

TEST(Admission, LoopbackMayBeLeftOut) {
  Dice dice;
  AdmissionLimits limits;
  limits.count_loopback = false;
  Admission admission(limits, dice);
  Endpoint loopback;
  loopback.address[15] = 1;
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(admission.admit(loopback, 0), Verdict::admit);
  EXPECT_EQ(admission.unauthenticated(), 0U);
  admission.release(loopback);
  EXPECT_EQ(admission.unauthenticated(), 0U);
}

TEST(Admission, R11_AnIPv4AddressIsANetworkAndThe24AroundItASite) {
  Dice dice;
  Admission admission(no_rate(), dice);
  for (std::uint8_t last = 1; last <= 4; ++last) {
    for (int i = 0; i < 32; ++i) ASSERT_EQ(admission.admit(v4(last), 0), Verdict::admit);
    EXPECT_EQ(admission.admit(v4(last), 0), Verdict::per_64);
  }
  EXPECT_EQ(admission.admit(v4(5), 0), Verdict::per_48) << "128 of one /24 are enough";
  Endpoint elsewhere = v4(5);
  elsewhere.address[14] ^= 1;
  EXPECT_EQ(admission.admit(elsewhere, 0), Verdict::admit);
  admission.release(v4(1));
  EXPECT_EQ(admission.admit(v4(5), 0), Verdict::admit);
}

TEST(Admission, R11_AllowsABurstOf40ThenTenASecond) {
  Dice dice;
  Admission admission({}, dice);
  int admitted = 0;
  const auto knock = [&](Millis now) {
    if (admission.admit(at(1), now) != Verdict::admit) return;
    ++admitted;
    admission.release(at(1));
  };
  for (int i = 0; i < 100; ++i) knock(1'000);
  EXPECT_EQ(admitted, 40);
  for (Millis now = 1'010; now <= 11'000; now += 10) knock(now);
  EXPECT_GE(admitted, 139);
  EXPECT_LE(admitted, 140);
  EXPECT_EQ(admission.admit(at(2), 11'000), Verdict::admit) << "another network is not touched";
}

TEST(Admission, R7_DropsAtRandomFrom70PercentAndKeepsATenthForFreshNetworks) {
  Dice dice;
  AdmissionLimits limits = no_rate();
  limits.total = 1'000;
  Admission admission(limits, dice);
  // 50 networks fill it up to 70 % without any refusal.
  for (unsigned i = 0; i < 700; ++i) ASSERT_EQ(admission.admit(at(i % 50), 0), Verdict::admit);
  int dropped = 0;
  for (unsigned i = 0; i < 2'000; ++i) {
    dropped += admission.admit(at(i % 50), 0) == Verdict::early_drop;
  }
  EXPECT_GT(dropped, 50);
  EXPECT_LE(admission.unauthenticated(), 900U);
  EXPECT_GT(admission.unauthenticated(), 850U);
  // Those who hold nothing get in at the first try, until all is taken.
  while (admission.unauthenticated() < 1'000) {
    ASSERT_EQ(admission.admit(at(static_cast<unsigned>(1'000 + admission.unauthenticated())), 0),
              Verdict::admit);
  }
  EXPECT_EQ(admission.admit(at(5'000), 0), Verdict::full);
}

TEST(Admission, ReleasingRestoresEverything) {
  Dice dice;
  Admission admission({}, dice);
  for (unsigned i = 0; i < 500; ++i) ASSERT_EQ(admission.admit(at(i), 0), Verdict::admit);
  for (unsigned i = 0; i < 500; ++i) admission.release(at(i));
  EXPECT_EQ(admission.unauthenticated(), 0U);
  admission.release(at(3));  // one too many changes nothing
  EXPECT_EQ(admission.unauthenticated(), 0U);
}

TEST(Admission, A32ScanOfPrefixesDoesNotFillTheMemory) {
  Dice dice;
  AdmissionLimits limits;
  limits.networks = 1'000;
  limits.total = 1'000'000;
  Admission admission(limits, dice);
  Millis now = 1'000;
  for (unsigned i = 0; i < 60'000; ++i) {
    const Endpoint peer = at(i, i);
    if (admission.admit(peer, now) == Verdict::admit) admission.release(peer);
    ASSERT_LE(admission.networks(), 1'000U);
    if (i % 5 == 0) ++now;
  }
}

TEST(Admission, OpenLimitsLetABenchmarkThrough) {
  Dice dice;
  Admission admission(AdmissionLimits::open(), dice);
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(admission.admit(at(1), 0), Verdict::admit);
}

TEST(HandshakeGate, R7_RunsSoManyAtOnceAndTheOthersInOrder) {
  HandshakeGate gate(2, 1'000);
  EXPECT_TRUE(gate.enter(1, 0));
  EXPECT_TRUE(gate.enter(2, 0));
  EXPECT_FALSE(gate.enter(3, 0));
  EXPECT_FALSE(gate.enter(4, 0));
  EXPECT_EQ(gate.leave(2, 10), 3U);
  EXPECT_EQ(gate.leave(1, 10), 4U);
  EXPECT_EQ(gate.leave(3, 20), std::nullopt);
  EXPECT_EQ(gate.leave(4, 20), std::nullopt);
  EXPECT_EQ(gate.running(), 0U);
}

TEST(HandshakeGate, AWaitingOneMayGiveUp) {
  HandshakeGate gate(1, 1'000);
  gate.enter(1, 0);
  gate.enter(2, 0);
  gate.enter(3, 0);
  EXPECT_EQ(gate.leave(2, 0), std::nullopt);
  EXPECT_EQ(gate.leave(1, 0), 3U);
  EXPECT_EQ(gate.leave(77, 0), std::nullopt);
}

TEST(HandshakeGate, R11_AStalledHandshakeLosesItsPlaceOnlyToSomebodyWaiting) {
  HandshakeGate gate(2, 1'000);
  gate.enter(1, 0);
  gate.enter(2, 500);
  EXPECT_EQ(gate.overdue(9'000), std::nullopt);
  gate.enter(3, 600);
  EXPECT_EQ(gate.overdue(999), std::nullopt);
  EXPECT_EQ(gate.overdue(1'000), 1U);
  EXPECT_EQ(gate.leave(1, 1'000), 3U);
  EXPECT_EQ(gate.overdue(9'000), std::nullopt);
}

}  // namespace
}  // namespace dim
