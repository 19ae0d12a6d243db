// Inside of the station, shared by its source files: links, the turn, pending commits. Nobody else
// includes it.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "dim/crypto/curve25519.h"
#include "dim/engine/engine.h"
#include "dim/message/message.h"
#include "dim/packet/lane_queue.h"
#include "dim/packet/reader.h"
#include "server/link_base.h"
#include "server/live_link.h"
#include "server/packet_clock.h"
#include "server/session_table.h"
#include "server/station.h"

namespace dim {

inline constexpr std::size_t kDocumentsPerUser = 16;

/// A log-in between the station's challenge and the client's proof.
struct LoginChallenge {
  std::string author;
  std::string target;
  Bytes challenge;
  Bytes nonce;
  std::string offered;
  std::string chosen;
  Millis issued = 0;  // monotonic
};

class Admin;
class Gateway;
class Hubs;
class Live;
struct LinkState;
struct NeighbourState;

/// What a carried lane has in place of a connection: it goes with the connection it is in.
class CarriedLink final : public StationLink {
 public:
  explicit CarriedLink(const LinkState& lane) : lane_(lane) {}
  void send(std::string) override {}  // lanes.cc: goes into the queue of the carrier
  void close() override {}
  std::size_t queued() const override;
  void pause(bool) override {}

 private:
  const LinkState& lane_;
};

/// Of a connection that carries other lanes too (lanes.cc).
struct Shared {
  std::array<LinkState*, 5> lanes{};  ///< by Lane; never control
  LaneQueue queue;
  std::size_t waiting = 0;  ///< bytes of packets that wait because their lane is held
};

struct LinkState : LinkBase {
  enum class Phase : std::uint8_t { hello, challenged, proven };

  LinkState(LinkId link_id, StationLink& owner, LinkInfo link_info)
      : LinkBase{link_id, &owner}, info(std::move(link_info)), reader({.lane = info.lane}) {}

  LinkInfo info;
  PacketReader reader;
  Phase phase = Phase::hello;
  UserSession* session = nullptr;
  std::string terminal;  ///< of the author who logs in here
  std::unique_ptr<LoginChallenge> challenge;
  std::vector<std::string> open;  ///< ids of requests without an answer yet
  std::size_t unanswered = 0;     ///< the same count, also of requests that have no id
  std::size_t incoming = 0;       ///< bytes of media that wait for the disk

  Millis window_start = 0;  ///< monotonic
  std::size_t window_bytes = 0;
  bool had_packet = false;
  unsigned strays = 0, refusals = 0;

  bool pushing = false;    ///< asked for the inbox
  bool caught_up = false;  ///< everything durable up to now has been pushed
  Cursor sent = 0;
  /// Channels of which this reader has missed something (`behind`), and up to where it came out of
  /// the store.
  struct Flow {
    Cursor upto = 0;
    bool behind = false;
  };
  std::map<Guid, Flow> flows;

  std::unique_ptr<LiveLink> live;        ///< it has joined a live stream
  std::unique_ptr<Shared> shared;        ///< set when other lanes are in this connection
  LinkState* carrier = nullptr;          ///< of a carried lane: the link of its connection
  std::unique_ptr<CarriedLink> carried;  ///< of the same: its `link`
  std::deque<Packet> arrived;            ///< of the same: what its lane is held for

