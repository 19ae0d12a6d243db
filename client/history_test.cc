#include "client/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/outbox.h"
#include "client/station_fixture.h"

namespace dim {
namespace {

using testing::SizeIs;

class HistoryTest : public testing::Test {
 protected:
  HistoryEntry entry(std::string guid, std::string text) {
    HistoryEntry out{.guid = std::move(guid), .peer = fake_user(2).id};
    out.text = std::move(text);
    return out;
  }

  Vault vault = Vault::open(":memory:", Secret::random(32, fake_random()), fake_random()).value();
  History history{vault};
};

TEST_F(HistoryTest, AnEntryComesBackWithEveryField) {
  HistoryEntry one = entry("guid", "text \"with\" \n lines");
  one.outgoing = true;
  one.time = kFakeNow;
  one.content_type = "text";
  one.label = Label::secure_old;
  one.tick = Tick::delivered;
  one.hash = "aGFzaA==";
  one.cause = "why";
  one.late = true;
  one.missing = 3;
  one.mine = {.symbols = {"👍"}, .revision = 7};
  one.theirs = {.symbols = {}, .revision = 8};
  const auto back = parse_entry(write_entry(one));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(write_entry(*back), write_entry(one));
  EXPECT_EQ(back->text, one.text);
  EXPECT_EQ(back->tick, Tick::delivered);
  EXPECT_EQ(back->label, Label::secure_old);
  EXPECT_TRUE(back->late);
  EXPECT_EQ(back->missing, 3);
  EXPECT_EQ(back->mine, one.mine);
  EXPECT_EQ(back->theirs, one.theirs);
}

TEST_F(HistoryTest, PagesGoBothWaysAndMissNothing) {
  for (int i = 1; i <= 7; ++i) {
    ASSERT_TRUE(history.put(entry(std::to_string(i), "number " + std::to_string(i))));
    HistoryEntry other = entry(std::to_string(i), "of another");
    other.peer = fake_user(3).id;
    ASSERT_TRUE(history.put(other));
  }
  ASSERT_TRUE(history.put(entry("3", "number 3, edited"))) << "it keeps its place";
  const auto walk = [&](bool up, std::size_t limit) {
    std::vector<std::string> seen;
    HistoryPart part{.limit = limit};
    (up ? part.after : part.before) = up ? 0 : INT64_MAX;
    for (int pages = 0; pages < 10; ++pages) {
      const HistoryPage page = history.page(fake_user(2).id, part).value();
      std::vector<std::string> guids;
      for (const HistoryEntry& one : page.entries) guids.push_back(one.guid);
      EXPECT_LE(guids.size(), limit);
      seen.insert(up ? seen.end() : seen.begin(), guids.begin(), guids.end());
      if (!page.next) return seen;
      (up ? part.after : part.before) = page.next;
    }
    ADD_FAILURE() << "it does not end";
    return seen;
  };
  for (const std::size_t limit : {1U, 2U, 6U, 7U, 8U}) {
    for (const bool up : {false, true})
      EXPECT_THAT(walk(up, limit), testing::ElementsAre("1", "2", "3", "4", "5", "6", "7"));
  }
  EXPECT_THAT(history.page(fake_user(4).id, {}).value().entries, SizeIs(0));
}

TEST_F(HistoryTest, F17_WordsAreFoundNewestFirstPageByPage) {
  const Id with = fake_user(2).id;
  for (int i = 1; i <= 1'200; ++i)
    ASSERT_TRUE(history.put(entry(std::to_string(i), i % 400 == 1 ? "a red rose" : "grass")));
  HistoryEntry file = entry("file", "");
  file.words = "file rose.txt, 3 bytes";
  HistoryEntry removed = entry("removed", "rose"), over = entry("over", "rose");
  HistoryEntry notice = entry("notice", "rose");
  removed.removed = true;
  over.expires = kFakeNow;
  notice.content_type = "keys: device";
  for (const HistoryEntry& one : {file, removed, over, notice}) ASSERT_TRUE(history.put(one));
  const auto guids = [&](std::string_view words, const HistoryPart& part) {
    std::vector<std::string> out;
    const HistoryPage page = history.search(with, words, part, kFakeNow).value();
    for (const HistoryEntry& one : page.entries) out.push_back(one.guid);
    if (page.next) out.push_back("more");
    return out;
  };
  using testing::ElementsAre;
  EXPECT_THAT(guids("ROSE", {}), ElementsAre("file", "801", "401", "1"));
  EXPECT_THAT(guids("rose red", {}), ElementsAre("801", "401", "1"));
  EXPECT_THAT(guids("ros", {}), SizeIs(0));
  EXPECT_THAT(guids("?", {}), SizeIs(0));
  EXPECT_THAT(guids("rose", {.limit = 4}), SizeIs(4)) << "nothing more";
  EXPECT_THAT(guids("rose", {.limit = 2}), ElementsAre("file", "801", "more"));
  const auto next = history.search(with, "rose", {.limit = 2}, kFakeNow).value().next;
  EXPECT_THAT(guids("rose", {.before = next, .limit = 2}), ElementsAre("401", "1"));
}

TEST_F(HistoryTest, WhatIsNoEntryIsRefused) {
  std::string text = write_entry(entry("guid", "text"));
  EXPECT_FALSE(parse_entry("{}"));
  EXPECT_FALSE(parse_entry("no JSON"));
  for (const auto& [from, to] :
       {std::pair("\"tick\":0", "\"tick\":5"), std::pair("\"tick\":0", "\"tick\":-1"),
        std::pair("\"label\":2", "\"label\":9")}) {
    std::string other = text;
    const std::size_t at = other.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    other.replace(at, std::string_view(from).size(), to);
    EXPECT_FALSE(parse_entry(other)) << other;
  }
}

TEST_F(HistoryTest, NewestComeOldestFirstAndAReplacedOneKeepsItsPlace) {
  for (int i = 0; i < 5; ++i)
    ASSERT_TRUE(history.put(entry(std::to_string(i), "text " + std::to_string(i))));
  ASSERT_TRUE(history.put(entry("3", "changed")));
  const auto newest = history.newest(fake_user(2).id, 3);
  ASSERT_TRUE(newest);
  ASSERT_THAT(*newest, SizeIs(3));
  EXPECT_EQ(newest->at(0).guid, "2");
  EXPECT_EQ(newest->at(1).text, "changed");
  EXPECT_EQ(newest->at(2).guid, "4");
}

TEST_F(HistoryTest, UnreadIsTakenOffOnce) {
  ASSERT_TRUE(history.put(entry("1", "one")));
  ASSERT_TRUE(history.put_unread(entry("1", "one")));
  ASSERT_THAT(*history.unread(10), SizeIs(1));
  EXPECT_EQ(history.take_unread(entry("1", "")), true);
  EXPECT_EQ(history.take_unread(entry("1", "")), false);
  EXPECT_THAT(*history.unread(10), SizeIs(0));
}

TEST_F(HistoryTest, TheOutboxKeepsItsOrderAndItsRows) {
  Outbox outbox(vault);
  JsonObject content;
  content.set("text", "hello");
  for (const char* guid : {"a", "b", "c"}) {
    ASSERT_TRUE(outbox.put({.guid = guid,
                            .kind = "message",
                            .to = fake_user(2).id,
                            .time = kFakeNow,
                            .content = content}));
  }
  auto row = outbox.find("a");
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->content, content);
  EXPECT_EQ((*row)->time, kFakeNow);
  (*row)->wire = "sealed";
  ASSERT_TRUE(outbox.put(**row));
  auto rows = outbox.after(0, 10);
  ASSERT_TRUE(rows);
  ASSERT_THAT(*rows, SizeIs(3));
  EXPECT_EQ(rows->at(0).guid, "a");
  EXPECT_EQ(rows->at(0).wire, "sealed");
  EXPECT_THAT(*outbox.after(rows->at(1).place, 10), SizeIs(1));
  ASSERT_TRUE(outbox.erase("b"));
  EXPECT_EQ(outbox.count(), 2U);
  EXPECT_EQ(*outbox.find("b"), std::nullopt);
}

TEST_F(HistoryTest, F16_WhatDisappearsIsErasedWithItsContentAndThatNobodyHasSeenIt) {
  JsonObject content;
  content.set("text", "short");
  HistoryEntry first = entry("1", "short"), second = entry("2", "long"),
               third = entry("3", "stays");
  first.expires = kFakeNow + 10;
  second.expires = kFakeNow + 20;
  for (const HistoryEntry& one : {first, second, third}) {
    ASSERT_TRUE(history.put(one, content));
    ASSERT_TRUE(history.put_unread(one));
  }
  EXPECT_EQ(history.find(first.peer, "1").value()->expires, kFakeNow + 10);
  EXPECT_THAT(*history.expire(kFakeNow + 9), SizeIs(0));
  EXPECT_THAT(*history.expire(kFakeNow + 10), testing::ElementsAre("1"));
  EXPECT_THAT(*history.expire(kFakeNow + 10), SizeIs(0)) << "once";
  EXPECT_FALSE(history.find(first.peer, "1")->has_value());
  EXPECT_FALSE(history.content(first.peer, "1")->has_value());
  EXPECT_THAT(*history.unread(10), SizeIs(2));
  EXPECT_THAT(*history.newest(first.peer, 10), SizeIs(2));
  EXPECT_EQ(history.take_unread(first), false);
}

}  // namespace
}  // namespace dim
