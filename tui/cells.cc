#include "tui/cells.h"

#include <algorithm>
#include <cwchar>

#include "dim/base/utf8.h"

namespace dim::tui {
namespace {

constexpr int kTab = 4;
constexpr int kMarks = 4;  // that ncurses takes beside a character
constexpr std::string_view kUnknown = "\xEF\xBF\xBD";

bool is_selector(char32_t c) { return c >= 0xFE00 && c <= 0xFE0F; }
bool is_skin_tone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }

int width_of(char32_t c) {
  if (is_control(c) || is_invisible(c)) return -1;
  return ::wcwidth(static_cast<wchar_t>(c));
}

/// Belongs to the character before. Terminals differ in what selectors, joiners and skin tones make
/// of an emoji's width, so they take no room here and glyph() leaves them out.
bool extends(char32_t c, int width_before) {
  if (c == U'\n' || c == U'\t') return false;
  return is_invisible(c) || is_selector(c) || (width_before == 2 && is_skin_tone(c)) ||
         width_of(c) == 0;
}

}  // namespace

Cluster cluster_at(std::string_view text, std::size_t at) {
  Cluster out{at, at, 1};
  const char32_t first = next_code_point(text, out.end);
  if (first == U'\t') {
    out.width = kTab;
    return out;
  }
  if (first == U'\n') return out;
  out.width = std::clamp(width_of(first), 1, 2);
  while (out.end < text.size()) {
    std::size_t next = out.end;
    if (!extends(next_code_point(text, next), out.width)) break;
    out.end = next;
  }
  return out;
}

std::size_t cluster_before(std::string_view text, std::size_t at) {
  // Nothing is longer than the line, and lines are short: from its beginning.
  std::size_t begin = 0;
  if (const std::size_t line = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
      line != std::string_view::npos) {
    if (line + 1 == at) return line;
    begin = line + 1;
  }
  while (begin < at) {
    const Cluster one = cluster_at(text, begin);
    if (one.end >= at) return begin;
    begin = one.end;
  }
  return begin;
}

std::string glyph(std::string_view cluster) {
  std::size_t at = 0;
  if (cluster.empty()) return " ";
  const char32_t first = next_code_point(cluster, at);
  if (first == U'\t' || first == U'\n') return " ";
  if (width_of(first) < 1 || !valid_utf8(cluster.substr(0, at))) return std::string(kUnknown);
  std::string out(cluster.substr(0, at));
  int marks = 0;
  while (at < cluster.size() && marks < kMarks) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(cluster, at);
    if (width_of(c) != 0 || is_selector(c)) continue;
    out.append(cluster.substr(begin, at - begin));
    ++marks;
  }
  return out;
}

int width_of(std::string_view text) {
  int out = 0;
  for (std::size_t at = 0; at < text.size();) {
    const Cluster one = cluster_at(text, at);
    out += one.width;
    at = one.end;
  }
  return out;
}

std::string fit(std::string_view text, int width) {
  if (width <= 0) return {};
  int used = 0;
  std::size_t cut = 0;  // what fits beside "…"
  for (std::size_t at = 0; at < text.size();) {
    const Cluster one = cluster_at(text, at);
    if (used + one.width > width) return std::string(text.substr(0, cut)) + "…";
    used += one.width;
    if (used <= width - 1) cut = one.end;
    at = one.end;
  }
  return std::string(text);
}

std::vector<Span> wrap(std::string_view text, int width) {
  width = std::max(width, 2);
  std::vector<Span> out;
  Span row{0, 0};
  int used = 0;
  std::size_t space = 0;  // behind the last space of the row; 0: there is none
  int used_to_space = 0;
  const auto end_row = [&](std::size_t end, std::size_t next) {
    out.push_back({row.begin, end});
    row.begin = next;
    space = 0;
  };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\n') {
      end_row(at, at + 1);
      used = 0;
      ++at;
      continue;
    }
    const Cluster one = cluster_at(text, at);
    const bool is_space = text[at] == ' ';
    if (used + one.width > width && !is_space) {
      if (space > row.begin) {
        const int moved = used - used_to_space;
        end_row(space, space);
        used = moved;
      }
      if (used + one.width > width) {  // a word longer than a row
        end_row(at, at);
        used = 0;
      }
    }
    used += one.width;
    at = one.end;
    if (is_space) {
      space = at;
      used_to_space = used;
    }
  }
  out.push_back({row.begin, text.size()});
  return out;
}

}  // namespace dim::tui