  /// As LinkBase's, of this lane alone.
  std::size_t queued() const {
    if (carrier != nullptr) return carrier->shared->queue.bytes(info.lane);
    return LinkBase::queued() + (shared ? shared->queue.bytes(Lane::control) : 0);
  }
};

inline std::size_t CarriedLink::queued() const { return lane_.queued(); }

/// One request that is being handled.
struct StationRequest {
  LinkState& link;
  UserSession& session;
  Packet& packet;
  std::string id;
};

/// What became of a message of a reference client, and whether a session has taken it.
using MessageDone = std::function<void(const Result<Accepted>& outcome, bool taken)>;

/// A message or receipt on its way to the disk, with what is needed to push it without reading it
/// back. `link` and `reply` answer a CREATE; `done`, when set, is called instead.
struct PendingMessage {
  LinkId link{};
  std::string reply;
  StoredMessage message;
  std::vector<std::string> receivers;  ///< inbox owners
  MessageDone done;
  bool is_own_copy = false;   ///< a device without terminal gets `message` as it is
  std::vector<Guid> media{};  ///< PutMessage::media
};

/// Whether this visa says that its device is no longer its owner's.
bool is_removed_visa(const StoredDocument& visa);

/// When a one-time key was given out last: of one device, to one user or one network.
struct PrekeyQuota {
  static constexpr Millis kForgetMs = 120'000;
  TokenBucket bucket;
};

/// What delivery needs to know of a user.
struct Receiver {
  std::vector<std::string> owners;               ///< inboxes of the devices, at least one
  std::set<std::string, std::less<>> blocked{};  ///< whose messages go nowhere, without terminal
  Millis removed_at = 0;                         ///< when a device of theirs was removed last
  /// What devices whose visa names keys of the suite N1 sign with (Ed25519), by terminal.
  std::map<std::string, Key32, std::less<>> native{};
};

using Completion = std::function<void(const Result<std::vector<Written>>&)>;

struct PendingWrite {
  std::size_t first = 0;  ///< index of its first write in the batch
  std::size_t count = 0;
  std::variant<PendingMessage, Completion> what;
};

/// Answers to the last kKept CREATEs, so that a repeated one gets the same.
class AnswerCache {
 public:
  static constexpr std::size_t kKept = 16'384;

  struct Entry {
    Millis time = 0;
    bool taken = false;
  };
  void put(const Guid& guid, Entry entry);
  std::optional<Entry> find(const Guid& guid) const;

 private:
  struct Hash {
    std::size_t operator()(const Guid& guid) const;
  };
  std::unordered_map<Guid, Entry, Hash> entries_;
  std::deque<Guid> order_;  ///< the oldest first
};

class StationCore {
 public:
  StationCore(StationConfig config, const Account& account, Store& reads, Committer& committer,
              Clock& clock, Random& random, Crew* crew);
  ~StationCore();

  // station.cc
  LinkId opened(StationLink& link, LinkInfo info);
  LinkId opened_gateway(StationLink& link, std::string remote);
  LinkId opened_neighbour(std::size_t index, StationLink& link, std::string remote);
  void received(LinkId id, std::string_view bytes);
  void drained(LinkId id);
  void closed(LinkId id);
  void tick();
  void end_of_turn();
  MemoryLevel memory_used(std::size_t bytes);
  void reload(const Quotas& quotas, std::set<std::string, std::less<>> bans);
  void stop();

  bool failed_ = false;
  StationCounters counters_;
  std::function<void(const StationEvent&)> on_event_;
  std::function<void(std::size_t)> on_dial_;
  std::unordered_map<LinkId, std::unique_ptr<LinkState>> links_;
  SessionTable sessions_;
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Hubs> hubs_;
  std::unique_ptr<Live> live_;
  std::unique_ptr<Admin> admin_;

 private:
  friend class Admin;
  friend class Gateway;
  friend class Hubs;
  friend class Live;
  friend class Bridge;
  using Handler = void (StationCore::*)(StationRequest&);
  struct Operations;  // the handler table

  // station.cc: links and turns
  LinkState* find(LinkId id);
  void process(LinkState& link);
  static bool is_in_frames(const LinkState& link) {
    return link.live && link.carrier == nullptr;  // behind a 101: no packets any more
  }
  bool held(const LinkState& link) const;
  bool is_flooded(const LinkState& link) const;
  void update_pause(LinkState& link);
  void mark_dirty(LinkState& link);
  void wake(LinkState& link);
  void send(LinkState& link, std::string_view bytes);
  void send(LinkState& link, const Packet& packet);
  void refuse(LinkState& link, std::string_view reply, const Error& error);
  void refuse_and_close(LinkState& link, std::string_view reply, const Error& error);
  void read_failed(LinkState& link, std::string_view reply, const Error& error);
  void close_link(LinkState& link);
  void flush_link(LinkId id);
  void let_go(LinkState& link);
  void check_times(LinkState& link, Millis now);
  void refuse_overload(LinkState& link, std::string_view reply);
  void event(StationEvent::Level level, std::string_view name, std::string who,
             std::string_view detail = {}) const;
  const std::string& time_text(Millis time);

