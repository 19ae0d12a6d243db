// dimd without its command line: keys, store, listeners and the station on one reactor thread, plus
// the writer thread.
#pragma once
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dim/crypto/secret.h"
#include "dim/packet/packet.h"
#include "server/config.h"
#include "server/exit_codes.h"
#include "server/log.h"
#include "server/station.h"

namespace dim {

class Daemon {
 public:
  /// Opens the store, loads or makes the keys, binds the ports. On return it is listening; nothing
  /// is answered before run(). `log` must outlive it. `passphrase` opens sealed keys, and seals
  /// those that are made.
  static std::expected<std::unique_ptr<Daemon>, Failure> open(
      const DaemonConfig& config, Log& log, const std::optional<Secret>& passphrase = std::nullopt);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;
  ~Daemon();

  /// Works on the calling thread until stop(), or until the disk fails (Exit::store_failed).
  Exit run();
  /// Clean stop within two seconds: what was taken is on the disk, clients are told. Any thread, at
  /// any time.
  void stop();
  /// Quotas, bans and log level from `config`; the rest needs a restart. Any thread.
  void reload(DaemonConfig config);

  std::uint16_t port(Lane lane) const;  ///< bound; 0 when this lane is not
  std::uint16_t dimchat_port() const;   ///< of the gateway for reference clients; 0 when it is off
  std::uint16_t web_port() const;       ///< of the web gateway; 0 when it is off
  std::string station_id() const;
  std::vector<std::string> pins() const;
  /// For tests and statistics: only on the thread of run(), or when it does not run.
  const StationCounters& counters() const;

 private:
  struct Impl;
  explicit Daemon(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
