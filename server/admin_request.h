// What `dimd admin` asks of a station: one JSON object in one line (docs/operator.md, "From
// outside"). Whoever may write there is the operator; it is read as strictly as what strangers
// send.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/error.h"
#include "dim/base/time.h"

namespace dim {

namespace limits {
inline constexpr std::size_t kAdminRequest = 16 * 1'024;  // bytes of a line, without its end
inline constexpr std::size_t kAdminPage = 200;            // objects in one answer
inline constexpr std::size_t kAdminReason = 1'024;        // bytes
}  // namespace limits

enum class AdminVerb : std::uint8_t {
  users_list,
  users_show,
  users_disable,
  users_enable,
  users_remove,
  invites_list,
  invites_make,
  invites_withdraw,
  bans_list,
  bans_add,
  bans_lift,
  hubs_list,
  hubs_show,
  hubs_freeze,
  hubs_thaw,
  hubs_delete,
  quotas_show,
  quotas_set,
  audit_list,
  codes_make,
  codes_list,
  codes_revoke,
  registration_show,
  registration_set,
};
inline constexpr std::size_t kAdminVerbs = 24;
/// "users-list", …
std::string_view to_string(AdminVerb verb);

struct AdminRequest {
  AdminVerb verb = AdminVerb::users_list;
  /// A user's ID or registered name, a hub's ID, an invite's or code's GUID, an address, a word of
  /// registration.h or "default": what the verb is about. IDs, GUIDs in their canonical form.
  std::string target{};
  std::string reason{};     ///< one line
  Millis until = 0;         ///< of a ban, of an invite, of a code; 0: for ever
  std::string after{};      ///< of a list: go on behind this key
  std::int64_t before = 0;  ///< of the log of acts: go on before this number
  std::size_t limit = limits::kAdminPage;
  std::int64_t uses = 0;  ///< of an invite, of a code; 0: without end; one
  bool approval = false;
  /// A quota and its new value; nothing: the default again.
  std::vector<std::pair<std::string, std::optional<std::int64_t>>> quotas{};

  /// Errc::bad_request: no such verb, a key that this verb does not have, a wrong value, a target
  /// of another kind. Errc::too_large beyond kAdminRequest; Errc::json, Errc::id as those readers.
  static Result<AdminRequest> parse(std::string_view line);
};

}  // namespace dim
