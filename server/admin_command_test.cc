#include "server/admin_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include "dim/identity/id.h"
#include "server/admin_request.h"

namespace dim {
namespace {

constexpr Millis kNow = 1'790'000'000'000;
const std::string kUser =
    Id("bob", Address::btc(EntityType::user, as_bytes(std::string_view("bob")))).text();
const std::string kHub =
    Id("garden", Address::btc(EntityType::group, as_bytes(std::string_view("g")))).text();

std::expected<JsonObject, Failure> asked(const std::string& line) {
  CLI::App app;
  AdminOptions options;
  add_admin(app, options);
  try {
    app.parse(line);
  } catch (const CLI::ParseError& error) {
    return std::unexpected(Failure{Exit::usage, error.what()});
  }
  return admin_request(options, kNow);
}

TEST(AdminCommand, EveryVerbOfTheCommandLineIsOneThatAStationReads) {
  const std::string lines[] = {
      "admin users list --after bob --limit 3",
      "admin users show bobby",
      "admin users disable " + kUser + " --reason 'left us'",
      "admin users enable " + kUser,
      "admin users remove " + kUser + " --yes",
      "admin invites list " + kHub,
      "admin invites make " + kHub + " --uses 3 --approval --until 7d",
      "admin invites withdraw 018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4",
      "admin bans list",
      "admin bans add 2001:db8::/48 --reason spam --until 2026-12-24T18:00:00Z",
      "admin bans lift " + kUser,
      "admin hubs list",
      "admin hubs show " + kHub,
      "admin hubs freeze " + kHub,
      "admin hubs thaw " + kHub,
      "admin hubs delete " + kHub + " --yes",
      "admin quotas show " + kHub,
      "admin quotas set " + kHub + " bytes=10GiB messages=default",
      "admin audit list",
      "admin audit list " + kHub + " --before 7 --limit 2",
      "admin invite --uses 3 --expires 7d",
      "admin codes list",
      "admin codes revoke 018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4",
      "admin registration show",
      "admin registration set invite --reason flooded",
  };
  std::size_t seen = 0;
  for (const std::string& line : lines) {
    const auto request = asked(line);
    ASSERT_TRUE(request) << line << ": " << request.error().text;
    const auto read = AdminRequest::parse(write_json(*request));
    ASSERT_TRUE(read) << line << ": " << to_string(read.error());
    seen |= std::size_t{1} << static_cast<unsigned>(read->verb);
  }
  EXPECT_EQ(seen, (std::size_t{1} << kAdminVerbs) - 1) << "a verb has no command";
  EXPECT_EQ(write_json(*asked(lines[17])),
            R"({"verb":"quotas-set","target":")" + kHub +
                R"(","quotas":{"bytes":10737418240,"messages":null}})");
}

TEST(AdminCommand, WhatCannotBeTakenBackWantsAYesAndWhatIsWrongIsNamed) {
  for (const auto& [line, hint] :
       {std::pair{"admin users remove " + kUser, "--yes"},
        std::pair{"admin hubs delete " + kHub, "--yes"},
        std::pair{"admin bans add " + kUser + " --until soon", "7d"},
        std::pair{"admin quotas set " + kHub + " bytes", "NAME=VALUE"},
        std::pair{"admin quotas set " + kHub + " bytes=many", "10GiB"}}) {
    const auto request = asked(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().code, Exit::usage);
    EXPECT_THAT(request.error().text, testing::HasSubstr(hint));
  }
  for (const std::string line : {"admin", "admin users", "admin users show", "admin bans add",
                                 "admin users drop x", "admin quotas set x"})
    EXPECT_FALSE(asked(line)) << line;
}

TEST(AdminCommand, TimesAreWrittenOrCountedFromNow) {
  EXPECT_EQ(time_to_come("7d", kNow), format_time(kNow + 7 * 86'400'000));
  EXPECT_EQ(time_to_come("90m", kNow), format_time(kNow + 90 * 60'000));
  EXPECT_EQ(time_to_come("12h", kNow), format_time(kNow + 12 * 3'600'000));
  EXPECT_EQ(time_to_come("2026-12-24T18:00:00Z", kNow), "2026-12-24T18:00:00Z");
  for (const char* wrong : {"", "d", "7", "7w", "-7d", "0d", "7.5d", "999999999d", "tomorrow"})
    EXPECT_FALSE(time_to_come(wrong, kNow)) << wrong;
}

TEST(AdminCommand, AnswersAreLinesThatNobodysTextCanForge) {
  const auto list = parse_json_object(
      R"({"ok":true,"bans":[{"target":"bob","reason":"a\nb"},{"target":"x"}],"next":"x"})");
  EXPECT_EQ(shown(*list, true), "{\"target\":\"bob\",\"reason\":\"a\\nb\"}\n{\"target\":\"x\"}\n");
  const std::string rows = shown(*list, false);
  EXPECT_EQ(std::ranges::count(rows, '\n'), 2);
  EXPECT_TRUE(rows.starts_with("bob  reason="));
  const auto one = parse_json_object(
      R"({"ok":true,"user":{"id":"bob","names":["b1","b2"],"hubs":[{"id":"g","owner":true}]}})");
  EXPECT_EQ(shown(*one, true),
            R"({"user":{"id":"bob","names":["b1","b2"],"hubs":[{"id":"g","owner":true}]}})"
            "\n");
  EXPECT_EQ(std::ranges::count(shown(*one, false), '\n'), 5);
  EXPECT_EQ(shown(*parse_json_object(R"({"ok":true,"users":[]})"), true), "");
}

}  // namespace
}  // namespace dim
