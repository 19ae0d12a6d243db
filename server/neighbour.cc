#include "server/neighbour.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace dim {
namespace {

constexpr unsigned kMappedBits = 96;

struct ParsedAddress {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4 = false;
};

std::optional<ParsedAddress> parse_address(std::string_view text) {
  const std::string copy(text);
  ParsedAddress out;
  if (inet_pton(AF_INET6, copy.c_str(), out.bytes.data()) == 1) return out;
  out.bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  out.is_v4 = true;
  if (inet_pton(AF_INET, copy.c_str(), out.bytes.data() + 12) != 1) return std::nullopt;
  return out;
}

}  // namespace

std::optional<AddressPrefix> AddressPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto parsed = parse_address(text.substr(0, slash));
  if (!parsed) return std::nullopt;
  AddressPrefix out{parsed->bytes, 128};
  if (slash == std::string_view::npos) return out;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.bits);
  const unsigned most = parsed->is_v4 ? 32 : 128;
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size() ||
      out.bits > most)
    return std::nullopt;
  if (parsed->is_v4) out.bits += kMappedBits;
  return out;
}

bool AddressPrefix::contains(std::string_view text) const {
  const auto other = parse_address(text);
  if (!other) return false;
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80U >> bit % 8;
    if (((address[bit / 8] ^ other->bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

bool Neighbour::may_come_from(std::string_view address) const {
  return from.empty() || std::ranges::any_of(from, [&](const AddressPrefix& prefix) {
           return prefix.contains(address);
         });
}

}  // namespace dim
