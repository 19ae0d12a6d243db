// A person's client without I/O: durable outbox (messenger_send.cc), receiving and receipts
// (messenger_receive.cc), look-ups (messenger_lookup.cc), groups (messenger_groups.cc), on top of
// one session at a time, of DIM/2023 or of the dimchat reference's protocol. What has been
// acknowledged to the station is in the home's vault first; what was typed is in the outbox first.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/groups.h"
#include "client/history.h"
#include "client/home.h"
#include "client/outbox.h"
#include "client/session.h"
#include "dim/engine/engine.h"
#include "dim/engine/receipt.h"

namespace dim {

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
  /// Of contacts only; `state`: "online", "away" or "offline".
  std::function<void(const Id& peer, bool on)> typing;
  std::function<void(const Id& peer, std::string_view state)> presence;
};

class Messenger final : private SessionHost {
 public:
  struct Options {
    bool receive = true;  ///< ask for pushes; a client that only sends leaves them to another
    bool read_receipts = true;
    /// Tell the people this home has written to that one is here (F10); they are told the same when
    /// they come.
    bool presence = false;
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
  /// Tells that one goes, when presence is on; before the lanes are closed.
  void leave();
  bool is_ready() const { return session_ && session_->is_ready(); }
  bool is_started() const { return session_ != nullptr; }
  const Uplink* session() const { return session_.get(); }  ///< null while there is none

  void opened(Lane lane, Bytes channel_binding, Digest32 spki);
  void received(Lane lane, std::string_view bytes);
  void closed(Lane lane);
  void unreachable(const Error& error);  ///< a dial did not come to an open lane
  void tick();

  /// In the outbox durably when it returns; goes out in order, once, when the station is there. To
  /// a group: to each member; Errc::not_found for one that nobody has told this home about.
  Result<HistoryEntry> send_text(const Id& to, std::string_view text);
  /// Own messages that the station has not acknowledged yet, receipts included.
  Result<std::size_t> waiting();

  /// Messages that nobody has seen yet, oldest first; `shown` takes one off and sends a read
  /// receipt.
  Result<std::vector<HistoryEntry>> unread(std::size_t limit = 1'000);
  Status shown(const HistoryEntry& entry);
  Result<std::vector<HistoryEntry>> history(const Id& peer, std::size_t limit);
  /// May `unread` hold something that it did not when this was asked last? Cheap: for loops that
  /// ask after each event. What another program of this home has received is seen within a second.
  bool unread_may_have_grown();

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

  void announce(std::string_view state);
  void on_notice(const Packet& packet);

  void pump();
  void rewind();
  bool may_send(std::string_view kind);
  void transmit(OutboxRow item);
  void on_accepted(const std::string& guid, const Packet& response);
  /// The row is done with: `sent`, or `failed` with its cause.
  void settle(const std::string& guid, Tick tick, std::string_view cause = {});
  Result<SignedMessage> seal_for(const OutboxRow& row);

  void process_pushes();
  Status take(const Packet& push, std::vector<HistoryEntry>& show,
              std::vector<HistoryEntry>& ticked);
  Status take_opened(const Packet& push, const SignedMessage& message, const Opened& opened,
                     std::vector<HistoryEntry>& show, std::vector<HistoryEntry>& ticked);
  /// `disk`: how the vault did; without it the outcome says nothing.
  Result<Opened> open_message(const SignedMessage& message, Status& disk);
  Result<std::string> free_guid(const Id& peer, const std::string& guid);
  Status take_receipt(const Receipt& receipt, const Opened& opened,
                      std::vector<HistoryEntry>& ticked);
  Result<std::optional<SentMessage>> find_sent(const Id& peer, const Receipt& receipt);
  Status remember_sent(const OutboxRow& row, const SignedMessage& message);
  Status take_command(const Opened& opened, std::vector<HistoryEntry>& ticked);
  Result<bool> take_quietly(const std::string& guid, const SignedMessage& message,
                            const Opened& opened);
  Status take_group_message(HistoryEntry entry, const SignedMessage& message, const Opened& opened,
                            const Id& group, Millis arrived, std::vector<HistoryEntry>& show);
  Status take_forward(const std::string& guid, const SignedMessage& message,
                      const ForwardContent& forward, const Id& group);
  Status answer_group_query(const Id& who, const HistoryQuery& query);
  Status keep_waiting(const std::string& guid, const SignedMessage& message, Millis arrived);
  void ask_for_group_keys();
  void retry_groups();
  Result<HistoryEntry> send_to_group(const Id& group, std::string_view text);
  Status settle_copy(const OutboxRow& row, std::optional<HistoryEntry>& changed);
  Status enqueue_quietly(const Id& to, const JsonObject& content);
  Status enqueue(OutboxRow row);
  Status put_unread(const HistoryEntry& entry);

  Home& home_;
  Transport& transport_;
  Clock& clock_;
  Random& random_;
  MessengerEvents events_;
  Options options_;
  History history_;
  Outbox outbox_;
  Groups groups_;
  std::unique_ptr<Uplink> session_;
  std::deque<Packet>
      pushes_;  // arrived, not processed: the head may wait for its sender's documents
  bool fetching_for_push_ = false;
  std::set<std::string> fetched_;      // asked for in this session and not found
  std::set<std::string> introduced_;   // peers that got our meta and visa in this session
  std::set<std::string> group_needs_;  // IDs that a group's history waits for
  bool groups_changed_ = false;        // what waited for a group can be read now
  std::set<std::string> in_flight_;    // GUIDs of the outbox that wait for the station's answer
  std::int64_t outbox_place_ = 0;      // everything up to here was handed to this session
  std::deque<OutboxRow> ahead_;        // read from the outbox behind that place
  bool outbox_dry_ = false;            // nothing behind that place when it was looked at last
  bool fetching_for_outbox_ = false;
  bool unread_grown_ = true;
  Millis unread_asked_at_ = 0;
  std::map<std::string, Millis> told_;  // who has been told that one is here, and when
  std::int64_t acked_cursor_ = 0;
  bool pumping_ = false;
  double allowance_ = 0;  // messages that may go out now under the station's quota
  Millis allowance_at_ = 0;
  Millis paused_until_ = 0;  // after 416
  bool refused_ = false;     // 416 while others were under way: wait for their answers
};

}  // namespace dim
