#include "server/daemon.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <thread>
#include <unordered_map>

#include "dim/crypto/os_random.h"
#include "dim/packet/lane_queue.h"
#include "net/dial.h"
#include "net/listener.h"
#include "net/reactor.h"
#include "net/system_clock.h"
#include "net/web_stream.h"
#include "server/admin_socket.h"
#include "server/key_file.h"
#include "server/store_failure.h"
#include "server/thread_crew.h"
#include "sqlite/group_commit.h"
#include "sqlite/sqlite_store.h"

namespace dim {
namespace {

constexpr Millis kTickMs = 100;
constexpr Millis kStopMs = 1'500;
constexpr Millis kStatsMs = 600'000;
constexpr std::size_t kWebQueued = 64 * limits::kKiB;
constexpr Millis kReturnMs = 1'000;
constexpr std::array kLanes{Lane::control, Lane::text, Lane::media, Lane::audio, Lane::video};
// Not a graphical ID, so no user can own it: the record that ties a store to its station.
constexpr std::string_view kOwnerName = "#station";

/// The station's view of one connection.
class ConnectionLink final : public StationLink {
 public:
  /// `web`: packets are in WebSocket; null: they are not.
  ConnectionLink(std::shared_ptr<Connection> connection, std::unique_ptr<WebStream> web)
      : connection_(std::move(connection)), web_(std::move(web)) {}
  void send(std::string bytes) override {
    if (!web_) return connection_->send(std::move(bytes));
    web_->write(bytes);
    flush();
  }
  void close() override {
    if (web_) {
      web_->close();
      flush();
    }
    connection_->close();
  }
  std::size_t queued() const override { return connection_->queued_bytes(); }
  void pause(bool paused) override {
    held_ = paused;
    look();
  }
  void proven() override {
    connection_->mark_authenticated();
    if (web_) web_->proven();
  }
  bool is_web() const { return web_ != nullptr; }
  /// What packets there are in the bytes of a web connection, which may be over then.
  std::string unwrap(std::string_view bytes) {
    std::string plain;
    web_->feed(bytes, plain);
    flush();
    look();
    return plain;
  }
  bool is_over() const { return web_ && web_->is_over(); }
  /// Reads on, or not: answers to pings are queued by no station, so they must not pile up.
  void look() {
    if (held_ || (web_ && connection_->queued_bytes() > kWebQueued))
      connection_->pause_reading();
    else
      connection_->resume_reading();
  }
  void shared() override { connection_->share(kSharedAhead); }
  Connection& connection() { return *connection_; }
  LinkId id{};

 private:
  void flush() { connection_->send(std::exchange(web_->output(), {})); }

  std::shared_ptr<Connection> connection_;
  std::unique_ptr<WebStream> web_;
  bool held_ = false;
};

class ThreadCommitter final : public Committer {
 public:
  explicit ThreadCommitter(GroupCommit& group) : group_(group) {}
  void submit(std::vector<Write> writes, Done done) override {
    group_.submit(std::move(writes), std::move(done));
  }

 private:
  GroupCommit& group_;
};

LogLevel level_of(StationEvent::Level level) {
  switch (level) {
    case StationEvent::Level::debug:
      return LogLevel::debug;
    case StationEvent::Level::info:
      return LogLevel::info;
    case StationEvent::Level::warn:
      return LogLevel::warn;
    case StationEvent::Level::error:
      break;
  }
  return LogLevel::error;
}

}  // namespace

struct Daemon::Impl {
  Impl(const DaemonConfig& settings, Log& output, StationKeys loaded,
       std::unique_ptr<SqliteStore> opened)
      : config(settings), log(output), keys(std::move(loaded)), store(std::move(opened)) {}
  ~Impl() {
    admin.reset();
    listeners.clear();
    dimchat.clear();
    web.clear();
    // These first: their callbacks are for the station.
    if (crew) crew->stop();
    if (group) group->stop();
  }