  // station.cc: commits
  void submit(std::vector<Write> writes, Completion done);
  /// Visas and other documents of a user, with those that are not on the disk yet: many commands in
  /// one turn are many.
  std::size_t count_documents(const std::string& user,
                              std::span<const StoredDocument> stored) const;
  void submit(Write write) { batch_.push_back(std::move(write)); }
  /// Calls `done` when everything that was submitted before has been stored, or could not be.
  void after_writes(std::function<void()> done) {
    submit({RequireHub{}},
           [done = std::move(done)](const Result<std::vector<Written>>&) { done(); });
  }
  void submit_message(PendingMessage pending);
  void flush_batch();
  void committed(std::vector<PendingWrite>& pending, const Result<std::vector<Written>>& written);
  void open_request(LinkState& link, const std::string& id);
  LinkState* finish_request(LinkId id, const std::string& reply);

  // lanes.cc
  void share(LinkState& link);
  LinkState* lane_in(LinkState& link, std::optional<Lane> lane);
  bool route(LinkState& link, Packet& packet);
  bool is_stuck(LinkState& link, Millis now);
  std::variant<std::monostate, Packet, BadPacket> next_packet(LinkState& link);
  void hand_over(LinkState& link);
  void refill(LinkState& link);
  void forget(LinkState& link);

  // connect.cc
  void on_connect(LinkState& link, const Packet& packet);
  void connect_control(LinkState& link, const Packet& packet);
  void hello(LinkState& link, const Packet& packet, const std::string& author);
  void send_challenge(LinkState& link, std::string_view reply, bool known);
  void proof(LinkState& link, const Packet& packet, const std::string& author);
  void resume(LinkState& link, const Packet& packet, const std::string& author);
  void connect_lane(LinkState& link, const Packet& packet);
  void login_failed(LinkState& link, std::string_view reply, const Error& error, std::string who);
  void refuse_stranger(LinkState& link, std::string_view reply, const std::string& author,
                       const Error& error);
  void refuse_banned(LinkState& link, std::string_view reply, const std::string& author);
  void welcome(LinkState& link, UserSession& session, std::string_view reply, const Bytes& secret);
  void unreadable_login(LinkState& link, std::string_view reply, const Error& error);
  bool admit_login(LinkState& link, std::string_view reply);
  void confirm_resume(UserSession& session);
  void drop_resume(const Guid& guid);
  void end_session(UserSession& session, std::string_view state, bool forget);
  void tell_sessions(std::string_view user, std::string_view state, const UserSession* except);
  std::vector<PublicKey> keys_of(const std::string& id, const Meta& meta);

  // operations.cc
  void on_request(LinkState& link, Packet& packet);
  bool within_quota(StationRequest& request, TokenBucket& bucket, const Rate& rate,
                    double cost = 1);
  void refuse_quota(StationRequest& request, Millis wait);
  void refuse(StationRequest& request, const Error& error) {
    refuse(request.link, request.id, error);
  }
  void create_message(StationRequest& request);
  void get_message(StationRequest& request);
  void notify_typing(StationRequest& request);
  void notify_presence(StationRequest& request);
  void notify_ping(StationRequest& request);
  void notify_cursor(StationRequest& request);

  // media.cc
  void create_media(StationRequest& request);
  void put_piece(StationRequest& request);
  void check_upload(LinkId id, const std::string& reply, const OpenMedia& upload, bool fresh);
  bool take_blocks(StationRequest& request, std::int64_t bytes);
  void get_media(StationRequest& request);
  void drop_media(StationRequest& request);
  void destroy_media(StationRequest& request);
  void overwrite_media(LinkId id, const std::string& reply, const DestroyMedia& destroy);
  void refuse_media(LinkId id, const std::string& reply, const Error& error);

  // hub_requests.cc
  void change_hub(StationRequest& request);
  void get_hub(StationRequest& request);
  void change_channel_message(StationRequest& request);
  void react_or_pin(StationRequest& request);
  void get_pins(StationRequest& request);
  void notify_mark(StationRequest& request);
  void edit_mark(StationRequest& request);
  void create_erasure(StationRequest& request);
  void get_erasures(StationRequest& request);
  void create_report(StationRequest& request);
  void get_reports(StationRequest& request);
  void close_reports(StationRequest& request);
  void get_mark(StationRequest& request);
  void get_audit(StationRequest& request);

  // live.cc
  void create_stream(StationRequest& request);
  void get_stream(StationRequest& request);
  void erase_stream(StationRequest& request);
  void notify_frame(StationRequest& request);
  void notify_stream(StationRequest& request);

