#include "server/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dim {
namespace {

using testing::HasSubstr;

std::expected<DaemonConfig, Failure> parse(std::string_view text) {
  return parse_config(text, "dimd.toml", {});
}

TEST(Config, ReadsEveryKeyWithItsOwnDefault) {
  std::string text;
  std::string section;
  for (const ConfigKey& key : config_keys()) {
    const auto dot = key.name.find('.');
    if (key.name.substr(0, dot) != section) {
      section = key.name.substr(0, dot);
      text += "[" + section + "]\n";
    }
    text += std::string(key.name.substr(dot + 1)) + " = " + std::string(key.fallback) + "\n";
  }
  const auto config = parse(text);
  ASSERT_TRUE(config) << config.error().text;
  const DaemonConfig fresh;
  EXPECT_EQ(config->port_base, fresh.port_base);
  EXPECT_EQ(config->listen, fresh.listen);
  EXPECT_EQ(config->station.send_queue_bytes, fresh.station.send_queue_bytes);
  EXPECT_EQ(config->inbox.bytes, fresh.inbox.bytes);
  EXPECT_EQ(config->inbox.messages, fresh.inbox.messages);
  EXPECT_EQ(config->admission.total, fresh.admission.total);
  EXPECT_EQ(config->admission.handshakes, fresh.admission.handshakes);
  EXPECT_DOUBLE_EQ(config->station.quotas.messages.per_second,
                   fresh.station.quotas.messages.per_second);
  EXPECT_DOUBLE_EQ(config->station.quotas.documents.per_second,
                   fresh.station.quotas.documents.per_second);
  EXPECT_DOUBLE_EQ(config->station.quotas.subnet_messages.burst,
                   fresh.station.quotas.subnet_messages.burst);
  EXPECT_DOUBLE_EQ(config->station.quotas.subnet_logins.burst,
                   fresh.station.quotas.subnet_logins.burst);
  EXPECT_DOUBLE_EQ(config->station.quotas.subnet_failures.burst,
                   fresh.station.quotas.subnet_failures.burst);
  EXPECT_EQ(config->log_level, fresh.log_level);
}

TEST(Config, TheGatewayIsOffAndTakesAnAddressOfEitherFamily) {
  EXPECT_FALSE(parse("")->dimchat);
  const auto config = parse("[network]\ndimchat = \"192.0.2.1:9395\"\n");
  ASSERT_TRUE(config && config->dimchat);
  EXPECT_EQ(config->dimchat->address, "192.0.2.1");
  EXPECT_EQ(config->dimchat->port, 9395);
  struct Case {
    std::string_view text, address;
    std::uint16_t port;
  };
  for (const Case& one : {Case{"[::]:9394", "::", 9394}, Case{"::1", "::1", 9394},
                          Case{"[2001:db8::1]", "2001:db8::1", 9394}, Case{"9400", "::", 9400},
                          Case{"0.0.0.0", "0.0.0.0", 9394}}) {
    const auto read = parse_listen_address(one.text);
    ASSERT_TRUE(read) << one.text;
    EXPECT_EQ(read->address, one.address);
    EXPECT_EQ(read->port, one.port);
  }
  for (const std::string_view bad :
       {"", ":", "[::]:0", "[::]:65536", "[::", "host:9394", "1.2.3.4:", "1.2.3:9394",
        "[1.2.3.4]:1", "::1]:9394", "[::1]9394"}) {
    EXPECT_FALSE(parse_listen_address(bad)) << bad;
  }
  EXPECT_FALSE(parse("[network]\ndimchat = \"everywhere\"\n"));
}

TEST(Config, C01_AnUnknownKeyNamesTheNearestOne) {
  const auto config = parse("[network]\nlisten = \"::1\"\nport_bsae = 8800\n");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code, Exit::usage);
  EXPECT_THAT(config.error().text, HasSubstr("dimd.toml:3"));
  EXPECT_THAT(config.error().text, HasSubstr("network.port_bsae"));
  EXPECT_THAT(config.error().text, HasSubstr("did you mean network.port_base?"));
  const auto section = parse("[quota]\nmessages_per_second = 5\n");
  ASSERT_FALSE(section);
  EXPECT_THAT(section.error().text, HasSubstr("did you mean quotas.messages_per_second?"));
  EXPECT_FALSE(parse("port_base = 8800\n"));
}

