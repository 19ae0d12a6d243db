#include "dim/native/kdf.h"

#include <algorithm>
#include <array>

#include "dim/crypto/hkdf.h"

namespace dim::native {
namespace {

constexpr std::array<std::uint8_t, 1> kMessageKey = {1};
constexpr std::array<std::uint8_t, 1> kChainKey = {2};

}  // namespace

Secret x3dh_secret(std::span<const Secret> outputs, const Labels& labels) {
  Secret input(32 * (outputs.size() + 1));
  auto to = input.writable().begin();
  to = std::fill_n(to, 32, std::uint8_t{0xFF});
  for (const Secret& output : outputs) to = std::ranges::copy(output.view(), to).out;
  return hkdf_sha256(input.view(), {}, as_bytes(labels.x3dh), 32);
}

RootStep root_step(const Secret& root, const Secret& output, const Labels& labels) {
  const Secret both = hkdf_sha256(output.view(), root.view(), as_bytes(labels.root), 64);
  return {Secret::copy_of(both.view().first(32)), Secret::copy_of(both.view().last(32))};
}

Secret message_key(const Secret& chain) { return secret_hmac_sha256(chain.view(), kMessageKey); }
Secret next_chain(const Secret& chain) { return secret_hmac_sha256(chain.view(), kChainKey); }

MessageKeys::MessageKeys(const Secret& key, ByteView salt, std::string_view label)
    : all_(hkdf_sha256(key.view(), salt, as_bytes(label), 88)) {}

}  // namespace dim::native
