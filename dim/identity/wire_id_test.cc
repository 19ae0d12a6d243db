#include "dim/identity/wire_id.h"

namespace dim {
namespace {

constexpr std::string_view kBtc = "1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQr";

TEST(WireId, CutsAtSlashFirstAndThenAtAt) {
  const auto id = WireId::parse("hulk@" + std::string(kBtc) + "/phone/rest");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->name, "hulk");
  EXPECT_EQ(id->address.text, kBtc);
  EXPECT_EQ(id->terminal, "phone");
  EXPECT_FALSE(WireId::parse("hu/lk@" + std::string(kBtc)));
}

TEST(WireId, KeepsMissingAndEmptyApart) {
  const auto bare = WireId::parse(kBtc);
  const auto empty = WireId::parse("@" + std::string(kBtc) + "//");
  ASSERT_TRUE(bare && empty);
  EXPECT_EQ(bare->name, std::nullopt);
  EXPECT_EQ(empty->name, "");
  EXPECT_EQ(bare->terminal, std::nullopt);
  EXPECT_EQ(empty->terminal, "");
  EXPECT_TRUE(bare->same_entity(*empty));
}

TEST(WireId, I04_RefusesWrongCheckCodeAndLength) {
  EXPECT_FALSE(WireAddress::parse("1DxsMbJSfuPgV7E4Lpqf9BKHoYEQFwkyQ2"));
  EXPECT_FALSE(WireAddress::parse("1" + std::string(kBtc)));
  EXPECT_FALSE(WireAddress::parse(kBtc.substr(1)));
}

TEST(WireId, SeesOldNetworkBytesAsNewTypes) {
  const auto station = WireId::parse("seed10@x7vQHGkinAsXx4amceBURFH4XgQzLzcgGE");
  ASSERT_TRUE(station);
  EXPECT_EQ(station->address.network, 0x88);
  EXPECT_EQ(station->type(), 2);
  const auto nameless = WireId::parse("x7vQHGkinAsXx4amceBURFH4XgQzLzcgGE");
  ASSERT_TRUE(nameless);
  EXPECT_EQ(nameless->type(), 0);
}

TEST(WireId, ReplacesAndDropsTheTerminal) {
  const auto id = WireId::parse("hulk@" + std::string(kBtc) + "/pad");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->with_terminal("phone").text, "hulk@" + std::string(kBtc) + "/phone");
  EXPECT_EQ(id->with_terminal("").text, "hulk@" + std::string(kBtc));
}

}  // namespace
}  // namespace dim
