#include "dim/crypto/hkdf.h"

#include <sodium.h>

#include <algorithm>
#include <cassert>

namespace dim {
namespace {

constexpr std::size_t kBlock = crypto_auth_hmacsha256_BYTES;
static_assert(kBlock == 32);

}  // namespace

void hmac_sha256_of(ByteView key, std::initializer_list<ByteView> parts,
                    std::span<std::uint8_t> out) {
  crypto_auth_hmacsha256_state state;
  const std::uint8_t nothing = 0;  // libsodium takes no null pointers, even for no bytes
  const auto data = [&](ByteView bytes) { return bytes.empty() ? &nothing : bytes.data(); };
  crypto_auth_hmacsha256_init(&state, data(key), key.size());
  for (const ByteView part : parts) crypto_auth_hmacsha256_update(&state, data(part), part.size());
  crypto_auth_hmacsha256_final(&state, out.data());
  sodium_memzero(&state, sizeof state);
}

Secret hkdf_sha256(ByteView input, ByteView salt, ByteView info, std::size_t size) {
  assert(size >= 1 && size <= 255 * kBlock);
  Secret extracted(kBlock);
  hmac_sha256_of(salt, {input}, extracted.writable());
  Secret out(size);
  Secret block(kBlock);
  std::uint8_t number = 0;
  for (std::size_t done = 0; done < size; done += kBlock) {
    ++number;
    const ByteView before = number == 1 ? ByteView() : block.view();
    hmac_sha256_of(extracted.view(), {before, info, ByteView(&number, 1)}, block.writable());
    std::copy_n(block.view().begin(), std::min(kBlock, size - done),
                out.writable().begin() + static_cast<std::ptrdiff_t>(done));
  }
  return out;
}

Secret secret_hmac_sha256(ByteView key, ByteView data) {
  Secret out(kBlock);
  hmac_sha256_of(key, {data}, out.writable());
  return out;
}

}  // namespace dim
