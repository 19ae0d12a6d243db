#include "dim/native/prekeys.h"

#include <gtest/gtest.h>

#include "dim/base/base64.h"
#include "dim/native/native_testing.h"
#include "dim/native/suite.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::Device;
using testing::kNow;

struct Uploaded {
  CountedRandom random{1};
  Device device = Device::make("bob", "phone", random);
  PrekeySet set = [this] {
    const PrekeyBundle bundle = device.bundle(false, random);
    PrekeySet out{.signed_prekey = bundle.signed_prekey, .last_resort = *bundle.last_resort};
    for (int i = 0; i < 3; ++i) out.one_time.push_back(*device.bundle(true, random).one_time);
    return out;
  }();
};

TEST(Prekeys, ASetReadsAsItWasWrittenAndVerifies) {
  const Uploaded up;
  const auto text = write_json(up.set.json());
  const auto again = PrekeySet::parse(parse_json_object(text).value());
  ASSERT_TRUE(again) << to_string(again.error());
  EXPECT_EQ(*again, up.set);
  EXPECT_TRUE(again->verify(up.device.party.device, up.device.party.keys));
  JsonObject without = up.set.json();
  without.erase("once");
  EXPECT_TRUE(PrekeySet::parse(without)->one_time.empty());
}

TEST(Prekeys, NothingThatTheDeviceHasNotSignedVerifies) {
  const Uploaded up;
  const Id& device = up.device.party.device;
  const DevicePublic& keys = up.device.party.keys;
  const auto refused = [&](auto change) {
    PrekeySet set = up.set;
    change(set);
    const auto out = set.verify(device, keys);
    return !out && out.error().code == Errc::signature;
  };
  EXPECT_FALSE(refused([](PrekeySet&) {}));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.signed_prekey.key[0] ^= 1; }));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.signed_prekey.id += 1; }));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.signed_prekey.time += 1; }));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.last_resort.signature[9] ^= 1; }));
  EXPECT_TRUE(refused([](PrekeySet& set) { std::swap(set.last_resort, set.signed_prekey); }));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.one_time[2].id += 1; }));
  EXPECT_TRUE(refused([](PrekeySet& set) { set.one_time[1].key = set.one_time[0].key; }));
  CountedRandom random(2);
  const Device other = Device::make("bob", "phone", random);
  EXPECT_FALSE(up.set.verify(device, other.party.keys));
  EXPECT_FALSE(up.set.verify(other.party.device, keys)) << "of another user";
  EXPECT_FALSE(up.set.verify(device.with_terminal("tablet"), keys)) << "of another device";
  EXPECT_FALSE(up.set.verify(device.bare(), keys));
}

TEST(Prekeys, ABundleOfLongAgoOrWithoutASecondKeyIsRefused) {
  CountedRandom random(3);
  Device device = Device::make("bob", "phone", random);
  for (const bool once : {true, false}) {
    PrekeyBundle bundle = device.bundle(once, random);
    const Millis made = bundle.signed_prekey.time;
    EXPECT_TRUE(bundle.check_age(made));
    EXPECT_TRUE(bundle.check_age(made + kOldestPrekeyMs));
    EXPECT_FALSE(bundle.check_age(made + kOldestPrekeyMs + 1));
    EXPECT_FALSE(bundle.check_age(made - kDayMs)) << "from the future";
    if (!once) {
      bundle.last_resort->time -= kOldestPrekeyMs + 1;
      EXPECT_FALSE(bundle.check_age(made));
    }
    bundle.one_time.reset();
    bundle.last_resort.reset();
    EXPECT_FALSE(bundle.check_age(made));
  }
}

