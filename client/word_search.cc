#include "client/word_search.h"

#include <algorithm>

#include "dim/crypto/digest.h"
#include "sqlite/word_index.h"

namespace dim {
namespace {

std::uint32_t number_of(std::string_view word) {
  return static_cast<std::uint32_t>(siphash({}, as_bytes(word)));
}

}  // namespace

struct WordSearch::Impl {
  Database db;
  WordIndex words;  // before the database is closed it is gone
  std::vector<std::vector<std::string>> phrases{};
};

WordSearch::WordSearch(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WordSearch::WordSearch(WordSearch&&) noexcept = default;
WordSearch& WordSearch::operator=(WordSearch&&) noexcept = default;
WordSearch::~WordSearch() = default;

Result<WordSearch> WordSearch::of(std::string_view words) {
  auto impl = std::make_unique<Impl>();
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (auto opened = impl->db.open(":memory:", kFlags, nullptr); !opened)
    return std::unexpected(opened.error());
  if (auto started = impl->words.start(impl->db); !started) return std::unexpected(started.error());
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    auto phrase = impl->words.plain(words.substr(at, end - at));
    if (!phrase.empty()) impl->phrases.push_back(std::move(phrase));
    at = end + 1;
  }
  return WordSearch(std::move(impl));
}

bool WordSearch::has_words() const { return !impl_->phrases.empty(); }

void WordSearch::add_numbers(std::string_view text, std::vector<std::uint32_t>& out) {
  for (const std::string& word : impl_->words.plain(text)) out.push_back(number_of(word));
}

std::vector<std::uint32_t> WordSearch::wanted() const {
  std::vector<std::uint32_t> out;
  for (const auto& phrase : impl_->phrases) {
    for (const std::string& word : phrase) out.push_back(number_of(word));
  }
  return out;
}

bool WordSearch::is_in(std::string_view text) {
  const auto all = impl_->words.plain(text);
  return has_words() && std::ranges::all_of(impl_->phrases, [&](const auto& phrase) {
           return !std::ranges::search(all, phrase).empty();
         });
}

}  // namespace dim
