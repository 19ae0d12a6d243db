// What a person's program signs about a message of a channel, a channel or a hub that was
// destroyed: that nothing of it is left in its home (docs/protocol/hubs.md section 7). It is their
// word, and no more; what it says can be held against them.
#pragma once
#include <string>

#include "dim/base/time.h"
#include "dim/engine/account.h"
#include "dim/packet/guid.h"

namespace dim {

struct Erasure {
  std::string erased{};   ///< GUID of a message or channel, ID of a hub
  std::string channel{};  ///< where the message stood; of a channel or hub: itself
  std::string who{};      ///< user ID without terminal
  Millis time = 0;
};

/// What is signed.
Bytes erasure_signing_input(const Erasure& erasure);
/// `{"erased", "channel", "who", "time", "signature"}`, by the account's identity key.
JsonObject sign_erasure(const Account& account, std::string_view channel, std::string_view erased,
                        Millis now);
/// Only its form. Errc::bad_request when it is no receipt.
Result<Erasure> read_erasure(const JsonObject& receipt);
/// Errc::signature when the key of `meta` has not signed it, or `meta` is somebody else's.
Status check_erasure(const JsonObject& receipt, const Meta& meta);

}  // namespace dim
