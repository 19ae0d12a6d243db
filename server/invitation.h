// The link that people join a station with, and a hub at it (docs/protocol/uris.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "dim/packet/uri.h"
#include "server/config.h"
#include "server/key_file.h"

namespace dim {

/// `host`: a name or an IPv6 address; empty: `network.public_host`, then what the visa says, then
/// an address of this machine. `port_given`: the port of `config` was asked for; else that of the
/// visa.
Uri station_link(const DaemonConfig& config, const StationCard& card, std::string host,
                 bool port_given);
/// One link that brings somebody to the station and into the hub.
Uri hub_link(const Uri& station, const std::string& hub, const std::string& invite);

}  // namespace dim
