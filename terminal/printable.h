// What others have written, made fit for a terminal: nothing of it may drive the terminal, hide, or
// change the direction of what stands beside it (C11).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace dim {

/// One line: every control or invisible character escaped as \u{N}, line breaks and tabs too.
std::string printable(std::string_view text);

/// The lines of a text, at least one: escaped like `printable`, but broken where the text has a
/// line break, and with four spaces for a tab.
std::vector<std::string> printable_rows(std::string_view text);

/// As `printable`, but with its tabs and line breaks. Each further line begins with "       | ", as
/// no line of ours does: a text cannot pose as another message.
std::string printable_lines(std::string_view text);

}  // namespace dim
