// Public hubs of the station (docs/protocol/hubs.md): their changes, what members are told, and the
// messages in their channels. Inside of StationCore.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dim/base/expiry_clock.h"
#include "dim/engine/hub.h"
#include "dim/store/operator.h"
#include "server/core.h"
#include "server/post_fields.h"

namespace dim {

/// "CREATE ban", as the log of acts has it.
std::string act_name(Operation operation, HubObject object);

class Hubs {
 public:
  explicit Hubs(StationCore& core) : core_(core) {}

  // hubs.cc, hub_reads.cc: requests on hubs and what is in them
  void change(StationRequest& request, HubObject object);
  void get(StationRequest& request, HubObject object);

  // channels.cc: requests on messages
  void create_message(StationRequest& request);
  void change_message(StationRequest& request);
  void react_or_pin(StationRequest& request, HubObject object);
  void typing(StationRequest& request);
  void read_mark(StationRequest& request);
  void edit_mark(StationRequest& request);
  void create_erasure(StationRequest& request);
  void get_erasures(StationRequest& request);
  void create_report(StationRequest& request);
  void get_reports(StationRequest& request);
  void close_reports(StationRequest& request);

  // channel_pages.cc
  void get_messages(StationRequest& request);
  void get_pins(StationRequest& request);
  void get_mark(StationRequest& request);
  /// Every second or so: messages whose time is over are forgotten, step by step (post_expiry.cc).
  void tick();
  /// Room again: what a slow reader has missed in channels comes out of the store (R9).
  void catch_up(LinkState& link);

  // hub_live.cc: for live streams in channels (live.h)
  struct LiveRights {
    const Hub* hub = nullptr;
    bool speak = false, stream = false, moderate = false;
  };
  /// What somebody who reads this channel may do there. Errors as those of may().
  Result<LiveRights> live_rights(const Guid& channel, const std::string& user);
  std::vector<std::string> live_audience(const Guid& channel);

  // hub_audit.cc
  void get_audit(StationRequest& request);

  // hub_media.cc: for media.cc
  /// Whether somebody may fetch this complete object: its owner may, who reads a channel in which a
  /// message uses it, and everybody where there is no such message, or one to a person too.
  Result<bool> may_fetch(const Guid& media, const std::string& owner, const std::string& user);
  /// Whether somebody may fetch any complete object with these bytes.
  Result<bool> may_have(const Digest32& digest, std::int64_t size, const std::string& user);

  // hub_operator.cc: for the operator (admin.h)
  /// Reads the changes of all hubs when that was not done yet, where nobody asks. False: it failed.
  bool there();
  const std::unordered_map<std::string, Hub>& all() const { return hubs_; }
  Hub* find(const std::string& id);
  Hub* hub_with(const Guid& object);
  /// A change by the station's own ID. `done` hears when it is on the disk, with what it has done.
  void operate(Hub& hub, HubChange change, AuditEntry act,
               std::function<void(const Result<HubEffect>&)> done);
  /// Takes somebody who owns none out of all hubs; `last` is written only when that was stored.
  /// `done` hears what became of all of it: Errc::unavailable where a change before has failed.
  void leave_all(const std::string& user, std::vector<Write> last, Completion done);
  /// What the messages of a hub take, those on their way to the disk among them.
  Result<ChannelUse> use_of(const Hub& hub);
  HubQuotas quotas_of(std::string_view hub_or_user);
  /// How many hubs that are there.
  std::size_t owned_by(std::string_view user) const;
  /// Quotas have changed.
  void set_rooms();

 private:
  struct Asked {
    std::string hub;
    HubChange change;
  };
  /// Who hears of a change, and what.
  struct Told {
    std::vector<std::string> users;
    Packet packet;
  };
  /// What is left to do of a DESTROY, when the change that it rests on is on the disk.
  struct Shredding {
    RequireHub ground;
    Shred what;
  };
  /// A change that the hub has taken, ready for the disk.
  struct Taken {
    HubEffect effect;
    std::vector<Write> writes{};
    Told told{};
    std::optional<Shredding> shreds{};  ///< of a DESTROY
  };
  /// A channel that somebody may do something in, with what is asked for.
  struct Spot {
    Hub* hub = nullptr;
    Guid channel;
    std::optional<Post> post{};  ///< the message, where the target is one
  };
  struct Readers {
    std::int64_t number = 0;  ///< of the hub when they were found
    std::vector<std::string> users;
  };

  /// Reads the changes of all hubs when that was not done yet. False: the request is answered.
  bool ready(StationRequest& request);
  /// One broken hub is left out, with an alarm.
  Status load();
  void go_on();
  Status replay(const StoredHubChange& stored);
  /// What is in memory may not be what is on the disk: read it again.
  void forget();
  Result<Taken> take(Hub& hub, HubChange& change);
  /// What the operator has set against it: a frozen hub, or a new owner with too many.
  Status check_change(const Hub& hub, const HubChange& change);
  /// The same for something written into a channel; `bytes`: of a text that is to be kept.
  Status check_post(const Hub& hub, std::size_t bytes, bool fresh);
  void set_room(Hub& hub);

