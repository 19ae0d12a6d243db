#include "dim/crypto/der.h"

namespace dim::der {

ByteView Reader::failed() {
  good_ = false;
  rest_ = {};
  return {};
}

ByteView Reader::next(std::uint8_t tag) {
  if (!has(tag) || rest_.size() < 2) return failed();
  std::size_t size = rest_[1];
  std::size_t head = 2;
  if (size >= 0x80) {
    const std::size_t count = size - 0x80;
    if (count < 1 || count > 3 || rest_.size() < head + count || rest_[2] == 0) return failed();
    size = 0;
    for (; count + 2 > head; ++head) size = size << 8 | rest_[head];
    if (size < 0x80) return failed();
  }
  if (rest_.size() - head < size) return failed();
  const ByteView contents = rest_.subspan(head, size);
  rest_ = rest_.subspan(head + size);
  return contents;
}

ByteView Reader::integer() {
  const ByteView contents = next(kInteger);
  if (contents.empty() || contents[0] >= 0x80) return failed();
  if (contents[0] != 0) return contents;
  if (contents.size() > 1 && contents[1] < 0x80) return failed();
  return contents.subspan(1);
}

ByteView Reader::bits() {
  const ByteView contents = next(kBitString);
  if (contents.empty() || contents[0] != 0) return failed();
  return contents.subspan(1);
}

Bytes element(std::uint8_t tag, std::initializer_list<ByteView> parts) {
  std::size_t size = 0;
  for (const ByteView part : parts) size += part.size();
  Bytes out = {tag};
  if (size >= 0x80) {
    std::size_t count = 1;
    while (size >> (8 * count) != 0) ++count;
    out.push_back(static_cast<std::uint8_t>(0x80 + count));
    while (count-- > 0) out.push_back(static_cast<std::uint8_t>(size >> (8 * count)));
  } else {
    out.push_back(static_cast<std::uint8_t>(size));
  }
  for (const ByteView part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Bytes integer(ByteView magnitude) {
  constexpr std::uint8_t zero[] = {0};
  const bool sign_byte = magnitude.empty() || magnitude[0] >= 0x80;
  return element(kInteger, {sign_byte ? ByteView(zero) : ByteView(), magnitude});
}

}  // namespace dim::der
