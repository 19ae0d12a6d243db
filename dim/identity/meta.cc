#include "dim/identity/meta.h"

#include <array>
#include <optional>

#include "dim/base/base64.h"
#include "dim/identity/name.h"
#include "dim/identity/ted.h"

namespace dim {
namespace {

struct TypeNames {
  MetaType type;
  std::array<std::string_view, 3> names;
};
constexpr std::array<TypeNames, 3> kTypes = {{{MetaType::mkm, {"1", "MKM", "mkm"}},
                                              {MetaType::btc, {"2", "BTC", "btc"}},
                                              {MetaType::eth, {"4", "ETH", "eth"}}}};

std::optional<MetaType> read_type(const Json* value) {
  if (value == nullptr) return std::nullopt;
  std::string text;
  if (value->text() != nullptr) text = *value->text();
  if (value->integer() != nullptr) text = std::to_string(*value->integer());
  for (const TypeNames& entry : kTypes) {
    for (const std::string_view name : entry.names) {
      if (text == name) return entry.type;
    }
  }
  return std::nullopt;
}

std::string type_number(MetaType type) { return std::to_string(static_cast<int>(type)); }

}  // namespace

Result<Meta> Meta::parse(const JsonObject& object, Reading reading) {
  const std::optional<MetaType> type = read_type(object.find("type"));
  if (!type) return fail(Errc::bad_request, "unknown type of a meta; 1, 2 or 4 is right");
  if (const Json* version = object.find("version");
      version != nullptr && reading == Reading::strict) {
    if (read_type(version) != type) return fail(Errc::meta, "type and version of a meta disagree");
  }
  const Json* key_object = object.find("key");
  if (key_object == nullptr || key_object->object() == nullptr)
    return fail(Errc::meta, "a meta needs its key");
  auto key = PublicKey::parse(*key_object->object());
  if (!key) return std::unexpected(key.error());

  Meta meta(*type, std::move(*key));
  meta.json_ = object;
  if (*type != MetaType::mkm) {
    if (object.contains("seed") || object.contains("fingerprint")) {
      return fail(Errc::meta, "a meta of type BTC or ETH has no seed and no fingerprint");
    }
    return meta;
  }
  const std::string* seed = object.text("seed");
  const Json* fingerprint = object.find("fingerprint");
  if (seed == nullptr || seed->empty() || fingerprint == nullptr) {
    return fail(Errc::meta, "a meta of type MKM needs seed and fingerprint");
  }
  if (reading == Reading::strict && !check_name(*seed))
    return fail(Errc::meta, "the seed of a meta must be a name");
  auto signature = read_data(*fingerprint, reading);
  if (!signature) return fail(Errc::meta, "the fingerprint of a meta must be base64");
  if (!meta.key_.verify(as_bytes(*seed), *signature)) {
    return fail(Errc::signature, "the fingerprint of the meta is not a signature of its seed");
  }
  meta.seed_ = *seed;
  meta.fingerprint_ = std::move(*signature);
  return meta;
}

Meta Meta::make_mkm(const PrivateKey& key, std::string seed) {
  Meta meta(MetaType::mkm, key.public_key());
  meta.fingerprint_ = key.sign(as_bytes(seed));
  meta.seed_ = std::move(seed);
  meta.json_.set("type", type_number(MetaType::mkm));
  meta.json_.set("key", meta.key_.json());
  meta.json_.set("seed", meta.seed_);
  meta.json_.set("fingerprint", to_base64(meta.fingerprint_));
  return meta;
}

Result<Meta> Meta::make(MetaType type, const PublicKey& key) {
  if (type == MetaType::mkm)
    return fail(Errc::meta, "a meta of type MKM needs the private key: make_mkm");
  if (type == MetaType::eth && !key.is_ec())
    return fail(Errc::meta, "a meta of type ETH needs an ECC key");
  Meta meta(type, key);
  meta.json_.set("type", type_number(type));
  meta.json_.set("key", key.json());
  return meta;
}

Result<WireAddress> Meta::address(std::uint8_t network) const {
  if (type_ != MetaType::eth) {
    const Bytes data = type_ == MetaType::mkm ? fingerprint_ : key_.data();
    return WireAddress{
        .kind = AddressKind::btc, .network = network, .text = btc_address(network, data)};
  }
  const Bytes point = key_.data();
  if (network != 0 || !key_.is_ec() || point.size() != 65) {
    return fail(Errc::meta, "a meta of type ETH makes user IDs only, from an uncompressed ECC key");
  }
  return WireAddress{.kind = AddressKind::eth,
                     .network = 0,
                     .text = Address::eth(ByteView(point).subspan(1)).text()};
}

Result<Id> Meta::id(EntityType network) const {
  if (is_broadcast(network)) return fail(Errc::meta, "no meta makes a broadcast ID");
  const auto wire = address(static_cast<std::uint8_t>(network));
  if (!wire) return std::unexpected(wire.error());
  auto parsed = Address::parse(wire->text);
  if (!parsed) return std::unexpected(parsed.error());
  return Id(seed_, std::move(*parsed));
}

Result<Id> Meta::id(EntityType network, const AddressTable& table) const {
  for (const auto& form : table.forms()) {
    const auto text = form->make(*this, static_cast<std::uint8_t>(network));
    if (!text) continue;
    auto address = Address::parse(*text, table);
    if (!address) return std::unexpected(address.error());
    return Id(seed_, std::move(*address));
  }
  return id(network);
}

bool Meta::matches(const Id& id) const {
  if (id.is_broadcast() || id.name() != seed_) return false;
  if (const AddressForm* form = id.address().form()) {
    return form->make(*this, id.address().network_byte()) == id.address().text();
  }
  const auto wire = address(id.address().network_byte());
  return wire && wire->text == id.address().text();
}

bool Meta::matches(const WireId& id) const {
  if (id.address.kind == AddressKind::broadcast || id.name.value_or("") != seed_) return false;
  const auto wire = address(id.address.network);
  return wire && wire->text == id.address.text;
}

Digest32 Meta::digest() const {
  Bytes input;
  append_field(input, Bytes{static_cast<std::uint8_t>(type_)});
  append_field(input, key_.data());
  append_field(input, as_bytes(seed_));
  append_field(input, fingerprint_);
  return sha256(input);
}

JsonObject meta_for_wire(const JsonObject& meta) {
  JsonObject out = meta;
  const Json* value = meta.find("type");
  if (value == nullptr) value = meta.find("version");
  const std::optional<MetaType> type = read_type(value);
  if (!type) return out;
  if (const std::string* name = value->text();
      name != nullptr && name->size() > 2 && !meta.contains("algorithm")) {
    out.set("algorithm", *name);
  }
  out.set("type", static_cast<int>(*type));
  out.set("version", static_cast<int>(*type));
  return out;
}

}  // namespace dim
