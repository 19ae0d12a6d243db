#include "testing/world.h"

#include <array>
#include <charconv>
#include <deque>
#include <set>

#include "client/home.h"
#include "dim/base/base64.h"
#include "sqlite/sqlite_store.h"
#include "testing/disk/sim_disk.h"
#include "testing/world_keys.h"

namespace dim {
namespace {

constexpr Millis kStart = 1'800'000'000'000;  // wall clock at the beginning of every world
constexpr Millis kClientTickMs = 500;
constexpr Millis kStationTickMs = 100;
constexpr Millis kCommitMs = 4;  // a commit takes 0 … this
constexpr Millis kWorkMs = 3;    // the same of what the crew does

Digest32 spki_of(int station) {
  return sha256({as_bytes("station certificate"), as_bytes(std::to_string(station))});
}

PrivateKey message_key(int number) {
  JsonObject object;
  object.set("algorithm", "RSA");
  object.set("data",
             kWorldMessageKeys[static_cast<std::size_t>(number) % kWorldMessageKeys.size()]);
  return std::move(PrivateKey::parse(object).value());
}

Account make_person(int number, Millis now, Random& random) {
  PrivateKey identity_key = PrivateKey::generate_ec(random);
  Meta meta = Meta::make(MetaType::eth, identity_key.public_key()).value();
  Id id = meta.id(EntityType::user).value();
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(message_key(number));
  JsonObject properties;
  properties.set("name", "person " + std::to_string(number));
  properties.set("key", message_keys.front().public_key().json());
  properties.set("features", JsonArray{"bind"});
  Document visa = Document::make(id, "visa", std::move(properties), now, identity_key);
  return {std::move(id), std::move(meta), std::move(visa), std::move(identity_key),
          std::move(message_keys)};
}

Account make_station_account(int number, Millis now, Random& random) {
  PrivateKey identity_key = PrivateKey::generate_ec(random);
  Meta meta = Meta::make_mkm(identity_key, "station");
  Id id = meta.id(EntityType::station).value();
  JsonObject properties;
  properties.set("tls", JsonArray{"sha256-" + to_base64url(spki_of(number))});
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(message_key(number));
  properties.set("key", message_keys.front().public_key().json());
  Document visa = Document::make(id, "visa", std::move(properties), now, identity_key);
  return {std::move(id), std::move(meta), std::move(visa), std::move(identity_key),
          std::move(message_keys)};
}

}  // namespace

// --- one connection
// ---------------------------------------------------------------------------------------------

struct World::Wire final : public StationLink {
  World& world;
  int client = 0;
  int station = 0;
  Lane lane = Lane::control;
  std::uint64_t number = 0;
  bool open = true;
  std::optional<LinkId> link;  // while the station knows it
  std::uint64_t boot = 0;      // of the station process that accepted it
  std::size_t to_client_bytes = 0;
  bool paused = false;
  std::deque<std::string> held;  // arrived while the station was not reading
  Millis last_arrival[2] = {0, 0};
  std::weak_ptr<Wire> self;

  explicit Wire(World& owner) : world(owner) {}
  void send(std::string bytes) override;
  void close() override;
  std::size_t queued() const override { return to_client_bytes; }
  void pause(bool paused_now) override;
};

struct World::StationNode final : public Committer, public Crew {
  struct OwnClock final : public Clock {
    const Scheduler& time;
    Millis ahead = 0;
    explicit OwnClock(const Scheduler& world_time) : time(world_time) {}
    Millis now() const override { return time.now() + ahead; }
    Millis monotonic() const override { return time.monotonic(); }
  };
  struct Batch {
    std::vector<Write> writes;
    Done done;
  };

  World& world;
  int number = 0;
  std::unique_ptr<Account> account;
  OwnClock clock;
  SimDisk disk;
  std::unique_ptr<SqliteStore> store;
  std::unique_ptr<Station> station;
  std::uint64_t boot = 0;
  std::deque<Batch> batches;
  bool committing = false;
  std::set<std::shared_ptr<Wire>>
      kept;  // links live until the station is told that they are closed

  StationNode(World& owner, int index, std::uint64_t seed)
      : world(owner), number(index), clock(owner.clock_), disk(seed) {}

  void submit(std::vector<Write> writes, Done done) override {
    batches.push_back({std::move(writes), std::move(done)});
    commit_later();
  }

