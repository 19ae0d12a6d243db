#include "net/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace dim {

bool Endpoint::is_v4() const {
  return std::all_of(address.begin(), address.begin() + 10, [](auto b) { return b == 0; }) &&
         address[10] == 0xff && address[11] == 0xff;
}

std::string Endpoint::address_text() const {
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (is_v4()) {
    ::inet_ntop(AF_INET, address.data() + 12, out.data(), out.size());
  } else {
    ::inet_ntop(AF_INET6, address.data(), out.data(), out.size());
  }
  return out.data();
}

std::string Endpoint::text() const {
  const std::string host = address_text();
  return (is_v4() ? host : '[' + host + ']') + ':' + std::to_string(port);
}

}  // namespace dim
