// Bytes that must not leak: move-only, wiped when they go, unprintable, compared in constant time.
#pragma once
#include <cstdint>
#include <span>
#include "dim/base/bytes.h"
#include "dim/base/random.h"

namespace dim {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size);      ///< zero bytes
  static Secret copy_of(ByteView bytes);  ///< the caller still owns (and wipes) the source
  static Secret random(std::size_t size, Random& random);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  Secret clone() const { return copy_of(view()); }
  /// The bytes, named so that every reading of a secret can be found.
  ByteView view() const { return {data_, size_}; }
  std::span<std::uint8_t> writable() { return {data_, size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  void wipe();

 private:
  std::uint8_t* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Constant in time for equal sizes.
bool equal_secret(ByteView a, ByteView b);
/// Overwrites memory in a way the compiler keeps.
void wipe(std::span<std::uint8_t> bytes);
void wipe(std::string& text);

}  // namespace dim
