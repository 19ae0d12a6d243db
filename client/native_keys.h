// The secrets of N1 that a home keeps of itself: the keys of this device and the secret halves of
// its prekeys (docs/protocol/native.md sections 2 and 3). All of it lives in the vault; nothing is
// kept in memory, so that each call joins the transaction it is called in.
#pragma once
#include <optional>
#include <vector>

#include "dim/native/prekeys.h"
#include "sqlite/vault.h"

namespace dim {

/// Errc::not_found where there are none yet.
Result<native::DeviceKeys> native_device_keys(Vault& vault);
/// Those that are there, and new ones where there are none.
Result<native::DeviceKeys> make_native_device_keys(Vault& vault, Random& random);
/// In place of those that are there, if any: of a device whose keys were made by another program.
Status put_native_device_keys(Vault& vault, const native::DeviceKeys& keys);

/// Nothing for a prekey that was never made here, or whose secret is gone.
Result<std::optional<native::PrekeySecret>> native_prekey(Vault& vault, native::PrekeyKind kind,
                                                          std::uint32_t id);
/// All of a kind, in the order of their ids: the last one is in use, those before were replaced.
Result<std::vector<native::PrekeySecret>> native_prekeys(Vault& vault, native::PrekeyKind kind);
Status put_native_prekey(Vault& vault, const native::PrekeySecret& secret);
Status forget_native_prekey(Vault& vault, native::PrekeyKind kind, std::uint32_t id);
/// Leaves the `most` one-time prekeys that were made last. True: there were more.
Result<bool> forget_oldest_one_time(Vault& vault, std::size_t most);

}  // namespace dim
