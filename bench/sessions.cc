#include <fmt/core.h>

#include "bench/load.h"
#include "bench/measures.h"
#include "dim/crypto/os_random.h"

namespace dim::bench {
namespace {

constexpr std::size_t kAtOnce = 50;

void measure(const SessionOptions& options) {
  OsRandom random;
  StationProcess station({});
  Reactor reactor;
  const auto tls = TlsContext::client().value();
  const auto accounts = make_accounts(static_cast<std::size_t>(options.sessions), random);
  const auto count = static_cast<double>(options.sessions);
  std::vector<std::unique_ptr<LoadClient>> clients;
  std::size_t ready = 0;
  const Usage before = station.usage();
  const Usage self_before = own_usage();
  const Time begin = now();
  while (ready < accounts.size()) {
    while (clients.size() < accounts.size() && clients.size() < ready + kAtOnce) {
      clients.push_back(
          std::make_unique<LoadClient>(reactor, tls, station.target(), accounts[clients.size()],
                                       Session::Options{.text_lane = options.text_lane},
                                       LoadClient::Events{[&] { ++ready; }, {}, give_up}));
      clients.back()->start();
    }
    reactor.run_for(1);
  }
  const double took = seconds_since(begin);
  const Usage full = station.usage();
  const Usage self_full = own_usage();
  const auto watched = static_cast<Millis>(options.seconds * 1000);
  reactor.run_for(watched / 2);  // what log-ins leave to be done is done then
  const Usage settled = station.usage();
  reactor.run_for(watched);
  const Usage after = station.usage();
  fmt::print("| {} | {} | {:.0f} | {:.2f} | {:.2f} | {:.1f} | {:.0f} | {:.2f} |\n",
             options.sessions, options.text_lane ? 2 : 1, count / took,
             (full.cpu_s - before.cpu_s) * 1000 / count,
             (self_full.cpu_s - self_before.cpu_s) * 1000 / count,
             (after.rss_kib - before.rss_kib) / count, after.rss_kib / 1024,
             (after.cpu_s - settled.cpu_s) / options.seconds * 100);
}

}  // namespace

void measure_sessions(std::span<const SessionOptions> rows) {
  fmt::print(
      "| sessions | connections each | log-ins/s | station CPU ms | load CPU ms | KiB a session | "
      "station RSS MiB | CPU % idle |\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const SessionOptions& row : rows) {
    measure(row);
    std::fflush(stdout);
  }
}

}  // namespace dim::bench
