// Metas: the key behind an ID, and how the ID follows from it.
#pragma once
#include <cstdint>
#include <string>

#include "dim/base/json.h"
#include "dim/identity/id.h"
#include "dim/identity/keys.h"

namespace dim {

enum class MetaType : std::uint8_t { mkm = 1, btc = 2, eth = 4 };

/// A valid meta: type, key, and for MKM a seed with the fingerprint sign(seed) that verified. Immutable.
class Meta {
 public:
  /// Errc::meta, Errc::key or Errc::signature when it does not hold (I09, I10, J15).
  static Result<Meta> parse(const JsonObject& object);
  static Meta make_mkm(const PrivateKey& key, std::string seed);
  static Result<Meta> make(MetaType type, const PublicKey& key);  ///< BTC or ETH

  MetaType type() const { return type_; }
  const PublicKey& key() const { return key_; }
  const std::string& seed() const { return seed_; }
  /// Errc::meta where the form has no address for that network (ETH: only USER in what we make; wire-2026.md 3.2).
  Result<Id> id(EntityType network) const;
  bool matches(const Id& id) const;
  /// As received or made, with the reference's twin fields (`type`, `version`) untouched.
  const JsonObject& json() const { return json_; }
  /// SHA-256 over type, key data, seed and fingerprint: what gets pinned (A02).
  Digest32 digest() const;

 private:
  Meta(MetaType type, PublicKey key) : type_(type), key_(std::move(key)) {}
  MetaType type_;
  PublicKey key_;
  std::string seed_;
  Bytes fingerprint_;
  JsonObject json_;
};

/// Twin fields of the reference, wire.md 2.1: `type` and `version` as integers on the way out.
JsonObject meta_for_wire(const JsonObject& meta);

}  // namespace dim
