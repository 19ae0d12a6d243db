#include "dim/base/base58.h"

#include <algorithm>

namespace dim {
namespace {
constexpr std::string_view kAlphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::size_t kMostCharacters = 128;
}  // namespace

std::string to_base58(ByteView bytes) {
  const auto first = std::ranges::find_if(bytes, [](std::uint8_t byte) { return byte != 0; });
  const auto zeros = static_cast<std::size_t>(first - bytes.begin());
  Bytes digits;  // base 58, least significant first
  for (const std::uint8_t byte : bytes.subspan(zeros)) {
    std::uint32_t carry = byte;
    for (std::uint8_t& digit : digits) {
      carry += static_cast<std::uint32_t>(digit) << 8;
      digit = static_cast<std::uint8_t>(carry % 58);
      carry /= 58;
    }
    for (; carry > 0; carry /= 58) digits.push_back(static_cast<std::uint8_t>(carry % 58));
  }
  std::string out(zeros, '1');
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit)
    out.push_back(kAlphabet[*digit]);
  return out;
}

Result<Bytes> from_base58(std::string_view text) {
  if (text.size() > kMostCharacters)
    return fail(Errc::encoding, "base58 text here has at most 128 characters", kMostCharacters);
  const std::size_t zeros = std::min(text.find_first_not_of('1'), text.size());
  Bytes bytes;  // base 256, least significant first
  for (std::size_t i = zeros; i < text.size(); ++i) {
    const std::size_t value = kAlphabet.find(text[i]);
    if (value == std::string_view::npos)
      return fail(Errc::encoding, "base58 text has a character outside its alphabet", i);
    auto carry = static_cast<std::uint32_t>(value);
    for (std::uint8_t& byte : bytes) {
      carry += static_cast<std::uint32_t>(byte) * 58;
      byte = static_cast<std::uint8_t>(carry);
      carry >>= 8;
    }
    for (; carry > 0; carry >>= 8) bytes.push_back(static_cast<std::uint8_t>(carry));
  }
  bytes.insert(bytes.end(), zeros, 0);
  std::ranges::reverse(bytes);
  return bytes;
}

}  // namespace dim
