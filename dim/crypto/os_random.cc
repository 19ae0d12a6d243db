#include "dim/crypto/os_random.h"

#include <sodium.h>

namespace dim {

void OsRandom::fill(std::span<std::uint8_t> out) { randombytes_buf(out.data(), out.size()); }

}  // namespace dim
