// The text that somebody is writing: lines, a cursor, what was written before.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tui/cells.h"

namespace dim::tui {

class Composer {
 public:
  const std::string& text() const { return text_; }
  std::size_t cursor() const { return cursor_; }  ///< byte before which it stands
  bool empty() const { return text_.empty(); }

  /// Control characters other than line ends and tabs, and bytes that are no UTF-8, are left out.
  void insert(std::string_view text);
  void backspace();
  void erase();
  void left();
  void right();
  void word_left();
  void word_right();
  void home();  ///< of the line
  void end();
  /// A row up or down at this width; false when there is none.
  bool up(int width);
  bool down(int width);
  void kill_word();     ///< back to the beginning of the word before
  void kill_to_end();   ///< of the line
  void kill_to_home();  ///< of the line
  void set(std::string text);
  /// Bytes [begin, end) become `by`, and the cursor stands behind it.
  void replace(std::size_t begin, std::size_t end, std::string_view by);

  /// The text, which is remembered; the composer is empty then.
  std::string take();
  /// What was written before, or after that; the text that was not sent waits below.
  void older();
  void newer();

  std::vector<Span> rows(int width) const { return wrap(text_, width); }
  struct Place {
    int row = 0, column = 0;
  };
  Place place(int width) const;

 private:
  void go_to(int row, int column, int width);

  std::string text_;
  std::size_t cursor_ = 0;
  std::vector<std::string> before_;
  std::size_t at_ = 0;  ///< in before_; its size: the text that is new
  std::string unsent_;
};

}  // namespace dim::tui
