#include "client/public_address.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace dim {
namespace {

struct Net4 {
  std::uint32_t base;
  int bits;
};
constexpr std::array<Net4, 16> kSpecial4{{{0x00000000, 8},
                                          {0x0A000000, 8},
                                          {0x64400000, 10},
                                          {0x7F000000, 8},
                                          {0xA9FE0000, 16},
                                          {0xAC100000, 12},
                                          {0xC0000000, 24},
                                          {0xC0000200, 24},
                                          {0xC01FC400, 24},
                                          {0xC0586300, 24},
                                          {0xC0A80000, 16},
                                          {0xC6120000, 15},
                                          {0xC6336400, 24},
                                          {0xCB007100, 24},
                                          {0xE0000000, 4},
                                          {0xF0000000, 4}}};

bool is_public4(std::uint32_t address) {
  return std::ranges::none_of(kSpecial4, [&](const Net4& net) {
    return (address >> (32 - net.bits)) == (net.base >> (32 - net.bits));
  });
}

// Only 2000::/3 is global unicast; in it lie some that are not.
bool is_public6(const std::array<std::uint8_t, 16>& bytes) {
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at] << 8U | bytes[at + 1]);
  };
  if ((bytes[0] & 0xE0U) != 0x20) return false;
  if (word(0) == 0x2001 && word(2) < 0x0200) return false;  // 2001::/23: Teredo, ORCHID, benchmarks
  if (word(0) == 0x2001 && word(2) == 0x0DB8) return false;
  if (word(0) == 0x2002) return false;
  return word(0) != 0x3FFF || word(2) >= 0x1000;
}

}  // namespace

bool is_public_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return is_public4(ntohl(in.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, &address, sizeof in);
  std::array<std::uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return is_public6(bytes);
}

}  // namespace dim
