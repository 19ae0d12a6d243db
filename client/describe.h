// What a content is, in words: for people whose terminal shows text only.
#pragma once
#include <string>

#include "dim/protocol/content.h"

namespace dim {

struct Description {
  std::string text{};   ///< what was said, where something was
  std::string words{};  ///< the rest: "picture sunset.jpg, 81 KiB"; empty for a plain text
};
/// Words of the sender stand in it as they came: escape them before they reach a terminal.
Description describe(const Content& content);

/// "81 KiB"
std::string size_in_words(std::size_t bytes);

/// The content without what is secret or long: keys, passwords, embedded data. For programs.
JsonObject outline(const JsonObject& content);

}  // namespace dim
