#include "picture/decoder/decode.h"

#include <gif_lib.h>
#include <png.h>
#include <turbojpeg.h>
#include <webp/decode.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <utility>

#include "picture/decoder/shrink.h"

namespace dim {
namespace {

constexpr std::string_view kPng("\x89PNG\r\n\x1A\n", 8);

using Outcome = std::expected<Decoded, Refused>;

std::unexpected<Refused> refuse(PictureRefusal why, Box original = {}) {
  return std::unexpected(Refused{why, original});
}

std::uint32_t number(ByteView bytes, std::size_t at, std::size_t count, bool little = false) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < count; ++i) out = out << 8 | bytes[at + (little ? count - 1 - i : i)];
  return out;
}

bool begins(ByteView bytes, std::string_view with) { return as_text(bytes).starts_with(with); }

/// What a picture says of its size, before anything is decoded.
std::optional<PictureRefusal> check_size(std::int64_t width, std::int64_t height,
                                         std::int64_t most_pixels) {
  if (width < 1 || height < 1) return PictureRefusal::damaged;
  if (width > kPictureSide || height > kPictureSide || width * height > most_pixels)
    return PictureRefusal::too_many_pixels;
  return std::nullopt;
}

Box box_of(std::uint32_t width, std::uint32_t height) {
  constexpr std::uint32_t kMost = INT32_MAX;
  return {static_cast<int>(std::min(width, kMost)), static_cast<int>(std::min(height, kMost))};
}

/// `rgba`: all of a picture, row by row.
Pixels shrink(const std::uint8_t* rgba, Box picture, Box small) {
  Shrink into(picture.width, picture.height, small.width, small.height);
  const std::size_t row = static_cast<std::size_t>(picture.width) * 4;
  for (std::size_t y = 0; y < static_cast<std::size_t>(picture.height); ++y)
    into.row({rgba + y * row, row});
  return {small.width, small.height, into.take()};
}

// ---- PNG

