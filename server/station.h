// The station without I/O: one thread, no sockets, no clock or randomness but those given. dimd
// (server/daemon.h) and the simulator feed it bytes and carry out what it says.
//
// Turns: after a run of opened/received/drained/closed/tick calls, or of Committer callbacks, the
// owner calls end_of_turn() once. Only there are writes submitted and bytes handed to links:
// everything of a turn goes in one piece.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/limits.h"
#include "dim/base/random.h"
#include "dim/base/time.h"
#include "dim/engine/account.h"
#include "dim/packet/packet.h"
#include "dim/store/store.h"
#include "server/hub_quotas.h"
#include "server/memory.h"
#include "server/neighbour.h"
#include "server/quotas.h"
#include "server/registration.h"

namespace dim {

enum class LinkId : std::uint64_t {};

/// One connection, as the station sees it. Lives until the owner has called Station::closed, or
/// until close() was called.
class StationLink {
 public:
  virtual ~StationLink() = default;
  virtual void send(std::string bytes) = 0;
  /// Ends the connection after what was sent has gone out (or after a while without progress). The
  /// station does not use the link after this and ignores its id.
  virtual void close() = 0;
  /// Bytes given to send() that have not left yet.
  virtual std::size_t queued() const = 0;
  /// True: read no more from the peer until false (back-pressure). What has been read may still be
  /// delivered.
  virtual void pause(bool paused) = 0;
  /// The peer has logged in: the connection no longer counts among the unauthenticated.
  virtual void proven() {}
  /// Several lanes are in this connection from now on. The station keeps what is to be sent and
  /// gives little ahead, so that what is urgent overtakes: Station::drained has to come when
  /// queued() falls to 16 KiB after having been over that, and nobody below should hold much
  /// either.
  virtual void shared() {}
};

struct LinkInfo {
  Lane lane = Lane::control;
  std::string remote;     ///< IPv6 address text
  Bytes channel_binding;  ///< TLS exporter value; empty: the channel proves nothing, every message
                          ///< is verified
  bool whole_packets = false;  ///< of the control lane: StationLink::send gets one packet each time
};

/// Makes writes durable, in the order of submission. `done` is called later, or at once, on the
/// station's thread, in the same order, with what Store::commit says of these writes.
class Committer {
 public:
  virtual ~Committer() = default;
  using Done = std::function<void(Result<std::vector<Written>>)>;
  virtual void submit(std::vector<Write> writes, Done done) = 0;
};

/// Does work that needs nothing of the station, on other threads or at once: values in, values out.
class Crew {
 public:
  virtual ~Crew() = default;
  using Work = std::move_only_function<void()>;
  /// Runs `work` anywhere, and then, later or at once, `done` on the station's thread. Work may
  /// overtake work; whose order counts has to keep it. Both run once, or never when the crew ends.
  virtual void submit(Work work, Work done) = 0;
};

enum class VerifyMode : std::uint8_t {
  unbound,  ///< signatures of messages are checked on links without channel binding (elsewhere TLS
            ///< has proven the sender)
  always,
};

struct StationConfig {
  Quotas quotas;
  std::set<std::string, std::less<>> bans;  ///< IDs without terminal, canonical text
  VerifyMode verify = VerifyMode::unbound;
  std::size_t sessions_per_user = limits::kSessionsPerUser;
  std::size_t send_queue_bytes = limits::kSendQueueBytes;
  std::size_t inflight_bytes =
      64 * limits::kMiB;  ///< content of messages on its way to the disk; beyond it reading stops
  /// The same of media, and of their lane only: a slow disk does not keep messages waiting behind
  /// it. Whose pieces are on the way already stops at half of it.
  std::size_t media_inflight_bytes = limits::kMediaInflight;
  HubQuotas hub_quotas;  ///< of hubs and users for which the operator has set none
  std::size_t memory_bytes = kProcessMemory;  ///< of the process, memory_used() is held against it
  Registration registration = Registration::open;  ///< unless the operator has set another
  std::vector<Neighbour> neighbours;  ///< stations of the dimchat world that this one works with
};

/// What happened, for logs. `who` may come from a peer: escape it. Never content, keys, tokens.
struct StationEvent {
  enum class Level : std::uint8_t { debug, info, warn, error };
  Level level = Level::info;
  std::string_view name;  ///< "login", "login-refused", "session-replaced", "resume-theft",
                          ///< "meta-suspect", "slow-peer", …
  std::string who;
  std::string_view detail;
};

struct StationCounters {
  std::uint64_t links_opened = 0, links_closed = 0;
  std::uint64_t logins = 0, logins_refused = 0, resumes = 0, thefts = 0;
  std::uint64_t packets = 0, bad_packets = 0, strays = 0, refused_quota = 0;
  std::uint64_t messages_stored = 0, messages_repeated = 0, messages_refused = 0;
  std::uint64_t posts_expired = 0;  ///< in channels: older than these keep them, or disappeared
  std::uint64_t pushed_live = 0, pushed_from_store = 0, pauses_for_slow_reader = 0, notices = 0;
  std::uint64_t media_pieces = 0, media_ranges = 0;
  std::uint64_t live_frames = 0, live_refused = 0, live_shaped = 0;  ///< of live streams
  std::uint64_t slow_peers = 0, commits = 0, commit_errors = 0;
  std::uint64_t forwarded = 0, loops = 0;      ///< to neighbours; what came round
  std::uint64_t refused_memory = 0, shed = 0;  ///< 510; connections that were idle meanwhile
};

class StationCore;

class Station {
 public:
  /// All references must outlive the station; `reads` sees what `committer` has made durable. No
  /// callback of the committer or the crew may run after the station is gone. Without a crew the
  /// station does all on its own thread; with one, `account` and `random` are used on its threads
  /// too.
  Station(StationConfig config, const Account& account, Store& reads, Committer& committer,
          Clock& clock, Random& random, Crew* crew = nullptr);
  ~Station();