TEST(Config, C01_AnUnknownKeyThatIsLikeNoneNamesThoseThereAre) {
  const auto section = parse("nonsense = 1\n");
  ASSERT_FALSE(section);
  EXPECT_THAT(section.error().text, HasSubstr("dimd.toml:1"));
  EXPECT_THAT(section.error().text, HasSubstr("the sections are neighbour, "));
  EXPECT_THAT(section.error().text, HasSubstr(", network, "));
  const auto key = parse("[log]\nxylophone_of_mine = 1\n");
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().text, HasSubstr("[log] has level"));
}

TEST(Config, TheFolderMayStandInItAndTheCommandLineWins) {
  EXPECT_EQ(parse("[storage]\ndata = \"/var/lib/dim\"\n")->data, "/var/lib/dim");
  DaemonConfig given;
  given.data = "/tmp/other";
  EXPECT_EQ(parse_config("[storage]\ndata = \"/var/lib/dim\"\n", "dimd.toml", given)->data,
            "/tmp/other");
  const auto relative = parse("[storage]\ndata = \"dim\"\n");
  ASSERT_FALSE(relative);
  EXPECT_THAT(relative.error().text, HasSubstr("must be a path from the root"));
}

TEST(Config, C02_RefusesPortsThatCannotBeAndIpv4Addresses) {
  for (const char* text :
       {"[network]\nport_base = 0", "[network]\nport_base = 65536", "[network]\nport_base = -1",
        "[network]\nport_base = \"8800\"", "[network]\nlisten = \"0.0.0.0\"",
        "[network]\nlisten = \"::ffff:1.2.3.4\"", "[network]\nlisten = \"localhost\""}) {
    const auto config = parse(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Exit::usage);
    EXPECT_THAT(config.error().text, HasSubstr("the default is")) << text;
  }
  EXPECT_EQ(parse("[network]\nlisten = \"2001:db8::1\"\nport_base = 9000")->port_base, 9000);
}

TEST(Config, C03_RefusesNegativeHugeAndMisspeltLimits) {
  for (const char* text :
       {"[limits]\nsend_queue = -1", "[limits]\nsend_queue = \"64 KB\"",
        "[limits]\nsend_queue = \"64KB\"", "[limits]\nsend_queue = \"9999999999999GiB\"",
        "[limits]\ninbox_messages = 1000000000000000000000000000000",
        "[quotas]\nmessages_per_second = -0.5", "[quotas]\nmessages_per_second = nan",
        "[quotas]\nmessages_burst = 1e30", "[quotas]\ncount_loopback = 1",
        "[log]\nlevel = \"loud\"", "[security]\nverify = true",
        "[security]\nbans = [\"not an id @\"]", "[security]\nbans = \"x\"", "[limits\n",
        "log = 3\n"}) {
    const auto config = parse(text);
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().code, Exit::usage) << text;
    EXPECT_THAT(config.error().text, HasSubstr("dimd.toml:")) << text;
  }
  EXPECT_EQ(parse("[limits]\nsend_queue = \"128KiB\"")->station.send_queue_bytes, 131'072U);
  EXPECT_EQ(parse("[limits]\nsend_queue = 65536")->station.send_queue_bytes, 65'536U);
}

TEST(Config, BansAreKeptInCanonicalForm) {
  const auto config = parse("[security]\nbans = [\"0x95e6f72fb194200e95b60332e8142ddf41c7c333\"]");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->station.bans.size(), 1U);
  EXPECT_EQ(*config->station.bans.begin(),
            Id::parse("0x95e6f72fb194200e95b60332e8142ddf41c7c333")->bare().text());
}

