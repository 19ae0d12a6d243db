#include "server/invitation.h"

#include <utility>

namespace dim {

Uri station_link(const DaemonConfig& config, const StationCard& card, std::string host,
                 bool port_given) {
  const JsonObject& visa = card.visa.properties();
  if (host.empty()) host = config.public_host;
  if (host.empty() && visa.text("host") != nullptr) host = *visa.text("host");
  if (host.empty()) host = machine_address();
  std::int64_t port = config.port_base;
  // What the station bound last time is in its visa, unless this command was told otherwise.
  const Json* bound = visa.find("port");
  if (!port_given && bound != nullptr && bound->integer() != nullptr) port = *bound->integer();
  if (host.contains(':')) host = "[" + host + "]";
  Uri out;
  out.type = UriType::station;
  out.identifier = card.id.text();
  out.parameters.emplace_back("host", std::move(host));
  out.parameters.emplace_back("port", std::to_string(port));
  for (auto& pin : card.pins()) {
    out.parameters.emplace_back("pin", std::move(pin));
    break;  // the one in use; the visa vouches for the next
  }
  return out;
}

Uri hub_link(const Uri& station, const std::string& hub, const std::string& invite) {
  Uri out;
  out.type = UriType::hub;
  out.identifier = hub;
  out.parameters.emplace_back("invite", invite);
  out.parameters.emplace_back("station", station.identifier);
  for (const auto& parameter : station.parameters) out.parameters.push_back(parameter);
  return out;
}

}  // namespace dim
