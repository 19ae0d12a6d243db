#include "sqlite/word_index.h"

#include <algorithm>
#include <array>

#include "dim/crypto/digest.h"
#include "dim/store/posts.h"

namespace dim {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
constexpr std::size_t kLetterBits = 5;

void append_blind(std::string& out, const Digest16& key, ByteView word) {
  if (!out.empty()) out += ' ';
  std::uint64_t number = siphash(key, word);
  for (std::size_t bits = 0; bits < 64; bits += kLetterBits) {
    out += kLetters[number & 31];
    number >>= kLetterBits;
  }
}

/// Words and channels never meet: each kind has a half of the key.
Digest16 half(const Secret& key, std::size_t which) {
  Digest16 out{};
  std::ranges::copy(key.view().subspan(which * out.size(), out.size()), out.begin());
  return out;
}

struct Blinded {
  Digest16 key;
  std::string out;
  std::size_t longest = 0;  ///< word, in bytes
};

int add_word(void* context, int, const char* word, int size, int, int) {
  auto& blinded = *static_cast<Blinded*>(context);
  blinded.longest = std::max(blinded.longest, static_cast<std::size_t>(size));
  append_blind(blinded.out, blinded.key,
               as_bytes(std::string_view(word, static_cast<std::size_t>(size))));
  return SQLITE_OK;
}

int add_plain_word(void* context, int, const char* word, int size, int, int) {
  static_cast<std::vector<std::string>*>(context)->emplace_back(word,
                                                                static_cast<std::size_t>(size));
  return SQLITE_OK;
}

int ignore_word(void*, int, const char*, int, int, int) { return SQLITE_OK; }

}  // namespace

Status WordIndex::start(Database& db) {
  fts5_api* api = nullptr;
  Statement ask;
  if (auto ready = ask.prepare(db, "SELECT fts5(?1)"); !ready) return ready;
  {
    Use use(ask);
    use.bind_pointer(&api, "fts5_api_ptr");
    if (auto done = use.run(); !done) return done;
  }
  void* user = nullptr;
  std::array<const char*, 2> options = {"remove_diacritics", "2"};
  if (api == nullptr || api->xFindTokenizer(api, "unicode61", &user, &calls_) != SQLITE_OK ||
      calls_.xCreate(user, options.data(), static_cast<int>(options.size()), &tokenizer_) !=
          SQLITE_OK)
    return fail(Errc::internal, "this SQLite has no full-text search (FTS5)");
  return {};
}

void WordIndex::stop() {
  if (tokenizer_ != nullptr) calls_.xDelete(tokenizer_);
  tokenizer_ = nullptr;
}

std::string WordIndex::words(std::string_view text, const Secret& key) {
  const std::string spaced = spaced_words(text);
  Blinded blinded{half(key, 0), {}, 0};
  calls_.xTokenize(tokenizer_, &blinded, FTS5_TOKENIZE_DOCUMENT, spaced.data(),
                   static_cast<int>(spaced.size()), add_word);
  wipe(blinded.key);
  forget(blinded.longest);
  return std::move(blinded.out);
}

std::vector<std::string> WordIndex::plain(std::string_view text) {
  const std::string spaced = spaced_words(text);
  std::vector<std::string> out;
  calls_.xTokenize(tokenizer_, &out, FTS5_TOKENIZE_DOCUMENT, spaced.data(),
                   static_cast<int>(spaced.size()), add_plain_word);
  std::size_t longest = 0;
  for (const std::string& word : out) longest = std::max(longest, word.size());
  forget(longest);
  return out;
}

/// The tokenizer keeps the last words that it has folded, as long as it lives (R20): letters are
/// written over them.
void WordIndex::forget(std::size_t longest) {
  const std::string other(longest, 'x');
  calls_.xTokenize(tokenizer_, nullptr, FTS5_TOKENIZE_DOCUMENT, other.data(),
                   static_cast<int>(other.size()), ignore_word);
}

std::string WordIndex::channel(std::int64_t channel, const Secret& key) {
  std::string out;
  append_blind(out, half(key, 1), as_bytes(std::to_string(channel)));
  return out;
}

}  // namespace dim
