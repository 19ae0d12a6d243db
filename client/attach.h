// Contents made of what a person names: files, answers.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "client/history.h"
#include "client/home.h"
#include "client/pictures.h"
#include "dim/protocol/content.h"

namespace dim {

struct Attachment {
  std::string path{};       ///< of the file
  std::string as{};         ///< "file", "image", "audio", "video"; empty: what its name says
  std::string thumbnail{};  ///< path of a small JPEG, PNG or WebP, for pictures and films
  double duration = 0;      ///< seconds, of sounds and films
  std::string url{};        ///< where the receiver finds the encrypted bytes; empty: in place
  std::string sealed{};     ///< where they are written to for you to put there; must not exist
  std::optional<FileParts> uploaded{};  ///< it lies at the station already, and this says where
  std::optional<Preview> preview{};     ///< of a picture that has no `thumbnail`
};
/// Whether the file goes as a picture without a thumbnail of its own, so that a preview is wanted.
bool takes_preview(const Attachment& attachment);
/// In place up to 300 KiB. Errc::io for a file that cannot be read or written, Errc::too_large,
/// Errc::usage, Errc::bad_request for a URL that no receiver would fetch (A40).
Result<Content> attach(const Attachment& attachment, Millis now, Random& random);

/// "image/png", as the ending of its name says; empty where that says nothing.
std::string_view media_type_of(std::string_view path);

/// Bytes up to which a file goes into the message itself.
inline constexpr std::size_t kFileInPlace = 300 * limits::kKiB;

/// The file of a content; null where it has none.
const FileParts* file_parts(const Content& content);

/// What `dim save` gets out of a received content.
struct ReceivedFile {
  std::string name{};      ///< as the sender wrote it: for safe_filename()
  Bytes bytes{};           ///< hostile: never run, never shown by itself
  bool encrypted = false;  ///< false: whoever keeps it behind the URL can read it
  bool proven = false;     ///< false: whoever keeps it there could have changed it (A41)
};
/// `fetch` gets what lies behind a URL. `thumbnail`: the small picture that came with it instead.
/// Errc::not_found for a content without a file; else as `fetch` and open_file.
Result<ReceivedFile> received_file(const Content& content, bool thumbnail,
                                   const std::function<Result<Bytes>(const std::string&)>& fetch);

/// An answer to an entry of the history. Errc::not_found for one without a number, as those of
/// earlier versions and unreadable ones are.
Result<QuoteContent> quote(const HistoryEntry& entry, const Id& me, std::string_view text,
                           Millis now, Random& random);

/// An entry of the history, passed on to somebody else. A file goes on as it is; everything else as
/// a chat record of one message, called `title`, which says who wrote it when, unsigned. `content`:
/// what the entry holds. Errc::not_found for one that holds nothing, Errc::content for one that can
/// not be passed on.
Result<Content> forwarded(const HistoryEntry& entry, const std::optional<JsonObject>& content,
                          const Id& me, std::string_view title, Millis now, Random& random);

/// A content that a program has written as JSON, without `sn` and `time`, which are made here.
/// Errc::json; Errc::content for what the table of kinds refuses; Errc::usage for commands, also
/// inside of arrays, and for members that sending writes itself (`sn`, `time`, `group`, `bind`,
/// `seq`, `prev`).
Result<Content> content_from_json(std::string_view text, Millis now, Random& random);

/// What `id` is called for others: not an alias, which is the own business.
std::string public_name_of(Home& home, const Id& id);

}  // namespace dim
