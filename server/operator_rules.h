// What the operator has set while the station runs: bans, disabled users, frozen hubs, quotas, who
// may come for the first time. A value made of the store's settings (dim/store/operator.h), without
// I/O.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "dim/store/operator.h"
#include "server/hub_quotas.h"
#include "server/neighbour.h"
#include "server/registration.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kOperatorBans = 10'000;  // each is looked at when somebody connects
}  // namespace limits

/// An act that lasts: a ban, a disabled user, a frozen hub.
struct OperatorAct {
  std::string by{};      ///< "operator:UID"
  std::string reason{};  ///< one line
  Millis time = 0;
  Millis until = 0;  ///< 0: until it is taken back

  bool holds(Millis now) const { return until == 0 || now < until; }
  std::string text() const;  ///< JSON, as the store keeps it
  static Result<OperatorAct> parse(std::string_view text);
};

struct OperatorBan {
  OperatorAct act;
  std::optional<AddressPrefix> network{};  ///< nothing: the key is the ID of a user
};

/// Some of HubQuotas, by name.
using QuotaChanges = std::map<std::string, std::int64_t, std::less<>>;

/// Names of the quotas of a hub, and of a user.
inline constexpr std::string_view kHubQuotaNames[] = {"messages", "bytes", "members", "channels"};
inline constexpr std::string_view kUserQuotaNames[] = {"hubs"};
/// Errc::bad_request for an unknown name, or a value that this quota cannot have.
Status check_quota(std::string_view name, std::int64_t value);
JsonObject quotas_json(const QuotaChanges& changes);

class OperatorRules {
 public:
  /// Errc::internal for a setting that none of ours is.
  static Result<OperatorRules> load(const std::vector<StoredSetting>& settings);
  Status set(const std::string& kind, const std::string& key, const std::string& value);

  /// What keeps somebody out now; nullptr: nothing.
  const OperatorAct* ban_of(std::string_view user, Millis now) const;
  const OperatorAct* ban_at(std::string_view address, Millis now) const;
  const OperatorAct* disabled(std::string_view user) const;
  const OperatorAct* frozen(std::string_view hub) const;
  /// `defaults` with what is set for this hub or user.
  HubQuotas quotas(HubQuotas defaults, std::string_view of) const;

  const std::map<std::string, OperatorBan, std::less<>>& bans() const { return bans_; }
  const std::map<std::string, QuotaChanges, std::less<>>& all_quotas() const { return quotas_; }
  /// What is set in place of the configuration's.
  const std::optional<Registration>& registration() const { return registration_; }
  JoinCodes& codes() { return codes_; }
  const JoinCodes& codes() const { return codes_; }

 private:
  std::map<std::string, OperatorBan, std::less<>> bans_;
  std::size_t networks_ = 0;  // of the bans
  std::map<std::string, OperatorAct, std::less<>> disabled_, frozen_;
  std::map<std::string, QuotaChanges, std::less<>> quotas_;
  std::optional<Registration> registration_;
  JoinCodes codes_;
};

}  // namespace dim
