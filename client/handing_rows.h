// What is handed over to others in private hubs (F23), as rows of the home: hub_handing.h makes
// them.
#pragma once
#include <string>
#include <string_view>

#include "client/home.h"
#include "dim/engine/hub_roster.h"

namespace dim {

/// Of whom are owed keys, one for each hub and person.
inline constexpr std::string_view kHandingRows = "handing";
/// Notes of keys for hubs whose founder this home does not know yet, whole: `{"by", "note"}`.
inline constexpr std::string_view kEarlyKeys = "early keys";

/// Somebody does not belong to the hub any more: nothing is owed to them, and no page for them
/// waits.
Status forget_pages_for(Vault& vault, const std::string& hub, const std::string& who);
/// Takes of the early notes for the hub of `roster` what is by its founder, and drops the others.
Status take_early_keys(Home& home, const Roster& roster);
/// A page for `who` could not be sealed or sent: it is handed over anew, from the beginning, not
/// before `later` (ms).
Status owe_handing_later(Vault& vault, const std::string& hub, const std::string& who,
                         Millis later);
/// Nothing is owed, and no page waits to be sent.
Result<bool> handed_all(Vault& vault);

}  // namespace dim
