#include "tui/screen.h"

#include <algorithm>

#include "tui/cells.h"

namespace dim::tui {

Style style_of_person(std::string_view id) {
  // FNV-1a: the same in every run and on every machine.
  std::uint32_t hash = 2'166'136'261U;
  for (const char c : id) hash = (hash ^ static_cast<std::uint8_t>(c)) * 16'777'619U;
  return {.ink = Ink::people, .person = static_cast<int>(hash % kPeopleColours), .bold = true};
}

Screen::Screen(Size size) : size_{std::max(size.rows, 1), std::max(size.columns, 1)} {
  cells_.resize(static_cast<std::size_t>(size_.rows) * static_cast<std::size_t>(size_.columns));
}

Cell& Screen::cell(int row, int column) {
  return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(size_.columns) +
                static_cast<std::size_t>(column)];
}

const Cell& Screen::at(int row, int column) const {
  return cells_[static_cast<std::size_t>(row) * static_cast<std::size_t>(size_.columns) +
                static_cast<std::size_t>(column)];
}

int Screen::put(int row, int column, std::string_view text, Style style, int room) {
  if (row < 0 || row >= size_.rows || column < 0) return 0;
  room = std::min(room, size_.columns - column);
  int used = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Cluster one = cluster_at(text, at);
    if (used + one.width > room) break;
    const std::string drawn = glyph(text.substr(one.begin, one.end - one.begin));
    const bool blank = drawn == " ";
    for (int i = 0; i < one.width; ++i) {
      Cell& to = cell(row, column + used + i);
      to.glyph = i == 0 ? drawn : blank ? " " : "";
      to.style = style;
    }
    used += one.width;
    at = one.end;
  }
  return std::max(used, 0);
}

void Screen::fill(int row, int column, int room, Style style) {
  if (row < 0 || row >= size_.rows || column < 0) return;
  for (int i = column; i < std::min(size_.columns, column + room); ++i)
    cell(row, i) = {.glyph = " ", .style = style};
}

std::string Screen::row(int row) const {
  std::string out;
  for (int column = 0; column < size_.columns; ++column) out += at(row, column).glyph;
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

}  // namespace dim::tui
