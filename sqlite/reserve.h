// Room on the disk that is kept for what must work when it is full (R14): deleting, destroying,
// bans.
#pragma once
#include <cstdint>
#include <string>

namespace dim {

/// How much is kept of a disk of so many bytes, when `wanted` is: a sixteenth at most.
std::int64_t reserve_bytes(std::int64_t wanted, std::int64_t disk);

/// A file without content, which is cut to nothing when its room is needed, and made again when
/// there is room.
class Reserve {
 public:
  /// None: never whole, never given up.
  Reserve() = default;
  /// `folder`/station.reserve of reserve_bytes(). Where a new one has no room there is none; one
  /// that was given up before stays so until it has.
  Reserve(const std::string& folder, std::int64_t wanted);
  Reserve(const Reserve&) = delete;
  Reserve(Reserve&& other) noexcept;
  Reserve& operator=(Reserve&& other) noexcept;
  ~Reserve();

  /// What is written now may take all that is left.
  bool whole() const { return file_ < 0 || whole_; }
  std::int64_t bytes() const { return bytes_; }
  /// Gives its room up. False: there is none to give.
  bool release();
  /// Takes as much room again, when there is. False: there is not.
  bool restore();

 private:
  int file_ = -1;
  std::int64_t bytes_ = 0;
  bool whole_ = false;
};

}  // namespace dim
