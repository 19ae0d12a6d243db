// HKDF (RFC 5869) and HMAC (RFC 2104) with SHA-256, where what comes out is a secret.
#pragma once
#include <initializer_list>

#include "dim/crypto/secret.h"

namespace dim {

/// Extract and expand. `size`: 1 to 8,160 bytes. An empty `salt` is one of 32 zero bytes.
Secret hkdf_sha256(ByteView input, ByteView salt, ByteView info, std::size_t size);
/// 32 bytes; a key of any size.
Secret secret_hmac_sha256(ByteView key, ByteView data);
/// HMAC of the parts one behind the other, into 32 bytes; `out` may be one of the parts.
void hmac_sha256_of(ByteView key, std::initializer_list<ByteView> parts,
                    std::span<std::uint8_t> out);

}  // namespace dim
