#include "server/admin_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dim/identity/id.h"

namespace dim {
namespace {

const std::string kUser =
    Id("bob", Address::btc(EntityType::user, as_bytes(std::string_view("bob")))).text();
const std::string kHub =
    Id("garden", Address::btc(EntityType::group, as_bytes(std::string_view("g")))).text();

std::string line(std::string_view verb, const std::string& target, std::string_view more = "") {
  std::string out = R"({"verb":")" + std::string(verb) + "\"";
  if (!target.empty()) out += R"(,"target":")" + target + "\"";
  return out + (more.empty() ? "" : ",") + std::string(more) + "}";
}

TEST(AdminRequest, EveryVerbIsRead) {
  const std::pair<AdminVerb, std::string> lines[] = {
      {AdminVerb::users_list, line("users-list", "", R"("after":"bob@x","limit":5)")},
      {AdminVerb::users_show, line("users-show", kUser)},
      {AdminVerb::users_show, line("users-show", "bobby")},
      {AdminVerb::users_disable, line("users-disable", kUser, R"("reason":"left")")},
      {AdminVerb::users_enable, line("users-enable", kUser)},
      {AdminVerb::users_remove, line("users-remove", kUser)},
      {AdminVerb::invites_list, line("invites-list", kHub)},
      {AdminVerb::invites_make, line("invites-make", kHub, R"("uses":3,"approval":true)")},
      {AdminVerb::invites_withdraw, line("invites-withdraw", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4")},
      {AdminVerb::bans_list, line("bans-list", "")},
      {AdminVerb::bans_add,
       line("bans-add", "2001:db8::/48", R"("reason":"x","until":"2026-12-24T18:00:00Z")")},
      {AdminVerb::bans_add, line("bans-add", "192.0.2.7")},
      {AdminVerb::bans_lift, line("bans-lift", kUser)},
      {AdminVerb::hubs_list, line("hubs-list", "")},
      {AdminVerb::hubs_show, line("hubs-show", kHub)},
      {AdminVerb::hubs_freeze, line("hubs-freeze", kHub)},
      {AdminVerb::hubs_thaw, line("hubs-thaw", kHub)},
      {AdminVerb::hubs_delete, line("hubs-delete", kHub)},
      {AdminVerb::quotas_show, line("quotas-show", kHub)},
      {AdminVerb::quotas_set, line("quotas-set", kUser, R"("quotas":{"hubs":3})")},
      {AdminVerb::audit_list, line("audit-list", "", R"("before":7)")},
      {AdminVerb::audit_list, line("audit-list", kHub)},
      {AdminVerb::codes_make, line("codes-make", "", R"("uses":3,"until":"2026-12-24T18:00:00Z")")},
      {AdminVerb::codes_list, line("codes-list", "", "\"limit\":5")},
      {AdminVerb::codes_revoke, line("codes-revoke", "018f6f0e7b8c7cc2a1f3b0d5f3a1c9e4")},
      {AdminVerb::registration_show, line("registration-show", "")},
      {AdminVerb::registration_set, line("registration-set", "invite")},
      {AdminVerb::registration_set, line("registration-set", "default")},
  };
  std::size_t seen = 0;
  for (const auto& [verb, text] : lines) {
    const auto read = AdminRequest::parse(text);
    ASSERT_TRUE(read) << text << ' ' << to_string(read.error());
    EXPECT_EQ(read->verb, verb) << text;
    seen |= std::size_t{1} << static_cast<unsigned>(verb);
  }
  EXPECT_EQ(seen, (std::size_t{1} << kAdminVerbs) - 1) << "a verb is missing here";
  const auto quotas =
      AdminRequest::parse(line("quotas-set", kHub, R"("quotas":{"messages":10,"bytes":null})"));
  ASSERT_TRUE(quotas);
  using Quota = std::pair<std::string, std::optional<std::int64_t>>;
  EXPECT_THAT(quotas->quotas,
              testing::ElementsAre(Quota{"messages", 10}, Quota{"bytes", std::nullopt}));
  EXPECT_EQ(AdminRequest::parse(line("users-list", "", "\"limit\":100000"))->limit,
            limits::kAdminPage);
}

TEST(AdminRequest, P04_WhatIsWrongIsRefusedAndNotGuessed) {
  for (const std::string& text :
       {std::string(),
        std::string("null"),
        std::string("[]"),
        std::string("{}"),
        std::string(R"({"verb":7})"),
        line("users-drop", kUser),
        line("users-show", ""),
        line("users-show", kHub),
        line("hubs-show", kUser),
        line("users-list", kUser),
        line("invites-withdraw", "guid"),
        line("bans-add", ""),
        line("users-show", "a\\u0007b"),
        line("users-show", kUser, "\"reason\":\"x\""),
        line("users-list", "", "\"limit\":0"),
        line("users-list", "", "\"limit\":\"5\""),
        line("bans-add", kUser, "\"until\":\"soon\""),
        line("bans-add", kUser, "\"until\":5"),
        line("bans-add", kUser, R"("reason":"two\nlines")"),
        line("bans-add", kUser, "\"reason\":\"" + std::string(1'025, 'x') + "\""),
        line("invites-make", kHub, "\"uses\":0"),
        line("invites-make", kHub, "\"approval\":1"),
        line("quotas-set", kHub),
        line("quotas-set", kHub, "\"quotas\":{}"),
        line("quotas-set", kHub, R"("quotas":{"messages":-1})"),
        line("quotas-set", kHub, R"("quotas":{"files":1})"),
        line("audit-list", "", "\"before\":0"),
        line("codes-make", "", "\"uses\":0"),
        line("codes-revoke", "all"),
        line("registration-set", ""),
        line("registration-set", "Open"),
        std::string(R"({"verb":"bans-list","target":7})")})
    EXPECT_FALSE(AdminRequest::parse(text)) << text;
  const std::string big = line("users-list", "", "\"after\":\"" + std::string(17'000, 'x') + "\"");
  EXPECT_EQ(AdminRequest::parse(big).error().code, Errc::too_large);
}

}  // namespace
}  // namespace dim
