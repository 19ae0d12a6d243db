#include "sqlite/log_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "dim/base/bytes.h"
#include "sqlite/checked_vfs.h"
#include "sqlite/log_mark.h"

namespace dim {
namespace {

constexpr std::size_t kHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kFrame = kFrameHeader + kDatabasePageBytes;
constexpr std::uint32_t kMagic = 0x377f0682;  // the last bit: checksums over big-endian words

std::uint32_t big32(ByteView bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

std::uint32_t little32(ByteView bytes, std::size_t at) {
  return std::uint32_t{bytes[at + 3]} << 24 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 1]} << 8 | bytes[at];
}

/// SQLite's log checksum (file format, section 4.2).
struct Sum {
  std::uint32_t a = 0;
  std::uint32_t b = 0;

  void add(ByteView bytes, bool big) {
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      a += (big ? big32(bytes, i) : little32(bytes, i)) + b;
      b += (big ? big32(bytes, i + 4) : little32(bytes, i + 4)) + a;
    }
  }
  bool stands_at(ByteView bytes, std::size_t at) const {
    return a == big32(bytes, at) && b == big32(bytes, at + 4);
  }
};

class LogFile {
 public:
  LogFile(sqlite3_vfs* vfs, const std::string& database) {
    const std::string log = database + "-wal";
    name_ = sqlite3_create_filename(database.c_str(), (database + "-journal").c_str(), log.c_str(),
                                    0, nullptr);
    int there = 0;
    if (vfs->xAccess(vfs, log.c_str(), SQLITE_ACCESS_EXISTS, &there) != SQLITE_OK || there == 0)
      return;
    there_ = true;
    opened_ = file_.open(vfs, sqlite3_filename_wal(name_), SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL);
    if (opened_ == SQLITE_OK) opened_ = file_.size(size_);
  }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile() {
    file_.close();
    sqlite3_free_filename(name_);
  }

  bool there() const { return there_; }
  bool readable() const { return opened_ == SQLITE_OK; }
  std::size_t size() const { return size_; }
  bool read(std::size_t at, std::span<std::uint8_t> out) {
    return file_.read(at, out) == SQLITE_OK;
  }

 private:
  sqlite3_filename name_ = nullptr;
  VfsFile file_;
  bool there_ = false;
  int opened_ = SQLITE_OK;
  std::size_t size_ = 0;
};

bool header_is_right(ByteView header, bool big) {
  Sum sum;
  sum.add(header.first(24), big);
  return sum.stands_at(header, 24);
}

/// A header caught half written by a power cut: the counter is new, the rest still the old header,
/// whose log had been moved into the database before.
bool header_is_torn(std::array<std::uint8_t, kHeader> header, bool big) {
  for (std::size_t i = 15;; --i) {
    if (header[i]-- != 0 || i == 12) break;
  }
  return header_is_right(header, big);
}

/// A header that only lost its salts: with those of its first frame it is right again. (After a
/// torn restart of the log the counter is a new one, and it is not.)
bool salts_are_damaged(std::array<std::uint8_t, kHeader> header, ByteView first_frame, bool big) {
  std::copy_n(first_frame.begin() + 8, 8, header.begin() + 16);
  return header_is_right(header, big);
}

}  // namespace

Result<std::size_t> check_log(sqlite3_vfs* vfs, const std::string& database) {
  LogFile log(vfs, database);
  const auto known = read_log_mark(vfs, database);
  if (!known) return std::unexpected(known.error());
  const std::optional<LogMark>& mark = *known;
  const auto unreadable = [] {
    return fail(Errc::io, "the store's log cannot be read; check the disk");
  };
  const auto damaged = [] {
    return fail(Errc::internal,
                "the store's log is damaged before its end; restore a backup or salvage the store");
  };
  const auto missing = [] {
    return fail(Errc::internal,
                "acknowledged transactions are missing at the end of the store's log; restore a "
                "backup, or remove station.db-synced to go on without them");
  };
  if (!log.there() || (log.readable() && log.size() < kHeader + kFrame)) {
    if (mark) return missing();
    return 0;
  }
  if (!log.readable()) return unreadable();
  std::array<std::uint8_t, kHeader> header{};
  if (!log.read(0, header)) return unreadable();
  const bool big = (header[3] & 1) != 0;
  const bool header_right = header_is_right(header, big);
  if (header_right &&
      ((big32(header, 0) & ~1U) != kMagic || big32(header, 8) != kDatabasePageBytes))
    return 0;

  Sum sum{big32(header, 24), big32(header, 28)};
  bool chained = header_right;
  std::size_t frames = 0;  // of this generation of the log
  std::size_t whole = 0;   // up to the last commit of the unbroken chain
  std::size_t behind = 0;  // commits at or behind the first bad frame
  std::vector<std::uint8_t> frame(kFrame);
  for (std::size_t i = 0; kHeader + (i + 1) * kFrame <= log.size(); ++i) {
    if (!log.read(kHeader + i * kFrame, frame)) return unreadable();
    if (i == 0 && !header_right && salts_are_damaged(header, frame, big)) return damaged();
    const bool ours = big32(frame, 8) == big32(header, 16) && big32(frame, 12) == big32(header, 20);
    const bool commits = ours && big32(frame, 4) != 0;
    if (ours) frames = i + 1;
    if (chained) {
      sum.add(ByteView(frame).first(8), big);
      sum.add(ByteView(frame).subspan(kFrameHeader), big);
      chained = ours && big32(frame, 0) != 0 && sum.stands_at(frame, 16);
      if (chained && commits) whole = i + 1;
    }
    if (!chained && commits) ++behind;
  }
  if (mark) {
    // Cleared before a log is begun anew or cut: while it stands, all of this must be true.
    const bool same = std::ranges::equal(mark->salts, std::span(header).subspan(16, 8));
    if (!header_right || !same || whole < mark->frames) return missing();
  }
  if (!header_right) {
    if (behind > 0 && !header_is_torn(header, big)) return damaged();
    return 0;
  }
  // One commit behind the bad frame is its own transaction, caught before its sync. A second one
  // began after that sync.
  if (behind > 1) return damaged();
  return frames > whole ? (frames - whole) * kFrame : 0;
}

}  // namespace dim
