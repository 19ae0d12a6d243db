#include "tui/picture.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace dim::tui {
namespace {

constexpr std::array<int, 6> kSteps{0, 95, 135, 175, 215, 255};  // of the cube 16 to 231
constexpr int kGreys = 24;                                       // 232 to 255: 8, 18, …, 238

std::size_t nearest_step(int value) {
  const auto farther = [value](int a, int b) { return std::abs(a - value) < std::abs(b - value); };
  return static_cast<std::size_t>(std::ranges::min_element(kSteps, farther) - kSteps.begin());
}

int distance(std::array<int, 3> one, std::array<int, 3> other) {
  int out = 0;
  for (std::size_t i = 0; i < one.size(); ++i) out += (one[i] - other[i]) * (one[i] - other[i]);
  return out;
}

}  // namespace

std::uint8_t nearest_colour(std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  const std::array<int, 3> wanted{red, green, blue};
  const std::array<std::size_t, 3> steps{nearest_step(red), nearest_step(green),
                                         nearest_step(blue)};
  const std::array<int, 3> cube{kSteps[steps[0]], kSteps[steps[1]], kSteps[steps[2]]};
  const int mean = (red + green + blue) / 3;
  const int grey = std::clamp((mean - 3) / 10, 0, kGreys - 1);
  const int level = 8 + 10 * grey;
  if (distance(wanted, {level, level, level}) < distance(wanted, cube))
    return static_cast<std::uint8_t>(232 + grey);
  return static_cast<std::uint8_t>(16 + 36 * steps[0] + 6 * steps[1] + steps[2]);
}

Picture picture_of(int width, int height, std::span<const std::uint8_t> rgb) {
  Picture out;
  if (width < 1 || height < 1 ||
      rgb.size() / 3 < static_cast<std::size_t>(width) * static_cast<std::size_t>(height))
    return out;
  out.width = width;
  out.height = height;
  const std::size_t pixels = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
  out.colours.reserve(pixels);
  for (std::size_t i = 0; i < pixels; ++i)
    out.colours.push_back(nearest_colour(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]));
  return out;
}

std::vector<std::vector<HalfBlocks>> rows_of(const Picture& picture, int columns) {
  std::vector<std::vector<HalfBlocks>> out;
  if (picture.width < 1 || picture.height < 1 || columns < 1) return out;
  const int width = std::min(columns, picture.width);
  const int height = std::max(1, picture.height * width / picture.width);
  const auto colour = [&](int x, int y) {
    // A row that stands alone at the end is shown twice.
    const int from_y = std::min(y, height - 1) * picture.height / height;
    const int from_x = x * picture.width / width;
    return picture
        .colours[static_cast<std::size_t>(from_y) * static_cast<std::size_t>(picture.width) +
                 static_cast<std::size_t>(from_x)];
  };
  for (int y = 0; y < height; y += 2) {
    std::vector<HalfBlocks>& row = out.emplace_back();
    for (int x = 0; x < width; ++x) {
      const std::uint8_t upper = colour(x, y), lower = colour(x, y + 1);
      if (!row.empty() && row.back().upper == upper && row.back().lower == lower) {
        ++row.back().cells;
      } else {
        row.push_back({1, upper, lower});
      }
    }
  }
  return out;
}

std::vector<std::string> lines_of(const Picture& picture, int columns) {
  std::vector<std::string> out;
  for (const auto& row : rows_of(picture, columns)) {
    std::string& line = out.emplace_back();
    for (const HalfBlocks& one : row) {
      line += "\x1b[38;5;" + std::to_string(one.upper) + ";48;5;" + std::to_string(one.lower) + "m";
      for (int i = 0; i < one.cells; ++i) line += kHalfBlock;
    }
    line += "\x1b[0m";
  }
  return out;
}

}  // namespace dim::tui
