// One thread that does all network work: an io_context, a timer wheel, shared buffers.
#pragma once
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "dim/base/time.h"
#include "net/timers.h"

namespace boost::asio {
class io_context;
}

namespace dim {

class Connection;

/// Everything in net/ that takes a Reactor must be called on its thread, except post() and stop().
/// It must outlive the listeners, dials, connections and armed timers made with it.
class Reactor {
 public:
  Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;
  ~Reactor();

  /// Works until stop(), on the calling thread. Returns at once after stop(); may be called again.
  void run();
  /// Works until `ms` have passed or stop(): for tests and small programs.
  void run_for(Millis ms);
  /// Any thread.
  void stop();
  /// Runs `work` on the reactor's thread, in order of posting. Any thread.
  void post(std::move_only_function<void()> work);

  /// Timers of 100 ms precision.
  void arm(Timer& timer, Millis after, std::function<void()> fire);
  /// Monotonic milliseconds, read once a turn of the loop at most.
  Millis now() const;

  boost::asio::io_context& io();

  // For net/ itself.
  /// Ciphertext or plain text as received; valid within one read.
  std::span<char> read_buffer();
  std::string& plain_scratch();
  std::string& cipher_scratch();
  /// Flushes `connection` once at the end of this turn.
  void flush_later(std::shared_ptr<Connection> connection);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
