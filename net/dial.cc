#include "net/dial.h"

#include <boost/asio/ip/address_v6.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "net/connection_setup.h"

namespace dim {
namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

struct Dial::State : std::enable_shared_from_this<Dial::State> {
  using Resolver = asio::ip::basic_resolver<tcp, asio::io_context::executor_type>;

  State(Reactor& by, const DialOptions& with, DialCallbacks then)
      : reactor(by),
        options(with),
        callbacks(std::move(then)),
        resolver(by.io().get_executor()),
        socket(by.io().get_executor()) {}

  Reactor& reactor;
  DialOptions options;
  DialCallbacks callbacks;
  Resolver resolver;
  Socket socket;
  std::vector<tcp::endpoint> addresses;
  std::size_t next = 0;
  std::string server_name;
  Timer deadline;
  Millis started = 0;
  std::weak_ptr<Connection> connection;
  bool over = false;

  void start() {
    started = reactor.now();
    reactor.arm(deadline, options.timeout, [self = shared_from_this()] {
      self->fail_with({Errc::unreachable, "the station did not answer in time"});
    });
    std::string host = options.host;
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
      host = host.substr(1, host.size() - 2);
    error_code error;
    const asio::ip::address literal = asio::ip::make_address(host, error);
    if (!error) {
      if (!options.ipv4 && (literal.is_v4() || literal.to_v6().is_v4_mapped())) {
        return fail_later(
            {Errc::usage,
             "DIM uses IPv6 only; give an IPv6 address or a name with an AAAA record"});
      }
      addresses.emplace_back(literal, options.port);
      return connect();
    }
    if (host.empty() || host.size() > 253)
      return fail_later({Errc::usage, "a host name has 1 to 253 characters"});
    server_name = host;
    const auto then = [self = shared_from_this()](const error_code& failed, const auto& found) {
      self->resolved(failed, found);
    };
    const std::string port = std::to_string(options.port);
    if (options.ipv4) {
      resolver.async_resolve(host, port, asio::ip::resolver_base::numeric_service, then);
    } else {
      resolver.async_resolve(tcp::v6(), host, port, asio::ip::resolver_base::numeric_service, then);
    }
  }

  void resolved(const error_code& error, const tcp::resolver::results_type& found) {
    if (over) return;
    for (const auto& each : found) {
      const tcp::endpoint at = each.endpoint();
      const bool v6 = at.address().is_v6() && !at.address().to_v6().is_v4_mapped();
      if (v6 || options.ipv4) addresses.push_back(at);
    }
    if (error || addresses.empty()) {
      return fail_with(
          options.ipv4
              ? Error{Errc::unreachable, "the station's name has no address"}
              : Error{Errc::unreachable, "the station's name has no IPv6 address (AAAA record)"});
    }
    connect();
  }

  void connect() {
    if (next == addresses.size()) {
      return fail_with({Errc::unreachable, "nothing answers at the station's address and port"});
    }
    const tcp::endpoint to = addresses[next++];
    error_code error;
    socket.close(error);
    socket.async_connect(to, [self = shared_from_this(), to](const error_code& failed) {
      if (self->over) return;
      if (failed) return self->connect();
      self->connected(to);
    });
  }

  void connected(const tcp::endpoint& to) {
    const auto address = to.address().is_v4()
                             ? asio::ip::make_address_v6(asio::ip::v4_mapped, to.address().to_v4())
                             : to.address().to_v6();
    Endpoint peer{address.to_bytes(), to.port()};
    const std::shared_ptr<Connection> made(
        new Connection(reactor, std::make_unique<Connection::Io>(std::move(socket)), peer));
    connection = made;
    auto setup = std::make_unique<Connection::Setup>();
    setup->tls = options.tls;
    setup->server_name = server_name;
    if (options.plain_connect && options.tls) setup->ask.emplace();
    setup->opened = [self = shared_from_this()](std::shared_ptr<Connection> open) {
      if (std::exchange(self->over, true)) return;
      self->deadline.cancel();
      const DialCallbacks last = std::exchange(self->callbacks, {});
      if (last.opened) last.opened(std::move(open));
    };
    setup->failed = [self = shared_from_this()](const Error& error) { self->fail_with(error); };
    // Its own deadline ends the whole attempt; the connection's is only a second net.
    made->begin(std::move(setup), options.timeout + TimerWheel::kTick);
  }

  void fail_later(const Error& error) {
    reactor.post([self = shared_from_this(), error] { self->fail_with(error); });
  }

  void fail_with(const Error& error) {
    if (over) return;
    const DialCallbacks last = std::exchange(callbacks, {});
    stop();
    if (last.failed) last.failed(error);
  }

  void stop() {
    if (std::exchange(over, true)) return;
    callbacks = {};
    error_code ignored;
    resolver.cancel();
    socket.close(ignored);
    // Only one that is still being set up: a failed one is sending its alert.
    if (const auto made = connection.lock(); made && made->phase_ == Connection::Phase::setup)
      made->abort();
    deadline.cancel();
  }
};

std::unique_ptr<Dial> Dial::start(Reactor& reactor, const DialOptions& options,
                                  DialCallbacks callbacks) {
  auto state = std::make_shared<State>(reactor, options, std::move(callbacks));
  state->start();
  return std::unique_ptr<Dial>(new Dial(std::move(state)));
}

Dial::~Dial() { cancel(); }

void Dial::cancel() { state_->stop(); }

}  // namespace dim
