// Keeps a second station out of a data folder.
#pragma once
#include <string>

#include "dim/base/error.h"

namespace dim {

/// Holds `folder`/station.lock (flock) as long as it lives; the kernel frees it with the process.
class FolderLock {
 public:
  /// Makes the folder (mode 0700) when absent. Errc::conflict: held by somebody else;
  /// Errc::forbidden: not writable; Errc::insufficient_storage; Errc::io.
  static Result<FolderLock> take(const std::string& folder);
  FolderLock() = default;
  FolderLock(FolderLock&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

/// Makes the names in `folder` durable.
Status sync_folder(const std::string& folder);

}  // namespace dim
