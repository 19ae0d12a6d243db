#include "net/timers.h"

#include <utility>

namespace dim {

void Timer::cancel() {
  if (wheel_ == nullptr) return;
  --wheel_->armed_;
  wheel_ = nullptr;
  prev_->next_ = next_;
  next_->prev_ = prev_;
  prev_ = next_ = this;
  // The function may own what holds this timer: it goes last, when nothing here is touched any
  // more.
  const std::function<void()> gone = std::exchange(fire_, nullptr);
}

TimerWheel::~TimerWheel() { cancel_all(); }

void TimerWheel::cancel_all() {
  for (Timer& slot : slots_) {
    while (slot.next_ != &slot) slot.next_->cancel();
  }
}

void TimerWheel::arm(Timer& timer, Millis now, Millis after, std::function<void()> fire) {
  timer.cancel();
  const std::int64_t due = (now + (after > 0 ? after : 0) + kTick - 1) / kTick;
  timer.due_ = due > tick_ ? due : tick_ + 1;
  timer.fire_ = std::move(fire);
  timer.wheel_ = this;
  Timer& slot = slots_[static_cast<std::size_t>(timer.due_) % kSlots];
  timer.prev_ = slot.prev_;
  timer.next_ = &slot;
  slot.prev_->next_ = &timer;
  slot.prev_ = &timer;
  ++armed_;
}

void TimerWheel::advance(Millis now) {
  const std::int64_t until = now / kTick;
  // After a long sleep one turn visits every slot; more turns would find nothing new.
  const std::int64_t last =
      until - tick_ > std::int64_t{kSlots} ? tick_ + std::int64_t{kSlots} : until;
  Timer due;
  for (std::int64_t tick = tick_ + 1; tick <= last; ++tick) {
    Timer& slot = slots_[static_cast<std::size_t>(tick) % kSlots];
    for (Timer* at = slot.next_; at != &slot;) {
      Timer* timer = std::exchange(at, at->next_);
      if (timer->due_ > until) continue;
      timer->prev_->next_ = timer->next_;
      timer->next_->prev_ = timer->prev_;
      timer->prev_ = due.prev_;
      timer->next_ = &due;
      due.prev_->next_ = timer;
      due.prev_ = timer;
    }
  }
  if (until > tick_) tick_ = until;
  // From here on the list changes under us only by cancel(), which keeps it whole.
  while (due.next_ != &due) {
    Timer& timer = *due.next_;
    const std::function<void()> fire = std::move(timer.fire_);
    timer.cancel();
    fire();
  }
}

}  // namespace dim
