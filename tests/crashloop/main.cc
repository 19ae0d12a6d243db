// dim-crashloop: kills a working station with SIGKILL at random moments, again and again, and reads
// back what it had acknowledged (promise R1). Each cycle: sessions send as fast as they are
// answered, kill, start (now and then killed once more while it starts), receivers say how far they
// have read, the unanswered are repeated, and every receiver reads its inbox to the end: most from
// where they were, as clients do, some from the beginning. A message that was acknowledged must
// come exactly once, with its bytes, and after those that its sender sent before it; none may be
// refused; nothing may come that nobody sent.
#include <fmt/core.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>
#include <stdexcept>
#include <string>

#include "bench/load.h"
#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/packet/guid.h"

namespace dim::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWindow = 16;              // unanswered messages of one sender
constexpr double kPatience = 60;         // seconds without any progress
constexpr std::size_t kLeastAcks = 200;  // of a cycle: a kill while nothing happens proves nothing

struct Sent {
  std::size_t pair = 0;
  std::size_t number = 0;  // in the order of sending
  std::string bytes;
  bool acked = false;
  bool settled =
      false;  // read back in an earlier cycle; may come again until its cursor is on disk
};

struct Pair {
  const Account* from = nullptr;
  const Account* to = nullptr;
  std::string wire;  // a sealed message, made unlike any other by its filler
  std::unique_ptr<LoadClient> sender;
  std::unique_ptr<LoadClient> receiver;
  int in_flight = 0;
  std::multiset<std::string> read;  // GUIDs of this cycle's reading
  std::size_t newest = 0;           // number of the last new one in it
  std::int64_t cursor = 0;          // where it reads on
  std::int64_t stored = 0;          // up to here it has everything
  bool from_start = true;           // of the inbox, in this cycle
  bool done = false;
};

/// Ends the run when what must go on has stood still. How long the whole takes says nothing: a
/// machine may be busy, and an inbox of many cycles long.
class Patience {
 public:
  explicit Patience(const char* what) : what_(what) {}
  void check(std::size_t progress) {
    if (progress != seen_) {
      seen_ = progress;
      since_ = Clock::now();
    } else if (seconds_since(since_) > kPatience) {
      throw std::runtime_error(fmt::format("{} stands still", what_));
    }
  }

 private:
  const char* what_;
  std::size_t seen_ = 0;
  Clock::time_point since_ = Clock::now();
};

