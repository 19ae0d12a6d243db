#include "dim/engine/verify.h"

namespace dim {
namespace {

// Reference peers sign a new visa at each login, ours every 90 days with a year for stragglers.
constexpr Millis kVisaKeyLife = Millis{400} * 24 * 3'600'000;

constexpr Literal kUnknownSender = "the meta of the sender is not known yet";
constexpr Literal kBadSignature = "the message is not signed by its sender";

bool counts(const Known& known, const Known::DocumentKey& entry, Millis now) {
  const Document& document = known.documents[entry.document];
  return now - document.time().value_or(0) <= kVisaKeyLife && may_prove(document, known.documents);
}

bool by_visa(const SignedMessage& message, const Known& known, Millis now) {
  for (const Known::DocumentKey& entry : known.keys) {
    if (counts(known, entry, now) && entry.key.verify(message.sealed.data, message.signature))
      return true;
  }
  return false;
}

// RSA identity and visa keys may be of any size here: verifying compares with the modulus. Tried in
// the order in which peers are likely to have signed.
const Meta* by_meta(const SignedMessage& message, const Known& known) {
  if (known.meta->key().verify(message.sealed.data, message.signature)) return &*known.meta;
  if (known.state != MetaState::provisional) return nullptr;
  for (const Meta& rival : known.rivals) {
    if (rival.key().verify(message.sealed.data, message.signature)) return &rival;
  }
  return nullptr;
}

// The attached meta, when it is a valid one of the sender.
std::optional<Meta> attached_meta(const SignedMessage& message) {
  const Json* value = message.json.find("meta");
  if (value == nullptr || value->object() == nullptr) return std::nullopt;
  auto meta = Meta::parse(*value->object());
  if (!meta || !meta->matches(message.sealed.envelope.sender)) return std::nullopt;
  return std::move(*meta);
}

}  // namespace

Status verify(const SignedMessage& message, const Directory& directory, Millis now) {
  const Known* known = directory.find(message.sealed.envelope.sender);
  if (known == nullptr) return fail(Errc::not_found, kUnknownSender);
  if (by_meta(message, *known) != nullptr || by_visa(message, *known, now)) return {};
  return fail(Errc::signature, kBadSignature);
}

std::vector<PublicKey> verification_keys(const Id& sender, const Directory& directory, Millis now) {
  std::vector<PublicKey> keys;
  const Known* known = directory.find(sender);
  if (known == nullptr) return keys;
  keys.push_back(known->meta->key());
  if (known->state == MetaState::provisional) {
    for (const Meta& rival : known->rivals) keys.push_back(rival.key());
  }
  for (const Known::DocumentKey& entry : known->keys) {
    if (counts(*known, entry, now)) keys.push_back(entry.key);
  }
  return keys;
}

Status verify_and_pin(const SignedMessage& message, Directory& directory, Millis now) {
  const Id& sender = message.sealed.envelope.sender;
  const Known* known = directory.find(sender);
  if (known == nullptr) return fail(Errc::not_found, kUnknownSender);
  if (const Meta* meta = by_meta(message, *known)) {
    if (known->state != MetaState::provisional) return {};
    return directory.prove(sender, Meta(*meta));
  }
  if (by_visa(message, *known, now)) return {};
  // Signed with the key of another meta of this very ID: the second one with proof (J16).
  if (known->state != MetaState::provisional) {
    if (const auto other = attached_meta(message);
        other && other->key().verify(message.sealed.data, message.signature)) {
      return directory.prove(sender, *other);
    }
  }
  return fail(Errc::signature, kBadSignature);
}

Status learn_attachments(const SignedMessage& message, Directory& directory, Millis now) {
  const Id& sender = message.sealed.envelope.sender;
  std::vector<const JsonObject*> documents;
  if (const Json* visa = message.json.find("visa"); visa != nullptr && visa->object() != nullptr) {
    documents.push_back(visa->object());
  }
  if (const Json* list = message.json.find("documents");
      list != nullptr && list->array() != nullptr) {
    for (const Json& item : *list->array()) {
      if (item.object() != nullptr) documents.push_back(item.object());
    }
  }
  if (documents.size() > limits::kAttachedDocuments) {
    return fail(Errc::bad_request, "a message may bring at most four documents");
  }
  // Attachments are no part of what is signed: a bad one says nothing about the message, so it is
  // only left out.
  if (const auto meta = attached_meta(message)) (void)directory.learn_meta(sender, *meta);
  if (directory.find(sender) == nullptr) return {};
  for (const JsonObject* document : documents) {
    (void)directory.learn_attached(sender, *document, now);
  }
  return {};
}

}  // namespace dim
