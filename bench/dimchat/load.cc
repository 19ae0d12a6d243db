// dim-dimchat-load: two people of the dimchat world over MTP, one writes and the other reads, as
// fast as the station relays; or many who only stay. Works with any station of that world, which is
// what it is for: bench/dimchat/side_by_side.py runs it against dimd and against the reference.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <memory>
#include <stdexcept>
#include <vector>

#include "dim/crypto/os_random.h"
#include "dim/engine/engine.h"
#include "dim/engine/steps.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/commands.h"
#include "dim/protocol/content.h"
#include "net/system_clock.h"

namespace dim::bench {
namespace {

using Time = std::chrono::steady_clock::time_point;
constexpr double kPatience = 60;  // seconds without any progress

double seconds_since(Time begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

[[noreturn]] void give_up(const std::string& why) { throw std::runtime_error(why); }

template <class T>
T value_of(Result<T> result, std::string_view what) {
  if (!result) give_up(fmt::format("{}: {}", what, to_string(result.error())));
  return std::move(*result);
}

/// As the reference makes them: an ETH address, and a visa that names a message key. All share one
/// message key, because making them takes longer than everything else here.
Account make_account(const std::string& name, const PrivateKey& message_key, Random& random) {
  PrivateKey identity = PrivateKey::generate_ec(random);
  Meta meta = value_of(Meta::make(MetaType::eth, identity.public_key()), "meta");
  const Id id = value_of(meta.id(EntityType::user), "ID");
  JsonObject properties;
  properties.set("name", name);
  properties.set("key", message_key.public_key().json());
  Document visa = Document::make(id, "visa", properties, SystemClock{}.now(), identity);
  std::vector<PrivateKey> keys;
  const Secret text = message_key.json();
  keys.push_back(
      value_of(PrivateKey::parse(*parse_json_object(
                   {reinterpret_cast<const char*>(text.view().data()), text.view().size()})),
               "key"));
  return {id, meta, std::move(visa), std::move(identity), std::move(keys)};
}

class Connection {
 public:
  Connection(const sockaddr_in& station, Account account, Random& random)
      : account_(std::move(account)),
        random_(random),
        frames_({.framing = Framing::mtp, .first_sn = random.u64()}) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0 || ::connect(fd_, reinterpret_cast<const sockaddr*>(&station), sizeof station) != 0)
      give_up(std::string("cannot connect: ") + std::strerror(errno));
    const int one = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (auto learnt = directory_.learn_meta(account_.id, account_.meta); !learnt)
      give_up("own meta");
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd_); }

  int fd() const { return fd_; }
  const Account& account() const { return account_; }
  bool has_output() const { return sent_ < out_.size(); }

  void send_message(const std::string& json) { out_ += frames_.encode_message(json).bytes; }

  void write_some() {
    while (has_output()) {
      const auto n =
          ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
      if (n <= 0) give_up(std::string("the station closed: ") + std::strerror(errno));
      sent_ += static_cast<std::size_t>(n);
    }
    out_.clear();
    sent_ = 0;
  }

  /// What has come, answered as the framing wants it; `take` gets each message.
  template <class Take>
  void read_some(Take take) {
    char buffer[65'536];
    const auto n = ::recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) give_up("the station closed the connection");
    frames_.feed({buffer, static_cast<std::size_t>(n)});
    for (;;) {
      auto next = frames_.next(0);
      if (std::holds_alternative<std::monostate>(next)) return;
      auto* event = std::get_if<FrameEvent>(&next);
      if (event == nullptr) give_up("the station sent no frame");
      out_ += event->ack;
      out_ += event->reply;
      for (const std::string& text : event->texts) take(text);
    }
  }

  /// The handshake, until DIM! has come.
  void log_in() {
    send_plain(HandshakeContent::start(SystemClock{}.now(), random_), true);
    std::string session;
    for (bool in = false; !in;) {
      turn(true, [&](const std::string& text) {
        auto message = SignedMessage::parse(text);
        if (!message) return;
        auto opened = open(*message, account_, directory_, {}, SystemClock{}.now());
        if (!opened) return;
        for (const JsonObject& content : contents_of(opened->message.content)) {
          const std::string* title = content.text("title");
          if (title == nullptr) continue;
          if (*title == "DIM!") in = true;
          if (*title == "DIM?" && session.empty()) {
            session = *content.text("session");
            send_plain(HandshakeContent::restart(session, SystemClock{}.now(), random_), false);
          }
        }
      });
    }
  }

