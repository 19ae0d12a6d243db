// `dimd admin`: its options, what it asks the station, and how it prints the answers.
#pragma once
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/base/json.h"
#include "server/admin_channel.h"
#include "server/exit_codes.h"

namespace CLI {
class App;
}

namespace dim {

/// What the command line said.
struct AdminOptions {
  std::string verb;    ///< of admin_request.h: "users-list"
  std::string target;  ///< empty: none
  std::string reason;
  std::string until;
  std::string after;
  std::optional<std::int64_t> limit, before, uses;
  bool approval = false;
  bool confirmed = false;           ///< --yes
  std::vector<std::string> quotas;  ///< NAME=VALUE
};

/// Adds `admin` with all its verbs. Options that are added to it may stand behind them too.
CLI::App* add_admin(CLI::App& app, AdminOptions& options);

/// The request for these options. Exit::usage when something is missing or wrong in them. `now`:
/// for `--until 7d`.
std::expected<JsonObject, Failure> admin_request(const AdminOptions& options, Millis now);
/// "2026-12-24T18:00:00Z" as it is; "90m", "12h", "7d": so much later than `now`.
std::optional<std::string> time_to_come(std::string_view text, Millis now);

/// One answer in lines for people, or in lines of JSON: an object each, without "ok".
std::string shown(const JsonObject& answer, bool json);

/// Asks, page by page, and prints. `print` gets whole lines. Exit::failed when the station refuses.
std::expected<void, Failure> run_admin(AdminChannel& channel, const AdminOptions& options,
                                       bool json, Millis now,
                                       const std::function<void(JsonObject&)>& complete,
                                       const std::function<void(const std::string&)>& print);

}  // namespace dim
