// One thread that makes writes durable: whatever waits when the disk becomes free goes into one
// transaction with one sync.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "dim/base/expiry_clock.h"
#include "dim/base/limits.h"
#include "dim/base/time.h"
#include "dim/store/store.h"

namespace dim {

/// submit() may be called from any thread. Callbacks run where `post` runs them, in the order of
/// submission, all of one batch through one post.
class GroupCommit {
 public:
  using Callback = std::move_only_function<void(Result<std::vector<Written>>)>;
  /// Hands work to the reactor; called from the writer thread, must not block. Example: asio::post
  /// on its executor.
  using Post = std::function<void(std::move_only_function<void()>)>;

  struct Options {
    std::size_t batch_bytes = 1 * limits::kMiB;
    /// Posted once when the disk has failed: nothing is acknowledged any more and the process must
    /// end (exit 70).
    std::function<void(Error)> on_failure;
  };

  /// `store` and `clock` must outlive this. The thread starts here and is the only one that may
  /// call store.commit().
  GroupCommit(Store& store, const Clock& clock, Post post, Options options);
  GroupCommit(Store& store, const Clock& clock, Post post)
      : GroupCommit(store, clock, std::move(post), Options{}) {}
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;
  ~GroupCommit();

  /// The writes go into one batch, in order and whole. Errors in the callback: insufficient_storage
  /// (the store goes on; when the disk is full, submissions without PutMessage are tried again by
  /// themselves), unavailable (after stop()), any other: the disk failed, nothing was or will be
  /// acknowledged.
  void submit(std::vector<Write> writes, Callback callback);
  /// Commits what waits, posts its callbacks and ends the thread. Called again: does nothing.
  void stop();
  /// Bytes (content and an allowance for the rest) that wait for the disk; a reader of sockets
  /// stops above its limit.
  std::size_t waiting_bytes() const { return waiting_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Submission {
    std::vector<Write> writes;
    Callback callback;
    std::size_t bytes;
  };
  struct Answer {
    Callback callback;
    Result<std::vector<Written>> result;
  };

  void run();
  /// Waits for submissions or for a quiet moment; moves at most one batch out. Empty: time for
  /// housekeeping.
  std::vector<Submission> take();
  void commit(std::vector<Submission> batch);
  std::vector<Answer> attempt(std::vector<Submission>& batch);
  void tidy(bool idle);
  void failed(const Error& error);
  void answer(std::vector<Answer> answers);

  Store& store_;
  const Clock& clock_;
  Post post_;
  Options options_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Submission> queue_;
  bool stopping_ = false;
  std::atomic<std::size_t> waiting_bytes_ = 0;

  // The thread's own.
  std::vector<Submission> taken_;  // in order, from `next_`
  std::size_t next_ = 0;
  std::vector<Write> merged_;
  bool tidy_left_ = true;
  Millis tidied_at_ = 0;
  ExpiryClock expiry_;  // a clock that jumps makes nothing old (R16)
  std::optional<Error> failure_;
  std::thread thread_;
};

}  // namespace dim
