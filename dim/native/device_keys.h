// The keys of one device: Ed25519 to sign, X25519 to agree, made apart and never converted. The
// public half stands in the device's visa, property `n1`, and so under the signature of the
// identity.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/crypto/curve25519.h"
#include "dim/identity/document.h"

namespace dim::native {

struct DevicePublic {
  Key32 sig{};  ///< Ed25519
  Key32 dh{};   ///< X25519
  std::vector<std::string> features{};

  /// {"v":1,"sig":base64,"dh":base64,"features":["n1"]}; other members are left out. `features`: at
  /// most 16, each 1 to 32 of a-z 0-9 . _ -. Errc::native otherwise: a device that says something
  /// of N1 which we cannot read is no device without N1.
  static Result<DevicePublic> parse(const Json& property);
  JsonObject json() const;
  bool offers(std::string_view feature) const;
  /// SHA-256 of both keys under a context: what associated data and signed bytes name the device's
  /// keys by (A03).
  Digest32 hash() const;
  bool operator==(const DevicePublic&) const = default;
};

/// The property `n1` of a visa; nothing where there is none. Errc::native as DevicePublic::parse.
Result<std::optional<DevicePublic>> device_of(const Document& visa);

struct DeviceKeys {
  SigningKey sig;
  AgreementKey dh;

  static DeviceKeys generate(Random& random);
  /// What the home keeps; secret. 65 bytes: version, seed, X25519 secret.
  Secret write() const;
  /// Errc::native for bytes that are none.
  static Result<DeviceKeys> read(ByteView bytes);
  /// Features: "n1".
  DevicePublic public_half() const;
};

}  // namespace dim::native
