#include "dim/crypto/os_random.h"

#include <sodium.h>

namespace dim {

// Without sodium_init libsodium reads through getrandom all the same; it ends the process if there
// is no randomness.
void OsRandom::fill(std::span<std::uint8_t> out) {
  if (!out.empty()) randombytes_buf(out.data(), out.size());
}

}  // namespace dim
