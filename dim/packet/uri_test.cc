#include "dim/packet/uri.h"

#include <gtest/gtest.h>

#include <string>

namespace dim {
namespace {

Errc refusal(std::string_view text) {
  const auto uri = Uri::parse(text);
  return uri ? Errc::internal : uri.error().code;
}

TEST(Uri, ReadsAllParts) {
  const auto uri = Uri::parse(
      "dim:hub:friends@23dpckd1Loy7NkqYxr8GSdb4ec3rVY5jVS/news/general/"
      "7?after=12;q=a%20b;#m%C3%A9");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->type, UriType::hub);
  EXPECT_EQ(uri->identifier, "friends@23dpckd1Loy7NkqYxr8GSdb4ec3rVY5jVS");
  EXPECT_EQ(uri->path, "news/general/7");
  EXPECT_EQ(uri->parameter("after"), "12");
  EXPECT_EQ(uri->parameter("q"), "a b");
  EXPECT_EQ(uri->parameter("missing"), "");
  EXPECT_EQ(uri->fragment, "m\u00E9");
}

TEST(Uri, KnowsTheFourTypesAndTheAlias) {
  EXPECT_EQ(Uri::parse("dim:user:alice")->type, UriType::user);
  EXPECT_EQ(Uri::parse("dim:hub:friends")->type, UriType::hub);
  EXPECT_EQ(Uri::parse("dim:group:friends")->type, UriType::hub);
  EXPECT_EQ(Uri::parse("dim:station:st@x")->type, UriType::station);
  EXPECT_EQ(Uri::parse("dim:object:018F6F0E-7B8C-7CC2-A1F3-B0D5F3A1C9E4")->text(),
            "dim:object:018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4");
  EXPECT_EQ(refusal("dim:object:alice"), Errc::bad_request);
}

TEST(Uri, AStationsLinkComesBackAsItWas) {
  constexpr std::string_view kLink =
      "dim:station:st@2Pc5gJrEQYoz9D9TJrL35sA3wvprNdenPi?host=[2001:db8::7];port=8800;pin=sha256-a+"
      "b/c=;pin=sha256-d;";
  const auto uri = Uri::parse(kLink);
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->parameter("host"), "[2001:db8::7]");
  EXPECT_EQ(uri->parameter("pin"), "sha256-a+b/c=");
  EXPECT_EQ(uri->parameters.size(), 4U);
  EXPECT_EQ(uri->text(), kLink);
}

TEST(Uri, WhatIsWrittenIsReadBack) {
  for (const std::string_view text : {"dim:user:alice", "dim:user:name%2525@x",
                                      "dim:user:\u4F60\u597D@x", "dim:hub:abcde/a%20b%3Fc"}) {
    const auto uri = Uri::parse(text);
    ASSERT_TRUE(uri) << text;
    EXPECT_EQ(Uri::parse(uri->text()).value(), *uri) << text;
  }
  Uri hard;
  hard.identifier = "a?b#c%d e";
  hard.path = "x?/y#z";
  hard.parameters = {{"k", "a;b#c?d=e/f"}, {"k", ""}};
  hard.fragment = "1#2;3?";
  EXPECT_EQ(Uri::parse(hard.text()).value(), hard) << hard.text();
}

