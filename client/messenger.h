// A person's client without I/O: durable outbox (messenger_send.cc), receiving and receipts
// (messenger_receive.cc), look-ups (messenger_lookup.cc), changed keys (messenger_keys.cc), groups
// (messenger_groups.cc), on top of one session at a time, of DIM/2023 or of the dimchat reference's
// protocol. What has been acknowledged to the station is in the home's vault first; what was typed
// is in the outbox first.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/chain.h"
#include "client/groups.h"
#include "client/history.h"
#include "client/home.h"
#include "client/hub_client.h"
#include "client/hub_follow.h"
#include "client/hub_handing.h"
#include "client/native_messages.h"
#include "client/outbox.h"
#include "client/post_links.h"
#include "client/session.h"
#include "dim/engine/engine.h"
#include "dim/engine/group_message.h"
#include "dim/engine/message_change.h"
#include "dim/engine/receipt.h"

namespace dim {

struct HeldPrekeys;

/// Sockets for a Messenger. `dial` is answered by Messenger::opened, unreachable or closed.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void dial(Lane lane, const StationTarget& target) = 0;
  /// One whole packet. A lane that was not dialled is in the control lane's connection.
  virtual void send(Lane lane, std::string bytes) = 0;
  virtual void hang_up(Lane lane) = 0;
};

/// A message to a channel that its station has refused, or that no station of this home can take.
struct RefusedPost {
  Guid guid;
  std::string hub;  ///< ID
  Guid channel;
  std::string text{};
  Millis time = 0;        ///< when it was written
  int code = 0;           ///< of the answer; 0: it was not asked
  std::string station{};  ///< what the station says about it: a stranger's text
};

/// What a Messenger tells; every member may be left empty.
struct MessengerEvents {
  std::function<void()> ready;
  /// The session ended. It is still on the stack: no start(), no stop() and no destruction of the
  /// Messenger from within.
  std::function<void(const Error&, int code, std::string_view message)> failed;
  /// After a log-in: the station's clock is so much ahead of ours, or behind it where negative, and
  /// more than 5 minutes. What the slower of the two meets from the future waits.
  std::function<void(Millis ahead)> clocks_differ;
  std::function<void(const HistoryEntry&)> received;  ///< stored durably already
  std::function<void(const HistoryEntry&)> ticked;    ///< an own message got further
  /// Its author has changed this message or taken it away; the entry is as it is now, and of one
  /// that was deleted or destroyed the last that there is.
  std::function<void(const HistoryEntry&, MessageAct act)> changed{};
  /// One of the two answers this message with other symbols now (react), or has pinned it or taken
  /// its pin away (pin); `mine`: the person here, on another device.
  std::function<void(const HistoryEntry&, MessageAct act, bool mine)> added{};
  /// A message has disappeared from the history.
  std::function<void(std::string_view guid)> expired{};
  /// Of contacts only; `state`: "online", "away" or "offline".
  std::function<void(const Id& peer, bool on)> typing;
  std::function<void(const Id& peer, std::string_view state)> presence;
  /// The station's answer to a message that post() has written; it is out of the outbox.
  std::function<void(const Guid& post, const Packet& answer)> posted;
  /// The same for one that will never be in the channel, before `posted`. It is kept among
  /// refused_posts() until forget_refused().
  std::function<void(const RefusedPost& post)> post_refused;
  /// What the station tells of live streams (docs/protocol/live.md section 2).
  std::function<void(const Packet& notice)> stream{};
  /// Bytes of frames of the stream that this lane has joined; it has ended with no bytes.
  std::function<void(Lane lane, std::string bytes)> live{};
  HubEvents hubs;  ///< with Options::follow_hubs
};

/// An own message between people that was destroyed, and who has said that they have erased it.
struct DestroyedMessage {
  std::optional<Id> peer{};  ///< a person or a group
  std::string guid;
  std::string hash;               ///< base64 of what names it (MessageChange::hash)
  std::int64_t of = 0;            ///< devices that had it, as far as this home knows
  std::vector<std::string> by{};  ///< "ID" or "ID/terminal", this home first
};

