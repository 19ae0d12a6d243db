#include <fmt/core.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "bench/load.h"
#include "bench/measures.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/packet/guid.h"

namespace dim::bench {
namespace {

constexpr std::size_t kCursorEvery = 16;  // arrivals acknowledged with one NOTIFY
constexpr double kLeastStep = 0.0005;     // seconds

/// One direction of a pair: messages go out, acks and arrivals come back.
struct Pair {
  std::unique_ptr<LoadClient> sender;
  std::unique_ptr<LoadClient> receiver;
  std::string wire;
  Directory directory;  // the receiver's
  std::string newest;   // cursor
  std::size_t since_cursor = 0;
  int in_flight = 0;
};

struct Arrival {
  Pair* pair = nullptr;
  std::string guid;
  std::string cursor;
  std::string content;
};

/// What receivers check, on a thread of its own: they are no part of the sending machine. Each
/// batch goes back to the reactor's thread when all of it is right.
class Checks {
 public:
  using Done = std::function<void(const Arrival&)>;
  Checks(Reactor& reactor, Done done) : reactor_(reactor), done_(std::move(done)) {}

  void add(Arrival arrival) {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(arrival));
    added_.notify_one();
  }

 private:
  void run(const std::stop_token& stop) {
    for (;;) {
      std::vector<Arrival> batch;
      {
        std::unique_lock lock(mutex_);
        if (!added_.wait(lock, stop, [&] { return !waiting_.empty(); })) return;
        batch.swap(waiting_);
      }
      for (const Arrival& one : batch) {
        const auto message = SignedMessage::parse(one.content);
        if (!message || !verify(*message, one.pair->directory, clock_.now()))
          give_up({Errc::signature, "a relayed message does not verify"}, one.guid);
      }
      boost::asio::post(reactor_.io(), [this, batch = std::move(batch)] {
        for (const Arrival& one : batch) done_(one);
      });
    }
  }

  Reactor& reactor_;
  Done done_;
  SystemClock clock_;
  std::mutex mutex_;
  std::condition_variable_any added_;
  std::vector<Arrival> waiting_;
  std::jthread thread_{[this](const std::stop_token& stop) { run(stop); }};
};

class Relay {
 public:
  explicit Relay(const RelayOptions& options)
      : options_(options),
        station_({.folder = {}, .verify_always = options.verify_always}),
        accounts_(make_accounts(static_cast<std::size_t>(options.pairs) * 2, random_)),
        pairs_(static_cast<std::size_t>(options.pairs)) {
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      prepare(pairs_[i], accounts_[2 * i], accounts_[2 * i + 1]);
    while (ready_ < pairs_.size() * 2) reactor_.run_for(5);
  }

  void run() {
    const double sync_ms = station_.sync_ms();
    work(std::min(3.0, options_.seconds / 3));
    const std::size_t acked = acked_;
    const std::size_t arrived = arrived_;
    const Usage before = station_.usage();
    const Usage self_before = own_usage();
    measuring_ = true;
    const Time begin = now();
    work(options_.seconds);
    measuring_ = false;
    const double took = seconds_since(begin);
    const Usage after = station_.usage();
    const Usage self_after = own_usage();
    const auto taken = static_cast<double>(acked_ - acked);
    const auto got = static_cast<double>(arrived_ - arrived);
    while (!under_way_.empty()) reactor_.run_for(5);  // none may be lost
    fmt::print(
        "| {} | {} | {} | {} | {:.0f} | {:.0f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.1f} | "
        "{:.1f} | {:.0f} | {:.2f} |\n",
        options_.pairs, options_.window, options_.rate > 0 ? fmt::format("{}", options_.rate) : "",
        options_.verify_always       ? "station"
        : options_.receiver_verifies ? "receiver"
                                     : "channel",
        taken / took, got / took, percentile(ack_ms_, 0.5), percentile(ack_ms_, 0.99),
        percentile(arrival_ms_, 0.5), percentile(arrival_ms_, 0.99),
        (after.cpu_s - before.cpu_s) * 1e6 / got,
        (self_after.cpu_s - self_before.cpu_s) * 1e6 / got, after.rss_kib / 1024,
        (sync_ms + station_.sync_ms()) / 2);
  }

 private:
  void prepare(Pair& pair, const Account& from, const Account& to);
  void send(Pair& pair);
  void take(Pair& pair, const Packet& packet);
  void arrived(const Arrival& arrival);

  /// Sends as windows and rate allow, for so long.
  void work(double seconds) {
    const Time end =
        now() + std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(seconds));
    if (options_.rate > 0) return work_at_rate(end);
    while (now() < end) {
      for (Pair& pair : pairs_) {
        while (pair.in_flight < options_.window) send(pair);
      }
      reactor_.run_for(1);
    }
  }

  /// Evenly, one pair after the other, in steps of half a millisecond at least. A pair whose window
  /// is full is passed over, and what falls due then is not made up for.
  void work_at_rate(Time end) {
    const double seconds = std::max(1 / options_.rate, kLeastStep);
    const auto step =
        std::chrono::duration_cast<Time::duration>(std::chrono::duration<double>(seconds));
    boost::asio::steady_timer due(reactor_.io());
    double owed = 0;
    for (Time next = now(); next < end; next += step) {
      bool reached = false;
      due.expires_at(next);
      due.async_wait([&](const boost::system::error_code&) { reached = true; });
      reactor_.io().restart();
      while (!reached) reactor_.io().run_one();
      for (owed += seconds * options_.rate; owed >= 1; owed -= 1) {
        Pair& pair = pairs_[next_pair_++ % pairs_.size()];
        if (pair.in_flight < options_.window) send(pair);
      }
    }
  }

