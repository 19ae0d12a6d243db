#include "dim/identity/id.h"

#include <set>

namespace dim {
namespace {

constexpr std::string_view kEth = "0x21e27549d780db2a32058bD960A6245b01Ad85FF";
constexpr std::string_view kBtc = "1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQr";

std::string btc() { return std::string(kBtc); }

bool refused(std::string_view text) {
  const auto id = Id::parse(text);
  return !id && status_of(id.error().code) == 401;
}

TEST(Id, HasItsParts) {
  const auto id = Id::parse("hulk@" + btc() + "/phone");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->name(), "hulk");
  EXPECT_EQ(id->address().text(), kBtc);
  EXPECT_EQ(id->terminal(), "phone");
  EXPECT_EQ(id->type(), EntityType::user);
  EXPECT_TRUE(id->is_user());
  EXPECT_EQ(id->text(), "hulk@" + btc() + "/phone");
  EXPECT_EQ(id->bare().text(), "hulk@" + btc());
  EXPECT_TRUE(id->same_entity(id->bare()));
  EXPECT_FALSE(*id == id->bare());
}

TEST(Id, I01_RefusesMissingParts) {
  for (const std::string& text : {std::string(), std::string("@"), std::string("a@"), "@" + btc(),
                                  "a@b@" + btc(), "a/b@" + btc(), std::string("/")}) {
    EXPECT_TRUE(refused(text)) << text;
  }
}

TEST(Id, I02_RefusesBadNames) {
  EXPECT_TRUE(Id::parse(std::string(64, 'n') + "@" + btc()));
  EXPECT_TRUE(refused(std::string(65, 'n') + "@" + btc()));
  EXPECT_TRUE(refused("x\r\nFAKE@" + btc()));
  EXPECT_TRUE(refused("a\u202Eb@" + btc()));
  EXPECT_TRUE(refused("hulk @" + btc()));
}

TEST(Id, I03_TakesCyrillicAndRefusesOtherForms) {
  EXPECT_TRUE(Id::parse("adm\u0456n@" + btc()));
  EXPECT_TRUE(refused("e\u0301@" + btc()));
  EXPECT_TRUE(refused("\uFF21dmin@" + btc()));
}

TEST(Id, I04_RefusesBrokenBase58) {
  for (const std::string_view text :
       {"1DxsM0JSfuPgV7E4Lpqf9BKHoYEQFwkyQr", "1DxsMOJSfuPgV7E4Lpqf9BKHoYEQFwkyQr",
        "1DxsMIJSfuPgV7E4Lpqf9BKHoYEQFwkyQr", "1DxsMlJSfuPgV7E4Lpqf9BKHoYEQFwkyQr",
        "1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQ2", "1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQrA",
        "1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQ"}) {
    EXPECT_TRUE(refused(text)) << text;
  }
  EXPECT_TRUE(refused("1" + btc())) << "one leading 1 more is one byte more";
  EXPECT_TRUE(refused(btc().substr(1)));
  EXPECT_TRUE(Id::parse("1111111111111111111114oLvT2"))
      << "as many leading 1 as there are zero bytes";
  EXPECT_TRUE(refused("11111111111111111111114oLvT2"));
}

TEST(Id, I05_RefusesBrokenEth) {
  const std::string eth(kEth);
  EXPECT_TRUE(refused(eth.substr(0, 41)));
  EXPECT_TRUE(refused(eth + "0"));
  EXPECT_TRUE(refused("0x" + std::string(40, 'Z')));
  EXPECT_TRUE(refused("0x" + std::string(40, 'z')));
  EXPECT_TRUE(refused("0X" + eth.substr(2)));
  EXPECT_TRUE(refused(eth.substr(2)));
  EXPECT_TRUE(refused("0x21E27549d780db2a32058bD960A6245b01Ad85FF")) << "EIP-55";
}

TEST(Id, Eip55MatchesItsExamples) {
  for (const std::string_view text :
       {"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb"}) {
    std::string lower(text);
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const auto address = Address::parse(lower);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->text(), text);
  }
}

TEST(Id, I06_EthInEveryCaseIsOneUser) {
  const auto checksummed = Id::parse(kEth);
  const auto lower = Id::parse("0x21e27549d780db2a32058bd960a6245b01ad85ff");
  const auto upper = Id::parse("0x21E27549D780DB2A32058BD960A6245B01AD85FF");
  ASSERT_TRUE(checksummed && lower && upper);
  EXPECT_EQ(std::set<std::string>({checksummed->text(), lower->text(), upper->text()}).size(), 1U);
  EXPECT_TRUE(*lower == *upper);
}

TEST(Id, I07_RefusesUnknownNetworks) {
  EXPECT_TRUE(refused("a@" + btc_address(0x77, as_bytes("x"))));
  EXPECT_TRUE(refused("a@" + btc_address(0x80, as_bytes("x"))))
      << "no key makes a broadcast address";
  EXPECT_TRUE(refused("2n1XR4oJkmBdJMxhBGQGb96gQ88xUyGML1i")) << "0xFF";
}

TEST(Id, I07_OldNetworksKeepTheirAddressAndGetTheirType) {
  const std::vector<std::pair<std::uint8_t, EntityType>> networks = {
      {0x08, EntityType::user}, {0x10, EntityType::group},   {0x30, EntityType::group},
      {0x76, EntityType::isp},  {0x88, EntityType::station}, {0xC8, EntityType::bot}};
  for (const auto& [byte, type] : networks) {
    const std::string text = "a@" + btc_address(byte, as_bytes("x"));
    const auto id = Id::parse(text);
    ASSERT_TRUE(id) << text;
    EXPECT_EQ(id->type(), type);
    EXPECT_EQ(id->address().network_byte(), byte);
    EXPECT_EQ(id->text(), text);
    EXPECT_FALSE(id->is_broadcast());
  }
}

TEST(Id, I08_RefusesBadTerminals) {
  const std::string id(kEth);
  for (const std::string& terminal :
       {std::string("../../x"), std::string(33, 'a'), std::string(), std::string("a/b"),
        std::string("测试"), std::string("a b"), std::string("**"), std::string("a\n")}) {
    EXPECT_TRUE(refused(id + "/" + terminal)) << terminal;
  }
  for (const std::string& terminal :
       {std::string("phone"), std::string(32, 'a'), std::string("A-1_b.c"), std::string("*")}) {
    EXPECT_TRUE(Id::parse(id + "/" + terminal)) << terminal;
  }
}

TEST(Id, BroadcastIdsHaveOneSpelling) {
  const auto id = Id::parse("EVERYONE@EveryWhere");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->text(), "everyone@everywhere");
  EXPECT_TRUE(id->is_group() && id->is_broadcast());
  EXPECT_TRUE(Id::parse("station@anywhere")->is_broadcast());
  EXPECT_TRUE(refused("anywhere")) << "nobody in particular anywhere is nobody";
}

TEST(Id, A36_RefusesWhatTheReferenceTakes) {
  EXPECT_TRUE(refused("\x01x@" + btc()));
  EXPECT_TRUE(refused("a@unknownaddress"));
  EXPECT_TRUE(refused("a@abcd"));
  EXPECT_TRUE(refused(std::string(100'000, '@')));
}

}  // namespace
}  // namespace dim
