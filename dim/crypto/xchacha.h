// XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): sealed bytes with associated data.
#pragma once
#include "dim/base/error.h"
#include "dim/crypto/secret.h"

namespace dim {

inline constexpr std::size_t kXChaChaKey = 32;
inline constexpr std::size_t kXChaChaNonce = 24;
inline constexpr std::size_t kXChaChaTag = 16;

/// `plain` sealed, then the tag. A key and a nonce together are used once.
Bytes xchacha_seal(ByteView key, ByteView nonce, ByteView ad, ByteView plain);
/// Errc::decrypt when anything is not as it was sealed, one error for every cause.
Result<Secret> xchacha_open(ByteView key, ByteView nonce, ByteView ad, ByteView sealed);

}  // namespace dim