/// The chunks that make its pixels, without those that only tell about them: a text chunk may
/// unpack to anything. Empty: it is cut off, or its chunks are none.
Bytes bare_png(ByteView file) {
  constexpr std::array<std::string_view, 5> kKept{"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
  Bytes out(file.begin(), file.begin() + kPng.size());
  std::size_t at = kPng.size();
  while (file.size() - at >= 12) {
    const std::size_t length = number(file, at, 4);
    if (length > file.size() - at - 12) return {};
    const std::string_view type = as_text(file.subspan(at + 4, 4));
    const ByteView chunk = file.subspan(at, length + 12);
    if (std::ranges::find(kKept, type) != kKept.end())
      out.insert(out.end(), chunk.begin(), chunk.end());
    if (type == "IEND") return out;
    at += chunk.size();
  }
  return {};
}

Outcome decode_png(ByteView file, Box box, std::int64_t most_pixels) {
  constexpr std::size_t kHead = 8 + 8 + 13;
  if (file.size() < kHead || as_text(file.subspan(12, 4)) != "IHDR")
    return refuse(PictureRefusal::damaged);
  const std::uint32_t width = number(file, 16, 4), height = number(file, 20, 4);
  const Box original = box_of(width, height);
  if (const auto wrong = check_size(width, height, most_pixels)) return refuse(*wrong, original);
  const Bytes bare = bare_png(file);
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (bare.empty() || png_image_begin_read_from_memory(&image, bare.data(), bare.size()) == 0)
    return refuse(PictureRefusal::damaged, original);
  const std::unique_ptr<png_image, decltype(&png_image_free)> owned(&image, png_image_free);
  if (image.width != width || image.height != height)
    return refuse(PictureRefusal::damaged, original);
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  image.format = PNG_FORMAT_RGBA;
  Bytes rgba(static_cast<std::size_t>(width) * height * 4);
  if (png_image_finish_read(&image, nullptr, rgba.data(), 0, nullptr) == 0)
    return refuse(PictureRefusal::damaged, original);
  return Decoded{original, shrink(rgba.data(), original, fit(original, box))};
}

// ---- JPEG

std::uint8_t clamp(int value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

/// Inverted ink, as programs for printing write it.
void rgb_from_cmyk(Bytes& pixels) {
  for (std::size_t at = 0; at + 4 <= pixels.size(); at += 4) {
    const int black = pixels[at + 3];
    for (std::size_t i = 0; i < 3; ++i) pixels[at + i] = clamp(pixels[at + i] * black / 255);
    pixels[at + 3] = 255;
  }
}

/// The smallest size that the decoder can make by itself and that is not below `wanted`.
Box scaled(Box original, Box wanted) {
  int count = 0;
  const tjscalingfactor* factors = tjGetScalingFactors(&count);
  Box best = original;
  for (int i = 0; factors != nullptr && i < count; ++i) {
    const Box one{TJSCALED(original.width, factors[i]), TJSCALED(original.height, factors[i])};
    if (one.width >= wanted.width && one.height >= wanted.height && one.width <= best.width)
      best = one;
  }
  return best;
}

Pixels turned(const Pixels& from, int orientation) {
  if (orientation == 1) return from;
  const int w = from.width, h = from.height;
  const bool across = orientation >= 5;
  Pixels out{across ? h : w, across ? w : h, Bytes(from.rgb.size())};
  std::size_t at = 0;
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      const auto [fx, fy] = [&]() -> std::pair<int, int> {
        switch (orientation) {
          case 2:
            return {w - 1 - x, y};
          case 3:
            return {w - 1 - x, h - 1 - y};
          case 4:
            return {x, h - 1 - y};
          case 5:
            return {y, x};
          case 6:
            return {y, h - 1 - x};
          case 7:
            return {w - 1 - y, h - 1 - x};
          default:
            return {w - 1 - y, x};
        }
      }();
      std::memcpy(&out.rgb[at],
                  &from.rgb[(static_cast<std::size_t>(fy) * static_cast<std::size_t>(w) +
                             static_cast<std::size_t>(fx)) *
                            3],
                  3);
      at += 3;
    }
  }
  return out;
}

Outcome decode_jpeg(ByteView file, Box box, std::int64_t most_pixels) {
  const std::unique_ptr<void, decltype(&tjDestroy)> jpeg(tjInitDecompress(), tjDestroy);
  if (!jpeg) return refuse(PictureRefusal::no_memory);
  int width = 0, height = 0, sampling = 0, colours = 0;
  if (tjDecompressHeader3(jpeg.get(), file.data(), file.size(), &width, &height, &sampling,
                          &colours) != 0)
    return refuse(PictureRefusal::damaged);
  const int orientation = orientation_of(file);
  const bool across = orientation >= 5;
  const Box lying{width, height};
  const Box original = across ? Box{height, width} : lying;
  if (const auto wrong = check_size(width, height, most_pixels)) return refuse(*wrong, original);
  const Box upright = fit(original, box);
  const Box small = across ? Box{upright.height, upright.width} : upright;
  const Box size = scaled(lying, small);
  const bool inks = colours == TJCS_CMYK || colours == TJCS_YCCK;
  Bytes rgba(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height) * 4);
  const int done = tjDecompress2(jpeg.get(), file.data(), file.size(), rgba.data(), size.width, 0,
                                 size.height, inks ? TJPF_CMYK : TJPF_RGBA, TJFLAG_LIMITSCANS);
  if (done != 0) {
    // A warning, as of a few bytes between two segments, comes with a whole picture.
    const bool whole =
        tjGetErrorCode(jpeg.get()) == TJERR_WARNING &&
        std::string_view(tjGetErrorStr2(jpeg.get())).find("remature end") == std::string_view::npos;
    if (!whole) return refuse(PictureRefusal::damaged, original);
  }
  if (inks) rgb_from_cmyk(rgba);
  return Decoded{original, turned(shrink(rgba.data(), size, small), orientation)};
}

// ---- WebP

