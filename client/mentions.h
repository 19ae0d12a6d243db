// Whom a text in a channel is for: "@bob, look". The station does not look into the text; the
// author's client says whom it means (docs/protocol/hubs.md section 7).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace dim {

/// Somebody who reads the channel.
struct Mentionable {
  std::string id;    ///< user ID without terminal
  std::string name;  ///< what they go by here
};

/// What stands behind an @ that begins a word, without punctuation at its end, each once.
std::vector<std::string> mention_words(std::string_view text);

/// The IDs that the text mentions, and "everyone", in order, each once, at most 20: words behind an
/// @ that begins a word. A word is an ID, or a name without regard to case of ASCII, with _ for
/// each space; punctuation at its end is none of it. A name that several have means nobody.
std::vector<std::string> find_mentions(std::string_view text,
                                       const std::vector<Mentionable>& people);

}  // namespace dim
