// Completion by TAB, and the commands that begin with "/".
#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dim::tui {

/// What a command's argument is, for completion.
enum class Argument : std::uint8_t { none, text, person, place, file, symbol, verb };

struct Command {
  std::string_view name;
  std::string_view arguments;
  std::string_view what;
  Argument argument = Argument::text;
};
/// All commands, in the order in which help shows them.
const std::vector<Command>& commands();

struct Given {
  std::string name;  ///< without "/"; as it was written where there is no such command
  std::string rest;  ///< what stands behind it, without spaces around
  const Command* command = nullptr;  ///< nullptr: there is none, or several begin so
};
/// A line that is no message: it begins with "/", and not with "//". A command may be cut short as
/// long as only one begins so.
std::optional<Given> parse_command(std::string_view line);
/// The text of a message: "//" at its beginning stands for "/".
std::string message_of(std::string_view line);
/// Words of a command line; quotes hold words together, and a backslash takes the next character
/// as it is.
std::vector<std::string> words_of(std::string_view line);

struct Completion {
  std::size_t begin = 0, end = 0;  ///< bytes of the line that `by` replaces
  std::string by{};
  std::vector<std::string> choices{};  ///< where several fit: all of them
};
/// Where words to complete with come from.
using Candidates = std::function<std::vector<std::string>(Argument kind, std::string_view begun)>;
/// What TAB does at `cursor`: a command at the beginning, else its argument, else a name. Without
/// regard to case. Nothing: nothing fits.
std::optional<Completion> complete(std::string_view line, std::size_t cursor,
                                   const Candidates& candidates);

}  // namespace dim::tui
