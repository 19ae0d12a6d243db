#include "net/listener.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <cerrno>
#include <utility>

#include "net/connection_setup.h"

namespace dim {
namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr Millis kAcceptPause =
    100;  // after an error that only time can mend (no descriptors, no memory)
constexpr int kAcceptsATurn = 64;  // so that a flood does not starve those who are connected

Endpoint endpoint_of(const tcp::endpoint& from) {
  Endpoint out;
  const asio::ip::address address = from.address();
  out.address = address.is_v6()
                    ? address.to_v6().to_bytes()
                    : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4()).to_bytes();
  out.port = from.port();
  return out;
}

}  // namespace

// ---- Gate

Gate::Gate(Reactor& reactor, const AdmissionLimits& limits, Random& random)
    : reactor_(reactor),
      admission_(limits, random),
      handshakes_(limits.handshakes, limits.handshake_patience) {}

bool Gate::enter(const std::shared_ptr<Connection>& connection) {
  const bool starts = handshakes_.enter(connection->id(), reactor_.now());
  entered_.emplace(connection->id(), connection);
  if (!starts) watch();
  return starts;
}

void Gate::leave(std::uint64_t id) {
  entered_.erase(id);
  const auto next = handshakes_.leave(id, reactor_.now());
  if (!next) return;
  const auto found = entered_.find(*next);
  if (found == entered_.end()) return;
  // Later, because another connection's call is on the stack.
  reactor_.post([waiting = found->second] {
    if (const auto connection = waiting.lock()) connection->run_handshake();
  });
}

void Gate::watch() {
  if (timer_.armed()) return;
  reactor_.arm(timer_, 2 * TimerWheel::kTick, [this] { evict(); });
}

void Gate::evict() {
  while (const auto id = handshakes_.overdue(reactor_.now())) {
    const auto found = entered_.find(*id);
    const auto connection = found != entered_.end() ? found->second.lock() : nullptr;
    if (!connection) {
      leave(*id);
      continue;
    }
    ++stats_.evicted;
    connection->abort(CloseReason::timeout);
  }
  if (handshakes_.waiting() > 0) watch();
}

// ---- Listener

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  using Acceptor = asio::basic_socket_acceptor<tcp, asio::io_context::executor_type>;

  State(Reactor& by, std::shared_ptr<Gate> at, const ListenOptions& with,
        std::function<void(std::shared_ptr<Connection>)> to)
      : reactor(by),
        gate(std::move(at)),
        options(with),
        opened(std::move(to)),
        acceptor(by.io().get_executor()) {}

  Reactor& reactor;
  std::shared_ptr<Gate> gate;
  ListenOptions options;
  std::function<void(std::shared_ptr<Connection>)> opened;
  Acceptor acceptor;
  Timer pause;

  void wait() {
    acceptor.async_wait(asio::socket_base::wait_read,
                        [self = shared_from_this()](const error_code& error) {
                          if (!error) self->accept_some();
                        });
  }

  void accept_some() {
    for (int i = 0; i < kAcceptsATurn && acceptor.is_open(); ++i) {
      Socket socket(reactor.io().get_executor());
      tcp::endpoint from;
      error_code error;
      acceptor.accept(socket, from, error);
      if (error == asio::error::would_block || error == asio::error::try_again) break;
      if (error == asio::error::connection_aborted || error == asio::error::interrupted) continue;
      if (error) {
        reactor.arm(pause, kAcceptPause, [this] { wait(); });
        return;
      }
      take(std::move(socket), endpoint_of(from));
    }
    if (acceptor.is_open()) wait();
  }

  void take(Socket&& socket, const Endpoint& from) {
    Gate::Stats& stats = gate->stats_;
    ++stats.accepted;
    if (gate->closed_) {
      ++stats.refused_memory;
      return reset(std::move(socket));
    }
    switch (gate->admission_.admit(from, reactor.now())) {
      case Verdict::admit:
        return serve(std::move(socket), from);
      case Verdict::rate:
        ++stats.refused_rate;
        break;
      case Verdict::per_64:
        ++stats.refused_per_64;
        break;
      case Verdict::per_48:
        ++stats.refused_per_48;
        break;
      case Verdict::early_drop:
        ++stats.refused_early;
        break;
      case Verdict::full:
        ++stats.refused_full;
        break;
    }
    reset(std::move(socket));
  }

  /// RST: costs neither side a state to wait in.
  static void reset(Socket&& taken) {
    Socket socket = std::move(taken);
    error_code ignored;
    socket.set_option(asio::socket_base::linger(true, 0), ignored);
    socket.close(ignored);  // the destructor would take the option back
  }

  void serve(Socket&& socket, const Endpoint& from) {
    const std::shared_ptr<Connection> made(
        new Connection(reactor, std::make_unique<Connection::Io>(std::move(socket)), from));
    made->give_back_ = [shared = gate, from] { shared->admission_.release(from); };
    auto setup = std::make_unique<Connection::Setup>();
    if (options.mode != ListenMode::plain) setup->tls = options.tls;
    if (options.mode == ListenMode::dim) setup->upgrade.emplace();
    setup->gate = gate;
    setup->opened = [self = shared_from_this()](std::shared_ptr<Connection> connection) {
      // Without a listener there is nobody left to hand it to.
      if (!self->acceptor.is_open()) return connection->abort();
      self->opened(std::move(connection));
    };
    made->begin(std::move(setup), options.setup_ms);
  }
};

Result<std::unique_ptr<Listener>> Listener::open(
    Reactor& reactor, std::shared_ptr<Gate> gate, const ListenOptions& options,
    std::function<void(std::shared_ptr<Connection>)> opened) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error)
    return fail(Errc::config, "the address to listen on is an IPv6 address such as :: or ::1");
  if ((address.is_v4() || address.to_v6().is_v4_mapped()) && !options.allow_v4) {
    return fail(Errc::config, "DIM listens on IPv6 only; use an IPv6 address such as ::");
  }
  if (options.mode != ListenMode::plain && (!options.tls || !options.tls->is_server())) {
    return fail(Errc::config, "a listener with TLS needs a certificate");
  }
  const tcp::endpoint at(address, options.port);
  auto state = std::make_shared<State>(reactor, std::move(gate), options, std::move(opened));
  auto& acceptor = state->acceptor;
  acceptor.open(at.protocol(), error);
  if (error) return fail(Errc::io, "this machine has no IPv6 sockets");
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (error) return fail(Errc::io, "the system refused an option of the listening socket");
  acceptor.bind(at, error);
  if (error == asio::error::address_in_use)
    return fail(Errc::io, "the port is in use; stop its owner or choose another");
  if (error == asio::error::access_denied)
    return fail(Errc::io, "the port needs a privilege; choose one over 1023");
  if (error) return fail(Errc::io, "the address is not one of this machine");
  acceptor.listen(options.backlog, error);
  if (error == asio::error::address_in_use)
    return fail(Errc::io, "the port is in use; stop its owner or choose another");
  if (!error) acceptor.non_blocking(true, error);
  if (error) return fail(Errc::io, "the system refused to listen");
  state->wait();
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::~Listener() {
  error_code ignored;
  state_->pause.cancel();
  state_->acceptor.close(ignored);
}

std::uint16_t Listener::port() const {
  error_code ignored;
  return state_->acceptor.local_endpoint(ignored).port();
}

void Listener::set_tls(std::shared_ptr<const TlsContext> tls) {
  state_->options.tls = std::move(tls);
}

}  // namespace dim
