// A hub: categories, channels, roles, members, invites, bans. A value folded from its changes, one
// after the other, so that whoever has the same changes has the same hub. No I/O, no clock: a
// change bears the time at which the station took it. docs/protocol/hubs.md.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/crypto/digest.h"
#include "dim/engine/hub_rights.h"
#include "dim/packet/guid.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kHubName = 64;      // bytes, of a hub, category, channel or role
inline constexpr std::size_t kHubTopic = 1'024;  // bytes; also of a ban's reason
inline constexpr std::size_t kHubChannels = 500;
inline constexpr std::size_t kHubCategories = 100;
inline constexpr std::size_t kHubRoles = 100;
inline constexpr std::size_t kHubMembers = 100'000;
inline constexpr std::size_t kHubInvites = 100;  // that are still good
inline constexpr std::size_t kHubBans = 10'000;
inline constexpr std::size_t kChannelOverrides = 32;
inline constexpr std::int64_t kRetentionDays = 3'650;
inline constexpr std::size_t kMemberRoles = 32;
inline constexpr std::size_t kHubPending = 50;        // requests that wait (A30)
inline constexpr std::size_t kHubRequestsPerDay = 3;  // of one ID (A30)
inline constexpr std::size_t kHubRequestsOfDay =
    1'000;  // of all: the log is not for strangers (A30)
inline constexpr Millis kHubPendingMs = 7 * 86'400'000;  // life of a request (A30)
}  // namespace limits

/// One change, as it was asked for: the operation, and what it needs. What CREATE and EDIT carry is
/// `body`, the JSON object of the packet's content.
struct HubChange {
  Operation operation = Operation::create;  ///< create, edit, remove, erase, destroy
  HubObject object = HubObject::hub;
  std::string actor;                       ///< user ID without terminal
  Millis time = 0;                         ///< when the station took it
  std::optional<Guid> guid{};              ///< of a category, channel, role, invite
  std::string member{};                    ///< of a member, mute, request, ban: whom it is about
  std::optional<std::int64_t> revision{};  ///< EDIT: what the actor has seen
  JsonObject body{};

  /// One JSON object in one line; parse() of it is the same change.
  std::string text() const;
  /// Errc::bad_request when it is none: unknown operation, object or key, a user ID that is none.
  static Result<HubChange> parse(std::string_view text);
};

struct HubCategory {
  std::string name;
  std::int64_t position = 0;
  std::int64_t revision = 1;
  bool operator==(const HubCategory&) const = default;
};

enum class ChannelKind : std::uint8_t { text, secret, announcement };  ///< `secret` is "private"

struct HubOverride {
  std::optional<Guid> role{};  ///< none: everyone
  Permissions allow{}, deny{};
  bool operator==(const HubOverride&) const = default;
};

struct HubChannel {
  std::string name;
  std::string topic;
  ChannelKind kind = ChannelKind::text;
  std::optional<Guid> category{};
  std::int64_t position = 0;
  std::vector<HubOverride> overrides{};
  std::int64_t retention = 0;  ///< days after which messages are forgotten; 0: never
  std::int64_t revision = 1;
  bool operator==(const HubChannel&) const = default;
};

struct HubRole {
  std::string name;
  Permissions permissions{};
  std::int64_t rank = 0;  ///< 0 … 1,000,000; a greater one stands above
  std::int64_t revision = 1;
  bool operator==(const HubRole&) const = default;
};

struct HubMember {
  std::vector<Guid> roles;
  Millis joined = 0;
  std::int64_t revision = 1;
};

struct HubInvite {
  std::string author;
  std::int64_t uses = 0;  ///< left; -1: without end
  Millis expires = 0;     ///< 0: never
  bool approval = false;  ///< who uses it waits for somebody with `invite`
};

struct HubRequest {
  Guid invite;
  Millis arrived = 0;
};

/// A mute or a ban.
struct HubPenalty {
  std::string by;
  std::string reason;
  Millis time = 0;
  Millis until = 0;  ///< 0: for ever
};

/// What a change has done.
struct HubEffect {
  enum class Kind : std::uint8_t {
    changed,
    waiting,    ///< a request to join, which somebody with `invite` decides
    unchanged,  ///< it was so before: answered as the first time, stored nowhere
  };
  Kind kind = Kind::changed;
  std::vector<Guid> dropped_channels{};  ///< their messages are to be removed
  std::size_t dropped_invites = 0;       ///< of somebody who was banned
};

/// What a station lets a hub have, within the limits above. No part of a hub: what was taken before
/// stays.
struct HubRoom {
  std::size_t members = limits::kHubMembers;
  std::size_t channels = limits::kHubChannels;
};

class Hub {
 public:
  /// From its first change, CREATE of a hub: `id` is a group ID whose meta the caller has checked.
  static Result<Hub> found(std::string id, const HubChange& change);

  /// All or nothing. Errc: those of may(); bad_request (body), not_found (an object that it names),
  /// gone (deleted, or an invite that is used up), conflict (GUID used otherwise, stale revision),
  /// too_many_requests (A30), insufficient_storage (a limit of objects).
  Result<HubEffect> apply(const HubChange& change);
  /// What is left of a hub that was destroyed: its DESTROY, whose body names the GUIDs that are
  /// gone with it. Errc::bad_request when `change` is none.
  static Result<Hub> tombstone(std::string id, const HubChange& change, std::int64_t number);
  /// In place of a change whose words were destroyed with its object: it counts.
  void skip() { ++number_; }

