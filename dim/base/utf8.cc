#include "dim/base/utf8.h"

#include <cstdio>

namespace dim {
namespace {

/// Length of the valid sequence that begins at `at`, 0 if there is none; the code point goes to
/// `out`.
std::size_t sequence(std::string_view text, std::size_t at, char32_t& out) {
  const auto byte = [&](std::size_t i) -> std::uint32_t {
    return at + i < text.size() ? static_cast<std::uint8_t>(text[at + i]) : 0;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) {
    out = lead;
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF && tail(1)) {
    out = (lead & 0x1F) << 6 | (byte(1) & 0x3F);
    return 2;
  }
  if (lead >= 0xE0 && lead <= 0xEF && tail(1) && tail(2)) {
    out = (lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    return out >= 0x800 && (out < 0xD800 || out > 0xDFFF) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    out = (lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
    return out >= 0x10000 && out <= 0x10FFFF ? 4 : 0;
  }
  return 0;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  std::size_t at = 0;
  char32_t c = 0;
  while (at < text.size()) {
    if (static_cast<std::uint8_t>(text[at]) < 0x80) {
      ++at;
      continue;
    }
    const std::size_t size = sequence(text, at, c);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

char32_t next_code_point(std::string_view text, std::size_t& offset) {
  char32_t c = 0xFFFD;
  const std::size_t size = sequence(text, offset, c);
  offset += size == 0 ? 1 : size;
  return size == 0 ? U'\uFFFD' : c;
}

bool is_control(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) || c == 0x2028 || c == 0x2029;
}

bool is_invisible(char32_t c) {
  return c == 0xAD || c == 0x61C || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

std::string escape(std::string_view text, std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    char piece[16];
    char32_t c = 0;
    const std::size_t size = sequence(text, at, c);
    int length = 0;
    if (size == 0) {
      length = std::snprintf(piece, sizeof piece, "\\x%02X",
                             static_cast<unsigned>(static_cast<std::uint8_t>(text[at])));
    } else if (c >= 0x20 && c < 0x7F && c != '\\') {
      piece[0] = static_cast<char>(c);
      length = 1;
    } else if (c < 0x80) {
      length = std::snprintf(piece, sizeof piece, "\\x%02X", static_cast<unsigned>(c));
    } else {
      length = std::snprintf(piece, sizeof piece, "\\u{%X}", static_cast<unsigned>(c));
    }
    if (out.size() + static_cast<std::size_t>(length) > limit) break;
    out.append(piece, static_cast<std::size_t>(length));
    at += size == 0 ? 1 : size;
  }
  return out;
}

}  // namespace dim
