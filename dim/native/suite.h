// The suite N1 and its limits (docs/protocol/native.md): X3DH and Double Ratchet as Signal's public
// specifications have them, with X25519, Ed25519, HMAC-SHA256, HKDF-SHA256, XChaCha20-Poly1305.
#pragma once
#include <cstddef>
#include <cstdint>

#include "dim/base/error.h"

namespace dim::native {

inline constexpr std::uint8_t kSuite = 0x10;
inline constexpr std::uint8_t kSuitePostQuantum = 0x11;  ///< reserved: X3DH with ML-KEM-768
inline constexpr std::uint8_t kSuiteMls = 0x20;          ///< reserved: MLS (RFC 9420)

inline constexpr std::uint32_t kMostJump = 1'000;     ///< messages left out at once in one chain
inline constexpr std::size_t kMostSkipped = 2'000;    ///< keys kept for late ones, of one session
inline constexpr std::size_t kMostSessions = 8;       ///< with one device of a peer
inline constexpr std::size_t kMostFrame = 4'096;      ///< bytes of a frame
inline constexpr std::size_t kMostPlaintext = 3'800;  ///< bytes in it
inline constexpr std::size_t kMostOneTime = 100;      ///< one-time prekeys in one upload
inline constexpr std::size_t kMostFeatures = 16;      ///< of a device

inline constexpr std::int64_t kDayMs = 86'400'000;
inline constexpr std::int64_t kSkippedMs = 30 * kDayMs;         ///< a skipped key is kept
inline constexpr std::int64_t kSignedPrekeyMs = 7 * kDayMs;     ///< then there is a new one
inline constexpr std::int64_t kReplacedPrekeyMs = 30 * kDayMs;  ///< its secret half is kept
/// A device that was away for longer has lost what waited for it anyway.
inline constexpr std::int64_t kOldestPrekeyMs = 90 * kDayMs;

/// Errc::native for every suite but N1; what is reserved is named in the hint.
Status check_suite(std::uint8_t suite);

}  // namespace dim::native
