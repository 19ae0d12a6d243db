#include "dim/protocol/group_commands.h"

#include <gmock/gmock.h>

#include "dim/protocol/group_leaders.h"
#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

// A bot, as the reference has written its ID.
constexpr std::string_view kBot = "bot1@2r61J7xBM3JrB9KRAnqYMaPcvGfATg2CmC";

const std::vector<Id>& both() {
  static const std::vector<Id> ids = {id(kAlice), id(kBob)};
  return ids;
}

TEST(GroupCommands, EachHasItsBuilderAndSurvivesTheWire) {
  const Id group = id(kGroup);
  const GroupContent all[] = {
      GroupContent::invite(group, both(), kNow, os_random()),
      GroupContent::expel(group, both(), kNow, os_random()),
      GroupContent::join(group, kNow, os_random()),
      GroupContent::quit(group, kNow, os_random()),
      GroupContent::query(group, 5.5, kNow, os_random()),
      GroupContent::reset(group, both(), kNow, os_random()),
      hire_leaders(group, {.administrators = both(), .assistants = {id(kBot)}}, kNow, os_random()),
      fire_leaders(group, {.assistants = {id(kBot)}}, kNow, os_random()),
      GroupContent::resign(group, kNow, os_random())};
  int number = 0;
  for (const GroupContent& content : all) {
    const GroupContent out = round_trip(content);
    EXPECT_EQ(out.action, static_cast<GroupAction>(number++));
    EXPECT_EQ(out.head.group, group);
    EXPECT_EQ(out.members, content.members);
    EXPECT_EQ(out.administrators, content.administrators);
    EXPECT_EQ(out.assistants, content.assistants);
    EXPECT_EQ(out.last_time, content.last_time);
    EXPECT_EQ(group_action(to_string(content.action)), content.action);
  }
  EXPECT_EQ(group_action("found"), std::nullopt);
}

TEST(GroupCommands, HireAndFireNameAdministratorsAndAssistantsEachOnceWhateverTheirDevice) {
  const Id bot = id(kBot);
  const GroupLeaders leaders{
      .administrators = {id(kBob), id(kAlice), id(kBob).with_terminal("pad")},
      .assistants = {bot, bot.with_terminal("rack"), bot}};
  const std::vector<Id> bots{bot};
  const std::vector<Id> people{id(kBob), id(kAlice)};
  for (const auto build : {hire_leaders, fire_leaders}) {
    const GroupContent content = build(id(kGroup).with_terminal("pad"), leaders, kNow, os_random());
    EXPECT_EQ(content.head.group, id(kGroup));
    EXPECT_EQ(content.administrators, people);
    EXPECT_EQ(content.assistants, bots);
    EXPECT_TRUE(content.members.empty());
  }
}

// Written by dimp 2.3.4 of the reference, `GroupCommand.hire` and `.fire`, as dimples 1.5.9 sends
// them.
TEST(GroupCommands, HireAndFireWithAssistantsAreThoseOfTheReferenceByteByByte) {
  struct Golden {
    GroupLeaders leaders;
    std::string_view text;  // but for the command, which differs
  };
  const GroupLeaders some{.administrators = {id(kBob)}, .assistants = {id(kBot)}};
  const Golden golden[] = {
      {some,
       R"({"type": 137, "sn": 313338351, "time": 1795736797.779132, "command": "COMMAND", "group": "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", "administrators": ["0x95E6F72fB194200e95b60332E8142DDF41C7c333"], "assistants": ["bot1@2r61J7xBM3JrB9KRAnqYMaPcvGfATg2CmC"], "cmd": "COMMAND"})"},
      {{.assistants = {id(kBot)}},
       R"({"type": 137, "sn": 313338352, "time": 1795736797.779295, "command": "COMMAND", "group": "Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H", "assistants": ["bot1@2r61J7xBM3JrB9KRAnqYMaPcvGfATg2CmC"], "cmd": "COMMAND"})"}};
  for (const auto& [leaders, text] : golden) {
    for (const bool hire : {true, false}) {
      const std::string name = hire ? "hire" : "fire";
      std::string wire(text);
      for (std::size_t at = 0; (at = wire.find("COMMAND")) != std::string::npos;)
        wire.replace(at, 7, name);
      const auto read = decode_content(json(wire));
      ASSERT_TRUE(read) << wire;
      const auto* content = read->as<GroupContent>();
      ASSERT_NE(content, nullptr);
      EXPECT_EQ(to_string(content->action), name);
      EXPECT_EQ(content->administrators, leaders.administrators);
      EXPECT_EQ(content->assistants, leaders.assistants);
      const auto build = hire ? hire_leaders : fire_leaders;
      GroupContent ours = build(id(kGroup), leaders, kNow, os_random());
      ours.head.sn = content->head.sn;
      ours.head.time = content->head.time;
      EXPECT_EQ(write_json(to_wire(encode_content(Content(ours)))), write_json(json(wire)));
    }
  }
}

TEST(GroupCommands, ASingleMemberOf2021IsAListOfOne) {
  const auto content = decode_content(json(
      R"({"type":137,"sn":1,"command":"invite","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H",
          "member":"0x95E6F72fB194200e95b60332E8142DDF41C7c333"})"));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->as<GroupContent>()->members, std::vector<Id>{id(kBob)});
}

TEST(GroupCommands, J28_EachMemberCountsOnceWhateverItsDevice) {
  const auto content = decode_content(json(
      R"({"type":137,"sn":1,"command":"reset","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H",
          "members":["0x95E6F72fB194200e95b60332E8142DDF41C7c333",
                     "0x95e6f72fb194200e95b60332e8142ddf41c7c333",
                     "0x95E6F72fB194200e95b60332E8142DDF41C7c333/pad"]})"));
  ASSERT_TRUE(content);
  EXPECT_EQ(content->as<GroupContent>()->members, std::vector<Id>{id(kBob)});
}

TEST(GroupCommands, J28_RefusesTenThousandMembers) {
  JsonObject object = json(R"({"type":137,"sn":1,"command":"reset"})");
  object.set("group", kGroup);
  object.set("members", JsonArray(10'000, Json(kBob)));
  EXPECT_EQ(decode_content(object).error().code, Errc::content);
  object.set("members", JsonArray(1'000, Json(kBob)));
  EXPECT_TRUE(decode_content(object));
}

TEST(GroupCommands, NeedTheirGroupAndTheirLists) {
  for (
      const std::string_view rest :
      {R"("command":"join")", R"("command":"join","group":"everyone@everywhere")",
       R"("command":"invite","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H")",
       R"("command":"reset","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","members":[])",
       R"("command":"hire","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H")",
       R"("command":"fire","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","administrators":[],"assistants":[]})",
       R"("command":"hire","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","assistants":"x"})",
       R"("command":"fire","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","assistants":[5]})",
       R"("command":"expel","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","members":"x")",
       R"("command":"expel","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","members":[5]})"}) {
    const std::string text = R"({"type":137,"sn":1,)" + std::string(rest);
    EXPECT_EQ(refusal(text.ends_with('}') ? text : text + "}"), Errc::content) << rest;
  }
}

}  // namespace
}  // namespace dim
