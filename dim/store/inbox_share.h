// How much of somebody's inbox one author may take, so that whoever floods it keeps nobody else
// out. A station does not know who is a contact of whom.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dim/store/store.h"

namespace dim {

/// One author takes a part of so many, and the owner of the inbox, with another device, all of it.
inline constexpr std::size_t kInboxShare = 4;
/// At least this, so that small inboxes are not divided: messages, and bytes of them.
inline constexpr std::size_t kInboxShareMessages = 256;
inline constexpr std::size_t kInboxShareBytes = 4 << 20;

/// Whether another message of `size` bytes is more than a share, when so many messages and bytes
/// wait already. Asked of all that wait it says whether there is anything to count.
bool beyond_share(const InboxLimits& limits, std::size_t messages, std::size_t bytes,
                  std::size_t size);
/// `inbox`: an ID, with or without a device.
bool owns_inbox(std::string_view author, std::string_view inbox);
/// An author as 31 bits that are never 0: of SHA-256, and so the same after a restart.
std::uint32_t author_mark(std::string_view author);

}  // namespace dim