  /// Why there is none: Errc::not_found; Errc::internal for one that is there and cannot be read,
  /// so that what waits for it elsewhere goes on waiting.
  Error missing(const std::string& hub) const;
  Error missing(const Guid& object, Literal otherwise) const;
  Result<Asked> asked(StationRequest& request, HubObject object);
  Status asked_about(StationRequest& request, Asked& out);
  void found(StationRequest& request);
  Result<HubChange> founding(StationRequest& request, const std::string& id, std::string& meta);
  std::vector<std::string> audience(const Hub& hub, const HubChange& change);
  Told told(const Hub& hub, const HubChange& change, std::vector<std::string> users) const;
  void tell(const std::vector<std::string>& users, const Packet& packet);
  /// What some right in `hub` allows, and what goes with it.
  void submit(const Hub& hub, std::vector<Write> writes, Completion done);
  void commit(StationRequest& request, std::vector<Write> writes, Packet answer, Told push,
              std::optional<Shredding> shreds = {});
  /// Slice by slice, to the end, whether somebody waits for the answer or not.
  void shred(LinkId id, const std::string& reply, const Packet& answer, const Shredding& what);
  /// What a DESTROY takes away, and who has to sign for it; behind its change into `writes`.
  static Shredding destroys(const Hub& hub, const HubChange& change,
                            std::vector<std::string> signers, std::vector<Write>& writes);
  /// What was destroyed that a request about receipts means.
  struct Erased {
    std::string erased{}, channel{};  ///< as the receipt names them
    std::optional<Guid> message{};    ///< none: a channel or hub
    std::size_t readers = 0;          ///< of the message
    const Hub* hub = nullptr;
  };
  Result<Erased> erased_object(StationRequest& request, Operation operation);
  /// Ends what flows to somebody from a hub, at once. How many connections that was.
  std::size_t end_streams(const std::string& user, const Hub& hub, const HubChange& change);

  Result<Spot> channel_spot(StationRequest& request, HubObject object, Operation operation);
  Result<Spot> message_spot(StationRequest& request, HubObject object, Operation operation);
  /// The act of a moderator on a message of `whom`; nothing where it is their own.
  std::optional<PutAudit> act_on(StationRequest& request, const Spot& spot,
                                 const std::string& whom) const;
  bool moderates(const Spot& spot, const std::string& user) const;
  void change_post(StationRequest& request, const Spot& spot, ChangePost change, Packet push,
                   std::optional<PutAudit> act = {});
  /// Whether `author` may make a message with these there. Errc::internal: it could not be read.
  Status check_links(const Spot& spot, const PostFields& fields, const std::string& author);
  /// Whether a message of `author` there may use these objects of media. Errc::internal: that could
  /// not be read.
  Status check_media(const Spot& spot, const std::vector<Guid>& media, const std::string& author);
  /// Whether somebody reads a message that uses this object, among the first channels that have
  /// one; `looks`: at how many, and then how many are left.
  Result<bool> reads_media(const Guid& media, const std::string& user, std::size_t& looks);
  Result<bool> may_fetch(const Guid& media, const std::string& owner, const std::string& user,
                         std::size_t& looks);
  /// Errc::internal: none, but there is one that could not be read.
  Result<bool> reads_one_of(const std::vector<Guid>& channels, const std::string& user);
  /// Whether this author has stored a message of this GUID in this channel.
  Result<bool> stored_before(const Guid& guid, const Guid& channel, const std::string& author);
  void tell_devices(const std::string& user, const LinkState* but, const Packet& push);
  std::vector<std::string> moderators(const Guid& channel);
  void expire(const ExpirePosts& step);
  /// A step of a channel of which something is older than it keeps.
  Result<std::optional<ExpirePosts>> next_old(Millis now);
  bool all_stored(const Result<std::vector<Written>>& written);
  const std::vector<std::string>& readers(const Hub& hub, const Guid& channel);
  /// To everyone who reads the channel and is there.
  void spread(const Guid& channel, Cursor cursor, const Packet& push);
  Packet show(const Post& post, Operation operation, const std::string& reader, bool moderator);
  void send_page(StationRequest& request, const Spot& spot, const std::vector<Post>& page);
  void search(StationRequest& request);

  StationCore& core_;
  bool loaded_ = false;
  std::int64_t open_ = 0;  ///< changes on their way to the disk
  std::unordered_map<std::string, Hub> hubs_;
  std::vector<Shredding> unfinished_;  // of what was destroyed, when the station was stopped
  std::set<std::string> broken_;       // whose stored changes cannot be read
  std::unordered_map<std::string, Digest32> foundings_;  // what was asked for when it was founded
  std::map<Guid, std::string> places_;                   // objects with a GUID: in which hub
  std::map<Guid, Readers> readers_;
  std::map<Guid, ChannelUse> uses_;  // of channels of which nothing has changed since
  std::unordered_map<std::string, ChannelUse> coming_;  // to the disk, by hubs
  std::optional<ExpiryClock> expiry_clock_;
  Millis next_look_ = 0;   ///< monotonic
  Millis next_scan_ = 0;   ///< monotonic: of channels for what is older than they keep
  bool expiring_ = false;  ///< a step is on its way to the disk
};

}  // namespace dim
