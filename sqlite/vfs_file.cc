#include "sqlite/vfs_file.h"

namespace dim {

int VfsFile::open(sqlite3_vfs* vfs, sqlite3_filename name, int flags) {
  close();
  memory_ = std::make_unique<std::max_align_t[]>(
      static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  file_ = reinterpret_cast<sqlite3_file*>(memory_.get());
  file_->pMethods = nullptr;
  int granted = 0;
  return vfs->xOpen(vfs, name, file_, flags, &granted);
}

void VfsFile::close() {
  if (is_open()) file_->pMethods->xClose(file_);
  file_ = nullptr;
  memory_.reset();
}

int VfsFile::read(std::size_t at, std::span<std::uint8_t> out) {
  return file_->pMethods->xRead(file_, out.data(), static_cast<int>(out.size()),
                                static_cast<sqlite3_int64>(at));
}

int VfsFile::write(std::size_t at, ByteView bytes) {
  return file_->pMethods->xWrite(file_, bytes.data(), static_cast<int>(bytes.size()),
                                 static_cast<sqlite3_int64>(at));
}

int VfsFile::sync() { return file_->pMethods->xSync(file_, SQLITE_SYNC_NORMAL); }

int VfsFile::size(std::size_t& out) {
  sqlite3_int64 bytes = 0;
  const int rc = file_->pMethods->xFileSize(file_, &bytes);
  out = static_cast<std::size_t>(bytes);
  return rc;
}

}  // namespace dim
