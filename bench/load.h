// A station in a child process and many native sessions against it from one thread: what dim-bench
// measures with.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/session.h"
#include "net/connection.h"
#include "net/dial.h"
#include "net/reactor.h"
#include "net/system_clock.h"

namespace dim::bench {

using Time = std::chrono::steady_clock::time_point;
inline Time now() { return std::chrono::steady_clock::now(); }
inline double seconds_since(Time begin) {
  return std::chrono::duration<double>(now() - begin).count();
}

/// CPU time and memory of one process.
struct Usage {
  double cpu_s = 0;
  double rss_kib = 0;
};
Usage usage_of(pid_t pid);
Usage own_usage();

/// Ends the measurement with std::runtime_error: a figure with losses is none.
[[noreturn]] void give_up(const Error& error, std::string_view message);

/// `dimd run`, with quotas off unless they are wanted, in a temporary folder (below `folder`,
/// default the system's), stopped with the object. Throws std::runtime_error when it does not come
/// up.
class StationProcess {
 public:
  struct Options {
    std::string folder;
    bool verify_always = false;
    bool quotas = false;         ///< as a station has them that nobody has configured
    bool message_quota = false;  ///< that on messages of a session alone
  };
  explicit StationProcess(const Options& options);
  ~StationProcess();
  StationProcess(const StationProcess&) = delete;
  StationProcess& operator=(const StationProcess&) = delete;

  void kill();    ///< SIGKILL, without warning
  void stop();    ///< SIGTERM, and waits for its end
  void launch();  ///< again, with the same folder and ports, without waiting
  void wait();    ///< until it listens, 60 s at most

  /// What one bare write of 4 KiB with fdatasync takes beside the station's files now: the median
  /// of some, in milliseconds.
  double sync_ms() const;

  const StationTarget& target() const { return target_; }
  std::string data() const { return folder_ + "/station"; }  ///< its data folder
  Usage usage() const { return usage_of(pid_); }

 private:
  void end(int signal);
  std::string log() const { return folder_ + "/dimd.log"; }

  std::string folder_;
  std::uint16_t base_ = 0;
  pid_t pid_ = -1;
  StationTarget target_;
};

/// One logged-in session with its sockets.
class LoadClient final : private SessionHost {
 public:
  struct Events {
    std::function<void()> ready;
    std::function<void(Packet)> pushed;
    std::function<void(const Error&, std::string_view)> failed;
  };
  LoadClient(Reactor& reactor, std::shared_ptr<const TlsContext> tls, const StationTarget& target,
             const Account& account, Session::Options options, Events events);
  ~LoadClient() override;

  void start();
  void stop_reading();  ///< what the station sends from now on stays where it is
  Session& session() { return *session_; }
  const Account& account() const { return account_; }

 private:
  void send(Lane lane, std::string bytes) override;
  void open(Lane lane) override;
  void close(Lane lane) override;
  void ready() override;
  void pushed(Lane lane, Packet packet) override;
  void failed(const Error& error, int code, std::string_view message) override;

  Reactor& reactor_;
  std::shared_ptr<const TlsContext> tls_;
  StationTarget target_;
  const Account& account_;
  SystemClock clock_;
  Events events_;
  std::optional<Session> session_;
  std::map<Lane, std::unique_ptr<Dial>> dials_;
  std::map<Lane, std::shared_ptr<Connection>> connections_;
};

/// Accounts with one shared RSA key: what the station sees is the same, and thousands are made in a
/// second.
std::vector<Account> make_accounts(std::size_t count, Random& random);

/// Sorted samples.
double percentile(std::vector<double>& samples, double fraction);

}  // namespace dim::bench