TEST(Config, SizesNeedAUnitOfTheirOwn) {
  EXPECT_EQ(parse_size("4096"), 4096);
  EXPECT_EQ(parse_size("4MiB"), 4 << 20);
  for (const char* text :
       {"", "MiB", "4 MiB", "4MB", "-4", "+4", "0x10", "4.5MiB", "99999999999999999999"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

// --- neighbours

constexpr std::string_view kStation = "test_station@23dpckd1Loy7NkqYxr8GSdb4ec3rVY5jVS";

std::string neighbour(const std::string& more) {
  return "[[neighbour]]\nid = \"" + std::string(kStation) + "\"\n" + more;
}

TEST(Config, C12_NeighboursAreListed) {
  const auto config =
      parse(neighbour("address = \"[2001:db8::7]:9400\"\nmeta = \"" + std::string(64, 'a') +
                      "\"\nfrom = [\"2001:db8::/48\", \"192.0.2.7\"]\n"));
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->station.neighbours.size(), 1U);
  const Neighbour& one = config->station.neighbours[0];
  EXPECT_EQ(one.id.text(), kStation);
  EXPECT_EQ(one.host, "2001:db8::7");
  EXPECT_EQ(one.port, 9400);
  EXPECT_EQ(one.meta->at(0), 0xaa);
  EXPECT_TRUE(one.may_come_from("::ffff:192.0.2.7"));
  EXPECT_FALSE(one.may_come_from("::ffff:192.0.2.8"));
  EXPECT_EQ(one.where, "dimd.toml:1");
  struct Case {
    std::string_view text, host;
    std::uint16_t port;
  };
  for (const Case& right :
       {Case{"dim.example.org", "dim.example.org", 9394}, Case{"192.0.2.7:9395", "192.0.2.7", 9395},
        Case{"[::1]", "::1", 9394}}) {
    const auto read = parse(neighbour("address = \"" + std::string(right.text) + "\"\n"));
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(read->station.neighbours[0].host, right.host);
    EXPECT_EQ(read->station.neighbours[0].port, right.port);
  }
}

TEST(Config, C12_AMissingUnknownOrWrongKeyOfANeighbourNamesFileLineAndARightValue) {
  struct Case {
    std::string text;
    std::string_view where, says;
  };
  const std::string address = "address = \"dim.example.org:9394\"\n";
  for (const Case& one :
       {Case{"[[neighbour]]\n" + address, "dimd.toml:1: ", "no id; add id = \"station@"},
        Case{neighbour(""), "dimd.toml:1: ", "no address; add address = \"[2001:db8::7]:9394\""},
        Case{neighbour("host = \"x\"\n"), "dimd.toml:3: ", "there are id, address, meta, from"},
        Case{neighbour("address = \"\"\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour("address = \"a:b\"\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour("address = \"a:0\"\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour("address = \"a:70000\"\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour("address = \"[::1\"\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour("address = 7\n"), "dimd.toml:3: ", "\"192.0.2.7:9394\""},
        Case{neighbour(address + "meta = \"abc\"\n"), "dimd.toml:4: ", "64 hex digits"},
        Case{neighbour(address + "from = \"::/0\"\n"), "dimd.toml:4: ", "[\"2001:db8::/48\""},
        Case{neighbour(address + "from = [\"::/129\"]\n"), "dimd.toml:4: ", "[\"2001:db8::/48\""},
        Case{"[[neighbour]]\nid = \"0x1234\"\n" + address, "dimd.toml:2: ", "the ID of a station"},
        Case{"[[neighbour]]\nid = \"station@anywhere\"\n" + address,
             "dimd.toml:2: ", "the ID of a station"},
        Case{"neighbour = 7\n", "dimd.toml:1: ", "[[neighbour]]"},
        Case{"[neighbour]\nid = \"x\"\n", "dimd.toml:1: ", "[[neighbour]]"}}) {
    const auto config = parse(one.text);
    ASSERT_FALSE(config) << one.text;
    EXPECT_EQ(config.error().code, Exit::usage);
    EXPECT_THAT(config.error().text, testing::StartsWith(std::string(one.where))) << one.text;
    EXPECT_THAT(config.error().text, HasSubstr(std::string(one.says))) << one.text;
  }
}

TEST(Config, C12_TheSameNeighbourOrAddressTwiceIsRefused) {
  const std::string first = neighbour("address = \"dim.example.org\"\n");
  auto twice = parse(first + neighbour("address = \"other.example.org\"\n"));
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().text, testing::StartsWith("dimd.toml:4: "));
  EXPECT_THAT(twice.error().text, HasSubstr("is listed at dimd.toml:1 already"));
  twice = parse(first +
                "[[neighbour]]\nid = \"station@21wUTUZraeDjDSV3PNEGqWNEGqPVLZ4rUe\"\n"
                "address = \"dim.example.org:9394\"\n");
  ASSERT_FALSE(twice);
}

TEST(Config, C12_AStationIsNotItsOwnNeighbour) {
  const auto config = parse(neighbour("address = \"dim.example.org\"\n"));
  ASSERT_TRUE(config);
  EXPECT_TRUE(check_neighbours(config->station.neighbours, Id("station", Address::anywhere())));
  const auto own = check_neighbours(config->station.neighbours, *Id::parse(kStation));
  ASSERT_FALSE(own);
  EXPECT_EQ(own.error().code, Exit::usage);
  EXPECT_THAT(own.error().text, testing::StartsWith("dimd.toml:1: "));
  EXPECT_THAT(own.error().text, HasSubstr("this station itself"));
}

}  // namespace
}  // namespace dim
