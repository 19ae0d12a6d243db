#include "sqlite/blob_disk.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>

#include "sqlite/folder_lock.h"

namespace dim {
namespace {

constexpr std::size_t kOpenFiles = 32;

std::unexpected<Error> disk_error(int error) {
  if (error == ENOSPC || error == EDQUOT)
    return fail(Errc::insufficient_storage, "the disk is full; make room, then try again");
  if (error == EACCES || error == EPERM || error == EROFS)
    return fail(Errc::forbidden, "the folder of the media cannot be written; check its owner");
  if (error == EMFILE || error == ENFILE || error == ENOMEM)
    return fail(Errc::unavailable, "the station has too many files open; try again later");
  return fail(Errc::io, "the disk failed while media were written or read");
}

}  // namespace

Result<std::unique_ptr<BlobFolder>> BlobFolder::open(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) {
    if (auto done = sync_folder(path.substr(0, path.rfind('/'))); !done)
      return std::unexpected(done.error());
  } else if (errno != EEXIST) {
    return disk_error(errno);
  }
  return std::unique_ptr<BlobFolder>(new BlobFolder(path));
}

BlobFolder::~BlobFolder() {
  for (const auto& [id, one] : open_) ::close(one.file);
}

Result<BlobFolder::Written*> BlobFolder::writable(std::int64_t id) {
  if (const auto found = open_.find(id); found != open_.end()) return &found->second;
  if (open_.size() >= kOpenFiles) {
    if (auto done = sync(); !done) return std::unexpected(done.error());
    for (const auto& [other, one] : open_) ::close(one.file);
    open_.clear();
  }
  const std::string name = name_of(id);
  int file = ::open(name.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0 && errno == ENOENT) {
    file = ::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    names_dirty_ = true;
  }
  if (file < 0) return disk_error(errno);
  return &open_.emplace(id, Written{file}).first->second;
}

Status BlobFolder::write(std::int64_t id, std::int64_t offset, ByteView bytes) {
  auto to = writable(id);
  if (!to) return std::unexpected(to.error());
  (*to)->dirty = true;
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite((*to)->file, bytes.data(), bytes.size(), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return disk_error(put < 0 ? errno : ENOSPC);
    // The disk begins now, and sync() waits for less.
    ::sync_file_range((*to)->file, offset, put, SYNC_FILE_RANGE_WRITE);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    offset += put;
  }
  return {};
}

Status BlobFolder::sync() {
  for (auto& [id, one] : open_) {
    if (!one.dirty) continue;
    // After a failed sync the kernel may have thrown the pages away: only io says so truthfully.
    if (::fdatasync(one.file) != 0) return disk_error(errno == ENOSPC ? ENOSPC : EIO);
    one.dirty = false;
  }
  if (names_dirty_) {
    if (auto done = sync_folder(path_); !done) return done;
    names_dirty_ = false;
  }
  return {};
}

Status BlobFolder::read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const {
  const int file = ::open(name_of(id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    if (errno == ENOENT) return fail(Errc::not_found, "the object was removed meanwhile");
    return disk_error(errno);
  }
  ssize_t got = 1;
  while (!out.empty() && got != 0) {
    got = ::pread(file, out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) break;
    out = out.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
  const int error = errno;
  ::close(file);
  if (got < 0) return disk_error(error);
  if (!out.empty()) return fail(Errc::internal, "a file of media ends before its object");
  return {};
}

Status BlobFolder::remove(std::int64_t id) {
  if (const auto found = open_.find(id); found != open_.end()) {
    ::close(found->second.file);
    open_.erase(found);
  }
  if (::unlink(name_of(id).c_str()) != 0 && errno != ENOENT) return disk_error(errno);
  return {};
}

Result<std::vector<std::int64_t>> BlobFolder::list() const {
  std::vector<std::int64_t> out;
  DIR* folder = ::opendir(path_.c_str());
  if (folder == nullptr) return disk_error(errno);
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view name(&entry->d_name[0]);
    std::int64_t id = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    if (error == std::errc{} && end == name.data() + name.size() && id > 0) out.push_back(id);
  }
  ::closedir(folder);
  return out;
}

}  // namespace dim
