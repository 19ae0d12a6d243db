#include "client/native_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "client/station_fixture.h"

namespace dim {
namespace {

using native::PrekeyKind;
using native::PrekeySecret;
using testing::ElementsAre;
using testing::IsEmpty;

class NativeKeysTest : public testing::Test {
 protected:
  Vault vault = Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();

  PrekeySecret made(PrekeyKind kind, std::uint32_t id) {
    PrekeySecret out = PrekeySecret::generate(kind, id, kFakeNow, fake_random());
    EXPECT_TRUE(put_native_prekey(vault, out));
    return out;
  }
  std::vector<std::uint32_t> ids(PrekeyKind kind) {
    std::vector<std::uint32_t> out;
    const auto all = native_prekeys(vault, kind).value();
    for (const PrekeySecret& secret : all) out.push_back(secret.id);
    return out;
  }
};

TEST_F(NativeKeysTest, A03_KeysOfTheDeviceAreMadeOnceAndKept) {
  EXPECT_EQ(native_device_keys(vault).error().code, Errc::not_found);
  const auto made = make_native_device_keys(vault, fake_random());
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->public_half().offers("n1"));
  EXPECT_EQ(native_device_keys(vault)->public_half(), made->public_half());
  EXPECT_EQ(make_native_device_keys(vault, fake_random())->public_half(), made->public_half());
}

TEST_F(NativeKeysTest, A03_WhatIsKeptAsKeysAndIsNoneIsAnErrorAndReplacedByNothing) {
  ASSERT_TRUE(vault.put("native device", "keys", "no keys"));
  EXPECT_EQ(native_device_keys(vault).error().code, Errc::native);
  EXPECT_EQ(make_native_device_keys(vault, fake_random()).error().code, Errc::native);
  EXPECT_EQ(*vault.get("native device", "keys"), "no keys");
}

TEST_F(NativeKeysTest, A03_APrekeyIsFoundByKindAndIdAndGoneAfterItWasForgotten) {
  const PrekeySecret seven = made(PrekeyKind::one_time, 7);
  made(PrekeyKind::signed_prekey, 7);
  const auto found = native_prekey(vault, PrekeyKind::one_time, 7).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key.public_key(), seven.key.public_key());
  EXPECT_EQ(found->time, kFakeNow);
  EXPECT_FALSE(native_prekey(vault, PrekeyKind::last_resort, 7).value());
  EXPECT_FALSE(native_prekey(vault, PrekeyKind::one_time, 8).value());

  ASSERT_TRUE(forget_native_prekey(vault, PrekeyKind::one_time, 7));
  EXPECT_FALSE(native_prekey(vault, PrekeyKind::one_time, 7).value());
  EXPECT_TRUE(native_prekey(vault, PrekeyKind::signed_prekey, 7).value());
}

TEST_F(NativeKeysTest, A03_AllOfAKindComeInTheOrderOfTheirIds) {
  EXPECT_THAT(ids(PrekeyKind::signed_prekey), IsEmpty());
  made(PrekeyKind::signed_prekey, 300);
  made(PrekeyKind::signed_prekey, 9);
  made(PrekeyKind::signed_prekey, 4'294'967'295);
  made(PrekeyKind::one_time, 10);
  EXPECT_THAT(ids(PrekeyKind::signed_prekey), ElementsAre(9, 300, 4'294'967'295));
  EXPECT_THAT(ids(PrekeyKind::one_time), ElementsAre(10));
}

TEST_F(NativeKeysTest, A03_WhatWasForgottenInATransactionThatFailsIsStillThere) {
  made(PrekeyKind::one_time, 7);
  const Status failed = vault.transaction([&]() -> Status {
    EXPECT_TRUE(forget_native_prekey(vault, PrekeyKind::one_time, 7));
    return fail(Errc::native, "the frame did not open");
  });
  EXPECT_FALSE(failed);
  EXPECT_TRUE(native_prekey(vault, PrekeyKind::one_time, 7).value());
}

TEST_F(NativeKeysTest, A03_OfTooManyOneTimePrekeysTheOldestGo) {
  for (std::uint32_t id = 5; id < 10; ++id) made(PrekeyKind::one_time, id);
  made(PrekeyKind::last_resort, 1);
  EXPECT_FALSE(forget_oldest_one_time(vault, 5).value());
  EXPECT_TRUE(forget_oldest_one_time(vault, 3).value());
  EXPECT_THAT(ids(PrekeyKind::one_time), ElementsAre(7, 8, 9));
  EXPECT_THAT(ids(PrekeyKind::last_resort), ElementsAre(1));
}

/// What stands in the files of a vault, the log included.
std::string files_of(const std::string& folder) {
  std::string out;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream in(file.path(), std::ios::binary);
    out.append(std::istreambuf_iterator<char>(in), {});
  }
  return out;
}

TEST_F(NativeKeysTest, A43_NoSecretStandsReadableOnTheDisk) {
  std::string folder = std::filesystem::temp_directory_path() / "dim-native-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  {
    Vault disk =
        Vault::open(folder + "/vault.db", Secret::random(32, fake_random()), fake_random()).value();
    const auto keys = make_native_device_keys(disk, fake_random()).value();
    const PrekeySecret prekey =
        PrekeySecret::generate(PrekeyKind::one_time, 1, kFakeNow, fake_random());
    ASSERT_TRUE(put_native_prekey(disk, prekey));
    const std::string all = files_of(folder);
    ASSERT_GT(all.size(), 4'096U);
    for (const ByteView secret : {keys.sig.seed(), keys.dh.secret(), prekey.key.secret()})
      EXPECT_EQ(all.find(as_text(secret)), std::string::npos);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace dim
