// Following public hubs while a session lasts: first all that was missed in each channel, then what
// comes, in order and without gaps (docs/protocol/hubs.md sections 6 and 7). How far somebody has
// followed each channel, and how far the station knows that, is in the home.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "client/erasure.h"
#include "client/hub_client.h"

namespace dim {

/// What following tells; every member may be left empty.
struct HubEvents {
  /// A message of somebody else. `fresh`: not told before; otherwise it has changed since.
  std::function<void(const HubView& hub, const Post& post, bool fresh)> post{};
  /// What somebody else has just done to a message.
  std::function<void(const HubView& hub, const PostEvent& event)> changed{};
  std::function<void(const HubNotice& notice)> notice{};
  /// The founder of a private hub has signed what whoever is let in from now on may read of what
  /// was written in a channel before (F23); of what others show a home each change is told once.
  std::function<void(const HubView& hub, const HistoryRule& rule, Millis time)> history{};
  /// Somebody else begins or ends writing.
  std::function<void(const Guid& channel, const std::string& author, bool on)> typing{};
  /// One was in this hub, and is no longer; of `hub` only the names are known.
  std::function<void(const HubView& hub)> left{};
  /// A channel that is followed for the first time, where so much was written before that it is
  /// not told. It stays unread until the person says otherwise (`dim read`): nothing is marked.
  std::function<void(const HubView& hub, const Guid& channel, const ReadMark& mark)> behind{};
  /// A hub, or a channel in it, cannot be read now; it is tried again, and this is not said again
  /// before it has worked. Without a hub: the list of hubs. Also where something of it could not be
  /// read at all, and the rest was: once in a session.
  std::function<void(const HubView* hub, const std::optional<Guid>& channel, const HubRefusal& why)>
      trouble{};
};

/// Forgets how far the channels of `hub` were followed: whoever comes in again begins where the
/// station says that they have read.
void forget_followed(Home& home, const HubView& hub);

class HubFollower {
 public:
  /// Erases, and answers for, what was destroyed, whoever has written it.
  /// What was told counts as read, on all devices. `only`: of messages those in this channel are
  /// told, whatever the person wants to be told of; the others wait for a follower of all.
  /// What is not told because the person does not want to be (`NotifyLevel`) is not read either,
  /// nor what comes behind it, until its mark is set.
  HubFollower(HubClient& client, Home& home, Clock& clock, const HubEvents& events,
              const std::optional<Guid>& only = {});

  /// A session is ready.
  void begin();
  void pushed(const Packet& push);
  /// Every second or so.
  void tick();
  /// Tells the station how far one has read; what it does not answer is told again, also in the
  /// next session of this home.
  void flush();
  /// From within an event: nothing more is told.
  void stop() { stopped_ = true; }

 private:
  struct Flow {
    std::string hub;
    Cursor seen = 0;           ///< everything up to here was told
    Cursor base = 0;           ///< where the catching up began: messages behind it are fresh
    std::set<Cursor> fresh{};  ///< of those, what was told; empty when it has caught up
    Cursor told = 0;           ///< counts as read
    Cursor marked = 0;         ///< and the station knows that up to here
    Millis joined = 0;         ///< when one had come into the hub, the last time
    Cursor hold = 0;           ///< nothing counts as read before the mark is here; 0: no such place
    bool known = false;        ///< the above is had
    NotifyLevel level = NotifyLevel::all;  ///< what the person wants to be told (F15)
    bool level_known = false;              ///< in this session
    bool live = false;                     ///< what comes follows upon `seen`
    bool marking = false;                  ///< a mark is on its way
    Millis retry_at = 0;                   ///< monotonic; after a failure
    Millis retry_ms = 0;                   ///< how long it waited last
  };

  void take_hubs(std::vector<HubView> hubs);
  void take_hub(HubView hub);
  void tell_history(const HubView& hub);
  bool ask_about_vanished(const std::vector<HubView>& before, const std::vector<HubView>& hubs);
  void drop_channels(const std::string& hub, const std::map<Guid, HubChannel>& kept);
  void refresh();
  void next();
  std::optional<Guid> next_channel();
  void list_failed(const HubView* hub, const HubRefusal& refusal);
  void add_unreadable(std::vector<HubView>& hubs);
  void failed(const Guid& channel, const HubRefusal& refusal);
  void begin_channel(const Guid& channel);
  void mark_of(const Guid& channel, std::function<void(Flow&, const ReadMark&)> done);
  void ask_mark(const Guid& channel);
  void ask_level(const Guid& channel);
  bool wants(const Flow& flow, const Post& post, bool fresh) const;
  void take_mark(const Guid& channel, Cursor cursor);
  bool came_again(const Flow& flow);
  void catch_up(const Guid& channel);
  bool tell(const Guid& channel, const Post& post, bool fresh);
  void on_notice(const Packet& push);
  void ask_anew(const std::string& hub);
  void garbled(const std::string& hub, const std::optional<Guid>& channel);
  void on_typing(const Packet& push);
  void on_post(const Packet& push);
  void on_mark(const Guid& channel, Cursor cursor, const HubResult<Packet>& answer);
  bool erase(const Guid& channel, const Guid& post);
  bool keep(const Guid& channel, const Flow& flow);
  bool is_me(const std::string& user) const;

  HubClient& client_;
  Home& home_;
  Clock& clock_;
  const HubEvents& events_;
  std::optional<Guid> only_;
  bool stopped_ = false;
  Erasures erasures_;
  std::map<std::string, HubView> hubs_;
  std::map<Guid, Flow> flows_;
  std::deque<Guid> queue_;         ///< channels that are to be caught up with
  std::set<std::string> changed_;  ///< hubs that are to be read again
  bool busy_ = false;              ///< a question is on its way
  bool all_again_ = false;         ///< the list of hubs is to be read
  std::set<std::string> garbled_;  ///< whose notices could not be read: said once in a session
  Millis all_again_at_ = 0;        ///< monotonic; after a failure
  Millis all_again_ms_ = 0;        ///< how long it waited last
  Millis wait_until_ = 0;          ///< monotonic, after 416
  Millis mark_at_ = 0;             ///< the same for marks
  std::size_t marking_ = 0;        ///< marks that are on their way
  std::uint64_t session_ = 0;
};

}  // namespace dim
