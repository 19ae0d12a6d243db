// Pictures for tests: small files, some of which claim much.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "dim/base/bytes.h"

namespace dim::testing {

inline std::string big_endian(std::uint64_t number, int bytes) {
  std::string out;
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(number >> (8 * i) & 0xFF);
  return out;
}
inline std::string little_endian(std::uint64_t number, int bytes) {
  const std::string out = big_endian(number, bytes);
  return {out.rbegin(), out.rend()};
}

inline std::string png_chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char c : body) {
    crc ^= static_cast<std::uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return big_endian(data.size(), 4) + body + big_endian(~crc, 4);
}

/// As zlib packs it, without making it smaller.
inline std::string stored(std::string_view data) {
  std::string out = "\x78\x01";
  std::uint32_t a = 1, b = 0;
  for (const char c : data) {
    a = (a + static_cast<std::uint8_t>(c)) % 65'521;
    b = (b + a) % 65'521;
  }
  do {
    const std::string_view part = data.substr(0, 0xFFFF);
    data.remove_prefix(part.size());
    out += data.empty() ? '\x01' : '\x00';
    out += little_endian(part.size(), 2) + little_endian(~part.size() & 0xFFFF, 2);
    out += part;
  } while (!data.empty());
  return out + big_endian(std::uint64_t{b} << 16 | a, 4);
}

/// 258 bytes for each 13 bits: what unpacks to `blocks` times as much, all zeros.
inline std::string deflate_bomb(std::size_t blocks) {
  std::string out = "\x78\x01";
  std::uint32_t bits = 0;
  int count = 0;
  const auto put = [&](std::uint32_t value, int size) {
    bits |= value << count;
    count += size;
    for (; count >= 8; count -= 8, bits >>= 8) out += static_cast<char>(bits & 0xFF);
  };
  put(0b011, 3);       // the last block, fixed codes
  put(0b00001100, 8);  // a zero
  for (std::size_t i = 0; i < blocks; ++i) {
    put(0b10100011, 8);  // length 258
    put(0, 5);           // the byte before
  }
  put(0, 7);
  put(0, 7);
  return out;
}

inline std::string png_head(std::uint32_t width, std::uint32_t height) {
  return std::string("\x89PNG\r\n\x1A\n", 8) +
         png_chunk("IHDR",
                   big_endian(width, 4) + big_endian(height, 4) + std::string("\x08\x02\0\0\0", 5));
}

/// The left half red, the right half blue. `more`: chunks behind its head.
inline std::string png_picture(std::uint32_t width, std::uint32_t height,
                               std::string_view more = {}) {
  std::string rows;
  for (std::uint32_t y = 0; y < height; ++y) {
    rows += '\0';
    for (std::uint32_t x = 0; x < width; ++x)
      rows += x < width / 2 ? std::string("\xFF\0\0", 3) : std::string("\0\0\xFF", 3);
  }
  return png_head(width, height) + std::string(more) + png_chunk("IDAT", stored(rows)) +
         png_chunk("IEND", "");
}

/// A red dot on a canvas of that size, `frames` times.
inline std::string gif_picture(std::uint32_t width, std::uint32_t height, std::size_t frames) {
  std::string out = "GIF89a" + little_endian(width, 2) + little_endian(height, 2) +
                    std::string("\x80\0\0\xFF\0\0\0\0\xFF", 9);
  const std::string frame =
      std::string("\x2C\0\0\0\0\x01\0\x01\0\0", 10) + std::string("\x02\x02\x44\x01\0", 5);
  out.reserve(out.size() + frames * frame.size() + 1);
  for (std::size_t i = 0; i < frames; ++i) out += frame;
  return out + ';';
}

/// A lossless WebP that says it is so large, with nothing behind its head.
inline std::string webp_head(std::uint32_t width, std::uint32_t height) {
  const std::string body = "\x2F" +
                           little_endian((width - 1) | std::uint64_t{height - 1} << 14, 4) +
                           std::string(21, '\0');
  return "RIFF" + little_endian(12 + body.size(), 4) + "WEBPVP8L" + little_endian(body.size(), 4) +
         body;
}

}  // namespace dim::testing
