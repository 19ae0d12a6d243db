// Which words stand in which part of a conversation, so that a search opens only the parts that can
// hold what is looked for. Rows of the vault as everything else, encrypted; in place of words there
// are numbers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "client/word_search.h"
#include "dim/identity/id.h"
#include "sqlite/vault.h"

namespace dim {

class HistoryWords {
 public:
  /// So many messages are one part; what is newer than the last whole one is in none.
  static constexpr std::size_t kPart = 1'000;

  /// `conversation`: the bucket of the vault that has it.
  HistoryWords(Vault& vault, std::string conversation)
      : vault_(vault), conversation_(std::move(conversation)) {}

  struct Part {
    std::int64_t first = 0, last = 0;      ///< places, both in it
    std::vector<std::uint32_t> numbers{};  ///< of its words, sorted, each once
    /// Whether there can be a message in it with all words that these are the numbers of.
    bool may_hold(const std::vector<std::uint32_t>& wanted) const;
  };
  /// All parts, oldest first and without gaps: those that are missing are made now, each durable
  /// for itself. `text_of` gives what of a row is searched.
  Result<std::vector<Part>> parts(WordSearch& words,
                                  Result<std::string> (*text_of)(const std::string& body));
  /// What stands at this place is another text now, or gone: nothing of it is kept.
  Status forget(std::int64_t place);

 private:
  std::string bucket() const { return "words of " + conversation_; }
  Result<std::vector<Part>> kept();
  Result<Part> make(const std::vector<Vault::Row>& rows, WordSearch& words,
                    Result<std::string> (*text_of)(const std::string& body));

  Vault& vault_;
  std::string conversation_;
};

}  // namespace dim
