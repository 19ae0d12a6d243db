#include "client/mentions.h"

#include <algorithm>

#include "dim/base/ascii.h"
#include "dim/store/posts.h"

namespace dim {
namespace {

constexpr std::size_t kMost = 20;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// What a name is made of; everything that is not ASCII counts as a letter.
bool is_letter(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}

std::string folded(std::string_view name) {
  std::string out = fold_ascii(name);
  std::ranges::replace(out, ' ', '_');
  return out;
}

/// What stands behind each @ that begins a word, up to the next space.
std::vector<std::string_view> words_in(std::string_view text) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '@' || (at > 0 && is_letter(text[at - 1]))) continue;
    std::size_t end = at + 1;
    while (end < text.size() && !is_space(text[end])) ++end;
    if (end > at + 1) out.push_back(text.substr(at + 1, end - at - 1));
    at = end;
  }
  return out;
}

/// Takes punctuation off its end, also that of Chinese and Japanese. False: there was none.
bool without_end(std::string_view& word) {
  const std::size_t before = word.size();
  for (bool more = true; more && !word.empty();) {
    more = !is_letter(word.back());
    if (more) word.remove_suffix(1);
    for (const std::string_view mark :
         {"。", "，", "、", "！", "？", "：", "；", "）", "」", "』", "…"}) {
      if (!word.ends_with(mark)) continue;
      word.remove_suffix(mark.size());
      more = true;
    }
  }
  return word.size() < before;
}

/// Empty where nobody, or nobody in particular, is meant.
std::string who_is(std::string_view word, const std::vector<Mentionable>& people) {
  if (word == kEveryone) return std::string(kEveryone);
  const auto by_id = std::ranges::find(people, word, &Mentionable::id);
  if (by_id != people.end()) return by_id->id;
  const std::string name = folded(word);
  std::string out;
  for (const Mentionable& one : people) {
    if (folded(one.name) != name) continue;
    if (!out.empty() && out != one.id) return {};
    out = one.id;
  }
  return out;
}

}  // namespace

std::vector<std::string> mention_words(std::string_view text) {
  std::vector<std::string> out;
  for (std::string_view word : words_in(text)) {
    without_end(word);
    if (!word.empty() && std::ranges::find(out, word) == out.end()) out.emplace_back(word);
  }
  return out;
}

std::vector<std::string> find_mentions(std::string_view text,
                                       const std::vector<Mentionable>& people) {
  std::vector<std::string> out;
  for (std::string_view word : words_in(text)) {
    std::string who;
    // "@bob's", "@bob,": as much of it as is somebody.
    while (!word.empty() && (who = who_is(word, people)).empty()) {
      if (without_end(word)) continue;
      while (!word.empty() && is_letter(word.back())) word.remove_suffix(1);
      without_end(word);
    }
    if (!who.empty() && out.size() < kMost && std::ranges::find(out, who) == out.end())
      out.push_back(std::move(who));
  }
  return out;
}

}  // namespace dim