Outcome decode_webp(ByteView file, Box box, std::int64_t most_pixels) {
  WebPDecoderConfig config{};
  if (WebPInitDecoderConfig(&config) == 0) return refuse(PictureRefusal::unsupported);
  if (WebPGetFeatures(file.data(), file.size(), &config.input) != VP8_STATUS_OK)
    return refuse(PictureRefusal::damaged);
  const Box original{config.input.width, config.input.height};
  if (const auto wrong = check_size(original.width, original.height, most_pixels))
    return refuse(*wrong, original);
  if (config.input.has_animation != 0) return refuse(PictureRefusal::unsupported, original);
  const Box small = fit(original, box);
  config.options.use_scaling = 1;
  config.options.scaled_width = small.width;
  config.options.scaled_height = small.height;
  config.output.colorspace = MODE_RGBA;
  Bytes rgba(static_cast<std::size_t>(small.width) * static_cast<std::size_t>(small.height) * 4);
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {.rgba = rgba.data(), .stride = small.width * 4, .size = rgba.size()};
  const VP8StatusCode status = WebPDecode(file.data(), file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status == VP8_STATUS_OUT_OF_MEMORY) return refuse(PictureRefusal::no_memory, original);
  if (status != VP8_STATUS_OK) return refuse(PictureRefusal::damaged, original);
  return Decoded{original, shrink(rgba.data(), small, small)};
}

// ---- GIF

