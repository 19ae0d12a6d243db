#include "net/reactor.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>
#include <vector>

#include "net/connection.h"
#include "net/system_clock.h"

namespace dim {
namespace asio = boost::asio;

struct Reactor::Impl {
  Impl() : wheel(clock.monotonic()), ticker(io) {}

  SystemClock clock;
  TimerWheel wheel;
  // One thread runs it; others only post.
  asio::io_context io{1};
  asio::steady_timer ticker;
  bool ticking = false;
  bool flush_posted = false;
  std::vector<std::shared_ptr<Connection>> dirty;
  std::vector<std::shared_ptr<Connection>> flushing;
  std::vector<char> read_buffer = std::vector<char>(64 * 1024);
  std::string plain;
  std::string cipher;

  void tick() {
    ticking = true;
    ticker.expires_after(std::chrono::milliseconds(TimerWheel::kTick));
    ticker.async_wait([this](const boost::system::error_code& error) {
      ticking = false;
      if (error) return;
      wheel.advance(clock.monotonic());
      if (wheel.armed() > 0 && !ticking) tick();
    });
  }
};

Reactor::Reactor() : impl_(std::make_unique<Impl>()) {}
// Timers own connections, and connections need the io_context to close their sockets.
Reactor::~Reactor() { impl_->wheel.cancel_all(); }

void Reactor::run() {
  const auto keep = asio::make_work_guard(impl_->io);
  impl_->io.restart();
  impl_->io.run();
}

void Reactor::run_for(Millis ms) {
  const auto keep = asio::make_work_guard(impl_->io);
  impl_->io.restart();
  impl_->io.run_for(std::chrono::milliseconds(ms));
}

void Reactor::stop() { impl_->io.stop(); }

void Reactor::post(std::move_only_function<void()> work) { asio::post(impl_->io, std::move(work)); }

void Reactor::arm(Timer& timer, Millis after, std::function<void()> fire) {
  impl_->wheel.arm(timer, now(), after, std::move(fire));
  if (!impl_->ticking) impl_->tick();
}

Millis Reactor::now() const { return impl_->clock.monotonic(); }

boost::asio::io_context& Reactor::io() { return impl_->io; }
std::span<char> Reactor::read_buffer() { return impl_->read_buffer; }
std::string& Reactor::plain_scratch() { return impl_->plain; }
std::string& Reactor::cipher_scratch() { return impl_->cipher; }

void Reactor::flush_later(std::shared_ptr<Connection> connection) {
  impl_->dirty.push_back(std::move(connection));
  if (std::exchange(impl_->flush_posted, true)) return;
  // Runs behind everything that is ready now: that is the turn whose output is gathered.
  asio::post(impl_->io, [impl = impl_.get()] {
    impl->flush_posted = false;
    impl->flushing.swap(impl->dirty);
    for (const auto& each : impl->flushing) each->flush();
    impl->flushing.clear();
  });
}

}  // namespace dim
