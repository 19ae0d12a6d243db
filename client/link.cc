#include "client/link.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <map>
#include <utility>

#include "dim/crypto/os_random.h"
#include "dim/packet/lane_queue.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/reactor.h"
#include "net/web_stream.h"

namespace dim {
namespace {

constexpr Millis kTickMs = 100;
constexpr Millis kFinishMs = 2'000;
// To open a further lane. Where it cannot be reached, it goes into the first one's connection.
constexpr Millis kLaneMs = 4'000;
constexpr std::size_t kInputBytes = 64 * 1024;

}  // namespace

struct Link::Impl {
  struct Open {
    std::unique_ptr<Dial> dial;
    std::shared_ptr<Connection> connection;
    bool shared = false;             // lanes that have no connection of their own are in it
    LaneQueue queue;                 // of such a one
    std::unique_ptr<WebStream> web;  // packets are in WebSocket

    void give(std::string bytes) {
      if (!web) return connection->send(std::move(bytes));
      web->write(bytes);
      connection->send(std::exchange(web->output(), {}));
    }
    /// Gives the connection what is most urgent, and no more than leaves soon.
    void hand_over() {
      while (!queue.empty() && connection->queued_bytes() <= kSharedAhead) give(queue.pop());
    }
    /// Everything that waits, and the end.
    void close() {
      while (!queue.empty()) give(queue.pop());
      if (web) {
        web->close();
        connection->send(std::exchange(web->output(), {}));
      }
      connection->close();
    }
  };

  Reactor reactor;
  std::shared_ptr<const TlsContext> tls;
  std::shared_ptr<const TlsContext> web_tls;
  OsRandom random;
  Messenger* messenger = nullptr;
  std::map<Lane, Open> lanes;
  std::function<bool()> done;
  Timer ticker;
  int ticks = 0;
  std::function<void(std::string)> on_line;
  std::function<void()> on_end;
  std::function<void()> on_begun;
  std::string input;
  std::optional<boost::asio::posix::stream_descriptor> keys;
  std::function<void(std::string_view)> on_keys;
  std::function<void()> on_turn;
  std::optional<boost::asio::steady_timer> often;  // finer than the timers of the reactor
  Millis often_ms = 0;
  std::function<void()> on_often;

  void check() {
    if (on_turn) on_turn();
    if (done && done()) {
      done = nullptr;
      reactor.stop();
    }
  }

  void opened(Lane lane, std::shared_ptr<Connection> connection) {
    // Without TLS there is neither; sessions that need them are never dialled so.
    const auto binding = connection->channel_binding();
    const auto spki = connection->peer_spki();
    if (connection->is_tls() && (!binding || !spki)) return lost(lane);
    Open& open = lanes[lane];
    open.connection = connection;
    connection->set_callbacks({.data =
                                   [this, lane](std::string_view bytes) {
                                     received(lane, bytes);
                                     check();
                                   },
                               .drained =
                                   [this, lane] {
                                     const auto found = lanes.find(lane);
                                     if (found != lanes.end()) found->second.hand_over();
                                   },
                               .ended = {},
                               .closed =
                                   [this, lane, raw = connection.get()](CloseReason) {
                                     const auto found = lanes.find(lane);
                                     if (found != lanes.end() &&
                                         found->second.connection.get() == raw)
                                       lost(lane);
                                   }});
    if (open.web) return connection->send(std::exchange(open.web->output(), {}));
    messenger->opened(lane, binding.value_or(Bytes()), spki.value_or(Digest32()));
    check();
  }

  void received(Lane lane, std::string_view bytes) {
    Open& open = lanes[lane];
    if (!open.web) return messenger->received(lane, bytes);
    const bool was_open = open.web->is_open();
    std::string plain;
    open.web->feed(bytes, plain);
    const auto connection = open.connection;
    connection->send(std::exchange(open.web->output(), {}));
    const bool over = open.web->is_over();
    const auto error = open.web->error();
    if (!was_open && over) {
      lanes.erase(lane);
      connection->set_callbacks({});
      connection->close();
      return messenger->unreachable(
          lane, error.value_or(Error{Errc::unreachable, "the web gateway ended the connection"}));
    }
    if (!was_open && open.web->is_open())
      messenger->opened(lane, *connection->channel_binding(), *connection->peer_spki());
    if (!plain.empty()) messenger->received(lane, plain);
    if (over) connection->close();
  }

  void lost(Lane lane) {
    lanes.erase(lane);
    messenger->closed(lane);
    check();
  }

  void tick() {
    reactor.arm(ticker, kTickMs, [this] { tick(); });
    if (messenger != nullptr && ++ticks % 5 == 0) messenger->tick();
    read_input();
    check();
  }

  void tick_often() {
    if (!on_often) return often.reset();
    if (!often) often.emplace(reactor.io());
    often->expires_after(std::chrono::milliseconds(often_ms));
    often->async_wait([this](const boost::system::error_code& error) {
      if (error || !on_often) return;
      on_often();
      check();
      tick_often();
    });
  }

  void wait_for_keys() {
    keys->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [this](const boost::system::error_code& error) {
                       if (!error) read_keys();
                     });
  }

  void read_keys() {
    char buffer[4'096];
    const ssize_t got = ::read(keys->native_handle(), buffer, sizeof buffer);
    const bool over = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got > 0) on_keys({buffer, static_cast<std::size_t>(got)});
    if (over) on_keys({});
    if (!over) wait_for_keys();
    check();
  }

