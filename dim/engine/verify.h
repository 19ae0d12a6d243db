// Whose signature a message bears, and what may be learnt from it before anything else is read.
#pragma once
#include <vector>

#include "dim/engine/directory.h"
#include "dim/message/message.h"

namespace dim {

/// Signature over the bytes of `data` by the sender's meta key or visa key (A01, A03).
/// Errc::signature, or Errc::not_found when the sender's meta is unknown. A visa key counts for 400
/// days after the visa's time.
Status verify(const SignedMessage& message, const Directory& directory, Millis now);

/// The keys that `verify` would try now, in its order; none when the sender's meta is unknown. For
/// who verifies on another thread, where the directory cannot go: a signature by one of them is
/// what `verify` accepts, for as long as the directory has not changed.
std::vector<PublicKey> verification_keys(const Id& sender, const Directory& directory, Millis now);

/// As `verify`, and pins the meta whose key signed (J16): a provisional other one yields.
/// Errc::conflict when that makes the sender suspect.
Status verify_and_pin(const SignedMessage& message, Directory& directory, Millis now);

/// Learns the attached `meta` and `visa` (or `documents`) of the sender: each verified in full
/// (A05). They are unsigned parts of the message, so what does not verify is left out and neither
/// helps nor harms it. Errc::bad_request for more than four documents.
Status learn_attachments(const SignedMessage& message, Directory& directory, Millis now);

}  // namespace dim
