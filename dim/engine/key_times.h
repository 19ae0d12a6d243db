// How old one's own message keys are: when they have to be renewed, and when old ones are wiped.
#pragma once
#include <vector>

#include "dim/base/time.h"
#include "dim/engine/account.h"

namespace dim {

inline constexpr Millis kMessageKeyLife = Millis{90} * 86'400'000;      ///< then a new one is made
inline constexpr Millis kOldMessageKeyLife = Millis{365} * 86'400'000;  ///< from its replacement on

/// Since when each of Account::message_keys has been the newest, in their order. Of keys behind the
/// end it is not known: the time of the visa counts for them.
using KeyTimes = std::vector<Millis>;

/// True 90 days after the newest message key was made, where !holds_identity() never: there the
/// key is also the one that signs, and stays as long as the device is its owner's.
bool is_message_key_due(const Account& account, const KeyTimes& times, Millis now);
/// Account::renew_message_key(), and notes the time.
Status renew_message_key(Account& account, KeyTimes& times, Millis now);
/// Wipes the message keys that were replaced more than a year ago. True: there were some.
bool forget_message_keys(Account& account, KeyTimes& times, Millis now);

}  // namespace dim