TEST(Uri, I16_RefusesNulDotsUnknownTypesAndLength) {
  EXPECT_EQ(refusal("dim:user:a%00b"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:hub:abcde/x?q=%00;"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:hub:abcde/../x"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:hub:abcde/%2e%2E/x"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:user:a..b"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:user:abcde#.."), Errc::bad_request);
  EXPECT_EQ(refusal("dim:robot:abcde"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:User:abcde"), Errc::bad_request);
  EXPECT_EQ(refusal("dim:user:" + std::string(3 * 1024, 'a')), Errc::uri_too_long);
  EXPECT_EQ(refusal("dim:user:" + std::string(2048 - 8, 'a')), Errc::uri_too_long);
  EXPECT_TRUE(Uri::parse("dim:user:" + std::string(2048 - 9, 'a')));
}

TEST(Uri, I16_RefusesWhatIsNoUri) {
  for (const std::string_view text : {"",
                                      "dim:",
                                      "dim:user",
                                      "dim:user:",
                                      "http:user:abcde",
                                      "DIM:user:abcde",
                                      "dim:user:abcde ",
                                      "dim:user:ab cde",
                                      "dim:user:a%2",
                                      "dim:user:a%2g",
                                      "dim:user:a%",
                                      "dim:user:a%0Ab",
                                      "dim:user:a%C2%85",
                                      "dim:user:a\nb",
                                      "dim:user:a%FFb",
                                      "dim:user:\xC3(",
                                      "dim:user:a%2Fb",
                                      "dim:hub:abcde/",
                                      "dim:hub:abcde//x",
                                      "dim:hub:abcde/x/",
                                      "dim:hub:abcde/a%2Fb",
                                      "dim:user:abcde?x",
                                      "dim:user:abcde?=x",
                                      "dim:user:abcde?X=1",
                                      "dim:user:abcde?;",
                                      "dim:user:abcde?a=1;;b=2",
                                      "dim:user:abcde#a#b",
                                      "dim:user:a\"b",
                                      "dim:user:<abcde>",
                                      "dim:user:a\\b",
                                      "dim:user:abcde?a=%E2%80%A8"}) {
    EXPECT_EQ(refusal(text), Errc::bad_request) << text;
  }
}

TEST(GraphicalId, I15_LowerCaseComesOut) {
  EXPECT_EQ(parse_graphical_id("Alice").value(), "alice");
  EXPECT_EQ(parse_graphical_id("a_b.c9").value(), "a_b.c9");
  EXPECT_TRUE(parse_graphical_id("abcde"));
  EXPECT_TRUE(parse_graphical_id(std::string(32, 'x')));
}

TEST(GraphicalId, I15_RefusesOtherForms) {
  for (const std::string_view text :
       {"", "abcd", "a..b..c", "ab..cd", "\uFF21dmin", "al ice", "al-ice", "al@ice", "al/ice",
        "alic\u00E9", "alice\n", ".....", "_____", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}) {
    const auto name = parse_graphical_id(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Errc::bad_request) << text;
  }
}

TEST(GraphicalId, I15_RefusesReservedNamesInAnyDress) {
  for (const std::string_view text :
       {"admin", "Admin", "ADMIN", "a.d.m.i.n", "ad_min", "admin_", "_admin", "r_o_o_t", "system",
        "station", "everyone", "anyone", "every.one", "support", "postmaster"}) {
    const auto name = parse_graphical_id(text);
    ASSERT_FALSE(name) << text;
    EXPECT_EQ(name.error().code, Errc::forbidden) << text;
  }
  EXPECT_TRUE(parse_graphical_id("admiral"));
  EXPECT_TRUE(parse_graphical_id("stationery"));
}

TEST(TargetAddress, GivesTheFormOfRfc5952) {
  const std::pair<std::string_view, std::string_view> pairs[] = {
      {"2001:db8::7", "2001:db8::7"},
      {"2001:0DB8:0000:0000:0000:0000:0000:0007", "2001:db8::7"},
      {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // of two equal runs the first
      {"2001:0:0:1:0:0:0:1", "refused"},                 // 2001::/32
      {"2400:0:0:1:0:0:0:1", "2400:0:0:1::1"},           // the longer run
      {"2400:db8:0:1:1:1:1:1", "2400:db8:0:1:1:1:1:1"},  // one zero is not shortened
      {"2400::1:1:1:1:1:1", "2400:0:1:1:1:1:1:1"},       // nor when it came so
      {"fd00:d1::", "fd00:d1::"},
      {"::1", "::1"},
      {"0:0:0:0:0:0:0:1", "::1"},
      {"::1:0:0:0:1", "::1:0:0:0:1"},
      {"1::", "1::"},
      {"64:ff9c::1", "64:ff9c::1"},
  };
  for (const auto& [in, out] : pairs) {
    EXPECT_EQ(parse_target_address(in).value_or("refused"), out) << in;
  }
}

TEST(TargetAddress, S01_RefusesIPv4InAnyDress) {
  for (const std::string_view text : {"1.2.3.4",          "::ffff:1.2.3.4",
                                      "::FFFF:0102:0304", "::1.2.3.4",
                                      "::102:304",        "::2",
                                      "64:ff9b::102:304", "64:ff9b::1.2.3.4",
                                      "64:ff9b:1::1",     "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
                                      "2002::1",          "2002:102:304::",
                                      "2001::1",          "2001:0:1::",
                                      "::ffff:0:102:304", "016.1.1.1",
                                      "0x7f000001",       "2130706433",
                                      "0177.0.0.1",       "2001:db8::1.2.3.4",
                                      "[1.2.3.4]"}) {
    const auto address = parse_target_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::bad_request) << text;
  }
}

TEST(TargetAddress, S02_RefusesUnspecifiedMulticastAndScoped) {
  for (const std::string_view text :
       {"::", "0:0:0:0:0:0:0:0", "ff02::1", "ff0e::1", "FF00::", "fe80::1", "febf::1",
        "fe80::1%eth0", "fe80::1%25eth0", "2001:db8::7%1", "::1%lo"}) {
    const auto address = parse_target_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, Errc::bad_request) << text;
  }
}

TEST(TargetAddress, RefusesWhatIsNoAddress) {
  for (const std::string_view text : {"",
                                      ":",
                                      ":::",
                                      "1",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1::2::3",
                                      "1:2:3:4:5:6:7::8",
                                      "::1:2:3:4:5:6:7:8",
                                      ":2001:db8::7",
                                      "2001:db8::7:",
                                      "2001:db8:::7",
                                      "2001:db8::12345",
                                      "2001:db8::g",
                                      " 2001:db8::7",
                                      "2001:db8::7 ",
                                      "[2001:db8::7]",
                                      "2001:db8::7/64",
                                      "2001:db8::+7",
                                      "station.example"}) {
    EXPECT_FALSE(parse_target_address(text)) << text;
  }
}

}  // namespace
}  // namespace dim
