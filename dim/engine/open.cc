#include <cmath>

#include "dim/base/base64.h"
#include "dim/engine/engine.h"
#include "dim/engine/plain_rules.h"
#include "dim/engine/steps.h"
#include "dim/message/delivery.h"
#include "dim/protocol/head.h"
#include "dim/protocol/kinds.h"
#include "dim/protocol/wire.h"

namespace dim {
namespace {

constexpr double kTimeTolerance = 2;         // seconds between envelope, content and bind (A08)
constexpr Millis kLate = 5 * 60'000;         // A13
constexpr Millis kCommandAge = 10 * 60'000;  // A12
constexpr std::size_t kMostAttempts = 8;     // RSA decryptions of one message
constexpr std::string_view kBindFeature = "bind";

auto cannot_decrypt() { return fail(Errc::decrypt, "this message cannot be decrypted"); }

Millis to_millis(double seconds) {
  return static_cast<Millis>(std::llround(std::min(seconds, 1e11) * 1000));
}

// The encrypted keys that may be for this account, best first: its device's entry, the bare ID's,
// the field `key`.
std::vector<const Bytes*> candidates(const SealedMessage& message, const Account& receiver) {
  const Id device = receiver.id.terminal().empty() ? receiver.device() : receiver.id;
  std::vector<const Bytes*> out;
  const auto add = [&](const Bytes* key) {
    if (key != nullptr && std::find(out.begin(), out.end(), key) == out.end()) out.push_back(key);
  };
  add(key_for(message, device));
  add(key_for(message, receiver.id.bare()));
  if (message.key) add(&*message.key);
  return out;
}

std::optional<SymmetricKey> parse_key(const Secret& text, Reading reading) {
  constexpr JsonLimits kLimits{.depth = 4, .nodes = 32, .string_bytes = 512};
  auto object = parse_json_object(as_text(text.view()), kLimits);
  if (!object) return std::nullopt;
  auto key = SymmetricKey::parse(*object, reading);
  if (Json* data = object->find("data"); data != nullptr && data->text() != nullptr)
    wipe(*data->text());
  if (!key) return std::nullopt;
  return std::move(*key);
}

std::optional<SymmetricKey> unwrap_key(const SealedMessage& message, const Account& receiver,
                                       Reading reading) {
  std::size_t attempts = 0;
  for (const Bytes* cipher : candidates(message, receiver)) {
    for (std::size_t i = 0; i <= receiver.message_keys.size(); ++i) {
      const PrivateKey& key =
          i < receiver.message_keys.size() ? receiver.message_keys[i] : receiver.identity_key;
      auto text = key.decrypt(*cipher);
      if (!text)
        continue;  // a key of another size, or one that cannot decrypt: both are public facts
      if (auto found = parse_key(*text, reading)) return found;
      if (++attempts == kMostAttempts) return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<AesIv> iv_of(const SealedMessage& message, const SymmetricKey& key, bool old_peer) {
  AesIv iv{};
  if (message.iv.size() == iv.size()) {
    std::copy(message.iv.begin(), message.iv.end(), iv.begin());
    return iv;
  }
  if (!message.iv.empty() || !old_peer) return std::nullopt;
  return key.iv().value_or(iv);
}

Result<JsonObject> read_content(ByteView text, bool plain) {
  auto object = parse_json_object(as_text(text));
  if (object) return object;
  // A wrong key or IV shows here as often as in the padding: it must look the same (A22).
  if (!plain) return cannot_decrypt();
  return fail(Errc::content, "the content is no JSON object");
}

bool same_type(const std::string& a, const std::string& b) {
  return a == b || (type_number(a) >= 0 && type_number(a) == type_number(b));
}

// J21: what stands outside must say the same as what is signed inside.
Status check_content(const Envelope& envelope, const JsonObject& content, Millis now) {
  const std::string type = content_type(content);
  if (type.empty() || !content_sn(content))
    return fail(Errc::content, "a content needs a type, and an sn that is a positive number");
  if (!envelope.type.empty() && !same_type(type, envelope.type)) {
    return fail(Errc::content, "the envelope names another type than the content");
  }
  const double time = content_time(content);
  if (time > 0 && to_millis(time) > now + limits::kFutureToleranceMs) {
    return fail(Errc::too_early, "its time is in the future; is the clock of this computer right?");
  }
  if (time <= 0 || !plausible_time(to_millis(time), now)) {
    return fail(Errc::content, "the time of the content is missing or before 2018");
  }
  if (envelope.time > 0 && std::abs(envelope.time - time) > kTimeTolerance) {
    return fail(Errc::content, "the envelope has another time than the content");
  }
  if (envelope.group) {
    const std::string* group = content.text("group");
    auto id = group != nullptr ? Id::parse_near(*group, *envelope.group)
                               : Result<Id>(fail(Errc::id, "none"));
    if (!id || !id->same_entity(*envelope.group)) {
      return fail(Errc::content, "the envelope names another group than the content");
    }
  }
  return {};
}

bool names(const JsonObject& bind, std::string_view member, const Id& id) {
  const std::string* text = bind.text(member);
  if (text == nullptr) return false;
  auto named = Id::parse_near(*text, id);
  return named && named->same_entity(id);
}

// A08: true when the sender has bound the content to this addressee, false when it has not said
// anything; E_REBOUND when it says somebody else, or has promised to say it and does not (J22).
Result<bool> check_bind(const Envelope& envelope, const JsonObject& content, bool promised) {
  const Json* value = content.find("bind");
  if (value == nullptr) {
    if (promised)
      return fail(Errc::rebound, "the sender's software binds its messages, this one is not bound");
    return false;
  }
  const JsonObject* bind = value->object();
  if (bind == nullptr) return fail(Errc::rebound, "bind must be an object");
  const Json* version = bind->find("v");
  const bool right_version =
      version != nullptr && version->integer() != nullptr && *version->integer() == 1;
  const bool to_group = envelope.group && !envelope.group->is_broadcast();
  const bool right_target = to_group
                                ? names(*bind, "group", *envelope.group) && !bind->contains("to")
                                : names(*bind, "to", envelope.receiver) && !bind->contains("group");
  const double time = read_seconds(bind->find("time"));
  if (!right_version || !names(*bind, "from", envelope.sender) || !right_target ||
      std::abs(time - content_time(content)) > kTimeTolerance) {
    return fail(Errc::rebound, "the message was written for somebody else, or at another time");
  }
  return true;
}

std::optional<Chain> chain_of(const JsonObject& content) {
  const Json* seq = content.find("seq");
  const std::string* prev = content.text("prev");
  if (seq == nullptr || seq->integer() == nullptr || *seq->integer() < 1 || prev == nullptr)
    return std::nullopt;
  return Chain{*seq->integer(), *prev};
}

Status check_addressee(const Envelope& envelope, const Account& receiver) {
  const Id& to = envelope.receiver;
  if (to.is_broadcast() || to.is_group() || to.same_entity(receiver.id)) return {};
  return fail(Errc::bad_request, "the message is for somebody else");
}

}  // namespace

Result<Decrypted> decrypt(const SealedMessage& message, const Account& receiver,
                          const DecryptRules& rules) {
  if (message.keys.empty() && !message.key && rules.keys != nullptr) {
    const Id& target = message.envelope.group ? *message.envelope.group : message.envelope.receiver;
    for (const SymmetricKey& key : rules.keys->find(message.envelope.sender, target)) {
      const auto iv = iv_of(message, key, rules.old_peer);
      auto text = iv ? key.decrypt(message.data, *iv) : Result<Secret>(cannot_decrypt());
      if (text && parse_json_object(as_text(text->view())))
        return Decrypted{std::move(*text), key.clone()};
    }
    return cannot_decrypt();
  }
  auto key = unwrap_key(message, receiver, rules.reading);
  const bool usable = key.has_value();
  if (!usable) {
    JsonObject nothing;
    nothing.set("algorithm", "AES");
    nothing.set("data", to_base64(sha256(message.data)));
    auto dummy = SymmetricKey::parse(nothing);
    if (!dummy) return cannot_decrypt();
    key = std::move(*dummy);
  }
  const auto iv = iv_of(message, *key, rules.old_peer);
  auto text = key->decrypt(message.data, iv.value_or(AesIv{}));
  if (!text || !usable || !iv) return cannot_decrypt();
  return Decrypted{std::move(*text), std::move(*key)};
}

Result<Opened> open(const SignedMessage& message, const Account& receiver, Directory& directory,
                    const SeenBefore& seen_before, Millis now, const OpenRules& rules) {
  const bool strict = rules.reading == Reading::strict;
  const SealedMessage& sealed = message.sealed;
  const Envelope& envelope = sealed.envelope;
  if (auto status = learn_attachments(message, directory, now); !status && strict)
    return std::unexpected(status.error());
  if (auto status = verify_and_pin(message, directory, now); !status)
    return std::unexpected(status.error());
  if (strict) {
    if (auto status = check_addressee(envelope, receiver); !status)
      return std::unexpected(status.error());
  }
  const Digest32 hash = message_hash(message);
  if (seen_before && seen_before(hash))
    return fail(Errc::replay, "this message has been received before");

  const bool promised = strict && directory.promises(envelope.sender, kBindFeature);
  const auto refuse = [&](const Error& error) {
    if (rules.failed != nullptr && error.code == Errc::decrypt) rules.failed->add(now);
    return std::unexpected(error);
  };
  std::optional<Decrypted> decrypted;
  if (!sealed.plain) {
    if (rules.failed != nullptr && !rules.failed->may_try(now)) return cannot_decrypt();
    auto result = decrypt(sealed, receiver,
                          {.reading = rules.reading, .old_peer = !promised, .keys = rules.keys});
    if (!result) return refuse(result.error());
    decrypted = std::move(*result);
  }
  auto content =
      read_content(decrypted ? decrypted->text.view() : ByteView(sealed.data), sealed.plain);
  if (!content) return refuse(content.error());
  auto full = from_wire(std::move(*content));
  if (!full) return std::unexpected(full.error());

  Opened opened{.message = {.envelope = envelope, .content = std::move(*full)}, .hash = hash};
  opened.label = sealed.plain ? Label::not_encrypted : Label::addressee_unproven;
  if (strict) {
    if (sealed.plain && !may_be_plain(envelope, opened.message.content)) {
      const bool from_station = rules.station && envelope.sender.same_entity(*rules.station);
      if (!from_station || !is_station_answer(opened.message.content)) {
        return fail(Errc::plain_not_allowed, "this message had to be encrypted");
      }
    }
    if (auto status = check_content(envelope, opened.message.content, now); !status) {
      return std::unexpected(status.error());
    }
    auto bound = check_bind(envelope, opened.message.content, promised);
    if (!bound) return std::unexpected(bound.error());
    if (*bound && !sealed.plain) opened.label = Label::secure_old;
  }
  opened.chain = chain_of(opened.message.content);
  opened.late = now - to_millis(content_time(opened.message.content)) > kLate;
  if (rules.keys != nullptr && decrypted) {
    rules.keys->remember(envelope.sender, envelope.group ? *envelope.group : envelope.receiver,
                         decrypted->key);
  }
  return opened;
}

Status check_command_age(const JsonObject& content, Millis now) {
  constexpr int kHistoryType = 137;
  const std::string command = content_command(content);
  const bool changes = command == "login" || command == "report" ||
                       // A list; without one it asks for the list.
                       ((command == "block" || command == "mute") && content.contains("list")) ||
                       type_number(content_type(content)) == kHistoryType;
  if (!changes || now - to_millis(content_time(content)) <= kCommandAge) return {};
  return fail(Errc::content, "a command that changes something must not be older than 10 min");
}

}  // namespace dim
