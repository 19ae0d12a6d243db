// Work with neighbour stations of the dimchat world, inside of the gateway: one connection to each,
// kept up; what waits for a neighbour stands in an inbox under its ID. A neighbour's word counts
// for nothing but itself: every message is checked against its own sender (A20). Nobody outside of
// server/ includes it. docs/protocol/dimchat-gateway.md section 6 says what it promises.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/backoff.h"
#include "server/gateway.h"
#include "server/traces.h"

namespace dim {

inline constexpr std::string_view kQueueFull = "The queue for the receiver's station is full.";

/// Sender and data, whatever the addressee: a changed one makes it no new message (A20).
Digest32 body_hash(const SignedMessage& message);

/// A message from a neighbour whose sender has to be asked for first.
struct ParkedMessage {
  std::string text;
  LinkId link{};
  std::uint64_t ticket = 0;
  std::string sender;
  Millis until = 0;         ///< monotonic
  bool may_return = false;  ///< its sender's documents had no room, or the question for them
};

/// One neighbour, connected or not.
struct NeighbourState {
  enum class Phase : std::uint8_t { idle, dialling, greeting, ready };

  NeighbourState(const Neighbour& listed, std::size_t number)
      : config(listed), id(listed.id.text()), index(number) {}

  Neighbour config;
  std::string id;  ///< also the name of its queue in the store
  std::size_t index;
  Phase phase = Phase::idle;
  GatewayLink* link = nullptr;       ///< the connection that this station has dialled
  std::vector<GatewayLink*> guests;  ///< where the neighbour has logged in here
  Backoff backoff;
  Millis next_dial = 0, since = 0, last_ping = 0;  ///< monotonic
  int challenges = 0;
  bool told_away = false;
  TokenBucket messages, questions, new_ids, wanted_ids;
  std::deque<ParkedMessage> parked;
  std::size_t parked_bytes = 0;
  std::set<std::string> to_tell;               ///< users whose log-in records it has not got
  std::map<std::string, std::size_t> waiting;  ///< of each author, since all was pushed last
  std::map<std::string, Millis, std::less<>> introduced;  ///< whose documents it has got, and when
  std::map<std::string, Millis, std::less<>> asked;       ///< whom it was asked for, and when
  ForwardMemory documents;  ///< signed texts that it was told, since it came
};

class Bridge {
 public:
  Bridge(Gateway& gateway, StationCore& core);

  // bridge.cc: connections
  void opened(std::size_t index, LinkId id, StationLink& link, std::string remote);
  void unreachable(std::size_t index, const Error& error);
  void tick(Millis now);
  /// A connection of a neighbour has ended, or is about to.
  void lost(GatewayLink& link);
  /// The neighbour that may log in under this ID from there, or why none may.
  Result<NeighbourState*> admit(const GatewayLink& link, const Id& id);
  /// That neighbour is proven on this connection.
  void arrived(GatewayLink& link);
  void on_handshake(GatewayLink& link, const HandshakeContent& handshake);

