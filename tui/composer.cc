#include "tui/composer.h"

#include <algorithm>
#include <utility>

#include "dim/base/utf8.h"

namespace dim::tui {
namespace {

constexpr std::size_t kRemembered = 100;

bool is_word(std::string_view cluster) {
  return cluster != " " && cluster != "\n" && cluster != "\t";
}

}  // namespace

void Composer::insert(std::string_view text) {
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    const char32_t c = next_code_point(text, at);
    const std::string_view bytes = text.substr(begin, at - begin);
    if (!valid_utf8(bytes) || (is_control(c) && c != U'\n' && c != U'\t')) continue;
    clean += bytes;
  }
  text_.insert(cursor_, clean);
  cursor_ += clean.size();
}

void Composer::backspace() {
  const std::size_t begin = cluster_before(text_, cursor_);
  text_.erase(begin, cursor_ - begin);
  cursor_ = begin;
}

void Composer::erase() {
  if (cursor_ >= text_.size()) return;
  text_.erase(cursor_, cluster_at(text_, cursor_).end - cursor_);
}

void Composer::left() { cursor_ = cluster_before(text_, cursor_); }
void Composer::right() {
  if (cursor_ < text_.size()) cursor_ = cluster_at(text_, cursor_).end;
}

void Composer::word_left() {
  const auto before = [&] {
    const std::size_t begin = cluster_before(text_, cursor_);
    return std::string_view(text_).substr(begin, cursor_ - begin);
  };
  while (cursor_ > 0 && !is_word(before())) left();
  while (cursor_ > 0 && is_word(before())) left();
}

void Composer::word_right() {
  const auto here = [&] {
    return std::string_view(text_).substr(cursor_, cluster_at(text_, cursor_).end - cursor_);
  };
  while (cursor_ < text_.size() && !is_word(here())) right();
  while (cursor_ < text_.size() && is_word(here())) right();
}

void Composer::home() {
  const std::size_t line = cursor_ == 0 ? std::string::npos : text_.rfind('\n', cursor_ - 1);
  cursor_ = line == std::string::npos ? 0 : line + 1;
}
void Composer::end() { cursor_ = std::min(text_.find('\n', cursor_), text_.size()); }

void Composer::kill_word() {
  const std::size_t end = cursor_;
  word_left();
  text_.erase(cursor_, end - cursor_);
}
void Composer::kill_to_end() {
  const std::size_t end = std::min(text_.find('\n', cursor_), text_.size());
  text_.erase(cursor_, end - cursor_);
}
void Composer::kill_to_home() {
  const std::size_t end = cursor_;
  home();
  text_.erase(cursor_, end - cursor_);
}

void Composer::set(std::string text) {
  text_ = std::move(text);
  cursor_ = text_.size();
}

void Composer::replace(std::size_t begin, std::size_t end, std::string_view by) {
  text_.replace(begin, end - begin, by);
  cursor_ = begin + by.size();
}

std::string Composer::take() {
  std::string out = std::exchange(text_, {});
  cursor_ = 0;
  unsent_.clear();
  if (!out.empty() && (before_.empty() || before_.back() != out)) before_.push_back(out);
  if (before_.size() > kRemembered) before_.erase(before_.begin());
  at_ = before_.size();
  return out;
}

void Composer::older() {
  if (at_ == 0) return;
  if (at_ == before_.size()) unsent_ = text_;
  set(before_[--at_]);
}
void Composer::newer() {
  if (at_ >= before_.size()) return;
  ++at_;
  set(at_ == before_.size() ? unsent_ : before_[at_]);
}

Composer::Place Composer::place(int width) const {
  const auto spans = rows(width);
  std::size_t row = 0;
  while (row + 1 < spans.size() && spans[row + 1].begin <= cursor_) ++row;
  const Span& span = spans[row];
  const int column = width_of(
      std::string_view(text_).substr(span.begin, std::min(cursor_, span.end) - span.begin));
  return {static_cast<int>(row), std::min(column, std::max(width, 2))};
}

void Composer::go_to(int row, int column, int width) {
  const auto spans = rows(width);
  const Span& span = spans[static_cast<std::size_t>(row)];
  const bool is_last = static_cast<std::size_t>(row) + 1 == spans.size();
  cursor_ = span.begin;
  int used = 0;
  while (cursor_ < span.end) {
    const Cluster one = cluster_at(text_, cursor_);
    if (used + one.width > column) break;
    // The end of a row that goes on is the beginning of the next.
    if (!is_last && one.end >= span.end && (one.end >= text_.size() || text_[one.end] != '\n'))
      break;
    used += one.width;
    cursor_ = one.end;
  }
}

bool Composer::up(int width) {
  const Place now = place(width);
  if (now.row == 0) return false;
  go_to(now.row - 1, now.column, width);
  return true;
}

bool Composer::down(int width) {
  const Place now = place(width);
  if (static_cast<std::size_t>(now.row) + 1 >= rows(width).size()) return false;
  go_to(now.row + 1, now.column, width);
  return true;
}

}  // namespace dim::tui
