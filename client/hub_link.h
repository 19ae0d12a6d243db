// Invitations to hubs as links: everything that somebody needs who has nothing yet
// (docs/protocol/uris.md section 2).
#pragma once
#include <string>
#include <string_view>

#include "client/session.h"
#include "dim/packet/guid.h"

namespace dim {

struct HubLink {
  Id hub;
  Guid invite;
  StationTarget station;  ///< where the hub lives; with its ID

  /// `dim:hub:<ID>?invite=<GUID>;station=<ID>;host=…;port=…;pin=…;`. Errc::usage with what is
  /// missing.
  static Result<HubLink> parse(std::string_view link);
  std::string text() const;
};

}  // namespace dim
