#include "client/hub_link.h"

#include "dim/packet/uri.h"

namespace dim {

Result<HubLink> HubLink::parse(std::string_view link) {
  auto uri = Uri::parse(link);
  if (!uri) return std::unexpected(uri.error());
  if (uri->type != UriType::hub)
    return fail(Errc::usage, "this link is no invitation to a hub; one begins with dim:hub:");
  auto hub = Id::parse(uri->identifier);
  if (!hub || !hub->is_group() || hub->is_broadcast())
    return fail(Errc::usage, "the link names no hub; ask for a new one: `dim hub invite HUB`");
  auto invite = Guid::parse(uri->parameter("invite"));
  if (!invite)
    return fail(Errc::usage, "the link has no invite=…; ask for a new one: `dim hub invite HUB`");
  // The rest is an invitation to the station, under another name.
  Uri station;
  station.type = UriType::station;
  station.identifier = uri->parameter("station");
  station.parameters = uri->parameters;
  if (station.identifier.empty())
    return fail(Errc::usage, "the link names no station; ask for a new one: `dim hub invite HUB`");
  auto target = StationTarget::parse(station.text());
  if (!target) return std::unexpected(target.error());
  return HubLink{hub->bare(), *invite, std::move(*target)};
}

std::string HubLink::text() const {
  Uri uri;
  uri.type = UriType::hub;
  uri.identifier = hub.bare().text();
  uri.parameters.emplace_back("invite", invite.text());
  uri.parameters.emplace_back("station", station.id);
  uri.parameters.emplace_back("host",
                              station.host.contains(':') ? "[" + station.host + "]" : station.host);
  uri.parameters.emplace_back("port", std::to_string(station.port));
  for (const std::string& pin : station.pins) uri.parameters.emplace_back("pin", pin);
  if (station.web) uri.parameters.emplace_back("via", "web");  // what `port` is of
  return uri.text();
}

}  // namespace dim