class CrashLoop {
 public:
  CrashLoop(int cycles, int pairs, std::uint64_t seed)
      : cycles_(cycles), random_state_(seed), pairs_(static_cast<std::size_t>(pairs)) {
    accounts_ = make_accounts(pairs_.size() * 2, os_random_);
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      pairs_[i].from = &accounts_[2 * i];
      pairs_[i].to = &accounts_[2 * i + 1];
      pairs_[i].wire = sealed(pairs_[i]);
    }
  }

  int run() {
    const auto begin = Clock::now();
    log_in(true, true);
    for (int cycle = 1; cycle <= cycles_; ++cycle) {
      send_until_killed(cycle);
      station_.launch();
      if (uniform(4) == 0) {
        reactor_.run_for(static_cast<Millis>(uniform(40)));
        station_.kill();
        station_.launch();
        ++killed_in_start_;
      }
      const auto restart = Clock::now();
      station_.wait();
      slowest_start_ = std::max(slowest_start_, seconds_since(restart));
      log_in(true, true);
      tell_cursors();
      repeat_unanswered();
      read_back(cycle);
      if (cycle % 25 == 0 || cycle == cycles_) {
        fmt::print(
            "{:5} kills, {} of them while starting: {} acknowledged, {} repeated, {} "
            "refused, {} lost, {} twice, {} altered, {} out of order; slowest start "
            "{:.2f} s; {:.0f} s\n",
            cycle + killed_in_start_, killed_in_start_, acked_, repeated_, refused_, lost_, twice_,
            altered_, disordered_, slowest_start_, seconds_since(begin));
        std::fflush(stdout);
      }
    }
    return refused_ + lost_ + twice_ + altered_ + disordered_ + other_ == 0 ? 0 : 1;
  }

 private:
  std::uint64_t uniform(std::uint64_t below) {
    random_state_ += 0x9e3779b97f4a7c15ULL;  // SplitMix64: repeatable moments, nothing secret
    std::uint64_t x = random_state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return (x ^ (x >> 31)) % below;
  }

  std::string sealed(const Pair& pair) {
    Directory known;
    if (!known.learn_meta(pair.to->id, pair.to->meta) ||
        !known.learn_document(pair.to->id, pair.to->visa.json(), clock_.now())) {
      throw std::runtime_error("an account does not verify");
    }
    JsonObject content;
    content.set("type", 1);
    content.set("sn", 1);
    content.set("time", static_cast<double>(clock_.now()) / 1000);
    content.set("text", "crash");
    const PlainMessage plain{.envelope = {.sender = pair.from->id,
                                          .receiver = pair.to->id,
                                          .time = static_cast<double>(clock_.now()) / 1000},
                             .content = std::move(content)};
    std::string wire =
        write_message(seal(plain, *pair.from, known, {.seq = 1, .prev = {}}, os_random_).value());
    wire.pop_back();
    return wire;
  }

  void wrong(const std::string& what) {
    ++other_;
    fmt::print(stderr, "dim-crashloop: {}\n", what);
  }

  void run_until(const std::function<bool()>& done, const char* what) {
    Patience patience(what);
    while (!done()) {
      reactor_.run_for(2);
      patience.check(progress_);
    }
  }

  std::unique_ptr<LoadClient> client(const Account& account, Pair& pair, bool receives) {
    LoadClient::Events events;
    events.ready = [this] {
      ++ready_;
      ++progress_;
    };
    events.failed = [this](const Error& error, std::string_view message) {
      if (!killing_)
        throw std::runtime_error(fmt::format("a session ended: {} {}", to_string(error), message));
    };
    if (receives) events.pushed = [this, &pair](Packet packet) { take(pair, std::move(packet)); };
    return std::make_unique<LoadClient>(reactor_, tls_, station_.target(), account,
                                        Session::Options{}, std::move(events));
  }

  void log_in(bool senders, bool receivers) {
    ready_ = 0;
    std::size_t wanted = 0;
    killing_ = false;
    for (Pair& pair : pairs_) {
      if (senders) pair.sender = client(*pair.from, pair, false);
      if (receivers) pair.receiver = client(*pair.to, pair, true);
      for (auto* one : {&pair.sender, &pair.receiver}) {
        (*one)->start();
        ++wanted;
      }
    }
    run_until([&] { return ready_ == wanted; }, "logging in");
  }

  void create(Pair& pair, const std::string& guid, const Sent& sent) {
    Packet packet = Packet::request(Operation::create);
    packet.set("type", "message").set("target", pair.to->id.text()).set("guid", guid);
    packet.content = sent.bytes;
    ++pair.in_flight;
    pair.sender->session().request(Lane::text, std::move(packet),
                                   [this, &pair, guid](const Packet& response) {
                                     --pair.in_flight;
                                     ++progress_;
                                     if (response.code != 201 && response.code != 202) {
                                       ++refused_;
                                       fmt::print(stderr, "dim-crashloop: {} was refused: {} {}\n",
                                                  guid, response.code, response.get("message"));
                                       return;
                                     }
                                     sent_.at(guid).acked = true;
                                     ++acked_;
                                   });
  }

  void send_until_killed(int cycle) {
    const double length = 0.1 + static_cast<double>(uniform(1'100)) / 1000;
    const auto begin = Clock::now();
    const std::size_t before = acked_;
    Patience patience("sending");
    while (seconds_since(begin) < length || acked_ - before < kLeastAcks) {
      patience.check(progress_);
      for (std::size_t i = 0; i < pairs_.size(); ++i) {
        Pair& pair = pairs_[i];
        while (pair.in_flight < kWindow) {
          const std::string guid = Guid::make(clock_.now(), os_random_).text();
          const std::size_t number = ++number_;
          Sent sent{
              .pair = i,
              .number = number,
              .bytes = fmt::format(R"({}, "filler": "{}/{}/{}"}})", pair.wire, cycle, i, number)};
          create(pair, guid, sent_.emplace(guid, std::move(sent)).first->second);
        }
      }
      reactor_.run_for(1);
    }
    killing_ = true;
    station_.kill();
    // What it had answered is still on its way.
    reactor_.run_for(50);
    for (Pair& pair : pairs_) {
      pair.sender.reset();
      pair.receiver.reset();
      pair.in_flight = 0;
    }
    reactor_.run_for(1);
  }

  /// What an outbox does after a cut: the same GUIDs with the same bytes in the same order.
  void repeat_unanswered() {
    std::map<std::size_t, std::string> unanswered;
    for (const auto& [guid, sent] : sent_) {
      if (!sent.acked) unanswered.emplace(sent.number, guid);
    }
    for (const auto& [number, guid] : unanswered) {
      const Sent& sent = sent_.at(guid);
      ++repeated_;
      create(pairs_[sent.pair], guid, sent);
    }
    run_until(
        [&] {
          return std::ranges::all_of(pairs_, [](const Pair& pair) { return pair.in_flight == 0; });
        },
        "repeating");
  }

  void ask(Pair& pair) {
    Packet packet = Packet::request(Operation::get);
    packet.set("type", "message").set("after", std::to_string(pair.cursor)).set("limit", "200");
    pair.receiver->session().request(
        Lane::text, std::move(packet), [this, &pair, after = pair.cursor](const Packet& response) {
          if (response.code == 206 && pair.cursor > after) {
            ask(pair);
          } else {
            if (response.code != 200)
              wrong(fmt::format("an inbox cannot be read: {} {}", response.code,
                                response.get("message")));
            pair.done = true;
          }
        });
  }

  void take(Pair& pair, Packet packet) {
    if (packet.get("type") != "message") return;
    const std::string guid(packet.get("guid"));
    const auto found = sent_.find(guid);
    pair.cursor =
        std::max(pair.cursor, static_cast<std::int64_t>(std::strtoll(
                                  std::string(packet.get("cursor")).c_str(), nullptr, 10)));
    if (found == sent_.end() || &pairs_[found->second.pair] != &pair ||
        packet.content != found->second.bytes) {
      ++altered_;
      fmt::print(stderr,
                 "dim-crashloop: {} came with other bytes, to somebody else, or from nowhere\n",
                 guid);
      return;
    }
    if (!found->second.settled) {
      if (found->second.number < pair.newest) {
        ++disordered_;
        fmt::print(stderr, "dim-crashloop: {} came after what was sent later\n", guid);
      }
      pair.newest = found->second.number;
    }
    pair.read.insert(guid);
    ++progress_;
  }

  void read_back(int cycle) {
    for (Pair& pair : pairs_) {
      pair.read.clear();
      pair.newest = 0;
      pair.done = false;
      // The station writes down what has been read every five seconds, and most cycles are shorter:
      // from the beginning there are more and more of earlier cycles.
      pair.from_start = uniform(4) == 0;
      if (pair.from_start) pair.cursor = 0;
      ask(pair);
    }
    run_until([&] { return std::ranges::all_of(pairs_, &Pair::done); }, "reading back");
    for (auto& [guid, sent] : sent_) {
      const std::size_t times = pairs_[sent.pair].read.count(guid);
      if (times > 1) {
        ++twice_;
        fmt::print(stderr, "dim-crashloop: {} came {} times in cycle {}\n", guid, times, cycle);
      }
      if (!sent.acked) continue;  // refused: it goes out again, as from an outbox
      if (times == 0 && !sent.settled) {
        ++lost_;
        fmt::print(stderr, "dim-crashloop: {} was acknowledged and is lost in cycle {}\n", guid,
                   cycle);
      }
      sent.settled = true;
    }
    // The receivers have everything now; the next kill may still undo this, which is why settled
    // ones may come again.
    tell_cursors();
    if (sent_.size() > 200'000) {
      // What does not come from the beginning of an inbox any more is gone from the disk.
      std::erase_if(sent_, [&](const auto& one) {
        const Pair& pair = pairs_[one.second.pair];
        return one.second.settled && pair.from_start && pair.read.count(one.first) == 0;
      });
    }
  }

  /// What clients do after they have read, and after each log-in: a station that was killed has
  /// forgotten the last of it, and would count it as unread.
  void tell_cursors() {
    std::size_t wanted = 0, told = 0;
    for (Pair& pair : pairs_) {
      pair.stored = std::max(pair.stored, pair.cursor);
      if (pair.stored == 0) continue;
      ++wanted;
      pair.receiver->session().request(
          Lane::text,
          Packet::request(Operation::notify)
              .set("type", "cursor")
              .set("cursor", std::to_string(pair.stored)),
          [this, &told](const Packet& response) {
            ++told;
            ++progress_;
            if (response.code != 200)
              wrong(fmt::format("a cursor was refused: {} {}", response.code,
                                response.get("message")));
          });
    }
    run_until([&] { return told == wanted; }, "acknowledging");
  }

  int cycles_;
  std::uint64_t random_state_;
  OsRandom os_random_;
  SystemClock clock_;
  Reactor reactor_;
  std::shared_ptr<const TlsContext> tls_ = TlsContext::client().value();
  StationProcess station_{{}};
  std::vector<Account> accounts_;
  std::vector<Pair> pairs_;
  std::map<std::string, Sent> sent_;
  std::size_t ready_ = 0;
  std::size_t number_ = 0;    // messages made
  std::size_t progress_ = 0;  // log-ins, answers and messages
  bool killing_ = false;
  int killed_in_start_ = 0;
  std::size_t acked_ = 0, repeated_ = 0, refused_ = 0, lost_ = 0, twice_ = 0, altered_ = 0,
              disordered_ = 0, other_ = 0;
  double slowest_start_ = 0;
};

}  // namespace
}  // namespace dim::bench

// dim-crashloop [CYCLES [PAIRS [SEED]]]
int main(int argc, char** argv) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const int cycles = argc > 1 ? std::atoi(argv[1]) : 25;
  const int pairs = argc > 2 ? std::atoi(argv[2]) : 20;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1;
  if (cycles < 1 || pairs < 1) {
    fmt::print(stderr, "dim-crashloop [CYCLES [PAIRS [SEED]]]: positive numbers\n");
    return 2;
  }
  try {
    return dim::bench::CrashLoop(cycles, pairs, seed).run();
  } catch (const std::exception& error) {
    fmt::print(stderr, "dim-crashloop: {}\n", error.what());
    return 1;
  }
}