  template <class Take>
  void turn(bool wait, Take take) {
    write_some();
    pollfd one{fd_, static_cast<short>(POLLIN | (has_output() ? POLLOUT : 0)), 0};
    if (::poll(&one, 1, wait ? static_cast<int>(kPatience * 1000) : 0) <= 0) {
      if (wait) give_up("the station does not answer");
      return;
    }
    if ((one.revents & ~POLLOUT) != 0) read_some(take);
    write_some();
  }

 private:
  /// The content itself, or those in an array.
  static std::vector<JsonObject> contents_of(const JsonObject& content) {
    std::vector<JsonObject> out{content};
    const Json* list = content.find("contents");
    if (list != nullptr && list->array() != nullptr) {
      for (const Json& one : *list->array())
        if (one.object() != nullptr) out.push_back(*one.object());
    }
    return out;
  }

  void send_plain(const HandshakeContent& handshake, bool introduce) {
    JsonObject content = encode_content(Content(handshake));
    content.set("group", "stations@everywhere");
    Envelope envelope{.sender = account_.id,
                      .receiver = *Id::parse("station@anywhere"),
                      .time = static_cast<double>(SystemClock{}.now()) / 1000,
                      .type = "136"};
    if (introduce) {
      envelope.extra.set("meta", account_.meta.json());
      envelope.extra.set("visa", account_.visa.json());
    }
    send_message(write_message(
        sign(without_encryption(std::move(envelope), write_json(content, JsonStyle::reference)),
             account_.identity_key)));
  }

  Account account_;
  Random& random_;
  FrameStream frames_;
  Directory directory_;
  int fd_ = -1;
  std::string out_;
  std::size_t sent_ = 0;
};

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 9394;
  std::size_t messages = 2'000;
  std::size_t window = 64;
  std::size_t idle = 0;
  double hold = 10;
  double limit = 600;
};

void relay(const Options& options, const sockaddr_in& station, Random& random) {
  const PrivateKey key = value_of(PrivateKey::generate_rsa(), "message key");
  Connection writer(station, make_account("Writer", key, random), random);
  Connection reader(station, make_account("Reader", key, random), random);
  writer.log_in();
  reader.log_in();

  Directory directory;
  const Account& to = reader.account();
  if (!directory.learn_meta(to.id, to.meta) ||
      !directory.learn_document(to.id, to.visa.json(), SystemClock{}.now()))
    give_up("the reader's keys");
  std::vector<std::string> texts;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < options.messages; ++i) {
    const Millis now = SystemClock{}.now();
    PlainMessage message{.envelope = {.sender = writer.account().id,
                                      .receiver = to.id,
                                      .time = static_cast<double>(now) / 1000,
                                      .type = "1"},
                         .content = text_content(fmt::format("message {}", i), now, random)};
    texts.push_back(write_message(value_of(seal(message, writer.account(), directory,
                                                {.seq = static_cast<std::int64_t>(i) + 1}, random),
                                           "seal")));
    bytes += texts.back().size();
  }

  // A reader of the reference gets nothing before it has said something (wire: hold after DIM!).
  const std::string mark = "\"sender\": \"" + writer.account().id.text() + "\"";
  const std::string mark_tight = "\"sender\":\"" + writer.account().id.text() + "\"";
  std::deque<Time> under_way;
  std::vector<double> latencies;
  std::size_t sent = 0, received = 0;
  const Time begin = std::chrono::steady_clock::now();
  Time last = begin;
  while (received < texts.size()) {
    while (sent < texts.size() && sent - received < options.window) {
      writer.send_message(texts[sent++]);
      under_way.push_back(std::chrono::steady_clock::now());
    }
    writer.write_some();
    pollfd both[2] = {
        {writer.fd(), static_cast<short>(POLLIN | (writer.has_output() ? POLLOUT : 0)), 0},
        {reader.fd(), static_cast<short>(POLLIN | (reader.has_output() ? POLLOUT : 0)), 0}};
    ::poll(both, 2, 1'000);
    if (both[0].revents & POLLIN) writer.read_some([](const std::string&) {});
    if (both[1].revents & POLLIN) {
      reader.read_some([&](const std::string& text) {
        if (text.find(mark) == std::string::npos && text.find(mark_tight) == std::string::npos)
          return;
        if (under_way.empty()) return;  // a copy of one that has come
        last = std::chrono::steady_clock::now();
        latencies.push_back(std::chrono::duration<double>(last - under_way.front()).count());
        under_way.pop_front();
        ++received;
      });
    }
    writer.write_some();
    reader.write_some();
    if (seconds_since(last) > kPatience)
      give_up(fmt::format("only {} of {} messages have come", received, texts.size()));
  }
  const double took = std::chrono::duration<double>(last - begin).count();
  std::ranges::sort(latencies);
  fmt::print(
      "{{\"messages\":{},\"window\":{},\"bytes_each\":{},\"seconds\":{:.3f},\"per_second\":{:.1f},"
      "\"median_ms\":{:.2f},\"p99_ms\":{:.2f}}}\n",
      received, options.window, bytes / texts.size(), took, static_cast<double>(received) / took,
      latencies[latencies.size() / 2] * 1000, latencies[latencies.size() * 99 / 100] * 1000);
}

