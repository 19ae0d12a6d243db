// Pictures of strangers made small. Everything here is pure; what decodes is C (libpng,
// libjpeg-turbo, libwebp, giflib), so nothing of it may be linked into a program that holds keys:
// dim-picture (main.cc) is the only one, and gives up all its rights first.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>

#include "picture/answer.h"

namespace dim {

/// Rows from the top, three bytes a pixel.
struct Pixels {
  int width = 0, height = 0;
  Bytes rgb{};
};

struct Box {
  int width = 0, height = 0;
};
/// The largest size of the same shape that stands in `box`, at least 1x1, and no larger than the
/// picture is.
Box fit(Box picture, Box box);

struct Decoded {
  Box original{};  ///< upright
  Pixels small{};  ///< upright, on white where it was transparent, within the box
};
struct Refused {
  PictureRefusal why{};
  Box original{};  ///< 0x0: not known
};
/// The first picture of a PNG, JPEG, GIF or WebP file of at most `most_pixels`. Its metadata is not
/// unpacked; of EXIF only the orientation is read. std::bad_alloc where memory is short.
std::expected<Decoded, Refused> decode_small(ByteView file, Box box,
                                             std::int64_t most_pixels = kPicturePixels);

/// How the picture of a JPEG file has to be turned (EXIF, 1 to 8); 1 where nothing says so.
int orientation_of(ByteView jpeg);

/// As a JPEG of at most `most` bytes, with fewer pixels where that is needed. Nothing: no memory.
std::optional<PictureAnswer> encode_small(const Decoded& decoded, std::size_t most);

/// What dim-picture answers.
PictureAnswer answer_picture(ByteView file, PictureForm form, Box box,
                             std::int64_t most_pixels = kPicturePixels);

}  // namespace dim
