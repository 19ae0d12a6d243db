#include "dim/packet/guid.h"

#include <algorithm>

#include "dim/base/hex.h"

namespace dim {

Result<Guid> Guid::from_bytes(const std::array<std::uint8_t, 16>& bytes) {
  const auto all = [&](std::uint8_t value) { return std::ranges::all_of(bytes, [&](std::uint8_t byte) { return byte == value; }); };
  if (all(0) || all(0xFF)) return fail(Errc::bad_request, "a GUID is neither all zero nor all f");
  return Guid(bytes);
}

Result<Guid> Guid::parse(std::string_view text) {
  std::string digits(text);
  if (text.size() == 36 && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-') {
    std::erase(digits, '-');
  }
  auto bytes = digits.size() == 32 ? from_hex(digits) : Result<Bytes>(fail(Errc::encoding, ""));
  if (!bytes) return fail(Errc::bad_request, "a GUID is written as 32 hexadecimal digits");
  std::array<std::uint8_t, 16> out{};
  std::ranges::copy(*bytes, out.begin());
  return from_bytes(out);
}

Guid Guid::make(Millis now, Random& random) {
  auto bytes = random.array<16>();
  for (std::size_t i = 0; i < 6; ++i) bytes[i] = static_cast<std::uint8_t>(now >> (8 * (5 - i)));
  bytes[6] = static_cast<std::uint8_t>(0x70 | (bytes[6] & 0x0F));
  bytes[8] = static_cast<std::uint8_t>(0x80 | (bytes[8] & 0x3F));
  return Guid(bytes);
}

std::string Guid::text() const { return to_hex(bytes_); }

}  // namespace dim
