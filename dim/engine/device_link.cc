#include "dim/engine/device_link.h"

#include <algorithm>

#include "dim/base/base64.h"
#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::string_view kRequest = "dim-device-request:";
constexpr std::string_view kGrant = "dim-device-grant:";
constexpr std::string_view kContext{"dim/2023 device 1\0", 18};
constexpr std::string_view kNativeContext{"dim/2023 device 2\0", 18};
constexpr std::size_t kTextBytes = 32 * limits::kKiB;
constexpr std::size_t kNameBytes = 32;

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytes && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

/// No part can be taken for another: a name has no byte 0, and the key hash 32 bytes.
Bytes signing_input(std::string_view name, const PublicKey& key,
                    const std::optional<native::DevicePublic>& native) {
  std::string out(native ? kNativeContext : kContext);
  out.append(name).push_back('\0');
  if (native) out.append(to_text(native->hash()));
  out.append(to_text(key.data()));
  return to_bytes(out);
}

Result<JsonObject> unpack(std::string_view text, std::string_view prefix, const Error& wrong) {
  if (!text.starts_with(prefix) || text.size() > kTextBytes) return std::unexpected(wrong);
  auto bytes = from_base64url(text.substr(prefix.size()));
  if (!bytes) return std::unexpected(wrong);
  auto object = parse_json_object(to_text(*bytes));
  if (!object) return std::unexpected(wrong);
  return object;
}

const JsonObject* object_in(const JsonObject& object, std::string_view name) {
  const Json* value = object.find(name);
  return value != nullptr ? value->object() : nullptr;
}

constexpr Literal kNoRequest =
    "this is not what a new device shows; it begins with dim-device-request:";
constexpr Literal kNoGrant =
    "this is not what the other device has answered; it begins with dim-device-grant:";

/// Of one device: signed by the identity, behind the visa before.
Result<Document> next_visa(const Account& owner, const std::string& terminal, JsonObject properties,
                           const Document* before, Millis now) {
  if (!owner.holds_identity()) {
    return fail(Errc::forbidden,
                "this device is a linked one; devices are added and removed on the one that your "
                "identity was made on");
  }
  const std::string name = owner.visa.name();
  if (!name.empty()) properties.set("name", name);
  properties.set("features", JsonArray{Json("bind")});
  properties.set("rev", 1);
  if (before != nullptr) continue_chain(properties, *before);
  const Millis time = before != nullptr ? std::max(now, before->time().value_or(0) + 1) : now;
  return Document::make(owner.id.bare().with_terminal(terminal), "visa", std::move(properties),
                        time, owner.identity_key);
}

}  // namespace

Result<std::string> DeviceRequest::make(std::string_view name, const PrivateKey& key,
                                        const std::optional<native::DevicePublic>& native) {
  if (!is_name(name))
    return fail(Errc::usage, "a device is called by 1 to 32 of A-Z a-z 0-9 . _ -");
  const PublicKey shown = key.public_key();
  if (!shown.can_encrypt()) return fail(Errc::key, "the key of a device is one of RSA");
  JsonObject object;
  object.set("name", name);
  object.set("key", shown.json());
  if (native) object.set("n1", native->json());
  object.set("signature", to_base64(key.sign(signing_input(name, shown, native))));
  return std::string(kRequest) + to_base64url(as_bytes(write_json(object)));
}

Result<DeviceRequest> DeviceRequest::parse(std::string_view text) {
  const Error wrong{Errc::usage, kNoRequest.view};
  const auto object = unpack(text, kRequest, wrong);
  if (!object) return std::unexpected(object.error());
  const std::string* name = object->text("name");
  const std::string* signature = object->text("signature");
  const JsonObject* key = object_in(*object, "key");
  if (name == nullptr || !is_name(*name) || signature == nullptr || key == nullptr)
    return std::unexpected(wrong);
  auto parsed = PublicKey::parse(*key);
  if (!parsed) return std::unexpected(parsed.error());
  if (!parsed->can_encrypt()) return fail(Errc::key, "the key of a device is one of RSA");
  std::optional<native::DevicePublic> native;
  if (const Json* property = object->find("n1")) {
    auto keys = native::DevicePublic::parse(*property);
    if (!keys) return std::unexpected(keys.error());
    native = std::move(*keys);
  }
  const auto bytes = from_base64(*signature);
  // Nobody gets a visa for the key of somebody else.
  if (!bytes || !parsed->verify(signing_input(*name, *parsed, native), *bytes))
    return fail(Errc::signature, "the new device has not signed this itself");
  return DeviceRequest{*name, std::move(*parsed), std::move(native)};
}

