// The stations that this one works with, as the operator has listed them (A20, C12).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dim/crypto/digest.h"
#include "dim/identity/id.h"

namespace dim {

/// The first `bits` of an IPv6 address; IPv4 as a mapped one.
struct AddressPrefix {
  std::array<std::uint8_t, 16> address{};
  unsigned bits = 128;

  /// "2001:db8::/32", "192.0.2.0/24", or an address alone. Nothing for any other form.
  static std::optional<AddressPrefix> parse(std::string_view text);
  /// `address` as text, IPv4 mapped or bare.
  bool contains(std::string_view address) const;
};

struct Neighbour {
  Id id;  ///< of a station, without terminal
  std::string host{};
  std::uint16_t port = 9394;
  std::optional<Digest32> meta{};     ///< Meta::digest(): the only meta it may have
  std::vector<AddressPrefix> from{};  ///< where its log-ins may come from; none: anywhere
  std::string where{};                ///< FILE:LINE of its entry, for messages

  bool may_come_from(std::string_view address) const;
};

}  // namespace dim