  void read_input() {
    if (!on_line) return;
    pollfd file{STDIN_FILENO, POLLIN, 0};
    if (::poll(&file, 1, 0) <= 0) return;
    std::string buffer(kInputBytes, '\0');
    const ssize_t got = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got > 0) input.append(buffer, 0, static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (std::size_t end; (end = input.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string line = input.substr(begin, end - begin);
      if (line.ends_with('\r')) line.pop_back();
      on_line(std::move(line));
    }
    input.erase(0, begin);
    if (got > 0 && !input.empty() && on_begun) on_begun();
    if (got <= 0) {
      if (!input.empty()) on_line(std::exchange(input, {}));
      on_line = nullptr;
      on_end();
    }
  }
};

Link::Link() : impl_(std::make_unique<Impl>()) {
  if (auto tls = TlsContext::client()) impl_->tls = *tls;
  if (auto tls = TlsContext::client({.alpn = {std::string(kWebAlpn)}})) impl_->web_tls = *tls;
}

Link::~Link() {
  for (auto& [lane, open] : impl_->lanes) {
    if (open.connection) open.connection->set_callbacks({});
    if (open.connection) open.connection->abort();
  }
}

void Link::attach(Messenger& messenger) { impl_->messenger = &messenger; }

void Link::dial(Lane lane, const StationTarget& target) {
  hang_up(lane);
  DialOptions options;
  options.host = target.host;
  options.port = static_cast<std::uint16_t>(target.port + static_cast<int>(lane));
  const bool dimchat = target.protocol == StationTarget::Protocol::dimchat;
  options.ipv4 = dimchat || target.web;
  if (!dimchat) options.tls = target.web ? impl_->web_tls : impl_->tls;
  if (lane != Lane::control) options.timeout = kLaneMs;
  // Answers must not come from within this call: the session is still in the middle of its own.
  Impl* impl = impl_.get();
  if (target.web)
    impl->lanes[lane].web = std::make_unique<WebStream>(target.host, target.port, impl->random);
  impl->lanes[lane].dial = Dial::start(impl->reactor, options,
                                       {.opened =
                                            [impl, lane](std::shared_ptr<Connection> connection) {
                                              impl->opened(lane, std::move(connection));
                                            },
                                        .failed =
                                            [impl, lane](const Error& error) {
                                              impl->lanes.erase(lane);
                                              impl->messenger->unreachable(lane, error);
                                              impl->check();
                                            }});
}

void Link::send(Lane lane, std::string bytes) {
  auto found = impl_->lanes.find(lane);
  const bool own = found != impl_->lanes.end();
  if (!own) found = impl_->lanes.find(Lane::control);
  if (found == impl_->lanes.end() || !found->second.connection) return;
  Impl::Open& open = found->second;
  if (own && !open.shared) return open.give(std::move(bytes));
  if (!std::exchange(open.shared, true)) open.connection->share(kSharedAhead);
  open.queue.push(lane, std::move(bytes));
  open.hand_over();
}

void Link::hang_up(Lane lane) {
  const auto found = impl_->lanes.find(lane);
  if (found == impl_->lanes.end()) return;
  auto open = std::move(found->second);
  impl_->lanes.erase(found);
  if (open.connection) {
    open.connection->set_callbacks({});
    open.close();
  }
}

bool Link::run_until(const std::function<bool()>& done, Millis timeout_ms) {
  if (done()) return true;
  if (timeout_ms == 0) return false;
  Impl& impl = *impl_;
  bool reached = false;
  impl.done = [&] { return reached = done(); };
  Timer deadline;
  if (timeout_ms > 0) impl.reactor.arm(deadline, timeout_ms, [&impl] { impl.reactor.stop(); });
  if (!impl.ticker.armed()) impl.reactor.arm(impl.ticker, kTickMs, [&impl] { impl.tick(); });
  impl.reactor.run();
  impl.done = nullptr;
  return reached || done();
}

void Link::finish() {
  Impl& impl = *impl_;
  std::vector<std::shared_ptr<Connection>> closing;
  auto left = std::make_shared<std::size_t>(0);
  for (auto& [lane, open] : impl.lanes) {
    if (!open.connection) continue;
    ++*left;
    open.connection->set_callbacks(
        {.data = {}, .drained = {}, .ended = {}, .closed = [left](CloseReason) { --*left; }});
    open.close();
    closing.push_back(open.connection);
  }
  impl.lanes.clear();
  run_until([left] { return *left == 0; }, kFinishMs);
}

void Link::watch_terminal(int file, std::function<void(std::string_view)> bytes) {
  impl_->on_keys = std::move(bytes);
  impl_->keys.emplace(impl_->reactor.io(), file);
  impl_->wait_for_keys();
}

void Link::every(Millis ms, std::function<void()> turn) {
  impl_->often_ms = ms;
  impl_->on_often = std::move(turn);
  impl_->tick_often();
}

void Link::each_turn(std::function<void()> turn) { impl_->on_turn = std::move(turn); }

void Link::watch_input(std::function<void(std::string)> line, std::function<void()> end,
                       std::function<void()> begun) {
  impl_->on_line = std::move(line);
  impl_->on_end = std::move(end);
  impl_->on_begun = std::move(begun);
}

}  // namespace dim
