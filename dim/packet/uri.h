// DIM URIs: dim:type:identifier[/path][?k=v;k=v;][#fragment]
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/base/error.h"
#include "dim/packet/guid.h"

namespace dim {

enum class UriType : std::uint8_t { user, hub, station, object };
std::string_view to_string(UriType type);

/// docs/protocol/uris.md has the grammar.
struct Uri {
  UriType type = UriType::user;
  std::string identifier;  ///< an MKM ID, a GUID (always for an object) or a graphical ID, as text
  std::string path;        ///< without the leading slash; no part is empty
  std::vector<std::pair<std::string, std::string>>
      parameters;  ///< in order; a key may stand more than once
  std::string fragment;

  /// Everything percent-decoded. Errc::uri_too_long over 2 KiB; Errc::bad_request for %00, "..", an
  /// unknown type, a control character, bad UTF-8 (I16). An object's GUID comes out in its plain
  /// form.
  static Result<Uri> parse(std::string_view text);
  /// With `hub` for `group`, `;` behind each parameter, and %XX only where it must be.
  std::string text() const;
  /// The first of that key, or empty.
  std::string_view parameter(std::string_view key) const;

  bool operator==(const Uri&) const = default;
};

/// A graphical ID: 5 to 32 of `a-z 0-9 _ .`, ASCII upper case is forced to lower, no "..".
/// Errc::bad_request otherwise, Errc::forbidden for a reserved name, also with dots and underscores
/// strewn in (I15).
Result<std::string> parse_graphical_id(std::string_view text);

/// An IPv6 address that a CONNECT may name: not IPv4 in any dress, not unspecified, multicast,
/// link-local or scoped, not Teredo or 6to4 (S01, S02). No brackets. Returns the RFC 5952 form;
/// Errc::bad_request otherwise.
Result<std::string> parse_target_address(std::string_view text);

}  // namespace dim
