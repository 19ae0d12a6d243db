// Which addresses a client lets a stranger's URL lead it to (A40).
#pragma once
#include <sys/socket.h>

namespace dim {

/// A global unicast address of the internet: not loopback, private, shared, link-local, multicast,
/// for documentation or benchmarks, nor IPv4 in a dress of IPv6 (mapped, NAT64, 6to4, Teredo), as
/// the IANA registries of special addresses list them (RFC 6890). False for other families.
bool is_public_address(const sockaddr& address);

}  // namespace dim
