#include "sqlite/group_commit.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <utility>

#include "dim/store/rules.h"

namespace dim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kAllowance = 128;  // bytes of a write beside its content
constexpr std::size_t kGuid = 16;
constexpr auto kQuiet = 20ms;            // without submissions, before housekeeping starts
constexpr auto kBetweenIdle = 60s;       // when housekeeping had nothing left
constexpr Millis kForcedTidyMs = 1'000;  // a slice of housekeeping even when it is never quiet

std::size_t size_of(const std::vector<Write>& writes) {
  std::size_t bytes = 0;
  for (const Write& write : writes) {
    bytes += kAllowance;
    if (const auto* put = std::get_if<PutMessage>(&write)) bytes += put->message.content.size();
    if (const auto* put = std::get_if<PutPost>(&write)) bytes += put->post.content.size();
    if (const auto* put = std::get_if<PutMessage>(&write)) bytes += put->media.size() * kGuid;
    if (const auto* put = std::get_if<PutPost>(&write)) bytes += put->media.size() * kGuid;
    if (const auto* put = std::get_if<PutPiece>(&write)) bytes += put->bytes.size();
    if (const auto* put = std::get_if<ChangePost>(&write)) bytes += put->text.size();
    if (const auto* put = std::get_if<PutHubChange>(&write)) bytes += put->change.size();
    if (const auto* expect = std::get_if<ExpectErasures>(&write))
      bytes += kAllowance * expect->users.size();
    if (const auto* put = std::get_if<PutDocument>(&write)) bytes += put->document.size();
    if (const auto* put = std::get_if<PutIdentity>(&write)) bytes += put->meta.size();
  }
  return bytes;
}

}  // namespace

GroupCommit::GroupCommit(Store& store, const Clock& clock, Post post, Options options)
    : store_(store),
      clock_(clock),
      post_(std::move(post)),
      options_(std::move(options)),
      expiry_(store.last_swept().value_or(0), clock.monotonic()) {
  thread_ = std::thread([this] { run(); });
}

GroupCommit::~GroupCommit() { stop(); }

void GroupCommit::submit(std::vector<Write> writes, Callback callback) {
  const std::size_t bytes = size_of(writes);
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_) {
      waiting_bytes_.fetch_add(bytes, std::memory_order_relaxed);
      queue_.push_back({std::move(writes), std::move(callback), bytes});
      // The thread looks at the queue before it sleeps: only a sleeping one needs the call.
      if (queue_.size() == 1) wake_.notify_one();
      return;
    }
  }
  std::vector<Answer> late;
  late.push_back(
      {std::move(callback), fail(Errc::unavailable, "the station is stopping; connect again")});
  answer(std::move(late));
}

void GroupCommit::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void GroupCommit::run() {
  for (;;) {
    auto batch = take();
    if (!batch.empty()) {
      commit(std::move(batch));
      const bool overdue = clock_.monotonic() - tidied_at_ >= kForcedTidyMs;
      tidy_left_ = true;
      tidy(overdue);
      continue;
    }
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_ && queue_.empty()) return;
    }
    tidy(true);
  }
}

std::vector<GroupCommit::Submission> GroupCommit::take() {
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return stopping_ || !queue_.empty(); };
    if (!ready()) {
      const std::chrono::milliseconds patience =
          tidy_left_ ? kQuiet : std::chrono::milliseconds(kBetweenIdle);
      wake_.wait_for(lock, patience, ready);
    }
    taken_.swap(queue_);
  }
  std::vector<Submission> batch;
  std::size_t bytes = 0;
  while (next_ < taken_.size()) {
    bytes += taken_[next_].bytes;
    if (bytes > options_.batch_bytes && !batch.empty()) break;
    batch.push_back(std::move(taken_[next_++]));
  }
  return batch;
}

void GroupCommit::commit(std::vector<Submission> batch) {
  std::size_t bytes = 0;
  for (const Submission& submission : batch) bytes += submission.bytes;
  auto answers = attempt(batch);
  waiting_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  answer(std::move(answers));
}

std::vector<GroupCommit::Answer> GroupCommit::attempt(std::vector<Submission>& batch) {
  std::vector<Answer> answers;
  answers.reserve(batch.size());
  merged_.clear();
  std::vector<std::size_t> sizes;
  sizes.reserve(batch.size());
  bool messages = false;
  bool others = false;
  for (Submission& submission : batch) {
    sizes.push_back(submission.writes.size());
    (adds_messages(submission.writes) ? messages : others) = true;
    std::move(submission.writes.begin(), submission.writes.end(), std::back_inserter(merged_));
  }
  Result<std::vector<Written>> result =
      failure_ ? Result<std::vector<Written>>(std::unexpected(*failure_)) : store_.commit(merged_);

  if (!result && result.error().code == Errc::insufficient_storage && messages && others) {
    // Acknowledgements and removals must still get through on a full disk: they go once more
    // without the messages.
    std::vector<Submission> rest;
    std::vector<std::size_t> kept;
    auto from = merged_.begin();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const auto to = from + static_cast<std::ptrdiff_t>(sizes[i]);
      std::vector<Write> writes(std::make_move_iterator(from), std::make_move_iterator(to));
      from = to;
      answers.push_back({std::move(batch[i].callback), std::unexpected(result.error())});
      if (adds_messages(writes)) continue;
      rest.push_back({std::move(writes), nullptr, 0});
      kept.push_back(i);
    }
    auto again = attempt(rest);
    for (std::size_t i = 0; i < kept.size(); ++i)
      answers[kept[i]].result = std::move(again[i].result);
    return answers;
  }
  if (!result && result.error().code != Errc::insufficient_storage) failed(result.error());

  std::size_t next = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Answer one{std::move(batch[i].callback), {}};
    if (result) {
      const auto from = result->begin() + static_cast<std::ptrdiff_t>(next);
      next += sizes[i];
      const auto to = result->begin() + static_cast<std::ptrdiff_t>(next);
      one.result = std::vector<Written>(std::make_move_iterator(from), std::make_move_iterator(to));
    } else {
      one.result = std::unexpected(result.error());
    }
    answers.push_back(std::move(one));
  }
  return answers;
}

void GroupCommit::tidy(bool idle) {
  if (failure_) {
    tidy_left_ = false;
    return;
  }
  if (idle) tidied_at_ = clock_.monotonic();
  const Millis monotonic = clock_.monotonic();
  const auto now = expiry_.now(clock_.now(), monotonic);
  const auto more = store_.tidy(now.value_or(expiry_.expected(monotonic)), idle);
  if (!more) {
    if (more.error().code != Errc::insufficient_storage) failed(more.error());
    if (idle) tidy_left_ = false;
  } else if (idle) {
    tidy_left_ = *more;
  }
}

void GroupCommit::failed(const Error& error) {
  if (failure_) return;
  failure_ = error;
  if (options_.on_failure) post_([notify = options_.on_failure, error] { notify(error); });
}

void GroupCommit::answer(std::vector<Answer> answers) {
  post_([answers = std::move(answers)]() mutable {
    for (Answer& one : answers) one.callback(std::move(one.result));
  });
}

}  // namespace dim
