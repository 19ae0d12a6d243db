#include "server/thread_crew.h"

#include <algorithm>
#include <utility>

namespace dim {

ThreadCrew::ThreadCrew(std::size_t threads, Post post) : post_(std::move(post)) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i)
    threads_.emplace_back([this] { run(); });
}

ThreadCrew::~ThreadCrew() { stop(); }

void ThreadCrew::submit(Work work, Work done) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return;
  waiting_.push_back({std::move(work), std::move(done)});
  wake_.notify_one();
}

void ThreadCrew::stop() {
  std::deque<Job> dropped;
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
    wake_.notify_all();
  }
  dropped.clear();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ThreadCrew::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Job job = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    job.work();
    lock.lock();
    finished_.push_back(std::move(job.done));
    if (finished_.size() > 1) continue;  // the one posted before reports this one too
    lock.unlock();
    post_([this] { report(); });
    lock.lock();
  }
}

void ThreadCrew::report() {
  std::vector<Work> finished;
  {
    const std::scoped_lock lock(mutex_);
    finished.swap(finished_);
  }
  for (Work& done : finished) done();
}

}  // namespace dim