/// A line of the history that says that the peer's keys have changed; `words` says how.
bool is_key_notice(const HistoryEntry& entry);
/// Of such a line: nothing was sent any more from then on.
bool stops_sending(const HistoryEntry& notice);
/// Of such a line: it is no alarm; the peer has another device, which `text` names.
bool tells_device(const HistoryEntry& notice);
/// Of such a line: whether messages to them are forward secret has changed; nothing for others.
std::optional<bool> tells_secrecy(const HistoryEntry& notice);

class Messenger final : private SessionHost {
 public:
  struct Options {
    bool receive = true;  ///< ask for pushes; a client that only sends leaves them to another
    bool read_receipts = true;
    /// Tell the people this home has written to that one is here (F10); they are told the same when
    /// they come.
    bool presence = false;
    /// Tell what happens in public hubs from the beginning, and tell the station that it was read.
    /// Needs `receive`.
    bool follow_hubs = false;
    bool media = false;     ///< open 8802 too, for files
    bool audio = false;     ///< 8803, for a live stream
    bool video = false;     ///< 8804, the same
    bool one_port = false;  ///< dial the first port only: all lanes are in its connection
    /// Dial this one instead of the home's; it becomes the home's when it has proved who it is.
    std::optional<StationTarget> target{};
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
  /// What had come to the inbox before the log-in is here (or was not asked for).
  bool has_caught_up() const;
  bool is_started() const { return session_ != nullptr; }
  const Uplink* session() const { return session_.get(); }  ///< null while there is none

  void opened(Lane lane, Bytes channel_binding, Digest32 spki);
  void received(Lane lane, std::string_view bytes);
  void closed(Lane lane);
  /// A dial did not come to an open lane.
  void unreachable(Lane lane, const Error& error);
  void tick();

  /// In the outbox durably when it returns; goes out in order, once, when the station is there. To
  /// a group: to each member; Errc::not_found for one that nobody has told this home about.
  Result<HistoryEntry> send_text(const Id& to, std::string_view text);
  /// The same for any content that is for people. Errc::too_large over 600 KiB, to somebody whose
  /// messages are forward secret over 440 KiB.
  Result<HistoryEntry> send(const Id& to, const Content& content);
  /// Own messages that the station has not acknowledged yet, receipts included.
  Result<std::size_t> waiting();
  /// What the author of a message between people does to it: here at once, in the homes of the
  /// other and on the own devices when their programs hear of it. The entry as it is now.
  /// In a group of less than 16 members likewise, in the homes of them all.
  /// Errc::forbidden for a message of somebody else, or in a group that one is not in; Errc::usage
  /// for one of a larger group or for what cannot be edited, Errc::gone for one that was taken
  /// back.
  Result<HistoryEntry> change_message(const HistoryEntry& entry, MessageAct act,
                                      std::string_view text = {});
  /// Answers a message between people with a symbol, or (`off`) with that no longer: here at once,
  /// with the other and on the own devices when their programs hear of it. The entry as it is now.
  /// Errc::usage for what is no symbol, for more than kSymbolsOfOne, for a message in a group, and
  /// one that has not gone out or could not be read; Errc::gone for one that was taken back.
  Result<HistoryEntry> react(const HistoryEntry& entry, std::string_view symbol, bool off);
  /// Pins a message between people for both of them, or (`off`) takes its pin away, whoever has
  /// pinned it: here at once, with the other and on the own devices when their programs hear of
  /// it. The entry as it is now. Errors as of react().
  Result<HistoryEntry> pin(const HistoryEntry& entry, bool off);
  Result<std::vector<HistoryEntry>> pinned(const Id& peer);
  /// The message that a thread with this entry in it would be about: its own root, or itself.
  /// Errc::not_found for one without a number, as those of earlier versions and unreadable ones
  /// are.
  Result<ThreadRoot> thread_root(const HistoryEntry& entry);
  /// The entry of a root, where the home has it.
  Result<std::optional<HistoryEntry>> entry_of(const Id& conversation, const ThreadRoot& root);
  /// As History::thread(), and how many stand in the thread about this very entry.
  Result<HistoryPage> thread(const Id& conversation, const ThreadRoot& root,
                             const HistoryPart& part);
  Result<std::int64_t> answers(const HistoryEntry& entry);
  /// Of an entry that was edited, oldest first.
  Result<std::vector<PostRevision>> earlier_texts(const HistoryEntry& entry);
  Result<std::vector<DestroyedMessage>> destroyed_messages();
  /// Whether what is written to them now is forward secret: there is a session of N1 with each of
  /// their devices.
  Result<bool> is_forward_secret(const Id& peer);
  /// Nothing of the outbox is under way, or could go out now: what is left waits for something.
  bool rests() const {
    return in_flight_.empty() && ahead_.empty() && outbox_dry_ && !fetching_for_outbox_ &&
           native_asking_.empty();
  }
  /// Received and kept, but not readable yet: the sender's keys or the group are not known.
  Result<std::size_t> set_aside();

