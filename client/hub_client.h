// Requests on hubs at the own station, and what comes back (docs/protocol/hubs.md). Nothing
// is kept here: a hub lives at its station, and whoever asks again gets what it is now. What is
// written in channels goes out through Messenger::post(), which survives the end of the program.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/home.h"
#include "client/private_hubs.h"
#include "client/uplink.h"
#include "dim/engine/hub_view.h"

namespace dim {

/// Why something did not happen.
struct HubRefusal {
  Error error;             ///< Errc::unreachable: nobody has answered
  int code = 0;            ///< of the answer; 0: there was none
  std::string station{};   ///< what the station says about it: a stranger's text
  Millis retry_after = 0;  ///< ms, of `416`
  bool destroyed = false;  ///< of `410`: nothing of it is left
};
template <class T>
using HubResult = std::expected<T, HubRefusal>;
template <class T>
using HubDone = std::function<void(HubResult<T>)>;

/// Which messages are asked for: hubs.md section 7.
struct PostQuery {
  std::string target;  ///< GUID of a channel or message; for a search also a hub's ID
  std::string hub;     ///< that it is in, by its ID: it says whether what comes has to be opened
  std::optional<Guid> channel{};  ///< of a message: nothing else is taken
  bool pinned = false;
  std::string search{};
  std::optional<Cursor> before{}, after{}, changes{};
  std::size_t limit = 0;         ///< 0: as many as the station gives
  bool earlier = false;          ///< with the earlier texts of the message
  std::optional<Guid> thread{};  ///< only what stands in the thread about this message
  bool keys = false;             ///< of a private hub: with the keys of what can be opened
};
struct PostsPage {
  std::vector<Post> posts{};
  std::optional<std::int64_t> next{};  ///< where the next page goes on, in the same direction
  std::vector<PostRevision> earlier{};
  std::size_t lost = 0;  ///< messages of which not even the place could be read
  /// PostQuery::keys: of what may be handed on, which is nothing of what disappears.
  std::vector<PostKey> keys{};
};
/// Who has said that what was destroyed is erased: as they came, nothing verified.
struct ErasureList {
  std::vector<JsonObject> receipts{};
  std::int64_t members = 0;  ///< who may read the channel, or could
};
struct ReadMark {
  Cursor cursor = 0, newest = 0;
  std::int64_t unread = 0;
  std::int64_t mentions = 0;  ///< of the unread ones, of oneself or everyone
  NotifyLevel level = NotifyLevel::all;
};

class HubClient {
 public:
  /// `session`: the one that is ready, or nullptr.
  HubClient(Home& home, Clock& clock, Random& random, std::function<Uplink*()> session);

