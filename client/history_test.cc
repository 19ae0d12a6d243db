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
  const auto back = parse_entry(write_entry(one));
  ASSERT_TRUE(back) << to_string(back.error());
  EXPECT_EQ(write_entry(*back), write_entry(one));
  EXPECT_EQ(back->text, one.text);
  EXPECT_EQ(back->tick, Tick::delivered);
  EXPECT_EQ(back->label, Label::secure_old);
  EXPECT_TRUE(back->late);
  EXPECT_EQ(back->missing, 3);
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
