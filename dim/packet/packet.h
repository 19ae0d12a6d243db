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
/// Errc::method_not_allowed for an unknown word, Errc::bad_request for one that is not upper case or empty (P08).
Result<Operation> parse_operation(std::string_view word);

/// The ports of the draft, as offsets from the station's base port.
enum class Lane : std::uint8_t { control = 0, text = 1, media = 2, audio = 3, video = 4, gateway = 10 };
std::string_view to_string(Lane lane);
/// Most content bytes of one packet there.
std::size_t content_limit(Lane lane);

/// Response codes with their names; 0 and "" where unknown.
std::string_view code_name(int code);

struct Packet {
  using Field = std::pair<std::string, std::string>;

  std::optional<Operation> operation;  ///< request or push; absent in a response
  int code = 0;                        ///< response; 0 in a request
  std::vector<Field> fields;           ///< the other header lines in order, unknown ones too; never `version`, `length`,
                                       ///< `operation`, `code`, `status`, `checksum` of content or `content`
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
  /// `[a, b]` or a single value; an empty or nested list, or more than 256 items, is Errc::bad_request (P29).
  Result<std::vector<std::string>> list(std::string_view key) const;
};

enum class Checksum : std::uint8_t { sha256, crc32c };

/// Wire form: version, operation or code + status, fields, length, checksum, content, empty line. Field values must be
/// header-safe (valid UTF-8 without control characters); the writer drops a field that is not.
std::string write_packet(const Packet& packet, Checksum checksum = Checksum::sha256);

}  // namespace dim
