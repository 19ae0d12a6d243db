// dim-bench: a real station in a process of its own under load over TLS. docs/performance.md says
// how to read the figures.
#include <fmt/core.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cstdlib>

#include "bench/load.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/packet/guid.h"

namespace dim::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;
double seconds_since(Time begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

[[noreturn]] void give_up(const Error& error, std::string_view message) {
  fmt::print(stderr, "dim-bench: {} {}\n", to_string(error), message);
  std::exit(1);
}

/// Runs the reactor until `done`.
void run_until(Reactor& reactor, const std::function<bool()>& done) {
  while (!done()) reactor.run_for(5);
}

struct RelayOptions {
  int pairs = 50;
  int window = 32;
  double rate = 0;  // messages/s over all pairs; 0: as fast as the window allows
  double seconds = 10;
  std::size_t size = 1'024;
  bool verify_always = false;
  bool receiver_verifies = false;
};

/// One direction of a pair: messages go out, acks and arrivals come back.
struct Pair {
  std::unique_ptr<LoadClient> sender;
  std::unique_ptr<LoadClient> receiver;
  std::string wire;
  Directory directory;  // the receiver's
  std::int64_t newest = 0;
  std::size_t since_cursor = 0;
  int in_flight = 0;
};

void relay(const RelayOptions& options) {
  OsRandom random;
  SystemClock clock;
  StationProcess station({.folder = {}, .verify_always = options.verify_always});
  Reactor reactor;
  const auto tls = TlsContext::client().value();
  const auto accounts = make_accounts(static_cast<std::size_t>(options.pairs) * 2, random);

  std::vector<Pair> pairs(static_cast<std::size_t>(options.pairs));
  std::vector<double> ack_ms;
  std::vector<double> read_ms;
  std::map<std::string, Time, std::less<>> under_way;  // arrival is measured for a sample
  std::size_t acked = 0;
  std::size_t arrived = 0;
  std::size_t ready = 0;
  bool sending = false;
  bool measuring = false;
  double allowance = 0;

  const auto send_one = [&](Pair& pair) {
    const Time begin = std::chrono::steady_clock::now();
    std::string guid = Guid::make(clock.now(), random).text();
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message")
        .set("target", pair.receiver->account().id.text())
        .set("guid", guid);
    packet.content = pair.wire;
    ++pair.in_flight;
    under_way.emplace(std::move(guid), begin);
    pair.sender->session().request(
        Lane::text, std::move(packet), [&, begin](const Packet& response) {
          if (response.code != 201 && response.code != 202) {
            give_up({Errc::unavailable, "a message was refused"},
                    fmt::format("{} {}", response.code, response.get("message")));
          }
          --pair.in_flight;
          ++acked;
          if (measuring) ack_ms.push_back(seconds_since(begin) * 1000);
        });
  };
  const auto fill = [&] {
    for (Pair& pair : pairs) {
      while (sending && pair.in_flight < options.window && (options.rate <= 0 || allowance >= 1)) {
        allowance -= 1;
        send_one(pair);
      }
    }
  };

  for (std::size_t i = 0; i < pairs.size(); ++i) {
    Pair& pair = pairs[i];
    const Account& from = accounts[2 * i];
    const Account& to = accounts[2 * i + 1];
    Directory known;
    (void)known.learn_meta(to.id, to.meta);
    (void)known.learn_document(to.id, to.visa.json(), clock.now());
    (void)pair.directory.learn_meta(from.id, from.meta);
    (void)pair.directory.learn_document(from.id, from.visa.json(), clock.now());
    JsonObject content;
    content.set("type", 1);
    content.set("sn", static_cast<std::int64_t>(i + 1));
    content.set("time", static_cast<double>(clock.now()) / 1000);
    content.set("text", "load");
    const PlainMessage plain{.envelope = {.sender = from.id,
                                          .receiver = to.id,
                                          .time = static_cast<double>(clock.now()) / 1000,
                                          .group = {},
                                          .type = {}},
                             .content = std::move(content)};
    pair.wire = write_message(seal(plain, from, known, {.seq = 1, .prev = {}}, random).value());
    if (pair.wire.size() < options.size) {
      // Filled up to the wanted size with a member that everybody keeps and nobody reads.
      pair.wire.pop_back();
      pair.wire += ", \"filler\": \"" + std::string(options.size - pair.wire.size(), 'x') + "\"}";
    }
    pair.sender =
        std::make_unique<LoadClient>(reactor, tls, station.target(), from, Session::Options{},
                                     LoadClient::Events{[&] { ++ready; }, {}, give_up});
    pair.receiver = std::make_unique<LoadClient>(
        reactor, tls, station.target(), to, Session::Options{.after = 0},
        LoadClient::Events{
            [&] { ++ready; },
            [&](Packet packet) {
              ++arrived;
              if (const auto found = under_way.find(packet.get("guid")); found != under_way.end()) {
                if (measuring) read_ms.push_back(seconds_since(found->second) * 1000);
                under_way.erase(found);
              }
              if (options.receiver_verifies) {
                auto message = SignedMessage::parse(*packet.content);
                if (!message || !verify(*message, pair.directory, clock.now())) {
                  give_up({Errc::signature, "a relayed message does not verify"}, {});
                }
              }
              pair.newest = std::strtoll(std::string(packet.get("cursor")).c_str(), nullptr, 10);
              if (++pair.since_cursor < 16) return;
              pair.since_cursor = 0;
              pair.receiver->session().request(Lane::text,
                                               Packet::request(Operation::notify)
                                                   .set("type", "cursor")
                                                   .set("cursor", std::to_string(pair.newest)),
                                               {});
            },
            give_up});
    pair.sender->start();
    pair.receiver->start();
  }
  run_until(reactor, [&] { return ready == pairs.size() * 2; });

  Time last = std::chrono::steady_clock::now();
  const auto work = [&](double seconds) {
    const Time begin = std::chrono::steady_clock::now();
    while (seconds_since(begin) < seconds) {
      const double passed = seconds_since(last);
      last = std::chrono::steady_clock::now();
      allowance = std::min(allowance + passed * options.rate, options.rate);
      fill();
      reactor.run_for(1);
    }
  };
  sending = true;
  work(std::min(3.0, options.seconds / 3));
  const std::size_t acked_before = acked;
  const std::size_t arrived_before = arrived;
  const Usage before = station.usage();
  const Usage self_before = usage_of(::getpid());
  measuring = true;
  const Time begin = std::chrono::steady_clock::now();
  work(options.seconds);
  measuring = false;
  const double took = seconds_since(begin);
  const Usage after = station.usage();
  const Usage self_after = usage_of(::getpid());
  const std::size_t got = arrived - arrived_before;
  const std::size_t taken = acked - acked_before;
  sending = false;
  run_until(reactor, [&] { return under_way.empty(); });
  fmt::print(
      "relay pairs={} window={} size={} rate={} verify={}: {:.0f} acked/s {:.0f} arrived/s, ack "
      "p50 {:.2f} p99 {:.2f} ms, "
      "arrival p50 {:.2f} p99 {:.2f} ms, station {:.0f} us CPU a message, load {:.0f} us, station "
      "RSS {:.0f} MiB, none lost\n",
      options.pairs, options.window, options.size, options.rate,
      options.verify_always ? "always" : "channel", static_cast<double>(taken) / took,
      static_cast<double>(got) / took, percentile(ack_ms, 0.5), percentile(ack_ms, 0.99),
      percentile(read_ms, 0.5), percentile(read_ms, 0.99),
      (after.cpu_s - before.cpu_s) * 1e6 / static_cast<double>(got),
      (self_after.cpu_s - self_before.cpu_s) * 1e6 / static_cast<double>(got),
      after.rss_kib / 1024);
}

void idle(int sessions) {
  OsRandom random;
  StationProcess station({});
  Reactor reactor;
  const auto tls = TlsContext::client().value();
  const auto accounts = make_accounts(static_cast<std::size_t>(sessions), random);
  const Usage before = station.usage();
  std::vector<std::unique_ptr<LoadClient>> clients;
  std::size_t ready = 0;
  std::size_t started = 0;
  const Time begin = std::chrono::steady_clock::now();
  while (ready < accounts.size()) {
    while (started < accounts.size() && started < ready + 50) {
      clients.push_back(std::make_unique<LoadClient>(
          reactor, tls, station.target(), accounts[started++], Session::Options{.text_lane = false},
          LoadClient::Events{[&] { ++ready; }, {}, give_up}));
      clients.back()->start();
    }
    reactor.run_for(1);
  }
  const double login_s = seconds_since(begin);
  reactor.run_for(6'000);
  const Usage settled = station.usage();
  reactor.run_for(5'000);
  const Usage after = station.usage();
  fmt::print(
      "idle sessions={}: {:.1f} KiB a session, station RSS {:.0f} MiB, {:.2f} % CPU idle; {:.0f} "
      "logins/s with 50 at once\n",
      sessions, (after.rss_kib - before.rss_kib) / sessions, after.rss_kib / 1024,
      (after.cpu_s - settled.cpu_s) / 5 * 100, sessions / login_s);
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  raise_file_limit();
  CLI::App app{"dim-bench: a station under load, over TLS on [::1]"};
  app.require_subcommand(1);
  RelayOptions relay_options;
  auto* relay_verb = app.add_subcommand(
      "relay", "pairs of sessions that send through the station, durable before each ack");
  relay_verb->add_option("--pairs", relay_options.pairs)
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  relay_verb->add_option("--window", relay_options.window, "messages of a pair without ack")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  relay_verb
      ->add_option("--rate", relay_options.rate,
                   "messages a second over all pairs; 0: as fast as it goes")
      ->capture_default_str();
  relay_verb->add_option("--seconds", relay_options.seconds)->capture_default_str();
  relay_verb->add_option("--size", relay_options.size, "bytes of a signed message, at least")
      ->capture_default_str();
  relay_verb->add_flag("--verify-always", relay_options.verify_always,
                       "the station checks every ECDSA signature");
  relay_verb->add_flag("--receiver-verifies", relay_options.receiver_verifies,
                       "so do the receivers, in this process");
  int sessions = 1'000;
  auto* idle_verb =
      app.add_subcommand("idle", "log in many sessions, fifty at once, and let them be");
  idle_verb->add_option("--sessions", sessions)
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  auto* all_verb = app.add_subcommand("all", "the table of docs/performance.md");
  CLI11_PARSE(app, argc, argv);
  try {
    if (*relay_verb) relay(relay_options);
    if (*idle_verb) idle(sessions);
    if (*all_verb) {
      for (const int pairs : {1, 50, 200}) {
        for (const int window : {1, 32}) {
          relay_options.pairs = pairs;
          relay_options.window = window;
          relay(relay_options);
        }
      }
      relay_options.pairs = 50;
      relay_options.window = 32;
      relay_options.verify_always = true;
      relay(relay_options);
      relay_options.verify_always = false;
      relay_options.rate = 2'000;
      relay(relay_options);
      idle(1'000);
      idle(10'000);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "dim-bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
