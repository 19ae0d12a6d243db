#include "dim/engine/signer.h"

#include "dim/engine/verify.h"

namespace dim {

std::optional<Digest32> linked_signer(const SignedMessage& message, const Directory& directory,
                                      Millis now) {
  const auto has_signed = [&](const PublicKey& key) {
    return key.verify(message.sealed.data, message.signature);
  };
  const Id& sender = message.sealed.envelope.sender;
  const Known* known = directory.find(sender);
  if (known == nullptr || !known->meta || has_signed(known->meta->key())) return std::nullopt;
  for (const PublicKey& key : verification_keys(sender, directory, now)) {
    if (has_signed(key)) return sha256(key.data());
  }
  return std::nullopt;
}

}  // namespace dim
