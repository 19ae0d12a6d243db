// A person's client without I/O: durable outbox, receiving, receipts, look-ups, on top of one
// Session at a time. What has been acknowledged to the station is in the home's vault first; what
// was typed is in the outbox first.
#pragma once
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/home.h"
#include "client/session.h"
#include "dim/engine/engine.h"

namespace dim {

/// How far an own message has got. Only grows, except into `failed`.
enum class Tick : std::uint8_t { queued, sent, delivered, read, failed };
std::string_view to_string(Tick tick);

/// One line of a conversation, as history keeps and shows it.
struct HistoryEntry {
  std::string guid;
  Id peer;
  bool outgoing = false;
  Millis time = 0;             ///< signed time of the content; arrival where there is none
  std::string text{};          ///< empty when `cause` is set
  std::string content_type{};  ///< "text", or the kind that this client cannot show
  Label label = Label::addressee_unproven;
  Tick tick = Tick::queued;  ///< outgoing
  std::string hash{};        ///< base64 of message_hash
  std::string cause{};       ///< why it could not be read ("E_DECRYPT: …"), or why sending failed
  bool late = false;         ///< A13
  std::int64_t missing = 0;  ///< messages of the sender's chain that should have come before (A13)
};

/// Sockets for a Messenger. `dial` is answered by Messenger::opened or Messenger::closed.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void dial(Lane lane, const StationTarget& target) = 0;
  virtual void send(Lane lane, std::string bytes) = 0;
  virtual void hang_up(Lane lane) = 0;
};

/// What a Messenger tells; every member may be left empty.
struct MessengerEvents {
  std::function<void()> ready;
  std::function<void(const Error&, int code, std::string_view message)>
      failed;                                         ///< the session ended
  std::function<void(const HistoryEntry&)> received;  ///< stored durably already
  std::function<void(const HistoryEntry&)> ticked;    ///< an own message got further
  std::function<void(const Id& peer, bool on)> typing;
  std::function<void(const Id& peer, std::string_view state)> presence;
};

class Messenger final : private SessionHost {
 public:
  struct Options {
    bool receive = true;  ///< ask for pushes; a client that only sends leaves them to another
    bool read_receipts = true;
  };

  Messenger(Home& home, Transport& transport, Clock& clock, Random& random, MessengerEvents events,
            Options options);
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;
  ~Messenger() override;

  /// Dials the home's station. Errc::not_found when it has none. After the session has ended: call
  /// it again.
  Status start();
  void stop();
  bool is_ready() const { return session_ && session_->is_ready(); }
  bool is_started() const { return session_.has_value(); }
  const std::optional<Session>& session() const { return session_; }

  void opened(Lane lane, Bytes channel_binding, Digest32 spki);
  void received(Lane lane, std::string_view bytes);
  void closed(Lane lane);
  void unreachable(const Error& error);  ///< a dial did not come to an open lane
  void tick();

  /// In the outbox durably when it returns; goes out in order, once, when the station is there.
  Result<HistoryEntry> send_text(const Id& to, std::string_view text);
  /// Own messages that the station has not acknowledged yet, receipts included.
  Result<std::size_t> waiting();

  /// Messages that nobody has seen yet, oldest first; `shown` takes one off and sends a read
  /// receipt.
  Result<std::vector<HistoryEntry>> unread(std::size_t limit = 1'000);
  Status shown(const HistoryEntry& entry);
  Result<std::vector<HistoryEntry>> history(const Id& peer, std::size_t limit);

  using Found = std::function<void(Result<Id>)>;
  /// ID, URI, own alias: at once; a registered name: asks the station, checks its signature (A26),
  /// and remembers.
  void resolve(std::string_view who, Found found);
  /// Fetches meta and documents of `id` unless they are known; the callback says whether messages
  /// can be encrypted to it.
  void fetch(const Id& id, std::function<void(Status)> done);
  /// Registers meta and visa at the station, and `name` unless it is empty.
  void publish(std::string_view name, std::function<void(Status)> done);
  void typing(const Id& peer, bool on);

 private:
  void send(Lane lane, std::string bytes) override;
  void open(Lane lane) override;
  void close(Lane lane) override;
  void ready() override;
  void pushed(Lane lane, Packet packet) override;
  void failed(const Error& error, int code, std::string_view message) override;

  struct Waiting;  // a row of the outbox
  void pump();
  bool may_send(std::string_view kind);
  void transmit(Waiting& item);
  void on_accepted(const std::string& guid, const Packet& response);
  void give_up(const std::string& guid, std::string_view cause);
  Result<SignedMessage> seal_for(const Id& to, const JsonObject& content, Millis time);

  void process_pushes();
  Status take(const Packet& push, std::vector<HistoryEntry>& show,
              std::vector<HistoryEntry>& ticked);
  Status take_opened(const Packet& push, const SignedMessage& message, const Opened& opened,
                     std::vector<HistoryEntry>& show, std::vector<HistoryEntry>& ticked);
  Status enqueue(std::string_view kind, const Id& to, const JsonObject& content,
                 std::string_view guid, Millis time);
  Status put_unread(const HistoryEntry& entry);
  Status put_history(const HistoryEntry& entry);
  Result<std::optional<HistoryEntry>> find_history(const Id& peer, std::string_view guid);

  Home& home_;
  Transport& transport_;
  Clock& clock_;
  Random& random_;
  MessengerEvents events_;
  Options options_;
  std::optional<Session> session_;
  std::deque<Packet>
      pushes_;  // arrived, not processed: the head may wait for its sender's documents
  bool fetching_for_push_ = false;
  std::set<std::string> fetched_;    // asked for in this session and not found
  std::set<std::string> in_flight_;  // GUIDs of the outbox that wait for the station's answer
  std::int64_t outbox_place_ = 0;    // everything up to here was handed to this session
  std::int64_t acked_cursor_ = 0;
  bool pumping_ = false;
  double allowance_ = 0;  // messages that may go out now under the station's quota
  Millis allowance_at_ = 0;
  Millis paused_until_ = 0;  // after 416
  bool refused_ = false;     // 416 while others were under way: wait for their answers
};

}  // namespace dim
