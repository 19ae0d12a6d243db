#include "dim/native/device_keys.h"

#include <gtest/gtest.h>

#include "dim/base/base64.h"
#include "dim/native/native_testing.h"

namespace dim::native {
namespace {

using testing::CountedRandom;
using testing::kNow;

DevicePublic some_keys() {
  CountedRandom random(1);
  return DeviceKeys::generate(random).public_half();
}

TEST(DeviceKeys, ThePropertyOfTheVisaReadsAsItWasWritten) {
  DevicePublic keys = some_keys();
  EXPECT_EQ(keys.features, std::vector<std::string>{"n1"});
  keys.features.push_back("n1g");
  const auto again = DevicePublic::parse(Json(keys.json()));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, keys);
  EXPECT_TRUE(again->offers("n1g"));
  EXPECT_FALSE(again->offers("pq"));
  JsonObject more = keys.json();
  more.set("added", 7);
  EXPECT_EQ(DevicePublic::parse(Json(more)).value(), keys) << "unknown members say nothing";
  more.erase("features");
  EXPECT_TRUE(DevicePublic::parse(Json(more)).value().features.empty());
}

TEST(DeviceKeys, AnythingElseIsRefusedByName) {
  const auto refused = [](std::string_view name, Json value) {
    JsonObject object = some_keys().json();
    object.set(name, std::move(value));
    const auto out = DevicePublic::parse(Json(object));
    return !out && out.error().code == Errc::native;
  };
  EXPECT_TRUE(refused("v", 2));
  EXPECT_TRUE(refused("v", "1"));
  EXPECT_TRUE(refused("sig", 7));
  EXPECT_TRUE(refused("sig", to_base64(Bytes(31, 1))));
  EXPECT_TRUE(refused("dh", to_base64(Bytes(33, 1))));
  EXPECT_TRUE(refused("dh", "%"));
  EXPECT_TRUE(refused("features", "n1"));
  EXPECT_TRUE(refused("features", JsonArray{Json("N1")}));
  EXPECT_TRUE(refused("features", JsonArray{Json("")}));
  EXPECT_TRUE(refused("features", JsonArray{Json(std::string(33, 'a'))}));
  EXPECT_TRUE(refused("features", JsonArray(17, Json("n1"))));
  EXPECT_FALSE(refused("features", JsonArray(16, Json("n1"))));
  EXPECT_FALSE(DevicePublic::parse(Json("n1")));
  EXPECT_FALSE(DevicePublic::parse(Json(JsonObject{})));
}

TEST(DeviceKeys, AVisaHasThemOrHasNone) {
  CountedRandom random(2);
  const auto key = PrivateKey::generate_ec(random);
  const auto meta = Meta::make(MetaType::eth, key.public_key()).value();
  const Id id = meta.id(EntityType::user).value();
  const auto visa = [&](const Json* property) {
    JsonObject properties;
    if (property != nullptr) properties.set("n1", *property);
    return Document::make(id.with_terminal("phone"), "visa", properties, kNow, key);
  };
  const DevicePublic keys = some_keys();
  const Json right(keys.json());
  EXPECT_EQ(device_of(visa(&right)).value(), keys);
  EXPECT_FALSE(device_of(visa(nullptr)).value());
  // Not the same as having none: whoever falls back here was made to.
  const Json wrong("later");
  EXPECT_EQ(device_of(visa(&wrong)).error().code, Errc::native);
}

TEST(DeviceKeys, WhatTheHomeKeepsGivesTheSameKeys) {
  CountedRandom random(3);
  const auto keys = DeviceKeys::generate(random);
  const Secret bytes = keys.write();
  EXPECT_EQ(bytes.size(), 65U);
  EXPECT_EQ(DeviceKeys::read(bytes.view()).value().public_half(), keys.public_half());
  EXPECT_FALSE(DeviceKeys::read(bytes.view().first(64)));
  Bytes wrong(bytes.view().begin(), bytes.view().end());
  wrong[0] = 2;
  EXPECT_EQ(DeviceKeys::read(wrong).error().code, Errc::native);
}

TEST(DeviceKeys, TheHashIsOfBothKeysAndOfNothingElse) {
  DevicePublic keys = some_keys();
  const Digest32 hash = keys.hash();
  keys.features.clear();
  EXPECT_EQ(keys.hash(), hash);
  keys.dh[0] ^= 1;
  EXPECT_NE(keys.hash(), hash);
  keys.dh[0] ^= 1;
  keys.sig[31] ^= 1;
  EXPECT_NE(keys.hash(), hash);
}

}  // namespace
}  // namespace dim::native
