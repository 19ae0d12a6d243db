// One's own keys. The only holder of private keys; moved, never copied.
#pragma once
#include <vector>

#include "dim/identity/document.h"
#include "dim/identity/keys.h"
#include "dim/identity/meta.h"

namespace dim {

struct Account {
  Id id;
  Meta meta;
  Document visa;
  /// Signs. The key of the meta; on a linked device (device_link.h) the device's own.
  PrivateKey identity_key;
  std::vector<PrivateKey> message_keys;  ///< newest first; old ones stay a year for reading

  /// ETH type, secp256k1 identity, RSA-2048 visa key. `name` is for people and not part of the ID.
  /// The visa promises "features": ["bind"] (A08).
  static Result<Account> make_user(std::string name, Millis now, Random& random);
  /// MKM type with network STATION and the seed as name; the visa holds `host`, `port` and `tls`
  /// pins.
  static Result<Account> make_station(std::string seed, JsonObject properties, Millis now,
                                      Random& random);

  /// True where the key of the meta is. Only there documents are signed, groups changed, devices
  /// added and removed.
  bool holds_identity() const;
  /// The ID, with the terminal of the visa where it has one.
  Id device() const;

  /// A new visa with `properties` in place of those of the old one that have the same name (null
  /// takes one away); `rev`, `prev` and `past` continue its chain (A04). The message key stays.
  /// Errc::forbidden where !holds_identity().
  Status update_visa(const JsonObject& properties, Millis now);
  /// A new RSA-2048 message key and the visa that says so; every 90 days. Older private keys are
  /// kept for reading, eight of them at most. Errc::forbidden where !holds_identity().
  Status renew_message_key(Millis now);
};

/// What a visa of that device says so that readers can follow its chain (I13): `rev`, `prev`, and
/// in `past` up to eight before that one, for readers who have missed some.
void continue_chain(JsonObject& properties, const Document& before);

}  // namespace dim
