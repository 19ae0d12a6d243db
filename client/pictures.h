// Small pictures: made for what is sent, shown of what has come. Pictures are hostile, so none is
// decoded in this process: dim-picture does it, a program for each picture, which has given up its
// rights (A41).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/protocol/content.h"

namespace dim {

class Home;
struct HistoryEntry;

/// A JPEG of at most 320 pixels a side and 24 KiB, without metadata.
struct Preview {
  Bytes jpeg{};
  int width = 0, height = 0;  ///< of the picture it was made of, upright
};

/// Red, green, blue of each pixel, rows from the top.
struct PreviewPixels {
  int width = 0, height = 0;
  Bytes rgb{};
};

class PictureProgram {
 public:
  /// `path`: of dim-picture; empty: it stands beside the running program.
  explicit PictureProgram(std::string path = {});

  /// Of a PNG, JPEG, GIF or WebP picture of at most 64 MiB and 64 M pixels. Errc::content says why
  /// there can be none, Errc::not_implemented that this computer cannot make one: the program is
  /// not there, or cannot give up its rights.
  Result<Preview> preview(ByteView picture) const;
  /// The same, read from a file; Errc::io, Errc::too_large too.
  Result<Preview> preview_of(const std::string& path) const;
  /// A preview as it came from a stranger, at most `columns` by `rows` pixels (each 1 to 320).
  Result<PreviewPixels> pixels(ByteView preview, int columns, int rows) const;

 private:
  std::string path_;
};

/// The small picture that came in a content; null where there is none, or only a URL to it.
const TransportableData* preview_in(const Content& content);
const TransportableData* preview_in(const ImageContent& image);
const TransportableData* preview_in(const VideoContent& video);
/// Its sender's word for the size of the original in pixels: `width`, `height` of pictures and
/// films.
using PictureSize = std::pair<std::int64_t, std::int64_t>;
std::optional<PictureSize> size_in(const ImageContent& image);
std::optional<PictureSize> size_in(const VideoContent& video);

/// Pictures of people whom the person here has not taken notice of are not shown by themselves, nor
/// at all before they are accepted (N10); in groups neither.
bool shows_pictures_of(Home& home, const HistoryEntry& entry);

}  // namespace dim
