#include "sqlite/checked_vfs.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <new>

#include "dim/crypto/digest.h"

namespace dim {
namespace {

constexpr sqlite3_int64 kPage = kDatabasePageBytes;
constexpr sqlite3_int64 kLogHeader = 32;
constexpr sqlite3_int64 kFrameHeader = 24;
constexpr sqlite3_int64 kFrame = kFrameHeader + kPage;
constexpr std::size_t kSummed = kDatabasePageBytes - 4;
constexpr std::string_view kLogSuffix = "-wal";
constexpr std::ptrdiff_t kSaltsInHeader = 16;

void store32(std::uint32_t value, std::uint8_t* out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint32_t load32(const std::uint8_t* in) {
  return std::uint32_t{in[0]} | std::uint32_t{in[1]} << 8 | std::uint32_t{in[2]} << 16 |
         std::uint32_t{in[3]} << 24;
}

/// Which frame a write or read of `amount` bytes at `offset` is the page of; -1 when it is no whole
/// page.
std::int64_t frame_of_page(sqlite3_int64 offset, int amount) {
  const sqlite3_int64 inside = offset - kLogHeader - kFrameHeader;
  return amount == kPage && inside >= 0 && inside % kFrame == 0 ? inside / kFrame : -1;
}

std::int64_t frame_of_frame(sqlite3_int64 offset, int amount) {
  const sqlite3_int64 inside = offset - kLogHeader;
  return amount == kFrame && inside >= 0 && inside % kFrame == 0 ? inside / kFrame : -1;
}

}  // namespace

void stamp_page(std::uint32_t number, std::span<std::uint8_t, kDatabasePageBytes> page) {
  store32(number, &page[kDatabasePageBytes - kPageReserveBytes]);
  store32(crc32c(page.first<kSummed>()), &page[kSummed]);
}

bool page_is_right(std::uint32_t number, ByteView page) {
  if (load32(&page[kSummed]) == crc32c(page.first(kSummed)) &&
      load32(&page[kDatabasePageBytes - kPageReserveBytes]) == number) {
    return true;
  }
  return std::ranges::all_of(page, [](std::uint8_t byte) { return byte == 0; });
}

void CheckedVfs::Frames::set(std::size_t frame, std::int64_t sum) {
  const std::scoped_lock lock(mutex);
  if (sums.size() <= frame) sums.resize(frame + 1, -1);
  sums[frame] = sum;
}

bool CheckedVfs::Frames::matches_or_learn(std::size_t frame, ByteView page, bool learn) {
  const std::int64_t sum = crc32c(page);
  const std::scoped_lock lock(mutex);
  if (frame < sums.size() && sums[frame] >= 0) return sums[frame] == sum;
  if (learn) {
    if (sums.size() <= frame) sums.resize(frame + 1, -1);
    sums[frame] = sum;
  }
  return true;
}

CheckedVfs::Frames::Frames(sqlite3_vfs* parent, const std::string& log)
    : mark(parent, log.substr(0, log.size() - kLogSuffix.size())) {}

int CheckedVfs::Frames::cut(std::size_t frames) {
  const std::scoped_lock lock(mutex);
  if (sums.size() > frames) sums.resize(frames);
  if (written.frames > 0 && frames >= written.frames) return SQLITE_OK;
  written = {};
  return mark.clear();
}

int CheckedVfs::Frames::begin(ByteView header) {
  const std::scoped_lock lock(mutex);
  written = {};
  std::copy_n(header.begin() + kSaltsInHeader, written.salts.size(), written.salts.begin());
  return mark.clear();
}

void CheckedVfs::Frames::frame_header(std::size_t frame, ByteView header) {
  const std::scoped_lock lock(mutex);
  const bool commits =
      std::ranges::any_of(header.subspan(4, 4), [](std::uint8_t byte) { return byte != 0; });
  if (commits && written.salts != LogMark{}.salts)
    written.frames = static_cast<std::uint32_t>(frame + 1);
}

void CheckedVfs::Frames::synced() {
  const std::scoped_lock lock(mutex);
  if (written.frames > 0) mark.put(written);
}

/// What SQLite sees as an open file; the parent's file follows it in the same allocation.
struct CheckedVfs::File {
  sqlite3_file base;
  enum class Kind : std::uint8_t { database, log, other } kind;
  std::shared_ptr<Frames>* frames;  // of a log
  CheckedVfs* vfs;
  bool wrote;  // to a log
  sqlite3_io_methods methods;

  sqlite3_file* parent() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

struct CheckedVfs::Methods {
  static File& file(sqlite3_file* given) { return *reinterpret_cast<File*>(given); }
  static sqlite3_file* under(sqlite3_file* given) { return file(given).parent(); }
  static CheckedVfs& self(sqlite3_vfs* vfs) { return *static_cast<CheckedVfs*>(vfs->pAppData); }
  static sqlite3_vfs* parent(sqlite3_vfs* vfs) { return self(vfs).parent_; }

