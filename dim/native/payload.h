// What a message carries, sealed once for all devices: `data` under a content key of its own, and
// the note with that key which each device gets in a frame.
#pragma once
#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim::native {

struct SealedPayload {
  Bytes data;   ///< suite (1) | commitment (32) | sealed plaintext
  Secret note;  ///< content key (32) | SHA-256(data) (32): the plaintext of each frame
};

/// `ad` is the canonical envelope.
SealedPayload seal_payload(ByteView plaintext, ByteView ad, Random& random);

/// Errc::native when the note is none, is for other data, or the data is not what was sealed under
/// this envelope.
Result<Secret> open_payload(ByteView data, const Secret& note, ByteView ad);

}  // namespace dim::native
