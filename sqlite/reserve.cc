#include "sqlite/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace dim {
namespace {

constexpr std::int64_t kShare = 16;  // of the file system, at most one in so many
constexpr std::int64_t kPage = 4'096;

/// Bytes of the file system of this file, all or those that are free; 0 when it does not tell.
std::int64_t room_of(int file, bool all) {
  struct statvfs info{};
  if (::fstatvfs(file, &info) != 0) return 0;
  return static_cast<std::int64_t>((all ? info.f_blocks : info.f_bavail) * info.f_frsize);
}

}  // namespace

std::int64_t reserve_bytes(std::int64_t wanted, std::int64_t disk) {
  return std::max<std::int64_t>(std::min(wanted, disk / kShare), 0) / kPage * kPage;
}

Reserve::Reserve(const std::string& folder, std::int64_t wanted) {
  const std::string path = folder + "/station.reserve";
  struct stat before{};
  const bool known = ::stat(path.c_str(), &before) == 0;
  if (!known && wanted == 0) return;
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file_ < 0) return;
  bytes_ = reserve_bytes(wanted, room_of(file_, true));
  whole_ = known && before.st_size == bytes_;
  if (bytes_ > 0 && (whole_ || restore() || known)) return;
  ::unlink(path.c_str());
  ::close(std::exchange(file_, -1));
}

Reserve::Reserve(Reserve&& other) noexcept { *this = std::move(other); }

Reserve& Reserve::operator=(Reserve&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  std::swap(whole_, other.whole_);
  return *this;
}

Reserve::~Reserve() {
  if (file_ >= 0) ::close(file_);
}

bool Reserve::release() {
  if (file_ < 0 || !whole_) return false;
  whole_ = false;
  return ::ftruncate(file_, 0) == 0;
}

bool Reserve::restore() {
  if (whole()) return true;
  // What is tried in vain takes for a moment what others need.
  if (room_of(file_, false) < bytes_) return false;
  whole_ = ::ftruncate(file_, 0) == 0 && ::fallocate(file_, 0, 0, bytes_) == 0;
  const bool cut = whole_ || ::ftruncate(file_, 0) == 0;
  return whole_ && cut;
}

}  // namespace dim
