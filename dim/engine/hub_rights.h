// Who may do what in a hub: the permissions of the draft, how roles and channels give them, and the
// table of object, operation and right. docs/protocol/hubs.md, sections 3 and 4.
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"
#include "dim/packet/packet.h"

namespace dim {

class Hub;
struct HubChannel;

/// Objects of a hub, as `type` names them.
enum class HubObject : std::uint8_t {
  hub,
  owner,
  category,
  channel,
  role,
  member,
  mute,
  invite,
  request,
  ban,
  message,
  reaction,
  pin,
  mark,
  erasure,  ///< what somebody has signed about a message that was destroyed
  audit,    ///< the log of what moderators and the operator have done (F76)
  roster,   ///< who belongs to a private hub, as its founder has signed it (hub_roster.h)
};
inline constexpr std::size_t kHubObjects = 17;
std::string_view to_string(HubObject object);
/// Errc::bad_request for another word.
Result<HubObject> parse_hub_object(std::string_view word);

enum class Permission : std::uint8_t {
  read,
  write,
  attach,
  speak,
  stream,
  invite,
  moderate,
  manage_channels,
  manage_roles,
  ban,
  own,
};
inline constexpr std::size_t kPermissions = 11;
std::string_view to_string(Permission permission);

/// A set of permissions.
class Permissions {
 public:
  constexpr Permissions() = default;
  constexpr Permissions(std::initializer_list<Permission> all) {
    for (const Permission one : all) bits_ |= bit(one);
  }
  static constexpr Permissions all() {
    Permissions out;
    out.bits_ = (1U << kPermissions) - 1;
    return out;
  }
  /// Errc::bad_request for a word that is no permission. A word twice counts once.
  static Result<Permissions> parse(std::span<const std::string> words);

  constexpr bool has(Permission one) const { return (bits_ & bit(one)) != 0; }
  constexpr bool within(Permissions other) const { return (bits_ & ~other.bits_) == 0; }
  constexpr bool empty() const { return bits_ == 0; }
  std::vector<std::string> words() const;
  constexpr Permissions operator|(Permissions other) const {
    return Permissions(bits_ | other.bits_);
  }
  constexpr Permissions operator-(Permissions other) const {
    return Permissions(bits_ & ~other.bits_);
  }
  constexpr Permissions operator&(Permissions other) const {
    return Permissions(bits_ & other.bits_);
  }
  constexpr bool operator==(const Permissions&) const = default;

 private:
  constexpr explicit Permissions(unsigned bits) : bits_(static_cast<std::uint16_t>(bits)) {}
  static constexpr std::uint16_t bit(Permission one) {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(one));
  }
  std::uint16_t bits_ = 0;
};

/// What a channel may give and take; the others belong to the hub as a whole.
inline constexpr Permissions kChannelPermissions{Permission::read,   Permission::write,
                                                 Permission::attach, Permission::speak,
                                                 Permission::stream, Permission::moderate};
/// What a mute takes away.
inline constexpr Permissions kVoice{Permission::write, Permission::attach, Permission::speak,
                                    Permission::stream};

/// Who may do an operation. `holder`: of the row's permission, in the channel where the object is
/// in one. `author`: who made the object, and holds the row's permission. `self`: whom the object
/// is about. An owner, and a member with `own`, hold everything.
enum class Who : std::uint8_t {
  anybody,
  member,
  owner,
  holder,
  unmuted,  ///< as holder, and not muted
  author,
  author_or_holder,  ///< the author who may still read, or a holder
  self_or_holder,
};

struct HubRight {
  HubObject object;
  Operation operation;
  Who who;
  Permission permission = Permission::read;
};

/// The whole table. What has no row does not exist.
std::span<const HubRight> hub_rights();
/// nullptr: the operation does not exist on that object.
const HubRight* find_hub_right(HubObject object, Operation operation);

/// What is acted on.
struct HubTarget {
  HubObject object = HubObject::hub;
  const HubChannel* channel = nullptr;  ///< of messages, reactions, pins, marks, and of a channel
  std::string_view
      subject{};  ///< author of a message or invite; whom a member, mute, request or ban is about
};

/// Ok, or Errc::not_implemented (no such row), Errc::gone (the hub is deleted), Errc::forbidden
/// (banned, or a member without the right), Errc::not_found (whoever is no member does not learn
/// that the hub is there). A station, whose ID no user can log in with, may do what its operator
/// may: delete a hub, make and take back invites.
Status may(const Hub& hub, std::string_view actor, Operation operation, const HubTarget& target,
           Millis now);

}  // namespace dim
