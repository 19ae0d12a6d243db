#include "dim/engine/account.h"

#include <algorithm>

#include "dim/base/base64.h"

namespace dim {
namespace {

constexpr std::size_t kOldMessageKeys = 8;

JsonObject first_properties(const PrivateKey& message_key, JsonObject properties) {
  properties.set("key", message_key.public_key().json());
  properties.set("features", JsonArray{Json("bind")});
  properties.set("rev", 1);
  return properties;
}

Account assemble(Id id, Meta meta, PrivateKey identity_key, PrivateKey message_key,
                 JsonObject properties, Millis now) {
  Document visa = Document::make(id, "visa", first_properties(message_key, std::move(properties)),
                                 now, identity_key);
  std::vector<PrivateKey> message_keys;
  message_keys.push_back(std::move(message_key));
  return {std::move(id), std::move(meta), std::move(visa), std::move(identity_key),
          std::move(message_keys)};
}

}  // namespace

Result<Account> Account::make_user(std::string name, Millis now, Random& random) {
  PrivateKey identity_key = PrivateKey::generate_ec(random);
  auto meta = Meta::make(MetaType::eth, identity_key.public_key());
  if (!meta) return std::unexpected(meta.error());
  auto id = meta->id(EntityType::user);
  if (!id) return std::unexpected(id.error());
  auto message_key = PrivateKey::generate_rsa();
  if (!message_key) return std::unexpected(message_key.error());
  JsonObject properties;
  properties.set("name", std::move(name));
  return assemble(std::move(*id), std::move(*meta), std::move(identity_key),
                  std::move(*message_key), std::move(properties), now);
}

Result<Account> Account::make_station(std::string seed, JsonObject properties, Millis now,
                                      Random& random) {
  PrivateKey identity_key = PrivateKey::generate_ec(random);
  Meta meta = Meta::make_mkm(identity_key, std::move(seed));
  auto id = meta.id(EntityType::station);
  if (!id) return std::unexpected(id.error());
  auto message_key = PrivateKey::generate_rsa();
  if (!message_key) return std::unexpected(message_key.error());
  return assemble(std::move(*id), std::move(meta), std::move(identity_key), std::move(*message_key),
                  std::move(properties), now);
}

bool Account::holds_identity() const {
  return identity_key.public_key().data() == meta.key().data();
}

Id Account::device() const {
  return visa.terminal().empty() ? id.bare() : id.with_terminal(visa.terminal());
}

void continue_chain(JsonObject& properties, const Document& before) {
  constexpr std::size_t kPast = 8;
  const Json* rev = before.properties().find("rev");
  properties.set("rev", rev != nullptr && rev->integer() != nullptr ? *rev->integer() + 1 : 1);
  properties.set("prev", "sha256-" + to_base64(before.digest()));
  JsonArray past;
  if (const std::string* prev = before.properties().text("prev")) past.emplace_back(*prev);
  if (const Json* older = before.properties().find("past");
      older != nullptr && older->array() != nullptr) {
    for (const Json& hash : *older->array()) {
      if (past.size() < kPast) past.push_back(hash);
    }
  }
  properties.erase("past");
  if (!past.empty()) properties.set("past", std::move(past));
}

Status Account::update_visa(const JsonObject& properties, Millis now) {
  if (!holds_identity()) {
    return fail(Errc::forbidden,
                "this device is a linked one; the device that your identity was made on signs what "
                "it says of itself");
  }
  JsonObject all = visa.properties();
  for (const auto& [name, value] : properties) {
    if (value.is_null()) {
      all.erase(name);
    } else {
      all.set(name, value);
    }
  }
  for (const std::string_view name : {"type", "did", "time"}) all.erase(name);
  continue_chain(all, visa);
  // Peers order documents by time: the new one must be later whatever the clock says.
  const Millis time = std::max(now, visa.time().value_or(0) + 1);
  visa = Document::make(device(), "visa", std::move(all), time, identity_key);
  return {};
}

Status Account::renew_message_key(Millis now) {
  // Before a key is made for nothing; update_visa says why.
  if (!holds_identity()) return update_visa({}, now);
  auto message_key = PrivateKey::generate_rsa();
  if (!message_key) return std::unexpected(message_key.error());
  JsonObject properties;
  properties.set("key", message_key->public_key().json());
  if (auto status = update_visa(properties, now); !status) return status;
  message_keys.insert(message_keys.begin(), std::move(*message_key));
  while (message_keys.size() > kOldMessageKeys + 1) message_keys.pop_back();
  return {};
}

}  // namespace dim
