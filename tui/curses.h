// The terminal itself: shows screens, and is as it was before when this goes. The keyboard is read
// by whoever has the event loop (keys.h).
#pragma once
#include <memory>

#include "dim/base/error.h"
#include "tui/screen.h"

namespace dim::tui {

class Curses {
 public:
  struct Options {
    bool colours = true;
    bool mouse =
        false;  ///< reports clicks and the wheel; terminals then select text with Shift only
  };
  /// Errc::usage: standard input or output is no terminal, or none that can be drawn on.
  static Result<std::unique_ptr<Curses>> open(Options options);
  Curses(const Curses&) = delete;
  Curses& operator=(const Curses&) = delete;
  ~Curses();

  /// As it is now.
  Size size() const;
  /// It has the colours that pictures need.
  bool shows_pictures() const;
  void draw(const Screen& screen);
  /// Everything anew with the next draw().
  void redraw();
  /// Gives the terminal back and stops this process, as Ctrl-Z does; returns when it goes on.
  void suspend();

 private:
  struct Impl;
  explicit Curses(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// A UTF-8 locale for widths of characters: the person's own, else one that is always there.
void set_locale();

}  // namespace dim::tui
