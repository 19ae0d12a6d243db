// The gateway for dimchat reference clients, inside of the station: its own links, the station's
// users, inboxes, turns and commits. JSON messages in, JSON messages out; frames are dim/packet's.
// Nobody outside of server/ includes it. docs/protocol/dimchat-gateway.md says what it promises.
#pragma once
#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dim/engine/directory.h"
#include "dim/engine/engine.h"
#include "dim/packet/frame_stream.h"
#include "dim/protocol/content.h"
#include "server/core.h"
#include "server/gateway_check.h"

namespace dim {

/// A frame of the client whose messages are not all durable yet.
struct GatewayTicket {
  std::string ack;
  std::size_t open = 0;         ///< messages of it that are being handled
  std::uint64_t sent_then = 0;  ///< GatewayLink::messages_sent when it came
};

/// A message to the client that it has not acknowledged.
struct GatewaySent {
  std::uint64_t handle = 0;
  Cursor cursor = 0;    ///< of its inbox; 0: an answer of the station
  std::string bytes{};  ///< the frame, for another try; empty when it will not be tried again
  Millis time = 0;      ///< monotonic, of the last try
  unsigned tries = 1;
  bool is_acked = true;  ///< false: what is written counts as delivered (WebSocket)
  bool done = false;
};

class Bridge;
struct NeighbourState;

struct GatewayLink : LinkBase {
  GatewayLink(LinkId link_id, StationLink& connection, std::uint64_t first_sn)
      : LinkBase{link_id, &connection}, frames({.framing = {}, .first_sn = first_sn}) {}
  bool known_is(const Id& who) const { return known && known->same_entity(who); }

  std::string remote;
  FrameStream frames;

  std::string session_key;              ///< hex; constant for the connection
  std::optional<Id> known;              ///< whom `directory` is about
  Directory directory{4};               ///< the one who speaks here: meta and visas
  std::string terminal;                 ///< of the visa that came before the log-in
  std::string user;                     ///< ID without terminal; empty before the log-in
  std::string owner;                    ///< whose inbox is read
  std::optional<Id> device;             ///< `owner` as an ID
  NeighbourState* neighbour = nullptr;  ///< the station at the other end (bridge.h)
  bool dialled = false;                 ///< by this station: it is the client here
  bool introduced = false;              ///< has got the station's meta and visa
  Millis last_active = 0;
  std::uint64_t messages_sent = 0;

  std::deque<GatewayText> texts;      ///< of a frame, to be handled behind `runs`
  std::deque<GatewayTicket> tickets;  ///< frames not acknowledged, in order
  std::uint64_t first_ticket = 0;     ///< number of tickets.front()
  std::deque<GatewayText> parked;     ///< came before the log-in
  std::size_t parked_bytes = 0;
  std::size_t texts_bytes = 0;                   ///< of `texts` and `runs`
  std::deque<std::shared_ptr<GatewayRun>> runs;  ///< with the crew, or back from it; in order
  std::shared_ptr<const SignerKeys> keys;  ///< of `user`; null when the directory may have changed
  std::size_t counted = 0;                 ///< its part of Gateway::strangers_bytes_

  std::vector<Content> receipts_due;  ///< of this turn
  std::size_t sealing = 0;            ///< receipts that the crew has

  bool active = false;     ///< gets pushes: logged in, not reported offline
  Millis push_from = 0;    ///< hold after DIM! until then (wire-2026.md 9); 0: push
  bool caught_up = false;  ///< everything durable up to now has been pushed
  Cursor sent = 0, acked = 0;
  std::deque<GatewaySent> unacked;  ///< in order of sending
  Cursor given_up = 0;  ///< the first message that the client has never acknowledged; 0: none
  std::size_t unacked_bytes = 0;
};

class Gateway {
 public:
  explicit Gateway(StationCore& core);
  ~Gateway();

  void opened(LinkId id, StationLink& link, std::string remote);
  void received(LinkId id, std::string_view bytes);
  void drained(LinkId id);
  void closed(LinkId id);
  void tick(Millis now);
  /// What waits for this turn: reading goes on.
  void process_ready();
  void flush();
  /// Whom the station keeps out now; how many connections that was.
  std::size_t end_banned();
  std::size_t end_user(std::string_view user);
  /// Connections of a user.
  std::size_t sessions_of(std::string_view user) const;
  void stop();

  /// As StationCore::deliver, for the sessions here.
  bool deliver(const std::string& owner, Cursor cursor, const PendingMessage& pending);
  /// The least that a session which reads this inbox has acknowledged; nothing when none reads.
  std::optional<Cursor> least_acked(std::string_view owner) const;
  bool reads(std::string_view owner) const { return readers_.contains(owner); }
  bool has_ready() const { return !ready_.empty(); }

  std::size_t links() const { return links_.size(); }
  std::size_t sessions() const { return sessions_; }
  Bridge& bridge() { return *bridge_; }
  /// everyone@everywhere, stations@everywhere.
  bool is_everybody(const Id& receiver) const;

 private:
  friend class Bridge;
  struct Request;  // one message that is being handled