  static int close(sqlite3_file* given) {
    File& mine = file(given);
    const int rc = mine.parent()->pMethods->xClose(mine.parent());
    delete mine.frames;
    mine.frames = nullptr;
    return rc;
  }

  static int read(sqlite3_file* given, void* out, int amount, sqlite3_int64 offset) {
    File& mine = file(given);
    const int rc = mine.parent()->pMethods->xRead(mine.parent(), out, amount, offset);
    // What SQLite makes of EIO, and tells as a damaged database later on.
    if (rc == SQLITE_IOERR_CORRUPTFS) return SQLITE_IOERR_READ;
    if (rc != SQLITE_OK || mine.kind == File::Kind::other) return rc;
    const ByteView bytes(static_cast<const std::uint8_t*>(out), static_cast<std::size_t>(amount));
    bool right = true;
    if (mine.kind == File::Kind::database) {
      if (amount != kPage || offset % kPage != 0) return rc;
      const auto number = static_cast<std::uint32_t>(offset / kPage + 1);
      right = page_is_right(number, bytes);
      if (!right && mine.vfs->damaged_ != nullptr) {
        mine.vfs->damaged_->push_back(number);
        return SQLITE_OK;
      }
    } else if (const auto page = frame_of_page(offset, amount); page >= 0) {
      right = (*mine.frames)->matches_or_learn(static_cast<std::size_t>(page), bytes, false);
    } else if (const auto whole = frame_of_frame(offset, amount); whole >= 0) {
      // Only recovery reads whole frames, and it verifies SQLite's own chain over them.
      right = (*mine.frames)
                  ->matches_or_learn(static_cast<std::size_t>(whole), bytes.subspan(kFrameHeader),
                                     true);
    }
    return right ? SQLITE_OK : SQLITE_IOERR_DATA;
  }

  static int write(sqlite3_file* given, const void* data, int amount, sqlite3_int64 offset) {
    File& mine = file(given);
    const auto forward = [&](const void* bytes) {
      return mine.parent()->pMethods->xWrite(mine.parent(), bytes, amount, offset);
    };
    if (mine.kind == File::Kind::database && amount == kPage && offset % kPage == 0) {
      std::array<std::uint8_t, kDatabasePageBytes> page;
      std::memcpy(page.data(), data, page.size());
      stamp_page(static_cast<std::uint32_t>(offset / kPage + 1), page);
      return forward(page.data());
    }
    const ByteView bytes(static_cast<const std::uint8_t*>(data), static_cast<std::size_t>(amount));
    if (mine.kind == File::Kind::log) mine.wrote = true;
    if (mine.kind == File::Kind::log && offset == 0 && amount == kLogHeader) {
      mine.vfs->log_begins_.fetch_add(1, std::memory_order_relaxed);
      if (const int rc = (*mine.frames)->begin(bytes); rc != SQLITE_OK) return rc;
    }
    if (mine.kind == File::Kind::log && offset >= kLogHeader) {
      if (const auto page = frame_of_page(offset, amount); page >= 0) {
        (*mine.frames)->set(static_cast<std::size_t>(page), crc32c(bytes));
      } else if (amount == kFrameHeader && (offset - kLogHeader) % kFrame == 0) {
        (*mine.frames)
            ->frame_header(static_cast<std::size_t>((offset - kLogHeader) / kFrame), bytes);
      } else {
        // A page written in pieces: its checksum is unknown until it is written again.
        for (auto at = (offset - kLogHeader) / kFrame;
             at <= (offset + amount - 1 - kLogHeader) / kFrame; ++at) {
          (*mine.frames)->set(static_cast<std::size_t>(at), -1);
        }
      }
    }
    return forward(data);
  }

  static int truncate(sqlite3_file* given, sqlite3_int64 size) {
    File& mine = file(given);
    if (mine.kind == File::Kind::log) {
      const int rc =
          (*mine.frames)
              ->cut(size <= kLogHeader ? 0
                                       : static_cast<std::size_t>((size - kLogHeader) / kFrame));
      if (rc != SQLITE_OK) return rc;
    }
    return mine.parent()->pMethods->xTruncate(mine.parent(), size);
  }

