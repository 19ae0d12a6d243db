// Keys of objects, 32 bytes each, in numbered slots of a file beside the database: so that an
// object can be destroyed in one place, whatever copies of its cipher text a log, a page or a disk
// still holds. File `database`-`kind``number`: a head of 4,096 bytes ("DIMKEYS1", the number (8,
// little endian), the epoch key (32), CRC-32C of these), then slots of 72 bytes: nonce, key and
// tag of an XChaCha20-Poly1305 box under the epoch key, bound to the numbers of file and slot. A
// slot that was destroyed holds random bytes. A rotation copies what is alive into the file of the
// next number, under a new epoch key, and then destroys the old epoch key: what a disk remembers of
// overwritten slots is worth nothing after that. docs/adr/0008-destroy.md.
#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "dim/base/error.h"
#include "dim/base/random.h"
#include "dim/crypto/secret.h"
#include "sqlite/vfs_file.h"

namespace dim {

/// Slots count from 1. One thread writes; get() may come from another at the same time. Errors:
/// insufficient_storage (full), io, internal (the file is missing or damaged).
class KeySlots {
 public:
  /// Opens nothing yet; `random` must outlive it.
  KeySlots(sqlite3_vfs* vfs, std::string database, std::string kind, Random& random);

  /// Makes file `number`, without keys, in place of any of that name; durable when it returns.
  Status make(std::int64_t number);
  /// Opens what make() has made, and destroys what a rotation has left beside it.
  Status open(std::int64_t number);
  void close();
  std::int64_t number() const { return current_.number; }

  /// A fresh key in that slot, whatever was there.
  Result<Secret> put(std::int64_t slot);
  /// Errc::internal when there is none.
  Result<Secret> get(std::int64_t slot);
  /// Random bytes in its place.
  Status destroy(std::int64_t slot);
  /// What was put and destroyed is on the disk.
  Status sync();

  /// Copies up to `slots` into the next file, which the first call makes. True: all of it is there,
  /// and durable; then what names the file may name number() + 1, and finish_rotation() follows.
  Result<bool> rotate(std::size_t slots);
  /// The next file is the current one; the epoch key of the old one is overwritten, on the disk,
  /// and the file removed.
  Status finish_rotation();

 private:
  struct File {
    std::int64_t number = 0;
    std::unique_ptr<std::string> path{};  // where it lies must not move while the file is open
    std::unique_ptr<VfsFile> file{};
    Secret epoch{};
  };
  File named(std::int64_t number) const;
  bool exists(const File& file) const;
  Status make(File& file, std::int64_t number);
  Status write_key(File& file, std::int64_t slot, const Secret& key);
  Result<Secret> read(File& file, std::int64_t slot);
  Status write(File& file, std::size_t at, ByteView bytes);
  Status discard(std::int64_t number);
  Status wipe(File& file);

  sqlite3_vfs* vfs_;
  std::string database_;
  std::string kind_;
  Random& random_;
  std::mutex mutex_;  // the files
  File current_;
  File next_;  // while it is rotated
  std::int64_t copied_ = 0;
  bool dirty_ = false;
};

}  // namespace dim
