#include "dim/crypto/locked_memory.h"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace dim {
namespace {

constexpr std::size_t kLeastCell = 32;
constexpr std::size_t kMostCell = 4'096;
constexpr std::size_t kClasses = std::bit_width(kMostCell / kLeastCell);

std::size_t class_of(std::size_t size) {
  return static_cast<std::size_t>(std::bit_width((std::max(size, kLeastCell) - 1) / kLeastCell));
}

constexpr std::size_t kAddress = sizeof(std::uint8_t*);

/// Chunks cut into cells of powers of two. A free cell begins with the address of the next one.
class Pool {
 public:
  std::uint8_t* take(std::size_t cell_class) {
    const std::scoped_lock lock(mutex_);
    if (std::uint8_t* const cell = free_[cell_class]; cell != nullptr) {
      std::memcpy(&free_[cell_class], cell, kAddress);
      std::memset(cell, 0, kAddress);
      return cell;
    }
    const std::size_t size = kLeastCell << cell_class;
    if (left_ < size && !add_chunk()) return nullptr;
    std::uint8_t* const cell = next_;
    next_ += size;
    left_ -= size;
    return cell;
  }

  /// False: it is not of this pool.
  bool give(std::uint8_t* cell, std::size_t cell_class) {
    const std::scoped_lock lock(mutex_);
    const auto end = chunks_.begin() + static_cast<std::ptrdiff_t>(count_);
    const bool ours = std::any_of(chunks_.begin(), end, [cell](const std::uint8_t* chunk) {
      const auto first = reinterpret_cast<std::uintptr_t>(chunk);
      const auto at = reinterpret_cast<std::uintptr_t>(cell);
      return at >= first && at - first < kLockedChunk;
    });
    if (!ours) return false;
    std::memcpy(cell, &free_[cell_class], kAddress);
    free_[cell_class] = cell;
    return true;
  }

  std::size_t locked() {
    const std::scoped_lock lock(mutex_);
    return count_ * kLockedChunk;
  }

 private:
  bool add_chunk() {
    if (refused_ || count_ == chunks_.size()) return false;
    void* const made = std::aligned_alloc(kLockedChunk, kLockedChunk);
    if (made == nullptr) return false;
    if (sodium_mlock(made, kLockedChunk) != 0) {
      refused_ = true;
      std::free(made);
      return false;
    }
    std::memset(made, 0, kLockedChunk);
    next_ = chunks_[count_++] = static_cast<std::uint8_t*>(made);
    left_ = kLockedChunk;
    return true;
  }

  std::mutex mutex_;
  std::array<std::uint8_t*, kClasses> free_{};
  std::array<std::uint8_t*, kLockedMost / kLockedChunk> chunks_{};
  std::size_t count_ = 0;
  std::uint8_t* next_ = nullptr;
  std::size_t left_ = 0;
  bool refused_ = false;
};

/// Never destroyed: secrets of static objects go late.
Pool& pool() {
  static Pool* const made = new Pool;
  return *made;
}

}  // namespace

std::uint8_t* take_locked(std::size_t size) {
  if (size == 0) return nullptr;
  if (size <= kMostCell) {
    if (std::uint8_t* const cell = pool().take(class_of(size)); cell != nullptr) return cell;
  }
  return new std::uint8_t[size]();
}

void give_locked(std::uint8_t* bytes, std::size_t size) noexcept {
  if (bytes == nullptr) return;
  sodium_memzero(bytes, size);
  if (size <= kMostCell && pool().give(bytes, class_of(size))) return;
  delete[] bytes;
}

std::size_t locked_bytes() { return pool().locked(); }

}  // namespace dim
