// An account of a dimchat reference client (dimples), out of its file database of 2025 or 2026,
// where private keys lie unencrypted.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/time.h"
#include "dim/engine/account.h"

namespace dim {

struct DimplesAccount {
  Account account;
  std::vector<Id> contacts{};
};

/// The account in `root` (with private/ADDRESS/secret.js and secret_keys.js, public/ADDRESS/meta.js
/// and documents.js, private/ADDRESS/contacts.js) whose ID or address is `which`; where that is
/// empty, the only one. Its keys must be those of its meta, and the meta must make the address.
/// Old message keys stay for reading; a new one of 2048 bits is made, and the visa that says so.
/// Errc::not_found without an account; Errc::usage for several; Errc::key, ::meta, ::json for what
/// does not hold.
Result<DimplesAccount> account_from_dimples(const std::string& root, std::string_view which,
                                            Millis now);

}  // namespace dim
