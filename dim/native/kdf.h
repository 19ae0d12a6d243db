// The key derivations of the suite (docs/protocol/native.md section 6).
#pragma once
#include <span>
#include <string_view>

#include "dim/crypto/curve25519.h"

namespace dim::native {

/// The labels of HKDF. Arguments, so that a comparison with another implementation can use its.
struct Labels {
  std::string_view x3dh;
  std::string_view root;
  std::string_view message;
};
inline constexpr Labels kLabels{"dim/2023 n1 x3dh", "dim/2023 n1 root", "dim/2023 n1 message"};

/// SK of X3DH: HKDF, salt 32 zero bytes, over 32 bytes 0xFF and the outputs of DH1 to DH3 or DH4.
Secret x3dh_secret(std::span<const Secret> outputs, const Labels& labels = kLabels);

/// KDF_RK: HKDF with the root key as salt over a DH output.
struct RootStep {
  Secret root;
  Secret chain;
};
RootStep root_step(const Secret& root, const Secret& output, const Labels& labels = kLabels);

/// KDF_CK: HMAC of 0x01 is the message key, HMAC of 0x02 the next chain key.
Secret message_key(const Secret& chain);
Secret next_chain(const Secret& chain);

/// From one message key: what seals the message, and what the frame shows of the key so that it
/// can be opened with no other.
class MessageKeys {
 public:
  MessageKeys(const Secret& key, ByteView salt, std::string_view label = kLabels.message);
  ByteView key() const { return all_.view().first(32); }
  ByteView nonce() const { return all_.view().subspan(32, 24); }
  ByteView commitment() const { return all_.view().subspan(56, 32); }

 private:
  Secret all_;
};

}  // namespace dim::native
