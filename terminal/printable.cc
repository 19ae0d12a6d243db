#include "terminal/printable.h"

#include <cstdio>

#include "dim/base/utf8.h"

namespace dim {
namespace {

struct Breaks {
  const char* line;  ///< what stands for a line break; nullptr: it is escaped, and tabs are
  const char* tab;
};

std::string shown(std::string_view text, Breaks breaks) {
  if (!valid_utf8(text)) return escape(text, text.size() * 4);
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(text, at);
    const bool is_break = c == U'\n' || c == U'\u2028' || c == U'\u2029';
    if (breaks.line != nullptr && is_break) {
      out += breaks.line;
    } else if (breaks.line != nullptr && c == U'\t') {
      out += breaks.tab;
    } else if (!is_break && !is_control(c) && !is_invisible(c)) {
      out.append(text.substr(begin, at - begin));
    } else {
      char escaped[16];
      const int size = std::snprintf(escaped, sizeof escaped, "\\u{%X}", static_cast<unsigned>(c));
      out.append(escaped, static_cast<std::size_t>(size));
    }
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return shown(text, {nullptr, nullptr}); }

std::string printable_lines(std::string_view text) { return shown(text, {"\n       | ", "\t"}); }

std::vector<std::string> printable_rows(std::string_view text) {
  const std::string all = shown(text, {"\n", "    "});
  std::vector<std::string> out;
  std::size_t begin = 0;
  for (std::size_t end; (end = all.find('\n', begin)) != std::string::npos; begin = end + 1)
    out.push_back(all.substr(begin, end - begin));
  out.push_back(all.substr(begin));
  return out;
}

}  // namespace dim
