// Metas: the key behind an ID, and how the ID follows from it.
#pragma once
#include <cstdint>
#include <string>

#include "dim/base/json.h"
#include "dim/identity/id.h"
#include "dim/identity/keys.h"

namespace dim {

enum class MetaType : std::uint8_t { mkm = 1, btc = 2, eth = 4 };

/// A valid meta: type, key, and for MKM a seed with the fingerprint sign(seed) that verified.
/// Immutable.
class Meta {
 public:
  /// `type`: 1, "1", "MKM", "mkm"; 2, "2", "BTC", "btc"; 4, "4", "ETH", "eth". Errc::bad_request
  /// for another type or key algorithm; Errc::meta, Errc::key or Errc::signature when it does not
  /// hold (I09, I10, J15). Reading::codec takes any seed, and junk inside the base64 of the
  /// fingerprint.
  static Result<Meta> parse(const JsonObject& object, Reading reading = Reading::strict);
  /// `seed` becomes the name of the IDs and must be one (name.h).
  static Meta make_mkm(const PrivateKey& key, std::string seed);
  static Result<Meta> make(MetaType type,
                           const PublicKey& key);  ///< BTC or ETH; Errc::meta otherwise

  MetaType type() const { return type_; }
  const PublicKey& key() const { return key_; }
  const std::string& seed() const { return seed_; }
  /// Errc::meta where the form has no address for that network (ETH: only USER in what we make;
  /// wire-2026.md 3.2).
  Result<Id> id(EntityType network) const;
  /// With the first added form that makes an address of this meta; else as above.
  Result<Id> id(EntityType network, const AddressTable& table) const;
  /// The same for any network byte, as text.
  Result<WireAddress> address(std::uint8_t network) const;
  /// True when the ID follows from this meta: same name, same address.
  bool matches(const Id& id) const;
  /// As the reference compares: by exact text, so that an ETH address in lower case does not match.
  bool matches(const WireId& id) const;
  /// As received or made, with the reference's twin fields (`type`, `version`) untouched.
  const JsonObject& json() const { return json_; }
  /// SHA-256 over type (one byte), key data, seed and fingerprint, each behind its length: what
  /// gets pinned (A02).
  Digest32 digest() const;

 private:
  Meta(MetaType type, PublicKey key) : type_(type), key_(std::move(key)) {}
  MetaType type_;
  PublicKey key_;
  std::string seed_;
  Bytes fingerprint_;
  JsonObject json_;
};

/// Twin fields of the reference, wire.md 2.1, needed on the way out and in: `type` and `version`
/// both as integers, a type that was a name kept in `algorithm`. What is no meta comes back as it
/// is.
JsonObject meta_for_wire(const JsonObject& meta);

}  // namespace dim