  /// For the changes to come.
  void set_room(const HubRoom& room);

  const std::string& id() const { return id_; }
  const std::string& owner() const { return owner_; }
  const std::string& name() const { return name_; }
  const std::string& topic() const { return topic_; }
  Permissions everyone() const { return everyone_; }
  std::int64_t revision() const { return revision_; }
  /// Changes applied; unchanged ones do not count.
  std::int64_t number() const { return number_; }
  /// The latest time of any change that was tried. Later ones must not bear an earlier time: what
  /// has run out stays so.
  Millis latest() const { return latest_; }
  bool deleted() const { return deleted_; }
  /// Its members encrypt what they write (hub_roster.h). It is in the ID, and never changes.
  bool is_private() const { return private_; }
  /// Of a private hub, what is signed of each, by epochs from 1; only their form was checked.
  const std::vector<JsonObject>& roster() const { return roster_; }
  const std::map<Guid, HubCategory>& categories() const { return categories_; }
  const std::map<Guid, HubChannel>& channels() const { return channels_; }
  const std::map<Guid, HubRole>& roles() const { return roles_; }
  const std::map<std::string, HubMember, std::less<>>& members() const { return members_; }
  const std::map<Guid, HubInvite>& invites() const { return invites_; }
  const std::map<std::string, HubRequest, std::less<>>& requests() const { return requests_; }
  const std::map<std::string, HubPenalty, std::less<>>& bans() const { return bans_; }
  const std::map<std::string, HubPenalty, std::less<>>& mutes() const { return mutes_; }
  const HubChannel* channel(const Guid& guid) const;
  bool gone(const Guid& guid) const { return gone_.contains(guid); }
  const std::set<Guid>& gone() const { return gone_; }
  /// A channel, or the hub itself.
  bool destroyed(const Guid& guid) const {
    return destroyed_.contains(guid) || (whole_destroyed_ && gone_.contains(guid));
  }
  bool destroyed() const { return whole_destroyed_; }

  bool is_member(std::string_view who) const { return members_.contains(who); }
  bool is_banned(std::string_view who, Millis now) const;
  bool is_muted(std::string_view who, Millis now) const;
  /// In the hub as a whole; none for whoever is no member.
  Permissions permissions_of(std::string_view who) const;
  /// In a channel, mutes left aside.
  Permissions permissions_in(const HubChannel& channel, std::string_view who) const;
  /// The highest rank of somebody's roles; -1 without any; the owner's is above all.
  std::int64_t rank_of(std::string_view who) const;

  /// As GET shows them (hubs.md section 2).
  JsonObject hub_json() const;
  JsonObject category_json(const Guid& guid) const;
  JsonObject channel_json(const Guid& guid) const;
  JsonObject role_json(const Guid& guid) const;
  JsonObject member_json(std::string_view who, Millis now) const;
  JsonObject invite_json(const Guid& guid) const;
  JsonObject request_json(std::string_view who) const;
  static JsonObject penalty_json(std::string_view who, const HubPenalty& penalty);

 private:
  using Outcome = Result<HubEffect>;
  Hub() = default;
  Status found_private(const HubChange& change);

  Outcome change_hub(const HubChange& change);
  Outcome change_category(const HubChange& change);
  Outcome change_channel(const HubChange& change);
  Outcome change_role(const HubChange& change);
  Outcome change_member(const HubChange& change);
  Outcome change_invite(const HubChange& change);
  Outcome change_request(const HubChange& change);
  Outcome change_penalty(const HubChange& change);
  Outcome change_roster(const HubChange& change);
  Outcome join(const HubChange& change);
  HubEffect leave(const std::string& who);
  /// Nothing: the GUID is free. Else what a repeated CREATE gets.
  std::optional<Outcome> created_before(const HubChange& change) const;
  void remember_created(const HubChange& change);
  Status may_give(const HubChange& change, Permissions permissions) const;
  bool outranks(std::string_view who, std::string_view whom) const;
  Status check_overrides(const HubChange& change, const HubChannel& channel) const;
  void forget_old(Millis now);

  std::string id_, owner_, name_, topic_;
  Permissions everyone_{};
  std::int64_t revision_ = 1, number_ = 0;
  Millis latest_ = 0;
  bool deleted_ = false;
  bool private_ = false;
  std::vector<JsonObject> roster_;
  HubRoom room_;
  std::map<Guid, HubCategory> categories_;
  std::map<Guid, HubChannel> channels_;
  std::map<Guid, HubRole> roles_;
  std::map<std::string, HubMember, std::less<>> members_;
  std::map<Guid, HubInvite> invites_;
  std::map<std::string, HubRequest, std::less<>> requests_;
  std::map<std::string, HubPenalty, std::less<>> bans_, mutes_;
  std::map<Guid, Digest32> created_;  // what was asked for when the object was made
  std::set<Guid> gone_, destroyed_;
  bool whole_destroyed_ = false;
  struct Asked {
    std::string who;
    Millis time;
  };
  std::deque<Asked> asked_;  // requests of the last day
};

}  // namespace dim
