#include "server/gateway_copy.h"

#include <algorithm>
#include <array>

#include "dim/base/base64.h"
#include "dim/message/delivery.h"

namespace dim {
namespace {

constexpr std::array<std::string_view, 14> kKept = {
    "sender", "receiver", "time", "type",      "group", "IV", "iv",
    "data",   "key",      "keys", "signature", "SDT",   "GF", "GDT"};

bool is_kept(std::string_view name, bool attachments) {
  if (std::ranges::find(kKept, name) != kKept.end() || name == "GHT") return true;
  return attachments && (name == "meta" || name == "visa");
}

}  // namespace

JsonObject without_hints(const JsonObject& message, bool attachments) {
  JsonObject out;
  for (const auto& [name, value] : message) {
    if (is_kept(name, attachments)) out.append_new(name, value);
  }
  return out;
}

bool has_hints(const JsonObject& message) {
  return std::ranges::any_of(message,
                             [](const auto& member) { return !is_kept(member.first, true); });
}

std::string inbox_owner(const Id& user, std::string_view terminal) {
  if (terminal.empty()) return user.bare().text();
  return user.bare().text() + "/" + std::string(terminal);
}

std::string copy_for_device(const SignedMessage& message, const Id& device) {
  const SealedMessage& sealed = message.sealed;
  JsonObject copy = without_hints(message.json, true);
  if (!sealed.plain) {
    const Bytes* own = nullptr;
    for (const auto& [name, key] : sealed.keys) {
      const auto target = parse_target(name, device);
      if (target && target->same_entity(device) && target->terminal() == device.terminal()) {
        own = &key;
        break;
      }
    }
    if (own == nullptr && sealed.key) own = &*sealed.key;
    if (own == nullptr) own = key_for(sealed, device);
    if (own != nullptr && !(sealed.keys.empty() && device.terminal().empty())) {
      JsonObject keys;
      keys.set(device.text(), to_base64(*own));
      copy.set("keys", std::move(keys));
    }
  }
  if (!device.terminal().empty()) copy.set("rcpt", device.text());
  // Set at the border where the sender's session has a terminal; see Gateway::relay.
  if (const std::string* from = message.json.text("from")) copy.set("from", *from);
  return write_json(copy, JsonStyle::reference);
}

bool is_own_copy(const SignedMessage& message) {
  const SealedMessage& sealed = message.sealed;
  if (sealed.plain || sealed.keys.empty()) return true;
  const Json* keys = message.json.find("keys");
  if (keys == nullptr || keys->object() == nullptr || keys->object()->size() != 1) return false;
  const auto& [name, value] = *keys->object()->begin();
  return name == sealed.envelope.receiver.text() && value.text() != nullptr &&
         *value.text() == to_base64(sealed.keys.front().second);
}

std::vector<std::string> owners_with_key(const SealedMessage& message,
                                         const std::vector<std::string>& owners) {
  if (message.plain || message.key || message.keys.empty() || owners.size() < 2) return owners;
  std::vector<std::string> out;
  for (const std::string& owner : owners) {
    const auto device = Id::parse(owner);
    if (!device) continue;
    const bool named = std::ranges::any_of(message.keys, [&](const MessageKey& key) {
      const auto target = parse_target(key.first, *device);
      return target && target->same_entity(*device) && target->terminal() == device->terminal();
    });
    if (named) out.push_back(owner);
  }
  return out.empty() ? owners : out;
}

Guid guid_of(const SignedMessage& message, std::string_view place) {
  const Digest32 hash = message_hash(message);
  Bytes input;
  append_field(input, as_bytes("dimchat message"));
  append_field(input, hash);
  append_field(input, as_bytes(message.sealed.envelope.receiver.bare().text()));
  if (!place.empty()) append_field(input, as_bytes(place));
  const Digest32 digest = sha256(input);
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x80);  // version 8: made from a hash
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  return *Guid::from_bytes(bytes);
}

bool is_name_of_bytes(const Guid& guid) { return guid.bytes()[6] >> 4 == 8; }

}  // namespace dim