  /// Messages that nobody has seen yet, oldest first; `shown` takes one off and sends a read
  /// receipt.
  Result<std::vector<HistoryEntry>> unread(std::size_t limit = 1'000);
  Status shown(const HistoryEntry& entry);
  Result<std::vector<HistoryEntry>> history(const Id& peer, std::size_t limit);
  /// As History::page(), or, with words, History::search().
  Result<HistoryPage> page(const Id& peer, const HistoryPart& part, std::string_view words = {});
  /// What an entry says, as it was sent or came; nothing where the home does not have it.
  Result<std::optional<JsonObject>> content(const HistoryEntry& entry);

  /// Into a channel of a public hub: in the outbox durably when it returns, goes out in order,
  /// once; MessengerEvents::posted has what the station says. The GUID names the message from now
  /// on. Errc::bad_request for what is no text of 1 byte to 64 KiB.
  Result<Guid> post(const Id& hub, const Guid& channel, std::string_view text,
                    const PostLinks& links = {});
  /// What CREATE or EDIT of a message in a private hub carries: `text`, sealed for who reads it
  /// now. The hub's key is made anew each time.
  void seal_post(const std::string& hub, const PostPlace& place, std::string text,
                 HubDone<std::string> done);
  /// Refused, and nobody has been told so yet: also those of earlier programs of this home.
  Result<std::vector<RefusedPost>> refused_posts();
  Status forget_refused(const Guid& post);
  /// Everything else in hubs: asked for and answered while the session lasts.
  HubClient& hubs() { return hubs_; }
  /// Tells what happens in hubs from now on, in MessengerEvents::hubs; `only`: of messages those in
  /// this channel.
  void follow_hubs(const std::optional<Guid>& only = {});
  /// From within one of HubEvents: nothing more is told.
  void stop_following();

  Groups& groups() { return groups_; }
  using GroupChange = std::function<Result<Groups::Change>(Groups& groups, Millis now)>;
  /// Makes the change, tells it to everybody whom it is about, and notes it in the history as
  /// `words`: all of that or nothing.
  Result<HistoryEntry> change_group(const GroupChange& make, std::string_view words);
  /// May `unread` hold something that it did not when this was asked last? Cheap: for loops that
  /// ask after each event. What another program of this home has received is seen within a second.
  bool unread_may_have_grown();

  using Found = std::function<void(Result<Id>)>;
  /// ID, URI, own alias, "group:NAME": at once; a registered name: asks the station, checks its
  /// signature (A26), and remembers.
  void resolve(std::string_view who, Found found);
  /// Errc::not_found; Errc::usage where several have that name.
  Result<Id> group_called(std::string_view name);
  /// Fetches meta and documents of `id` unless they are known and were asked for today; the
  /// callback says whether messages can be encrypted to it. A station that has no time now (416,
  /// 5xx) is asked again later; when the session ends the callback is forgotten.
  void fetch(const Id& id, std::function<void(Status)> done);
  /// As fetch(), also where something is known already: documents that are newer come in.
  void refresh(const Id& id, std::function<void(Status)> done);
  /// Puts a document of the own ID into the station's keeping. Errc::document when it refuses.
  void publish(const Document& document, std::function<void(Status)> done);
  /// Tells the own devices, and everybody whom this home has written to, which devices the own ID
  /// has. Those whose visa does not promise `bind` are told of new ones only: their programs know
  /// no removed ones.
  Status announce_devices();
  /// Hands what was said so far to the own other devices; it is in the outbox durably when this
  /// returns. How many entries that are. Errc::forbidden where !Account::holds_identity().
  Result<std::size_t> hand_over_history();
  /// Notes that one's own other devices are to be handed the keys of what this home can read in
  /// private hubs. How many hubs that are.
  Result<std::size_t> hand_over_hubs();
  /// The same of what `who`, who belongs to a private hub, may read of it; once more where it was
  /// handed over before. Errc::key: only who lets people in hands it over.
  Status hand_over_hub(const std::string& hub, const Id& who);
  /// Nothing is handed over now: all is in the outbox, or waits for something.
  bool handing_rests() { return handing_.rests(); }
  /// Where the identity is: signs and publishes anew what is older than 150 days of the visas of
  /// linked devices, with the keys that they have. Done by itself at each log-in. Visas count for
  /// 400 days, and a station gives a device nothing whose visa is 180 days older than another's.
  void renew_devices();
  /// Brings prekeys of N1 where the station has too few of this device, old ones, or such as a
  /// restored backup does not know (docs/protocol/native.md section 8); by itself at each log-in
  /// and each hour with Options::receive. Errc::not_found where the own visa names no keys of N1
  /// that are here, Errc::unavailable where the station does not take them.
  void keep_prekeys(std::function<void(Status)> done);
  /// Registers meta and visa at the station, and `name` unless it is empty.
  void publish(std::string_view name, std::function<void(Status)> done);
  void typing(const Id& peer, bool on);
  /// A request over 8802 (Options::media), while the session is ready.
  void request_media(Packet packet, Uplink::Handler handler);
  /// The same over another lane: CONNECT to a stream on audio and video, what is asked about them
  /// on text.
  void request(Lane lane, Packet packet, Uplink::Handler handler);
  void send_live(Lane lane, std::string frame);
  /// The content of CREATE for a stream with one person, whose keys are known; kept here, so that
  /// other programs of this home can join it. Errors of seal(), and of a person whose keys have
  /// changed.
  Result<std::string> seal_stream(const Guid& stream, const Secret& secret, const Id& to);
  /// What `author` has put into it. Errc::not_found: it was sealed by another device of one's own.
  Result<Secret> open_stream(const Guid& stream, const Id& author, std::string_view content);
  /// The same of a channel; the members of a private hub are known (HubClient::read_roster).
  Result<Secret> open_stream_in(const std::string& hub, const Guid& channel, const Guid& stream,
                                const Id& author, std::string_view content);

 private:
  void send(Lane lane, std::string bytes) override;
  void open(Lane lane) override;
  void close(Lane lane) override;
  void ready() override;
  void pushed(Lane lane, Packet packet) override;
  void live(Lane lane, std::string bytes) override;
  void live_ended(Lane lane) override;
  void failed(const Error& error, int code, std::string_view message) override;

  Result<std::optional<StationTarget>> target();
  bool is_known_shut(const StationTarget& target);
  void announce(std::string_view state);
  void on_notice(const Packet& packet);

  void pump();
  void rewind();
  bool may_send(std::string_view kind);
  bool transmit(OutboxRow item);
  /// Says to the station which of its files a message uses (N14).
  void name_media(Packet& packet, std::string_view text);
  void transmit_post(const OutboxRow& item);
  bool send_unnamed(const OutboxRow& item);
  bool lacks_seal(const OutboxRow& row) const;
  bool is_disputed(const OutboxRow& row) const;
  void look_at_held();
  bool hold_for_room(const std::string& guid, const Packet& response);
  void seal_row(const OutboxRow& row);
  void seal_row_for(const OutboxRow& row, const std::vector<std::string>& readers);
  void refuse_row(const OutboxRow& row, const HubRefusal& why);
  std::vector<std::string> trusted(std::vector<std::string> readers);
  void keep_refused(const OutboxRow& item, int code, std::string_view station);
  void on_accepted(const std::string& guid, const Packet& response);
  /// The row is done with: `sent`, or `failed` with its cause.
  void settle(const std::string& guid, Tick tick, std::string_view cause = {});
  bool may_be_old(const Id& id);
  std::optional<Id> lacks_keys(const OutboxRow& row);
  void look_up(const Id& id);
  bool is_early_here(const Id& id, const std::vector<JsonObject>& documents) const;
  void ask_early_again();
  Status learn_answer(const Id& id, const Packet& response);
  void publish_renewed(const Document& visa);
  bool has_other_devices();
  Status tell_own_devices(std::string_view what, const HistoryEntry& entry, const JsonObject* said);
  Status tell_sent(const HistoryEntry& entry, const JsonObject& said);
  Status tell_read(const HistoryEntry& entry);
  Result<bool> take_note(const SignedMessage& message, const Opened& opened,
                         const Content& content);
  Status take_past(const JsonObject& note, Label label);
  Status take_keys(const SignedMessage& message, const Opened& opened,
                   const CustomizedContent& content);
  Status note_written(const Id& peer);
  static std::string device_name(const Id& who, std::string_view device);
  Status put_text(const HistoryEntry& entry);
  Status apply_change(HistoryEntry& entry, const MessageChange& change, Millis now);
  Result<std::optional<HistoryEntry>> changed_entry(const Id& peer, const MessageChange& change,
                                                    std::optional<bool> outgoing);
  Status take_reaction(const Id& peer, const MessageChange& change, bool own);
  Status take_pin(const Id& peer, const MessageChange& change, bool own);
  Result<Digest32> answerable(const HistoryEntry& entry);
  Status tell_added(const HistoryEntry& entry, MessageChange change);
  Status put_early(const std::string& place, const JsonObject& row);
  Status take_early(HistoryEntry& entry);
  Result<bool> take_change(const Opened& opened, const Content& content, Millis arrived);
  Result<std::optional<Digest32>> changed_name(const HistoryEntry& entry);
  Result<std::vector<Id>> readers_of(const Id& conversation);
  Status tell_change(MessageChange change, const Id& conversation, const std::vector<Id>& readers);
  Result<std::vector<OutboxRow>> unsent_of(const HistoryEntry& entry, bool& only_here);
  Result<bool> none_left(const std::string& entry, std::size_t unsent);
  std::int64_t devices_of_all(const std::vector<Id>& readers);
  Result<bool> speaks_in(const Id& group, const Opened& opened, Millis arrived, bool takes_away,
                         const MessageChange& change);
  Status forget_copies(const std::string& entry);
  Status stop_waiting_for(const Id& sender, const MessageChange& change);
  Result<bool> is_gone(const Opened& opened);
  Status note_erased(const Id& peer, const Id& who, const MessageChange& change);
  void finish_erasing();
  void look_up_again();
  Result<HistoryEntry> entry_for(const Id& to, const Content& content, const JsonObject& json);
  Status put_words(HistoryEntry& entry, const Content& content);
  Result<JsonObject> content_of(const OutboxRow& row);
  Result<SignedMessage> seal_for(const OutboxRow& row, const JsonObject& marks = {});
  enum class NativeWay : std::uint8_t { old_form, native, begin, wait, drop };
  struct NativePlan {
    NativeWay way = NativeWay::old_form;
    NativeState state = NativeState::never;  ///< of the person, so far
    std::vector<native::Party> devices{};    ///< that it is for
    std::vector<native::Party> lacking{};    ///< of those: without a session
    std::vector<std::string> without{};      ///< terminals that do not offer N1
    std::string cause{};                     ///< why it waits
    bool stops() const { return way == NativeWay::old_form && state == NativeState::on; }
  };
  Result<NativePlan> native_plan(const OutboxRow& row);
  Result<NativePlan> plan_for_one(const OutboxRow& row);
  bool may_ask_for_bundles(const Id& person);
  bool holds_for_native(const OutboxRow& row);
  void hold_for_native(const OutboxRow& row, std::string_view cause, Millis until);
  void note_waits(const OutboxRow& row, std::string_view cause);
  /// What the station is asked for: prekeys of `person`, for a session with each device that lacks
  /// one, and another one with `anew`.
  struct BundleQuery {
    Id person;
    std::string target;
    std::optional<native::Party> anew{};
  };
  void ask_for_bundles(const BundleQuery& query);
  void take_bundles(const BundleQuery& query, const std::string& json, bool refreshed);
  Status begin_sessions(const BundleQuery& query, const std::vector<native::PrekeyBundle>& bundles);
  Status wrap_native(OutboxRow& row, std::vector<HistoryEntry>& lines);
  Status note_secrecy(const Id& peer, const NativePlan& plan, std::vector<HistoryEntry>& lines);
  std::size_t content_limit(const Id& to);
  void introduce(PlainMessage& message) const;

  void process_pushes();
  void tell_cursor();
  void inbox_began_anew() override;
  Status take_or_keep(const Packet& push, std::vector<HistoryEntry>& show,
                      std::vector<HistoryEntry>& ticked);
  Status take(const Packet& push, std::vector<HistoryEntry>& show,
              std::vector<HistoryEntry>& ticked);
  Status reject(const Packet& push, const Error& error, std::vector<HistoryEntry>& show);
  /// A message that came, and where it stands in the history.
  struct Arrived {
    const Packet& push;
    const SignedMessage& message;
    std::string guid;
  };
  Result<bool> take_native(Arrived& arrived, Opened& opened, std::vector<HistoryEntry>& show);
  Status wait_for_visa(const Packet& push, const Id& whose, std::vector<HistoryEntry>& show);
  Status note_seen(const SignedMessage& message, const Opened& opened,
                   std::vector<HistoryEntry>& show);
  Status reject_native(const Arrived& arrived, const Opened& opened, const Error& error,
                       std::vector<HistoryEntry>& show);
  Status ask_again(const Opened& opened, const std::string& entry);
  Result<bool> take_answer(Arrived& arrived, Opened& opened, const NativeContent& content,
                           const native::Party& peer);
  Status say_again(const native::Party& peer, const JsonObject& content);
  std::optional<JsonObject> quiet_to_keep(const OutboxRow& row);
  Result<std::optional<JsonObject>> said_before(const Id& person, const std::string& guid,
                                                const JsonObject& sent);
  Status weaken_labels(const OutboxRow& row);
  void ask_for_native_visas();
  Status take_opened(const Packet& push, const SignedMessage& message, const Opened& opened,
                     std::vector<HistoryEntry>& show, std::vector<HistoryEntry>& ticked);
  /// `disk`: how the vault did; without it the outcome says nothing.
  Result<Opened> open_message(const SignedMessage& message, Status& disk);
  Status forget_old();
  Result<std::string> free_guid(const Id& peer, const std::string& guid);
  Result<bool> repeats_content(const Opened& opened);
  Result<bool> is_refused(const Id& who);
  Result<bool> keep_new(const HistoryEntry& entry, const Opened& opened, std::string_view guid);
  Status take_receipt(const Receipt& receipt, const Opened& opened,
                      std::vector<HistoryEntry>& ticked);
  struct Sent {
    SentMessage message;        ///< guid: of its entry in the history
    std::optional<Id> group{};  ///< where it was a copy for one of a group
  };
  Result<std::optional<Sent>> find_sent(const Id& peer, const Receipt& receipt);
  Status remember_sent(const OutboxRow& row, const SignedMessage& message);
  Status take_command(const Opened& opened, std::vector<HistoryEntry>& ticked);
  Result<bool> take_quietly(const std::string& guid, const SignedMessage& message,
                            const Opened& opened, Millis arrived, std::vector<HistoryEntry>& show);
  Status take_group_message(HistoryEntry entry, const SignedMessage& message, const Opened& opened,
                            const Id& group, Millis arrived, std::vector<HistoryEntry>& show);
  Status take_forward(const std::string& guid, const SignedMessage& message, const Opened& opened,
                      const ForwardContent& forward, const Id& group,
                      std::vector<HistoryEntry>& show);
  Status ask_for_newer(const Group& group, const Id& who);
  Status ask_owner_too(const Id& group, const Id& told_by);
  Status answer_group_query(const Opened& opened, const HistoryQuery& query);

  enum class Waits : std::uint8_t {
    for_keys,  ///< of its sender: not verified, not counted as seen
    quietly,   ///< the same for what programs say to each other: nobody misses it
    for_group,
    for_time,  ///< that its sender's clock has shown already
  };
  static Waits why_of(const JsonObject& row);
  Result<bool> is_waiting(const std::string& guid);
  Status stop_waiting(const std::string& guid);
  Result<bool> make_room(const std::string& sender, Waits why, std::vector<HistoryEntry>& show);
  /// `opened`: where it was, and what a native message says has to be kept with it, because it
  /// opens once.
  Status keep_waiting(const std::string& guid, const std::string& wire, Waits why, Millis arrived,
                      std::vector<HistoryEntry>& show, const Opened* opened = nullptr);
  Millis arrival_of(const Packet& push) const;
  Status give_up(const std::string& guid, const std::string& wire, Waits why,
                 std::vector<HistoryEntry>& show);
  bool clocks_agree() const;
  void renew_own_key();
  void ask_own_prekeys(Operation operation, const Id& target, std::string content,
                       Uplink::Handler handler);
  void bring_prekeys(const std::optional<HeldPrekeys>& held,
                     const std::function<void(Status)>& done);
  void forget_prekeys(const HeldPrekeys& held);
  Status ask_for_native_visa();
  void give_native_visa(const Digest32& signer, const JsonObject& note);
  Status note_alarms(std::vector<HistoryEntry>& show);
  Status learn(const Id& id, const JsonObject& meta, const std::vector<JsonObject>& documents);
  /// Errc::security_error for whom sending has stopped.
  Status check_not_blocked(const Id& id);
  Status show_unreadable(const Id& author, const std::string& guid, const Error& error,
                         std::vector<HistoryEntry>& show);
  bool lacks_author(const Id& author, std::string_view wire);
  Status take_forwarded(const ForwardContent& forward, std::vector<HistoryEntry>& show);
  void ask_for_keys();
  Status retry_row(const JsonObject& row, std::vector<HistoryEntry>& show,
                   std::vector<HistoryEntry>& ticked);
  void retry_waiting();
  void tell(const std::vector<HistoryEntry>& show, const std::vector<HistoryEntry>& ticked);
  Result<HistoryEntry> send_to_group(const Id& group, const Content& content);
  Result<SignedMessage> seal_copy(const OutboxRow& row);
  Result<SignedMessage> seal_shared(const OutboxRow& row, const Group& group);
  struct Copies {
    std::size_t left = 0, sent = 0;
    std::string failed{};
  };
  Status put_copies(const std::string& entry, const Copies& copies);
  Status settle_copy(const OutboxRow& row, Tick tick, std::string_view cause,
                     std::optional<HistoryEntry>& changed);
  Result<bool> is_small(const Id& group);
  Status expect_receipts(const HistoryEntry& entry, const std::vector<Id>& readers);
  Status note_reached(const Id& group, const std::string& entry, const Id& reader,
                      std::optional<Tick> tick, std::optional<HistoryEntry>& changed);
  std::set<std::string> nameless(const Groups::Read& read);
  Status note_group_change(const Id& group, const Id& by, const Groups::Read& read,
                           std::vector<HistoryEntry>& show);
  struct ChainRow {
    std::string key;  ///< in the vault
    ReadChain chain{};
  };
  std::string chain_key(const SignedMessage& message, const Opened& opened);
  Result<std::optional<ChainRow>> note_chain(const SignedMessage& message, const Opened& opened,
                                             const Contact& contact,
                                             std::vector<HistoryEntry>& show);
  Status put_chain(const ChainRow& row);
  Status note_filled(const std::string& place, std::vector<HistoryEntry>& show);
  Status enqueue_quietly(const Id& to, const JsonObject& content);
  Result<std::string> put_quietly(const Id& to, const JsonObject& content);
  Status enqueue(OutboxRow row);
  Status put_unread(const HistoryEntry& entry);
  void expire();

  static constexpr Millis kEarlyMs = 30'000;  ///< between looks at what is not due yet
  /// Bucket of the vault: how far a message to a group has got with each of its readers.
  static constexpr std::string_view kReached = "reached";

  Home& home_;
  Transport& transport_;
  Clock& clock_;
  Random& random_;
  MessengerEvents events_;
  Options options_;
  History history_;
  Outbox outbox_;
  Groups groups_;
  HubClient hubs_;
  HubHanding handing_;
  std::unique_ptr<HubFollower> follower_;  // while hubs are followed
  std::unique_ptr<Uplink> session_;
  std::vector<Packet> pushes_;  // arrived, not processed
  struct Lookup {
    std::vector<std::function<void(Status)>> done;
    Millis again_at = 0;  // monotonic; 0: the answer is under way
  };
  std::map<std::string, Lookup> lookups_;  // IDs whose documents the station is asked for
  std::set<std::string> fetched_;          // asked for in this session and not found
  std::set<std::string> introduced_;       // peers that got our meta and visa in this session
  std::string shared_entry_;               // the message to a large group that shared_ is
  std::optional<SignedMessage> shared_;
  std::set<std::string> asked_groups_;  // "group member": asked for news in this session
  std::set<std::string> needs_;         // IDs that something waits for
  std::set<std::string> asking_;        // IDs that are asked for, or are about to be
  std::set<std::string> decides_;       // those of them whose answer decides about what waits
  struct Change {
    HistoryEntry entry;
    MessageAct act = MessageAct::edit;
    bool own = false;
  };
  std::vector<Change> changes_;       // to be told
  bool scrub_due_ = false;            // something is erased, and the vault's files hold it still
  bool erasing_ = true;               // something may have to be erased, and answered for
  bool retry_ = false;                // what waited may be read now
  Millis early_at_ = 0;               // monotonic: when what came too early is looked at; 0: none
  std::set<std::string> early_;       // IDs whose visas are of the future by our slow clock
  std::set<std::string> sealed_now_;  // posts in private hubs that are sealed for who is there now
  /// Private hubs of which the station shows another membership: their rows wait until then.
  std::map<std::string, Millis> disputed_;
  /// Receivers for whom the station has no room (506), and when it is asked again (monotonic).
  std::map<std::string, Millis> full_;
  struct NativeHold {
    Millis until = 0;  // monotonic
    std::string cause{};
  };
  std::map<std::string, NativeHold> native_held_;   // people whose rows wait
  std::map<std::string, Millis> native_asked_;      // when their prekeys were asked for last
  std::map<std::string, std::string> native_lies_;  // whose prekeys are not theirs, and how
  std::set<std::string> native_asking_;             // those whose answer is under way
  std::set<std::string> native_needs_;              // a newer visa of theirs is needed to open
  std::map<std::string, Millis> native_refreshed_;  // when their visas were asked for last
  std::set<std::string> native_decided_;            // there is no newer one
  bool native_used_ = false;  // keys are gone, and the vault's files may hold them still
  Millis native_scrubbed_at_ = 0;
  std::set<std::string> in_flight_;  // GUIDs of the outbox that wait for the station's answer
  std::int64_t outbox_place_ = 0;    // everything up to here was handed to this session
  std::deque<OutboxRow> ahead_;      // read from the outbox behind that place
  bool outbox_dry_ = false;          // nothing behind that place when it was looked at last
  bool fetching_for_outbox_ = false;
  Millis key_checked_at_ = 0;  // monotonic: when renew_own_key() was called last
  bool unread_grown_ = true;
  Millis unread_asked_at_ = 0;
  std::map<std::string, Millis> told_;  // who has been told that one is here, and when
  std::int64_t acked_cursor_ = 0;
  std::string inbox_of_;  // station that it is of
  bool pumping_ = false;
  double allowance_ = 0;  // messages that may go out now under the station's quota
  Millis allowance_at_ = 0;
  Millis paused_until_ = 0;  // after 416
  bool refused_ = false;     // 416 while others were under way: wait for their answers
};

}  // namespace dim
