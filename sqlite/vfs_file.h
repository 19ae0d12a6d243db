// A file opened through an SQLite VFS outside of any connection.
#pragma once
#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dim/base/bytes.h"

namespace dim {

/// Closed with the object. Every call gives SQLite's result code; reads and writes only while open.
class VfsFile {
 public:
  VfsFile() = default;
  VfsFile(const VfsFile&) = delete;
  VfsFile& operator=(const VfsFile&) = delete;
  ~VfsFile() { close(); }

  /// `name` must live as long as the file is open. `flags`: SQLITE_OPEN_….
  int open(sqlite3_vfs* vfs, sqlite3_filename name, int flags);
  void close();
  bool is_open() const { return file_ != nullptr && file_->pMethods != nullptr; }

  /// SQLITE_IOERR_SHORT_READ where the file ends before the span does.
  int read(std::size_t at, std::span<std::uint8_t> out);
  int write(std::size_t at, ByteView bytes);
  int sync();
  int size(std::size_t& out);

 private:
  std::unique_ptr<std::max_align_t[]> memory_;
  sqlite3_file* file_ = nullptr;
};

/// A VFS version 1 named `name` whose calls are the static functions of `Methods`, `self` its
/// pAppData. Not registered yet; the name must outlive it.
template <class Methods>
sqlite3_vfs make_vfs(const char* name, int file_bytes, int path_bytes, void* self) {
  sqlite3_vfs out{};
  out.iVersion = 1;
  out.szOsFile = file_bytes;
  out.mxPathname = path_bytes;
  out.zName = name;
  out.pAppData = self;
  out.xOpen = Methods::open;
  out.xDelete = Methods::remove;
  out.xAccess = Methods::access;
  out.xFullPathname = Methods::full_path;
  out.xRandomness = Methods::random;
  out.xSleep = Methods::sleep;
  out.xCurrentTime = Methods::now;
  out.xGetLastError = Methods::error;
  return out;
}

}  // namespace dim
