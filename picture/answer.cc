#include "picture/answer.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace dim {
namespace {

constexpr std::string_view kMagic = "DIMP";
constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHead = 28;
static_assert(kPictureAnswer >= kHead + kPreviewBytes);

void put_number(Bytes& out, std::size_t number) {
  for (const int shift : {24, 16, 8, 0}) out.push_back(static_cast<std::uint8_t>(number >> shift));
}

std::uint32_t number_at(ByteView bytes, std::size_t at) {
  std::uint32_t out = 0;
  for (const std::uint8_t byte : bytes.subspan(at, 4)) out = out << 8 | byte;
  return out;
}

std::size_t word_at(ByteView bytes, std::size_t at) {
  return static_cast<std::size_t>(bytes[at]) << 8 | bytes[at + 1];
}

/// Markers of a JPEG (T.81, table B.1).
enum Marker : std::uint8_t {
  kSof0 = 0xC0,
  kSof2 = 0xC2,
  kDht = 0xC4,
  kRst0 = 0xD0,
  kRst7 = 0xD7,
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDqt = 0xDB,
  kDri = 0xDD,
  kApp0 = 0xE0,
};

/// Where the next marker stands behind coded data; at the end when there is none.
std::size_t end_of_scan(ByteView bytes, std::size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    if (bytes[at] != 0xFF) continue;
    const std::uint8_t next = bytes[at + 1];
    if (next != 0 && (next < kRst0 || next > kRst7)) return at;
  }
  return bytes.size();
}

}  // namespace

bool is_bare_jpeg(ByteView bytes, int width, int height) {
  constexpr std::size_t kJfif = 16;  // with no picture in it
  constexpr std::string_view kJfifName("JFIF\0", 5);
  if (bytes.size() < 4 || bytes[0] != 0xFF || bytes[1] != kSoi) return false;
  bool framed = false, scanned = false;
  std::size_t at = 2;
  while (at + 2 <= bytes.size()) {
    if (bytes[at] != 0xFF) return false;
    const std::uint8_t marker = bytes[at + 1];
    if (marker == kEoi) return framed && scanned && at + 2 == bytes.size();
    if (at + 4 > bytes.size()) return false;
    const std::size_t length = word_at(bytes, at + 2);
    if (length < 2 || at + 2 + length > bytes.size()) return false;
    switch (marker) {
      case kDht:
      case kDqt:
      case kDri:
        break;
      case kApp0:
        if (at != 2 || length != kJfif ||
            as_text(bytes.subspan(at + 4, kJfifName.size())) != kJfifName ||
            word_at(bytes, at + 16) != 0)
          return false;
        break;
      case kSof0:
      case kSof2:
        if (framed || length < 8 || word_at(bytes, at + 5) != static_cast<std::size_t>(height) ||
            word_at(bytes, at + 7) != static_cast<std::size_t>(width))
          return false;
        framed = true;
        break;
      case kSos:
        if (!framed) return false;
        scanned = true;
        break;
      default:
        return false;
    }
    at += 2 + length;
    if (marker == kSos) at = end_of_scan(bytes, at);
  }
  return false;
}

Bytes write_picture_answer(const PictureAnswer& answer) {
  Bytes out(kMagic.begin(), kMagic.end());
  out.push_back(kVersion);
  out.push_back(static_cast<std::uint8_t>(answer.refusal));
  out.push_back(static_cast<std::uint8_t>(answer.form));
  out.push_back(0);
  for (const int number : {answer.width, answer.height, answer.small_width, answer.small_height})
    put_number(out, static_cast<std::size_t>(number));
  put_number(out, answer.body.size());
  out.insert(out.end(), answer.body.begin(), answer.body.end());
  return out;
}

Result<PictureAnswer> read_picture_answer(ByteView bytes, PictureForm form) {
  const auto wrong = [] {
    return fail(Errc::content,
                "no preview: the program that looks at pictures has given no right answer");
  };
  if (bytes.size() < kHead || as_text(bytes.first(kMagic.size())) != kMagic ||
      bytes[4] != kVersion || bytes[5] >= kPictureRefusals ||
      bytes[6] != static_cast<std::uint8_t>(form) || bytes[7] != 0)
    return wrong();
  PictureAnswer out{.refusal = static_cast<PictureRefusal>(bytes[5]), .form = form};
  std::array<std::uint32_t, 5> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = number_at(bytes, 8 + 4 * i);
  const auto [width, height, small_width, small_height, size] = numbers;
  if (size != bytes.size() - kHead || width > INT32_MAX || height > INT32_MAX) return wrong();
  out.width = static_cast<int>(width);
  out.height = static_cast<int>(height);
  if (out.refusal != PictureRefusal::none) {
    if (size != 0 || small_width != 0 || small_height != 0) return wrong();
    return out;
  }
  if (width < 1 || height < 1 || width > kPictureSide || height > kPictureSide ||
      std::int64_t{width} * height > kPicturePixels)
    return wrong();
  if (small_width < 1 || small_height < 1 ||
      small_width > std::min(width, std::uint32_t{kPreviewSide}) ||
      small_height > std::min(height, std::uint32_t{kPreviewSide}))
    return wrong();
  out.small_width = static_cast<int>(small_width);
  out.small_height = static_cast<int>(small_height);
  const ByteView body = bytes.subspan(kHead);
  const bool right =
      form == PictureForm::jpeg
          ? size <= kPreviewBytes && is_bare_jpeg(body, out.small_width, out.small_height)
          : size == 3 * small_width * small_height;
  if (!right) return wrong();
  out.body.assign(body.begin(), body.end());
  return out;
}

}  // namespace dim
