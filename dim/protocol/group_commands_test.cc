#include "dim/protocol/group_commands.h"

#include <gmock/gmock.h>

#include "testing/contents.h"

namespace dim {
namespace {

using namespace dim::testing;

const std::vector<Id>& both() {
  static const std::vector<Id> ids = {id(kAlice), id(kBob)};
  return ids;
}

TEST(GroupCommands, EachHasItsBuilderAndSurvivesTheWire) {
  const Id group = id(kGroup);
  const auto with_assistant = [](GroupContent content) {
    content.assistants = {id(kBob)};
    return content;
  };
  const GroupContent all[] = {GroupContent::invite(group, both(), kNow, os_random()),
                              GroupContent::expel(group, both(), kNow, os_random()),
                              GroupContent::join(group, kNow, os_random()),
                              GroupContent::quit(group, kNow, os_random()),
                              GroupContent::query(group, 5.5, kNow, os_random()),
                              GroupContent::reset(group, both(), kNow, os_random()),
                              with_assistant(GroupContent::hire(group, both(), kNow, os_random())),
                              with_assistant(GroupContent::fire(group, {}, kNow, os_random())),
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
       R"("command":"expel","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","members":"x")",
       R"("command":"expel","group":"Group-777@fxunrFpSwDEzEWC2wrm6JTjkuUtd6Ro1H","members":[5]})"}) {
    const std::string text = R"({"type":137,"sn":1,)" + std::string(rest);
    EXPECT_EQ(refusal(text.ends_with('}') ? text : text + "}"), Errc::content) << rest;
  }
}

}  // namespace
}  // namespace dim
