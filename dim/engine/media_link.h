// Where a sealed file lies at a station, and what opens it: inside of contents, and as a link that
// can be handed over by itself. docs/protocol/media.md section 6.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dim/crypto/digest.h"
#include "dim/crypto/secret.h"
#include "dim/packet/guid.h"
#include "dim/protocol/content_media.h"

namespace dim {

struct MediaLink {
  Guid guid;
  std::string station;    ///< ID text
  std::int64_t size = 0;  ///< of the sealed bytes; one that a sealed file can have
  Digest32 sha256{};      ///< of the sealed bytes
  Secret key{};           ///< 32 bytes (FileSeal)
  std::string name{};     ///< as the sender wrote it: a hint, never a path (A39)

  /// `dim:object:GUID?type=media;station=…;size=…;sha256=…;key=…;name=…;`. Whoever has it can read
  /// the file. Errc::usage with what is missing, else as Uri::parse.
  static Result<MediaLink> parse(std::string_view text);
  std::string text() const;

  /// For a content: the key stands beside the URL.
  FileParts parts() const;
  /// Errc::not_found when `parts` point elsewhere; Errc::content when they point to a station and
  /// do not say how to read it.
  static Result<MediaLink> from(const FileParts& parts);
};

/// Does this URL name an object at a station?
bool is_media_url(std::string_view url);

/// The objects at `station` that links in `text` name, or URLs in the JSON of a content: each once,
/// in order, at most limits::kMediaOfMessage. What a message says to its station in `media`.
std::vector<Guid> media_named(std::string_view text, std::string_view station);
/// The value of `media` for these; "none" for none.
std::string media_list(const std::vector<Guid>& media);

}  // namespace dim
