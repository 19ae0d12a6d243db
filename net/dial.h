// Opens a connection to a station: name or address, TCP over IPv6, TLS.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dim/base/error.h"
#include "net/connection.h"
#include "net/reactor.h"
#include "net/tls.h"

namespace dim {

struct DialOptions {
  std::string host = {};  ///< IPv6 address (brackets allowed), or a host name, of which only AAAA
                          ///< records are used unless `ipv4`
  std::uint16_t port = 8800;
  std::shared_ptr<const TlsContext> tls =
      nullptr;                 ///< nullptr: no TLS at all (tests, the reference's protocol)
  bool ipv4 = false;           ///< IPv4 too, for stations of the dimchat reference
  Millis timeout = 10'000;     ///< for everything until `opened`
  bool plain_connect = false;  ///< the draft's form: a plain CONNECT first
};

struct DialCallbacks {
  /// TLS is up and nothing has been sent inside it: compare peer_spki() now, then set callbacks and
  /// send.
  std::function<void(std::shared_ptr<Connection>)> opened = {};
  /// Errc::unreachable (name, route, refused, timeout), Errc::usage (an IPv4 address),
  /// Errc::downgrade (S19), Errc::better_encryption, Errc::security_error.
  std::function<void(const Error&)> failed = {};
};

/// An attempt under way. Destroying it, or cancel(), ends it silently; after `opened` or `failed`
/// it has no effect.
class Dial {
 public:
  static std::unique_ptr<Dial> start(Reactor& reactor, const DialOptions& options,
                                     DialCallbacks callbacks);
  Dial(const Dial&) = delete;
  Dial& operator=(const Dial&) = delete;
  ~Dial();
  void cancel();

 private:
  struct State;
  explicit Dial(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

}  // namespace dim
