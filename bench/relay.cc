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
constexpr int kFlood = 64;                // messages without ack of who sends too much

/// One direction of a pair: messages go out, acks and arrivals come back.
struct Pair {
  std::unique_ptr<LoadClient> sender;
  std::unique_ptr<LoadClient> receiver;
  std::string wire;
  Directory directory;  // the receiver's
  std::size_t since_cursor = 0;
  int in_flight = 0;
  bool disturbs = false;  // is not measured, and may be refused
  bool ended = false;
};

/// One pair more, and what it does to the others.
enum class Disturbance : std::uint8_t { none, read, stalled, flood };

struct Figures {
  double acked = 0, arrived = 0;  // a second
  double ack_p50 = 0, ack_p99 = 0, arrival_p50 = 0, arrival_p99 = 0;
  std::size_t refused = 0;  // of the pair that disturbs
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
  explicit Relay(const RelayOptions& options, Disturbance disturbance = Disturbance::none,
                 double heavy_rate = 0, std::size_t heavy = 0)
      : options_(options),
        disturbance_(disturbance),
        heavy_rate_(heavy_rate),
        station_({.folder = {},
                  .verify_always = options.verify_always,
                  .message_quota = disturbance == Disturbance::flood}),
        accounts_(make_accounts(static_cast<std::size_t>(options.pairs) * 2, random_)),
        pairs_(static_cast<std::size_t>(options.pairs)) {
    if (disturbance != Disturbance::none) pairs_.back().disturbs = true;
    for (std::size_t i = 0; i < pairs_.size(); ++i)
      prepare(pairs_[i], accounts_[2 * i], accounts_[2 * i + 1],
              pairs_[i].disturbs && heavy > 0 ? heavy : options_.size);
    while (ready_ < pairs_.size() * 2) reactor_.run_for(5);
  }

  /// Under the disturbance, for so long.
  Figures figures() {
    if (disturbance_ == Disturbance::stalled) pairs_.back().receiver->stop_reading();
    work(options_.seconds / 3);
    const std::size_t acked = acked_, arrived = arrived_;
    measuring_ = true;
    const Time begin = now();
    work(options_.seconds);
    measuring_ = false;
    const double took = seconds_since(begin);
    Figures out{.acked = static_cast<double>(acked_ - acked) / took,
                .arrived = static_cast<double>(arrived_ - arrived) / took};
    while (!under_way_.empty()) reactor_.run_for(5);  // none may be lost
    out.ack_p50 = percentile(ack_ms_, 0.5);
    out.ack_p99 = percentile(ack_ms_, 0.99);
    out.arrival_p50 = percentile(arrival_ms_, 0.5);
    out.arrival_p99 = percentile(arrival_ms_, 0.99);
    out.refused = refused_;
    return out;
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
  void prepare(Pair& pair, const Account& from, const Account& to, std::size_t size);
  void send(Pair& pair);
  void take(Pair& pair, const Packet& packet);
  void arrived(const Arrival& arrival);
  static void tell_cursor(Pair& pair, const std::string& newest);

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
      const std::size_t even = pairs_.size() - (pairs_.back().disturbs ? 1 : 0);
      for (owed += seconds * options_.rate; owed >= 1; owed -= 1) {
        Pair& pair = pairs_[next_pair_++ % even];
        if (pair.in_flight < options_.window) send(pair);
      }
      for (heavy_owed_ += seconds * heavy_rate_; heavy_owed_ >= 1; heavy_owed_ -= 1)
        send(pairs_.back());
      if (disturbance_ == Disturbance::flood) {
        Pair& pair = pairs_.back();
        while (!pair.ended && pair.in_flight < kFlood) send(pair);
      }
    }
  }

  RelayOptions options_;
  Disturbance disturbance_;
  double heavy_rate_, heavy_owed_ = 0;
  std::size_t refused_ = 0;
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

void Relay::prepare(Pair& pair, const Account& from, const Account& to, std::size_t size) {
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
  if (pair.wire.size() < size) {
    // Filled up to the wanted size with a member that everybody keeps and nobody reads.
    pair.wire.pop_back();
    pair.wire += ", \"filler\": \"" + std::string(size - pair.wire.size(), 'x') + "\"}";
  }
  const auto ready = [this] { ++ready_; };
  const auto failed = [&pair](const Error& error, std::string_view message) {
    if (!pair.disturbs) give_up(error, message);
    pair.ended = true;
  };
  pair.sender =
      std::make_unique<LoadClient>(reactor_, tls_, station_.target(), from, Session::Options{},
                                   LoadClient::Events{ready, {}, failed});
  pair.receiver = std::make_unique<LoadClient>(
      reactor_, tls_, station_.target(), to, Session::Options{.after = 0},
      LoadClient::Events{ready, [this, &pair](const Packet& packet) { take(pair, packet); },
                         failed});
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
  if (!pair.disturbs) under_way_.emplace(std::move(guid), begin);
  pair.sender->session().request(
      Lane::text, std::move(packet), [this, &pair, begin](const Packet& response) {
        --pair.in_flight;
        const bool taken = response.code == 201 || response.code == 202;
        if (pair.disturbs) {
          refused_ += taken ? 0 : 1;
          return;
        }
        if (!taken) give_up({Errc::unavailable, "a message was refused"}, response.get("message"));
        ++acked_;
        if (measuring_) ack_ms_.push_back(seconds_since(begin) * 1000);
      });
}

void Relay::take(Pair& pair, const Packet& packet) {
  Arrival arrival{&pair, std::string(packet.get("guid")), std::string(packet.get("cursor")), {}};
  if (pair.disturbs) return tell_cursor(pair, arrival.cursor);
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
  tell_cursor(*arrival.pair, arrival.cursor);
}

void Relay::tell_cursor(Pair& pair, const std::string& newest) {
  if (++pair.since_cursor < kCursorEvery) return;
  pair.since_cursor = 0;
  Packet cursor = Packet::request(Operation::notify);
  cursor.set("type", "cursor").set("cursor", newest);
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

void measure_isolation(const IsolationOptions& options) {
  fmt::print(
      "| pairs | rate | one more | of it refused | acked/s | ack p50 ms | p99 | arrival p50 ms | "
      "p99 |\n"
      "| ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const RelayOptions relay{
      .pairs = options.pairs + 1, .rate = options.rate, .seconds = options.seconds};
  double read_p99 = 0, stalled_p99 = 0;
  const auto row = [&](std::string_view name, Disturbance disturbance) {
    const bool flood = disturbance == Disturbance::flood;
    const Figures one =
        Relay(relay, disturbance, flood ? 0 : options.heavy_rate, options.heavy).figures();
    fmt::print("| {} | {} | {} | {} | {:.0f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} |\n",
               options.pairs, options.rate, name, one.refused, one.acked, one.ack_p50, one.ack_p99,
               one.arrival_p50, one.arrival_p99);
    std::fflush(stdout);
    return one.arrival_p99;
  };
  // In turn, so that what else the machine does meets both.
  for (int turn = 0; turn < 3; ++turn) {
    read_p99 += row("whose messages are read", Disturbance::read);
    stalled_p99 += row("whose reader stops", Disturbance::stalled);
  }
  row("as fast as it can", Disturbance::flood);
  fmt::print("\narrival p99 beside a reader that stops: {:.2f} times that beside one that reads\n",
             stalled_p99 / read_p99);
}

}  // namespace dim::bench
