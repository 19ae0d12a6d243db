// Stations and clients in one process, one thread, on a simulated network and disk. Real station,
// real client code, real store; only the edges are simulated. Everything follows from the seed: the
// same seed gives the same bytes.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "client/messenger.h"
#include "dim/crypto/digest.h"
#include "server/station.h"
#include "testing/simulation.h"

namespace dim {

struct WorldOptions {
  std::uint64_t seed = 1;
  int stations = 2;
  int clients = 1'000;         ///< spread evenly over the stations
  int dimchat_every = 0;       ///< so-manyth client comes through the gateway; 0: none
  Millis latency_ms = 40;      ///< a piece of bytes takes 1 … this
  double split_chance = 0.05;  ///< a piece arrives in two
  double lost_answers = 0;     ///< the connection goes before a 201 arrives: it is sent twice
  bool bridged = false;        ///< the stations are neighbours: everybody can write to everybody
};

/// What went wrong between people, if anything: lost, doubled, out of order, unreadable.
struct WorldReport {
  std::size_t sent = 0;
  std::size_t received = 0;
  std::size_t waiting = 0;          ///< still in outboxes
  std::size_t delivered = 0;        ///< ticks "delivered" or better seen by senders
  std::vector<std::string> faults;  ///< one line each
};

class World {
 public:
  explicit World(const WorldOptions& options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Scheduler& clock() { return clock_; }
  SeededRandom& random() { return random_; }
  int clients() const { return options_.clients; }
  int station_of(int client) const { return client % options_.stations; }
  /// Clients of one station, or of neighbours.
  bool can_write(int from, int to) const {
    return from != to && (options_.bridged || station_of(from) == station_of(to));
  }
  bool is_dimchat(int client) const {
    return options_.dimchat_every > 0 && client % options_.dimchat_every == 0;
  }

  void connect(int client);
  void disconnect(int client);  ///< the person goes offline and stays so
  void cut(int client);  ///< the network drops its connections; the client comes back by itself
  bool is_ready(int client) const;
  void send(int from, int to);  ///< a text that says who wrote it and the how-manyth it is

  /// Power cut: what was not on the disk is gone or torn. Comes back after `down_ms`.
  void power_cut(int station, Millis down_ms);
  void cut_neighbours();  ///< the network drops what runs between stations
  StationCounters counters(int station) const;
  /// The wall clock of a station shows `ahead` more than everybody else's from now on.
  void set_clock(int station, Millis ahead);

  void run_for(Millis ms) { clock_.run_for(ms); }
  WorldReport report();
  /// Digest over every piece of bytes with its time and place, so far.
  Digest32 trace() const { return trace_; }

 private:
  struct Wire;
  struct Trunk;
  struct StationNode;
  struct ClientNode;

  void carry(const std::shared_ptr<Wire>& wire, bool to_station, std::string bytes);
  void note(std::string_view what, ByteView bytes);
  Millis latency();
  void start_station(StationNode& node);
  void dial_neighbour(StationNode& from, std::size_t index);
  void carry_on(const std::shared_ptr<Trunk>& trunk, int to, std::string bytes);
  void end_trunk(const std::shared_ptr<Trunk>& trunk, int to, Millis wait);
  void on_received(int client, const HistoryEntry& entry);

  WorldOptions options_;
  SeededRandom random_;
  Scheduler clock_;
  Digest32 trace_{};
  std::vector<std::unique_ptr<StationNode>> stations_;
  std::vector<std::unique_ptr<ClientNode>> clients_;
  std::vector<std::shared_ptr<Trunk>> trunks_;  // all there ever were: stations may still know them
  std::map<std::string, int> by_id_;
  std::map<std::pair<int, int>, int> sent_;
  std::map<std::pair<int, int>, int> received_;
  std::map<std::pair<int, int>, bool> secret_;  // from, to: something forward secret has come
  std::vector<std::string> faults_;
};

}  // namespace dim