  RelayOptions options_;
  OsRandom random_;
  SystemClock clock_;
  StationProcess station_;
  Reactor reactor_;
  std::shared_ptr<const TlsContext> tls_ = TlsContext::client().value();
  std::vector<Account> accounts_;
  std::vector<Pair> pairs_;
  std::vector<double> ack_ms_;
  std::vector<double> arrival_ms_;
  std::unordered_map<std::string, Time> under_way_;  // by GUID
  std::size_t acked_ = 0;
  std::size_t arrived_ = 0;
  std::size_t ready_ = 0;
  std::size_t next_pair_ = 0;
  bool measuring_ = false;
  Checks checks_{reactor_, [this](const Arrival& arrival) { arrived(arrival); }};
};

void Relay::prepare(Pair& pair, const Account& from, const Account& to) {
  Directory known;
  (void)known.learn_meta(to.id, to.meta);
  (void)known.learn_document(to.id, to.visa.json(), clock_.now());
  (void)pair.directory.learn_meta(from.id, from.meta);
  (void)pair.directory.learn_document(from.id, from.visa.json(), clock_.now());
  JsonObject content;
  content.set("type", 1);
  content.set("sn", 1);
  content.set("time", static_cast<double>(clock_.now()) / 1000);
  content.set("text", "load");
  const PlainMessage plain{.envelope = {.sender = from.id, .receiver = to.id},
                           .content = std::move(content)};
  pair.wire = write_message(seal(plain, from, known, {.seq = 1, .prev = {}}, random_).value());
  if (pair.wire.size() < options_.size) {
    // Filled up to the wanted size with a member that everybody keeps and nobody reads.
    pair.wire.pop_back();
    pair.wire += ", \"filler\": \"" + std::string(options_.size - pair.wire.size(), 'x') + "\"}";
  }
  const auto ready = [this] { ++ready_; };
  pair.sender =
      std::make_unique<LoadClient>(reactor_, tls_, station_.target(), from, Session::Options{},
                                   LoadClient::Events{ready, {}, give_up});
  pair.receiver = std::make_unique<LoadClient>(
      reactor_, tls_, station_.target(), to, Session::Options{.after = 0},
      LoadClient::Events{ready, [this, &pair](const Packet& packet) { take(pair, packet); },
                         give_up});
  pair.sender->start();
  pair.receiver->start();
}

void Relay::send(Pair& pair) {
  const Time begin = now();
  std::string guid = Guid::make(clock_.now(), random_).text();
  Packet packet = Packet::request(Operation::create);
  packet.set("type", "message").set("target", pair.receiver->account().id.text()).set("guid", guid);
  packet.content = pair.wire;
  ++pair.in_flight;
  under_way_.emplace(std::move(guid), begin);
  pair.sender->session().request(
      Lane::text, std::move(packet), [this, &pair, begin](const Packet& response) {
        if (response.code != 201 && response.code != 202)
          give_up({Errc::unavailable, "a message was refused"}, response.get("message"));
        --pair.in_flight;
        ++acked_;
        if (measuring_) ack_ms_.push_back(seconds_since(begin) * 1000);
      });
}

void Relay::take(Pair& pair, const Packet& packet) {
  Arrival arrival{&pair, std::string(packet.get("guid")), std::string(packet.get("cursor")), {}};
  if (!under_way_.contains(arrival.guid))
    give_up({Errc::conflict, "a message came that was not under way"}, arrival.guid);
  if (packet.content != pair.wire)
    give_up({Errc::conflict, "a message came with other bytes"}, arrival.guid);
  if (!options_.receiver_verifies) return arrived(arrival);
  arrival.content = *packet.content;
  checks_.add(std::move(arrival));
}

void Relay::arrived(const Arrival& arrival) {
  ++arrived_;
  const auto found = under_way_.find(arrival.guid);
  if (measuring_) arrival_ms_.push_back(seconds_since(found->second) * 1000);
  under_way_.erase(found);
  Pair& pair = *arrival.pair;
  pair.newest = arrival.cursor;
  if (++pair.since_cursor < kCursorEvery) return;
  pair.since_cursor = 0;
  Packet cursor = Packet::request(Operation::notify);
  cursor.set("type", "cursor").set("cursor", pair.newest);
  pair.receiver->session().request(Lane::text, std::move(cursor), {});
}

}  // namespace

void measure_relay(std::span<const RelayOptions> rows) {
  fmt::print(
      "| pairs | window | rate | signatures | acked/s | arrived/s | ack p50 ms | p99 | arrival p50 "
      "ms | p99 | station CPU us | load CPU us | station RSS MiB | bare fdatasync ms |\n"
      "| ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: "
      "| ---: |\n");
  for (const RelayOptions& row : rows) {
    Relay(row).run();
    std::fflush(stdout);
  }
}

}  // namespace dim::bench