  /// One thing may take longer than the next, as on several threads.
  void submit(Work work, Work done) override {
    world.clock_.after(
        static_cast<Millis>(world.random_.below(kWorkMs + 1)),
        [this, at = boot,
         job = std::make_shared<std::pair<Work, Work>>(std::move(work), std::move(done))] {
          if (at != boot || !station) return;
          job->first();
          job->second();
          station->end_of_turn();
        });
  }

  void commit_later() {
    if (committing || batches.empty()) return;
    committing = true;
    world.clock_.after(static_cast<Millis>(world.random_.below(kCommitMs + 1)), [this, at = boot] {
      if (at != boot) return;
      committing = false;
      Batch batch = std::move(batches.front());
      batches.pop_front();
      auto written = store->commit(batch.writes);
      batch.done(std::move(written));
      if (station) station->end_of_turn();
      commit_later();
    });
  }

  void tick() {
    world.clock_.after(kStationTickMs, [this, at = boot] {
      if (at != boot || !station) return;
      station->tick();
      station->end_of_turn();
      tick();
    });
  }
};

/// A connection that one station (side 0) has dialled to the gateway of another.
struct World::Trunk {
  struct End final : public StationLink {
    World* world = nullptr;
    std::weak_ptr<Trunk> trunk;
    int side = 0;
    int station = 0;
    std::optional<LinkId> link;  // while the station knows it
    std::uint64_t boot = 0;      // of the station process at this end
    std::size_t sent_bytes = 0;  // that have not arrived
    bool paused = false;
    std::deque<std::string> held;  // arrived while the station was not reading
    Millis last_arrival = 0;

    Station* alive() const {
      StationNode& node = *world->stations_[static_cast<std::size_t>(station)];
      return link && boot == node.boot ? node.station.get() : nullptr;
    }
    void send(std::string bytes) override {
      sent_bytes += bytes.size();
      world->carry_on(trunk.lock(), 1 - side, std::move(bytes));
    }
    void close() override {
      link.reset();
      world->end_trunk(trunk.lock(), 1 - side, 1);
    }
    std::size_t queued() const override { return sent_bytes; }
    void pause(bool paused_now) override {
      paused = paused_now;
      if (paused || held.empty()) return;
      world->clock_.after(0, [whole = trunk.lock(), this] { read_held(); });
    }
    void read_held() {
      while (!paused && !held.empty()) {
        Station* reader = alive();
        if (reader == nullptr) return;
        const std::string bytes = std::move(held.front());
        held.pop_front();
        reader->received(*link, bytes);
        reader->end_of_turn();
      }
    }
  };
  std::array<End, 2> ends;
  bool open = true;
};

struct World::ClientNode final : public Transport {
  World& world;
  int number = 0;
  std::unique_ptr<Home> home;
  std::unique_ptr<Messenger> messenger;
  std::map<Lane, std::shared_ptr<Wire>> wires;
  bool wanted = false;
  bool redialling = false;
  int attempt = 0;

  ClientNode(World& owner, int index) : world(owner), number(index) {}

  void dial(Lane lane, const StationTarget& target) override;
  void send(Lane lane, std::string bytes) override {
    auto found = wires.find(lane);
    if (found == wires.end()) found = wires.find(Lane::control);
    if (found != wires.end()) world.carry(found->second, true, std::move(bytes));
  }
  void hang_up(Lane lane) override;

  /// The network told this side that the connection is gone.
  void lost(Lane lane) {
    wires.erase(lane);
    messenger->closed(lane);
  }

  void redial() {
    if (!wanted || redialling) return;
    redialling = true;
    const Millis wait = Millis{200} << std::min(attempt++, 6);
    world.clock_.after(
        static_cast<Millis>(world.random_.below(static_cast<std::uint64_t>(wait))) + 1, [this] {
          redialling = false;
          if (!wanted || messenger->is_ready()) return;
          (void)messenger->start();
        });
  }

