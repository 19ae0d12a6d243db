// The prekeys of this device: which of them its station is to have, and whose secrets are kept
// (docs/protocol/native.md sections 3 and 8). Values over the vault; client/messenger_prekeys.cc
// asks and brings.
#pragma once
#include <optional>
#include <string_view>

#include "client/native_keys.h"
#include "dim/identity/id.h"

namespace dim {

/// What a station says that it holds of one device.
struct HeldPrekeys {
  std::uint32_t signed_id = 0;  ///< of the signed prekey
  Millis time = 0;              ///< when that was made
  std::int64_t count = 0;       ///< one-time keys that are left
  std::uint32_t newest = 0;     ///< the highest id of a one-time key that it was ever brought

  /// Of the device with that terminal, out of the answer to GET of the own ID; nothing where that
  /// device has none there. Errc::bad_request for an answer of another form.
  static Result<std::optional<HeldPrekeys>> read(std::string_view answer,
                                                 std::string_view terminal);
};

/// What has to be done at the station, in this order.
struct PrekeyPlan {
  /// The one-time keys there are of a later self that this home does not know (it is a restored
  /// backup): nobody has their secrets.
  bool drop = false;
  std::optional<native::PrekeySet> bring{};
};

/// Of the device that `keys` are of, with its terminal in `device`. Secrets of what is new are in
/// the vault when this returns, and are brought again until a station has them: call it with what
/// the station says each time. A signed and a last-resort prekey each week and after a restored
/// backup, 100 one-time keys when less than 20 are left. Errc::bad_request for numbers that no
/// station can have of us.
Result<PrekeyPlan> plan_prekeys(Vault& vault, const native::DeviceKeys& keys, const Id& device,
                                const std::optional<HeldPrekeys>& held, Millis now, Random& random);
/// A station has taken what was to be brought, one-time keys up to this id: none of these is ever
/// brought again.
Status note_brought(Vault& vault, std::uint32_t newest);
/// The secrets of signed and last-resort prekeys that were replaced 30 days ago, and of the oldest
/// one-time keys beyond 10,000. True: there were some; Vault::scrub() wipes them from the log.
Result<bool> forget_replaced_prekeys(Vault& vault, const HeldPrekeys& held, Millis now);

}  // namespace dim
