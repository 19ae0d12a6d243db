#include <fmt/core.h>

#include <charconv>

#include "bench/load.h"
#include "bench/measures.h"
#include "dim/base/hex.h"
#include "dim/crypto/os_random.h"
#include "dim/packet/guid.h"

namespace dim::bench {
namespace {

constexpr std::size_t kAtOnce = 50;  // log-ins

/// Somebody who reads the channel, and what has come so far.
struct Member {
  std::unique_ptr<LoadClient> client;
  std::int64_t newest = 0;  ///< cursor
  int in_flight = 0;        ///< posts without ack
};

/// One message on its way to all of them.
struct Posted {
  std::string guid;
  std::string text;
  Time begin;
};

std::string text_of(std::size_t number, std::size_t size) {
  std::string out = std::to_string(number) + " ";
  out.resize(std::max(out.size(), size), 'x');
  return out;
}

class Fanout {
 public:
  explicit Fanout(const FanoutOptions& options)
      : options_(options),
        accounts_(make_accounts(static_cast<std::size_t>(options.members), random_)),
        members_(accounts_.size()) {
    // The founder first: the others need the invite.
    log_in(1);
    found();
    log_in(members_.size());
    for (Member& member : members_) {
      if (&member != &members_.front())
        ask(member, change("member", hub_), R"({"invite":")" + invite_ + "\"}");
    }
    wait([&] { return answers_ == asked_; });
  }

  void run() {
    const double sync_ms = station_.sync_ms();
    spread(std::max<std::size_t>(1, options_.posts / 10));  // to warm up
    ack_ms_.clear();
    arrival_ms_.clear();
    arrival_ms_.reserve(options_.posts * members_.size());
    const Usage before = station_.usage();
    const Usage self_before = own_usage();
    const Time begin = now();
    const double acked = spread(options_.posts);
    const double took = seconds_since(begin);
    const Usage after = station_.usage();
    const Usage self_after = own_usage();
    const auto posts = static_cast<double>(options_.posts);
    const double deliveries = posts * static_cast<double>(members_.size());
    fmt::print(
        "| {} | {} | {} | {} | {:.0f} | {:.0f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | "
        "{:.2f} | {:.0f} | {:.2f} |\n",
        options_.members, options_.writers, options_.window,
        options_.rate > 0 ? fmt::format("{}", options_.rate) : "", posts / acked, deliveries / took,
        percentile(ack_ms_, 0.5), percentile(ack_ms_, 0.99), percentile(arrival_ms_, 0.5),
        percentile(arrival_ms_, 0.99), (after.cpu_s - before.cpu_s) * 1e6 / deliveries,
        (self_after.cpu_s - self_before.cpu_s) * 1e6 / deliveries, after.rss_kib / 1024,
        (sync_ms + station_.sync_ms()) / 2);
  }

 private:
  template <class Done>
  void wait(Done done) {
    while (!done()) reactor_.run_for(1);
  }

  /// Until so many are there.
  void log_in(std::size_t count) {
    for (std::size_t begun = ready_; ready_ < count; reactor_.run_for(1)) {
      for (; begun < count && begun < ready_ + kAtOnce; ++begun) {
        Member& member = members_[begun];
        member.client = std::make_unique<LoadClient>(
            reactor_, tls_, station_.target(), accounts_[begun], Session::Options{.after = 0},
            LoadClient::Events{[this] { ++ready_; },
                               [this, &member](const Packet& packet) { take(member, packet); },
                               give_up});
        member.client->start();
      }
    }
  }

  static Packet change(std::string type, std::string target) {
    Packet out = Packet::request(Operation::create);
    out.set("type", std::move(type)).set("target", std::move(target));
    return out;
  }
  void ask(Member& member, Packet packet, std::string content) {
    packet.content = std::move(content);
    ++asked_;
    member.client->session().request(Lane::text, std::move(packet), [this](const Packet& answer) {
      if (answer.code != 201)
        give_up({Errc::unavailable, "the hub was not made ready"}, answer.get("message"));
      ++answers_;
    });
  }
  void found() {
    const Account& founder = accounts_.front();
    const Meta meta = Meta::make_mkm(founder.identity_key, "bench-" + to_hex(random_.array<6>()));
    hub_ = meta.id(EntityType::group).value().text();
    JsonObject body;
    body.set("name", "Gardeners");
    body.set("meta", meta.json());
    ask(members_.front(), change("hub", hub_), write_json(body));
    wait([&] { return answers_ == asked_; });
    channel_ = Guid::make(clock_.now(), random_).text();
    invite_ = Guid::make(clock_.now(), random_).text();
    ask(members_.front(), change("channel", hub_).set("guid", channel_), R"({"name":"general"})");
    ask(members_.front(), change("invite", hub_).set("guid", invite_), "{}");
    wait([&] { return answers_ == asked_; });
  }