  void tick() {
    world.clock_.after(kClientTickMs, [this] {
      messenger->tick();
      tick();
    });
  }
};

void World::Wire::send(std::string bytes) {
  to_client_bytes += bytes.size();
  world.carry(self.lock(), false, std::move(bytes));
}

void World::Wire::close() {
  const auto alive = self.lock();
  link.reset();
  world.clock_.after(0, [alive] {});  // the station is in the middle of a call on it
  world.stations_[static_cast<std::size_t>(station)]->kept.erase(alive);
  if (!std::exchange(open, false)) return;
  // What was sent before arrives before.
  const Millis at = std::max(last_arrival[0], world.clock_.monotonic() + 1);
  world.clock_.after(at - world.clock_.monotonic(), [wire = self.lock()] {
    ClientNode& node = *wire->world.clients_[static_cast<std::size_t>(wire->client)];
    const auto found = node.wires.find(wire->lane);
    if (found != node.wires.end() && found->second == wire) node.lost(wire->lane);
  });
}

void World::Wire::pause(bool paused_now) {
  paused = paused_now;
  if (paused || held.empty()) return;
  world.clock_.after(0, [wire = self.lock()] {
    StationNode& node = *wire->world.stations_[static_cast<std::size_t>(wire->station)];
    while (!wire->paused && !wire->held.empty() && wire->link && wire->boot == node.boot &&
           node.station) {
      const std::string bytes = std::move(wire->held.front());
      wire->held.pop_front();
      node.station->received(*wire->link, bytes);
      node.station->end_of_turn();
    }
  });
}

void World::ClientNode::dial(Lane lane, const StationTarget&) {
  hang_up(lane);
  auto wire = std::make_shared<Wire>(world);
  wire->self = wire;
  wire->client = number;
  wire->station = world.station_of(number);
  wire->lane = lane;
  wire->number = world.random_.next();
  wires[lane] = wire;
  world.clock_.after(world.latency(), [this, wire, lane] {
    const auto found = wires.find(lane);
    if (found == wires.end() || found->second != wire) return;
    StationNode& node = *world.stations_[static_cast<std::size_t>(wire->station)];
    if (!node.station) {
      wires.erase(lane);
      return messenger->unreachable(lane, {Errc::unreachable, "the station is down"});
    }
    const Digest32 binding = sha256({as_bytes("channel"), as_bytes(std::to_string(wire->number))});
    LinkInfo info;
    info.lane = lane;
    info.remote = "fd00:" + std::to_string(number % 9000 + 1) +
                  "::1";  // each person in a network of their own
    info.channel_binding.assign(binding.begin(), binding.end());
    wire->boot = node.boot;
    node.kept.insert(wire);
    wire->link = world.is_dimchat(number)
                     ? node.station->opened_gateway(*wire, std::move(info.remote))
                     : node.station->opened(*wire, std::move(info));
    node.station->end_of_turn();
    messenger->opened(lane, Bytes(binding.begin(), binding.end()), spki_of(wire->station));
  });
}

void World::ClientNode::hang_up(Lane lane) {
  const auto found = wires.find(lane);
  if (found == wires.end()) return;
  const std::shared_ptr<Wire> wire = found->second;
  wires.erase(found);
  if (!std::exchange(wire->open, false)) return;
  const Millis at = std::max(wire->last_arrival[1], world.clock_.monotonic() + 1);
  world.clock_.after(at - world.clock_.monotonic(), [wire] {
    StationNode& node = *wire->world.stations_[static_cast<std::size_t>(wire->station)];
    if (wire->link && wire->boot == node.boot && node.station) {
      node.station->closed(*std::exchange(wire->link, std::nullopt));
      node.station->end_of_turn();
      node.kept.erase(wire);
    }
  });
}

// --- the network
// ------------------------------------------------------------------------------------------------

Millis World::latency() {
  return 1 + static_cast<Millis>(random_.below(static_cast<std::uint64_t>(options_.latency_ms)));
}

void World::note(std::string_view what, ByteView bytes) {
  const std::string time = std::to_string(clock_.monotonic());
  trace_ = sha256({trace_, as_bytes(what), as_bytes(time), bytes});
}

void World::carry(const std::shared_ptr<Wire>& wire, bool to_station, std::string bytes) {
  if (!wire->open || bytes.empty()) return;
  note(to_station ? "up" : "down", as_bytes(bytes));
  if (bytes.size() > 1 && random_.chance(options_.split_chance)) {
    const std::size_t at = 1 + static_cast<std::size_t>(random_.below(bytes.size() - 1));
    std::string tail = bytes.substr(at);
    bytes.resize(at);
    const double before = std::exchange(options_.split_chance, 0);
    carry(wire, to_station, std::move(bytes));
    carry(wire, to_station, std::move(tail));
    options_.split_chance = before;
    return;
  }
  // Like TCP: any delay, never out of order.
  Millis& last = wire->last_arrival[to_station ? 1 : 0];
  last = std::max(last, clock_.monotonic() + latency());
  clock_.after(last - clock_.monotonic(), [this, wire, to_station, bytes = std::move(bytes)] {
    if (to_station) {
      StationNode& node = *stations_[static_cast<std::size_t>(wire->station)];
      if (!wire->link || wire->boot != node.boot || !node.station) return;
      if (wire->paused || !wire->held.empty()) {
        wire->held.push_back(bytes);
        return;
      }
      node.station->received(*wire->link, bytes);
      node.station->end_of_turn();
      return;
    }
    wire->to_client_bytes -= bytes.size();
    ClientNode& client = *clients_[static_cast<std::size_t>(wire->client)];
    const auto found = client.wires.find(wire->lane);
    if (found == client.wires.end() || found->second != wire) return;
    if (options_.lost_answers > 0 && bytes.find("\ncode: 201\n") != std::string::npos &&
        random_.chance(options_.lost_answers))
      return cut(wire->client);
    client.messenger->received(wire->lane, bytes);
    StationNode& node = *stations_[static_cast<std::size_t>(wire->station)];
    if (wire->to_client_bytes == 0 && wire->link && wire->boot == node.boot && node.station) {
      node.station->drained(*wire->link);
      node.station->end_of_turn();
    }
  });
}

void World::carry_on(const std::shared_ptr<Trunk>& trunk, int to, std::string bytes) {
  Trunk::End& end = trunk->ends[static_cast<std::size_t>(to)];
  Trunk::End& writer = trunk->ends[static_cast<std::size_t>(1 - to)];
  if (!trunk->open) {
    writer.sent_bytes -= bytes.size();
    return;
  }
  note("trunk", as_bytes(bytes));
  end.last_arrival = std::max(end.last_arrival, clock_.monotonic() + latency());
  clock_.after(end.last_arrival - clock_.monotonic(),
               [trunk, &end, &writer, bytes = std::move(bytes)] {
                 writer.sent_bytes -= bytes.size();
                 if (end.alive() != nullptr) {
                   end.held.push_back(bytes);
                   end.read_held();
                 }
                 if (writer.sent_bytes > 0) return;
                 if (Station* station = writer.alive()) {
                   station->drained(*writer.link);
                   station->end_of_turn();
                 }
               });
}

/// The station at `to` hears that the connection is gone, behind what was sent before.
void World::end_trunk(const std::shared_ptr<Trunk>& trunk, int to, Millis wait) {
  trunk->open = false;
  Trunk::End& end = trunk->ends[static_cast<std::size_t>(to)];
  const Millis at = std::max(end.last_arrival, clock_.monotonic() + wait);
  clock_.after(at - clock_.monotonic(), [trunk, &end] {
    Station* station = end.alive();
    if (station == nullptr) return;
    station->closed(*std::exchange(end.link, std::nullopt));
    station->end_of_turn();
  });
}

void World::dial_neighbour(StationNode& from, std::size_t index) {
  // The others in order: see start_station.
  const int number = static_cast<int>(index) + (static_cast<int>(index) >= from.number ? 1 : 0);
  clock_.after(latency(), [this, &from, index, number, at = from.boot] {
    if (at != from.boot || !from.station) return;
    StationNode& to = *stations_[static_cast<std::size_t>(number)];
    if (!to.station) {
      from.station->unreachable_neighbour(index, {Errc::unreachable, "the station is down"});
      return from.station->end_of_turn();
    }
    auto trunk = std::make_shared<Trunk>();
    for (int side = 0; side < 2; ++side) {
      Trunk::End& end = trunk->ends[static_cast<std::size_t>(side)];
      const StationNode& node = side == 0 ? from : to;
      end.world = this;
      end.trunk = trunk;
      end.side = side;
      end.station = node.number;
      end.boot = node.boot;
    }
    trunks_.push_back(trunk);
    trunk->ends[1].link = to.station->opened_gateway(trunk->ends[1], "fd00:d2::1");
    to.station->end_of_turn();
    trunk->ends[0].link = from.station->opened_neighbour(index, trunk->ends[0], "fd00:d2::2");
    from.station->end_of_turn();
  });
}

void World::cut_neighbours() {
  for (const auto& trunk : trunks_) {
    if (!trunk->open) continue;
    for (int side = 0; side < 2; ++side) end_trunk(trunk, side, latency());
  }
}

// --- the world
// --------------------------------------------------------------------------------------------------

World::World(const WorldOptions& options)
    : options_(options), random_(options.seed), clock_(kStart) {
  for (int i = 0; i < options_.stations; ++i) {
    auto node = std::make_unique<StationNode>(*this, i, random_.next());
    node->account = std::make_unique<Account>(make_station_account(i, clock_.now(), random_));
    stations_.push_back(std::move(node));
  }
  for (auto& node : stations_) start_station(*node);
  for (int i = 0; i < options_.clients; ++i) {
    auto node = std::make_unique<ClientNode>(*this, i);
    node->home = std::make_unique<Home>(
        Home::in_memory(make_person(i, clock_.now(), random_), random_).value());
    by_id_[node->home->account().id.text()] = i;
    StationTarget target;
    target.id = stations_[static_cast<std::size_t>(station_of(i))]->account->id.text();
    target.host = "fd00:d1::1";
    if (is_dimchat(i)) target.protocol = StationTarget::Protocol::dimchat;
    (void)node->home->set_station(target);
    MessengerEvents events;
    events.ready = [raw = node.get()] { raw->attempt = 0; };
    events.failed = [raw = node.get()](const Error&, int, std::string_view) { raw->redial(); };
    events.received = [this, i](const HistoryEntry& entry) { on_received(i, entry); };
    // Every third one reaches one port only: all its lanes are in one connection.
    node->messenger = std::make_unique<Messenger>(
        *node->home, *node, clock_, random_, std::move(events),
        Messenger::Options{.read_receipts = false, .one_port = i % 3 == 2});
    clients_.push_back(std::move(node));
    clients_.back()->tick();
  }
}

World::~World() {
  // Clients hang up through wires that stations still know: stations go first.
  for (auto& node : stations_) node->station.reset();
}

void World::start_station(StationNode& node) {
  SqliteOptions options;
  options.vfs = node.disk.vfs();
  options.exclusive = true;
  auto store = SqliteStore::open("/station", options);
  if (!store) {
    faults_.push_back("station " + std::to_string(node.number) +
                      " did not come back: " + to_string(store.error()));
    return;
  }
  node.store = std::move(*store);
  StationConfig config;
  for (const auto& other : stations_) {
    if (options_.bridged && other.get() != &node)
      config.neighbours.push_back({.id = other->account->id.bare(), .host = "neighbour"});
  }
  node.station = std::make_unique<Station>(std::move(config), *node.account, *node.store, node,
                                           node.clock, random_, &node);
  node.station->on_dial([this, &node](std::size_t index) { dial_neighbour(node, index); });
  node.tick();
}

void World::power_cut(int station, Millis down_ms) {
  StationNode& node = *stations_[static_cast<std::size_t>(station)];
  ++node.boot;
  node.batches.clear();
  node.committing = false;
  node.station.reset();
  node.disk.power_off();
  node.store.reset();
  node.disk.power_on();
  for (auto& client : clients_) {
    if (station_of(client->number) != station) continue;
    for (auto& [lane, wire] : client->wires) {
      if (!wire->link) continue;
      wire->link.reset();
      node.kept.erase(wire);
      wire->open = false;
      clock_.after(latency(), [this, wire] {
        ClientNode& peer = *clients_[static_cast<std::size_t>(wire->client)];
        const auto found = peer.wires.find(wire->lane);
        if (found != peer.wires.end() && found->second == wire) peer.lost(wire->lane);
      });
    }
  }
  for (const auto& trunk : trunks_) {
    if (!trunk->open) continue;
    for (Trunk::End& end : trunk->ends) {
      if (end.station != station) continue;
      end.link.reset();
      end_trunk(trunk, 1 - end.side, latency());
    }
  }
  clock_.after(down_ms, [this, &node, at = node.boot] {
    if (at == node.boot) start_station(node);  // another cut came meanwhile: it starts the station
  });
}

void World::set_clock(int station, Millis ahead) {
  stations_[static_cast<std::size_t>(station)]->clock.ahead = ahead;
}

StationCounters World::counters(int station) const {
  const auto& node = stations_[static_cast<std::size_t>(station)];
  return node->station ? node->station->counters() : StationCounters{};
}

void World::connect(int client) {
  ClientNode& node = *clients_[static_cast<std::size_t>(client)];
  node.wanted = true;
  if (!node.messenger->is_ready()) (void)node.messenger->start();
}

void World::disconnect(int client) {
  ClientNode& node = *clients_[static_cast<std::size_t>(client)];
  node.wanted = false;
  node.messenger->stop();
}

void World::cut(int client) {
  ClientNode& node = *clients_[static_cast<std::size_t>(client)];
  for (auto& [lane, wire] : std::map(node.wires)) {
    wire->open = false;
    StationNode& station = *stations_[static_cast<std::size_t>(wire->station)];
    if (wire->link && wire->boot == station.boot && station.station) {
      station.station->closed(*std::exchange(wire->link, std::nullopt));
      station.station->end_of_turn();
      station.kept.erase(wire);
    }
    if (node.wires.contains(lane)) node.lost(lane);
  }
}

bool World::is_ready(int client) const {
  return clients_[static_cast<std::size_t>(client)]->messenger->is_ready();
}

void World::send(int from, int to) {
  const int number = ++sent_[{from, to}];
  const std::string text = std::to_string(from) + ":" + std::to_string(number);
  auto entry = clients_[static_cast<std::size_t>(from)]->messenger->send_text(
      clients_[static_cast<std::size_t>(to)]->home->account().id, text);
  if (!entry) faults_.push_back("send " + text + ": " + to_string(entry.error()));
}

void World::on_received(int client, const HistoryEntry& entry) {
  const int from = by_id_.at(entry.peer.text());
  note("read", as_bytes(entry.text));
  if (!entry.cause.empty()) {
    faults_.push_back(std::to_string(client) + " could not read from " + std::to_string(from) +
                      ": " + entry.cause);
    return;
  }
  int number = 0;
  const std::size_t colon = entry.text.find(':');
  std::from_chars(entry.text.data() + colon + 1, entry.text.data() + entry.text.size(), number);
  int& last = received_[{from, client}];
  if (number != last + 1) {
    faults_.push_back(std::to_string(client) + " read " + entry.text + " after number " +
                      std::to_string(last) +
                      (number <= last ? " (twice or out of order)" : " (gap)"));
  }
  // What a dimchat session sends again is sealed anew, under the next number of its chain: the one
  // before is missing when it never got to the station.
  const bool gap = entry.missing > 0 && !is_dimchat(from);
  // Once forward secret, always: whatever the station has lost, and whoever has restarted.
  bool& secret = secret_[{from, client}];
  const bool right_label =
      entry.label == Label::secure || (entry.label == Label::secure_old && !secret);
  secret = secret || entry.label == Label::secure;
  if (gap || entry.forked || !right_label) {
    faults_.push_back(std::to_string(client) + " read " + entry.text + " with a wrong mark");
  }
  last = std::max(last, number);
}

WorldReport World::report() {
  WorldReport out;
  for (const auto& [pair, count] : sent_) {
    out.sent += static_cast<std::size_t>(count);
    const int got = received_[pair];
    out.received += static_cast<std::size_t>(got);
    if (got != count) {
      faults_.push_back("of " + std::to_string(count) + " from " + std::to_string(pair.first) +
                        " to " + std::to_string(pair.second) + ", " + std::to_string(got) +
                        " arrived");
    }
  }
  for (const auto& node : clients_) {
    if (auto waiting = node->messenger->waiting()) out.waiting += *waiting;
  }
  for (const auto& [pair, count] : sent_) {
    auto history = clients_[static_cast<std::size_t>(pair.first)]->messenger->history(
        clients_[static_cast<std::size_t>(pair.second)]->home->account().id, 1'000'000);
    if (!history) continue;
    for (const HistoryEntry& entry : *history) {
      if (entry.outgoing && (entry.tick == Tick::delivered || entry.tick == Tick::read))
        ++out.delivered;
      if (entry.outgoing && entry.tick == Tick::failed)
        faults_.push_back(std::to_string(pair.first) + " could not send " + entry.text + ": " +
                          entry.cause);
    }
  }
  out.faults = std::exchange(faults_, {});
  return out;
}

}  // namespace dim
