// Digests and keyed digests. MD5 and SHA-1 name things in the reference's formats and protect
// nothing.
#pragma once
#include <array>
#include <initializer_list>
#include "dim/base/bytes.h"

namespace dim {
using Digest16 = std::array<std::uint8_t, 16>;
using Digest20 = std::array<std::uint8_t, 20>;
using Digest32 = std::array<std::uint8_t, 32>;
using Digest64 = std::array<std::uint8_t, 64>;

Digest32 sha256(ByteView data);
/// Of the parts one after another, without separators.
Digest32 sha256(std::initializer_list<ByteView> parts);
Digest64 sha512(ByteView data);
Digest32 keccak256(ByteView data);  ///< Ethereum's (original padding 0x01), not SHA3-256
Digest20 ripemd160(ByteView data);
Digest20 sha1(ByteView data);
Digest16 md5(ByteView data);
Digest32 hmac_sha256(ByteView key, ByteView data);
/// SipHash-2-4: 64 bits that say nothing of `data` to whoever has not the key.
std::uint64_t siphash(const Digest16& key, ByteView data);
std::uint32_t crc32c(ByteView data);  ///< Castagnoli, RFC 3720 appendix B.4

/// Four-byte big-endian length, then the bytes: the injective building block of every signed input.
void append_field(Bytes& out, ByteView field);
}  // namespace dim
