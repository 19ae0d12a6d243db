#include "server/keys.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "dim/crypto/os_random.h"

namespace dim {
namespace {

constexpr Millis kTime = 1'750'000'000'000;

TEST(StationKeys, AreAStationWithTwoCertificatesThatItsVisaNames) {
  OsRandom random;
  const auto keys = make_keys(kTime, random);
  ASSERT_TRUE(keys) << keys.error().text;
  EXPECT_EQ(keys->account.id.type(), EntityType::station);
  ASSERT_EQ(keys->tls.size(), 2U);
  const auto pins = keys->pins();
  ASSERT_EQ(pins.size(), 2U);
  EXPECT_NE(pins[0], pins[1]);
  const JsonArray& named = *keys->account.visa.properties().find("tls")->array();
  ASSERT_EQ(named.size(), 2U);
  for (std::size_t i = 0; i < pins.size(); ++i) {
    EXPECT_TRUE(pins[i].starts_with("sha256-")) << pins[i];
    EXPECT_EQ(*named[i].text(), pins[i]);
  }
}

TEST(StationKeys, A24_AreNewEachTime) {
  OsRandom random;
  const auto a = make_keys(kTime, random);
  const auto b = make_keys(kTime, random);
  ASSERT_TRUE(a && b);
  EXPECT_NE(a->account.id.text(), b->account.id.text());
  EXPECT_NE(a->pins(), b->pins());
}

TEST(StationKeys, TheVisaIsSignedAnewOnlyWhenItSaysSomethingElse) {
  OsRandom random;
  auto keys = make_keys(kTime, random);
  ASSERT_TRUE(keys);
  EXPECT_TRUE(update_visa(*keys, "::1", 8'800, kTime + 1'000));
  EXPECT_EQ(*keys->account.visa.properties().text("host"), "::1");
  EXPECT_FALSE(update_visa(*keys, "::1", 8'800, kTime + 2'000));
  EXPECT_TRUE(update_visa(*keys, "::1", 9'900, kTime + 3'000));
  EXPECT_TRUE(update_visa(*keys, "chat.example", 9'900, kTime + 4'000));
  const auto parsed =
      Document::parse(keys->account.visa.json(), keys->account.id, keys->account.meta);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed->properties().text("host"), "chat.example");
}

TEST(MachineAddress, IsAnIpv6AddressThatIsNotLinkLocal) {
  const std::string text = machine_address();
  in6_addr address{};
  ASSERT_EQ(::inet_pton(AF_INET6, text.c_str(), &address), 1) << text;
  EXPECT_FALSE(IN6_IS_ADDR_LINKLOCAL(&address)) << text;
}

}  // namespace
}  // namespace dim
