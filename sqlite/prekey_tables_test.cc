// Prekeys in every store (dim/store/prekeys.h): each one-time key leaves once.
#include "sqlite/prekey_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <set>
#include <string>

#include "sqlite/both_testing.h"

namespace dim {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

std::vector<StoredOneTimeKey> keys(std::uint32_t first, std::uint32_t last) {
  std::vector<StoredOneTimeKey> out;
  for (std::uint32_t id = first; id <= last; ++id) out.push_back({id, "key " + std::to_string(id)});
  return out;
}

PutPrekeys put(std::uint32_t first, std::uint32_t last, std::string device = "signer") {
  return {.user = "alice",
          .terminal = "phone",
          .device = std::move(device),
          .time = kTestTime,
          .signed_key = "signed " + std::to_string(last),
          .last_resort = "last " + std::to_string(last),
          .one_time = keys(first, last)};
}

template <class Backend>
class Prekeys : public testing::Test {
 protected:
  Written one(Write write) {
    auto out = backend_.store->commit(std::span(&write, 1));
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? out->at(0) : Written{Accepted::conflict, {}};
  }
  std::string take(std::string device = "signer", std::string terminal = "phone") {
    return one(TakePrekey{"alice", std::move(terminal), std::move(device)}).prekey;
  }
  std::vector<StoredPrekeys> all(const std::string& user = "alice") {
    const auto out = backend_.store->prekeys(user);
    EXPECT_TRUE(out);
    return *out;
  }
  void reopen() { backend_.reopen(); }
  Store& store() { return *backend_.store; }

  Backend backend_;
};

using Backends = testing::Types<StoreInMemory, StoreOnDisk>;
TYPED_TEST_SUITE(Prekeys, Backends, BackendNames<StoreInMemory>);

TYPED_TEST(Prekeys, StandAsTheyCameForEachDeviceOfTheUser) {
  EXPECT_THAT(this->all(), IsEmpty());
  EXPECT_EQ(this->one(put(1, 3)).accepted, Accepted::stored);
  this->one(put(4, 5));
  PutPrekeys other = put(7, 7, "other signer");
  other.terminal = "";
  this->one(other);
  other.user = "alice2";
  this->one(other);
  this->reopen();
  const auto all = this->all();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].terminal, "");
  EXPECT_EQ(all[0].device, "other signer");
  EXPECT_EQ(all[1].terminal, "phone");
  EXPECT_EQ(all[1].device, "signer");
  EXPECT_EQ(all[1].time, kTestTime);
  EXPECT_EQ(all[1].signed_key, "signed 5");
  EXPECT_EQ(all[1].last_resort, "last 5");
  EXPECT_EQ(all[1].one_time, 5U);
  EXPECT_EQ(all[1].newest, 5U);
  EXPECT_THAT(this->all("nobody"), IsEmpty());
}

TYPED_TEST(Prekeys, EachOneTimeKeyIsTakenOnceTheLowestFirst) {
  this->one(put(4'000'000'000, 4'000'000'002));
  EXPECT_EQ(this->take(), "key 4000000000");
  this->reopen();
  EXPECT_EQ(this->take(), "key 4000000001");
  EXPECT_EQ(this->take(), "key 4000000002");
  EXPECT_EQ(this->one(TakePrekey{"alice", "phone", "signer"}).accepted, Accepted::conflict);
  EXPECT_EQ(this->all()[0].one_time, 0U);
  EXPECT_EQ(this->all()[0].newest, 4'000'000'002U);
  EXPECT_EQ(this->one(TakePrekey{"alice", "tablet", "signer"}).accepted, Accepted::conflict);
}

TYPED_TEST(Prekeys, TwoInOneBatchAreTwo) {
  this->one(put(1, 2));
  const std::vector<Write> batch(3, TakePrekey{"alice", "phone", "signer"});
  const auto out = this->store().commit(batch);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->at(0).prekey, "key 1");
  EXPECT_EQ(out->at(1).prekey, "key 2");
  EXPECT_EQ(out->at(2).accepted, Accepted::conflict);
}

TYPED_TEST(Prekeys, ARepetitionBringsBackNothingThatWasGivenOut) {
  this->one(put(1, 3));
  EXPECT_EQ(this->take(), "key 1");
  this->one(put(1, 3));
  EXPECT_EQ(this->all()[0].one_time, 2U);
  this->reopen();
  this->one(put(2, 4));
  EXPECT_EQ(this->all()[0].one_time, 3U);
  EXPECT_EQ(this->take(), "key 2");
  EXPECT_EQ(this->take(), "key 3");
  EXPECT_EQ(this->take(), "key 4");
  this->one(put(1, 4));
  EXPECT_EQ(this->all()[0].one_time, 0U);
}

