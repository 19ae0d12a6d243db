// The way of `dimd admin` to a station: its socket when it runs, else its store, opened for as long
// as this lives.
#pragma once
#include <expected>
#include <memory>
#include <string>

#include "server/config.h"
#include "server/exit_codes.h"

namespace dim {

/// Root at a stopped station of somebody else becomes that user, so that what it makes in the
/// folder is theirs. For the rest of the process.
void act_as_owner(const std::string& data);

class AdminChannel {
 public:
  /// Exit codes of `dimd run` for a store that cannot be opened; Exit::locked when a station works
  /// there that does not listen.
  static std::expected<AdminChannel, Failure> open(const DaemonConfig& config);
  AdminChannel(AdminChannel&& other) noexcept;
  ~AdminChannel();

  /// The answer to one request (admin_request.h), a line of JSON.
  std::expected<std::string, Failure> ask(const std::string& line);
  bool station_runs() const;

 private:
  struct Impl;
  explicit AdminChannel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dim
