#include "testing/disk/sim_disk.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>

#include "sqlite/vfs_file.h"

namespace dim {

struct SimDisk::Open {
  sqlite3_file base;
  SimDisk* disk;
  std::shared_ptr<Stored>* file;
};

struct SimDisk::Methods {
  static SimDisk& disk(sqlite3_vfs* vfs) { return *static_cast<SimDisk*>(vfs->pAppData); }
  static SimDisk& disk(sqlite3_file* file) { return *reinterpret_cast<Open*>(file)->disk; }
  static Stored& stored(sqlite3_file* file) { return **reinterpret_cast<Open*>(file)->file; }

  static int close(sqlite3_file* file) {
    delete reinterpret_cast<Open*>(file)->file;
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* out, int amount, sqlite3_int64 offset) {
    SimDisk& self = disk(file);
    if (!self.powered_) return SQLITE_IOERR_READ;
    if (self.strikes({Fault::read_error})) return SQLITE_IOERR_CORRUPTFS;  // as for EIO on Linux
    const auto& bytes = stored(file).now;
    const auto at = static_cast<std::size_t>(offset);
    const auto size = static_cast<std::size_t>(amount);
    const std::size_t there = at < bytes.size() ? std::min(size, bytes.size() - at) : 0;
    auto* target = static_cast<std::uint8_t*>(out);
    if (there > 0) std::memcpy(target, &bytes[at], there);
    std::memset(target + there, 0, size - there);
    if (there > 0 && self.strikes({Fault::flip_read})) {
      target[self.below(there)] ^= static_cast<std::uint8_t>(1U << self.below(8));
    }
    return there == size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* data, int amount, sqlite3_int64 offset) {
    SimDisk& self = disk(file);
    if (!self.powered_) return SQLITE_IOERR_WRITE;
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    const auto at = static_cast<std::size_t>(offset);
    const auto size = static_cast<std::size_t>(amount);
    if (self.strikes({Fault::write_error, Fault::full, Fault::short_write, Fault::flip_write,
                      Fault::power_cut})) {
      switch (*self.armed_) {
        case Fault::full:
          return SQLITE_FULL;
        case Fault::short_write:
          self.put(stored(file), bytes, size / 2, at);
          return SQLITE_FULL;
        case Fault::power_cut:
          self.put(stored(file), bytes, self.below(size + 1), at);
          self.powered_ = false;
          return SQLITE_IOERR_WRITE;
        case Fault::flip_write: {
          std::vector<std::uint8_t> flipped(bytes, bytes + size);
          flipped[self.below(size)] ^= static_cast<std::uint8_t>(1U << self.below(8));
          self.put(stored(file), flipped.data(), size, at);
          return SQLITE_OK;
        }
        default:
          return SQLITE_IOERR_WRITE;
      }
    }
    self.put(stored(file), bytes, size, at);
    return SQLITE_OK;
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    SimDisk& self = disk(file);
    if (!self.powered_ || self.strikes({Fault::write_error})) return SQLITE_IOERR_TRUNCATE;
    self.resize(stored(file), static_cast<std::size_t>(size));
    return SQLITE_OK;
  }

  static int sync(sqlite3_file* file, int) {
    SimDisk& self = disk(file);
    if (!self.powered_) return SQLITE_IOERR_FSYNC;
    if (self.strikes({Fault::sync_error, Fault::power_cut})) {
      if (*self.armed_ == Fault::power_cut) self.powered_ = false;
      return SQLITE_IOERR_FSYNC;
    }
    Stored& one = stored(file);
    one.synced = one.now;
    one.unsynced.clear();
    one.cut.reset();
    one.name_synced = true;
    return SQLITE_OK;
  }

  static int size(sqlite3_file* file, sqlite3_int64* out) {
    *out = static_cast<sqlite3_int64>(stored(file).now.size());
    return SQLITE_OK;
  }
  static int lock(sqlite3_file*, int) { return SQLITE_OK; }
  static int reserved(sqlite3_file*, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int sector(sqlite3_file*) { return static_cast<int>(kSector); }
  static int traits(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int open(sqlite3_vfs* vfs, sqlite3_filename path, sqlite3_file* given, int flags,
                  int* out_flags) {
    static const sqlite3_io_methods methods = {
        1,       close,  read,   write,   truncate, sync,    size,    lock,    lock,   reserved,
        control, sector, traits, nullptr, nullptr,  nullptr, nullptr, nullptr, nullptr};
    SimDisk& self = disk(vfs);
    given->pMethods = nullptr;
    if (!self.powered_) return SQLITE_CANTOPEN;
    std::shared_ptr<Stored> file;
    if (path == nullptr) {
      file = std::make_shared<Stored>();
    } else if (const auto found = self.files_.find(path); found != self.files_.end()) {
      file = found->second;
    } else {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      file = std::make_shared<Stored>();
      self.files_.emplace(path, file);
    }
    auto* mine = new (given) Open{};
    mine->disk = &self;
    mine->file = new std::shared_ptr<Stored>(std::move(file));
    mine->base.pMethods = &methods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* path, int sync_folder) {
    SimDisk& self = disk(vfs);
    if (!self.powered_ || self.strikes({Fault::write_error})) return SQLITE_IOERR_DELETE;
    const auto found = self.files_.find(path);
    if (found == self.files_.end()) return SQLITE_IOERR_DELETE_NOENT;
    if (sync_folder == 0) self.removed_.insert_or_assign(found->first, found->second);
    self.files_.erase(found);
    return SQLITE_OK;
  }

  static int access(sqlite3_vfs* vfs, const char* path, int, int* out) {
    *out = disk(vfs).files_.contains(path) ? 1 : 0;
    return SQLITE_OK;
  }
  static int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
    std::snprintf(out, static_cast<std::size_t>(size), "%s", name);
    return SQLITE_OK;
  }
  static int random(sqlite3_vfs* vfs, int size, char* out) {
    for (int i = 0; i < size; ++i) out[i] = static_cast<char>(disk(vfs).random_());
    return size;
  }
  static int sleep(sqlite3_vfs*, int micros) { return micros; }
  static int now(sqlite3_vfs*, double* out) {
    *out = 2'461'000.5;
    return SQLITE_OK;
  }
  static int error(sqlite3_vfs*, int, char*) { return 0; }
};

SimDisk::SimDisk(std::uint64_t seed) : random_(seed) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "dim-sim-%p", static_cast<void*>(this));
  name_ = text.data();
  vfs_ = make_vfs<Methods>(name_.c_str(), sizeof(Open), 512, this);
  sqlite3_vfs_register(&vfs_, 0);
}