  /// A request whose `type` and `target` are set; `target` may be empty.
  static Packet request(Operation operation, HubObject object, std::string target = {});
  /// Sends it on the lane it belongs on. The answer, when it says that it is done (2xx).
  void ask(Packet packet, HubDone<Packet> done);
  /// Everything that GET lists, page after page.
  /// Waits where the station says 416 and for how long. Errc::too_large for more than any hub can
  /// have, Errc::bad_request for what does not go on.
  void list(HubObject object, const std::string& target, HubDone<std::vector<JsonObject>> done);
  /// The own hubs with the channels that one sees in them, in order of IDs. One hub that cannot be
  /// read holds up no other: it comes without its channels, and is in unreadable().
  void mine(HubDone<std::vector<HubView>> done);
  void read(const std::string& hub, HubDone<HubView> done);
  /// Hubs by their IDs of which the last mine() or read() could not read all, and why.
  const std::map<std::string, HubRefusal>& unreadable() const { return unreadable_; }
  /// Founds a hub with an ID of its own, which the identity key makes. A private one stays private:
  /// its ID says so. Errc::key on a linked device, and for an identity key that is not ECC.
  void found(std::string_view name, std::string_view topic, HubDone<Id> done,
             bool is_private = false);
  /// CREATE of a category, channel, role or invite.
  void make(HubObject object, const std::string& hub, const JsonObject& body, HubDone<Guid> done);
  /// Without those that have disappeared by now; what is broken is there as `unreadable`.
  /// Errc::bad_request: the station shows other messages than those of the target. In a private hub
  /// all of it is opened, or has no content.
  void posts(const PostQuery& query, HubDone<PostsPage> done);
  /// What this home knows of private hubs. mine() and read() bring their memberships up to date.
  PrivateHubs& privates() { return privates_; }
  /// Brings the memberships of a private hub up to date. Errors of PrivateHubs::take too. What a
  /// station that was restored has lost of them, this home puts back where it can sign them.
  void read_roster(const std::string& hub, HubDone<std::int64_t> done);
  /// Who reads what is written in a private hub now: who belongs to it as its founder has signed,
  /// and is its member at the station too. Their keys are known where they can be; who has gone is
  /// taken out of the membership first, where this home can sign that. Nothing has been heard of
  /// the hub since the station was asked. Errc::unavailable: it changes all the time.
  void readers(const std::string& hub, HubDone<std::vector<std::string>> done);
  /// Signs that `add` belong to a private hub and `remove` do not, unless it is so. The epoch.
  /// Errc::key: only who has founded it can.
  void change_roster(const std::string& hub, std::vector<std::string> add,
                     std::vector<std::string> remove, HubDone<std::int64_t> done);
  /// Signs what whoever is let in from now on may read of what was written in a channel of a
  /// private hub before, unless it is so. The epoch; errors of change_roster().
  void set_history(const std::string& hub, const HistoryRule& rule, HubDone<std::int64_t> done);
  /// Fetches what somebody says of themselves; the Messenger's.
  std::function<void(const Id& who, std::function<void(Status)> done)> people{};
  void mark(const Guid& channel, HubDone<ReadMark> done);
  /// Of a message or channel (its GUID) or a hub (its ID).
  void erasures(const std::string& object, HubDone<ErasureList> done);
  /// Tells those who read the channel that one writes; kept by nobody.
  void typing(const Guid& channel, bool on);

  /// A new session: what was asked before is not answered any more.
  void begin();
  /// Every second or so: what had to wait is asked again.
  void tick();
  /// What the station pushes (is_of_hubs). Messages that were asked for come as pushes too; the
  /// others go to `live`, in order.
  void pushed(Packet push);
  std::function<void(const Packet& push)> live{};

 private:
  struct Listing;
  struct RosterReading;
  void erasures_from(const std::string& object, std::string after, ErasureList found,
                     HubDone<ErasureList> done);
  void list_from(const std::shared_ptr<Listing>& listing);
  void add_channels(std::vector<HubView> hubs, std::size_t at, HubDone<std::vector<HubView>> done);
  HubResult<PostsPage> take_page(const Packet& answer, const PostQuery& query);
  void tell_arrived(std::size_t count);
  bool wait_for(const HubRefusal& why, int& waits, std::function<void()> again);
  void more_roster(const std::shared_ptr<RosterReading>& reading);
  void take_roster(const std::shared_ptr<RosterReading>& reading);
  void put_back(const std::shared_ptr<RosterReading>& reading);
  void find_readers(const std::string& hub, int attempts, HubDone<std::vector<std::string>> done);
  void ask_readers(const std::string& hub, HubDone<std::vector<std::string>> done);
  void fetch_people(std::vector<Id> who, std::function<void()> done);
  struct RosterEdit {
    std::vector<std::string> add{}, remove{};
    std::vector<HistoryRule> history{};
  };
  void sign_roster_change(const std::string& hub, RosterEdit edit, int attempts,
                          HubDone<std::int64_t> done);

  Home& home_;
  Clock& clock_;
  Random& random_;
  std::function<Uplink*()> session_;
  std::vector<Packet> arrived_;  ///< while pages are on their way
  std::size_t arrived_bytes_ = 0;
  std::size_t open_pages_ = 0;
  std::map<std::string, HubRefusal> unreadable_;
  PrivateHubs privates_;
  std::map<std::string, std::uint64_t, std::less<>> heard_;        ///< news of hubs with readers()
  std::vector<std::pair<Millis, std::function<void()>>> waiting_;  ///< until then, monotonic
};

}  // namespace dim
