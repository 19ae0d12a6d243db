// DIM URIs: dim:type:identifier[/path][?k=v;k=v;][#fragment]
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dim/base/error.h"
#include "dim/packet/guid.h"

namespace dim {

enum class UriType : std::uint8_t { user, hub, station, object };

struct Uri {
  UriType type = UriType::user;
  std::string identifier;  ///< an MKM ID, a GUID or a graphical ID, as text
  std::string path;        ///< without the leading slash; parts checked
  std::vector<std::pair<std::string, std::string>> parameters;  ///< percent-decoded
  std::string fragment;

  /// Errc::uri_too_long over 2 KiB; Errc::bad_request for %00, "..", an unknown type, a control character (I16).
  static Result<Uri> parse(std::string_view text);
  std::string text() const;
  std::string_view parameter(std::string_view key) const;
};

/// A graphical ID: 5 to 32 of `a-z 0-9 _ .`, ASCII upper case is forced to lower, no "..". Errc::bad_request otherwise,
/// Errc::forbidden for a reserved name (I15).
Result<std::string> parse_graphical_id(std::string_view text);

/// An IPv6 address that a CONNECT may name: not IPv4 in any dress, not unspecified, multicast, or scoped (S01, S02).
/// Returns the RFC 5952 form.
Result<std::string> parse_target_address(std::string_view text);

}  // namespace dim
