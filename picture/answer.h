// What the program dim-picture says, through a pipe, to the client that has started it. It has read
// a hostile picture: whoever reads its answer takes it for hostile too.
#pragma once
#include <cstdint>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"

namespace dim {

/// Bytes of a picture beyond which nobody looks at it.
inline constexpr std::size_t kPictureBytes = 64UL * 1024 * 1024;
/// Pixels of a picture beyond which it is refused (A41), and how long a side may be.
inline constexpr std::int64_t kPicturePixels = 64L * 1024 * 1024;
inline constexpr int kPictureSide = 1'000'000;
/// The same of what came as a small picture, and is drawn while somebody waits.
inline constexpr std::int64_t kSmallPixels = 4L * 1024 * 1024;
/// Pictures of an animation beyond which it is refused (M07).
inline constexpr int kPictureFrames = 10'000;

/// Longest side of a preview in pixels, and its size in bytes as a JPEG.
inline constexpr int kPreviewSide = 320;
inline constexpr std::size_t kPreviewBytes = 24UL * 1024;

/// Why there is no small picture.
enum class PictureRefusal : std::uint8_t {
  none,
  no_picture,  ///< neither PNG nor JPEG, GIF or WebP
  damaged,     ///< cut off, or no such picture after all
  too_many_pixels,
  too_many_frames,
  unsupported,  ///< a picture, but of a kind that is not decoded
  no_memory,
  unconfined,  ///< the system lets the program not give up its rights, so it has read nothing
};
inline constexpr int kPictureRefusals = 8;

/// What is wanted of it: a JPEG without anything but the picture, or red, green, blue of each
/// pixel.
enum class PictureForm : std::uint8_t { jpeg, pixels };

struct PictureAnswer {
  PictureRefusal refusal = PictureRefusal::none;
  PictureForm form = PictureForm::jpeg;
  int width = 0, height = 0;              ///< of the original, upright; 0: not known
  int small_width = 0, small_height = 0;  ///< of what is in `body`
  Bytes body{};
};

/// "DIMP", version, refusal, form, 0, then five numbers of four bytes, the first byte first: width,
/// height, small width, small height, length of the body; then the body.
Bytes write_picture_answer(const PictureAnswer& answer);
/// Errc::content for anything else than such an answer of this form with a picture in the bounds
/// above, also for a JPEG that is none (is_bare_jpeg).
Result<PictureAnswer> read_picture_answer(ByteView bytes, PictureForm form);

/// Most bytes of an answer.
inline constexpr std::size_t kPictureAnswer = 28 + 3UL * kPreviewSide * kPreviewSide;

/// A JPEG of that size made of what a decoder needs and nothing else: no segments of applications
/// but JFIF without a picture of its own, no comments, nothing behind its end: no place for
/// metadata.
bool is_bare_jpeg(ByteView bytes, int width, int height);

}  // namespace dim
