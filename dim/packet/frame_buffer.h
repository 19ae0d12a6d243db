// What the decoders of frames share: the bytes held, and the three outcomes.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "dim/base/error.h"

namespace dim {

struct NeedMore {};
/// Feed more, the thing, or why it can never become one.
template <class T>
using Decoded = std::variant<NeedMore, T, Error>;

/// Bytes received and not consumed yet. Each byte is moved once, whatever the segmentation, and
/// nothing is held for a connection that has nothing to say.
class FrameBuffer {
 public:
  void feed(std::string_view bytes) {
    if (begin_ > 0 && begin_ >= bytes_.size() - begin_) {
      bytes_.erase(0, begin_);
      begin_ = 0;
    }
    bytes_ += bytes;
  }
  std::string_view held() const { return std::string_view(bytes_).substr(begin_); }
  void drop(std::size_t count) {
    begin_ += count;
    if (begin_ < bytes_.size()) return;
    begin_ = 0;
    constexpr std::size_t kKept = 4096;
    if (bytes_.capacity() > kKept) {
      bytes_ = std::string();
    } else {
      bytes_.clear();
    }
  }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

/// Big-endian, from the first bytes of `bytes`, which must be there.
template <class Integer>
Integer read_big_endian(std::string_view bytes) {
  Integer out = 0;
  for (std::size_t i = 0; i < sizeof(Integer); ++i) {
    out = static_cast<Integer>(out << 8 | static_cast<std::uint8_t>(bytes[i]));
  }
  return out;
}

template <class Integer>
void append_big_endian(std::string& out, Integer value) {
  for (std::size_t i = sizeof(Integer); i-- > 0;) out += static_cast<char>(value >> (8 * i));
}

}  // namespace dim
