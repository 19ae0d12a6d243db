#include "dim/engine/key_times.h"

#include <algorithm>

namespace dim {
namespace {

Millis time_of(const Account& account, const KeyTimes& times, std::size_t index) {
  return index < times.size() ? times[index] : account.visa.time().value_or(0);
}

}  // namespace

bool is_message_key_due(const Account& account, const KeyTimes& times, Millis now) {
  return account.holds_identity() && now - time_of(account, times, 0) >= kMessageKeyLife;
}

Status renew_message_key(Account& account, KeyTimes& times, Millis now) {
  // Before the visa is another one.
  KeyTimes renewed = {now};
  for (std::size_t i = 0; i < account.message_keys.size(); ++i)
    renewed.push_back(time_of(account, times, i));
  if (auto status = account.renew_message_key(now); !status) return status;
  renewed.resize(account.message_keys.size());
  times = std::move(renewed);
  return {};
}

bool forget_message_keys(Account& account, KeyTimes& times, Millis now) {
  for (std::size_t i = 1; i < account.message_keys.size(); ++i) {
    if (now - time_of(account, times, i - 1) <= kOldMessageKeyLife) continue;
    account.message_keys.erase(account.message_keys.begin() + static_cast<std::ptrdiff_t>(i),
                               account.message_keys.end());
    times.resize(std::min(times.size(), i));
    return true;
  }
  return false;
}

}  // namespace dim
