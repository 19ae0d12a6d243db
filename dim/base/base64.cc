#include "dim/base/base64.h"

#include <array>

namespace dim {
namespace {

constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrl =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint8_t kNone = 0xFF;

consteval std::array<std::uint8_t, 256> inverse(std::string_view alphabet) {
  std::array<std::uint8_t, 256> table{};
  table.fill(kNone);
  for (std::size_t i = 0; i < alphabet.size(); ++i) {
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return table;
}

constexpr auto kStandardInverse = inverse(kStandard);
constexpr auto kUrlInverse = inverse(kUrl);

std::string encode(ByteView bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const std::uint32_t v = static_cast<std::uint32_t>(bytes[i]) << 16 |
                            static_cast<std::uint32_t>(bytes[i + 1]) << 8 | bytes[i + 2];
    const char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
                          alphabet[v & 63]};
    out.append(four, 4);
  }
  const std::size_t rest = bytes.size() - i;
  if (rest > 0) {
    const std::uint32_t v = static_cast<std::uint32_t>(bytes[i]) << 16 |
                            (rest == 2 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8 : 0U);
    out.push_back(alphabet[v >> 18]);
    out.push_back(alphabet[v >> 12 & 63]);
    if (rest == 2) out.push_back(alphabet[v >> 6 & 63]);
    if (padded) out.append(3 - rest, '=');
  }
  return out;
}

Result<Bytes> decode(std::string_view text, const std::array<std::uint8_t, 256>& table,
                     bool padding) {
  std::size_t size = text.size();
  if (padding && size > 0 && size % 4 == 0) {
    if (text[size - 1] == '=') --size;
    if (text[size - 1] == '=') --size;
  }
  if (size % 4 == 1) return fail(Errc::encoding, "base64 text has an impossible length", size);
  Bytes out(size * 3 / 4);
  std::uint8_t* to = out.data();
  std::uint32_t bad = 0;
  std::size_t i = 0;
  for (; i + 4 <= size; i += 4) {
    const std::uint32_t a = table[static_cast<std::uint8_t>(text[i])];
    const std::uint32_t b = table[static_cast<std::uint8_t>(text[i + 1])];
    const std::uint32_t c = table[static_cast<std::uint8_t>(text[i + 2])];
    const std::uint32_t d = table[static_cast<std::uint8_t>(text[i + 3])];
    bad |= (a | b | c | d) & 0x80;
    const std::uint32_t v = a << 18 | b << 12 | c << 6 | d;
    *to++ = static_cast<std::uint8_t>(v >> 16);
    *to++ = static_cast<std::uint8_t>(v >> 8);
    *to++ = static_cast<std::uint8_t>(v);
  }
  const std::size_t rest = size - i;
  if (rest > 0) {
    const std::uint32_t a = table[static_cast<std::uint8_t>(text[i])];
    const std::uint32_t b = table[static_cast<std::uint8_t>(text[i + 1])];
    const std::uint32_t c = rest == 3 ? table[static_cast<std::uint8_t>(text[i + 2])] : 0U;
    bad |= (a | b | c) & 0x80;
    const std::uint32_t v = a << 18 | b << 12 | c << 6;
    *to++ = static_cast<std::uint8_t>(v >> 16);
    if (rest == 3) *to++ = static_cast<std::uint8_t>(v >> 8);
    if ((rest == 2 && (v & 0xFFFF) != 0) || (rest == 3 && (v & 0xFF) != 0)) {
      return fail(Errc::encoding, "base64 text ends with bits that must be zero", size);
    }
  }
  if (bad != 0) return fail(Errc::encoding, "base64 text has a character outside its alphabet");
  return out;
}

}  // namespace

std::string to_base64(ByteView bytes) { return encode(bytes, kStandard, true); }
Result<Bytes> from_base64(std::string_view text) { return decode(text, kStandardInverse, true); }
std::string to_base64url(ByteView bytes) { return encode(bytes, kUrl, false); }
Result<Bytes> from_base64url(std::string_view text) { return decode(text, kUrlInverse, false); }

}  // namespace dim
