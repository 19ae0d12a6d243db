#include "sqlite/group_commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>

#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::SizeIs;

class FixedClock : public Clock {
 public:
  Millis now() const override { return kTestTime; }
  Millis monotonic() const override { return ++ticks_; }

 private:
  mutable std::atomic<Millis> ticks_ = 0;
};

/// Jumps when it is told to.
class JumpingClock : public FixedClock {
 public:
  Millis now() const override { return kTestTime + ahead; }
  std::atomic<Millis> ahead = 0;
};

/// Notes by which time it was tidied.
class NotedStore : public MemoryStore {
 public:
  Result<bool> tidy(Millis now, bool) override {
    const std::scoped_lock lock(noted_mutex_);
    noted_.push_back(now);
    return false;
  }
  Millis latest() {
    const std::scoped_lock lock(noted_mutex_);
    return noted_.empty() ? 0 : *std::ranges::max_element(noted_);
  }
  std::size_t tidied() {
    const std::scoped_lock lock(noted_mutex_);
    return noted_.size();
  }

 private:
  std::mutex noted_mutex_;
  std::vector<Millis> noted_;
};

/// Stands for the reactor: runs what is posted on the thread that calls run_until.
class Reactor {
 public:
  GroupCommit::Post post() {
    return [this](std::move_only_function<void()> work) {
      const std::scoped_lock lock(mutex_);
      work_.push_back(std::move(work));
      ++posts_;
      wake_.notify_all();
    };
  }
  template <class Done>
  bool run_until(Done done) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!done()) {
      std::vector<std::move_only_function<void()>> work;
      {
        std::unique_lock lock(mutex_);
        if (!wake_.wait_until(lock, deadline, [this] { return !work_.empty(); })) return false;
        work.swap(work_);
      }
      for (auto& one : work) one();
    }
    return true;
  }
  std::size_t posts() {
    const std::scoped_lock lock(mutex_);
    return posts_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::move_only_function<void()>> work_;
  std::size_t posts_ = 0;
};

/// A store whose commits wait for the test, and fail as told. Wraps a real one.
class SlowStore : public MemoryStore {
 public:
  Result<std::vector<Written>> commit(std::span<const Write> batch) override {
    std::unique_lock lock(mutex_);
    ++entered_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return allowed_ > 0; });
    --allowed_;
    batches_.push_back(batch.size());
    if (full_) {
      for (const Write& write : batch) {
        if (std::holds_alternative<PutMessage>(write))
          return fail(Errc::insufficient_storage, "full");
      }
    }
    if (broken_) return fail(Errc::io, "broken");
    return MemoryStore::commit(batch);
  }
  void allow(int commits) {
    const std::scoped_lock lock(mutex_);
    allowed_ += commits;
    changed_.notify_all();
  }
  void wait_entered(int commits) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return entered_ >= commits; });
  }
  void fail_as(bool full, bool broken) {
    const std::scoped_lock lock(mutex_);
    full_ = full;
    broken_ = broken;
  }
  std::vector<std::size_t> batches() {
    const std::scoped_lock lock(mutex_);
    return batches_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int allowed_ = 0;
  int entered_ = 0;
  bool full_ = false;
  bool broken_ = false;
  std::vector<std::size_t> batches_;
};

std::vector<Write> put(int number, std::size_t size = 10) {
  return {message(number, std::string(size, 'x'), {"bob"})};
}

class GroupCommitTest : public testing::Test {
 protected:
  FixedClock clock;
  Reactor reactor;
  SlowStore store;
};

