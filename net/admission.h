// Who may connect now: arithmetic over virtual time (security.md 4.4, R7, R11), no sockets.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <unordered_map>

#include "dim/base/limits.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "net/endpoint.h"

namespace dim {

struct AdmissionLimits {
  std::size_t per_64 = limits::kUnauthenticatedPer64;
  std::size_t per_48 = limits::kUnauthenticatedPer48;
  std::size_t total = limits::kUnauthenticated;
  double early_drop_from = 0.7;  ///< share of `total` where random drop begins
  double kept_for_fresh =
      0.1;  ///< share of `total` only for /64s that hold no other unauthenticated connection
  double new_per_second = 10;  ///< new connections of one /64; 0 turns this limit off
  double new_burst = 40;
  std::size_t networks = 65'536;  ///< most /64s remembered at once
  std::size_t handshakes = limits::kHandshakesAtOnce;
  bool count_loopback =
      true;  ///< false: ::1 is not limited; whoever is on the machine can do more harm elsewhere
  Millis handshake_patience =
      1'000;  ///< when others wait, a handshake older than this loses its place

  /// So high that only the machine limits: benchmarks, and many clients on one address.
  static AdmissionLimits open();
};

enum class Verdict : std::uint8_t { admit, rate, per_64, per_48, early_drop, full };

/// Counts connections that have not logged in. A peer of IPv4 counts as one /64, its /24 as
/// the /48 of that.
class Admission {
 public:
  Admission(const AdmissionLimits& limits, Random& random) : limits_(limits), random_(random) {}

  /// Verdict::admit takes a place, to be given back by release(). Every call counts for the rate.
  Verdict admit(const Endpoint& peer, Millis now);
  /// The connection has logged in or is gone.
  void release(const Endpoint& peer);

  std::size_t unauthenticated() const { return total_; }
  std::size_t networks() const { return networks_.size(); }
  const AdmissionLimits& limits() const { return limits_; }

 private:
  struct Network {
    std::size_t held = 0;
    double tokens = 0;
    Millis at = 0;
  };
  void forget_idle(Millis now);

  AdmissionLimits limits_;
  Random& random_;
  std::unordered_map<std::uint64_t, Network> networks_;   // by the first 64 bits
  std::unordered_map<std::uint64_t, std::size_t> sites_;  // by the first 48 bits
  std::size_t total_ = 0;
  Millis swept_ = 0;
};

/// At most so many TLS handshakes at once; the others wait in order of arrival, holding only their
/// ClientHello.
class HandshakeGate {
 public:
  using Id = std::uint64_t;
  HandshakeGate(std::size_t places, Millis patience) : places_(places), patience_(patience) {}

  /// True: goes on now. False: waits; leave() of another will name it.
  bool enter(Id id, Millis now);
  /// Done, failed or gone, whether it ran or waited. Returns who may start now.
  std::optional<Id> leave(Id id, Millis now);
  /// The oldest running handshake if it is older than the patience while somebody waits: close it,
  /// then leave().
  std::optional<Id> overdue(Millis now) const;

  std::size_t running() const { return running_.size(); }
  std::size_t waiting() const { return waiting_.size(); }

 private:
  std::size_t places_;
  Millis patience_;
  std::map<Id, Millis>
      running_;  // ids grow, so the first is not always the oldest to start; few enough to look at
  std::deque<Id> waiting_;
};

}  // namespace dim
