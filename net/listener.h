// Accepts connections on one port and hands over those that are inside TLS.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "dim/base/error.h"
#include "net/admission.h"
#include "net/connection.h"
#include "net/reactor.h"
#include "net/tls.h"

namespace dim {

/// What the listeners of one station share: places for connections that have not logged in, places
/// for handshakes, and counters.
class Gate {
 public:
  struct Stats {
    std::uint64_t accepted = 0;      ///< sockets taken from the kernel
    std::uint64_t opened = 0;        ///< handed over
    std::uint64_t refused_rate = 0;  ///< by admission, one each
    std::uint64_t refused_per_64 = 0;
    std::uint64_t refused_per_48 = 0;
    std::uint64_t refused_early = 0;
    std::uint64_t refused_full = 0;
    std::uint64_t refused_memory = 0;  ///< while it was closed to strangers
    std::uint64_t upgraded = 0;        ///< plain CONNECT answered by 101
    std::uint64_t plain_refused = 0;   ///< something else before TLS, answered and closed
    std::uint64_t tls_old = 0;         ///< peers without TLS 1.3 (P07)
    std::uint64_t tls_failed = 0;      ///< any other TLS failure before it was up
    std::uint64_t setup_timeout = 0;   ///< nothing useful in time
    std::uint64_t evicted = 0;         ///< handshakes that lost their place to a waiting one
  };

  Gate(Reactor& reactor, const AdmissionLimits& limits, Random& random);
  const Stats& stats() const { return stats_; }
  /// True: every new connection is refused, until false.
  void close_to_strangers(bool closed) { closed_ = closed; }
  std::size_t unauthenticated() const { return admission_.unauthenticated(); }
  std::size_t handshakes() const { return handshakes_.running(); }

 private:
  friend class Listener;
  friend class Connection;
  bool enter(const std::shared_ptr<Connection>& connection);
  void leave(std::uint64_t id);
  void watch();
  void evict();

  Reactor& reactor_;
  Admission admission_;
  HandshakeGate handshakes_;
  std::unordered_map<std::uint64_t, std::weak_ptr<Connection>> entered_;
  Stats stats_;
  Timer timer_;
  bool closed_ = false;
};

enum class ListenMode : std::uint8_t {
  dim,    ///< implicit TLS, or the draft's plain CONNECT before it (8800-8804)
  tls,    ///< TLS from the first byte (HTTPS on 8810)
  plain,  ///< no TLS: HTTP behind a proxy or on loopback, the gateway for reference clients
};

struct ListenOptions {
  std::string address = "::";  ///< IPv6, or IPv4 with allow_v4
  std::uint16_t port = 0;      ///< 0: any free one, see Listener::port()
  ListenMode mode = ListenMode::dim;
  std::shared_ptr<const TlsContext> tls = nullptr;  ///< needed unless plain
  bool allow_v4 = false;                            ///< only for 8810 (C02 otherwise)
  int backlog = 1'024;
  Millis setup_ms = limits::kFirstPacketMs;  ///< until TLS is up
};

class Listener {
 public:
  /// `opened` gets a connection whose TLS is up and on which nothing has been delivered yet: set
  /// its callbacks there (later is allowed too: bytes wait). Errc::config: address cannot be read,
  /// is IPv4, or lacks a TlsContext; Errc::io: it cannot be bound (in use, or not ours).
  static Result<std::unique_ptr<Listener>> open(
      Reactor& reactor, std::shared_ptr<Gate> gate, const ListenOptions& options,
      std::function<void(std::shared_ptr<Connection>)> opened);
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  /// Stops accepting. Connections handed over live on, those not yet open are dropped.
  ~Listener();

  std::uint16_t port() const;
  /// For new connections from now on (a new certificate, fresh ticket keys).
  void set_tls(std::shared_ptr<const TlsContext> tls);

 private:
  struct State;
  explicit Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace dim
