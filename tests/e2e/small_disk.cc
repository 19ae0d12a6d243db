// Loaded before dimd (LD_PRELOAD), where no small file system may be mounted: the folder
// $DIM_SMALL_DISK holds as many bytes as the file $DIM_SMALL_DISK.limit says. What would make it
// larger fails with ENOSPC; what stands there is overwritten as ever.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// Whether a file may reach to `end`.
bool has_room(int file, off_t end) {
  const char* const folder = std::getenv("DIM_SMALL_DISK");
  struct stat now{};
  if (folder == nullptr || ::fstat(file, &now) != 0 || !S_ISREG(now.st_mode) || end <= now.st_size)
    return true;
  std::string path(PATH_MAX, '\0');
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = ::readlink(link.c_str(), path.data(), path.size());
  path.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  if (!path.starts_with(std::string(folder) + "/")) return true;
  off_t used = 0;
  std::error_code error;
  namespace fs = std::filesystem;
  for (fs::recursive_directory_iterator one(folder, error), none; !error && one != none;
       one.increment(error)) {
    std::error_code gone;
    const auto bytes = one->is_regular_file(gone) ? one->file_size(gone) : 0;
    if (!gone) used += static_cast<off_t>(bytes);
  }
  off_t limit = 0;
  std::ifstream(std::string(folder) + ".limit") >> limit;
  if (used + end - now.st_size <= limit) return true;
  errno = ENOSPC;
  return false;
}

}  // namespace

extern "C" {

ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  static auto* const next = real<decltype(pwrite64)>("pwrite64");
  return has_room(file, at + static_cast<off_t>(size)) ? next(file, bytes, size, at) : -1;
}

ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return pwrite64(file, bytes, size, at);
}

ssize_t write(int file, const void* bytes, size_t size) {
  static auto* const next = real<decltype(write)>("write");
  const off_t at = ::lseek(file, 0, SEEK_CUR);
  return at < 0 || has_room(file, at + static_cast<off_t>(size)) ? next(file, bytes, size) : -1;
}

int fallocate64(int file, int mode, off64_t at, off64_t size) {
  static auto* const next = real<decltype(fallocate64)>("fallocate64");
  return has_room(file, at + size) ? next(file, mode, at, size) : -1;
}

int fallocate(int file, int mode, off_t at, off_t size) {
  return fallocate64(file, mode, at, size);
}

int ftruncate64(int file, off64_t size) {
  static auto* const next = real<decltype(ftruncate64)>("ftruncate64");
  return has_room(file, size) ? next(file, size) : -1;
}

int ftruncate(int file, off_t size) { return ftruncate64(file, size); }
}
