// What the operator sets, the log of acts, and what users and channels take: in every store.
#include "sqlite/operator_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr AuditLimits kFew{.entries = 5, .keep_ms = 1'000'000};

struct InMemory {
  InMemory() {
    auto made = std::make_unique<MemoryStore>();
    made->set_audit_limits(kFew);
    store = std::move(made);
  }
  void reopen() {}
  std::unique_ptr<Store> store;
};

struct OnDisk {
  OnDisk() { reopen(); }
  void reopen() {
    store.reset();
    SqliteOptions options;
    options.audit = kFew;
    auto opened = SqliteStore::open(folder.path(), options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  TemporaryFolder folder;
  std::unique_ptr<Store> store;
};

template <class Backend>
class OperatorConformance : public testing::Test {
 protected:
  Store& store() { return *backend_.store; }
  Written one(Write write) {
    auto out = store().commit(std::span(&write, 1));
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? out->at(0) : Written{Accepted::conflict, {}};
  }
  std::vector<std::string> acts(const std::optional<std::string>& hub = {}, std::int64_t before = 0,
                                std::size_t limit = 100) {
    std::vector<std::string> out;
    const auto read = store().audit(hub, before, limit);
    EXPECT_TRUE(read) << to_string(read.error());
    for (const StoredAudit& act : *read)
      out.push_back(std::to_string(act.row) + " " + act.entry.act);
    return out;
  }
  void act(std::string what, std::string hub = "garden", Millis at = kTestTime) {
    one(PutAudit{{.time = at, .hub = std::move(hub), .who = "alice", .act = std::move(what)}});
  }
  void post(int number, std::string content, const Guid& channel) {
    one(PutPost{.post = {.guid = guid(number),
                         .channel = channel,
                         .time = kTestTime,
                         .author = "alice",
                         .content = std::move(content)}});
  }

  Backend backend_;
};

using Backends = testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(OperatorConformance, Backends, BackendNames<InMemory>);

TYPED_TEST(OperatorConformance, SettingsStayUntilTheyAreTakenAway) {
  this->one(PutSetting{"ban", "bob", "{}"});
  this->one(PutSetting{"ban", "bob", R"({"reason":"spam"})"});
  this->one(PutSetting{"ban", "carol", "{}"});
  this->one(PutSetting{"disabled", "bob", "{}"});
  this->one(PutSetting{"ban", "carol", ""});
  this->one(PutSetting{"ban", "nobody", ""});
  this->backend_.reopen();
  EXPECT_THAT(*this->store().settings(),
              ElementsAre(StoredSetting{"ban", "bob", R"({"reason":"spam"})"},
                          StoredSetting{"disabled", "bob", "{}"}));
}

TYPED_TEST(OperatorConformance, F76_ActsAreListedNewestFirstByHubAndInPages) {
  const AuditEntry whole{kTestTime, "garden", "alice", "CREATE ban", "bob", "1234", "spam"};
  this->one(PutAudit{whole});
  this->act("two", "");
  this->act("three");
  this->backend_.reopen();
  EXPECT_THAT(this->acts(), ElementsAre("3 three", "2 two", "1 CREATE ban"));
  EXPECT_THAT(this->acts("garden"), ElementsAre("3 three", "1 CREATE ban"));
  EXPECT_THAT(this->acts("", 0), ElementsAre("2 two"));
  EXPECT_THAT(this->acts({}, 3, 1), ElementsAre("2 two"));
  EXPECT_THAT(this->acts("other"), IsEmpty());
  EXPECT_EQ(this->store().audit({}, 2, 1)->front().entry, whole);
}

TYPED_TEST(OperatorConformance, F76_AnActThatChangedNothingIsNotInTheLog) {
  this->post(1, "text", guid(100));
  const auto hide = [&](std::string act) {
    const std::vector<Write> batch{ChangePost{.guid = guid(1), .act = PostAct::hide, .time = 1},
                                   PutAudit{{.time = kTestTime, .act = std::move(act)}, true}};
    const auto written = this->store().commit(batch);
    ASSERT_TRUE(written);
    EXPECT_EQ(written->size(), 2U);
  };
  hide("first");
  hide("again");
  EXPECT_THAT(this->acts(), ElementsAre("1 first"));
}

TYPED_TEST(OperatorConformance, F76_TheLogOfActsIsBoundedByNumberAndAge) {
  for (int i = 1; i <= 7; ++i) this->act(std::to_string(i));
  EXPECT_THAT(this->acts(), ElementsAre("7 7", "6 6", "5 5", "4 4", "3 3")) << "five at most";
  this->act("8", "garden", kTestTime + kFew.keep_ms);
  EXPECT_EQ(this->acts().size(), 5U) << "exactly as old as they may be";
  this->act("9", "garden", kTestTime + kFew.keep_ms + 1);
  EXPECT_THAT(this->acts(), ElementsAre("9 9", "8 8"));
}

TYPED_TEST(OperatorConformance, F85_AChannelCountsItsMessagesAndTheirBytes) {
  const Guid roses = guid(100), tulips = guid(101);
  const auto use = [&](const Guid& channel) { return *this->store().channel_use(channel); };
  EXPECT_EQ(use(roses).messages, 0);
  for (int i = 1; i <= 4; ++i) this->post(i, std::string(1'000, 'x'), roses);
  this->post(5, "short", tulips);
  EXPECT_EQ(use(roses).messages, 4);
  EXPECT_EQ(use(tulips).messages, 1);
  const std::int64_t full = use(roses).bytes;
  EXPECT_GE(full, 4'000);
  EXPECT_LE(full, 4'000 + 4 * 64) << "what sealing adds is little";
  this->one(ChangePost{.guid = guid(1), .text = std::string(500, 'y'), .time = kTestTime});
  EXPECT_GE(use(roses).bytes, full + 500) << "earlier texts count";
  EXPECT_EQ(use(roses).messages, 4);
  this->one(ChangePost{.guid = guid(1), .act = PostAct::take_back, .time = kTestTime});
  EXPECT_EQ(use(roses).messages, 3);
  EXPECT_LE(use(roses).bytes, 3'000 + 3 * 64);
  this->one(ChangePost{.guid = guid(2), .act = PostAct::erase, .time = kTestTime});
  this->one(ChangePost{.guid = guid(3), .act = PostAct::destroy, .time = kTestTime});
  this->one(ChangePost{.guid = guid(4), .act = PostAct::hide, .time = kTestTime});
  EXPECT_EQ(use(roses).messages, 1) << "a hidden one is there";
  this->backend_.reopen();
  EXPECT_EQ(use(roses).messages, 1);
  this->one(DropChannel{roses});
  while (*this->store().tidy(kTestTime, true)) {
  }
  EXPECT_EQ(use(roses).messages, 0);
  EXPECT_EQ(use(roses).bytes, 0);
  EXPECT_EQ(use(tulips).messages, 1);
}

TYPED_TEST(OperatorConformance, WhatAUserTakesAndThatNothingIsLeftOfWhoIsRemoved) {
  for (const std::string user : {"bob", "bobby"}) {
    this->one(PutIdentity{user, "{}", true});
    this->one(PutDocument{user, "visa", "phone", kTestTime, "{\"a\":1}"});
    this->one(PutName{user + "-name", user, kTestTime});
    this->one(PutResume{user, guid(user == "bob" ? 50 : 51), "x", kTestTime * 2});
  }
  this->one(message(1, "12345", {"bob", "bob/phone", "bobby"}));
  this->one(message(2, "1234567", {"bob/phone"}));
  for (int i : {20, 21})
    this->one(OpenMedia{
        .guid = guid(i), .owner = i == 20 ? "bob" : "bobby", .size = 10, .time = kTestTime});
  EXPECT_THAT(*this->store().identities("", 10), ElementsAre("bob", "bobby"));
  EXPECT_THAT(*this->store().identities("bob", 10), ElementsAre("bobby"));
  EXPECT_THAT(*this->store().identities("", 1), ElementsAre("bob"));
  const UserUse use = *this->store().user_use("bob");
  EXPECT_EQ(use.waiting, 3);
  EXPECT_EQ(use.waiting_bytes, 17);
  EXPECT_EQ(use.documents, 1);
  EXPECT_EQ(use.document_bytes, 7);
  EXPECT_EQ(use.files, 1);
  EXPECT_EQ(use.file_bytes, 10);
  EXPECT_THAT(use.names, ElementsAre("bob-name"));
  EXPECT_EQ(this->store().user_use("bobby")->waiting, 1) << "the other one's are not counted";

  this->one(DropUser{"bob", kTestTime});
  this->backend_.reopen();
  const UserUse gone = *this->store().user_use("bob");
  EXPECT_EQ(gone.waiting + gone.documents + gone.files, 0);
  EXPECT_THAT(gone.names, IsEmpty());
  EXPECT_FALSE(*this->store().identity("bob"));
  EXPECT_FALSE(*this->store().resume(guid(50)));
  EXPECT_THAT(*this->store().inbox("bob/phone", 0, 10, 1'000), IsEmpty());
  const UserUse other = *this->store().user_use("bobby");
  EXPECT_EQ(other.waiting, 1);
  EXPECT_EQ(other.documents, 1);
  EXPECT_EQ(other.files, 1);
  EXPECT_TRUE(*this->store().identity("bobby"));
  EXPECT_TRUE(*this->store().resume(guid(51)));
  const Written again = this->one(message(3, "later", {"bob"}));
  EXPECT_THAT(again.cursors, ElementsAre(2)) << "a cursor is never used again";
}

}  // namespace
}  // namespace dim
