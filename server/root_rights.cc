#include "server/root_rights.h"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

namespace dim {
namespace {

std::optional<FileOwner> owner_of(const std::string& folder) {
  struct stat info{};
  if (::stat(folder.c_str(), &info) != 0) return std::nullopt;
  return FileOwner{info.st_uid, info.st_gid};
}

/// Groups first: without root they cannot be changed any more.
bool become(const FileOwner& owner) {
  const passwd* known = ::getpwuid(owner.user);
  const bool groups = known != nullptr ? ::initgroups(known->pw_name, owner.group) == 0
                                       : ::setgroups(0, nullptr) == 0;
  if (!groups || ::setgid(owner.group) != 0 || ::setuid(owner.user) != 0) return false;
  // A process that has changed its user may be looked into again: keys will be in it (A43).
  ::prctl(PR_SET_DUMPABLE, 0);
  return ::setuid(0) != 0 && ::geteuid() == owner.user;
}

}  // namespace

RootRights judge_root(bool is_root, const std::optional<FileOwner>& owner, bool allowed) {
  if (!is_root) return RootRights::none;
  if (allowed) return RootRights::kept;
  return owner && owner->user != 0 ? RootRights::left : RootRights::refused;
}

std::expected<RootRights, Failure> leave_root(const std::string& folder, bool allowed) {
  const auto owner = owner_of(folder);
  const RootRights out = judge_root(::geteuid() == 0, owner, allowed);
  if (out == RootRights::refused) {
    return std::unexpected(Failure{
        Exit::permissions,
        "a station needs no root rights, and " + folder + (owner ? " is root's" : " is not there") +
            ". Give the folder to a user of its own (install -d -o dim -g dim -m 700 " + folder +
            ") and start dimd as that user, or as root, which it then leaves; "
            "--allow-root keeps root's rights"});
  }
  if (out == RootRights::left && !become(*owner)) {
    return std::unexpected(
        Failure{Exit::permissions, "root's rights could not be left for the owner of " + folder +
                                       "; start dimd as that user, or with --allow-root as root"});
  }
  return out;
}

}  // namespace dim