TEST_F(GroupCommitTest, WhateverWaitsGoesIntoOneBatchWithOnePost) {
  GroupCommit group(store, clock, reactor.post());
  std::vector<Cursor> cursors;
  const auto keep = [&](Result<std::vector<Written>> done) {
    ASSERT_TRUE(done);
    cursors.push_back(done->at(0).cursors.at(0));
  };
  group.submit(put(1), keep);
  store.wait_entered(1);
  for (int i = 2; i <= 9; ++i) group.submit(put(i), keep);
  EXPECT_GT(group.waiting_bytes(), 8U * 10);
  store.allow(2);
  ASSERT_TRUE(reactor.run_until([&] { return cursors.size() == 9; }));
  EXPECT_THAT(cursors, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9));
  EXPECT_THAT(store.batches(), ElementsAre(1, 8));
  EXPECT_EQ(reactor.posts(), 2U);
  EXPECT_EQ(group.waiting_bytes(), 0U);
}

TEST_F(GroupCommitTest, ABatchEndsAtItsBytes) {
  GroupCommit group(store, clock, reactor.post(), {.batch_bytes = 1'000, .on_failure = {}});
  int done = 0;
  const auto count = [&](Result<std::vector<Written>> one) { done += one ? 1 : 0; };
  group.submit(put(1), count);
  store.wait_entered(1);
  for (int i = 2; i <= 5; ++i) group.submit(put(i, 300), count);
  group.submit(put(6, 5'000), count);
  store.allow(100);
  ASSERT_TRUE(reactor.run_until([&] { return done == 6; }));
  EXPECT_THAT(store.batches(), ElementsAre(1, 2, 2, 1));
}

TEST_F(GroupCommitTest, EverySubmissionGetsItsOwnOutcomes) {
  GroupCommit group(store, clock, reactor.post());
  std::vector<std::vector<Accepted>> outcomes(3);
  for (std::size_t i = 0; i < 3; ++i) {
    std::vector<Write> writes;
    for (std::size_t n = 0; n <= i; ++n)
      writes.push_back(message(n == 0 ? 1 : static_cast<int>(i * 10 + n), "x", {"bob"}));
    group.submit(std::move(writes), [&, i](Result<std::vector<Written>> done) {
      for (const Written& one : *done) outcomes[i].push_back(one.accepted);
    });
  }
  store.allow(100);
  ASSERT_TRUE(reactor.run_until([&] { return !outcomes[2].empty(); }));
  EXPECT_THAT(outcomes[0], ElementsAre(Accepted::stored));
  EXPECT_THAT(outcomes[1], ElementsAre(Accepted::repeated, Accepted::stored));
  EXPECT_THAT(outcomes[2], ElementsAre(Accepted::repeated, Accepted::stored, Accepted::stored));
}

TEST_F(GroupCommitTest, R14_OnAFullDiskMessagesFailAndRemovalsGoThrough) {
  GroupCommit group(store, clock, reactor.post());
  store.fail_as(true, false);
  std::vector<std::string> order;
  const auto note = [&](const char* what) {
    return [&order, what](Result<std::vector<Written>> done) {
      order.push_back(std::string(what) + (done ? ""
                                           : done.error().code == Errc::insufficient_storage
                                               ? " 506"
                                               : " ?"));
    };
  };
  group.submit({AckInbox{"bob", 1}}, note("ack0"));
  store.wait_entered(1);
  group.submit(put(1), note("put1"));
  group.submit({AckInbox{"bob", 1}}, note("ack1"));
  group.submit(put(2), note("put2"));
  group.submit({DropResume{guid(1)}}, note("drop"));
  store.allow(3);
  ASSERT_TRUE(reactor.run_until([&] { return order.size() == 5; }));
  EXPECT_THAT(order, ElementsAre("ack0", "put1 506", "ack1", "put2 506", "drop"));
  store.fail_as(false, false);
  store.allow(1);
  group.submit(put(1), note("put1"));
  ASSERT_TRUE(reactor.run_until([&] { return order.size() == 6; }));
  EXPECT_EQ(order.back(), "put1");
}

TEST_F(GroupCommitTest, AfterAFailureOfTheDiskNothingIsTriedOrAcknowledged) {
  int failures = 0;
  GroupCommit group(store, clock, reactor.post(), {.on_failure = [&](Error error) {
                      EXPECT_EQ(error.code, Errc::io);
                      ++failures;
                    }});
  store.fail_as(false, true);
  store.allow(100);
  int refused = 0;
  const auto expect_io = [&](Result<std::vector<Written>> done) {
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Errc::io);
    ++refused;
  };
  group.submit(put(1), expect_io);
  ASSERT_TRUE(reactor.run_until([&] { return refused == 1 && failures == 1; }));
  store.fail_as(false, false);
  group.submit(put(2), expect_io);
  ASSERT_TRUE(reactor.run_until([&] { return refused == 2; }));
  EXPECT_THAT(store.batches(), SizeIs(1));
  EXPECT_EQ(failures, 1);
}

TEST_F(GroupCommitTest, StopCommitsWhatWaitsAndRefusesTheRest) {
  GroupCommit group(store, clock, reactor.post());
  std::vector<bool> done;
  const auto note = [&](Result<std::vector<Written>> one) { done.push_back(one.has_value()); };
  group.submit(put(1), note);
  store.wait_entered(1);
  group.submit(put(2), note);
  store.allow(2);
  group.stop();
  group.submit(put(3), note);
  group.stop();
  ASSERT_TRUE(reactor.run_until([&] { return done.size() == 3; }));
  EXPECT_THAT(done, ElementsAre(true, true, false));
}

TEST(GroupCommitOnDisk, ManyThreadsAndAReaderAgree) {
  const TemporaryFolder folder;
  SqliteOptions options;
  options.checkpoint_bytes = 200'000;
  auto store = SqliteStore::open(folder.path(), options);
  ASSERT_TRUE(store);
  const FixedClock clock;
  std::atomic<int> answered = 0;
  constexpr int kThreads = 4;
  constexpr int kEach = 300;
  {
    // Posting runs in place: callbacks come from the writer thread.
    GroupCommit group(**store, clock, [](std::move_only_function<void()> work) { work(); });
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        const std::string user = "user" + std::to_string(t);
        for (int i = 0; i < kEach; ++i) {
          std::promise<Cursor> promise;
          auto future = promise.get_future();
          group.submit({message(t * 10'000 + i + 1, std::string(700, 'x'), {user})},
                       [&promise](Result<std::vector<Written>> done) {
                         promise.set_value(done ? done->at(0).cursors.at(0) : -1);
                       });
          ASSERT_EQ(future.get(), i + 1);
          const auto page = (*store)->inbox(user, i, 10, 10'000);
          ASSERT_TRUE(page) << to_string(page.error());
          ASSERT_THAT(*page, SizeIs(1));
          ++answered;
          if (i % 16 == 15)
            group.submit({AckInbox{user, i - 5}},
                         [](Result<std::vector<Written>> done) { ASSERT_TRUE(done); });
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(answered, kThreads * kEach);
  EXPECT_EQ(*(*store)->verify(), 0U);
  store->reset();
  store = SqliteStore::open(folder.path());
  ASSERT_TRUE(store);
  EXPECT_EQ(*(*store)->newest("user3"), kEach);
}

TEST(GroupCommit, R16_AClockThatJumpsMakesNothingOld) {
  constexpr Millis kHundredDays = Millis{100} * 86'400'000;
  NotedStore store;
  JumpingClock clock;
  Reactor reactor;
  GroupCommit committer(store, clock, reactor.post());
  const auto tidied_again = [&] {
    const std::size_t before = store.tidied();
    bool answered = false;
    committer.submit({AckInbox{"bob", 1}}, [&](const auto&) { answered = true; });
    EXPECT_TRUE(reactor.run_until([&] { return answered; }));
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (store.tidied() <= before && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    EXPECT_GT(store.tidied(), before);
  };
  tidied_again();
  EXPECT_EQ(store.latest(), kTestTime);
  clock.ahead = kHundredDays;
  for (int i = 0; i < 3; ++i) tidied_again();
  EXPECT_LT(store.latest(), kTestTime + ExpiryClock::kTolerance);
}

}  // namespace
}  // namespace dim
