#include "dim/packet/guid.h"

#include <algorithm>

#include "dim/base/hex.h"

namespace dim {
namespace {

constexpr std::size_t kPlain = 32;
constexpr std::size_t kDashed = 36;

bool is_dash_place(std::size_t at) { return at == 8 || at == 13 || at == 18 || at == 23; }

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<Guid> Guid::parse(std::string_view text) {
  if (text.size() != kPlain && text.size() != kDashed) {
    return fail(Errc::bad_request, "a GUID has 32 hex digits, with dashes (8-4-4-4-12) or without");
  }
  std::array<std::uint8_t, 16> bytes{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.size() == kDashed && is_dash_place(i)) {
      if (text[i] != '-')
        return fail(Errc::bad_request, "a GUID's dashes stand as in 8-4-4-4-12", i);
      continue;
    }
    const int value = digit(text[i]);
    if (value < 0) return fail(Errc::bad_request, "a GUID has hex digits only, no braces", i);
    bytes[digits / 2] = static_cast<std::uint8_t>(bytes[digits / 2] << 4 | value);
    ++digits;
  }
  return from_bytes(bytes);
}

Result<Guid> Guid::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  const auto all = [&](std::uint8_t value) {
    return std::ranges::all_of(bytes, [=](std::uint8_t byte) { return byte == value; });
  };
  if (all(0x00) || all(0xFF))
    return fail(Errc::bad_request, "a GUID is neither all zero nor all f");
  return Guid(bytes);
}

Guid Guid::make(Millis now, Random& random) {
  std::array<std::uint8_t, 16> bytes = random.array<16>();
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(now) >> (40 - 8 * i));
  }
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0F));  // version 7
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));  // variant of RFC 9562
  return Guid(bytes);
}

std::string Guid::text() const { return to_hex(bytes_); }

}  // namespace dim
