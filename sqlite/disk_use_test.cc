#include "sqlite/disk_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "dim/crypto/digest.h"
#include "sqlite/database.h"
#include "sqlite/folder_lock.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;

const Guid kRoses = guid(1'000'001), kTulips = guid(1'000'002);

class DiskUseTest : public testing::Test {
 protected:
  DiskUseTest() { open(); }

  void open() {
    auto opened = SqliteStore::open(folder.path());
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  void put(Write write) {
    const auto written = store->commit(std::span(&write, 1));
    ASSERT_TRUE(written) << to_string(written.error());
    EXPECT_FALSE(written->front().refused);
  }
  void post(int number, const Guid& channel, std::size_t bytes) {
    put(PutPost{.post = {.guid = guid(number),
                         .channel = channel,
                         .time = kTestTime,
                         .author = "alice",
                         .content = std::string(bytes, 'r')}});
  }
  DiskUse use(bool stopped) {
    auto out = read_disk_use(folder.path(), stopped);
    EXPECT_TRUE(out) << to_string(out.error());
    return out.value_or(DiskUse());
  }
  std::int64_t sizes() const {
    std::int64_t out = 0;
    for (const auto& one : fs::recursive_directory_iterator(folder.path())) {
      if (one.is_regular_file()) out += static_cast<std::int64_t>(one.file_size());
    }
    return out;
  }
  std::set<std::string> names() const {
    std::set<std::string> out;
    for (const auto& one : fs::directory_iterator(folder.path()))
      out.insert(one.path().filename().string());
    return out;
  }
  /// That every byte of every file is explained, and nothing twice.
  void expect_all_is_told(const DiskUse& out) const {
    EXPECT_EQ(out.total, sizes());
    std::int64_t sum = 0;
    for (const DiskPart& one : out.parts) {
      EXPECT_GE(one.bytes, 0) << one.name;
      sum += one.bytes;
    }
    EXPECT_EQ(sum, out.total);
    EXPECT_EQ(out.part("tables"), 0) << "a table is told under no name";
  }

  TemporaryFolder folder;
  std::unique_ptr<SqliteStore> store;
};

TEST_F(DiskUseTest, F85_N14_TheSumIsWhatTheFolderTakesWhetherTheStationRunsOrNot) {
  for (int i = 1; i <= 200; ++i) post(i, i % 4 == 0 ? kTulips : kRoses, 2'000);
  put(message(1'000, std::string(5'000, 'm'), {"bob", "bob/phone", "carol"}));
  put(PutIdentity{"bob", std::string(300, 'i'), true});
  put(PutDocument{"bob", "visa", "", kTestTime, std::string(700, 'd')});
  put(PutHubChange{"garden", 1, "{}"});
  put(PutAudit{{.time = kTestTime, .act = "CREATE ban"}});
  put(OpenMedia{.guid = guid(2'000), .owner = "carol", .size = 100'000, .time = kTestTime});
  put(PutPiece{.guid = guid(2'000),
               .owner = "carol",
               .first = 0,
               .bytes = std::string(65'536, 'p'),
               .time = kTestTime});
  const DiskUse running = use(false);
  expect_all_is_told(running);
  EXPECT_GT(running.part("log"), 0);

  while (*store->tidy(kTestTime, true)) {
  }
  expect_all_is_told(use(false));
  store.reset();
  const std::set<std::string> before = names();
  const DiskUse stopped = use(true);
  EXPECT_EQ(names(), before) << "nothing is left behind";
  expect_all_is_told(stopped);
  EXPECT_GE(stopped.part("channels"), 200 * 2'000);
  EXPECT_LE(stopped.part("channels"), 200 * 4'096 + 65'536) << "a page has room for one of them";
  EXPECT_GE(stopped.part("waiting"), 5'000);
  EXPECT_GE(stopped.part("people"), 1'000);
  EXPECT_GE(stopped.part("files"), 65'536);
  EXPECT_GE(stopped.part("keys"), 200 * 72) << "a key for each message";
  EXPECT_GT(stopped.part("indexes"), 0);
  {
    Database db;
    ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READONLY, nullptr));
    EXPECT_EQ(stopped.part("free"), *db.integer("PRAGMA freelist_count") * 4'096);
  }

  ASSERT_EQ(stopped.channels.size(), 2U);
  EXPECT_EQ(stopped.channels[0].guid, kRoses) << "most first";
  EXPECT_EQ(stopped.channels[0].use.messages, 150);
  EXPECT_EQ(stopped.channels[1].use.messages, 50);
  EXPECT_GE(stopped.channels[1].use.bytes, 50 * 2'000);
  ASSERT_EQ(stopped.users.size(), 2U);
  EXPECT_EQ(stopped.users[0].id, "carol");
  EXPECT_EQ(stopped.users[0].files, 100'000);
  EXPECT_EQ(stopped.users[0].waiting, 5'000);
  EXPECT_EQ(stopped.users[1].id, "bob");
  EXPECT_EQ(stopped.users[1].waiting, 10'000) << "two devices";
  EXPECT_EQ(stopped.users[1].documents, 1'000);
  ASSERT_EQ(stopped.hub_changes.size(), 1U);
  EXPECT_EQ(stopped.hub_changes[0].hub, "garden");
  open();
  EXPECT_EQ(store->channel_use(kRoses)->messages, 150) << "and the store is as it was";
}

TEST_F(DiskUseTest, N14_FilesAreToldByWhatHoldsThem) {
  const auto file = [&](int number, std::size_t bytes) {
    const std::string all(bytes, static_cast<char>('a' + number));
    put(OpenMedia{.guid = guid(number),
                  .owner = "carol",
                  .size = static_cast<std::int64_t>(bytes),
                  .time = kTestTime});
    put(PutPiece{guid(number), "carol", 0, all, kTestTime});
    put(CheckMedia{guid(number), "carol", sha256(as_bytes(all)), kTestTime});
  };
  for (int i = 1; i <= 4; ++i) file(i, static_cast<std::size_t>(i) * 1'000);
  const auto uses = [&](int number, const Guid& channel, std::vector<Guid> media) {
    put(PutPost{.post = {.guid = guid(number),
                         .channel = channel,
                         .time = kTestTime,
                         .author = "carol",
                         .content = "look"},
                .media = std::move(media)});
  };
  uses(11, kRoses, {guid(1), guid(2)});
  uses(12, kRoses, {guid(1)});
  uses(13, kTulips, {guid(1)});
  PutMessage letter = message(14, "sealed", {"bob"});
  letter.message.author = "carol";
  letter.media = {guid(3)};
  put(letter);
  put(OpenMedia{.guid = guid(5), .owner = "carol", .size = 70'000, .time = kTestTime});
  put(PutPiece{guid(5), "carol", 0, std::string(65'536, 'x'), kTestTime});
  const DiskUse out = use(false);
  expect_all_is_told(out);
  EXPECT_EQ(out.files.channels, 3'000);
  EXPECT_EQ(out.files.waiting, 3'000);
  EXPECT_EQ(out.files.unused, 4'000);
  EXPECT_EQ(out.files.uploads, 65'536);
  EXPECT_EQ(out.files.gone, 0);
  EXPECT_EQ(out.part("files"), 3'000 + 3'000 + 4'000 + 65'536);
  std::map<Guid, std::int64_t> channels;
  for (const DiskChannel& one : out.channels) channels[one.guid] = one.files;
  EXPECT_EQ(channels[kRoses], 3'000);
  EXPECT_EQ(channels[kTulips], 1'000);
  ASSERT_EQ(out.unused.size(), 1U);
  EXPECT_EQ(out.unused[0].guid, guid(4));
  EXPECT_EQ(out.unused[0].owner, "carol");
  EXPECT_EQ(out.unused[0].bytes, 4'000);
  EXPECT_EQ(out.unused[0].since, kTestTime);
  put(DropMedia{guid(4), "carol", MediaState::deleted, kTestTime});
  EXPECT_EQ(use(false).files.gone, 4'000);
}

TEST_F(DiskUseTest, F85_N14_WhatWasDeletedIsFreeOrGone) {
  for (int i = 1; i <= 100; ++i) post(i, kRoses, 4'000);
  put(DropChannel{kRoses});
  EXPECT_TRUE(use(false).channels.at(0).dropped);
  while (*store->tidy(kTestTime, true)) {
  }
  const DiskUse after = use(false);
  expect_all_is_told(after);
  EXPECT_TRUE(after.channels.empty());
  EXPECT_LT(after.part("channels"), 100'000);
  EXPECT_GE(after.part("free"), 300'000) << "to be used for what comes";
}

TEST_F(DiskUseTest, ACrashedStationsLogIsReadAndLeftToIt) {
  post(1, kRoses, 4'000);
  const TemporaryFolder crashed;
  for (const std::string& name : names()) {
    if (name != "media" && name != "station.db-shm")
      fs::copy_file(folder.path() + "/" + name, crashed.path() + "/" + name);
  }
  const auto log = fs::file_size(crashed.path() + "/station.db-wal");
  ASSERT_GT(log, 0U);
  const auto out = read_disk_use(crashed.path(), true);
  ASSERT_TRUE(out) << to_string(out.error());
  EXPECT_EQ(out->channels.at(0).use.messages, 1);
  EXPECT_EQ(fs::file_size(crashed.path() + "/station.db-wal"), log);
  EXPECT_FALSE(fs::exists(crashed.path() + "/station.db-shm"));
}

TEST_F(DiskUseTest, WhatIsNoStoreOfThisVersionIsNamed) {
  store.reset();
  const TemporaryFolder empty;
  EXPECT_EQ(read_disk_use(empty.path(), true).error().code, Errc::not_found);
  EXPECT_TRUE(fs::is_empty(empty.path()));
  {
    Database db;
    ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, nullptr));
    ASSERT_TRUE(db.run("PRAGMA user_version=99"));
  }
  EXPECT_EQ(read_disk_use(folder.path(), true).error().code, Errc::edition);
}

}  // namespace
}  // namespace dim
