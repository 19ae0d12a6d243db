// Live streams of the station: calls between two people and in channels, who has joined them, and
// their frames on 8803 and 8804 (docs/protocol/live.md). Nothing of them is stored. Inside of
// StationCore.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "server/core.h"
#include "server/live_relay.h"

namespace dim {

class Hub;

namespace limits {
inline constexpr std::size_t kLiveCalls = 1'000;        // at the station
inline constexpr std::size_t kLiveCallsOfUser = 8;      // that somebody has opened
inline constexpr std::size_t kLiveMembers = 100;        // connections that have joined one
inline constexpr std::size_t kLiveSecrets = 32 * kMiB;  // content of all calls together
inline constexpr std::int64_t kLiveEmptyMs = 60'000;    // until somebody joins
inline constexpr unsigned kLiveBadFrames = 100;         // of a connection (M11)
}  // namespace limits

/// Bytes that a live frame counts for the rate of its user at least: its cost is not only its size.
inline constexpr std::size_t kLiveLeastAudio = 256;
inline constexpr std::size_t kLiveLeastVideo = 1'024;
/// CONNECT of a lane into a stream: of a user at once, and 1 a second. All others are told of each.
inline constexpr int kLiveJoins = 40;

/// What one user has left of joining streams.
struct LiveJoinQuota {
  static constexpr Millis kForgetMs = 600'000;
  TokenBucket joins;
};

class Live {
 public:
  explicit Live(StationCore& core) : core_(core) {}

  // Requests on 8801
  void create(StationRequest& request);
  void get(StationRequest& request);
  void erase(StationRequest& request);
  // on 8803 and 8804
  void join(LinkState& link, const Packet& packet);
  /// In the connection of 8800, where frames are in packets.
  void frames(StationRequest& request);
  void leave(StationRequest& request);

  /// Bytes have come behind a 101, or may be read again.
  void process(LinkState& link);
  /// Gives the connection what waits for it, and no more than leaves soon.
  void pump(LinkState& link);
  /// The connection ends.
  void gone(LinkState& link);
  void tick(Millis now);
  /// Forgets what nobody has asked for lately.
  void purge(Millis now) { joins_.purge(now); }

  /// Ends what flows to somebody from and into a hub. How many connections that was.
  std::size_t end_for(const std::string& user, const std::string& hub);
  /// Rights in this hub have changed: who has lost theirs is put out.
  void look_at(const Hub& hub);

 private:
  struct Member {
    std::string user;
    LinkId link{};
    Lane lane = Lane::audio;
    bool sends = true, receives = true;
  };
  struct Call {
    Guid guid;
    std::string hub{};  ///< empty: between two people
    Guid channel;
    std::string author, other{};  ///< the two people
    bool hushed = false;          ///< the other one has blocked the author
    std::string content;
    Millis time = 0;
    Millis empty_since = 0;  ///< monotonic
    LiveRelay relay{};
    std::map<std::uint32_t, Member> members{};

    std::string target() const { return hub.empty() ? other : channel.text(); }
    std::string place() const;
  };
  struct Rights {
    bool speak = true, stream = true, moderate = false;
  };

  Result<Rights> rights(const Call& call, const std::string& user);
  Result<Call> asked(StationRequest& request, const Guid& guid);
  Result<Call*> find(const std::string& target, const std::string& user);
  Call* find(const Guid& guid);
  bool take(LinkState& link, const LiveFrame& frame);
  void ask_for_keys(const Guid& guid);
  void end(Call& call);
  /// Out of its call; a connection of its own is closed with it.
  void put_out(LinkState& link, std::string_view reason);
  Packet notice(const Call& call, std::string state) const;
  Packet about(const Call& call, std::uint32_t number, std::string state) const;
  void tell(LinkState& link, const Packet& packet);
  /// To everyone who has joined; `audience`: and to who could.
  void tell_all(const Call& call, const Packet& packet, bool audience, const LinkState* but = {});
  void ask_for_keys(Call& call);

  StationCore& core_;
  std::map<Guid, Call> calls_;
  std::map<std::string, Guid> places_;
  std::size_t secret_bytes_ = 0;
  IdleTable<std::string, LiveJoinQuota, TextHash> joins_;  ///< by ID
};

}  // namespace dim
