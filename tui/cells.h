// How text takes room on a terminal: what the cursor passes over at once, how many cells that
// takes, where rows end. Widths are those of the C library (wcwidth), which ncurses asks too; so a
// program has to set a UTF-8 locale first.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dim::tui {

/// A character with what belongs to it: combining marks, variation selectors, skin tones.
struct Cluster {
  std::size_t begin = 0, end = 0;  ///< bytes of the text
  int width = 0;                   ///< cells: 1 or 2; 4 for a tab
};
/// The one that begins at `at` (< size).
Cluster cluster_at(std::string_view text, std::size_t at);
/// Where the one before `at` begins; 0 at the beginning.
std::size_t cluster_before(std::string_view text, std::size_t at);

/// What is drawn for a cluster: its character and at most four combining marks. Never anything that
/// a terminal acts upon, whatever the bytes are: what cannot be drawn is U+FFFD.
std::string glyph(std::string_view cluster);

/// Cells that a line takes.
int width_of(std::string_view text);
/// The text, or as much of its beginning as fits with "…" behind it.
std::string fit(std::string_view text, int width);

/// Bytes [begin, end) of a text that stand in one row.
struct Span {
  std::size_t begin = 0, end = 0;
};
/// Rows of at most `width` cells (at least 2): broken at '\n', which is in no row, else behind a
/// space, else where the row is full. Spaces at a break stay at the end of their row, where they
/// may stand out of it. At least one row.
std::vector<Span> wrap(std::string_view text, int width);

}  // namespace dim::tui
