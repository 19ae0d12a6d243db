#include <array>

#include "dim/base/base64.h"
#include "dim/engine/engine.h"
#include "dim/engine/plain_rules.h"
#include "dim/engine/steps.h"
#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"
#include "dim/protocol/wire.h"

namespace dim {
namespace {

constexpr std::size_t kFront =
    16;  // one AES block: flipping IV bits can only turn white space into garbage
constexpr std::size_t kBucket =
    320;  // smallest; leaves 48 random bytes behind an unpad of 255 (A10)
constexpr std::size_t kDoublings = 11;  // 640 KiB, the most that fits into 1 MiB as base64

struct Target {
  std::string_view name;  // "to" or "group"
  const Id& id;
};

JsonObject bind_of(const Account& sender, const Target& target, double time) {
  JsonObject bind;
  bind.append_new("v", 1);
  bind.append_new("from", sender.id.bare().text());
  bind.append_new(std::string(target.name), target.id.bare().text());
  bind.append_new("time", time);
  return bind;
}

// The content as it will be signed: twin fields for old peers, then what binds it to sender,
// target, time and order.
Result<JsonObject> bound_content(const PlainMessage& message, const Account& sender,
                                 const Target& target, const Chain& chain, double time) {
  if (content_type(message.content).empty() || !content_sn(message.content)) {
    return fail(Errc::content, "a content needs a type, and an sn that is a positive number");
  }
  JsonObject content = to_wire(message.content);
  if (content_time(content) <= 0) content.set("time", time);
  content.set("bind", bind_of(sender, target, time));
  if (chain.seq > 0) {
    content.set("seq", chain.seq);
    content.set("prev", chain.prev);
  }
  return content;
}

Result<Envelope> finished_envelope(const PlainMessage& message, const Account& sender) {
  Envelope envelope = message.envelope;
  if (!envelope.sender.same_entity(sender.id)) {
    return fail(Errc::bad_request, "the sender of a message must be the account that seals it");
  }
  const double time = content_time(message.content);
  if (time > 0) envelope.time = time;
  if (envelope.time <= 0)
    return fail(Errc::content, "a message needs a time, in its content or its envelope");
  envelope.type = content_type(message.content);
  return envelope;
}

Result<SignedMessage> seal_to(Envelope envelope, const JsonObject& content,
                              std::span<const Recipient> recipients, const Account& sender,
                              Random& random) {
  std::string json = write_json(content);
  auto text = pad_content(json);
  wipe(json);
  if (!text) return std::unexpected(text.error());
  const SymmetricKey key = SymmetricKey::generate(random);
  auto sealed =
      encrypt(std::move(envelope), as_bytes(*text), key, random.array<16>(), recipients, random);
  wipe(*text);
  if (!sealed) return std::unexpected(sealed.error());
  return sign(std::move(*sealed), sender.identity_key);
}

Status check_known(const Id& receiver, const Directory& directory, bool has_keys) {
  if (has_keys) return {};
  const Known* known = directory.find(receiver);
  if (known != nullptr && known->state == MetaState::suspect) {
    return fail(Errc::conflict,
                "the receiver has two metas with proof; verify the contact and decide");
  }
  return fail(Errc::not_found, "no message key of the receiver is known");
}

}  // namespace

std::string_view to_string(Label label) {
  switch (label) {
    case Label::secure:
      return "secure";
    case Label::secure_old:
      return "secure, old protocol";
    case Label::addressee_unproven:
      return "old protocol, addressee not proven";
    case Label::not_encrypted:
      return "not encrypted";
  }
  return "unknown";
}

Result<std::string> pad_content(std::string_view json) {
  std::size_t size = kBucket;
  for (std::size_t k = 0; size < json.size() + kFront; ++k) {
    if (k == kDoublings) return fail(Errc::too_large, "a content has at most 640 KiB");
    size *= 2;
  }
  std::string out;
  out.reserve(size);
  out.assign(kFront, ' ');
  out.append(json);
  out.append(size - out.size(), ' ');
  return out;
}

Result<SealedMessage> encrypt(Envelope envelope, ByteView text, const SymmetricKey& key,
                              const AesIv& iv, std::span<const Recipient> recipients,
                              Random& random) {
  auto data = key.encrypt(text, iv);
  if (!data) return std::unexpected(data.error());
  SealedMessage sealed{.envelope = std::move(envelope), .data = std::move(*data)};
  sealed.iv.assign(iv.begin(), iv.end());
  sealed.keys.reserve(recipients.size());
  const Secret object = key.json();
  for (const auto& [name, public_key] : recipients) {
    auto cipher = public_key.encrypt(object.view(), random);
    if (!cipher) return std::unexpected(cipher.error());
    sealed.keys.emplace_back(name, std::move(*cipher));
  }
  return sealed;
}

SealedMessage without_encryption(Envelope envelope, std::string_view text) {
  return {.envelope = std::move(envelope), .data = to_bytes(text), .plain = true};
}

SignedMessage sign(SealedMessage message, const PrivateKey& key) {
  SignedMessage out{.sealed = std::move(message)};
  out.signature = key.sign(out.sealed.data);
  return out;
}

Result<SignedMessage> seal(const PlainMessage& message, const Account& sender,
                           const Directory& directory, const Chain& chain, Random& random) {
  std::vector<Recipient> recipients;
  if (const Id& receiver = message.envelope.receiver; !is_plain(message.envelope)) {
    recipients = directory.message_keys(receiver);
    if (auto status = check_known(receiver, directory, !recipients.empty() || receiver.is_group());
        !status)
      return std::unexpected(status.error());
  }
  return seal(message, sender, recipients, chain, random);
}

Result<SignedMessage> seal(const PlainMessage& message, const Account& sender,
                           std::span<const Recipient> recipients, const Chain& chain,
                           Random& random) {
  auto envelope = finished_envelope(message, sender);
  if (!envelope) return std::unexpected(envelope.error());
  const Id receiver = envelope->receiver;
  const bool plain = is_plain(*envelope);
  if (!plain && receiver.is_group())
    return fail(Errc::not_implemented, "a group needs its members; use seal_group");
  const Target target =
      envelope->group && !plain ? Target{"group", *envelope->group} : Target{"to", receiver};
  auto content = bound_content(message, sender, target, chain, envelope->time);
  if (!content) return std::unexpected(content.error());
  if (plain) {
    if (!may_be_plain(*envelope, *content)) {
      return fail(Errc::plain_not_allowed,
                  "only a broadcast, or a log-in command to a station, may go unencrypted");
    }
    return sign(
        without_encryption(std::move(*envelope), write_json(*content, JsonStyle::reference)),
        sender.identity_key);
  }
  if (recipients.empty()) return fail(Errc::not_found, "no message key of the receiver is known");
  return seal_to(std::move(*envelope), *content, recipients, sender, random);
}

Result<SignedMessage> seal_group(const PlainMessage& message, std::span<const Id> members,
                                 const Account& sender, const Directory& directory,
                                 const Chain& chain, Random& random) {
  auto envelope = finished_envelope(message, sender);
  if (!envelope) return std::unexpected(envelope.error());
  const Id group = envelope->receiver;
  if (!group.is_group() || group.is_broadcast())
    return fail(Errc::bad_request, "the receiver must be a group ID");
  envelope->group = group;
  auto content = bound_content(message, sender, Target{"group", group}, chain, envelope->time);
  if (!content) return std::unexpected(content.error());
  content->set("group", group.text());
  std::vector<Recipient> recipients;
  for (const Id& member : members) {
    auto keys = directory.message_keys(member.bare());
    if (auto status = check_known(member, directory, !keys.empty()); !status)
      return std::unexpected(status.error());
    std::move(keys.begin(), keys.end(), std::back_inserter(recipients));
  }
  if (recipients.empty()) return fail(Errc::not_found, "a group message needs members");
  if (recipients.size() > limits::kMessageKeys)
    return fail(Errc::too_large, "a message has at most 1,000 keys");
  return seal_to(std::move(*envelope), *content, recipients, sender, random);
}

}  // namespace dim
