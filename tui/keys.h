// The bytes of a keyboard, as keys: those of xterm and what follows it (screen, tmux, rxvt, the
// Linux console), with bracketed paste and SGR mouse reports.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dim::tui {

enum class Key : std::uint8_t {
  text,     ///< printable characters, one or more
  control,  ///< Ctrl with the letter in `text`: "a" to "z"
  enter,
  newline,  ///< Ctrl-J, Alt-Enter, and line ends of what was pasted without brackets
  tab,
  backtab,
  backspace,
  erase,  ///< Delete
  escape,
  up,
  down,
  left,
  right,
  home,
  end,
  page_up,
  page_down,
  help,   ///< F1
  paste,  ///< `text`: at most kPasteBytes of it, with '\n' for line ends
  click,  ///< left button, at `row` and `column`
  wheel_up,
  wheel_down,
  focus_in,  ///< the person looks at this terminal, as far as the terminal knows
  focus_out,
};

struct KeyPress {
  Key key = Key::text;
  std::string text{};
  bool alt = false, ctrl = false, shift = false;
  int row = 0, column = 0;
  bool cut = false;  ///< more was pasted than was kept
};

/// More than any message holds.
inline constexpr std::size_t kPasteBytes = 512 * std::size_t{1024};

class KeyDecoder {
 public:
  /// What was pressed, as far as it is whole.
  std::vector<KeyPress> feed(std::string_view bytes);
  /// Nothing came for a moment: a lone ESC is the key, a torn sequence is nothing, and the next
  /// line end was typed. Called every 100 ms or so: a paste without an end is over after 5 s.
  std::vector<KeyPress> flush();

 private:
  std::size_t take(std::string_view bytes, std::vector<KeyPress>& out);
  std::size_t take_escape(std::string_view bytes, std::vector<KeyPress>& out);
  std::size_t take_csi(std::string_view bytes, std::vector<KeyPress>& out);
  std::size_t take_paste(std::string_view bytes, std::vector<KeyPress>& out);
  KeyPress end_paste();

  std::string pending_;
  bool pasting_ = false;
  std::string pasted_;
  bool cut_ = false;
  int quiet_ = 0;       // calls of flush() since something came
  bool burst_ = false;  // more than one line came at once, and nothing was quiet since
};

}  // namespace dim::tui
