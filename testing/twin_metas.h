// Two metas of one ID: what A02 and J15 are about. Included by tests only.
#pragma once
#include <string_view>

#include "dim/identity/document.h"
#include "dim/identity/meta.h"

namespace dim::testing {

// Two keys under which one fingerprint verifies for the seed "twins": their signatures of it had
// opposite nonces. Whoever has one could compute the public half of the other (A02, J15).
inline constexpr std::string_view kTwinSeed = "twins";
inline constexpr std::string_view kTwinFingerprint =
    "MEUCIQDBXo8MvdeOK7kJdS2lezTckIr0W+vLT2mrdT8323m7EAIgWSpAKS3gmZBu/b4dV/uz60O+xP95Gc8RMVKtskbV"
    "cOI=";
inline constexpr std::string_view kFirstTwin =
    "f641a82c4897e6c1b584fe722560f4ba19aeaf78be3b5bb2bdf0aca954897148";
inline constexpr std::string_view kSecondTwin =
    "636a4f94394b7fa1409b917c161c328f1f512e484c6c32d7c1f042e72f708f79";

struct Twin {
  PrivateKey key;
  Meta meta;
  Id id;
};

inline Twin make_twin(std::string_view scalar, EntityType type = EntityType::user) {
  JsonObject object;
  object.set("algorithm", "ECC");
  object.set("data", scalar);
  PrivateKey key = PrivateKey::parse(object).value();
  JsonObject meta;
  meta.set("type", 1);
  meta.set("seed", kTwinSeed);
  meta.set("fingerprint", kTwinFingerprint);
  meta.set("key", key.public_key().json());
  Meta parsed = Meta::parse(meta).value();
  Id id = parsed.id(type).value();
  return {std::move(key), std::move(parsed), std::move(id)};
}

}  // namespace dim::testing