/// As many as the station takes: one that does not get in ends the coming, and is told of.
void stay(const Options& options, const sockaddr_in& station, Random& random) {
  const PrivateKey key = value_of(PrivateKey::generate_rsa(), "message key");
  std::vector<std::unique_ptr<Connection>> all;
  std::string stopped;
  const Time begin = std::chrono::steady_clock::now();
  Time last = begin;
  while (all.size() < options.idle && stopped.empty()) {
    if (seconds_since(begin) > options.limit) {
      stopped = fmt::format("after {} seconds", options.limit);
      break;
    }
    try {
      auto one = std::make_unique<Connection>(
          station, make_account(fmt::format("Idle {}", all.size()), key, random), random);
      one->log_in();
      all.push_back(std::move(one));
      last = std::chrono::steady_clock::now();
    } catch (const std::exception& error) {
      stopped = error.what();
    }
  }
  const double took = std::chrono::duration<double>(last - begin).count();
  JsonObject figures;
  figures.set("idle", static_cast<std::int64_t>(all.size()));
  figures.set("log_ins_per_second",
              std::round(static_cast<double>(all.size()) / std::max(took, 0.001) * 10) / 10);
  if (!stopped.empty()) figures.set("stopped", stopped);
  fmt::print("{}\n", write_json(figures));
  std::fflush(stdout);
  const Time since = std::chrono::steady_clock::now();
  while (seconds_since(since) < options.hold) {
    std::erase_if(all, [](const auto& one) {
      try {
        one->turn(false, [](const std::string&) {});
        return false;
      } catch (const std::exception&) {
        return true;
      }
    });
    ::usleep(200'000);
  }
  fmt::print("{{\"still\":{}}}\n", all.size());
}

}  // namespace

int run(const Options& options) {
  OsRandom random;
  sockaddr_in station{};
  station.sin_family = AF_INET;
  station.sin_port = htons(options.port);
  if (::inet_pton(AF_INET, options.host.c_str(), &station.sin_addr) != 1)
    give_up("the host is an IPv4 address");
  if (options.idle > 0)
    stay(options, station, random);
  else
    relay(options, station, random);
  return 0;
}

}  // namespace dim::bench

int main(int argc, char** argv) {
  dim::bench::Options options;
  CLI::App app{"Load for a station of the dimchat world, over MTP", "dim-dimchat-load"};
  app.add_option("--host", options.host, "IPv4 address of the station");
  app.add_option("--port", options.port, "its port")->required();
  app.add_option("--messages", options.messages, "how many the writer sends");
  app.add_option("--window", options.window, "how many are under way at once");
  app.add_option("--idle", options.idle, "instead: so many people who log in and stay");
  app.add_option("--hold", options.hold, "seconds that they stay");
  app.add_option("--limit", options.limit, "seconds after which nobody more logs in");
  CLI11_PARSE(app, argc, argv);
  try {
    return dim::bench::run(options);
  } catch (const std::exception& error) {
    fmt::print(stderr, "dim-dimchat-load: {}\n", error.what());
    return 1;
  }
}
