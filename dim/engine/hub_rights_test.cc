#include "dim/engine/hub_rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "dim/engine/hub_testing.h"

namespace dim {
namespace {

using namespace hub_testing;

constexpr std::array kOperations = {Operation::create, Operation::notify, Operation::edit,
                                    Operation::remove, Operation::erase,  Operation::destroy,
                                    Operation::get};

/// The table of hubs.md section 4: object and operation to the words of the cell.
std::map<std::pair<HubObject, Operation>, std::string> documented() {
  std::ifstream in("docs/protocol/hubs.md");
  std::map<std::pair<HubObject, Operation>, std::string> out;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    std::istringstream row(line);
    for (std::string cell; std::getline(row, cell, '|');) {
      const std::size_t begin = cell.find_first_not_of(' ');
      cells.push_back(begin == std::string::npos
                          ? ""
                          : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
    }
    if (cells.size() != kOperations.size() + 2) continue;
    const auto object = parse_hub_object(cells[1]);
    if (!object) continue;
    for (std::size_t i = 0; i < kOperations.size(); ++i)
      out[{*object, kOperations[i]}] = cells[i + 2];
  }
  return out;
}

/// Somebody of the hub below, and what they are.
struct Actor {
  std::string name;
  bool is_owner = false, owns = false, member = true, muted = false, banned = false;
  Permissions has{};
};

/// A hub in which everyone may nothing but read, and for each permission somebody has just that.
struct Cast {
  Cast() : hub(founded()) {
    JsonObject body;
    body.set("everyone", JsonArray{Json("read")});
    must(hub,
         {.operation = Operation::edit, .object = HubObject::hub, .actor = kOwner, .body = body});
    actors.push_back({.name = kOwner, .is_owner = true, .owns = true, .has = Permissions::all()});
    for (std::size_t i = 0; i < kPermissions; ++i) {
      const auto permission = static_cast<Permission>(i);
      const std::string name = person("holder-" + std::string(to_string(permission)));
      join(hub, name);
      give(hub, name, number(100 + static_cast<int>(i)), {permission}, 10);
      const bool owns = permission == Permission::own;
      actors.push_back(
          {.name = name,
           .owns = owns,
           .has = owns ? Permissions::all() : Permissions{permission, Permission::read}});
    }
    actors.push_back({.name = person("plain"), .has = {Permission::read}});
    join(hub, actors.back().name);
    actors.push_back(
        {.name = person("muted"), .muted = true, .has = {Permission::read, Permission::write}});
    join(hub, actors.back().name);
    give(hub, actors.back().name, number(150), {Permission::write}, 1);
    must(hub, {.object = HubObject::mute, .actor = kOwner, .member = actors.back().name});
    actors.push_back({.name = person("stranger"), .member = false});
    actors.push_back({.name = person("banned"), .member = false, .banned = true});
    join(hub, actors.back().name);
    must(hub, {.object = HubObject::ban, .actor = kOwner, .member = actors.back().name});
    JsonObject named;
    named.set("name", "general");
    must(hub, {.object = HubObject::channel, .actor = kOwner, .guid = number(9), .body = named});
  }
  Hub hub;
  std::vector<Actor> actors;
};

/// What the words of a cell mean, in their own right.
Errc expected(const std::string& cell, const Actor& actor, bool subject, bool request) {
  constexpr Errc kOk = Errc::usage;  // stands for success
  if (cell == "–") return Errc::not_implemented;
  if (actor.banned) return Errc::forbidden;
  const bool self_request = request && subject && cell.starts_with("self or");
  if (!actor.member && cell != "anybody" && !self_request) return Errc::not_found;
  if (cell == "anybody" || cell == "member") return kOk;
  if (cell == "owner") return actor.is_owner ? kOk : Errc::forbidden;
  const auto holds = [&](const std::string& word) {
    const auto permission = Permissions::parse(std::vector{word});
    EXPECT_TRUE(permission) << cell;
    return permission && permission->within(actor.has);
  };
  if (cell.ends_with(", unmuted"))
    return holds(cell.substr(0, cell.find(','))) && !actor.muted ? kOk : Errc::forbidden;
  if (cell == "author, write")
    return subject && holds("write") && !actor.muted ? kOk : Errc::forbidden;
  if (const std::size_t at = cell.find(" or "); at != std::string::npos)
    return subject || holds(cell.substr(at + 4)) ? kOk : Errc::forbidden;
  return holds(cell) ? kOk : Errc::forbidden;
}

TEST(HubRights, P37_EveryCellOfTheDocumentedTableHoldsForEveryKindOfPerson) {
  const auto table = documented();
  ASSERT_EQ(table.size(), kHubObjects * kOperations.size());
  const Cast cast;
  const HubChannel& channel = *cast.hub.channel(number(9));
  std::size_t cases = 0;
  for (const auto& [key, cell] : table) {
    const auto [object, operation] = key;
    const bool in_channel =
        (object >= HubObject::message && object < HubObject::audit) || object == HubObject::channel;
    for (const Actor& actor : cast.actors) {
      for (const bool subject : {false, true}) {
        const HubTarget target{.object = object,
                               .channel = in_channel ? &channel : nullptr,
                               .subject = subject ? std::string_view(actor.name) : "somebody else"};
        const Status status = may(cast.hub, actor.name, operation, target, kTime);
        const Errc got = status ? Errc::usage : status.error().code;
        EXPECT_EQ(got, expected(cell, actor, subject, object == HubObject::request))
            << to_string(operation) << ' ' << to_string(object) << " (" << cell << ") by "
            << actor.name << (subject ? " as its subject" : "") << ": "
            << (status ? "allowed" : status.error().hint);
        ++cases;
      }
    }
  }
  EXPECT_EQ(cases, table.size() * cast.actors.size() * 2);
}

TEST(HubRights, WhatAStationMayIsDeletingHubsAndInvitesAndNothingElse) {
  const Cast cast;
  const std::string station =
      Id("gsp", Address::btc(EntityType::station, as_bytes(std::string_view("gsp")))).text();
  std::size_t allowed = 0;
  for (const HubRight& row : hub_rights()) {
    const bool its = (row.object == HubObject::hub && row.operation == Operation::erase) ||
                     (row.object == HubObject::invite && row.operation != Operation::get);
    if (row.who == Who::anybody) continue;
    const Status status = may(cast.hub, station, row.operation, {.object = row.object}, kTime);
    EXPECT_EQ(status.has_value(), its) << to_string(row.operation) << ' ' << to_string(row.object);
    allowed += its ? 1 : 0;
  }
  EXPECT_EQ(allowed, 3U);
  Hub hub = founded();
  must(hub, {.object = HubObject::invite, .actor = station, .guid = number(1)});
  EXPECT_EQ(hub.invites().at(number(1)).author, station);
  EXPECT_EQ(refused(hub, {.object = HubObject::role, .actor = station, .guid = number(2)}),
            Errc::not_found);
  const HubChange last{.operation = Operation::erase, .object = HubObject::hub, .actor = station};
  EXPECT_TRUE(HubChange::parse(last.text())) << "a station reads back what it has written";
  must(hub, last);
  EXPECT_TRUE(hub.deleted());
}

TEST(HubRights, ADeletedHubIsGoneForEverybody) {
  Cast cast;
  must(cast.hub, {.operation = Operation::erase, .object = HubObject::hub, .actor = kOwner});
  for (const Actor& actor : cast.actors) {
    const Status status =
        may(cast.hub, actor.name, Operation::get, {.object = HubObject::hub}, kTime);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Errc::gone);
  }
}

TEST(HubRights, F21_AChannelGivesAndTakesByKindEveryoneAndRoles) {
  Hub hub = founded();
  const std::string bob = person("bob"), carol = person("carol");
  join(hub, bob);
  join(hub, carol);
  give(hub, bob, number(1), {}, 5);
  const auto channel = [&](int guid, const char* kind, const char* overrides) {
    JsonObject body = *parse_json_object(overrides);
    body.set("name", "c" + std::to_string(guid));
    body.set("kind", kind);
    must(hub, {.object = HubObject::channel, .actor = kOwner, .guid = number(guid), .body = body});
    return number(guid);
  };
  const auto held = [&](const Guid& guid, const std::string& who) {
    return testing::PrintToString(hub.permissions_in(*hub.channel(guid), who).words());
  };
  const std::string role = number(1).text();
  const Guid open = channel(10, "text", "{}");
  EXPECT_EQ(held(open, bob), testing::PrintToString(std::vector<std::string>{
                                 "read", "write", "attach", "speak", "stream"}));
  const Guid hidden = channel(11, "private", "{}");
  EXPECT_EQ(held(hidden, bob), "{}");
  const std::string one = R"({"overrides":[{"role":")" + role + R"(","allow":["read","write"]}]})";
  const Guid team = channel(12, "private", one.c_str());
  EXPECT_EQ(held(team, bob), testing::PrintToString(std::vector<std::string>{"read", "write"}));
  EXPECT_EQ(held(team, carol), "{}");
  const Guid news = channel(13, "announcement", "{}");
  EXPECT_EQ(held(news, bob),
            testing::PrintToString(std::vector<std::string>{"read", "speak", "stream"}));
  const std::string both =
      R"({"overrides":[{"role":"everyone","deny":["read","write"]},{"role":")" + role +
      R"(","allow":["read"],"deny":["attach"]}]})";
  const Guid mixed = channel(14, "text", both.c_str());
  EXPECT_EQ(held(mixed, carol),
            testing::PrintToString(std::vector<std::string>{"attach", "speak", "stream"}));
  EXPECT_EQ(held(mixed, bob),
            testing::PrintToString(std::vector<std::string>{"read", "speak", "stream"}));
  EXPECT_EQ(hub.permissions_in(*hub.channel(hidden), kOwner), Permissions::all());
  const Status unseen = may(hub, carol, Operation::get,
                            {.object = HubObject::message, .channel = hub.channel(team)}, kTime);
  ASSERT_FALSE(unseen);
  EXPECT_EQ(unseen.error().code, Errc::not_found) << "whoever cannot read does not learn of it";
}

}  // namespace
}  // namespace dim