  // names.cc, documents.cc
  void create_name(StationRequest& request);
  void get_name(StationRequest& request);
  void create_document(StationRequest& request);
  void get_document(StationRequest& request);

  // prekeys.cc
  void create_prekeys(StationRequest& request);
  void get_prekeys(StationRequest& request);
  void drop_prekeys(StationRequest& request);
  void count_prekeys(StationRequest& request);
  std::optional<std::string> own_device(StationRequest& request);
  bool gives_one_time(const StationRequest& request, const Receiver& owner,
                      const std::string& device);
  /// After documents of that user were stored: what no visa of theirs bears any more goes.
  void sweep_prekeys(const std::string& user);

  // login_record.cc
  void create_login(StationRequest& request);

  // delivery.cc
  bool deliver(const std::string& owner, Cursor cursor, const PendingMessage& pending);
  void message_committed(PendingMessage& pending, const Result<std::vector<Written>>& all,
                         std::size_t index);
  void legacy_committed(PendingMessage& pending, const Result<std::vector<Written>>& all,
                        std::size_t index);
  void start_pushing(LinkState& link, Cursor after);
  void pump(LinkState& link);
  std::string encode_push(const std::string& user, Cursor cursor, const StoredMessage& message,
                          Checksum checksum);
  void remember_ack(const std::string& owner, Cursor upto);
  void flush_acks();
  bool known_user(const std::string& id);

  // bridge_forward.cc
  void forward_message(StationRequest& request, const Guid& guid, const SignedMessage& message,
                       NeighbourState& to);
  bool ask_neighbours(StationRequest& request, const Id& did);
  /// Never null; an error when the store cannot be read, and nothing is remembered then.
  Result<const Receiver*> receiver_of(const std::string& user);
  void forget_receiver(const std::string& user) { receivers_.erase(user); }
  Result<std::string> inbox_of(const std::string& user, const std::string& terminal);
  /// After a device of that user was removed: their sessions end on all ports at once, but for
  /// `except`, and none is resumed. Which device a session is of is only what it has said.
  void end_sessions_after_removal(const std::string& user, const UserSession* except);

  StationConfig config_;
  const Account& account_;
  Store& reads_;
  Committer& committer_;
  PacketClock clock_;
  Random& random_;
  Crew* crew_;  // null: none
  std::string station_id_;
  std::string credentials_;  // JSON of meta and visa, as step 2 of the log-in shows it

  std::uint64_t next_link_ = 1;
  std::vector<LinkId> dirty_;
  std::deque<LinkId> ready_;
  std::vector<LinkId> held_;  // links that wait for a time or for room in flight
  std::vector<Write> batch_;
  std::vector<PendingWrite> pending_;
  std::unordered_map<std::string, std::size_t> documents_under_way_;  // of users, to the disk
  std::size_t inflight_bytes_ = 0;
  std::size_t media_inflight_ = 0;  // bytes of pieces
  SubnetTable subnets_;
  ClaimedTable claimed_;
  QuotaTable left_;
  IdleTable<std::string, PrekeyQuota, TextHash> prekeys_given_;
  AnswerCache answers_;
  std::set<Guid> dropped_;  // sessions that cannot be resumed, until the disk knows it
  std::unordered_map<std::string, Cursor> acks_;  // not yet submitted
  std::unordered_map<std::string, Cursor>
      acked_;  // highest that every pushing session has, of inboxes that are read now
  std::unordered_map<std::string, bool> known_;          // users whose identity is stored
  std::unordered_map<std::string, Receiver> receivers_;  // forgotten when a document is stored
  Millis next_scan_ = 0, next_ack_flush_ = 0, next_purge_ = 0;
  Millis cached_time_ = -1;
  std::string cached_time_text_;
  bool stopping_ = false;
  MemoryLevel memory_ = MemoryLevel::free;
  std::size_t send_queue_asked_ = 0;  // the configured one; config_ has what holds now
  unsigned shed_left_ = 0;            // connections that may be shed until the next look at them
};

inline Error error_of(Errc code, Literal hint) { return {code, hint.view}; }
/// The port of that lane as the draft counts them, wherever the station listens in truth.
inline std::uint16_t draft_port(Lane lane) {
  return static_cast<std::uint16_t>(8800 + static_cast<std::uint16_t>(lane));
}
/// A whole number without sign, 1 to 18 digits.
std::optional<std::int64_t> parse_count(std::string_view text);

}  // namespace dim
