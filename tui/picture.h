// A picture as cells of a terminal that has 256 colours: the upper half of each cell in one colour,
// the lower half in another.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace dim::tui {

/// Rows from the top, the place of each pixel's colour in the table of 256: 16 to 255, which looks
/// the same in every terminal.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> colours{};
};

/// The nearest colour of the table.
std::uint8_t nearest_colour(std::uint8_t red, std::uint8_t green, std::uint8_t blue);
/// `rgb`: three bytes a pixel; a picture of no pixels where there are too few.
Picture picture_of(int width, int height, std::span<const std::uint8_t> rgb);

/// One row of cells: so many of them have the same two colours.
struct HalfBlocks {
  int cells = 0;
  std::uint8_t upper = 0, lower = 0;
};
/// At most `columns` cells wide; a picture that is wider becomes smaller.
std::vector<std::vector<HalfBlocks>> rows_of(const Picture& picture, int columns);
/// The same as lines for a terminal, which is as it was behind each.
std::vector<std::string> lines_of(const Picture& picture, int columns);

inline constexpr const char* kHalfBlock = "▀";

}  // namespace dim::tui
