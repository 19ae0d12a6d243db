// F81: a copy of the store that is made beside the one that works is one moment of it.
#include "sqlite/store_copy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "sqlite/database.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<SqliteStore> opened(const std::string& folder) {
  auto store = SqliteStore::open(folder);
  EXPECT_TRUE(store) << to_string(store.error());
  return std::move(*store);
}

void commit(Store& store, Write write) {
  const auto written = store.commit(std::span(&write, 1));
  ASSERT_TRUE(written) << to_string(written.error());
}

void post(Store& store, int number) {
  commit(store, PutPost{.post = {.guid = guid(number),
                                 .channel = guid(100'000),
                                 .time = kTestTime,
                                 .author = "alice",
                                 .content = "text " + std::to_string(number)}});
}

void destroy(Store& store, int number) {
  commit(store,
         ChangePost{.guid = guid(number), .act = PostAct::destroy, .text = {}, .time = kTestTime});
}

/// How many messages of the channel have their text.
int texts(Store& store, int upto) {
  int out = 0;
  for (int i = 1; i <= upto; ++i) {
    const auto one = store.post(guid(i));
    EXPECT_TRUE(one) << i << ": " << to_string(one.error());
    if (one && *one && (*one)->content == "text " + std::to_string(i)) ++out;
  }
  return out;
}

TEST(StoreCopy, F81_WhatWasStoredIsInTheCopyAndWhatWasDestroyedIsNot) {
  const TemporaryFolder folder, to;
  auto store = opened(folder.path());
  for (int i = 1; i <= 40; ++i) post(*store, i);
  for (int i = 1; i <= 10; ++i) destroy(*store, i);
  commit(*store, message(500, "for bob", {"bob"}));
  commit(*store, PutResume{"bob", guid(501), std::string(64, 'a'), kTestTime});
  commit(*store, PutSetting{"code", guid(502).text(), "a code"});
  commit(*store, PutSetting{"registration", "station", "invite"});
  commit(*store, PutPrekeys{.user = "bob",
                            .device = "signer",
                            .signed_key = "signed",
                            .last_resort = "last",
                            .one_time = {{1, "one"}, {2, "two"}}});
  const auto copied = copy_store(folder.path(), to.path(), false);
  ASSERT_TRUE(copied) << to_string(copied.error());
  EXPECT_THAT(copied->files,
              testing::UnorderedElementsAre("station.db", "station.db-keys1", "station.db-words1"));
  for (int i = 11; i <= 20; ++i) destroy(*store, i);  // afterwards
  auto copy = opened(to.path());
  EXPECT_EQ(texts(*copy, 40), 30);
  EXPECT_EQ((*copy->post(guid(3)))->state, PostState::destroyed);
  EXPECT_EQ(*copy->verify(), 0U);
  EXPECT_EQ(copy->inbox("bob", 0, 10, 10'000)->size(), 1U);
  EXPECT_FALSE(copy->resume(guid(501))->has_value()) << "a secret that works once is not in it";
  EXPECT_TRUE(store->resume(guid(501))->has_value());
  ASSERT_EQ(copy->prekeys("bob")->size(), 1U);
  EXPECT_EQ(copy->prekeys("bob")->at(0).signed_key, "signed");
  EXPECT_EQ(copy->prekeys("bob")->at(0).newest, 2U);
  EXPECT_EQ(copy->prekeys("bob")->at(0).one_time, 0U) << "nor a key that is given out meanwhile";
  EXPECT_EQ(store->prekeys("bob")->at(0).one_time, 2U);
  ASSERT_EQ(copy->settings()->size(), 1U) << "nor a code that may be taken back meanwhile (F86)";
  EXPECT_EQ(copy->settings()->at(0).kind, "registration");
  EXPECT_EQ(store->settings()->size(), 2U);
  EXPECT_EQ(*setting_beside(folder.path(), "registration", "station", false), "invite");
  EXPECT_EQ(*setting_beside(folder.path(), "registration", "other", false), "");
  EXPECT_EQ(texts(*store, 40), 20) << "the station goes on";
}

TEST(StoreCopy, F81_CopiesMadeDuringTrafficAndDestroysAreWholeEach) {
  const TemporaryFolder folder;
  auto store = opened(folder.path());
  for (int i = 1; i <= 50; ++i) post(*store, i);
  std::atomic<int> written = 50;
  std::atomic<bool> stop = false;
  std::thread traffic([&] {
    for (int i = 51; !stop && i < 5'000; ++i) {
      post(*store, i);
      written = i;
      if (i % 10 == 0) destroy(*store, i - 9);
      if (i % 50 == 0) static_cast<void>(store->tidy(kTestTime, true));
    }
  });
  for (int round = 0; round < 3; ++round) {
    const TemporaryFolder to;
    const int before = written;
    const auto copied = copy_store(folder.path(), to.path(), false);
    if (!copied) {
      ADD_FAILURE() << to_string(copied.error());
      break;
    }
    auto copy = opened(to.path());
    for (int i = 1; i <= before; ++i) {
      const auto one = copy->post(guid(i));
      EXPECT_TRUE(one && one->has_value()) << i << " was acknowledged before the copy";
    }
    EXPECT_EQ(*copy->verify(), 0U) << "every message opens with its key";
  }
  stop = true;
  traffic.join();
}

TEST(StoreCopy, F81_NoCursorIsGivenOutAgain) {
  const TemporaryFolder folder, to;
  auto store = opened(folder.path());
  for (int i = 1; i <= 4; ++i) commit(*store, message(i, "before", {"bob"}));
  commit(*store, AckInbox{"bob", 2});
  commit(*store, message(5, "before", {"carol"}));
  commit(*store, AckInbox{"carol", 1});
  commit(*store, message(6, "before", {"dave"}));
  post(*store, 10);
  ASSERT_TRUE(copy_store(folder.path(), to.path(), false));
  // What bob has seen when the station is lost.
  for (int i = 20; i < 30; ++i) commit(*store, message(i, "lost", {"bob", "carol", "dave"}));
  for (int i = 40; i < 50; ++i) post(*store, i);
  const Cursor last = *store->newest("bob"), seen = (*store->post(guid(49)))->cursor;
  auto copy = opened(to.path());
  const auto waiting = copy->inbox("bob", last, 10, 10'000);
  ASSERT_TRUE(waiting);
  ASSERT_EQ(waiting->size(), 2U) << "what waited comes again";
  EXPECT_EQ(waiting->at(0).guid, guid(3));
  EXPECT_TRUE(copy->inbox("carol", 0, 10, 10'000)->empty()) << "what was delivered does not";
  commit(*copy, message(60, "after", {"bob", "carol", "dave"}));
  for (const char* who : {"bob", "carol", "dave"}) {
    const auto all = copy->inbox(who, last, 10, 10'000);
    ASSERT_TRUE(all);
    ASSERT_FALSE(all->empty()) << who;
    EXPECT_EQ(all->back().content, "after") << who;
  }
  post(*copy, 70);
  EXPECT_GT((*copy->post(guid(70)))->cursor, seen);
}

TEST(StoreCopy, F81_AStoppedStationIsLeftAsItWas) {
  const TemporaryFolder folder, to;
  {
    auto store = opened(folder.path());
    post(*store, 1);
    ASSERT_TRUE(store->close());
  }
  const auto names = [&] {
    std::vector<std::string> out;
    for (const auto& one : fs::directory_iterator(folder.path()))
      out.push_back(one.path().filename());
    std::ranges::sort(out);
    return out;
  };
  const auto before = names();
  ASSERT_TRUE(copy_store(folder.path(), to.path(), true));
  EXPECT_EQ(names(), before);
  EXPECT_EQ(texts(*opened(to.path()), 1), 1);
  const TemporaryFolder empty;
  EXPECT_EQ(copy_store(empty.path(), to.path(), true).error().code, Errc::not_found);
  EXPECT_FALSE(fs::exists(empty.path() + "/station.db"));
}

TEST(StoreCopy, F81_R3_ADamagedPageGetsNoRightChecksumInACopy) {
  const TemporaryFolder folder, to, later;
  {
    auto store = opened(folder.path());
    for (int i = 1; i <= 20; ++i) commit(*store, message(i, std::string(3'000, 'x'), {"bob"}));
    ASSERT_TRUE(store->close());
  }
  ASSERT_TRUE(copy_store(folder.path(), to.path(), true));
  {
    std::fstream file(folder.path() + "/station.db",
                      std::ios::binary | std::ios::in | std::ios::out);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    const std::size_t at = all.find(std::string(1'000, 'x'));
    ASSERT_NE(at, std::string::npos);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('y');
  }
  const auto copied = copy_store(folder.path(), later.path(), true);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, Errc::internal);
  EXPECT_NE(copied.error().hint.find("checksum"), std::string::npos) << copied.error().hint;
}

TEST(StoreCopy, F81_FilesThatWentMeanwhileAreDeletedInTheCopy) {
  const TemporaryFolder folder, to;
  auto store = opened(folder.path());
  const std::string bytes(100, 'x');
  for (const int number : {1, 2}) {
    const std::string own = bytes + std::to_string(number);
    commit(*store, OpenMedia{.guid = guid(number),
                             .owner = "alice",
                             .size = static_cast<std::int64_t>(own.size()),
                             .digest = sha256(as_bytes(own)),
                             .time = kTestTime});
    commit(
        *store,
        PutPiece{
            .guid = guid(number), .owner = "alice", .first = 0, .bytes = own, .time = kTestTime});
    commit(*store, CheckMedia{.guid = guid(number),
                              .owner = "alice",
                              .digest = sha256(as_bytes(own)),
                              .time = kTestTime});
  }
  const auto copied = copy_store(folder.path(), to.path(), false);
  ASSERT_TRUE(copied);
  ASSERT_EQ(copied->blobs.size(), 2U);
  EXPECT_TRUE(copied->blobs[0].digest == sha256(as_bytes(bytes + "1")));
  commit(*store, DropMedia{guid(1), "alice", MediaState::deleted, kTestTime});
  const std::vector<std::int64_t> both{copied->blobs[0].id, copied->blobs[1].id};
  const auto still = blobs_still_there(folder.path(), both, false);
  ASSERT_TRUE(still);
  EXPECT_THAT(*still, testing::ElementsAre(both[1]));
  ASSERT_TRUE(forget_blobs(to.path(), std::span(both).first(1)));
  auto copy = opened(to.path());
  EXPECT_EQ((*copy->media(guid(1)))->state, MediaState::deleted);
  EXPECT_EQ((*copy->media(guid(2)))->state, MediaState::complete);
}

}  // namespace
}  // namespace dim
