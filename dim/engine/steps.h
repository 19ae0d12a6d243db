// The single steps of sealing and opening, for `seal`, `open`, test vectors and benchmarks.
// Programs use engine.h.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "dim/engine/account.h"
#include "dim/engine/key_ring.h"
#include "dim/message/message.h"

namespace dim {

using Recipient = std::pair<std::string, PublicKey>;  ///< name in `keys`, key

/// 16 spaces, the JSON, spaces up to 320 * 2^k bytes (A10). Errc::too_large beyond k = 11.
Result<std::string> pad_content(std::string_view json);

/// Encrypts `text` with `key` and `iv`, and the key for each recipient.
Result<SealedMessage> encrypt(Envelope envelope, ByteView text, const SymmetricKey& key,
                              const AesIv& iv, std::span<const Recipient> recipients,
                              Random& random);
/// The broadcast form: `data` is the text.
SealedMessage without_encryption(Envelope envelope, std::string_view text);
/// Signs the bytes of `data`; nothing else (that is what `bind` is for).
SignedMessage sign(SealedMessage message, const PrivateKey& key);

/// Which old rules a decryption follows.
struct DecryptRules {
  Reading reading = Reading::strict;
  bool old_peer = true;           ///< a missing IV is the key's own, else 16 zero bytes (J19)
  const KeyRing* keys = nullptr;  ///< for messages without any key
};

/// The text and the key that opened it.
struct Decrypted {
  Secret text;
  SymmetricKey key;
};

/// Errc::decrypt for every failure, after the same work: an unusable key is replaced by one that
/// opens nothing, so neither the error nor its timing tells which step failed (A22, J17–J20).
Result<Decrypted> decrypt(const SealedMessage& message, const Account& receiver,
                          const DecryptRules& rules);

}  // namespace dim
