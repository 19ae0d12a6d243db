// Files, pictures, voice, movies: in place, or encrypted behind a URL.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dim/crypto/digest.h"
#include "dim/crypto/secret.h"
#include "dim/identity/ted.h"
#include "dim/protocol/head.h"

namespace dim {

/// What the four kinds have in common.
struct FileParts {
  std::string filename{};                   ///< as the sender wrote it: a hint, never a path (A39)
  std::string url{};                        ///< where the encrypted bytes lie
  std::optional<TransportableData> data{};  ///< or the bytes themselves
  std::optional<JsonObject> key{};  ///< {"algorithm": "AES" | "PLAIN", …}; peers of 2026 stop at a
                                    ///< URL without one
  Bytes iv{};                       ///< 16 bytes; empty when missing
  std::optional<std::int64_t> length{};  ///< bytes of the file as it is used
  std::optional<Digest32> sha256{};      ///< of the bytes behind `url` (A41)
  std::optional<std::int64_t> size{};    ///< of the bytes behind `url` (A41)

  /// In place, as a data URI without parameters where `mime_type` is given (wire-2026.md 7).
  static FileParts embedded(std::string_view filename, Bytes data, std::string_view mime_type = {});
};

/// 16
struct FileContent {
  ContentHead head;
  FileParts file{};
  JsonObject rest{};

  static FileContent make(FileParts file, Millis now, Random& random);
};

/// 18
struct ImageContent {
  ContentHead head;
  FileParts file{};
  std::optional<PortableFile> thumbnail{};
  JsonObject rest{};  ///< "width", "height", …

  static ImageContent make(FileParts file, std::optional<PortableFile> thumbnail, Millis now,
                           Random& random);
};

/// 20
struct AudioContent {
  ContentHead head;
  FileParts file{};
  double duration = 0;  ///< seconds; 0 when missing
  std::string text{};   ///< what is said, as recognised by the sender
  JsonObject rest{};

  static AudioContent make(FileParts file, double duration, std::string_view text, Millis now,
                           Random& random);
};

/// 22
struct VideoContent {
  ContentHead head;
  FileParts file{};
  double duration = 0;  ///< seconds; 0 when missing
  std::string title{};
  std::optional<PortableFile> snapshot{};
  JsonObject rest{};

  static VideoContent make(FileParts file, std::optional<PortableFile> snapshot, Millis now,
                           Random& random);
};

/// A file made ready for upload: `cipher` goes behind a URL, `parts` into a content once `url` is
/// set.
struct SealedFile {
  FileParts parts{};
  Bytes cipher{};
};
/// Encrypts under a fresh AES key and IV; notes length, size and SHA-256.
Result<SealedFile> seal_file(std::string_view filename, ByteView plain, Random& random);

struct OpenedFile {
  Secret bytes{};
  bool encrypted = false;  ///< false for a PLAIN or missing key: whoever keeps it can read it
  bool proven = false;     ///< size and SHA-256 were given and are right (A41)
};
/// What lies behind `parts.url`: size and hash first, then decryption. Errc::decrypt for bytes that
/// are not those the sender announced, and for every failure to decrypt; Errc::key for a key that
/// is none. The bytes are hostile all the same.
Result<OpenedFile> open_file(const FileParts& parts, ByteView behind_url);

/// May a client fetch it (A40, the part that needs no network): https, a host with a dot that is no
/// IP address, no user, no control characters or spaces, 2 KiB at most. Errc::bad_request
/// otherwise. Addresses are checked after resolving, by who fetches.
Status check_file_url(std::string_view url);

}  // namespace dim