  static int sync(sqlite3_file* given, int flags) {
    File& mine = file(given);
    const int rc = under(given)->pMethods->xSync(under(given), flags);
    // A connection that only moves the log knows nothing of what is being written meanwhile.
    if (rc == SQLITE_OK && mine.kind == File::Kind::log && mine.wrote) (*mine.frames)->synced();
    return rc;
  }
  static int size(sqlite3_file* f, sqlite3_int64* out) {
    return under(f)->pMethods->xFileSize(under(f), out);
  }
  static int lock(sqlite3_file* f, int level) { return under(f)->pMethods->xLock(under(f), level); }
  static int unlock(sqlite3_file* f, int level) {
    return under(f)->pMethods->xUnlock(under(f), level);
  }
  static int reserved(sqlite3_file* f, int* out) {
    return under(f)->pMethods->xCheckReservedLock(under(f), out);
  }
  static int control(sqlite3_file* f, int op, void* arg) {
    return under(f)->pMethods->xFileControl(under(f), op, arg);
  }
  static int sector(sqlite3_file* f) { return under(f)->pMethods->xSectorSize(under(f)); }
  static int traits(sqlite3_file* f) {
    return under(f)->pMethods->xDeviceCharacteristics(under(f));
  }
  static int shm_map(sqlite3_file* f, int page, int bytes, int extend, void volatile** out) {
    return under(f)->pMethods->xShmMap(under(f), page, bytes, extend, out);
  }
  static int shm_lock(sqlite3_file* f, int offset, int n, int flags) {
    return under(f)->pMethods->xShmLock(under(f), offset, n, flags);
  }
  static void shm_barrier(sqlite3_file* f) { under(f)->pMethods->xShmBarrier(under(f)); }
  static int shm_unmap(sqlite3_file* f, int drop) {
    return under(f)->pMethods->xShmUnmap(under(f), drop);
  }

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* given, int flags,
                  int* out_flags) {
    File& mine = *new (given) File{};
    const int rc = parent(vfs)->xOpen(parent(vfs), name, mine.parent(), flags, out_flags);
    if (mine.parent()->pMethods == nullptr) return rc;  // nothing to close
    mine.kind = File::Kind::other;
    mine.vfs = &self(vfs);
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) mine.kind = File::Kind::database;
    if ((flags & SQLITE_OPEN_WAL) != 0 && mine.vfs->checks_log_) {
      mine.kind = File::Kind::log;
      mine.frames = new std::shared_ptr<Frames>(self(vfs).frames_of(name));
    }
    // Version 2 at most: with 3 SQLite would map the file and read past us.
    mine.methods = {std::min(2, mine.parent()->pMethods->iVersion),
                    close,
                    read,
                    write,
                    truncate,
                    sync,
                    size,
                    lock,
                    unlock,
                    reserved,
                    control,
                    sector,
                    traits,
                    shm_map,
                    shm_lock,
                    shm_barrier,
                    shm_unmap,
                    nullptr,
                    nullptr};
    mine.base.pMethods = &mine.methods;
    return rc;
  }
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder) {
    if (const int rc = self(vfs).forget(name); rc != SQLITE_OK) return rc;
    return parent(vfs)->xDelete(parent(vfs), name, sync_folder);
  }
  static int access(sqlite3_vfs* vfs, const char* name, int flags, int* out) {
    return parent(vfs)->xAccess(parent(vfs), name, flags, out);
  }
  static int full_path(sqlite3_vfs* vfs, const char* name, int size, char* out) {
    return parent(vfs)->xFullPathname(parent(vfs), name, size, out);
  }
  static int random(sqlite3_vfs* vfs, int size, char* out) {
    return parent(vfs)->xRandomness(parent(vfs), size, out);
  }
  static int sleep(sqlite3_vfs* vfs, int micros) {
    return parent(vfs)->xSleep(parent(vfs), micros);
  }
  static int now(sqlite3_vfs* vfs, double* out) {
    return parent(vfs)->xCurrentTime(parent(vfs), out);
  }
  static int error(sqlite3_vfs* vfs, int size, char* out) {
    return parent(vfs)->xGetLastError(parent(vfs), size, out);
  }
};

Result<std::unique_ptr<CheckedVfs>> CheckedVfs::make(const std::string& parent, bool log,
                                                     std::vector<std::uint32_t>* damaged) {
  sqlite3_vfs* found = sqlite3_vfs_find(parent.empty() ? nullptr : parent.c_str());
  if (found == nullptr)
    return fail(Errc::config, "SQLite knows no file system of that name; register it first");
  return std::unique_ptr<CheckedVfs>(new CheckedVfs(found, log, damaged));
}

CheckedVfs::CheckedVfs(sqlite3_vfs* parent, bool log, std::vector<std::uint32_t>* damaged)
    : parent_(parent), checks_log_(log), damaged_(damaged) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "dim-checked-%p", static_cast<void*>(this));
  name_ = text.data();
  vfs_ = make_vfs<Methods>(name_.c_str(), static_cast<int>(sizeof(File)) + parent->szOsFile,
                           parent->mxPathname, this);
  sqlite3_vfs_register(&vfs_, 0);
}

CheckedVfs::~CheckedVfs() { sqlite3_vfs_unregister(&vfs_); }

std::shared_ptr<CheckedVfs::Frames> CheckedVfs::frames_of(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  auto& frames = frames_[path];
  if (!frames) frames = std::make_shared<Frames>(parent_, path);
  return frames;
}

int CheckedVfs::forget(const std::string& path) {
  const std::scoped_lock lock(mutex_);
  const auto found = frames_.find(path);
  if (found == frames_.end()) return SQLITE_OK;
  if (const int rc = found->second->cut(0); rc != SQLITE_OK) return rc;
  frames_.erase(found);
  return SQLITE_OK;
}

}  // namespace dim