  // bridge_receive.cc: messages of neighbours
  void on_message(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  /// Whether a command that came through a neighbour is one to be obeyed.
  bool obeys(const GatewayLink& link, const SignedMessage& message,
             const JsonObject& content) const;
  /// Somebody elsewhere asks this station something, through a neighbour: they are answered.
  bool is_question(const GatewayLink& link, const SignedMessage& message) const;
  /// One question, or one content of it, of somebody behind the neighbour; false: too many.
  bool takes_question(GatewayLink& link, const Id& who);
  /// A new ID in the store costs a token; false: none left. What the neighbour was asked for has
  /// tokens of its own.
  bool takes_new_id(GatewayLink& link, const Id& did);
  /// The same for the log-in record of somebody whose documents are not `kept`.
  bool takes_record(GatewayLink& link, const PutDocument& record,
                    std::span<const StoredDocument> kept);

  // bridge_forward.cc: messages for neighbours
  /// True when it was for another station and has been dealt with.
  bool relay(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  /// Into the neighbour's queue, and the sender is told. `target`, when set, is who bears the name
  /// that the message is for.
  void redirect(GatewayLink& link, const SignedMessage& message, NeighbourState& to,
                const std::optional<std::string>& target, std::uint64_t ticket);
  /// The neighbour at which a user is, by their newest login record; null: here, or nobody knows.
  NeighbourState* home_of(const std::string& user) { return whereabouts(user).at; }
  /// A01, A19-A21: against its own sender, with what the store knows of them and what came with it.
  /// Errc::not_found when nobody knows the sender, Errc::internal when the store cannot be read.
  Status verified(const SignedMessage& message, Directory& directory);
  /// Puts the verified message of a local user into the neighbour's queue; `done` as in
  /// PendingMessage.
  void forward(NeighbourState& to, const SignedMessage& message,
               const std::optional<std::string>& target, MessageDone done);
  /// What a neighbour's connection sends for a record of its queue.
  std::string outgoing(GatewayLink& link, const std::string& content);

  // bridge_roaming.cc: who is where
  /// Stations that a login record may name.
  std::vector<Id> stations(const GatewayLink& link) const;
  /// A newer login record was stored; the rest follows it.
  void login_kept(const SignedMessage& message, const GatewayLink* from);
  /// The record was older than the stored one: whoever sent it is told.
  void login_was_old(GatewayLink& link, const std::string& user, Millis time);
  /// Somebody logs in over DIM/2023: they are here from now on, signed record or not.
  void is_here(const std::string& user);
  /// Documents of that entity came; `message`, when set, is a broadcast to pass on, with `content`
  /// in it.
  void learnt(const Id& did, const SignedMessage& message, const JsonObject& content,
              const GatewayLink* from);
  /// Asks the neighbours for somebody unknown. True: `again` is called when an answer has come or
  /// none will.
  bool ask(const Id& did, std::function<void()> again);

  bool any() const { return !neighbours_.empty(); }

 private:
  /// `at` as home_of says it, and the time of the record; kHere while they have a session here.
  struct Whereabouts {
    static constexpr Millis kHere = -1;
    NeighbourState* at = nullptr;
    Millis record = 0;
  };
  struct Question {
    std::string did;
    std::function<void()> again;
    Millis until = 0;  // monotonic
  };

  NeighbourState* find(const Id& id);
  Whereabouts whereabouts(const std::string& user);
  GatewayLink* up(NeighbourState& neighbour);
  void dial(NeighbourState& neighbour, Millis now);
  void greet(GatewayLink& link);
  void refuse(GatewayLink& link, std::uint64_t ticket, const Error& error);
  void cannot_read(GatewayLink& link, std::uint64_t ticket, const Error& error);
  bool tell(GatewayLink& link, const Content& content, bool introduce = false);
  void on_broadcast(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  void on_question(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  Result<std::optional<std::string>> target_of(const SignedMessage& message);
  void relay_in(GatewayLink& link, const SignedMessage& message, const std::string& user,
                std::vector<Trace> traces, std::uint64_t ticket);
  void looped(GatewayLink& link, const SignedMessage& message, const std::string& user,
              std::uint64_t ticket);
  void deliver_here(GatewayLink& link, const SignedMessage& message, const std::string& user,
                    std::uint64_t ticket);
  void park(GatewayLink& link, const SignedMessage& message, std::uint64_t ticket);
  void resume(NeighbourState& neighbour, std::string_view sender);
  void answer_sender(GatewayLink& link, const Id& sender, JsonObject origin, std::string_view text);
  void enqueue(NeighbourState& to, const SignedMessage& message, JsonObject content,
               std::string_view place, const SentOn& why, MessageDone done);
  bool takes_share(NeighbourState& to, const std::string& author);
  void introduce(GatewayLink& link, const Id& who);
  bool ask(NeighbourState& neighbour, const Id& did);
  bool is_wanted(const Id& did) const;
  void spread(const SignedMessage& message, const GatewayLink* from,
              std::span<const Digest32> documents = {});
  bool has_room(const GatewayLink& link) const;
  void send_login_records(NeighbourState& neighbour);
  std::vector<SignedMessage> login_messages(const std::string& user);
  bool is_live(const std::string& user) const;
  void move_inbox(const std::string& user, NeighbourState& to);
  void move_page(const std::string& owner, NeighbourState& to);
  void answer_questions(std::string_view did);

  Gateway& gateway_;
  StationCore& core_;
  std::deque<NeighbourState> neighbours_;  // in the order of the configuration; addresses stay
  ForwardMemory forwarded_;                // message_hash of what was sent on
  ForwardMemory written_here_;  // sender and data of local users' messages among it (A20)
  std::unordered_map<std::string, Whereabouts> homes_;  // of users; forgotten with each record
  std::set<std::string> moving_;  // users whose inbox has to follow them when no session is left
  std::set<std::string> busy_;    // inbox owners that are being moved
  std::deque<Question> questions_;
  Millis next_scan_ = 0;
};

}  // namespace dim
