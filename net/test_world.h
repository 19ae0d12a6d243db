// Only for net's tests: a reactor with a listener on [::1], and a bare socket that can misbehave.
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dim/crypto/os_random.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "net/tls.h"

namespace dim {

struct TestKeys {
  Certificate certificate = *make_certificate();
  std::shared_ptr<const TlsContext> server = *TlsContext::server(certificate);
  std::shared_ptr<const TlsContext> client = *TlsContext::client();
};

inline const TestKeys& test_keys() {
  static const TestKeys keys;
  return keys;
}

// A non-blocking TCP socket to [::1].
class BareSocket {
 public:
  explicit BareSocket(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET6, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(port);
    to.sin6_addr = in6addr_loopback;
    EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~BareSocket() { close(); }
  BareSocket(const BareSocket&) = delete;
  BareSocket& operator=(const BareSocket&) = delete;

  void write(std::string_view bytes) {
    // What does not fit is not sent: tests that flood do not care, the others are small.
    static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  // Appends what is there to `in`; notes the end.
  void poll() {
    char buffer[65'536];
    for (;;) {
      const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
      if (n > 0) {
        in.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      if (n == 0) ended = true;
      if (n < 0 && errno != EAGAIN) reset = true;
      return;
    }
  }
  void end() { ::shutdown(fd_, SHUT_WR); }
  void rst() {
    const linger hard{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close();
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool over() const { return ended || reset; }

  std::string in;
  bool ended = false;
  bool reset = false;

 private:
  int fd_;
};

// A bare socket with our TLS by hand.
struct BareTls {
  explicit BareTls(std::uint16_t port) : socket(port) { EXPECT_TRUE(tls.start(0, plain)); }

  void pump() {
    socket.write(std::exchange(tls.output(), {}));
    socket.poll();
    if (socket.in.empty()) return;
    received += socket.in.size();
    raw += socket.in;
    status = tls.feed(std::exchange(socket.in, {}), 0, plain);
    socket.write(std::exchange(tls.output(), {}));
  }
  bool open() const { return tls.state() == TlsStream::State::open; }

  BareSocket socket;
  TlsStream tls{test_keys().client};
  std::string plain;
  std::string raw;
  std::size_t received = 0;
  Status status;
};

class World {
 public:
  explicit World(const AdmissionLimits& limits = AdmissionLimits::open(),
                 ListenOptions options = {})
      : gate(std::make_shared<Gate>(reactor, limits, random)) {
    options.address = "::1";
    if (!options.tls) options.tls = test_keys().server;
    auto opened =
        Listener::open(reactor, gate, options, [this](std::shared_ptr<Connection> connection) {
          accepted.push_back(connection);
          if (on_open) on_open(std::move(connection));
        });
    EXPECT_TRUE(opened.has_value());
    listener = std::move(*opened);
  }

  std::uint16_t port() const { return listener->port(); }

  // Runs the reactor until `done` or for `ms`.
  template <class Done>
  bool until(Done done, Millis ms = 5'000) {
    const Millis end = reactor.now() + ms;
    while (!done()) {
      if (reactor.now() > end) return false;
      reactor.run_for(2);
    }
    return true;
  }
  void run(Millis ms) {
    until([] { return false; }, ms);
  }

  // A connected client of ours; the station's side has been handed over too.
  std::shared_ptr<Connection> dial(DialOptions options = {}) {
    if (options.host.empty()) options.host = "::1";
    if (options.port == 8800) options.port = port();
    if (!options.tls) options.tls = test_keys().client;
    std::shared_ptr<Connection> got;
    const std::size_t before = accepted.size();
    error.reset();
    auto dial = Dial::start(
        reactor, options,
        {.opened = [&](std::shared_ptr<Connection> connection) { got = std::move(connection); },
         .failed = [&](const Error& why) { error = why; }});
    until([&] { return got || error; }, 15'000);
    if (got && options.port == port()) {
      EXPECT_TRUE(until([&] { return accepted.size() > before; }));
    }
    return got;
  }

  OsRandom random;
  Reactor reactor;
  std::shared_ptr<Gate> gate;
  std::unique_ptr<Listener> listener;
  std::vector<std::shared_ptr<Connection>> accepted;
  std::function<void(std::shared_ptr<Connection>)> on_open;
  std::optional<Error> error;
};

// What one side of a connection saw.
struct Seen {
  std::string data;
  int drained = 0;
  int ended = 0;
  std::vector<CloseReason> closed;

  ConnectionCallbacks callbacks(bool half_close = false) {
    ConnectionCallbacks out;
    out.data = [this](std::string_view bytes) { data += bytes; };
    out.drained = [this] { ++drained; };
    if (half_close) out.ended = [this] { ++ended; };
    out.closed = [this](CloseReason reason) { closed.push_back(reason); };
    return out;
  }
};

}  // namespace dim