  std::expected<void, Failure> listen();
  std::expected<void, Failure> listen_dimchat();
  std::expected<void, Failure> listen_web();
  std::expected<void, Failure> listen_on(const ListenAddress& at, ListenOptions options,
                                         std::string_view option,
                                         std::vector<std::unique_ptr<Listener>>& out,
                                         void (Impl::*take)(std::shared_ptr<Connection>));
  std::expected<std::unique_ptr<Listener>, Failure> open_listener(
      const ListenOptions& options, std::string_view option,
      std::function<void(std::shared_ptr<Connection>)> opened);
  void accepted(Lane lane, std::shared_ptr<Connection> connection);
  void accepted_dimchat(std::shared_ptr<Connection> connection);
  void accepted_web(std::shared_ptr<Connection> connection);
  void dial_neighbour(std::size_t index);
  ConnectionLink& add_link(const std::shared_ptr<Connection>& connection,
                           std::unique_ptr<WebStream> stream = nullptr);
  void connect_callbacks(Connection& connection, ConnectionLink& link);
  void look_at_memory();
  void turn_soon();
  void end_of_turn();
  void tick();
  void begin_stop(Exit code);
  void finish_stop();
  void report(std::string_view event);

  DaemonConfig config;
  Log& log;
  StationKeys keys;
  std::unique_ptr<SqliteStore> store;
  OsRandom random;
  SystemClock clock;
  Reactor reactor;
  std::shared_ptr<Gate> gate;
  std::unique_ptr<GroupCommit> group;
  std::unique_ptr<ThreadCommitter> committer;
  std::unique_ptr<ThreadCrew> crew;  // for the gateway alone
  std::unique_ptr<Station> station;
  std::unordered_map<std::uint64_t, std::unique_ptr<ConnectionLink>> links;  // by Connection::id
  std::vector<std::pair<Lane, std::unique_ptr<Listener>>> listeners;
  std::vector<std::unique_ptr<Listener>> dimchat;  // for each address family
  std::vector<std::unique_ptr<Listener>> web;      // the same
  std::vector<std::unique_ptr<Dial>> dials;        // of each neighbour
  std::unique_ptr<AdminSocket> admin;
  Timer ticker;
  Timer stopper;
  bool turn_posted = false;
  bool stopping = false;
  Millis stop_until = 0;
  Millis next_stats = 0;
  Millis next_return = 0;
  std::atomic<bool> stopped = false;
  Exit exit = Exit::ok;
};

std::expected<std::unique_ptr<Daemon>, Failure> Daemon::open(
    const DaemonConfig& config, Log& log, const std::optional<Secret>& passphrase) {
  SystemClock clock;
  OsRandom random;
  if (::mkdir(config.data.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(Failure{
        errno == ENOSPC ? Exit::disk_full : Exit::not_writable,
        fmt::format("{}: the folder cannot be made; make it, or give another one with --data",
                    config.data)});
  }
  SqliteOptions store_options;
  store_options.limits = config.inbox;
  store_options.media = config.media;
  store_options.audit = config.audit;
  store_options.reserve_bytes = config.reserve_bytes;
  auto store = SqliteStore::open(config.data, store_options);
  if (!store) return std::unexpected(store_failure(config.data, store.error()));

  auto owner = (*store)->owner_of(std::string(kOwnerName));
  if (!owner) return std::unexpected(store_failure(config.data, owner.error()));
  if (!have_keys(config.data)) {
    if (*owner) {
      return std::unexpected(Failure{
          Exit::keys,
          fmt::format("{}: missing, while the store beside it belongs to {}; put the file from "
                      "your backup there. "
                      "New keys would be another station: for one, start with an empty folder",
                      key_file(config.data), **owner)});
    }
    auto made = make_keys(clock.now(), random);
    if (!made) return std::unexpected(made.error());
    if (passphrase) {
      auto seal = make_seal(*passphrase, random);
      if (!seal) return std::unexpected(seal.error());
      made->seal = std::move(*seal);
    }
    if (auto saved = save_keys(config.data, *made, random); !saved)
      return std::unexpected(saved.error());
    log.write(LogLevel::info, "keys-made", {{"station", made->account.id.text()}});
  }
  auto keys = load_keys(config.data, passphrase);
  if (!keys) return std::unexpected(keys.error());
  const std::string id = keys->account.id.text();
  if (auto right = check_neighbours(config.station.neighbours, keys->account.id); !right)
    return std::unexpected(right.error());
  if (*owner && **owner != id) {
    return std::unexpected(Failure{
        Exit::keys,
        fmt::format(
            "{}: these are the keys of {}, the store belongs to {}; put the right file there",
            key_file(config.data), id, **owner)});
  }
  if (!*owner) {
    const std::array<Write, 1> tie{PutName{std::string(kOwnerName), id, clock.now()}};
    if (auto tied = (*store)->commit(tie); !tied)
      return std::unexpected(store_failure(config.data, tied.error()));
  }

  auto impl = std::make_unique<Impl>(config, log, std::move(*keys), std::move(*store));
  if (const auto group = group_memory_limit(); group && config.station.memory_bytes != 0) {
    std::size_t& limit = impl->config.station.memory_bytes;
    limit = std::min(limit, *group);
  }
  fit_to_memory(impl->config);
  impl->config.admission.count_loopback = config.station.quotas.count_loopback;
  impl->gate = std::make_shared<Gate>(impl->reactor, impl->config.admission, impl->random);
  const std::string host = config.public_host.empty()
                               ? (config.listen == "::" ? machine_address() : config.listen)
                               : config.public_host;
  const auto announce = [&](Impl& to, std::uint16_t port) -> std::expected<void, Failure> {
    if (!update_visa(to.keys, host, port, clock.now())) return {};
    return save_keys(config.data, to.keys, to.random);
  };
  // Whoever sees the port open may ask for an invitation at once, so the visa comes first.
  if (config.port_base != 0) {
    if (auto saved = announce(*impl, config.port_base); !saved)
      return std::unexpected(saved.error());
  }
  if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
  std::unique_ptr<Daemon> daemon(new Daemon(std::move(impl)));
  Impl& self = *daemon->impl_;
  if (config.port_base == 0) {
    if (auto saved = announce(self, daemon->port(Lane::control)); !saved)
      return std::unexpected(saved.error());
  }
  self.keys.seal.reset();  // nothing is saved from here on
  const auto post = [impl = &self](std::move_only_function<void()> work) {
    impl->reactor.post([impl, work = std::move(work)]() mutable {
      work();
      impl->end_of_turn();
    });
  };
  self.group = std::make_unique<GroupCommit>(
      *self.store, self.clock, post,
      GroupCommit::Options{
          .batch_bytes = 4 * limits::kMiB, .on_failure = [impl = &self](const Error& error) {
            impl->log.write(LogLevel::error, "store-failed", {{"error", to_string(error)}});
            impl->begin_stop(Exit::store_failed);
          }});
  self.committer = std::make_unique<ThreadCommitter>(*self.group);
  if (config.dimchat)
    self.crew = std::make_unique<ThreadCrew>(std::thread::hardware_concurrency(), post);
  self.station =
      std::make_unique<Station>(self.config.station, self.keys.account, *self.store,
                                *self.committer, self.clock, self.random, self.crew.get());
  self.dials.resize(self.config.station.neighbours.size());
  self.station->on_dial([impl = &self](std::size_t index) { impl->dial_neighbour(index); });
  self.station->on_event([impl = &self](const StationEvent& event) {
    impl->log.write(level_of(event.level), event.name,
                    {{"who", event.who}, {"detail", std::string(event.detail)}});
  });
  auto admin = AdminSocket::open(
      config.data,
      [impl = &self](std::string line, std::string by, std::function<void(std::string)> done) {
        impl->reactor.post(
            [impl, line = std::move(line), by = std::move(by), done = std::move(done)]() mutable {
              impl->station->admin(line, by, std::move(done));
              impl->end_of_turn();
            });
      });
  if (!admin) return std::unexpected(admin.error());
  self.admin = std::move(*admin);
  return daemon;
}

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Daemon::~Daemon() = default;

std::expected<void, Failure> Daemon::Impl::listen() {
  auto tls = TlsContext::server(keys.tls.front());
  if (!tls) {
    return std::unexpected(Failure{
        Exit::keys, fmt::format("{}: the certificate cannot be used", key_file(config.data))});
  }
  for (const Lane lane : kLanes) {
    ListenOptions options;
    options.address = config.listen;
    options.port =
        config.port_base == 0
            ? std::uint16_t{0}
            : static_cast<std::uint16_t>(config.port_base + static_cast<std::uint16_t>(lane));
    options.tls = *tls;
    auto listener =
        open_listener(options, "--listen", [this, lane](std::shared_ptr<Connection> connection) {
          accepted(lane, std::move(connection));
        });
    if (!listener) return std::unexpected(listener.error());
    listeners.emplace_back(lane, std::move(*listener));
  }
  if (auto listening = listen_dimchat(); !listening) return listening;
  return listen_web();
}

std::expected<std::unique_ptr<Listener>, Failure> Daemon::Impl::open_listener(
    const ListenOptions& options, std::string_view option,
    std::function<void(std::shared_ptr<Connection>)> opened) {
  auto listener = Listener::open(reactor, gate, options, std::move(opened));
  if (listener) return std::move(*listener);
  if (listener.error().code == Errc::config) {
    return std::unexpected(Failure{
        Exit::usage, fmt::format("{} {}: {}", option, options.address, listener.error().hint)});
  }
  return std::unexpected(Failure{
      Exit::port_in_use, fmt::format("[{}]:{} cannot be bound ({}); stop the program that has "
                                     "it (ss -ltnp), or choose another {}",
                                     options.address, options.port, listener.error().hint,
                                     option == "--listen" ? "--port-base" : option)});
}

/// A gateway: IPv4 too, and "::" means both address families.
std::expected<void, Failure> Daemon::Impl::listen_on(
    const ListenAddress& at, ListenOptions options, std::string_view option,
    std::vector<std::unique_ptr<Listener>>& out, void (Impl::*take)(std::shared_ptr<Connection>)) {
  options.allow_v4 = true;
  options.port = at.port;
  std::vector<std::string> addresses{at.address};
  if (addresses[0] == "::") addresses.emplace_back("0.0.0.0");
  for (const std::string& address : addresses) {
    options.address = address;
    auto listener =
        open_listener(options, option, [this, take](std::shared_ptr<Connection> connection) {
          (this->*take)(std::move(connection));
        });
    if (!listener) return std::unexpected(listener.error());
    options.port = (*listener)->port();
    out.push_back(std::move(*listener));
  }
  return {};
}

/// Without TLS, because reference clients have none.
std::expected<void, Failure> Daemon::Impl::listen_dimchat() {
  if (!config.dimchat) return {};
  ListenOptions options;
  options.mode = ListenMode::plain;
  return listen_on(*config.dimchat, options, "--dimchat", dimchat, &Impl::accepted_dimchat);
}

std::expected<void, Failure> Daemon::Impl::listen_web() {
  if (!config.web) return {};
  auto tls = TlsContext::server(keys.tls.front(),
                                {.alpn = {std::string(kWebAlpn)}, .alpn_required = false});
  if (!tls) {
    return std::unexpected(Failure{
        Exit::keys, fmt::format("{}: the certificate cannot be used", key_file(config.data))});
  }
  ListenOptions options;
  options.mode = ListenMode::tls;
  options.tls = *tls;
  return listen_on(*config.web, options, "--web", web, &Impl::accepted_web);
}

void Daemon::Impl::accepted(Lane lane, std::shared_ptr<Connection> connection) {
  auto binding = connection->channel_binding();
  if (!binding || stopping) return connection->abort();
  ConnectionLink& link = add_link(connection);
  link.id = station->opened(link, {.lane = lane,
                                   .remote = connection->peer().address_text(),
                                   .channel_binding = std::move(*binding)});
  connect_callbacks(*connection, link);
}

void Daemon::Impl::accepted_dimchat(std::shared_ptr<Connection> connection) {
  if (stopping) return connection->abort();
  ConnectionLink& link = add_link(connection);
  link.id = station->opened_gateway(link, connection->peer().address_text());
  connect_callbacks(*connection, link);
}

/// The first lane, in WebSocket: the station sees the same packets, and the others in it.
void Daemon::Impl::accepted_web(std::shared_ptr<Connection> connection) {
  auto binding = connection->channel_binding();
  if (!binding || stopping) return connection->abort();
  ConnectionLink& link = add_link(connection, std::make_unique<WebStream>(config.web_origins));
  link.id = station->opened(link, {.lane = Lane::control,
                                   .remote = connection->peer().address_text(),
                                   .channel_binding = std::move(*binding),
                                   .whole_packets = true});
  connect_callbacks(*connection, link);
}

/// Without TLS, because stations of the dimchat world have none.
void Daemon::Impl::dial_neighbour(std::size_t index) {
  const Neighbour& neighbour = config.station.neighbours[index];
  DialOptions options;
  options.host = neighbour.host;
  options.port = neighbour.port;
  options.ipv4 = true;
  dials[index] = Dial::start(reactor, options,
                             {.opened =
                                  [this, index](std::shared_ptr<Connection> connection) {
                                    if (stopping) return connection->abort();
                                    ConnectionLink& link = add_link(connection);
                                    link.id = station->opened_neighbour(
                                        index, link, connection->peer().address_text());
                                    connect_callbacks(*connection, link);
                                  },
                              .failed =
                                  [this, index](const Error& error) {
                                    station->unreachable_neighbour(index, error);
                                    turn_soon();
                                  }});
}

ConnectionLink& Daemon::Impl::add_link(const std::shared_ptr<Connection>& connection,
                                       std::unique_ptr<WebStream> stream) {
  auto link = std::make_unique<ConnectionLink>(connection, std::move(stream));
  return *links.emplace(connection->id(), std::move(link)).first->second;
}

void Daemon::Impl::connect_callbacks(Connection& connection, ConnectionLink& link) {
  ConnectionLink* raw = &link;
  connection.set_callbacks({.data =
                                [this, raw](std::string_view bytes) {
                                  if (raw->is_web()) {
                                    station->received(raw->id, raw->unwrap(bytes));
                                    if (raw->is_over()) raw->connection().close();
                                  } else {
                                    station->received(raw->id, bytes);
                                  }
                                  turn_soon();
                                },
                            .drained =
                                [this, raw] {
                                  raw->look();
                                  station->drained(raw->id);
                                  turn_soon();
                                },
                            .ended = {},
                            .closed =
                                [this, raw, key = connection.id()](CloseReason) {
                                  station->closed(raw->id);
                                  links.erase(key);
                                  turn_soon();
                                }});
  turn_soon();
}

/// One end of turn for everything that is ready now.
void Daemon::Impl::turn_soon() {
  if (std::exchange(turn_posted, true)) return;
  reactor.post([this] { end_of_turn(); });
}

void Daemon::Impl::end_of_turn() {
  turn_posted = false;
  station->end_of_turn();
  if (station->failed() && !stopping) begin_stop(Exit::store_failed);
}

/// Before anything is refused for good, what was freed goes back to the system.
void Daemon::Impl::look_at_memory() {
  const MemoryLevel level = station->memory_used(memory_in_use());
  gate->close_to_strangers(level >= MemoryLevel::no_strangers);
  if (level == MemoryLevel::free || clock.monotonic() < next_return) return;
  next_return = clock.monotonic() + kReturnMs;
  return_freed_memory();
}

void Daemon::Impl::tick() {
  reactor.arm(ticker, kTickMs, [this] { tick(); });
  look_at_memory();
  station->tick();
  end_of_turn();
  if (clock.monotonic() >= next_stats) {
    if (next_stats != 0) report("stats");
    next_stats = clock.monotonic() + kStatsMs;
  }
}

void Daemon::Impl::report(std::string_view event) {
  const StationCounters& c = station->counters();
  const Gate::Stats& g = gate->stats();
  log.write(LogLevel::info, event,
            {{"sessions", std::to_string(station->sessions())},
             {"links", std::to_string(station->links())},
             {"logins", std::to_string(c.logins)},
             {"refused_logins", std::to_string(c.logins_refused)},
             {"messages", std::to_string(c.messages_stored)},
             {"pushed", std::to_string(c.pushed_live + c.pushed_from_store)},
             {"bad_packets", std::to_string(c.bad_packets)},
             {"over_quota", std::to_string(c.refused_quota)},
             {"live_frames", std::to_string(c.live_frames)},
             {"live_refused", std::to_string(c.live_refused)},
             {"live_shaped", std::to_string(c.live_shaped)},
             {"memory_mib", std::to_string(memory_in_use() / limits::kMiB)},
             {"over_memory", std::to_string(c.refused_memory + g.refused_memory)},
             {"shed", std::to_string(c.shed)},
             {"forwarded", std::to_string(c.forwarded)},
             {"loops", std::to_string(c.loops)},
             {"accepted", std::to_string(g.accepted)},
             {"refused", std::to_string(g.refused_rate + g.refused_per_64 + g.refused_per_48 +
                                        g.refused_early + g.refused_full)},
             {"tls_old", std::to_string(g.tls_old)},
             {"tls_failed", std::to_string(g.tls_failed)}});
}

void Daemon::Impl::begin_stop(Exit code) {
  if (std::exchange(stopping, true)) return;
  exit = code;
  admin.reset();
  listeners.clear();
  dimchat.clear();
  web.clear();
  dials.clear();
  // What was taken from clients first: its answers are on their way before the connections close.
  station->end_of_turn();
  if (code == Exit::ok) {
    stop_until = clock.monotonic() + kStopMs;
    station->stop();
    station->end_of_turn();
    group->stop();
  } else {
    stop_until = clock.monotonic() + kStopMs / 2;
    station->end_of_turn();
  }
  finish_stop();
}

void Daemon::Impl::finish_stop() {
  if (links.empty() || clock.monotonic() >= stop_until) {
    report("stopped");
    return reactor.stop();
  }
  reactor.arm(stopper, kTickMs, [this] { finish_stop(); });
}

Exit Daemon::run() {
  impl_->reactor.post([impl = impl_.get()] {
    impl->tick();
    if (impl->stopped) impl->begin_stop(Exit::ok);
  });
  impl_->reactor.run();
  return impl_->exit;
}

void Daemon::stop() {
  if (impl_->stopped.exchange(true)) return;
  impl_->reactor.post([impl = impl_.get()] { impl->begin_stop(Exit::ok); });
}

void Daemon::reload(DaemonConfig config) {
  impl_->reactor.post([impl = impl_.get(), config = std::move(config)]() mutable {
    impl->log.set_level(config.log_level);
    impl->config.web_origins = std::move(config.web_origins);
    impl->station->reload(config.station.quotas, std::move(config.station.bans));
    impl->end_of_turn();
    impl->log.write(LogLevel::info, "reloaded");
  });
}

std::uint16_t Daemon::port(Lane lane) const {
  for (const auto& [which, listener] : impl_->listeners) {
    if (which == lane) return listener->port();
  }
  return 0;
}

std::uint16_t Daemon::dimchat_port() const {
  return impl_->dimchat.empty() ? std::uint16_t{0} : impl_->dimchat.front()->port();
}

std::uint16_t Daemon::web_port() const {
  return impl_->web.empty() ? std::uint16_t{0} : impl_->web.front()->port();
}

std::string Daemon::station_id() const { return impl_->keys.account.id.text(); }
std::vector<std::string> Daemon::pins() const { return impl_->keys.pins(); }
const StationCounters& Daemon::counters() const { return impl_->station->counters(); }

}  // namespace dim
