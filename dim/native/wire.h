// Numbers and fields of fixed size in frames and kept bytes: big endian, read with every bound
// checked.
#pragma once
#include <algorithm>
#include <array>
#include <concepts>

#include "dim/base/bytes.h"

namespace dim::native {

template <std::unsigned_integral T>
void append_number(Bytes& out, T value) {
  for (int shift = static_cast<int>(sizeof(T) * 8) - 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

inline void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

/// Reads from the front. After the first read beyond the end everything is zero and good() false.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : left_(bytes) {}

  ByteView bytes(std::size_t size) {
    if (size > left_.size()) {
      good_ = false;
      left_ = {};
      return {};
    }
    const ByteView out = left_.first(size);
    left_ = left_.subspan(size);
    return out;
  }
  template <std::size_t N>
  std::array<std::uint8_t, N> array() {
    std::array<std::uint8_t, N> out{};
    std::ranges::copy(bytes(N), out.begin());
    return out;
  }
  template <std::unsigned_integral T>
  T number() {
    T out = 0;
    for (const std::uint8_t byte : bytes(sizeof(T))) out = static_cast<T>(out << 8 | byte);
    return out;
  }
  ByteView left() const { return left_; }
  bool good() const { return good_; }
  /// Everything was there, and nothing is left.
  bool complete() const { return good_ && left_.empty(); }

 private:
  ByteView left_;
  bool good_ = true;
};

}  // namespace dim::native