std::string DeviceRequest::number() const {
  const std::string hex = to_hex(sha256(signing_input(name, key, native)));
  return hex.substr(0, 4) + " " + hex.substr(4, 4) + " " + hex.substr(8, 4) + " " +
         hex.substr(12, 4);
}

std::string DeviceGrant::text() const {
  JsonObject object;
  object.set("id", id.text());
  object.set("meta", meta.json());
  object.set("visa", visa.json());
  object.set("station", station);
  return std::string(kGrant) + to_base64url(as_bytes(write_json(object)));
}

Result<DeviceGrant> DeviceGrant::parse(std::string_view text) {
  const Error wrong{Errc::usage, kNoGrant.view};
  const auto object = unpack(text, kGrant, wrong);
  if (!object) return std::unexpected(object.error());
  const std::string* id_text = object->text("id");
  const std::string* station = object->text("station");
  const JsonObject* meta_json = object_in(*object, "meta");
  const JsonObject* visa_json = object_in(*object, "visa");
  if (id_text == nullptr || station == nullptr || meta_json == nullptr || visa_json == nullptr)
    return std::unexpected(wrong);
  auto id = Id::parse(*id_text);
  if (!id) return std::unexpected(id.error());
  auto meta = Meta::parse(*meta_json);
  if (!meta) return std::unexpected(meta.error());
  auto visa = Document::parse(*visa_json, id->bare(), *meta);
  if (!visa) return std::unexpected(visa.error());
  return DeviceGrant{id->bare(), std::move(*meta), std::move(*visa), *station};
}

Result<Document> visa_for(const Account& owner, const DeviceRequest& request,
                          const Document* before, Millis now) {
  if (before != nullptr && !is_removed(*before)) {
    return fail(Errc::conflict,
                "a device of yours has this name; call the new one otherwise, or remove the old "
                "one first");
  }
  JsonObject properties;
  properties.set("key", request.key.json());
  if (request.native) properties.set("n1", request.native->json());
  return next_visa(owner, request.name, std::move(properties), before, now);
}

Result<Document> visa_again(const Account& owner, const Document& before, Millis now,
                            const std::optional<native::DevicePublic>& native) {
  JsonObject properties;
  const Json* key = before.properties().find("key");
  if (key == nullptr) return fail(Errc::not_found, "a visa without a key is not signed anew");
  properties.set("key", *key);
  const Json* named = before.properties().find("n1");
  if (native) {
    properties.set("n1", native->json());
  } else if (named != nullptr) {
    properties.set("n1", *named);
  }
  return next_visa(owner, before.terminal(), std::move(properties), &before, now);
}

bool is_removed(const Document& visa) {
  const Json* removed = visa.properties().find("removed");
  return removed != nullptr && removed->boolean() != nullptr && *removed->boolean();
}

Result<Document> visa_without(const Account& owner, const Document& before, Millis now) {
  JsonObject properties;
  properties.set("removed", true);
  return next_visa(owner, before.terminal(), std::move(properties), &before, now);
}

Result<Account> linked_account(DeviceGrant grant, const PrivateKey& key,
                               const std::optional<native::DevicePublic>& native) {
  const auto shown = grant.visa.message_key();
  const auto named = native::device_of(grant.visa);
  if (!shown || shown->data() != key.public_key().data() || grant.visa.terminal().empty() ||
      !named || *named != native)
    return fail(Errc::key, "this answer is for another device; the request was made anew since");
  const auto copy = [&key]() -> Result<PrivateKey> {
    auto object = parse_json_object(as_text(key.json().view()));
    if (!object) return std::unexpected(object.error());
    auto parsed = PrivateKey::parse(*object);
    if (Json* data = object->find("data"); data != nullptr && data->text() != nullptr)
      wipe(*data->text());
    return parsed;
  };
  auto signing = copy(), reading = copy();
  if (!signing || !reading) return fail(Errc::internal, "the key of this device cannot be copied");
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(std::move(*reading));
  return Account{std::move(grant.id), std::move(grant.meta), std::move(grant.visa),
                 std::move(*signing), std::move(message_keys)};
}

}  // namespace dim
