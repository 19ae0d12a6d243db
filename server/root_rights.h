// What `dimd run` does with the rights of root: it needs none (C10).
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <string>

#include "server/exit_codes.h"

namespace dim {

struct FileOwner {
  std::uint32_t user = 0, group = 0;
};

enum class RootRights : std::uint8_t {
  none,    ///< there are none
  kept,    ///< the operator wants it so
  left,    ///< it goes on as the owner of the station's folder
  refused  ///< there is nobody else to go on as
};
/// `owner`: of the station's folder; nothing where there is none yet.
RootRights judge_root(bool is_root, const std::optional<FileOwner>& owner, bool allowed);

/// Does what judge_root says, for this whole process and for good. Failure: Exit::permissions (77)
/// for rights that are refused, or that the system does not let go.
std::expected<RootRights, Failure> leave_root(const std::string& folder, bool allowed);

}  // namespace dim
