// Real sockets for a Messenger: dials lanes over TLS, runs the event loop, one thread.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "client/messenger.h"
#include "net/backoff.h"

namespace dim {

class Link final : public Transport {
 public:
  Link();
  ~Link() override;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Whoever gets the bytes. Must outlive the last run_until().
  void attach(Messenger& messenger);

  void dial(Lane lane, const StationTarget& target) override;
  void send(Lane lane, std::string bytes) override;
  void hang_up(Lane lane) override;

  /// Handles events until `done` is true (asked after each event) or `timeout_ms` have passed;
  /// false then. A negative timeout waits for ever.
  bool run_until(const std::function<bool()>& done, Millis timeout_ms);
  /// Writes out what is queued and closes every lane, 2 s at most.
  void finish();
  /// Calls `line` for each line of standard input and `end` at its end, from within run_until();
  /// `begun` when a line has begun and is not ended. (A terminal gives whole lines only.)
  void watch_input(std::function<void(std::string)> line, std::function<void()> end,
                   std::function<void()> begun = {});
  /// Calls `bytes` with what comes from `file`, a terminal that is open for reading and that nobody
  /// else uses, as soon as it comes; with nothing when it has ended.
  void watch_terminal(int file, std::function<void(std::string_view)> bytes);
  /// Calls `turn` that often from within run_until(), until it is called with none.
  void every(Millis ms, std::function<void()> turn);
  /// Called after each event and every 100 ms, from within run_until(): the place to draw.
  void each_turn(std::function<void()> turn);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
