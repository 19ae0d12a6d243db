#include "sqlite/log_mark.h"

#include <algorithm>

#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr std::size_t kBytes = 16;
constexpr std::size_t kSummed = 12;
using Stored = std::array<std::uint8_t, kBytes>;

/// SQLite's own code looks behind the end of a name for its parameters.
std::string path_of(const std::string& database) {
  return database + "-synced" + std::string(3, '\0');
}

void put32(std::uint32_t value, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

Stored written(const LogMark& mark) {
  Stored out{};
  std::ranges::copy(mark.salts, out.begin());
  put32(mark.frames, std::span(out).subspan(8, 4));
  put32(crc32c(ByteView(out).first(kSummed)), std::span(out).subspan(kSummed, 4));
  return out;
}

bool exists(sqlite3_vfs* vfs, const std::string& path) {
  int there = 0;
  return vfs->xAccess(vfs, path.c_str(), SQLITE_ACCESS_EXISTS, &there) == SQLITE_OK && there != 0;
}

}  // namespace

Result<std::optional<LogMark>> read_log_mark(sqlite3_vfs* vfs, const std::string& database) {
  const std::string path = path_of(database);
  VfsFile file;
  Stored bytes{};
  if (!exists(vfs, path) ||
      file.open(vfs, path.c_str(), SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_JOURNAL) != SQLITE_OK)
    return std::nullopt;
  if (const int rc = file.read(0, bytes); rc == SQLITE_IOERR_SHORT_READ)
    return std::nullopt;
  else if (rc != SQLITE_OK)
    return fail(Errc::io, "the disk failed under the mark of the store's log; check it");
  LogMark mark;
  std::copy_n(bytes.begin(), mark.salts.size(), mark.salts.begin());
  for (std::size_t i = 0; i < 4; ++i) mark.frames |= std::uint32_t{bytes[8 + i]} << (8 * i);
  if (mark.frames == 0 || written(mark) != bytes) return std::nullopt;
  return mark;
}

LogMarkFile::LogMarkFile(sqlite3_vfs* vfs, const std::string& database)
    : vfs_(vfs), path_(path_of(database)) {}

bool LogMarkFile::open() {
  return file_.is_open() || file_.open(vfs_, path_.c_str(),
                                       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
                                           SQLITE_OPEN_MAIN_JOURNAL) == SQLITE_OK;
}

void LogMarkFile::put(const LogMark& mark) {
  if (last_ == mark || !open()) return;
  last_ = file_.write(0, written(mark)) == SQLITE_OK ? std::optional(mark) : std::nullopt;
}

int LogMarkFile::clear() {
  if (last_ == LogMark{} || !exists(vfs_, path_)) return SQLITE_OK;
  last_.reset();
  if (!open()) return SQLITE_CANTOPEN;
  if (const int rc = file_.write(0, Stored{}); rc != SQLITE_OK) return rc;
  if (const int rc = file_.sync(); rc != SQLITE_OK) return rc;
  last_ = LogMark{};
  return SQLITE_OK;
}

}  // namespace dim
