#include "net/connection.h"

#include <netinet/tcp.h>

#include <array>
#include <atomic>
#include <boost/asio/socket_base.hpp>
#include <utility>

#include "dim/base/release.h"
#include "net/connection_setup.h"
#include "net/listener.h"

namespace dim {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::size_t kChunk = 64 * 1024;  // plain bytes a TLS write and a system call
constexpr Millis kLinger = 2'000;
constexpr int kDeadPeerMs =
    60'000;  // unacknowledged bytes for so long: the kernel gives the peer up

std::uint64_t next_id() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

bool would_block(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

std::string_view to_string(CloseReason reason) {
  constexpr std::array<std::string_view, 6> kNames = {"local", "ended", "truncated",
                                                      "reset", "tls",   "timeout"};
  return kNames[static_cast<std::size_t>(reason)];
}

Connection::Connection(Reactor& reactor, std::unique_ptr<Io> io, const Endpoint& peer)
    : reactor_(reactor),
      io_(std::move(io)),
      peer_(peer),
      id_(next_id()),
      accepted_at_(reactor.now()),
      last_received_(accepted_at_) {
  error_code ignored;
  io_->socket.non_blocking(true, ignored);
  io_->socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  const int dead_peer = kDeadPeerMs;
  ::setsockopt(io_->socket.native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_peer,
               sizeof dead_peer);
}

Connection::~Connection() {
  if (give_back_) give_back_();
}

// ---- until it is open

void Connection::begin(std::unique_ptr<Setup> setup, Millis deadline) {
  setup_ = std::move(setup);
  reactor_.arm(timer_, deadline, [self = shared_from_this()] { self->on_setup_timeout(); });
  if (!setup_->tls) return become_open();
  if (setup_->ask) {
    wire_ = UpgradeClient::request(peer_.address_text());
    flush_soon();
  } else if (!setup_->upgrade) {
    begin_tls({});
  }
  wait_read();
}

void Connection::take_upgrade(std::string_view bytes) {
  UpgradeStep step = setup_->upgrade ? setup_->upgrade->feed(bytes) : setup_->ask->feed(bytes);
  if (!step.reply.empty()) {
    wire_ += step.reply;
    flush_soon();
  }
  switch (step.kind) {
    case UpgradeStep::Kind::need_more:
      return;
    case UpgradeStep::Kind::start_tls:
      if (setup_->upgrade && setup_->upgrade->switched() && setup_->gate)
        ++setup_->gate->stats_.upgraded;
      setup_->upgrade.reset();
      setup_->ask.reset();
      return begin_tls(step.rest);
    case UpgradeStep::Kind::refuse:
      if (setup_->gate) ++setup_->gate->stats_.plain_refused;
      return fail_setup(step.error.value_or(Error{Errc::security_error, "refused before TLS"}));
  }
}

void Connection::begin_tls(std::string_view rest) {
  tls_ = std::make_unique<TlsStream>(setup_->tls, setup_->server_name);
  std::string& plain = reactor_.plain_scratch();
  plain.clear();
  if (setup_->tls->is_server()) {
    if (setup_->gate) tls_->hold_hello();
    if (!rest.empty()) after_tls(tls_->feed(rest, reactor_.now(), plain), plain);
  } else {
    after_tls(tls_->start(reactor_.now(), plain), plain);
  }
}

void Connection::run_handshake() {
  if (phase_ != Phase::setup || !tls_) return;
  setup_->waiting = false;
  std::string& plain = reactor_.plain_scratch();
  plain.clear();
  after_tls(tls_->start(reactor_.now(), plain), plain);
  wait_read();
}

void Connection::after_tls(const Status& status, std::string& plain) {
  if (!tls_->output().empty()) {
    wire_ += tls_->output();
    release(tls_->output());
    flush_soon();
  }
  if (!status) {
    if (phase_ == Phase::setup) {
      if (setup_->gate) {
        Gate::Stats& stats = setup_->gate->stats_;
        ++(status.error().code == Errc::better_encryption ? stats.tls_old : stats.tls_failed);
      }
      return fail_setup(status.error());
    }
    release(queue_);
    queue_at_ = 0;
    return start_closing(CloseReason::tls, kLinger);
  }
  if (phase_ == Phase::setup) {
    if (tls_->state() == TlsStream::State::hello && !setup_->in_gate) {
      setup_->in_gate = true;
      if (setup_->gate->enter(shared_from_this())) return run_handshake();
      setup_->waiting = true;
    }
    if (tls_->state() == TlsStream::State::open) become_open();
  }
  if (phase_ != Phase::open) return;
  if (!plain.empty()) deliver(plain);
  wipe(plain);  // it belongs to all connections of the reactor, and stays (R20)
  if (phase_ == Phase::open && tls_->peer_ended()) on_peer_end();
}

void Connection::on_setup_timeout() {
  if (phase_ != Phase::setup) return;
  if (setup_->gate) ++setup_->gate->stats_.setup_timeout;
  constexpr Error kTimeout{Errc::request_timeout, "TLS and log-in must come sooner"};
  if (setup_->upgrade && setup_->upgrade->in_plain()) {
    wire_ += write_packet(Packet::response(kTimeout));
    flush_soon();
    return fail_setup(kTimeout);
  }
  finish(CloseReason::timeout, true);
}

void Connection::fail_setup(const Error& error) {
  leave_gate();
  if (setup_->failed) reactor_.post([failed = std::move(setup_->failed), error] { failed(error); });
  start_closing(CloseReason::tls, kLinger);
}

void Connection::leave_gate() {
  if (setup_ && setup_->in_gate) {
    setup_->in_gate = false;
    setup_->gate->leave(id_);
  }
}

void Connection::become_open() {
  leave_gate();
  timer_.cancel();
  phase_ = Phase::open;
  const std::unique_ptr<Setup> setup = std::move(setup_);
  if (setup->gate) ++setup->gate->stats_.opened;
  setup->opened(shared_from_this());
}

// ---- bytes in

bool Connection::wants_input() const {
  if (input_over_) return false;
  switch (phase_) {
    case Phase::setup:
      return !setup_->waiting;
    case Phase::open:
      return callbacks_ != nullptr && !paused_;
    case Phase::lingering:
      return true;
    case Phase::flushing:
    case Phase::closed:
      return false;
  }
  return false;
}

void Connection::wait_read() {
  if (reading_ || !wants_input()) return;
  reading_ = true;
  // Readiness only: an idle connection holds no buffer.
  io_->socket.async_wait(asio::socket_base::wait_read,
                         [self = shared_from_this()](const error_code& error) {
                           self->reading_ = false;
                           if (!error) self->on_readable();
                         });
}

void Connection::on_readable() {
  if (!wants_input()) return;
  if (phase_ == Phase::lingering) return discard();
  const std::span<char> buffer = reactor_.read_buffer();
  error_code error;
  const std::size_t n = io_->socket.receive(asio::buffer(buffer.data(), buffer.size()), 0, error);
  if (would_block(error)) return wait_read();
  if (error == asio::error::eof) return on_socket_end();
  if (error) return finish(CloseReason::reset, false);
  last_received_ = reactor_.now();
  take({buffer.data(), n});
  wait_read();
}

void Connection::take(std::string_view bytes) {
  if (phase_ == Phase::setup && !tls_) return take_upgrade(bytes);
  if (!tls_) return deliver(bytes);
  std::string& plain = reactor_.plain_scratch();
  plain.clear();
  after_tls(tls_->feed(bytes, last_received_, plain), plain);
}

void Connection::deliver(std::string_view plain) {
  if (peer_ended_) return;
  received_ += plain.size();
  // A copy, because the callback may replace or drop the set it is in.
  const auto callbacks = callbacks_;
  if (!callbacks) {
    early_ += plain;
  } else if (callbacks->data) {
    callbacks->data(plain);
  }
}

void Connection::set_callbacks(ConnectionCallbacks callbacks) {
  const bool first = callbacks_ == nullptr;
  callbacks_ = std::make_shared<const ConnectionCallbacks>(std::move(callbacks));
  if (phase_ == Phase::closed) return tell_closed();
  if (first) reactor_.post([self = shared_from_this()] { self->start_delivery(); });
}

void Connection::start_delivery() {
  if (phase_ != Phase::open || !callbacks_) return;
  if (const std::string early = std::exchange(early_, {}); !early.empty()) {
    if (const auto callbacks = callbacks_; callbacks->data) callbacks->data(early);
  }
  if (phase_ == Phase::open && tls_ && tls_->peer_ended()) on_peer_end();
  wait_read();
}

void Connection::on_peer_end() {
  if (!callbacks_ || std::exchange(peer_ended_, true)) return;
  const auto callbacks = callbacks_;
  if (callbacks->ended) return callbacks->ended();
  start_closing(CloseReason::ended, kLinger);
}

void Connection::on_socket_end() {
  input_over_ = true;
  if (phase_ == Phase::setup) {
    if (setup_->failed) {
      reactor_.post([failed = std::move(setup_->failed)] {
        failed(
            Error{Errc::unreachable, "the station closed the connection during the TLS handshake"});
      });
    }
    return finish(CloseReason::ended, false);
  }
  if (!tls_) return on_peer_end();
  if (!peer_ended_) return finish(CloseReason::truncated, false);
}

void Connection::pause_reading() { paused_ = true; }

void Connection::resume_reading() {
  paused_ = false;
  wait_read();
}

// ---- bytes out

std::size_t Connection::queued_bytes() const {
  return queue_.size() - queue_at_ + wire_.size() - wire_at_;
}

void Connection::send(std::string bytes) {
  if (phase_ != Phase::open || bytes.empty()) return;
  sent_ += bytes.size();
  if (queue_.empty()) {
    queue_ = std::move(bytes);
  } else {
    queue_ += bytes;
  }
  if (queued_bytes() > drain_mark_) over_mark_ = true;
  flush_soon();
}

void Connection::share(std::size_t bytes) {
  drain_mark_ = bytes;
  if (queued_bytes() > drain_mark_) over_mark_ = true;
  const int ahead = static_cast<int>(bytes);
  ::setsockopt(io_->socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &ahead, sizeof ahead);
}

void Connection::flush_soon() {
  if (write_waiting_ || std::exchange(flush_queued_, true)) return;
  reactor_.flush_later(shared_from_this());
}

void Connection::flush() {
  flush_queued_ = false;
  if (phase_ == Phase::closed || write_waiting_) return;
  bool emptied = false;
  for (;;) {
    if (!send_wire()) break;
    if (!queue_.empty()) {
      if (!send_queue()) break;
    } else if (!say_goodbye()) {
      emptied = true;
      break;
    }
  }
  if (phase_ == Phase::closed) return;
  if (!emptied && !write_waiting_) {
    write_waiting_ = true;
    io_->socket.async_wait(asio::socket_base::wait_write,
                           [self = shared_from_this()](const error_code& error) {
                             self->write_waiting_ = false;
                             if (!error) self->flush();
                           });
  }
  if (over_mark_ && queued_bytes() <= drain_mark_) {
    over_mark_ = false;
    if (const auto callbacks = callbacks_; callbacks && callbacks->drained) callbacks->drained();
  }
  if (emptied && phase_ == Phase::flushing && queue_.empty() && wire_.empty()) linger();
}

// True when the closing alert has just been put behind everything else.
bool Connection::say_goodbye() {
  if (phase_ != Phase::flushing || !tls_) return false;
  tls_->close_notify();
  wire_ = std::exchange(tls_->output(), {});
  return !wire_.empty();
}

// Both return false when the kernel takes no more, or when the connection is gone.
bool Connection::send_wire() {
  while (wire_at_ < wire_.size()) {
    error_code error;
    wire_at_ +=
        io_->socket.send(asio::buffer(wire_.data() + wire_at_, wire_.size() - wire_at_), 0, error);
    if (would_block(error)) return false;
    if (error) {
      finish(CloseReason::reset, false);
      return false;
    }
  }
  release(wire_);
  wire_at_ = 0;
  return true;
}

bool Connection::send_queue() {
  const std::string_view chunk = std::string_view(queue_).substr(queue_at_, kChunk);
  std::string_view out = chunk;
  std::string& scratch = reactor_.cipher_scratch();
  if (tls_) {
    scratch.clear();
    tls_->output().swap(scratch);
    const Status written = tls_->write(chunk);
    tls_->output().swap(scratch);
    if (!written) {
      finish(CloseReason::tls, false);
      return false;
    }
    out = scratch;
  }
  error_code error;
  const std::size_t n = io_->socket.send(asio::buffer(out.data(), out.size()), 0, error);
  if (error && !would_block(error)) {
    finish(CloseReason::reset, false);
    return false;
  }
  wire_ = out.substr(n);
  wire_at_ = 0;
  queue_at_ += chunk.size();
  if (queue_at_ == queue_.size()) {
    release(queue_);
    queue_at_ = 0;
  } else if (queue_at_ >= queue_.size() / 2) {
    queue_.erase(0, queue_at_);
    queue_at_ = 0;
  }
  return wire_.empty();
}

// ---- the end

void Connection::close(CloseReason reason, Millis flush_timeout) {
  if (phase_ == Phase::setup) return finish(reason, true);
  if (phase_ == Phase::open) start_closing(reason, flush_timeout);
}

void Connection::start_closing(CloseReason reason, Millis flush_timeout) {
  if (phase_ != Phase::setup && phase_ != Phase::open) return;
  phase_ = Phase::flushing;
  reason_ = reason;
  release(early_);
  reactor_.arm(timer_, flush_timeout,
               [self = shared_from_this()] { self->finish(CloseReason::timeout, true); });
  flush_soon();
}

void Connection::linger() {
  error_code ignored;
  io_->socket.shutdown(asio::socket_base::shutdown_send, ignored);
  if (input_over_) return finish(reason_, false);
  // Closing with unread bytes would make the kernel send RST, which can destroy our last answer on
  // its way.
  phase_ = Phase::lingering;
  reactor_.arm(timer_, kLinger,
               [self = shared_from_this()] { self->finish(self->reason_, false); });
  wait_read();
}

void Connection::discard() {
  const std::span<char> buffer = reactor_.read_buffer();
  error_code error;
  io_->socket.receive(asio::buffer(buffer.data(), buffer.size()), 0, error);
  if (error && !would_block(error)) return finish(reason_, false);
  wait_read();
}

void Connection::abort(CloseReason reason) { finish(reason, true); }

void Connection::finish(CloseReason reason, bool reset) {
  if (phase_ == Phase::closed) return;
  leave_gate();
  if (setup_ && setup_->failed) {
    reactor_.post([failed = std::move(setup_->failed)] {
      failed(Error{Errc::unreachable, "the connection broke during the TLS handshake"});
    });
  }
  phase_ = Phase::closed;
  reason_ = reason;
  timer_.cancel();
  error_code ignored;
  if (reset) io_->socket.set_option(asio::socket_base::linger(true, 0), ignored);
  io_->socket.close(ignored);
  setup_.reset();
  for (std::string* bytes : {&queue_, &wire_, &early_}) release(*bytes);
  queue_at_ = wire_at_ = 0;
  if (give_back_) std::exchange(give_back_, nullptr)();
  tell_closed();
}

void Connection::tell_closed() {
  auto callbacks = std::exchange(callbacks_, nullptr);
  if (!callbacks) return;
  if (const auto telling = telling_.lock()) {  // replaced before they were told
    *telling = std::move(callbacks);
    return;
  }
  if (std::exchange(told_closed_, true)) return;
  auto telling = std::make_shared<std::shared_ptr<const ConnectionCallbacks>>(std::move(callbacks));
  telling_ = telling;
  reactor_.post([telling, reason = reason_] {
    if (const auto told = *telling; told->closed) told->closed(reason);
  });
}

void Connection::mark_authenticated() {
  if (give_back_) std::exchange(give_back_, nullptr)();
}

void Connection::set_idle_limit(Millis ms) {
  if (phase_ != Phase::open) return;
  idle_limit_ = ms;
  watch_idle();
}

void Connection::watch_idle() {
  timer_.cancel();
  if (idle_limit_ <= 0 || phase_ != Phase::open) return;
  const Millis idle = paused_ ? 0 : reactor_.now() - last_received_;
  if (idle >= idle_limit_) return start_closing(CloseReason::timeout, kLinger);
  reactor_.arm(timer_, idle_limit_ - idle, [this] { watch_idle(); });
}

// ---- who is there

Result<Bytes> Connection::channel_binding() const {
  if (!tls_) return fail(Errc::too_early, "there is no TLS on this connection");
  return tls_->channel_binding();
}

std::optional<Digest32> Connection::peer_spki() const {
  return tls_ ? tls_->peer_spki() : std::nullopt;
}

std::string_view Connection::tls_cipher() const {
  return tls_ ? tls_->cipher() : std::string_view();
}

}  // namespace dim
