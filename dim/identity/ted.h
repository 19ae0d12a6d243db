// Values that MKM, DKD and DIMP share on the wire: transportable data, files, times, type numbers
// (wire.md 2).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"
#include "dim/base/error.h"
#include "dim/base/json.h"
#include "dim/identity/reading.h"

namespace dim {

/// Base64 as the reference decodes it: characters outside the alphabet are skipped, what follows
/// complete padding is ignored, trailing bits may be anything; an incomplete last group is
/// Errc::encoding. For Reading::codec only (A35).
Result<Bytes> from_base64_lenient(std::string_view text);
/// Hexadecimal with white space between the bytes.
Result<Bytes> from_hex_lenient(std::string_view text);

/// Head of a data URI (RFC 2397): `data:<mime>[;name=value…][;encoding],<payload>`.
struct DataUri {
  std::string mime_type{};
  std::optional<std::string> charset{}, filename{};
  std::string encoding{};      ///< empty when there is none
  std::string_view payload{};  ///< into the text that was parsed; never empty

  /// Errc::encoding for a text without `data:` or comma, for an empty payload, and for two types or
  /// encodings.
  static Result<DataUri> parse(std::string_view text);
};

/// Bytes inside JSON, in one of the forms of both generations.
struct TransportableData {
  std::string algorithm = "base64";  ///< base64, base58 or hex
  Bytes data{};
  bool is_uri = false;
  std::string mime_type{};  ///< of a data URI
  std::optional<std::string> charset{}, filename{};

  /// "<base64>", "base64,<..>", "hex,<..>", "base58,<..>", a base64 data URI, {"algorithm": ..,
  /// "data": ..}, or that object as JSON text. Payloads are strict or not, after `reading`.
  /// Errc::encoding for anything else, and for no bytes at all.
  static Result<TransportableData> parse(const Json& value, Reading reading = Reading::strict);

  /// What is written: base64 text, or a data URI where there is a type or file name
  /// (wire-2026.md 3.1).
  std::string text() const;
};

/// The bytes of TransportableData::parse alone.
Result<Bytes> read_data(const Json& value, Reading reading = Reading::strict);

/// A file by URL or with its bytes in place ("PNF"): avatars, pictures, attachments.
struct PortableFile {
  std::optional<std::string> url{}, filename{};
  std::optional<TransportableData> data{};
  std::optional<JsonObject> key{};  ///< what the file behind `url` is encrypted with
  JsonObject rest{};                ///< further members of the object form

  /// URL text, data URI, {"URL" | "data", "filename", "key"}, or that object as JSON text.
  /// Errc::encoding for anything else, and for a file with neither URL nor bytes.
  static Result<PortableFile> parse(const Json& value, Reading reading = Reading::strict);
  /// The shortest form: URL text, data URI, or an object (wire-2026.md 7).
  Json json() const;
};

/// Seconds since 1970: a number or a number as text, not negative, finite. Nothing otherwise.
std::optional<double> read_time(const Json& value);

/// A type as text, however it was sent: 136, "136" and "command" are what they are.
std::string type_text(const Json& value);

}  // namespace dim
