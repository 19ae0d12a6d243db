// Following public hubs while a session lasts: first all that was missed in each channel, then what
// comes, in order and without gaps (docs/protocol/hubs.md sections 6 and 7). How far somebody has
// followed each channel is in the home.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "client/hub_client.h"

namespace dim {

/// What following tells; every member may be left empty.
struct HubEvents {
  /// A message of somebody else. `fresh`: not told before; otherwise it has changed since.
  std::function<void(const HubView& hub, const Post& post, bool fresh)> post{};
  /// What somebody else has just done to a message.
  std::function<void(const HubView& hub, const PostEvent& event)> changed{};
  std::function<void(const HubNotice& notice)> notice{};
  /// Somebody else begins or ends writing.
  std::function<void(const Guid& channel, const std::string& author, bool on)> typing{};
  /// One was in this hub, and is no longer; of `hub` only the names are known.
  std::function<void(const HubView& hub)> left{};
  /// A channel that is followed for the first time, where so much was written before that it is
  /// not told.
  std::function<void(const HubView& hub, const Guid& channel, const ReadMark& mark)> behind{};
};

class HubFollower {
 public:
  /// What was told counts as read, on all devices. `only`: of messages those in this channel are
  /// told; the others wait for a follower of all.
  HubFollower(HubClient& client, Home& home, Clock& clock, const HubEvents& events,
              const std::optional<Guid>& only = {});

  /// A session is ready.
  void begin();
  void pushed(const Packet& push);
  /// Every second or so.
  void tick();
  /// Tells the station how far one has read.
  void flush();
  /// From within an event: nothing more is told.
  void stop() { stopped_ = true; }

 private:
  struct Flow {
    std::string hub;
    Cursor seen = 0;       ///< everything up to here was told
    Cursor base = 0;       ///< where the catching up began: messages behind it are fresh
    bool known = false;    ///< `seen` is had
    bool live = false;     ///< what comes follows upon `seen`
    Cursor unmarked = 0;   ///< told, and the station does not know it yet; 0: nothing
    bool marking = false;  ///< it is just being told
  };

  void take_hubs(std::vector<HubView> hubs);
  void take_hub(HubView hub);
  void drop_channels(const std::string& hub, const std::map<Guid, HubChannel>& kept);
  void refresh();
  void next();
  void failed(const Guid& channel, const HubRefusal& refusal);
  void begin_channel(const Guid& channel);
  void catch_up(const Guid& channel);
  bool tell(const Guid& channel, const Post& post, bool fresh);
  void on_notice(const Packet& push);
  void on_typing(const Packet& push);
  void on_post(const Packet& push);
  bool keep(const Guid& channel, const Flow& flow);
  bool is_me(const std::string& user) const;

  HubClient& client_;
  Home& home_;
  Clock& clock_;
  const HubEvents& events_;
  std::optional<Guid> only_;
  bool stopped_ = false;
  std::map<std::string, HubView> hubs_;
  std::map<Guid, Flow> flows_;
  std::deque<Guid> queue_;         ///< channels that are to be caught up with
  std::set<std::string> changed_;  ///< hubs that are to be read again
  bool busy_ = false;              ///< a question is on its way
  bool all_again_ = false;         ///< the list of hubs is to be read
  Millis wait_until_ = 0;          ///< monotonic, after 416
  std::uint64_t session_ = 0;
};

}  // namespace dim
