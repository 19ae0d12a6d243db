#include "server/disk_use_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "dim/engine/hub.h"
#include "dim/identity/id.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using testing::HasSubstr;

const std::string kUser =
    Id("bob", Address::btc(EntityType::user, as_bytes(std::string_view("bob")))).text();

DiskUse example() {
  DiskUse out{.total = 5'000'000, .parts = {{"channels", 4'000'000}, {"free", 1'000'000}}};
  const auto change = [&](HubObject object, std::optional<Guid> guid, const std::string& name) {
    HubChange made{.object = object, .actor = kUser, .time = kTestTime, .guid = guid};
    made.body.set("name", name);
    out.hub_changes.push_back({static_cast<std::int64_t>(out.hub_changes.size()) + 1, "hub-1",
                               static_cast<std::int64_t>(out.hub_changes.size()) + 1, made.text()});
  };
  change(HubObject::hub, {}, "Gardeners");
  change(HubObject::channel, guid(1), "roses\\nforged");
  change(HubObject::channel, guid(2), "tulips");
  out.hub_changes.push_back({4, "hub-2", 1, "nonsense"});
  out.channels = {
      {guid(1), {10, 3'000}, false}, {guid(2), {5, 900}, false}, {guid(3), {1, 50}, true}};
  out.users = {{kUser, 10, 20, 3'000}, {"carol@x", 0, 5, 0}};
  out.channels[0].files = 2'048;
  out.files = {.channels = 2'048, .unused = 3'072};
  out.unused = {{guid(9), "carol@x", 3'072, kTestTime}};
  return out;
}

TEST(DiskUseCommand, F85_HubsAndChannelsHaveTheirNamesAndAreTheSumOfTheirChannels) {
  const auto hubs = named_hubs(example());
  ASSERT_EQ(hubs.size(), 2U);
  EXPECT_EQ(hubs[0].id, "hub-1");
  EXPECT_EQ(hubs[0].name, "Gardeners");
  EXPECT_EQ(hubs[0].use.bytes, 3'900);
  EXPECT_EQ(hubs[0].use.messages, 15);
  ASSERT_EQ(hubs[0].channels.size(), 2U);
  EXPECT_EQ(hubs[0].channels[1].name, "tulips");
  EXPECT_EQ(hubs[1].id, "") << "what was deleted";
  EXPECT_EQ(hubs[1].use.bytes, 50);
}

TEST(DiskUseCommand, F85_ItIsToldInWordsAndAsJson) {
  const std::string brief = disk_use_text(example(), {});
  EXPECT_THAT(brief, HasSubstr("3.8 MiB  messages of channels"));
  EXPECT_THAT(brief, HasSubstr("4.8 MiB  in all"));
  EXPECT_EQ(std::ranges::count(brief, '\n'), 3);
  const std::string all = disk_use_text(example(), {.explain = true});
  EXPECT_THAT(all, HasSubstr("Gardeners"));
  EXPECT_THAT(all, HasSubstr("tulips"));
  EXPECT_THAT(all, HasSubstr(kUser));
  const std::string few = disk_use_text(example(), {.explain = true, .limit = 1});
  EXPECT_THAT(few, HasSubstr("1 more channels"));
  EXPECT_THAT(few, HasSubstr("1 more users"));
  EXPECT_EQ(disk_use_text(example(), {.json = true}),
            "{\"total\":5000000,\"parts\":{\"channels\":4000000,\"free\":1000000}}\n");
  const std::string lines = disk_use_text(example(), {.explain = true, .json = true, .limit = 0});
  EXPECT_EQ(std::ranges::count(lines, '\n'), 1 + 2 + 3 + 2 + 1 + 1);
  EXPECT_THAT(
      lines,
      HasSubstr(R"({"messages":15,"bytes":3900,"hub":"hub-1","name":"Gardeners","files":2048})"));
  EXPECT_THAT(lines, HasSubstr(R"({"user":"carol@x","waiting":0,"documents":5,"files":0})"));
}

TEST(DiskUseCommand, N14_FilesAreToldByHubsAndThoseThatNothingHoldsByWhenTheyGo) {
  const std::string never = disk_use_text(example(), {.explain = true});
  EXPECT_THAT(never, HasSubstr("15 messages  and 2.0 KiB of files"));
  EXPECT_THAT(never, HasSubstr("2.0 KiB  messages of channels"));
  EXPECT_THAT(never, HasSubstr("3.0 KiB  nothing"));
  EXPECT_THAT(never, HasSubstr("stays until its owner deletes it"));
  const std::string days = disk_use_text(example(), {.explain = true, .keep_ms = 86'400'000});
  EXPECT_THAT(days, HasSubstr("goes " + format_time(kTestTime + 86'400'000)));
  const std::string lines =
      disk_use_text(example(), {.explain = true, .json = true, .keep_ms = 86'400'000});
  EXPECT_THAT(lines, HasSubstr(R"({"files":{"channels":2048,"waiting":0,"unused":3072,)"
                               R"("gone":0,"uploads":0}})"));
  EXPECT_THAT(lines, HasSubstr(R"("owner":"carol@x","bytes":3072,"since":")" +
                               format_time(kTestTime) + R"(","goes":")"));
}

TEST(DiskUseCommand, F85_ItReadsAStationThatRunsAndOneThatIsStopped) {
  const TemporaryFolder folder;
  EXPECT_EQ(disk_use_of(folder.path()).error().code, Exit::usage);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "and makes nothing";
  auto store = SqliteStore::open(folder.path());
  ASSERT_TRUE(store);
  const auto running = disk_use_of(folder.path());
  ASSERT_TRUE(running) << running.error().text;
  EXPECT_GT(running->total, 0);
  store->reset();
  const auto stopped = disk_use_of(folder.path());
  ASSERT_TRUE(stopped) << stopped.error().text;
  EXPECT_GT(stopped->total, 0);
  EXPECT_TRUE(SqliteStore::open(folder.path())) << "its lock is free again";
}

}  // namespace
}  // namespace dim