int read_gif(GifFileType* gif, GifByteType* to, int size) {
  auto& left = *static_cast<ByteView*>(gif->UserData);
  const std::size_t count = std::min(left.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::copy_n(left.begin(), count, to);
  left = left.subspan(count);
  return static_cast<int>(count);
}

struct CloseGif {
  void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
};

/// One picture of an animation, as it lies on the canvas.
struct Frame {
  Box at{}, size{};
  Bytes indexes{};
  std::array<std::array<std::uint8_t, 4>, 256> colours{};
};

/// Reads the pixels of the picture that has just begun. False: it is damaged.
bool read_frame(GifFileType* gif, int transparent, std::int64_t most_pixels, Frame& out) {
  const GifImageDesc& image = gif->Image;
  const ColorMapObject* map = image.ColorMap != nullptr ? image.ColorMap : gif->SColorMap;
  if (map == nullptr || check_size(image.Width, image.Height, most_pixels) ||
      image.Left + image.Width > gif->SWidth || image.Top + image.Height > gif->SHeight)
    return false;
  out.at = {image.Left, image.Top};
  out.size = {image.Width, image.Height};
  for (int i = 0; i < std::min(map->ColorCount, 256); ++i) {
    const GifColorType& colour = map->Colors[i];
    out.colours[static_cast<std::size_t>(i)] = {
        colour.Red, colour.Green, colour.Blue,
        i == transparent ? std::uint8_t{0} : std::uint8_t{255}};
  }
  const auto width = static_cast<std::size_t>(image.Width);
  out.indexes.resize(width * static_cast<std::size_t>(image.Height));
  const auto line = [&](int y) {
    return DGifGetLine(gif, &out.indexes[static_cast<std::size_t>(y) * width], image.Width) ==
           GIF_OK;
  };
  if (!image.Interlace) {
    for (int y = 0; y < image.Height; ++y) {
      if (!line(y)) return false;
    }
    return true;
  }
  for (const auto& [first, step] : {std::pair{0, 8}, {4, 8}, {2, 4}, {1, 2}}) {
    for (int y = first; y < image.Height; y += step) {
      if (!line(y)) return false;
    }
  }
  return true;
}

bool skip_frame(GifFileType* gif) {
  int size = 0;
  GifByteType* block = nullptr;
  if (DGifGetCode(gif, &size, &block) != GIF_OK) return false;
  while (block != nullptr) {
    if (DGifGetCodeNext(gif, &block) != GIF_OK) return false;
  }
  return true;
}

/// An extension; it may say which colour of the next picture is none.
bool read_extension(GifFileType* gif, int& transparent) {
  int code = 0;
  GifByteType* block = nullptr;
  if (DGifGetExtension(gif, &code, &block) != GIF_OK) return false;
  while (block != nullptr) {
    if (code == GRAPHICS_EXT_FUNC_CODE && block[0] >= 4)
      transparent = (block[1] & 1) != 0 ? block[4] : -1;
    if (DGifGetExtensionNext(gif, &block) != GIF_OK) return false;
  }
  return true;
}

Pixels shrink(const Frame& frame, Box canvas, Box small) {
  Shrink into(canvas.width, canvas.height, small.width, small.height);
  Bytes row(static_cast<std::size_t>(canvas.width) * 4);
  for (int y = 0; y < canvas.height; ++y) {
    std::ranges::fill(row, std::uint8_t{0});
    const int inside = y - frame.at.height;
    for (int x = 0; inside >= 0 && inside < frame.size.height && x < frame.size.width; ++x) {
      const std::uint8_t index = frame.indexes[static_cast<std::size_t>(inside) *
                                                   static_cast<std::size_t>(frame.size.width) +
                                               static_cast<std::size_t>(x)];
      std::ranges::copy(frame.colours[index],
                        row.begin() + 4 * static_cast<std::ptrdiff_t>(frame.at.width + x));
    }
    into.row(row);
  }
  return {small.width, small.height, into.take()};
}

/// The first picture; the others are counted.
Outcome decode_gif(ByteView file, Box box, std::int64_t most_pixels) {
  ByteView left = file;
  const std::unique_ptr<GifFileType, CloseGif> gif(DGifOpen(&left, read_gif, nullptr));
  if (!gif) return refuse(PictureRefusal::damaged);
  const Box canvas{gif->SWidth, gif->SHeight};
  if (const auto wrong = check_size(canvas.width, canvas.height, most_pixels))
    return refuse(*wrong, canvas);
  Frame first;
  int frames = 0, transparent = -1;
  GifRecordType record = UNDEFINED_RECORD_TYPE;
  // What is cut off behind the first picture shows that one all the same.
  while (DGifGetRecordType(gif.get(), &record) == GIF_OK && record != TERMINATE_RECORD_TYPE) {
    if (record == EXTENSION_RECORD_TYPE) {
      if (!read_extension(gif.get(), transparent)) break;
      continue;
    }
    if (record != IMAGE_DESC_RECORD_TYPE) break;
    if (frames == kPictureFrames) return refuse(PictureRefusal::too_many_frames, canvas);
    if (DGifGetImageDesc(gif.get()) != GIF_OK) break;
    const bool read = frames == 0 ? read_frame(gif.get(), transparent, most_pixels, first)
                                  : skip_frame(gif.get());
    if (!read) break;
    ++frames;
    // It keeps something of each, in a table that it copies each time.
    GifFreeSavedImages(gif.get());
    gif->ImageCount = 0;
  }
  if (frames == 0) return refuse(PictureRefusal::damaged, canvas);
  return Decoded{canvas, shrink(first, canvas, fit(canvas, box))};
}

}  // namespace

Box fit(Box picture, Box box) {
  if (picture.width <= box.width && picture.height <= box.height) return picture;
  const std::int64_t w = picture.width, h = picture.height;
  if (w * box.height >= h * box.width)
    return {box.width, std::max(1, static_cast<int>(h * box.width / w))};
  return {std::max(1, static_cast<int>(w * box.height / h)), box.height};
}

