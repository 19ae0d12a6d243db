#include "sqlite/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace dim {
namespace {

std::unexpected<Error> folder_error() {
  switch (errno) {
    case ENOSPC:
    case EDQUOT:
      return fail(Errc::insufficient_storage,
                  "the disk of the data folder is full; free some space");
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOENT:
    case ENOTDIR:
      return fail(
          Errc::forbidden,
          "the data folder cannot be written; check that it exists, its owner and permissions");
    default:
      return fail(Errc::io, "the disk of the data folder failed");
  }
}

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder) {
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return folder_error();
  const std::string path = folder + "/station.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return folder_error();
  FolderLock lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return folder_error();
    return fail(Errc::conflict,
                "another station uses this data folder; stop it, or name another folder");
  }
  return lock;
}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

Status sync_folder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return folder_error();
  const bool synced = fsync(fd) == 0;
  ::close(fd);
  if (!synced) return fail(Errc::io, "the disk of the data folder failed");
  return {};
}

}  // namespace dim
