// What a terminal shall show, as a value: cells with a style each. Whatever is written on it, no
// cell holds anything that a terminal acts upon (C11).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dim::tui {

/// Colours by their purpose. People's follow behind `people`: kPeopleColours of them. `pixels`:
/// those of a picture, which the style names itself.
enum class Ink : std::uint8_t { plain, quiet, good, bad, mark, people, pixels };
inline constexpr int kPeopleColours = 12;

struct Style {
  Ink ink = Ink::plain;
  int person = 0;  ///< which of people's colours, with Ink::people
  bool bold = false, reverse = false, underline = false;
  std::uint8_t upper = 0, lower = 0;  ///< halves of the cell, of 256 colours, with Ink::pixels
  bool operator==(const Style&) const = default;
};
/// The colour of somebody: always the same for the same ID.
Style style_of_person(std::string_view id);

struct Cell {
  std::string glyph = " ";  ///< empty: the right half of the wide one before
  Style style{};
};

struct Size {
  int rows = 24, columns = 80;
  bool operator==(const Size&) const = default;
};

class Screen {
 public:
  explicit Screen(Size size);
  Size size() const { return size_; }
  const Cell& at(int row, int column) const;

  /// Writes from there on, at most `room` cells and never beyond the edge; returns how many it
  /// took.
  int put(int row, int column, std::string_view text, Style style = {}, int room = 1'000'000);
  /// That many cells become spaces of this style.
  void fill(int row, int column, int room, Style style);

  struct Cursor {
    int row = 0, column = 0;
    bool shown = false;
  };
  Cursor cursor{};

  /// What stands in a row, without the spaces at its end.
  std::string row(int row) const;

 private:
  Cell& cell(int row, int column);
  Size size_;
  std::vector<Cell> cells_;
};

}  // namespace dim::tui
