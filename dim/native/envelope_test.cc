#include "dim/native/envelope.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::Device;
using testing::kNow;

struct Scene {
  CountedRandom random{1};
  Device alice = Device::make("alice", "phone", random);
  Device bob = Device::make("bob", "", random);
  Envelope envelope{.sender = alice.party.device,
                    .target = bob.party.device,
                    .time = kNow,
                    .guid = "0190b5c3a1f27e0c8b6d4f5a6b7c8d9e",
                    .type = "1"};
  Bytes data = to_bytes("sealed");
  std::vector<FrameFor> keys{{"b/phone", Bytes{1, 2}}, {"a", Bytes{3}}};
  Signature64 signature = sign_envelope(envelope, alice.keys, data, keys);

  bool verifies() const {
    const auto out = verify_envelope(envelope, alice.party.keys, data, keys, signature);
    EXPECT_TRUE(out || out.error().code == Errc::signature);
    return out.has_value();
  }
};

template <class Change>
bool verifies_with(Change change) {
  Scene scene;
  change(scene);
  return scene.verifies();
}

TEST(Envelope, A03_SenderAndDeviceKeysStandInTheAdAndInTheSignedBytes) {
  Scene scene;
  const Bytes ad = envelope_ad(scene.envelope, scene.alice.party.keys);
  const Bytes bytes = signing_input(scene.envelope, scene.alice.party.keys, scene.data, scene.keys);
  const Digest32 hash = scene.alice.party.keys.hash();
  for (const Bytes* where : {&ad, &bytes}) {
    EXPECT_FALSE(std::ranges::search(*where, hash).empty());
    EXPECT_FALSE(
        std::ranges::search(*where, as_bytes(scene.alice.party.device.bare_text())).empty());
  }
  EXPECT_TRUE(scene.verifies());
  EXPECT_FALSE(verifies_with([](Scene& s) { s.envelope.sender = s.bob.party.device; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.alice.party.keys.sig = s.bob.party.keys.sig; }));
  // Another X25519 key beside the same signing key: the signature is not its device's.
  EXPECT_FALSE(verifies_with([](Scene& s) { s.alice.party.keys.dh = s.bob.party.keys.dh; }));
}

TEST(Envelope, A08_WhatWasSignedCannotBeSentAsAnythingElse) {
  EXPECT_FALSE(verifies_with([](Scene& s) { s.envelope.target = s.alice.party.device; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.envelope.time += 1; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.envelope.guid[0] = '1'; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.envelope.type = "01"; }));
  EXPECT_FALSE(verifies_with(
      [](Scene& s) { s.envelope.sender = s.envelope.sender.with_terminal("tablet"); }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.data.push_back(0); }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.keys[0].second[0] ^= 1; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.keys.pop_back(); }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.keys[1].first = "b"; }));
  EXPECT_FALSE(verifies_with([](Scene& s) { s.signature[0] ^= 1; }));
  EXPECT_TRUE(verifies_with([](Scene& s) { std::swap(s.keys[0], s.keys[1]); }))
      << "the order of names in JSON means nothing";
  EXPECT_TRUE(verifies_with([](Scene& s) {
    s.envelope.target = s.envelope.target.with_terminal("phone");
  })) << "the target has no device in it";
}

TEST(Envelope, ANameStandsOnce) {
  Scene scene;
  scene.keys.push_back(scene.keys[0]);
  scene.signature = sign_envelope(scene.envelope, scene.alice.keys, scene.data, scene.keys);
  EXPECT_FALSE(scene.verifies());
}

TEST(Envelope, NoFieldCanBeTakenForAnother) {
  Scene scene;
  std::set<Bytes> seen;
  const auto add = [&](std::string guid, std::string type) {
    scene.envelope.guid = std::move(guid);
    scene.envelope.type = std::move(type);
    return seen.insert(envelope_ad(scene.envelope, scene.alice.party.keys)).second;
  };
  EXPECT_TRUE(add("ab", "c"));
  EXPECT_TRUE(add("a", "bc"));
  EXPECT_TRUE(add("abc", ""));
  EXPECT_FALSE(add("ab", "c"));
  // What a frame is sealed under is never what a signature is over.
  const Bytes ad = envelope_ad(scene.envelope, scene.alice.party.keys);
  const Bytes bytes = signing_input(scene.envelope, scene.alice.party.keys, {}, {});
  EXPECT_FALSE(std::ranges::equal(ad, ByteView(bytes).first(ad.size())));
}

}  // namespace
}  // namespace dim::native
