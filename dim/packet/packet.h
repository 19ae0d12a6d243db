// One DIM/2023 packet as a value: a request, a push or a response (docs/protocol/packets.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/base/error.h"

namespace dim {

/// Operations of the draft. A push is a packet with an operation that comes from the station.
enum class Operation : std::uint8_t { connect, create, notify, edit, remove, erase, destroy, get };
std::string_view to_string(Operation operation);  ///< "CONNECT" … "DELETE" (erase) …
/// Errc::method_not_allowed for an unknown word, Errc::bad_request for one that is not upper case
/// or empty (P08).
Result<Operation> parse_operation(std::string_view word);

/// The ports of the draft, as offsets from the station's base port.
enum class Lane : std::uint8_t {
  control = 0,
  text = 1,
  media = 2,
  audio = 3,
  video = 4,
  gateway = 10
};
std::string_view to_string(Lane lane);
/// Most content bytes of one packet there.
std::size_t content_limit(Lane lane);

/// Name of a response code as printed beside it ("Bad_Request"); "" for an unknown one.
std::string_view code_name(int code);

struct Packet {
  using Field = std::pair<std::string, std::string>;

  std::optional<Operation> operation;  ///< request or push; absent in a response
  int code = 0;                        ///< response; 0 in a request
  /// The other header lines in order, unknown ones too. Never `version`, `operation`, `code`,
  /// `length`, `checksum` and `content`, which the members above and below stand for, nor `status`
  /// of a response.
  std::vector<Field> fields;
  std::optional<std::string> content;  ///< the bytes between the fences

  static Packet request(Operation operation);
  /// With `status`; `message` tells a person what was wrong and what would be right.
  static Packet response(int code, std::string_view reply = {});
  static Packet response(const Error& error, std::string_view reply = {});

  bool is_response() const { return !operation; }
  /// Value of a field, or empty.
  std::string_view get(std::string_view key) const;
  bool has(std::string_view key) const;
  Packet& set(std::string_view key, std::string value);  ///< replaces or appends; returns *this
  /// `[a, b]` or a single value; an empty or nested list, or more than 256 items, is
  /// Errc::bad_request (P29).
  Result<std::vector<std::string>> list(std::string_view key) const;
};

enum class Checksum : std::uint8_t { sha256, crc32c };

/// `a-z 0-9 -`, a letter first.
bool valid_key(std::string_view key);
/// Valid UTF-8 without control characters, U+2028, U+2029 and U+FEFF.
bool header_safe(std::string_view text);
/// What may stand behind `key: `: header-safe, not empty, no space at its ends.
bool valid_value(std::string_view value);

/// `sha256-` + base64 of 32 bytes, or `crc32c-` + base64 of 4 bytes, big endian.
std::string checksum_of(std::string_view content, Checksum algorithm);

/// Wire form: version, operation or code + status, fields, length, checksum, content, empty line. A
/// field that no reader would take (key, characters, over 4 KiB, or one that the writer makes
/// itself) is left out.
std::string write_packet(const Packet& packet, Checksum checksum = Checksum::sha256);
/// The same with `content` in place of the packet's own.
std::string write_packet(const Packet& packet, std::string_view content, Checksum checksum);

}  // namespace dim