  /// TLS is up. `link` stays valid until closed() or StationLink::close().
  LinkId opened(StationLink& link, LinkInfo info);
  /// A connection of a dimchat reference client (docs/protocol/dimchat-gateway.md): no TLS, framing
  /// found from its first bytes. `remote` is an address text, IPv4 as a mapped address.
  LinkId opened_gateway(StationLink& link, std::string remote);
  /// Where the station wants a connection to a neighbour: `index` in StationConfig::neighbours. The
  /// owner dials it, plain TCP, and answers later with one of the next two.
  void on_dial(std::function<void(std::size_t index)> handler);
  LinkId opened_neighbour(std::size_t index, StationLink& link, std::string remote);
  void unreachable_neighbour(std::size_t index, const Error& error);
  void received(LinkId id, std::string_view bytes);
  /// StationLink::queued() has become small (call it at 0, earlier if that pays): more may be
  /// pushed.
  void drained(LinkId id);
  void closed(LinkId id);
  /// Ten times a second or so: timeouts, paused links, lazy writes.
  void tick();
  void end_of_turn();
  /// What the process takes now, in bytes: before each tick. Tells what the station does no more;
  /// the owner takes no new connections from MemoryLevel::no_strangers on.
  MemoryLevel memory_used(std::size_t bytes);

  /// New quotas and bans; sessions of users who are banned now end at once (S11).
  void reload(const Quotas& quotas, std::set<std::string, std::less<>> bans);
  /// One request of the operator (admin_request.h), `by` whom for the log of acts. `done` gets one
  /// JSON object in one line, later or at once: {"ok":true,…} when what was asked for is on the
  /// disk, else {"ok":false,"code":…,"error":…} with the code of responses.md.
  void admin(std::string_view line, const std::string& by, std::function<void(std::string)> done);
  /// Clean stop: submits lazy writes, tells and closes every link. The owner then waits for the
  /// committer.
  void stop();
  /// A commit failed other than for space: nothing more will be acknowledged, the process must end
  /// with 70 (R3).
  bool failed() const;

  const StationCounters& counters() const;
  std::size_t links() const;
  std::size_t sessions() const;
  void on_event(std::function<void(const StationEvent&)> handler);

 private:
  std::unique_ptr<StationCore> core_;
};

}  // namespace dim