int orientation_of(ByteView jpeg) {
  constexpr std::size_t kTiff = 6;  // behind "Exif\0\0"
  std::size_t at = 2;
  while (at + 4 <= jpeg.size() && jpeg[at] == 0xFF) {
    const std::uint8_t marker = jpeg[at + 1];
    const std::size_t length = number(jpeg, at + 2, 2);
    if (marker == 0xDA || length < 2 || at + 2 + length > jpeg.size()) return 1;
    const ByteView segment = jpeg.subspan(at + 4, length - 2);
    at += 2 + length;
    if (marker != 0xE1 || !begins(segment, std::string_view("Exif\0\0", 6))) continue;
    const ByteView tiff = segment.subspan(kTiff);
    if (tiff.size() < 8) return 1;
    const bool little = begins(tiff, "II");
    const std::size_t directory = number(tiff, 4, 4, little);
    if (directory > tiff.size() - 2) return 1;
    const std::size_t count = number(tiff, directory, 2, little);
    for (std::size_t i = 0; i < count && directory + 2 + (i + 1) * 12 <= tiff.size(); ++i) {
      const std::size_t entry = directory + 2 + i * 12;
      constexpr std::uint32_t kOrientation = 0x0112;
      if (number(tiff, entry, 2, little) != kOrientation) continue;
      const std::uint32_t value = number(tiff, entry + 8, 2, little);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
    return 1;
  }
  return 1;
}

Outcome decode_small(ByteView file, Box box, std::int64_t most_pixels) {
  if (begins(file, kPng)) return decode_png(file, box, most_pixels);
  if (begins(file, "\xFF\xD8\xFF")) return decode_jpeg(file, box, most_pixels);
  if (begins(file, "GIF87a") || begins(file, "GIF89a")) return decode_gif(file, box, most_pixels);
  if (begins(file, "RIFF") && file.size() > 12 && as_text(file.subspan(8, 4)) == "WEBP")
    return decode_webp(file, box, most_pixels);
  return refuse(PictureRefusal::no_picture);
}

std::optional<PictureAnswer> encode_small(const Decoded& decoded, std::size_t most) {
  const std::unique_ptr<void, decltype(&tjDestroy)> jpeg(tjInitCompress(), tjDestroy);
  if (!jpeg) return std::nullopt;
  Pixels small = decoded.small;
  while (true) {
    Bytes out(tjBufSize(small.width, small.height, TJSAMP_420));
    for (const int quality : {82, 70, 55, 40}) {
      unsigned char* to = out.data();
      unsigned long size = out.size();
      if (tjCompress2(jpeg.get(), small.rgb.data(), small.width, 0, small.height, TJPF_RGB, &to,
                      &size, TJSAMP_420, quality, TJFLAG_NOREALLOC) != 0)
        return std::nullopt;
      if (size > most) continue;
      out.resize(size);
      return PictureAnswer{.form = PictureForm::jpeg,
                           .width = decoded.original.width,
                           .height = decoded.original.height,
                           .small_width = small.width,
                           .small_height = small.height,
                           .body = std::move(out)};
    }
    const Box half{std::max(1, small.width / 2), std::max(1, small.height / 2)};
    if (half.width == small.width && half.height == small.height) return std::nullopt;
    Shrink into(small.width, small.height, half.width, half.height);
    Bytes row;
    for (std::size_t at = 0; at < small.rgb.size();) {
      row.clear();
      for (int x = 0; x < small.width; ++x, at += 3)
        row.insert(row.end(), {small.rgb[at], small.rgb[at + 1], small.rgb[at + 2], 255});
      into.row(row);
    }
    small = {half.width, half.height, into.take()};
  }
}

PictureAnswer answer_picture(ByteView file, PictureForm form, Box box, std::int64_t most_pixels) {
  try {
    auto decoded = decode_small(file, box, most_pixels);
    if (!decoded) {
      return {.refusal = decoded.error().why,
              .form = form,
              .width = decoded.error().original.width,
              .height = decoded.error().original.height};
    }
    if (form == PictureForm::jpeg) {
      if (auto answer = encode_small(*decoded, kPreviewBytes)) return std::move(*answer);
      return {.refusal = PictureRefusal::no_memory, .form = form};
    }
    return {.form = form,
            .width = decoded->original.width,
            .height = decoded->original.height,
            .small_width = decoded->small.width,
            .small_height = decoded->small.height,
            .body = std::move(decoded->small.rgb)};
  } catch (const std::bad_alloc&) {
    return {.refusal = PictureRefusal::no_memory, .form = form};
  }
}

}  // namespace dim
