#include "server/live_relay.h"

#include <algorithm>
#include <utility>

namespace dim {

std::uint32_t LiveRelay::join(const Member& member) {
  const std::uint32_t number = ++last_;
  members_.emplace(number, State{.member = member, .report = {.stream = number}});
  ++queues_[member.shared].users;
  // Whoever comes late begins at a key frame.
  if (member.lane == Lane::video && member.receives) {
    for (auto& [other, state] : members_) {
      if (other != number && state.member.lane == Lane::video && state.member.sends)
        want_key(other);
    }
  }
  return number;
}

void LiveRelay::leave(std::uint32_t number) {
  const auto found = members_.find(number);
  if (found == members_.end()) return;
  const Member member = found->second.member;
  members_.erase(found);
  Queues& queues = queues_.at(member.shared);
  if (--queues.users == 0) {
    queues_.erase(member.shared);
  } else {
    std::deque<Waiting>& own = member.lane == Lane::video ? queues.video : queues.audio;
    for (const Waiting& one : own) queues.bytes -= one.bytes->size();
    own.clear();
  }
  for (auto& [other, state] : members_) state.begun.erase(number);
}

std::deque<LiveRelay::Waiting>& LiveRelay::queue_of(const State& state) {
  Queues& queues = queues_.at(state.member.shared);
  return state.member.lane == Lane::video ? queues.video : queues.audio;
}

LiveRelay::Taken LiveRelay::take(std::uint32_t from, const LiveFrame& frame, bool admitted,
                                 Millis now, std::size_t most) {
  const auto found = members_.find(from);
  if (found == members_.end() || frame.stream != from) return Taken::unknown;
  State& sender = found->second;
  if (!sender.member.sends) return Taken::silent;
  if (frame.sequence <= sender.sequence) return Taken::replayed;
  sender.sequence = frame.sequence;
  const bool video = sender.member.lane == Lane::video;
  ++sender.report.frames;
  if (video && frame.key) sender.broken = !admitted;
  if (!admitted || (video && sender.broken)) {
    ++sender.report.shaped;
    if (video) {
      sender.broken = true;
      want_key(from);
      for (auto& [number, other] : members_) other.begun.erase(from);
    }
    return Taken::shaped;
  }
  const auto bytes = std::make_shared<const std::string>(write_live_frame(frame));
  sender.wants_key = sender.wants_key && !(video && frame.key);  // give() wants it again
  for (auto& [number, other] : members_) {
    if (number == from || !other.member.receives || other.member.lane != sender.member.lane)
      continue;
    give(other, frame, bytes, now, most);
  }
  return Taken::forwarded;
}

void LiveRelay::give(State& to, const LiveFrame& frame,
                     const std::shared_ptr<const std::string>& bytes, Millis now,
                     std::size_t most) {
  const Lane lane = to.member.lane;
  const bool video = lane == Lane::video;
  Queues& queues = queues_.at(to.member.shared);
  if (video && !frame.key && !to.begun.contains(frame.stream)) {
    if (!queues.stalled) want_key(frame.stream);
    return count_drop(frame.stream);
  }
  const Guid& shared = to.member.shared;
  const std::size_t size = bytes->size();
  const bool too_many = queue_of(to).size() >= (video ? kLiveQueuePictures : kLiveQueueSounds);
  // An empty queue takes any frame; what is more than it holds displaces nothing.
  const auto full = [&] { return queues.bytes != 0 && queues.bytes + size > most; };
  const bool displaces = size <= most;
  if (too_many || full()) queues.stalled = true;
  if (too_many) drop_front(queues, lane, shared);
  while (displaces && full() && !queues.video.empty()) drop_front(queues, Lane::video, shared);
  while (displaces && full() && !video && !queues.audio.empty())
    drop_front(queues, Lane::audio, shared);
  // It may have lost what this frame builds on just now.
  const bool useless = video && !frame.key && !to.begun.contains(frame.stream);
  if (useless || full()) {
    if (video) to.begun.erase(frame.stream);
    return count_drop(frame.stream);
  }
  if (video) to.begun.insert(frame.stream);
  queue_of(to).push_back({.bytes = bytes, .stream = frame.stream, .key = frame.key, .since = now});
  queues.bytes += bytes->size();
}

/// The oldest frame, and of video what builds on it.
void LiveRelay::drop_front(Queues& queues, Lane lane, const Guid& shared) {
  std::deque<Waiting>& queue = lane == Lane::video ? queues.video : queues.audio;
  const std::uint32_t stream = queue.front().stream;
  queues.bytes -= queue.front().bytes->size();
  queue.pop_front();
  count_drop(stream);
  if (lane != Lane::video) return;
  const auto key = std::ranges::find_if(
      queue, [&](const Waiting& one) { return one.stream == stream && one.key; });
  const auto kept = std::remove_if(queue.begin(), key, [&](const Waiting& one) {
    if (one.stream != stream) return false;
    queues.bytes -= one.bytes->size();
    count_drop(stream);
    return true;
  });
  const bool before_key = key == queue.end();
  if (kept != key) queue.erase(kept, key);
  if (before_key) lose(stream, shared);
}

/// Nothing that comes of this stream can be shown there before a key frame.
void LiveRelay::lose(std::uint32_t stream, const Guid& shared) {
  for (auto& [number, state] : members_) {
    if (state.member.shared == shared) state.begun.erase(stream);
  }
  // Of whom nothing is read, the key frame would be lost too: it is wanted when there is room.
  if (!queues_.at(shared).stalled) want_key(stream);
}

void LiveRelay::count_drop(std::uint32_t stream) {
  const auto found = members_.find(stream);
  if (found != members_.end()) ++found->second.report.dropped;
}

void LiveRelay::want_key(std::uint32_t stream) {
  const auto found = members_.find(stream);
  if (found == members_.end()) return;
  found->second.wants_key = true;
  wanted_ = true;
}

std::shared_ptr<const std::string> LiveRelay::next(std::uint32_t to, Millis now) {
  const auto found = members_.find(to);
  if (found == members_.end()) return nullptr;
  const Member& member = found->second.member;
  Queues& queues = queues_.at(member.shared);
  std::deque<Waiting>& queue = queue_of(found->second);
  if (member.lane == Lane::video) queues.stalled = false;  // its connection has room
  const Millis late = member.lane == Lane::video ? kLiveVideoLateMs : kLiveAudioLateMs;
  while (!queue.empty() && now - queue.front().since > late)
    drop_front(queues, member.lane, member.shared);
  if (queue.empty()) return nullptr;
  const Waiting out = std::move(queue.front());
  queue.pop_front();
  queues.bytes -= out.bytes->size();
  if (const auto sender = members_.find(out.stream); sender != members_.end()) {
    LiveReport& report = sender->second.report;
    ++report.copies;
    report.delay = std::max(report.delay, now - out.since);
  }
  return out.bytes;
}

std::size_t LiveRelay::waiting(std::uint32_t to) const {
  const auto found = members_.find(to);
  return found == members_.end() ? 0 : queues_.at(found->second.member.shared).bytes;
}

std::vector<std::uint32_t> LiveRelay::ask_for_keys(Millis now) {
  std::vector<std::uint32_t> out;
  if (!std::exchange(wanted_, false)) return out;
  for (auto& [number, state] : members_) {
    if (!state.wants_key) continue;
    if (state.asked && now - *state.asked < kLiveKeyMs) {
      wanted_ = true;
      continue;
    }
    state.wants_key = false;
    state.asked = now;
    out.push_back(number);
  }
  return out;
}

std::vector<LiveReport> LiveRelay::reports(Millis now) {
  std::vector<LiveReport> out;
  for (auto& [number, state] : members_) {
    if (state.report.frames == 0 || now - state.reported < kLiveReportMs) continue;
    state.reported = now;
    out.push_back(std::exchange(state.report, LiveReport{.stream = number}));
  }
  return out;
}

}  // namespace dim
