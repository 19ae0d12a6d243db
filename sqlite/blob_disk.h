// The files that hold the bytes of media, by number.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {

/// One thread writes, syncs, removes and lists; reads may come from any. Errors:
/// insufficient_storage (full), unavailable (nothing was done, and may be later: too many open
/// files), io.
class BlobDisk {
 public:
  virtual ~BlobDisk() = default;
  /// The file is made with its first bytes; what was never written reads as zero.
  virtual Status write(std::int64_t id, std::int64_t offset, ByteView bytes) = 0;
  /// Everything written since the last call is durable, names too.
  virtual Status sync() = 0;
  /// Fills `out`. Errc::not_found: no such file; Errc::internal: it ends before.
  virtual Status read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const = 0;
  /// One that is not there is removed already.
  virtual Status remove(std::int64_t id) = 0;
  virtual Result<std::vector<std::int64_t>> list() const = 0;
};

/// Files named by their numbers, mode 0600, in one folder.
class BlobFolder final : public BlobDisk {
 public:
  /// Makes the folder (0700) when absent. Errc::forbidden: not writable; insufficient_storage; io.
  static Result<std::unique_ptr<BlobFolder>> open(const std::string& path);
  ~BlobFolder() override;

  Status write(std::int64_t id, std::int64_t offset, ByteView bytes) override;
  Status sync() override;
  Status read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const override;
  Status remove(std::int64_t id) override;
  Result<std::vector<std::int64_t>> list() const override;

 private:
  struct Written {
    int file = -1;
    bool dirty = false;
  };
  explicit BlobFolder(std::string path) : path_(std::move(path)) {}
  std::string name_of(std::int64_t id) const { return path_ + "/" + std::to_string(id); }
  Result<Written*> writable(std::int64_t id);

  std::string path_;
  std::map<std::int64_t, Written> open_;  // of the thread that writes
  // A process that was killed may have made names that are not durable.
  bool names_dirty_ = true;
};

}  // namespace dim
