#include "dim/native/party.h"

#include <gtest/gtest.h>

#include <set>

#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::Device;

TEST(Party, A03_TheAdOfASessionNamesBothSidesAndTheirKeys) {
  CountedRandom random(1);
  const Party a = Device::make("alice", "phone", random).party;
  const Party b = Device::make("bob", "", random).party;
  std::set<Digest32> seen{session_ad(a, b)};
  const auto differs = [&](auto change) {
    Party changed = a;
    change(changed);
    const bool first = seen.insert(session_ad(changed, b)).second;
    Party other = b;
    change(other);
    return first && seen.insert(session_ad(a, other)).second;
  };
  EXPECT_TRUE(seen.insert(session_ad(b, a)).second) << "who began it counts";
  EXPECT_TRUE(differs([](Party& party) { party.keys.sig[0] ^= 1; }));
  EXPECT_TRUE(differs([](Party& party) { party.keys.dh[0] ^= 1; }));
  EXPECT_TRUE(differs([](Party& party) { party.meta[31] ^= 1; }));
  EXPECT_TRUE(differs([](Party& party) { party.rev += 1; }));
  EXPECT_TRUE(differs([](Party& party) { party.device = party.device.with_terminal("tablet"); }));
  EXPECT_TRUE(differs([](Party& party) {
    party.device = Id("carol", party.device.address()).with_terminal("phone");
  }));
  EXPECT_EQ(session_ad(a, b), *seen.find(session_ad(a, b)));
}

TEST(Party, A03_AFrameOpensOnlyUnderItsSendersIdAndDeviceKeys) {
  // Mallory shows Alice's keys as a device of hers: what Alice sends must not count as Mallory's.
  CountedRandom random(2);
  Device a = Device::make("alice", "phone", random);
  Device b = Device::make("bob", "", random);
  Device mallory = Device::make("mallory", "phone", random);
  mallory.party.keys = a.party.keys;
  auto session = initiate(a.keys, a.party, b.party, b.bundle(true, random), random).value();
  const Bytes frame = seal(session, as_bytes("mine"), {}, random).value();
  EXPECT_FALSE(b.accept(mallory, frame, {}));
  Device other = Device::make("alice", "phone", random);
  other.party.device = a.party.device;
  other.party.meta = a.party.meta;
  EXPECT_FALSE(b.accept(other, frame, {})) << "other keys under Alice's ID";
  EXPECT_TRUE(b.accept(a, frame, {}));
}

}  // namespace
}  // namespace dim::native
