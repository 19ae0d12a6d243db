// The two ends of a session, and the one associated data that both work out for it.
#pragma once
#include "dim/native/device_keys.h"

namespace dim::native {

/// One device of somebody, as a visa of it says.
struct Party {
  Id device;              ///< user, with the device's terminal where it has one
  Digest32 meta{};        ///< Meta::digest of the user's pinned meta
  DevicePublic keys{};    ///< of that visa
  std::uint64_t rev = 0;  ///< `rev` of that visa; 0 where it has none
};

/// lp(user) | lp(terminal) | meta digest | key hash | rev (8 bytes, big endian).
Bytes identity_block(const Party& party);
/// AD of a session: SHA-256 over context, suite and both blocks, each behind its length. Whoever
/// began it stands first.
Digest32 session_ad(const Party& initiator, const Party& responder);

}  // namespace dim::native
