// Files of messages in channels: links in lines of their own behind the text
// (docs/protocol/media.md section 9).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/pictures.h"
#include "dim/crypto/file_seal.h"
#include "dim/engine/media_link.h"

namespace dim {

inline constexpr std::size_t kPostFiles = 50;  ///< of one message; the others are text
/// Sealed bytes up to which the small picture of a file is believed to be one, and fetched unasked.
inline constexpr std::int64_t kPreviewSealed = kSealedChunk;

struct PostFile {
  MediaLink link;
  std::string mime{};  ///< its author's word, "image/png"; empty: not said, or no media type
  std::optional<PictureSize> pixels{};  ///< its author's word
  std::optional<MediaLink> preview{};   ///< a small JPEG: an object of its own

  /// Fit for the own disk (A39).
  std::string name() const;
  /// "image", "audio", "video", "file"
  std::string_view kind() const;
  std::int64_t bytes() const;  ///< of the file as it is used
  /// "picture sunset.jpg, 1024x768, with a preview, 81 KiB": fit for terminals once escaped.
  std::string words() const;
};

struct PostText {
  std::string text;  ///< without the lines of files
  std::vector<PostFile> files{};

  /// Those of all files, in order; empty without any.
  std::string words() const;
  /// The first one with a preview; nullptr: none has.
  const PostFile* previewed() const;
};
/// What a message says, and its files. A preview whose file is not there, or which is too large to
/// be one, is a file.
PostText read_post_text(std::string_view content);
/// The other way round. Media types, sizes and previews are in the links.
std::string write_post_text(std::string_view text, const std::vector<PostFile>& files);

}  // namespace dim
