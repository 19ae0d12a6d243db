// What the operator does at a station that runs, or at one that `dimd admin` opens for a moment.
// Inside of StationCore. docs/operator.md.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/admin_request.h"
#include "server/clock_watch.h"
#include "server/core.h"
#include "server/operator_rules.h"

namespace dim {

class Admin {
 public:
  explicit Admin(StationCore& core) : core_(core) {}

  /// What is set; an empty value when it cannot be read, and then the station fails: it must not
  /// let in whom it was told to keep out.
  const OperatorRules& rules();
  /// Banned by the configuration or the operator, or disabled.
  bool keeps_out(const std::string& user);
  bool keeps_out_address(std::string_view remote);

  Registration registration();
  /// What lets somebody in who has not been here: writes that belong into one batch with their
  /// identity, so that a code is used up in the moment in which they become known and in no other.
  struct Admission {
    std::vector<Write> writes;
    std::string code;  ///< GUID of the code that has one use less from now on; empty: none
  };
  /// Of somebody who has proven to be `user`; `has_identity`: the store has one of them. `code`:
  /// what they show, empty for nothing. Errc::forbidden with what would be right; errors of the
  /// store.
  Result<Admission> admit(const std::string& user, bool has_identity, std::string_view code);
  /// Nobody new comes in, and nothing is judged by the time, while that holds (C07). Says so when
  /// it begins, and when it is over.
  bool clock_is_wrong();
  static Error clock_error();
  /// What became of the batch.
  void settle(const Admission& admission, bool stored);

  using Done = std::function<void(JsonObject)>;
  /// `by`: who the operator is, for the log of acts. Answers later or at once: {"ok":true,…} when
  /// it is on the disk, or {"ok":false,"code":…,"error":…}.
  void execute(const AdminRequest& request, const std::string& by, Done done);
  static JsonObject failed(const Error& error);

 private:
  struct Asked {
    AdminRequest request;
    std::string by;
    Done done;
    Millis began = 0;  // monotonic
  };

  // admin.cc
  void users_list(const Asked& asked);
  void users_show(const Asked& asked);
  void users_disable(const Asked& asked);
  void users_remove(const Asked& asked);
  void bans_list(const Asked& asked);
  void bans_add(const Asked& asked);
  void lift(const Asked& asked, const std::string& kind, std::string act);
  // admin_hubs.cc
  void invites_list(const Asked& asked);
  void invites_make(const Asked& asked);
  void invites_withdraw(const Asked& asked);
  void hubs_list(const Asked& asked);
  void hubs_show(const Asked& asked);
  void hubs_freeze(const Asked& asked);
  void hubs_delete(const Asked& asked);
  void quotas_show(const Asked& asked);
  void quotas_set(const Asked& asked);
  void audit_list(const Asked& asked);
  // admin_codes.cc
  void codes_make(const Asked& asked);
  void codes_list(const Asked& asked);
  void codes_revoke(const Asked& asked);
  void registration_show(const Asked& asked);
  void registration_set(const Asked& asked);

  /// The user that the request is about, by ID or registered name, known here or not.
  Result<std::string> user(const Asked& asked);
  Result<bool> is_known(const std::string& user);
  JsonObject user_json(const std::string& user);
  AuditEntry entry(const Asked& asked, std::string act) const;
  /// Stores a setting with the act that made it; then it holds, and `then` may add to the answer.
  void store(const Asked& asked, PutSetting setting, AuditEntry act,
             std::function<void(JsonObject&)> then);
  /// Ends what that user, or those from there, have open. How many connections that was.
  std::size_t end_user(const std::string& user);
  std::size_t end_banned();
  void refuse(const Asked& asked, const Error& error) const { asked.done(failed(error)); }

  StationCore& core_;
  ClockWatch clock_;
  bool loaded_ = false;
  OperatorRules rules_;
};

}  // namespace dim
