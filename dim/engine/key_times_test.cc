#include "dim/engine/key_times.h"

#include "dim/engine/device_link.h"
#include "testing/engine_accounts.h"

namespace dim {
namespace {

using namespace dim::testing;

Account fresh() {
  return std::move(Account::make_station("renewed", {}, kNow, os_random()).value());
}

TEST(KeyTimes, MessageKeysAreDueAfter90Days) {
  const Account account = fresh();
  EXPECT_FALSE(is_message_key_due(account, {}, kNow + 90 * kDay - 1));
  EXPECT_TRUE(is_message_key_due(account, {}, kNow + 90 * kDay));
}

TEST(KeyTimes, AnotherNameInTheVisaMakesTheKeyNoYounger) {
  Account account = fresh();
  KeyTimes times;
  ASSERT_TRUE(renew_message_key(account, times, kNow + kDay));
  JsonObject properties;
  properties.set("name", "other");
  ASSERT_TRUE(account.update_visa(properties, kNow + 80 * kDay));
  EXPECT_FALSE(is_message_key_due(account, times, kNow + 91 * kDay - 1));
  EXPECT_TRUE(is_message_key_due(account, times, kNow + 91 * kDay));
}

TEST(KeyTimes, ReplacedMessageKeysGoAfterAYear) {
  Account account = fresh();
  KeyTimes times;
  ASSERT_TRUE(renew_message_key(account, times, kNow + 90 * kDay));
  ASSERT_TRUE(renew_message_key(account, times, kNow + 180 * kDay));
  EXPECT_FALSE(forget_message_keys(account, times, kNow + 455 * kDay))
      << "365 days after the first";
  ASSERT_EQ(account.message_keys.size(), 3U);
  const Bytes second = account.message_keys[1].public_key().data();
  EXPECT_TRUE(forget_message_keys(account, times, kNow + 456 * kDay));
  ASSERT_EQ(account.message_keys.size(), 2U);
  EXPECT_EQ(account.message_keys[1].public_key().data(), second);
  EXPECT_FALSE(forget_message_keys(account, times, kNow + 456 * kDay));
  EXPECT_TRUE(forget_message_keys(account, times, kNow + 5'000 * kDay));
  EXPECT_EQ(account.message_keys.size(), 1U) << "the newest stays";
  EXPECT_EQ(times.size(), 1U);
}

TEST(KeyTimes, AccountsOfEarlierVersionsCountFromTheirVisa) {
  Account account = fresh();
  KeyTimes times;
  ASSERT_TRUE(renew_message_key(account, times, kNow + 100 * kDay));
  ASSERT_EQ(times, (KeyTimes{kNow + 100 * kDay, kNow}));
  EXPECT_FALSE(forget_message_keys(account, times, kNow + 464 * kDay));
  EXPECT_TRUE(forget_message_keys(account, times, kNow + 466 * kDay));
}

TEST(KeyTimes, F07_TheKeyOfALinkedDeviceIsNeverDue) {
  Account account = fresh();
  const auto key = PrivateKey::generate_rsa().value();
  const auto request = DeviceRequest::parse(*DeviceRequest::make("laptop", key)).value();
  const Document visa = visa_for(account, request, nullptr, kNow).value();
  const Account linked = linked_account({account.id, account.meta, visa, ""}, key).value();
  EXPECT_TRUE(is_message_key_due(account, {}, kNow + 100 * kDay));
  EXPECT_FALSE(is_message_key_due(linked, {}, kNow + 100 * kDay));
}

}  // namespace
}  // namespace dim
