// What others have written, on its way to a terminal, and the bytes of a keyboard. An input is both
// a text and what was typed: no cell holds a control character, no row is wider than it may be, and
// every byte of a text stands in one row.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dim/base/utf8.h"
#include "terminal/printable.h"
#include "tui/composer.h"
#include "tui/curses.h"
#include "tui/keys.h"
#include "tui/view.h"

namespace {

using namespace dim;
using namespace dim::tui;

void demand(bool holds) {
  if (!holds) std::abort();
}

void demand_harmless(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    demand(!is_control(c) && !is_invisible(c));
  }
}

void try_rows(const std::string& text, int width) {
  std::size_t next = 0;
  for (const Span& span : wrap(text, width)) {
    demand(span.begin == next || (span.begin == next + 1 && text[next] == '\n'));
    demand(span.begin <= span.end && span.end <= text.size());
    next = span.end;
  }
  demand(next == text.size());
}

void try_screen(const std::string& text) {
  Model model;
  model.me = text;
  model.notice = text;
  Conversation one{.id = "a", .title = text, .hub = text, .about = text};
  one.messages.push_back({.id = text,
                          .day = "day",
                          .clock = "16:52",
                          .author = text,
                          .author_id = text,
                          .text = text});
  one.messages.back().answers = one.messages.back().words = text;
  one.messages.back().labels = {text};
  one.messages.back().reactions = {{text, 1}};
  one.composer.insert(text);
  model.add(std::move(one));
  for (const Size size : {Size{24, 80}, Size{5, 13}}) {
    const Screen screen = draw(model, size);
    for (int row = 0; row < size.rows; ++row) {
      for (int column = 0; column < size.columns; ++column)
        demand_harmless(screen.at(row, column).glyph);
    }
    demand(screen.cursor.row >= 0 && screen.cursor.row < size.rows);
    demand(screen.cursor.column >= 0 && screen.cursor.column < size.columns);
    scroll(model, size, 3);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMost = 4'096;
  static const bool ready = (set_locale(), true);
  demand(ready);
  const std::string text(data, data + std::min(size, kMost));
  demand_harmless(printable(text));
  for (const std::string& row : printable_rows(text)) demand_harmless(row);
  for (const int width : {2, 7, 80}) try_rows(text, width);
  try_screen(text);

  KeyDecoder whole, torn;
  Composer composer;
  for (const KeyPress& press : whole.feed(text)) {
    if (press.key == Key::paste || press.key == Key::text) composer.insert(press.text);
  }
  demand(valid_utf8(composer.text()));
  for (const char c : text) (void)torn.feed({&c, 1});
  (void)torn.flush();
  return 0;
}