TYPED_TEST(Prekeys, BeyondTheirNumberNothingIsDone) {
  this->one(put(1, limits::kOneTimeKeys));
  EXPECT_EQ(this->all()[0].one_time, limits::kOneTimeKeys);
  EXPECT_EQ(this->one(put(201, 201)).accepted, Accepted::full);
  EXPECT_EQ(this->all()[0].signed_key, "signed 200");
  EXPECT_EQ(this->all()[0].newest, 200U);
  EXPECT_EQ(this->take(), "key 1");
  EXPECT_EQ(this->one(put(201, 202)).accepted, Accepted::full);
  EXPECT_EQ(this->one(put(201, 201)).accepted, Accepted::stored);
}

TYPED_TEST(Prekeys, AnotherSignerIsAnotherDeviceOfThatName) {
  this->one(put(1, 3));
  this->one(put(2, 2, "new signer"));
  this->reopen();
  ASSERT_THAT(this->all(), SizeIs(1));
  EXPECT_EQ(this->all()[0].newest, 2U);
  EXPECT_EQ(this->take("signer"), "") << "the signer of before has none there";
  EXPECT_EQ(this->take("new signer"), "key 2");
  EXPECT_EQ(this->take("new signer"), "");
}

TYPED_TEST(Prekeys, LeaveWithTheirDeviceOrTheirUserOrAlone) {
  this->one(put(1, 3));
  PutPrekeys other = put(1, 3);
  other.terminal = "tablet";
  this->one(other);
  this->one(DropPrekeys{
      .user = "alice", .terminal = "tablet", .device = "signer", .only_one_time = true});
  EXPECT_EQ(this->take("signer", "tablet"), "");
  EXPECT_EQ(this->all()[1].signed_key, "signed 3");
  EXPECT_EQ(this->all()[1].newest, 3U) << "what has gone is not taken again";
  this->one(other);
  EXPECT_EQ(this->all()[1].one_time, 0U);
  this->one(DropPrekeys{.user = "alice", .terminal = "phone", .device = "signer before"});
  EXPECT_EQ(this->take(), "key 1") << "those of a new device of the name stay";
  this->one(DropPrekeys{.user = "alice", .terminal = "phone", .device = "signer"});
  this->one(DropPrekeys{.user = "nobody", .terminal = "phone", .device = "signer"});
  EXPECT_EQ(this->take(), "");
  ASSERT_THAT(this->all(), SizeIs(1));
  EXPECT_EQ(this->all()[0].terminal, "tablet");
  this->one(put(1, 3));
  this->one(DropUser{"alice", kTestTime});
  this->reopen();
  EXPECT_THAT(this->all(), IsEmpty());
  this->one(put(1, 1));
  EXPECT_EQ(this->take(), "key 1") << "of rows that were dropped nothing comes back";
  EXPECT_EQ(this->take(), "");
}

// A child takes keys and tells each after its commit; killed in between, no key is told twice.
TEST(PrekeyTables, R1_NoKeyIsGivenOutTwiceAcrossAKill) {
  const TemporaryFolder folder;
  {
    auto store = SqliteStore::open(folder.path());
    ASSERT_TRUE(store);
    const Write all = put(1, limits::kOneTimeKeys);
    ASSERT_TRUE((*store)->commit(std::span(&all, 1)));
  }
  std::set<int> told;
  const auto note = [&](const std::string& key) {
    EXPECT_TRUE(told.insert(std::stoi(key.substr(4))).second) << key << " was given out before";
  };
  for (const std::size_t stop : {30U, 61U, 95U}) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      ::close(ends[0]);
      auto store = SqliteStore::open(folder.path());
      if (!store) _exit(1);
      for (;;) {
        const Write take = TakePrekey{"alice", "phone", "signer"};
        const auto done = (*store)->commit(std::span(&take, 1));
        if (!done || done->at(0).prekey.empty()) _exit(2);
        const std::string line = done->at(0).prekey.substr(0, 16) + std::string(16, ' ');
        if (::write(ends[1], line.data(), 16) != 16) _exit(3);
        // Not faster than the reader kills.
        if (std::stoul(line.substr(4)) >= stop) ::pause();
      }
    }
    ::close(ends[1]);
    char line[16];
    while (::read(ends[0], line, sizeof(line)) == sizeof(line)) {
      note(std::string(line, sizeof(line)));
      if (told.size() >= stop || *told.rbegin() >= static_cast<int>(stop)) kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
  }
  auto store = SqliteStore::open(folder.path());
  ASSERT_TRUE(store);
  const auto left = (*store)->prekeys("alice");
  ASSERT_TRUE(left);
  for (std::size_t i = 0; i < left->at(0).one_time; ++i) {
    const Write take = TakePrekey{"alice", "phone", "signer"};
    note((*store)->commit(std::span(&take, 1))->at(0).prekey);
  }
  EXPECT_GE(told.size(), limits::kOneTimeKeys - 3) << "at most one is lost at each kill";
}

}  // namespace
}  // namespace dim