SimDisk::~SimDisk() { sqlite3_vfs_unregister(&vfs_); }

void SimDisk::fail_at(std::uint64_t n, Fault fault) {
  armed_ = fault;
  countdown_ = n;
  struck_ = false;
}

bool SimDisk::strikes(std::initializer_list<Fault> possible) {
  if (!armed_ || std::ranges::find(possible, *armed_) == possible.end()) return false;
  if (struck_) return *armed_ == Fault::full;
  if (--countdown_ > 0) return false;
  struck_ = true;
  return true;
}

void SimDisk::remember(Stored& file, std::size_t from, std::size_t to) {
  for (std::size_t sector = from / kSector; sector * kSector < to; ++sector) {
    std::vector<std::uint8_t> version(kSector, 0);
    if (const std::size_t at = sector * kSector; at < file.now.size()) {
      std::memcpy(version.data(), &file.now[at], std::min(kSector, file.now.size() - at));
    }
    file.unsynced[sector].push_back(std::move(version));
  }
}

void SimDisk::put(Stored& file, const std::uint8_t* data, std::size_t size, std::size_t offset) {
  if (size == 0) return;
  if (file.now.size() < offset + size) file.now.resize(offset + size);
  std::memcpy(&file.now[offset], data, size);
  remember(file, offset, offset + size);
}

void SimDisk::resize(Stored& file, std::size_t size) {
  if (size < file.now.size()) {
    file.cut = std::min(size, file.cut.value_or(size));
    file.unsynced.erase(file.unsynced.lower_bound((size + kSector - 1) / kSector),
                        file.unsynced.end());
  }
  file.now.resize(size);
}

void SimDisk::settle(Stored& file) {
  if (file.cut && *file.cut < file.synced.size()) {
    if (below(2) == 0) {
      file.now = file.synced;
      file.unsynced.clear();
    } else {
      file.synced.resize(*file.cut);
    }
  }
  file.cut.reset();
  const std::size_t low = std::min(file.synced.size(), file.now.size());
  const std::size_t high = std::max(file.synced.size(), file.now.size());
  std::size_t size = file.synced.size();
  if (low != high) {
    const std::size_t choice = below(3);
    if (choice == 0) size = file.now.size();
    if (choice == 1) size = std::max(low, (low + below(high - low)) / kSector * kSector);
  }
  std::vector<std::uint8_t> out = file.synced;
  out.resize(std::max(high, out.size()));
  for (const auto& [sector, versions] : file.unsynced) {
    const std::size_t at = sector * kSector;
    if (at >= out.size()) continue;
    const std::size_t length = std::min(kSector, out.size() - at);
    const std::size_t version = below(versions.size() + 1);  // 0: as synced
    if (version > 0) std::memcpy(&out[at], versions[version - 1].data(), length);
    if (version < versions.size() && below(4) == 0) {
      std::memcpy(&out[at], versions[version].data(), below(length + 1));
    }
  }
  out.resize(size);
  file.now = out;
  file.synced = std::move(out);
  file.unsynced.clear();
  file.name_synced = true;
}

void SimDisk::power_on() {
  for (auto& [path, file] : removed_) {
    if (!files_.contains(path) && below(2) == 0) files_.emplace(path, file);
  }
  removed_.clear();
  for (auto next = files_.begin(); next != files_.end();) {
    if (!next->second->name_synced && below(2) == 0) {
      next = files_.erase(next);
    } else {
      settle(*next->second);
      ++next;
    }
  }
  armed_.reset();
  struck_ = false;
  powered_ = true;
}

void SimDisk::put(const std::string& path, std::vector<std::uint8_t> content) {
  auto file = std::make_shared<Stored>();
  file->synced = content;
  file->now = std::move(content);
  file->name_synced = true;
  files_.insert_or_assign(path, std::move(file));
}

std::vector<std::uint8_t>* SimDisk::content(const std::string& path) {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second->now;
}

}  // namespace dim
