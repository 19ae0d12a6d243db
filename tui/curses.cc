#include "tui/curses.h"

// Its macros would take the names of functions, also where they are written with ::.
#define NCURSES_NOMACROS
#include <curses.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>

namespace dim::tui {
namespace {

// Of people: told apart on dark and light ground, and not those of errors and marks.
constexpr short kPeople256[kPeopleColours] = {33, 37, 71, 97, 130, 133, 136, 166, 168, 68, 64, 139};
constexpr short kPeople8[kPeopleColours] = {COLOR_CYAN, COLOR_BLUE,   COLOR_GREEN,   COLOR_MAGENTA,
                                            COLOR_CYAN, COLOR_YELLOW, COLOR_BLUE,    COLOR_GREEN,
                                            COLOR_CYAN, COLOR_BLUE,   COLOR_MAGENTA, COLOR_GREEN};
constexpr short kFirst = 1;            // pair of the first ink; 0 is the terminal's own
constexpr int kPicturePairs = 0x4000;  // terminals that have fewer run out of them

short pair_of(const Style& style) {
  if (style.ink == Ink::plain) return 0;
  return static_cast<short>(kFirst + static_cast<short>(style.ink) +
                            (style.ink == Ink::people ? style.person : 0));
}

std::wstring wide(const std::string& text) {
  std::wstring out(text.size(), L'\0');
  std::mbstate_t state{};
  const char* from = text.c_str();
  const std::size_t size = std::mbsrtowcs(out.data(), &from, out.size(), &state);
  if (size == static_cast<std::size_t>(-1)) return L"?";
  out.resize(size);
  return out;
}

void say(const char* sequence) {
  std::fputs(sequence, stdout);
  std::fflush(stdout);
}

}  // namespace

void set_locale() {
  const auto is_utf8 = [] {
    std::mbstate_t state{};
    wchar_t c = 0;
    return std::mbrtowc(&c, "\xC3\xA9", 2, &state) == 2;
  };
  std::setlocale(LC_CTYPE, "");
  if (!is_utf8()) std::setlocale(LC_CTYPE, "C.UTF-8");
}

struct Curses::Impl {
  SCREEN* terminal = nullptr;
  Options options{};
  bool colours = false;
  bool pictures = false;

  void begin_modes() const {
    say("\x1b[?2004h\x1b[?1004h");
    if (options.mouse) say("\x1b[?1000h\x1b[?1006h");
  }
  void end_modes() const {
    if (options.mouse) say("\x1b[?1006l\x1b[?1000l");
    say("\x1b[?1004l\x1b[?2004l");
  }

  void init_colours() {
    if (!options.colours || ::has_colors() == FALSE || ::start_color() == ERR) return;
    colours = true;
    const bool many = COLORS >= 256;
    pictures = many && COLOR_PAIRS >= kPicturePairs;
    short ground = -1;
    if (::use_default_colors() == ERR) ground = COLOR_BLACK;
    const auto pair = [ground](Ink ink, short colour) {
      ::init_pair(static_cast<short>(kFirst + static_cast<short>(ink)), colour, ground);
    };
    pair(Ink::quiet, many ? short{244} : short{-1});
    pair(Ink::good, COLOR_GREEN);
    pair(Ink::bad, many ? short{160} : short{COLOR_RED});
    pair(Ink::mark, many ? short{172} : short{COLOR_YELLOW});
    for (int i = 0; i < kPeopleColours; ++i) {
      ::init_pair(static_cast<short>(kFirst + static_cast<short>(Ink::people) + i),
                  many ? kPeople256[i] : kPeople8[i], ground);
    }
  }

  void put(int row, int column, const Cell& cell) const {
    attr_t attributes = 0;
    if (cell.style.bold) attributes |= WA_BOLD;
    if (cell.style.reverse) attributes |= WA_REVERSE;
    if (cell.style.underline) attributes |= WA_UNDERLINE;
    if (cell.style.ink == Ink::quiet && (!colours || COLORS < 256)) attributes |= WA_DIM;
    cchar_t drawn{};
    // The pair as a whole number: those of pictures are more than a short can count.
    int pair = 0;
    if (cell.style.ink == Ink::pixels) {
      pair = pictures ? std::max(0, ::alloc_pair(cell.style.upper, cell.style.lower)) : 0;
    } else if (colours) {
      pair = pair_of(cell.style);
    }
    ::setcchar(&drawn, wide(cell.glyph).c_str(), attributes, 0, &pair);
    ::mvadd_wch(row, column, &drawn);
  }
};

Curses::Curses(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Curses>> Curses::open(Options options) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0)
    return fail(Errc::usage, "dim tui needs a terminal; dim chat works without one, line by line");
  const char* const name = std::getenv("TERM");
  set_locale();
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  if (name != nullptr && *name != '\0' && std::string_view(name) != "dumb")
    impl->terminal = ::newterm(nullptr, stdout, stdin);
  if (impl->terminal == nullptr) {
    return fail(
        Errc::usage,
        "this terminal cannot be drawn on (see TERM); dim chat works with any, line by line");
  }
  ::set_term(impl->terminal);
  ::raw();
  ::noecho();
  ::nonl();
  ::typeahead(-1);  // the keyboard is read elsewhere
  ::leaveok(stdscr, FALSE);
  impl->init_colours();
  impl->begin_modes();
  return std::unique_ptr<Curses>(new Curses(std::move(impl)));
}

Curses::~Curses() {
  impl_->end_modes();
  ::endwin();
  ::delscreen(impl_->terminal);
}

Size Curses::size() const {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0)
    return {window.ws_row, window.ws_col};
  return {LINES, COLS};
}

bool Curses::shows_pictures() const { return impl_->pictures; }

void Curses::draw(const Screen& screen) {
  const Size size = screen.size();
  if (size.rows != LINES || size.columns != COLS) ::resizeterm(size.rows, size.columns);
  ::erase();
  for (int row = 0; row < size.rows; ++row) {
    for (int column = 0; column < size.columns; ++column) {
      const Cell& cell = screen.at(row, column);
      if (cell.glyph.empty() || (cell.glyph == " " && cell.style == Style{})) continue;
      impl_->put(row, column, cell);
    }
  }
  ::curs_set(screen.cursor.shown ? 1 : 0);
  ::move(std::clamp(screen.cursor.row, 0, size.rows - 1),
         std::clamp(screen.cursor.column, 0, size.columns - 1));
  ::refresh();
}

void Curses::redraw() { ::clearok(curscr, TRUE); }

void Curses::suspend() {
  impl_->end_modes();
  ::endwin();
  std::signal(SIGTSTP, SIG_DFL);
  std::raise(SIGTSTP);
  impl_->begin_modes();
  ::clearok(curscr, TRUE);
  ::refresh();
}

}  // namespace dim::tui
