#include "client/media_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <span>
#include <utility>

#include "client/files.h"

namespace dim {
namespace {

constexpr int kMostNames = 100;
constexpr std::int64_t kWriteOut = std::int64_t{4} << 20;

std::string stamp_of(const struct stat& info) {
  const auto text = [](auto value) { return std::to_string(value) + " "; };
  return text(info.st_dev) + text(info.st_ino) + text(info.st_size) + text(info.st_mtim.tv_sec) +
         text(info.st_mtim.tv_nsec) + text(info.st_ctim.tv_sec) + text(info.st_ctim.tv_nsec);
}

Status read_all(int file, std::int64_t offset, std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = ::pread(file, out.data(), out.size(), offset);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Errc::io, "the file cannot be read to its end");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
  return {};
}

/// Whether an open file is this user's, and has that name and no other.
bool is_own(const struct stat& info, const std::string& path) {
  struct stat named{};
  return info.st_uid == ::geteuid() && info.st_nlink == 1 && ::lstat(path.c_str(), &named) == 0 &&
         named.st_dev == info.st_dev && named.st_ino == info.st_ino;
}

/// Moves a file, and never over another one. errno.
bool take_name(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // A file system that cannot, as NFS. A link does not replace anything either.
  if (::link(from.c_str(), to.c_str()) != 0) return false;
  ::unlink(from.c_str());
  return true;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status sync_names(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return fail(Errc::io, "the folder cannot be read");
  const bool done = ::fsync(file) == 0;
  ::close(file);
  if (!done) return fail(Errc::io, "the folder could not be put on the disk");
  return {};
}

}  // namespace

Result<SourceFile> SourceFile::open(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (file < 0) return fail(Errc::io, "the file cannot be opened; check its name and permissions");
  struct stat info{};
  if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(file);
    return fail(Errc::io, "only regular files are sent");
  }
  return SourceFile(file, info.st_size, stamp_of(info));
}

SourceFile::SourceFile(SourceFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)), size_(other.size_), stamp_(std::move(other.stamp_)) {}
SourceFile& SourceFile::operator=(SourceFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(size_, other.size_);
  std::swap(stamp_, other.stamp_);
  return *this;
}
SourceFile::~SourceFile() {
  if (file_ >= 0) ::close(file_);
}

Status SourceFile::check() const {
  struct stat info{};
  if (::fstat(file_, &info) != 0 || stamp_of(info) != stamp_)
    return fail(Errc::conflict, "the file was changed while it was being sent; send it again");
  return {};
}

Status SourceFile::read(std::int64_t offset, std::span<std::uint8_t> out) const {
  if (auto done = read_all(file_, offset, out); !done) {
    // One that was cut off meanwhile has changed, above all.
    if (auto same = check(); !same) return same;
    return done;
  }
  return check();
}

Result<PartFile> PartFile::open(const std::string& path, std::string_view tag) {
  struct stat info{};
  const bool there = ::stat(path.c_str(), &info) == 0;
  const bool folder = there && S_ISDIR(info.st_mode);
  if (there && !folder)
    return fail(Errc::conflict, "there is a file of that name, which stays; give another");
  std::string part = (folder ? path : folder_of(path)) + "/.dim-" + std::string(tag) + ".part";
  const auto failed = fail(Errc::io, "the file cannot be written; check its folder");
  for (const int fresh : {0, O_EXCL}) {
    const int file =
        ::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | fresh, 0600);
    if (file < 0) return failed;
    PartFile out(file, path, part, folder);
    out.part_.clear();  // not ours yet
    if (::flock(file, LOCK_EX | LOCK_NB) != 0)
      return fail(Errc::conflict, "this file is being downloaded here already");
    if (::fstat(file, &info) != 0 || !S_ISREG(info.st_mode)) return failed;
    if (is_own(info, part)) {
      out.part_ = std::move(part);
      out.size_ = info.st_size;
      return out;
    }
    // A finished file whose second name a crash has left, or one that somebody else may read.
    if (::unlink(part.c_str()) != 0 && errno != ENOENT) return failed;
  }
  return failed;
}

PartFile::PartFile(PartFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)),
      size_(other.size_),
      begun_(other.begun_),
      path_(std::move(other.path_)),
      part_(std::move(other.part_)),
      folder_(other.folder_) {}
PartFile& PartFile::operator=(PartFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(size_, other.size_);
  std::swap(begun_, other.begun_);
  std::swap(path_, other.path_);
  std::swap(part_, other.part_);
  std::swap(folder_, other.folder_);
  return *this;
}
PartFile::~PartFile() {
  if (file_ < 0) return;
  if (size_ == 0) discard();
  ::close(file_);
}

Status PartFile::replay(std::int64_t bytes, std::int64_t piece,
                        const std::function<Status(ByteView)>& take) {
  Bytes buffer;
  for (std::int64_t at = 0; at < bytes; at += piece) {
    buffer.resize(static_cast<std::size_t>(std::min(piece, bytes - at)));
    if (auto done = read_all(file_, at, buffer); !done) return done;
    if (auto done = take(buffer); !done) return done;
  }
  if (::ftruncate(file_, bytes) != 0) return fail(Errc::io, "the file cannot be written");
  size_ = begun_ = bytes;
  return {};
}

Status PartFile::append(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::pwrite(file_, bytes.data(), bytes.size(), size_);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return fail(Errc::io, "the file could not be put on the disk; is it full?");
    bytes = bytes.subspan(static_cast<std::size_t>(put));
    size_ += put;
  }
  if (size_ - begun_ >= kWriteOut) {
    // The disk begins now, and finish() waits for less.
    ::sync_file_range(file_, begun_, size_ - begun_, SYNC_FILE_RANGE_WRITE);
    begun_ = size_;
  }
  return {};
}

Result<std::string> PartFile::finish(std::string_view name) {
  if (::fsync(file_) != 0)
    return fail(Errc::io, "the file could not be put on the disk; is it full?");
  const std::string safe = folder_ ? safe_filename(name) : "";
  const std::size_t dot = safe.rfind('.');
  for (int i = 1; i <= kMostNames; ++i) {
    std::string to = path_;
    if (folder_ && i == 1) to += "/" + safe;
    if (folder_ && i > 1) {
      to += "/" + safe.substr(0, dot) + " (" + std::to_string(i) + ")" +
            (dot == std::string::npos ? std::string() : safe.substr(dot));
    }
    if (take_name(part_, to)) {
      part_.clear();
      if (auto done = sync_names(folder_of(to)); !done) return std::unexpected(done.error());
      return to;
    }
    if (errno != EEXIST) return fail(Errc::io, "the file cannot get its name; check its folder");
    if (!folder_)
      return fail(Errc::conflict, "there is a file of that name, which stays; give another");
  }
  return fail(Errc::conflict,
              "there are a hundred files of that name in this folder; give another");
}

void PartFile::discard() {
  if (!part_.empty()) ::unlink(std::exchange(part_, {}).c_str());
}

}  // namespace dim
