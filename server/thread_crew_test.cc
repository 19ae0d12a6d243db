#include "server/thread_crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>

namespace dim {
namespace {

/// Stands for the reactor: runs what is posted on the thread that asks for it.
class Inbox {
 public:
  ThreadCrew::Post post() {
    return [this](std::move_only_function<void()> work) {
      const std::scoped_lock lock(mutex_);
      work_.push_back(std::move(work));
      wake_.notify_one();
    };
  }
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::vector<std::move_only_function<void()>> work;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [this] { return !work_.empty(); });
        work.swap(work_);
      }
      for (auto& one : work) one();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::move_only_function<void()>> work_;
};

TEST(ThreadCrew, EachWorkRunsOnceAndIsReportedOnTheOwnersThread) {
  Inbox inbox;
  std::atomic<int> worked = 0;
  int reported = 0;
  const auto owner = std::this_thread::get_id();
  ThreadCrew crew(3, inbox.post());
  for (int i = 0; i < 500; ++i) {
    auto value = std::make_shared<int>(0);
    crew.submit(
        [&worked, value, i] {
          *value = i;
          ++worked;
        },
        [&reported, value, i, owner] {
          EXPECT_EQ(*value, i);
          EXPECT_EQ(std::this_thread::get_id(), owner);
          ++reported;
        });
  }
  inbox.run_until([&] { return reported == 500; });
  EXPECT_EQ(worked, 500);
}

TEST(ThreadCrew, StoppingFinishesWhatIsAtHandAndDropsWhatWaits) {
  Inbox inbox;
  std::latch begun(1), dropped(1), go_on(1);
  bool first = false;
  std::atomic<int> later = 0;
  ThreadCrew crew(1, inbox.post());
  crew.submit(
      [&] {
        begun.count_down();
        go_on.wait();
        first = true;
      },
      [] {});
  begun.wait();
  {
    const std::shared_ptr<void> token(nullptr, [&dropped](void*) { dropped.count_down(); });
    for (int i = 0; i < 100; ++i)
      crew.submit([&later, token] { ++later; }, [&later, token] { ++later; });
  }
  std::thread stopper([&] { crew.stop(); });
  dropped.wait();
  crew.submit([&later] { ++later; }, [&later] { ++later; });
  go_on.count_down();
  stopper.join();
  EXPECT_TRUE(first);
  EXPECT_EQ(later, 0);
}

}  // namespace
}  // namespace dim
