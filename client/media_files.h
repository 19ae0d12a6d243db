// Files of the person's own disk, a piece at a time: read to be sealed and sent, written as they
// come.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {

/// An open file that is being read.
class SourceFile {
 public:
  /// A regular file. Errc::io.
  static Result<SourceFile> open(const std::string& path);
  SourceFile(SourceFile&& other) noexcept;
  SourceFile& operator=(SourceFile&& other) noexcept;
  ~SourceFile();

  std::int64_t size() const { return size_; }
  /// Says which file it was, and in which state: another text when it was written to since.
  const std::string& stamp() const { return stamp_; }
  /// Errc::conflict when it is not in that state any more.
  Status check() const;
  /// Fills `out` from `offset` on. Errc::io when it cannot, or ends before; as check() when the
  /// file is another one by the end of it: what was sealed once is never sealed differently.
  Status read(std::int64_t offset, std::span<std::uint8_t> out) const;

 private:
  SourceFile(int file, std::int64_t size, std::string stamp)
      : file_(file), size_(size), stamp_(std::move(stamp)) {}
  int file_ = -1;
  std::int64_t size_ = 0;
  std::string stamp_;
};

/// A file that grows under a hidden name, so that a later run can go on with it, and gets its own
/// name when it is whole.
class PartFile {
 public:
  /// For `path`, or, where that is a folder, in it (the name is given to finish()). `tag` says
  /// whose part it is. What lies there and is not a part of this user alone is removed, not
  /// used. Errc::conflict when a file of that name is there already; Errc::io.
  static Result<PartFile> open(const std::string& path, std::string_view tag);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&& other) noexcept;
  /// An empty part does not stay.
  ~PartFile();

  /// Bytes of an earlier run.
  std::int64_t size() const { return size_; }
  /// Calls `take` with the first `bytes` of it, `piece` at a time, and cuts off the rest.
  Status replay(std::int64_t bytes, std::int64_t piece,
                const std::function<Status(ByteView)>& take);
  Status append(ByteView bytes);
  /// On the disk under its name; in a folder under safe_filename(name), or "… (2)" and so on. Never
  /// over another file.
  Result<std::string> finish(std::string_view name);
  /// What is there is worth nothing.
  void discard();

 private:
  PartFile(int file, std::string path, std::string part, bool folder)
      : file_(file), path_(std::move(path)), part_(std::move(part)), folder_(folder) {}
  int file_ = -1;
  std::int64_t size_ = 0;
  std::int64_t begun_ = 0;  // the disk was told to write up to here
  std::string path_, part_;
  bool folder_ = false;
};

}  // namespace dim
