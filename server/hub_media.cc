// Which files the messages of channels may use, and who may fetch what they use (media.md section
// 8).
#include <algorithm>

#include "dim/base/fault.h"
#include "server/hubs.h"

namespace dim {
namespace {

constexpr std::size_t kLooks = 256;  // channels that are looked at for the files of one request

}  // namespace

Status Hubs::check_media(const Spot& spot, const std::vector<Guid>& media,
                         const std::string& author) {
  if (media.empty()) return {};
  const HubChannel* channel = spot.hub->channel(spot.channel);
  if (channel == nullptr || !spot.hub->permissions_in(*channel, author).has(Permission::attach))
    return fail(Errc::forbidden, "only who may attach files in this channel writes what uses some");
  std::size_t looks = kLooks;
  const auto unread = [](Error failed) -> Status {
    failed.code = Errc::internal;
    return std::unexpected(failed);
  };
  for (const Guid& one : media) {
    const auto found = core_.reads_.media(one);
    if (!found) return unread(found.error());
    const bool own = *found && (*found)->owner == author;
    if (own && (*found)->state > MediaState::complete)
      return fail(Errc::gone, "a media object that the message would use was removed");
    if (*found && (*found)->state == MediaState::complete) {
      if (own || DIM_FAULT("media-of-strangers")) continue;
      const auto reads = reads_media(one, author, looks);
      if (!reads) return unread(reads.error());
      if (*reads) continue;
    }
    // Of a stranger's and of one that is not there the same: nobody learns which there are.
    return fail(Errc::not_found,
                "media names an object that is not complete, or neither yours nor used by a "
                "message that you can read");
  }
  return {};
}

Result<bool> Hubs::reads_one_of(const std::vector<Guid>& channels, const std::string& user) {
  std::optional<Error> broken;
  for (const Guid& one : channels) {
    const Hub* hub = hub_with(one);
    const HubChannel* channel = hub == nullptr ? nullptr : hub->channel(one);
    if (channel != nullptr && !hub->deleted() && hub->is_member(user) &&
        hub->permissions_in(*channel, user).has(Permission::read))
      return true;
    Error why = missing(one, "no such channel, or you cannot read it");
    if (hub == nullptr && why.code == Errc::internal) broken = why;
  }
  if (broken) return std::unexpected(*broken);
  return false;
}

Result<bool> Hubs::reads_media(const Guid& media, const std::string& user, std::size_t& looks) {
  const auto channels = core_.reads_.media_channels(media, looks);
  if (!channels) return std::unexpected(channels.error());
  looks -= channels->size();
  return reads_one_of(*channels, user);
}

Result<bool> Hubs::may_fetch(const Guid& media, const std::string& owner, const std::string& user) {
  std::size_t looks = kLooks;
  return may_fetch(media, owner, user, looks);
}

Result<bool> Hubs::may_fetch(const Guid& media, const std::string& owner, const std::string& user,
                             std::size_t& looks) {
  if (owner == user) return true;
  const auto channels = core_.reads_.media_channels(media, looks);
  if (!channels) return std::unexpected(channels.error());
  if (channels->empty() && looks > 0) return true;
  looks -= channels->size();
  const auto sent = core_.reads_.media_sent(media);
  if (!sent || *sent) return sent;
  if (!there()) return fail(Errc::internal, "the hubs cannot be read");
  return reads_one_of(*channels, user);
}

Result<bool> Hubs::may_have(const Digest32& digest, std::int64_t size, const std::string& user) {
  const auto same = core_.reads_.media_with(digest, size, kLooks);
  if (!same) return std::unexpected(same.error());
  std::size_t looks = kLooks;
  for (const Guid& one : *same) {
    const auto found = core_.reads_.media(one);
    if (!found) return std::unexpected(found.error());
    if (!*found || (*found)->state != MediaState::complete) continue;
    const auto may = may_fetch(one, (*found)->owner, user, looks);
    if (!may || *may) return may;
  }
  return false;
}

}  // namespace dim
