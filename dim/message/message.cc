#include "dim/message/message.h"

#include <algorithm>
#include <array>

#include "dim/base/base64.h"
#include "dim/base/utf8.h"
#include "dim/identity/meta.h"
#include "dim/identity/ted.h"

namespace dim {
namespace {

constexpr std::size_t kAesBlock = 16;
constexpr std::size_t kLeastCipher =
    48;  // A10: below this an attacker without the key can forge 16 bytes

// Members that have a place of their own in SignedMessage; all others are extras.
constexpr std::array<std::string_view, 11> kOwnMembers = {
    "sender", "receiver", "time", "group", "type", "data", "signature", "key", "keys", "IV", "iv"};

struct ShortName {
  std::string_view brief, full;
};
constexpr std::array<ShortName, 9> kShortNames = {{{"F", "sender"},
                                                   {"R", "receiver"},
                                                   {"W", "time"},
                                                   {"T", "type"},
                                                   {"G", "group"},
                                                   {"D", "data"},
                                                   {"V", "signature"},
                                                   {"M", "meta"},
                                                   {"P", "visa"}}};

bool is_own(std::string_view name) {
  return std::find(kOwnMembers.begin(), kOwnMembers.end(), name) != kOwnMembers.end();
}

std::string_view full_name(const JsonObject::Member& member) {
  const auto& [name, value] = member;
  if (name.size() != 1) return name;
  if (name == "K") return value.object() != nullptr ? "keys" : "key";
  for (const ShortName& entry : kShortNames) {
    if (entry.brief == name) return entry.full;
  }
  return name;
}

// Short names become full ones; a pair of both is refused, and so is "S", which could mean either
// sender or signature.
Result<JsonObject> with_full_names(JsonObject object) {
  const bool any = std::any_of(object.begin(), object.end(),
                               [](const auto& member) { return member.first.size() == 1; });
  if (!any) return object;
  JsonObject out;
  for (auto& member : object) {
    if (member.first == "S")
      return fail(Errc::bad_request, "the short name S is ambiguous; write sender or signature");
    if (member.first == "K" && (object.contains("key") || object.contains("keys"))) {
      return fail(Errc::bad_request, "a short name stands beside its full name; keep one");
    }
    const std::string name(full_name(member));
    if (name != member.first && object.contains(name)) {
      return fail(Errc::bad_request, "a short name stands beside its full name; keep one");
    }
    out.set(name, std::move(member.second));
  }
  return out;
}

/// How texts become IDs.
struct IdReading {
  const AddressTable& addresses;
  std::span<const Id* const> known;
};

Result<Id> read_id(const JsonObject& object, std::string_view name, const IdReading& ids) {
  const std::string* text = object.text(name);
  if (text == nullptr)
    return fail(Errc::bad_request, "an ID of the envelope is missing or not text");
  for (const Id* id : ids.known) {
    if (id != nullptr && id->text() == *text) return *id;
  }
  return Id::parse(*text, ids.addresses);
}

// J08 and J09.
Result<Envelope> read_envelope(const JsonObject& object, Reading reading, const IdReading& ids) {
  auto sender = read_id(object, "sender", ids);
  if (!sender) return std::unexpected(sender.error());
  if (!sender->is_user())
    return fail(Errc::bad_request, "the sender must be a user, a bot or a station");
  const Json* to = object.find("receiver");
  auto receiver = to == nullptr || to->is_null() ? Result<Id>(Id("anyone", Address::anywhere()))
                                                 : read_id(object, "receiver", ids);
  if (!receiver) return std::unexpected(receiver.error());

  Envelope envelope{.sender = std::move(*sender), .receiver = std::move(*receiver)};
  envelope.time = read_seconds(object.find("time"));
  if (const Json* group = object.find("group"); group != nullptr && !group->is_null()) {
    auto id = read_id(object, "group", ids);
    if (!id) return std::unexpected(id.error());
    if (!id->is_group() && !id->is_broadcast())
      return fail(Errc::bad_request, "the group of a message must be a group ID");
    if (envelope.receiver.is_group() && !envelope.receiver.is_broadcast() &&
        !id->same_entity(envelope.receiver)) {
      return fail(Errc::bad_request, "receiver and group name different groups");
    }
    envelope.group = std::move(*id);
  }
  if (const Json* type = object.find("type"); type != nullptr && !type->is_null()) {
    if (const std::string* text = type->text()) {
      envelope.type = *text;
    } else if (const std::int64_t* number = type->integer()) {
      envelope.type = std::to_string(*number);
    } else if (reading == Reading::strict) {
      return fail(Errc::bad_request, "the type of a message must be text or an integer");
    }
  }
  return envelope;
}

// A field that is there but no IV gets a length that decryption refuses; telling so before the
// signature has verified would only help who probes (J19).
void read_iv(const JsonObject& object, SealedMessage& sealed, Reading reading) {
  static constexpr std::uint8_t kUnusable = 0;
  const Json* upper = object.find("IV");
  const Json* lower = object.find("iv");
  if (upper != nullptr && upper->is_null()) upper = nullptr;
  if (lower != nullptr && lower->is_null()) lower = nullptr;
  if (upper == nullptr && lower == nullptr) return;
  sealed.iv = {kUnusable};
  if (upper != nullptr && lower != nullptr) return;
  if (auto iv = read_data(upper != nullptr ? *upper : *lower, reading); iv && !iv->empty())
    sealed.iv = std::move(*iv);
}

Status read_keys(const JsonObject& object, SealedMessage& sealed, Reading reading) {
  const bool strict = reading == Reading::strict;
  if (const Json* key = object.find("key"); key != nullptr && !key->is_null()) {
    auto bytes = read_data(*key, reading);
    if (!bytes && strict) return std::unexpected(bytes.error());
    if (bytes) sealed.key = std::move(*bytes);
  }
  const Json* keys = object.find("keys");
  if (keys == nullptr || keys->is_null()) return {};
  const JsonObject* entries = keys->object();
  if (entries == nullptr) {
    if (strict) return fail(Errc::bad_request, "keys must be an object: ID to encrypted key");
    return {};
  }
  if (entries->size() > limits::kMessageKeys)
    return fail(Errc::bad_request, "a message has at most 1,000 keys");
  sealed.keys.reserve(entries->size());
  for (const auto& [id, value] : *entries) {
    if (id == "digest" || value.is_null()) continue;  // names the key, is none
    auto bytes = read_data(value, reading);
    if (!bytes && strict) return std::unexpected(bytes.error());
    if (bytes) sealed.keys.emplace_back(id, std::move(*bytes));
  }
  return {};
}

Status read_signed(const JsonObject& object, SignedMessage& message, Reading reading) {
  const bool strict = reading == Reading::strict;
  const Json* data = object.find("data");
  const Json* signature = object.find("signature");
  if (data == nullptr || data->is_null() || signature == nullptr || signature->is_null()) {
    return fail(Errc::bad_request, "a message needs data and signature");
  }
  auto signature_bytes = read_data(*signature, reading);
  if (!signature_bytes && strict) return std::unexpected(signature_bytes.error());
  if (signature_bytes) message.signature = std::move(*signature_bytes);

  SealedMessage& sealed = message.sealed;
  if (sealed.plain) {
    const std::string* text = data->text();
    if (text == nullptr) return fail(Errc::bad_request, "data of a broadcast must be text");
    sealed.data = to_bytes(*text);
    if (strict && sealed.data.empty()) return fail(Errc::bad_request, "data is empty");
    return {};
  }
  auto bytes = read_data(*data, reading);
  if (!bytes && strict) return std::unexpected(bytes.error());
  if (bytes) sealed.data = std::move(*bytes);
  if (strict && (sealed.data.size() < kLeastCipher || sealed.data.size() % kAesBlock != 0)) {
    return fail(Errc::bad_request, "encrypted data must have a multiple of 16 bytes, at least 48");
  }
  return {};
}

JsonObject document_for_wire(JsonObject document) {
  if (const Json* did = document.find("did"); did != nullptr && !document.contains("ID")) {
    Json copy = *did;
    document.set("ID", std::move(copy));
  }
  return document;
}

void set_extra(JsonObject& out, const std::string& name, const Json& value) {
  if (name == "meta" && value.object() != nullptr) {
    out.set(name, meta_for_wire(*value.object()));
  } else if (name == "visa" && value.object() != nullptr) {
    out.set(name, document_for_wire(*value.object()));
  } else {
    out.set(name, value);
  }
}

}  // namespace

double read_seconds(const Json* value) {
  return value != nullptr ? read_time(*value).value_or(0) : 0;
}

bool is_plain(const Envelope& envelope) {
  return envelope.receiver.is_broadcast() || (envelope.group && envelope.group->is_broadcast());
}

Result<SignedMessage> SignedMessage::parse(std::string_view text, Reading reading,
                                           const AddressTable& addresses,
                                           std::span<const Id* const> known) {
  if (text.size() > limits::kTextContent)
    return fail(Errc::too_large, "a message has at most 1 MiB");
  auto object = parse_json_object(text);
  if (!object) return std::unexpected(object.error());
  auto message = from_json(std::move(*object), reading, addresses, known);
  if (message) message->wire = text;
  return message;
}

Result<SignedMessage> SignedMessage::from_json(JsonObject object, Reading reading,
                                               const AddressTable& addresses,
                                               std::span<const Id* const> known) {
  auto full = with_full_names(std::move(object));
  if (!full) return std::unexpected(full.error());
  auto envelope = read_envelope(*full, reading, {addresses, known});
  if (!envelope) return std::unexpected(envelope.error());
  SignedMessage message{.sealed = {.envelope = std::move(*envelope)}};
  message.sealed.plain = is_plain(message.sealed.envelope);
  if (auto status = read_signed(*full, message, reading); !status)
    return std::unexpected(status.error());
  if (!message.sealed.plain) {
    read_iv(*full, message.sealed, reading);
    if (auto status = read_keys(*full, message.sealed, reading); !status)
      return std::unexpected(status.error());
  }
  message.json = std::move(*full);
  return message;
}

JsonObject to_json(const SignedMessage& message) {
  const SealedMessage& sealed = message.sealed;
  const Envelope& envelope = sealed.envelope;
  JsonObject out;
  out.set("sender", envelope.sender.text());
  out.set("receiver", envelope.receiver.text());
  if (envelope.time > 0) out.set("time", envelope.time);
  for (const auto& [name, value] : message.json) {
    if (!is_own(name)) set_extra(out, name, value);
  }
  for (const auto& [name, value] : envelope.extra) {
    if (!is_own(name)) set_extra(out, name, value);
  }
  if (envelope.group) out.set("group", envelope.group->text());
  if (!sealed.plain && !sealed.iv.empty()) out.set("IV", to_base64(sealed.iv));
  out.set("data", sealed.plain ? to_text(sealed.data) : to_base64(sealed.data));
  if (sealed.key) out.set("key", to_base64(*sealed.key));
  if (!sealed.keys.empty()) {
    JsonObject keys;
    for (const auto& [id, bytes] : sealed.keys) keys.set(id, to_base64(bytes));
    out.set("keys", std::move(keys));
  }
  if (!envelope.type.empty()) out.set("type", envelope.type);
  out.set("signature", to_base64(message.signature));
  return out;
}

std::string write_message(const SignedMessage& message, JsonStyle style) {
  return write_json(to_json(message), style);
}

Digest32 message_hash(const SealedMessage& message) {
  const Envelope& envelope = message.envelope;
  const Id& target = envelope.group ? *envelope.group : envelope.receiver;
  Bytes input;
  input.reserve(message.data.size() + 192);
  append_field(input, as_bytes(envelope.sender.bare_text()));
  append_field(input, message.data);
  append_field(input, as_bytes(target.bare_text()));
  return sha256(input);
}

Digest32 message_hash(const SignedMessage& message) { return message_hash(message.sealed); }

}  // namespace dim
