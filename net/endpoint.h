// A peer's or listener's address: IPv6 first; IPv4 only where the web gateway asks for it.
#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace dim {

struct Endpoint {
  std::array<std::uint8_t, 16> address{};  ///< IPv4 as ::ffff:a.b.c.d
  std::uint16_t port = 0;

  bool is_v4() const;
  /// RFC 5952 text without port, or dotted for IPv4.
  std::string address_text() const;
  /// "[2001:db8::7]:8800", "192.0.2.1:8810".
  std::string text() const;
  auto operator<=>(const Endpoint&) const = default;
};

}  // namespace dim
