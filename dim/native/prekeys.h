// Prekeys: what a device leaves at its station so that others can begin a session while it is away.
// All are signed with the device's Ed25519 key, context "dim/2023 n1 prekey", over kind, device,
// id, time and key.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dim/native/device_keys.h"

namespace dim::native {

enum class PrekeyKind : std::uint8_t {
  signed_prekey = 1,  ///< one at a time, a new one each week
  one_time = 2,       ///< given out once
  last_resort = 3     ///< given out while there is no one-time key
};

/// A signed prekey, and of the same form a last-resort prekey.
struct SignedPrekey {
  std::uint32_t id = 0;  ///< of the device's own counting
  Key32 key{};           ///< X25519
  Millis time = 0;       ///< when it was made
  Signature64 signature{};

  /// {"id":7,"key":base64,"time":"2026-11-26T22:00:00.000Z","signature":base64}. Errc::bad_request.
  static Result<SignedPrekey> parse(const Json& value);
  JsonObject json() const;
  bool operator==(const SignedPrekey&) const = default;
};

struct OneTimePrekey {
  std::uint32_t id = 0;
  Key32 key{};
  Signature64 signature{};

  /// {"id":8,"key":base64,"signature":base64}. Errc::bad_request.
  static Result<OneTimePrekey> parse(const Json& value);
  JsonObject json() const;
  bool operator==(const OneTimePrekey&) const = default;
};

/// What a device uploads.
struct PrekeySet {
  SignedPrekey signed_prekey{};
  SignedPrekey last_resort{};
  std::vector<OneTimePrekey> one_time{};  ///< these are added to those that the station holds

  /// {"v":1,"signed":{..},"last":{..},"once":[..]}; `once` may be missing. Errc::bad_request for
  /// another form, for an id that stands twice, for ones of another edition; Errc::too_large beyond
  /// 100 one-time keys.
  static Result<PrekeySet> parse(const JsonObject& object);
  JsonObject json() const;
  /// Errc::signature when one of them was not signed by this device (`device` with its terminal).
  Status verify(const Id& device, const DevicePublic& keys) const;
  bool operator==(const PrekeySet&) const = default;
};

/// What a station gives out of one device: its signed prekey and one more, a one-time key or the
/// last-resort key.
struct PrekeyBundle {
  std::string terminal{};  ///< of the device; empty for a device without one
  SignedPrekey signed_prekey{};
  std::optional<OneTimePrekey> one_time{};
  std::optional<SignedPrekey> last_resort{};  ///< only where there is no `one_time`

  /// {"v":1,"device":"phone","signed":{..},"once":{..}}, or `last` in place of `once`, or neither;
  /// `device` may be missing. Errc::bad_request otherwise, also for both.
  static Result<PrekeyBundle> parse(const JsonObject& object);
  JsonObject json() const;
  /// `user` with any terminal; Errc::signature.
  Status verify(const Id& user, const DevicePublic& keys) const;
  /// Errc::native for one that a station must not hand out any more: a signed or last-resort prekey
  /// older than kOldestPrekeyMs or from the future, or neither a one-time nor a last-resort key.
  Status check_age(Millis now) const;
  bool operator==(const PrekeyBundle&) const = default;
};

/// The secret half of any of them, as the home keeps it. Of a one-time key it is deleted in the
/// transaction in which the frame that used it was opened; of a signed prekey and a last-resort key
/// kReplacedPrekeyMs after there is a new one.
struct PrekeySecret {
  PrekeyKind kind;
  std::uint32_t id;
  AgreementKey key;
  Millis time;  ///< when it was made

  static PrekeySecret generate(PrekeyKind kind, std::uint32_t id, Millis now, Random& random);
  /// 46 bytes: version, kind, id, time, secret.
  Secret write() const;
  /// Errc::native for bytes that are none.
  static Result<PrekeySecret> read(ByteView bytes);

  /// The public half, signed, for the upload; the same each time. Of kind signed_prekey or
  /// last_resort.
  SignedPrekey sign(const DeviceKeys& keys, const Id& device) const;
  /// Of kind one_time.
  OneTimePrekey sign_one_time(const DeviceKeys& keys, const Id& device) const;
};

}  // namespace dim::native
