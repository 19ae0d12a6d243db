// Memory that the system neither swaps out nor writes into core dumps, as far as it lets us (A43).
#pragma once
#include <cstddef>
#include <cstdint>

namespace dim {

inline constexpr std::size_t kLockedChunk = 65'536;
/// Locked at most in a process; what is asked for beyond is ordinary memory.
inline constexpr std::size_t kLockedMost = 16 * kLockedChunk;

/// `size` zero bytes, not null unless `size` is 0. Ordinary memory also for more than 4 KiB at
/// once, and where the system locks nothing (RLIMIT_MEMLOCK). Any thread.
std::uint8_t* take_locked(std::size_t size);
/// Overwrites and takes back what take_locked(size) gave. Null is nothing.
void give_locked(std::uint8_t* bytes, std::size_t size) noexcept;
/// How much is locked now: whole chunks, which are kept.
std::size_t locked_bytes();

}  // namespace dim
