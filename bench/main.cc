// dim-bench: a real station in a process of its own under load over TLS. docs/performance.md says
// how to read the figures.
#include <fmt/core.h>
#include <sys/resource.h>
#include <CLI/CLI.hpp>

#include <vector>

#include "bench/measures.h"

namespace dim::bench {
namespace {

void raise_file_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// The tables of docs/performance.md; `quick`: a glance at each.
void measure_all(bool quick) {
  const double seconds = quick ? 0.3 : 10;
  std::vector<RelayOptions> relays;
  for (const int pairs : quick ? std::vector{1, 5} : std::vector{1, 50, 200}) {
    for (const int window : {1, 32})
      relays.push_back({.pairs = pairs, .window = window, .seconds = seconds});
  }
  const int pairs = quick ? 5 : 50;
  relays.push_back({.pairs = pairs, .window = 32, .seconds = seconds, .verify_always = true});
  relays.push_back({.pairs = pairs, .window = 32, .seconds = seconds, .receiver_verifies = true});
  for (const double rate : quick ? std::vector{200.0} : std::vector{2'000.0, 20'000.0}) {
    relays.push_back({.pairs = pairs, .window = 32, .rate = rate, .seconds = seconds});
  }
  measure_relay(relays);
  fmt::print("\n");
  const auto sessions = [&](int count, bool text_lane) {
    return SessionOptions{.sessions = quick ? count / 100 : count,
                          .text_lane = text_lane,
                          .seconds = quick ? 0.1 : 5};
  };
  measure_sessions(
      std::vector{sessions(1'000, false), sessions(1'000, true), sessions(10'000, false)});
  fmt::print("\n");
  std::vector<FanoutOptions> fanouts;
  if (quick) {
    fanouts.push_back({.members = 20, .writers = 5, .posts = 50});
    fanouts.push_back({.members = 20, .writers = 1, .rate = 100, .posts = 20});
  } else {
    for (const int writers : {1, 10}) {
      for (const double rate : {0.0, 100.0}) fanouts.push_back({.writers = writers, .rate = rate});
    }
  }
  measure_fanout(fanouts);
  fmt::print("\n");
  measure_isolation(quick ? IsolationOptions{.pairs = 5, .rate = 100, .seconds = 0.3}
                          : IsolationOptions{});
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  raise_file_limit();
  CLI::App app{"dim-bench: a station under load, over TLS on [::1]"};
  RelayOptions relay;
  auto* relay_verb = app.add_subcommand(
      "relay", "pairs of sessions that send through the station, durable before each ack");
  relay_verb->add_option("--pairs", relay.pairs)
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  relay_verb->add_option("--window", relay.window, "messages of a pair without ack")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  relay_verb
      ->add_option("--rate", relay.rate, "messages a second over all pairs; 0: as fast as it goes")
      ->capture_default_str();
  relay_verb->add_option("--seconds", relay.seconds)->capture_default_str();
  relay_verb->add_option("--size", relay.size, "bytes of a signed message, at least")
      ->capture_default_str();
  relay_verb->add_flag("--verify-always", relay.verify_always,
                       "the station checks every ECDSA signature");
  relay_verb->add_flag("--receiver-verifies", relay.receiver_verifies,
                       "so do the receivers, on a thread of their own");
  SessionOptions sessions;
  auto* sessions_verb =
      app.add_subcommand("sessions", "log in many sessions, fifty at once, and let them be");
  sessions_verb->add_option("--sessions", sessions.sessions)
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  sessions_verb->add_option("--seconds", sessions.seconds, "how long they are watched")
      ->capture_default_str();
  sessions_verb->add_flag("--text-lane", sessions.text_lane, "with the second connection");
  FanoutOptions fanout;
  auto* fanout_verb = app.add_subcommand(
      "fanout", "a channel of a public hub, all of its members online, durable before each ack");
  fanout_verb->add_option("--members", fanout.members)
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  fanout_verb->add_option("--writers", fanout.writers, "of the members")
      ->check(CLI::Range(1, 20'000))
      ->capture_default_str();
  fanout_verb->add_option("--window", fanout.window, "posts of a writer without ack")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  fanout_verb
      ->add_option("--rate", fanout.rate, "posts a second over all writers; 0: as fast as it goes")
      ->capture_default_str();
  fanout_verb->add_option("--posts", fanout.posts)
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  fanout_verb->add_option("--size", fanout.size, "bytes of a post")
      ->check(CLI::Range(8, 65'536))
      ->capture_default_str();
  IsolationOptions isolation;
  auto* isolation_verb = app.add_subcommand(
      "isolation", "what pairs notice of a reader that stops, and of one that sends too much");
  isolation_verb->add_option("--pairs", isolation.pairs)
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  isolation_verb->add_option("--rate", isolation.rate, "messages a second over all pairs")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  isolation_verb->add_option("--seconds", isolation.seconds, "of each row")->capture_default_str();
  auto* all_verb = app.add_subcommand("all", "the tables of docs/performance.md (the default)");
  bool quick = false;
  app.add_flag("--quick", quick, "all of it, but only a glance: does it work?");
  all_verb->add_flag("--quick", quick);
  app.require_subcommand(0, 1);
  CLI11_PARSE(app, argc, argv);
  try {
    if (*relay_verb)
      measure_relay({&relay, 1});
    else if (*sessions_verb)
      measure_sessions({&sessions, 1});
    else if (*fanout_verb)
      measure_fanout({&fanout, 1});
    else if (*isolation_verb)
      measure_isolation(isolation);
    else
      measure_all(quick);
  } catch (const std::exception& error) {
    fmt::print(stderr, "dim-bench: {}\n", error.what());
    return 1;
  }
  return 0;
}
