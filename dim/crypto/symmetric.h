// Symmetric encryption: AES-256-CBC because the reference speaks it, XChaCha20-Poly1305 for data at
// rest.
#pragma once
#include <array>
#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/crypto/secret.h"

namespace dim {

inline constexpr std::size_t kAesKeyBytes = 32;
using AesIv = std::array<std::uint8_t, 16>;

/// Which keys are taken: 32 bytes only, or 16 and 24 as well. The latter is for reading formats,
/// never for messages (A06).
enum class AesKeys : std::uint8_t { only_256, any_size };

/// CBC with PKCS#7; `key` has 32 bytes (Errc::key otherwise).
Result<Bytes> aes_cbc_encrypt(const Secret& key, const AesIv& iv, ByteView plain,
                              AesKeys keys = AesKeys::only_256);
/// Checks every padding byte; any fault is Errc::decrypt, whatever its cause (A10, A22, J20).
Result<Secret> aes_cbc_decrypt(const Secret& key, const AesIv& iv, ByteView cipher,
                               AesKeys keys = AesKeys::only_256);

/// XChaCha20-Poly1305 with a fresh random 24-byte nonce in front of the cipher text; `key` has 32
/// bytes.
Result<Bytes> box(const Secret& key, ByteView plain, ByteView associated, Random& random);
Result<Secret> unbox(const Secret& key, ByteView boxed, ByteView associated);

struct Argon2Cost {
  std::uint64_t passes = 3;
  std::size_t memory_bytes = std::size_t{256} * 1024 * 1024;
};
/// Argon2id (RFC 9106), 32 bytes; `salt` has 16 (A43).
Result<Secret> derive_key(ByteView passphrase, ByteView salt, const Argon2Cost& cost = {});

}  // namespace dim