TEST(Prekeys, AnotherFormIsRefused) {
  const Uploaded up;
  const auto code = [&](auto change) {
    JsonObject object = up.set.json();
    change(object);
    const auto out = PrekeySet::parse(object);
    return out ? Errc::usage : out.error().code;
  };
  EXPECT_EQ(code([](JsonObject&) {}), Errc::usage);
  EXPECT_EQ(code([](JsonObject& o) { o.set("v", 2); }), Errc::bad_request);
  EXPECT_EQ(code([](JsonObject& o) { o.erase("v"); }), Errc::bad_request);
  EXPECT_EQ(code([](JsonObject& o) { o.erase("signed"); }), Errc::bad_request);
  EXPECT_EQ(code([](JsonObject& o) { o.erase("last"); }), Errc::bad_request);
  EXPECT_EQ(code([](JsonObject& o) { o.set("once", JsonObject{}); }), Errc::bad_request);
  EXPECT_EQ(code([](JsonObject& o) { o.set("once", JsonArray{Json(1)}); }), Errc::bad_request);
  const auto change_signed = [&](std::string_view name, Json value) {
    return code([&](JsonObject& o) { o.find("signed")->object()->set(name, std::move(value)); });
  };
  EXPECT_EQ(change_signed("id", -1), Errc::bad_request);
  EXPECT_EQ(change_signed("id", std::int64_t{1} << 32), Errc::bad_request);
  EXPECT_EQ(change_signed("id", "7"), Errc::bad_request);
  EXPECT_EQ(change_signed("id", 1.5), Errc::bad_request);
  EXPECT_EQ(change_signed("key", to_base64(Bytes(31))), Errc::bad_request);
  EXPECT_EQ(change_signed("signature", to_base64(Bytes(65))), Errc::bad_request);
  EXPECT_EQ(change_signed("time", 7), Errc::bad_request);
  EXPECT_EQ(change_signed("time", "yesterday"), Errc::bad_request);
  EXPECT_EQ(change_signed("time", "1969-12-31T23:59:59.000Z"), Errc::bad_request);
  const auto change_once = [&](std::size_t count, bool same) {
    return code([&](JsonObject& o) {
      JsonArray list;
      for (std::size_t i = 0; i < count; ++i) {
        JsonObject one = *up.set.json().find("once")->array()->at(0).object();
        if (!same) one.set("id", static_cast<std::int64_t>(i));
        list.emplace_back(one);
      }
      o.set("once", list);
    });
  };
  EXPECT_EQ(change_once(kMostOneTime, false), Errc::usage);
  EXPECT_EQ(change_once(kMostOneTime + 1, false), Errc::too_large);
  EXPECT_EQ(change_once(2, true), Errc::bad_request) << "an id stands twice";
}

TEST(Prekeys, ABundleReadsAsItWasWritten) {
  Uploaded up;
  PrekeyBundle none = up.device.bundle(true, up.random);
  none.one_time.reset();
  for (const PrekeyBundle& bundle :
       {up.device.bundle(true, up.random), up.device.bundle(false, up.random), none}) {
    const auto again = PrekeyBundle::parse(bundle.json());
    ASSERT_TRUE(again) << to_string(again.error());
    EXPECT_EQ(*again, bundle);
    EXPECT_TRUE(again->verify(up.device.party.device, up.device.party.keys));
    EXPECT_TRUE(again->verify(up.device.party.device.bare(), up.device.party.keys));
    PrekeyBundle wrong = bundle;
    wrong.terminal = "tablet";
    EXPECT_EQ(wrong.verify(up.device.party.device, up.device.party.keys).error().code,
              Errc::signature);
  }
  PrekeyBundle bare = none;
  bare.terminal.clear();
  EXPECT_EQ(PrekeyBundle::parse(bare.json()).value(), bare);
  JsonObject both = up.device.bundle(true, up.random).json();
  both.set("last", up.set.last_resort.json());
  EXPECT_EQ(PrekeyBundle::parse(both).error().code, Errc::bad_request);
  JsonObject wrong = none.json();
  wrong.set("device", 7);
  EXPECT_FALSE(PrekeyBundle::parse(wrong));
  wrong.set("device", std::string(33, 'a'));
  EXPECT_FALSE(PrekeyBundle::parse(wrong));
  wrong = none.json();
  wrong.set("v", 2);
  EXPECT_FALSE(PrekeyBundle::parse(wrong));
}

TEST(Prekeys, ASecretIsKeptWithAllThatItsPublicHalfSays) {
  Uploaded up;
  for (const auto& [name, secret] : up.device.secrets) {
    const Secret bytes = secret.write();
    EXPECT_EQ(bytes.size(), 46U);
    const auto again = PrekeySecret::read(bytes.view());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->kind, name.first);
    EXPECT_EQ(again->id, name.second);
    if (again->kind == PrekeyKind::one_time) {
      EXPECT_EQ(again->sign_one_time(up.device.keys, up.device.party.device),
                secret.sign_one_time(up.device.keys, up.device.party.device));
    } else {
      EXPECT_EQ(again->sign(up.device.keys, up.device.party.device),
                secret.sign(up.device.keys, up.device.party.device));
    }
    EXPECT_FALSE(PrekeySecret::read(bytes.view().first(45)));
    for (const std::uint8_t kind : Bytes{0, 4, 255}) {
      Bytes wrong(bytes.view().begin(), bytes.view().end());
      wrong[1] = kind;
      EXPECT_EQ(PrekeySecret::read(wrong).error().code, Errc::native);
    }
  }
}

}  // namespace
}  // namespace dim::native