  /// So many posts, as the windows of the writers and the rate allow, until everybody has
  /// everything. Seconds until the last was acknowledged.
  double spread(std::size_t count) {
    const Time begin = now();
    const std::size_t sent_before = posted_.size();
    const std::size_t all = sent_before + count;
    const auto writers = static_cast<std::size_t>(options_.writers);
    double took = 0;
    while (acked_ < all) {
      const double due =
          options_.rate > 0 ? options_.rate * seconds_since(begin) + 1 : static_cast<double>(count);
      for (std::size_t passed = 0; passed < writers && posted_.size() < all;) {
        if (static_cast<double>(posted_.size() - sent_before) >= due) break;
        Member& writer = members_[next_writer_++ % writers];
        passed = writer.in_flight < options_.window ? 0 : passed + 1;
        if (passed == 0) post(writer);
      }
      reactor_.run_for(1);
      took = seconds_since(begin);
    }
    wait([&] { return arrived_ == all * members_.size(); });
    return took;
  }

  void post(Member& writer) {
    posted_.push_back(
        {Guid::make(clock_.now(), random_).text(), text_of(posted_.size(), options_.size), now()});
    Packet packet = change("message", channel_);
    packet.set("guid", posted_.back().guid);
    packet.content = posted_.back().text;
    ++writer.in_flight;
    writer.client->session().request(
        Lane::text, std::move(packet),
        [this, &writer, begin = posted_.back().begin](const Packet& answer) {
          if (answer.code != 201)
            give_up({Errc::unavailable, "a message was refused"}, answer.get("message"));
          --writer.in_flight;
          ++acked_;
          ack_ms_.push_back(seconds_since(begin) * 1000);
        });
  }

  void take(Member& member, const Packet& packet) {
    if (packet.get("type") != "message") return;
    std::int64_t cursor = 0;
    const std::string_view text = packet.get("cursor");
    std::from_chars(text.data(), text.data() + text.size(), cursor);
    if (cursor != ++member.newest)
      give_up({Errc::conflict, "a message was lost, came twice or out of order"}, text);
    std::size_t number = posted_.size();
    if (packet.content) {
      const std::string& content = *packet.content;
      std::from_chars(content.data(), content.data() + content.size(), number);
    }
    if (number >= posted_.size() || packet.get("guid") != posted_[number].guid ||
        packet.content != posted_[number].text)
      give_up({Errc::conflict, "a message came with other bytes"}, packet.get("guid"));
    arrival_ms_.push_back(seconds_since(posted_[number].begin) * 1000);
    ++arrived_;
  }

  FanoutOptions options_;
  OsRandom random_;
  SystemClock clock_;
  StationProcess station_{{}};
  Reactor reactor_;
  std::shared_ptr<const TlsContext> tls_ = TlsContext::client().value();
  std::vector<Account> accounts_;
  std::vector<Member> members_;
  std::vector<Posted> posted_;
  std::vector<double> ack_ms_;
  std::vector<double> arrival_ms_;
  std::string hub_, channel_, invite_;
  std::size_t ready_ = 0;
  std::size_t asked_ = 0, answers_ = 0;  // to make the hub ready
  std::size_t acked_ = 0;
  std::size_t arrived_ = 0;
  std::size_t next_writer_ = 0;
};

}  // namespace

void measure_fanout(std::span<const FanoutOptions> rows) {
  fmt::print(
      "| members | writers | window | rate | posts/s acked | deliveries/s | ack p50 ms | p99 | "
      "arrival p50 ms | p99 | station CPU us | load CPU us | station RSS MiB | bare fdatasync ms "
      "|\n"
      "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: "
      "| ---: |\n");
  for (const FanoutOptions& row : rows) {
    Fanout(row).run();
    std::fflush(stdout);
  }
}

}  // namespace dim::bench