  // gateway.cc: links, frames, times
  GatewayLink* find(LinkId id);
  void wake(GatewayLink& link);
  void process(GatewayLink& link);
  bool next_frame(GatewayLink& link);
  bool held(const GatewayLink& link) const;
  bool full(const GatewayLink& link) const;
  void update_pause(GatewayLink& link);
  void slow_down(GatewayLink& link, TokenBucket& bucket, const Rate& rate);
  UserQuota& left(const GatewayLink& link);
  void mark_dirty(GatewayLink& link);
  void flush_link(LinkId id);
  void close_link(GatewayLink& link);
  void let_go(GatewayLink& link);
  void check_times(GatewayLink& link, Millis now);
  void count_stranger(GatewayLink& link);
  void on_event(GatewayLink& link, FrameEvent& event);
  void finish(LinkId id, std::uint64_t ticket);
  void give_up(LinkId id, std::uint64_t ticket);
  void give_bytes(GatewayLink& link, std::string_view bytes);

  // gateway_run.cc: texts on their way through the crew
  bool handle_checked(GatewayLink& link);
  bool handle_here(GatewayLink& link);
  bool for_crew(const GatewayLink& link) const {
    return core_.crew_ != nullptr && !link.user.empty() && link.known && link.neighbour == nullptr;
  }
  void submit_run(GatewayLink& link);
  void send_receipts(GatewayLink& link);

  // gateway_session.cc: who speaks, log-in
  bool is_local(const Id& receiver) const;
  void on_text(GatewayLink& link, GatewayText text);
  void on_message(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket,
                  bool verified = false);
  bool learn_sender(GatewayLink& link, const Id& sender);
  bool learn_stored(Directory& directory, const Id& who);
  void failed(GatewayLink& link, std::string_view what, std::string who, const Error& error);
  void park(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  void second_user(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  void ask_to_log_in(GatewayLink& link, bool force);
  void note_terminal(GatewayLink& link, const SignedMessage& message);
  void on_handshake(Request& request);
  void log_in(Request& request);
  void logged_in(GatewayLink& link, const Id& id);
  std::vector<Write> what_is_new(const GatewayLink& link, const Id& id);

  // gateway_commands.cc: what the station does itself
  void on_local(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  bool seen_before(const Digest32& hash);
  void forget_command(const SignedMessage& message);
  Result<Opened> open_local(GatewayLink& link, const SignedMessage& message);
  void cannot_read(Request& request, std::string_view what, const Error& error);
  void end(Request& request);
  void on_content(Request& request, int depth);
  void on_array(Request& request, int depth);
  void on_forward(Request& request);
  void on_login(Request& request);
  void on_report(Request& request);
  void on_meta(Request& request);
  void on_documents(Request& request);
  void on_ans(Request& request);
  void on_list(Request& request);
  void put_list(PutDocument record, double time, std::function<void(const Result<bool>&)> done);
  void on_receipt(Request& request);
  void receipt(Request& request, std::string_view text, std::string_view pattern = {},
               JsonObject replacements = {});
  void answer(Request& request, const Content& content);
  void answer(GatewayLink& link, JsonObject content);
  Envelope envelope_to(const GatewayLink& link) const;

  // gateway_documents.cc
  void query_documents(Request& request, const DocumentsContent& query);
  void publish(Request& request, const DocumentsContent& content);
  Status may_be_new_device(const Request& request, const Document& document);
  /// `pinned`, when set: whether something has proven it.
  Result<std::optional<Meta>> stored_meta(const Id& id, bool* pinned = nullptr);
  Result<PutDocument> count_group(const std::string& user, const std::string& group);
  bool ask_neighbours(Request& request, const Id& did);

  // gateway_delivery.cc: messages for others, and what comes back
  void relay(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  Result<std::optional<std::string>> owner_of_name(std::string_view text);
  Result<bool> is_known(const std::string& user);
  void store(GatewayLink& link, const SignedMessage& message, const std::string& user,
             std::uint64_t ticket);
  void relay_receipt(GatewayLink& link, JsonObject origin, std::string_view text);
  void go_online(GatewayLink& link, bool after_login);
  void go_offline(GatewayLink& link);
  void pump(GatewayLink& link);
  void push(GatewayLink& link, Cursor cursor, const std::string& content, bool is_own_copy = false);
  void send_text(GatewayLink& link, Cursor cursor, std::string_view text);
  void on_ack(GatewayLink& link, std::uint64_t handle);
  void take_written(GatewayLink& link);
  void take_acked(GatewayLink& link);
  void resend(GatewayLink& link, Millis now);
  bool has_room(const GatewayLink& link) const;

  StationCore& core_;
  std::unique_ptr<Bridge> bridge_;
  std::unordered_map<LinkId, std::unique_ptr<GatewayLink>> links_;
  std::unordered_map<std::string, std::vector<GatewayLink*>, TextHash, std::equal_to<>> readers_;
  std::unordered_map<std::string, std::vector<GatewayLink*>, TextHash, std::equal_to<>> users_;
  std::size_t sessions_ = 0;
  std::size_t checking_bytes_ = 0;   // of texts that the crew has
  std::size_t strangers_bytes_ = 0;  // what those hold in memory who have not logged in
  std::vector<LinkId> dirty_;
  std::vector<LinkId> due_;  // links with receipts_due
  std::vector<LinkId> held_;
  std::deque<LinkId> ready_;
  std::vector<LinkId> waiting_;  // links that hold back pushes after their log-in
  // Commands seen lately, so that bytes sent again do nothing twice (A12).
  std::set<Digest32> seen_;
  std::deque<Digest32> seen_order_;
  std::unordered_map<std::string, PutDocument> groups_;  // kGroupsRecord of users who added to it
  // Whose messages to the station could not be decrypted lately (A22); the oldest sender is
  // forgotten first.
  std::map<std::string, FailedDecrypts> undecrypted_;
  std::deque<std::string> undecrypted_order_;
  Millis next_scan_ = 0;
};

}  // namespace dim
