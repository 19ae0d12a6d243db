// What every store must do, run against the one in memory and the one on disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "dim/store/inbox_share.h"
#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

struct InMemory {
  explicit InMemory(InboxLimits limits) : store(std::make_unique<MemoryStore>(limits)) {}
  void reopen() {}  // nothing to come back from
  std::unique_ptr<Store> store;
};

struct OnDisk {
  explicit OnDisk(InboxLimits limits) {
    options.limits = limits;
    reopen();
  }
  void reopen() {
    store.reset();
    auto opened = SqliteStore::open(folder.path(), options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  TemporaryFolder folder;
  SqliteOptions options;
  std::unique_ptr<Store> store;
};

template <class Backend>
class StoreConformance : public testing::Test {
 protected:
  Store& store() { return *backend_.store; }
  void reopen() { backend_.reopen(); }
  Written one(Write write) {
    auto out = store().commit(std::span(&write, 1));
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? out->at(0) : Written{Accepted::conflict, {}};
  }
  void clean(Millis now = kTestTime) {
    for (;;) {
      const auto more = store().tidy(now, true);
      ASSERT_TRUE(more) << to_string(more.error());
      if (!*more) return;
    }
  }
  std::vector<std::string> contents(const std::string& user, Cursor after = 0) {
    std::vector<std::string> out;
    const auto page = store().inbox(user, after, 1'000, 1 << 20);
    EXPECT_TRUE(page);
    for (const StoredMessage& message : *page) out.push_back(message.content);
    return out;
  }

  Backend backend_{InboxLimits{4, 1'000}};
};

using Backends = testing::Types<InMemory, OnDisk>;
TYPED_TEST_SUITE(StoreConformance, Backends, BackendNames<InMemory>);

TYPED_TEST(StoreConformance, ReturnsMessagesInOrderOfCursorsWithEveryField) {
  EXPECT_THAT(this->one(message(1, "one", {"bob"})).cursors, ElementsAre(1));
  EXPECT_THAT(this->one(message(2, "two", {"bob", "carol"})).cursors, ElementsAre(2, 1));
  this->reopen();
  const auto page = this->store().inbox("bob", 0, 10, 1'000);
  ASSERT_TRUE(page);
  ASSERT_THAT(*page, SizeIs(2));
  EXPECT_EQ(page->at(0).cursor, 1);
  EXPECT_EQ(page->at(0).guid, guid(1));
  EXPECT_EQ(page->at(0).time, kTestTime);
  EXPECT_EQ(page->at(0).author, "alice");
  EXPECT_EQ(page->at(0).type, "message");
  EXPECT_EQ(page->at(0).content, "one");
  EXPECT_EQ(page->at(1).cursor, 2);
  EXPECT_EQ(page->at(1).content, "two");
  EXPECT_THAT(this->contents("bob", 1), ElementsAre("two"));
  EXPECT_THAT(this->contents("carol"), ElementsAre("two"));
  EXPECT_THAT(this->contents("dave"), IsEmpty());
}

TYPED_TEST(StoreConformance, KeepsBytesThatAreNoText) {
  const std::string content("\0\xff\n\0x", 5);
  this->one(message(1, content, {"bob"}));
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre(content));
}

TYPED_TEST(StoreConformance, PagesEndAtLimitAndBytesButHoldOneMessage) {
  for (int i = 1; i <= 4; ++i) this->one(message(i, std::string(100, 'x'), {"bob"}));
  EXPECT_THAT(*this->store().inbox("bob", 0, 3, 1'000), SizeIs(3));
  EXPECT_THAT(*this->store().inbox("bob", 0, 10, 250), SizeIs(2));
  EXPECT_THAT(*this->store().inbox("bob", 0, 10, 1), SizeIs(1));
  EXPECT_THAT(*this->store().inbox("bob", 0, 0, 1'000), IsEmpty());
}

TYPED_TEST(StoreConformance, CursorsAreNeverReusedAfterRemovalAndRestart) {
  this->one(message(1, "one", {"bob"}));
  this->one(message(2, "two", {"bob"}));
  this->one(AckInbox{"bob", 2});
  EXPECT_THAT(this->contents("bob"), IsEmpty());
  EXPECT_EQ(*this->store().newest("bob"), 2);
  this->clean();
  this->reopen();
  EXPECT_EQ(*this->store().newest("bob"), 2);
  EXPECT_THAT(this->one(message(3, "three", {"bob"})).cursors, ElementsAre(3));
  EXPECT_EQ(*this->store().newest("bob"), 3);
  EXPECT_EQ(*this->store().newest("nobody"), 0);
}

TYPED_TEST(StoreConformance, AckRemovesUpToTheCursorOfThatUserOnly) {
  for (int i = 1; i <= 3; ++i) this->one(message(i, std::to_string(i), {"bob", "carol"}));
  this->one(AckInbox{"bob", 2});
  EXPECT_THAT(this->contents("bob"), ElementsAre("3"));
  this->clean();
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre("3"));
  EXPECT_THAT(this->contents("carol"), ElementsAre("1", "2", "3"));
  this->one(AckInbox{"carol", 3});
  this->clean();
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre("3"));
  EXPECT_THAT(this->contents("carol"), IsEmpty());
}

TYPED_TEST(StoreConformance, AckBeyondTheNewestDoesNotSwallowWhatComesLater) {
  this->one(message(1, "one", {"bob"}));
  this->one(AckInbox{"bob", 1'000'000});
  this->one(AckInbox{"nobody", 5});
  EXPECT_THAT(this->one(message(2, "two", {"bob"})).cursors, ElementsAre(2));
  EXPECT_THAT(this->contents("bob"), ElementsAre("two"));
  EXPECT_THAT(this->one(message(3, "three", {"nobody"})).cursors, ElementsAre(1));
  this->one(AckInbox{"bob", 1});
  EXPECT_THAT(this->contents("bob"), ElementsAre("two"));
}

TYPED_TEST(StoreConformance, P36_SameGuidSameContentIsAnsweredAsTheFirstTimeAndDeliveredOnce) {
  this->one(message(9, "before", {"carol"}));
  const Written first = this->one(message(1, "one", {"bob", "carol"}));
  const Written again = this->one(message(1, "one", {"bob", "carol"}));
  EXPECT_EQ(first.accepted, Accepted::stored);
  EXPECT_EQ(again.accepted, Accepted::repeated);
  EXPECT_EQ(again.cursors, first.cursors);
  EXPECT_THAT(this->contents("bob"), ElementsAre("one"));
}

TYPED_TEST(StoreConformance, P36_A14_SameGuidOtherContentAuthorTypeOrReceiversConflicts) {
  this->one(message(1, "one", {"bob"}));
  EXPECT_EQ(this->one(message(1, "two", {"bob"})).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(message(1, "one", {"carol"})).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(message(1, "one", {"bob", "carol"})).accepted, Accepted::conflict);
  PutMessage other = message(1, "one", {"bob"});
  other.message.author = "mallory";
  EXPECT_EQ(this->one(other).accepted, Accepted::conflict);
  other = message(1, "one", {"bob"});
  other.message.type = "receipt";
  EXPECT_EQ(this->one(other).accepted, Accepted::conflict);
  EXPECT_THAT(this->contents("bob"), ElementsAre("one"));
  EXPECT_THAT(this->contents("carol"), IsEmpty());
}

TYPED_TEST(StoreConformance, P36_HoldsAfterDeliveryRemovalAndRestart) {
  this->one(message(1, "one", {"bob"}));
  this->one(AckInbox{"bob", 1});
  this->clean();
  this->reopen();
  const Written again = this->one(message(1, "one", {"bob"}));
  EXPECT_EQ(again.accepted, Accepted::repeated);
  EXPECT_THAT(again.cursors, ElementsAre(1));
  EXPECT_EQ(this->one(message(1, "other", {"bob"})).accepted, Accepted::conflict);
  EXPECT_THAT(this->contents("bob"), IsEmpty());
}

TYPED_TEST(StoreConformance, P36_HoldsInsideOneBatch) {
  const std::vector<Write> batch = {message(1, "one", {"bob"}), message(1, "one", {"bob"}),
                                    message(1, "x", {"bob"}), AckInbox{"bob", 1},
                                    message(2, "two", {"bob"})};
  const auto out = this->store().commit(batch);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->at(0).accepted, Accepted::stored);
  EXPECT_EQ(out->at(1).accepted, Accepted::repeated);
  EXPECT_EQ(out->at(2).accepted, Accepted::conflict);
  EXPECT_THAT(out->at(4).cursors, ElementsAre(2));
  EXPECT_THAT(this->contents("bob"), ElementsAre("two"));
}

TYPED_TEST(StoreConformance, R1_AForgottenGuidIsStoredAgain) {
  this->one(message(1, "one", {"bob"}));
  this->one(message(2, "two", {"bob"}));
  const std::vector<Write> gone = {ForgetGuid{guid(1)}, ForgetGuid{guid(7)}, AckInbox{"bob", 1}};
  ASSERT_TRUE(this->store().commit(gone));
  this->clean();
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre("two"));
  EXPECT_EQ(this->one(message(2, "two", {"bob"})).accepted, Accepted::repeated);
  const Written again = this->one(message(1, "one", {"bob"}));
  EXPECT_EQ(again.accepted, Accepted::stored);
  EXPECT_THAT(again.cursors, ElementsAre(3));
  EXPECT_EQ(this->one(message(1, "one", {"bob"})).accepted, Accepted::repeated);
  EXPECT_THAT(this->contents("bob"), ElementsAre("two", "one"));
}

TYPED_TEST(StoreConformance, ForgetsGuidsOnlyAfterNinetyDays) {
  this->one(message(1, "one", {"bob"}));
  this->one(AckInbox{"bob", 1});
  this->clean(kTestTime + kSeenMs - 1'000);
  EXPECT_EQ(this->one(message(1, "one", {"bob"})).accepted, Accepted::repeated);
  this->clean(kTestTime + kSeenMs + 2 * 24 * 3'600'000);
  EXPECT_EQ(this->one(message(1, "one", {"bob"})).accepted, Accepted::stored);
}

TYPED_TEST(StoreConformance, WhatNobodyFetchesIsGoneAfterNinetyDays) {
  const auto at = [](int number, std::string content, std::vector<std::string> receivers,
                     Millis time) {
    PutMessage out = message(number, std::move(content), std::move(receivers));
    out.message.time = time;
    return out;
  };
  constexpr Millis kDay = Millis{24} * 3'600'000;
  this->one(at(1, "one", {"bob"}, kTestTime));
  this->one(at(2, "two", {"bob", "carol"}, kTestTime + kDay));
  this->one(at(3, "three", {"carol", "bob"}, kTestTime + 5 * kDay));
  this->one(at(4, "four", {"dave"}, kTestTime + 5 * kDay));
  this->clean(kTestTime + kSeenMs - 1'000);
  EXPECT_THAT(this->contents("bob"), ElementsAre("one", "two", "three"));
  this->clean(kTestTime + kSeenMs + 3 * kDay);
  EXPECT_THAT(this->contents("bob"), ElementsAre("three"));
  EXPECT_THAT(this->contents("carol"), ElementsAre("three"));
  EXPECT_THAT(this->contents("dave"), ElementsAre("four"));
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre("three"));
  EXPECT_THAT(this->one(at(5, "five", {"bob"}, kTestTime + kSeenMs)).cursors, ElementsAre(4));
  this->clean(kTestTime + kSeenMs + 9 * kDay);
  EXPECT_THAT(this->contents("bob"), ElementsAre("five"));
  EXPECT_THAT(this->contents("dave"), IsEmpty());
  EXPECT_THAT(this->one(message(6, "six", {"dave"})).cursors, ElementsAre(2));
}

TYPED_TEST(StoreConformance, ReceiverNamedTwiceHasOnePlace) {
  EXPECT_THAT(this->one(message(1, "one", {"bob", "carol", "bob"})).cursors, ElementsAre(1, 1, 1));
  EXPECT_THAT(this->contents("bob"), ElementsAre("one"));
  this->one(AckInbox{"bob", 1});
  this->one(AckInbox{"carol", 1});
  this->clean();
  EXPECT_THAT(this->one(message(2, "two", {"bob"})).cursors, ElementsAre(2));
}

TYPED_TEST(StoreConformance, FullInboxTakesNothingAndTheGuidMayBeTriedAgain) {
  for (int i = 1; i <= 4; ++i) this->one(message(i, "x", {"bob"}));
  EXPECT_EQ(this->one(message(5, "five", {"carol", "bob"})).accepted, Accepted::full);
  EXPECT_THAT(this->contents("carol"), IsEmpty());
  this->one(AckInbox{"bob", 1});
  EXPECT_EQ(this->one(message(5, "five", {"carol", "bob"})).accepted, Accepted::stored);
  EXPECT_THAT(this->contents("carol"), ElementsAre("five"));
}

TYPED_TEST(StoreConformance, FullInboxCountsBytesAlsoAfterRestart) {
  EXPECT_EQ(this->one(message(1, std::string(600, 'x'), {"bob"})).accepted, Accepted::stored);
  this->reopen();
  EXPECT_EQ(this->one(message(2, std::string(401, 'x'), {"bob"})).accepted, Accepted::full);
  EXPECT_EQ(this->one(message(3, std::string(400, 'x'), {"bob"})).accepted, Accepted::stored);
  EXPECT_EQ(this->one(message(4, "x", {"bob"})).accepted, Accepted::full);
  this->one(AckInbox{"bob", 2});
  EXPECT_EQ(this->one(message(4, std::string(1'000, 'x'), {"bob"})).accepted, Accepted::stored);
}

/// Inboxes that are large enough to be shared.
template <class Backend>
class SharedInboxes : public testing::Test {
 protected:
  static constexpr int kShare = 300;
  /// So many of that author, in one batch: how many were stored.
  std::ptrdiff_t put(int count, const std::string& author, std::vector<std::string> receivers,
                     std::size_t size = 1) {
    std::vector<Write> batch;
    for (int i = 0; i < count; ++i) {
      PutMessage write = message(++number_, std::string(size, 'x'), receivers);
      write.message.author = author;
      batch.emplace_back(std::move(write));
    }
    const auto written = backend_.store->commit(batch);
    EXPECT_TRUE(written) << to_string(written.error());
    return std::ranges::count(*written, Accepted::stored, &Written::accepted);
  }
  Backend backend_{
      InboxLimits{.messages = kInboxShare * kShare, .bytes = kInboxShare * kInboxShareBytes}};

 private:
  int number_ = 0;
};
TYPED_TEST_SUITE(SharedInboxes, Backends, BackendNames<InMemory>);

TYPED_TEST(SharedInboxes, NobodyButTheOwnerTakesMoreThanTheirShareOfAnInbox) {
  EXPECT_EQ(this->put(305, "mallory", {"bob"}), 300);
  EXPECT_EQ(this->put(1, "mallory", {"bob", "carol"}), 0) << "all or nothing";
  EXPECT_EQ(this->put(1, "mallory", {"carol"}), 1) << "that inbox has room";
  EXPECT_EQ(this->put(1, "alice", {"bob"}), 1) << "others have their share";
  this->backend_.reopen();
  EXPECT_EQ(this->put(1, "mallory", {"bob"}), 0) << "after a restart too";
  const Write read = AckInbox{"bob", 1};
  ASSERT_TRUE(this->backend_.store->commit({&read, 1}));
  EXPECT_EQ(this->put(2, "mallory", {"bob"}), 1) << "what was read is room";
  EXPECT_EQ(this->put(301, "bob", {"bob/phone"}), 301) << "their own device";
  EXPECT_EQ(this->put(301, "bobby", {"bob/phone"}), 300) << "only begins alike";
}

TYPED_TEST(SharedInboxes, BytesAreSharedAlike) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  EXPECT_EQ(this->put(5, "mallory", {"bob"}, kMost), 4);
  EXPECT_EQ(this->put(1, "alice", {"bob"}, kMost), 1);
  EXPECT_EQ(this->put(1, "mallory", {"bob"}), 0);
}

TYPED_TEST(StoreConformance, FullInboxFirstLosesWhatItsReceiverIsKnownToHave) {
  for (int i = 1; i <= 4; ++i) this->one(message(i, "x", {"bob"}));
  PutMessage five = message(5, "five", {"carol", "bob"});
  five.acked = {0, 3};
  EXPECT_THAT(this->one(five).cursors, ElementsAre(1, 5));
  EXPECT_THAT(this->contents("bob"), ElementsAre("x", "five"));
  PutMessage large = message(6, std::string(996, 'x'), {"bob"});
  large.acked = {4};
  EXPECT_EQ(this->one(large).accepted, Accepted::stored) << "bytes are counted alike";
  PutMessage more = message(7, "x", {"bob"});
  more.acked = {4};
  EXPECT_EQ(this->one(more).accepted, Accepted::full) << "what is not acknowledged counts";
  this->reopen();
  EXPECT_THAT(this->contents("bob"), ElementsAre("five", std::string(996, 'x')));
}

TYPED_TEST(StoreConformance, InboxWithRoomKeepsWhatItsReceiverIsKnownToHave) {
  this->one(message(1, "one", {"bob"}));
  PutMessage two = message(2, "two", {"bob"});
  two.acked = {1};
  this->one(two);
  EXPECT_THAT(this->contents("bob"), ElementsAre("one", "two"))
      << "the disk is not asked to forget";
}

TYPED_TEST(StoreConformance, NameBelongsToItsFirstOwner) {
  EXPECT_EQ(this->one(PutName{"bob", "bob@x", 1}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutName{"bob", "bob@x", 2}).accepted, Accepted::repeated);
  EXPECT_EQ(this->one(PutName{"bob", "mallory@x", 3}).accepted, Accepted::conflict);
  this->reopen();
  EXPECT_EQ(*this->store().owner_of("bob"), "bob@x");
  EXPECT_EQ(*this->store().owner_of("Bob"), std::nullopt);
}

TYPED_TEST(StoreConformance, NewestDocumentWinsForEachTypeAndTerminal) {
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "phone", 10, "A"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "phone", 9, "older"}).accepted,
            Accepted::conflict);
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "phone", 10, "A"}).accepted, Accepted::repeated);
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "phone", 10, "B"}).accepted, Accepted::conflict);
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "phone", 11, "C"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutDocument{"bob", "visa", "", 5, "D"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutDocument{"bob", "profile", "", 5, "E"}).accepted, Accepted::stored);
  EXPECT_EQ(this->one(PutDocument{"bobby", "visa", "", 5, "F"}).accepted, Accepted::stored);
  this->reopen();
  std::vector<std::string> documents;
  const auto kept = this->store().documents("bob");
  ASSERT_TRUE(kept);
  for (const StoredDocument& one : *kept) {
    documents.push_back(one.type + "/" + one.terminal + "@" + std::to_string(one.time) +
                        one.document);
  }
  EXPECT_THAT(documents, ElementsAre("profile/@5E", "visa/@5D", "visa/phone@11C"));
  EXPECT_THAT(*this->store().documents("nobody"), IsEmpty());
}

