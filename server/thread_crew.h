// The crew of dimd: threads that check signatures while the station's own goes on.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "server/station.h"

namespace dim {

class ThreadCrew final : public Crew {
 public:
  /// Hands work to the station's thread; called from the crew's threads, must not block.
  using Post = std::function<void(std::move_only_function<void()>)>;

  /// At least one thread. Several works that are done while the station is busy are posted as one.
  ThreadCrew(std::size_t threads, Post post);
  ThreadCrew(const ThreadCrew&) = delete;
  ThreadCrew& operator=(const ThreadCrew&) = delete;
  ~ThreadCrew() override;

  /// Any thread. The queue has no bound of its own: whoever submits has one.
  void submit(Work work, Work done) override;
  /// Ends the threads: work at hand is finished, what waits is dropped. Called again: does nothing.
  /// What has been posted must not run after the crew is gone.
  void stop();

 private:
  struct Job {
    Work work, done;
  };
  void run();
  void report();

  Post post_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  std::vector<Work> finished_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace dim