TYPED_TEST(StoreConformance, IdentityIsReplacedAndKept) {
  this->one(PutIdentity{"bob", "{1}", false});
  this->one(PutIdentity{"bob", "{2}", true});
  this->reopen();
  const auto identity = this->store().identity("bob");
  ASSERT_TRUE(identity && *identity);
  EXPECT_EQ((*identity)->meta, "{2}");
  EXPECT_TRUE((*identity)->pinned);
  EXPECT_EQ(*this->store().identity("carol") == std::nullopt, true);
}

TYPED_TEST(StoreConformance, ResumeSecretsLiveUntilDroppedOrExpired) {
  this->one(PutResume{"bob", guid(1), "secret", kTestTime + 10});
  this->one(PutResume{"bob", guid(2), "other", kTestTime + 1'000});
  this->reopen();
  const auto kept = this->store().resume(guid(1));
  ASSERT_TRUE(kept && *kept);
  EXPECT_EQ((*kept)->user, "bob");
  EXPECT_EQ((*kept)->secret_sha256, "secret");
  EXPECT_EQ((*kept)->expires, kTestTime + 10);
  this->clean(kTestTime + 500);
  EXPECT_FALSE(this->store().resume(guid(1))->has_value());
  EXPECT_TRUE(this->store().resume(guid(2))->has_value());
  this->one(DropResume{guid(2)});
  this->reopen();
  EXPECT_FALSE(this->store().resume(guid(2))->has_value());
}

}  // namespace
}  // namespace dim
