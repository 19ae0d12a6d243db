#include "tui/complete.h"

#include <algorithm>

#include "dim/base/ascii.h"
#include "tui/cells.h"

namespace dim::tui {
namespace {

bool begins(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && fold_ascii(text.substr(0, with.size())) == fold_ascii(with);
}

/// The longest beginning of all, whole characters of the first.
std::string common(const std::vector<std::string>& all) {
  const std::string& first = all.front();
  std::size_t size = 0;
  while (size < first.size()) {
    const std::size_t next = cluster_at(first, size).end;
    const std::string_view beginning = std::string_view(first).substr(0, next);
    if (!std::ranges::all_of(all, [&](const std::string& one) { return begins(one, beginning); }))
      break;
    size = next;
  }
  return first.substr(0, size);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"help", "", "keys and commands (F1)", Argument::none},
      {"join", "WHO | HUB/CHANNEL | LINK", "open a conversation, or come into a hub by its link",
       Argument::place},
      {"reply", "[#ID] TEXT", "answer the marked message, else the newest of somebody else"},
      {"react", "SYMBOL [#ID]", "answer a message with a symbol; again: take it away",
       Argument::symbol},
      {"edit", "[#ID] TEXT", "write your message in a channel anew"},
      {"remove", "[#ID]", "take back your message in a channel, or hide that of another"},
      {"delete", "[#ID]", "end a message in a channel"},
      {"pin", "[#ID]", "pin a message, of both or of a channel; again: take the pin away"},
      {"pins", "", "what is pinned here", Argument::none},
      {"search", "WORDS", "find messages in this conversation, or in all of this hub"},
      {"send", "FILE", "send a file: into a channel any, to people and groups up to 300 KiB",
       Argument::file},
      {"save", "[#ID] [PATH]", "write a file that came to your disk", Argument::file},
      {"read", "", "all in this channel is read, on all your devices", Argument::none},
      {"ids", "", "show the digits that name each message, or hide them", Argument::none},
      {"dim", "VERB …", "a verb of dim for hubs: /dim hub members gardeners", Argument::verb},
      {"close", "", "take this person or group off the list, for now", Argument::none},
      {"quit", "", "end (Ctrl-Q)", Argument::none},
  };
  return all;
}

std::optional<Given> parse_command(std::string_view line) {
  if (!line.starts_with('/') || line.starts_with("//")) return std::nullopt;
  line.remove_prefix(1);
  const std::size_t end = std::min(line.find_first_of(" \n"), line.size());
  Given out{.name = std::string(line.substr(0, end)),
            .rest = std::string(trimmed(line.substr(end)))};
  int found = 0;
  for (const Command& one : commands()) {
    if (one.name == out.name) {
      out.command = &one;
      return out;
    }
    if (!out.name.empty() && begins(one.name, out.name)) {
      out.command = &one;
      ++found;
    }
  }
  if (found != 1) out.command = nullptr;
  return out;
}

std::string message_of(std::string_view line) {
  return std::string(line.starts_with("//") ? line.substr(1) : line);
}

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  std::optional<std::string> word;
  char quote = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    const char c = line[at];
    if (quote == 0 && (c == ' ' || c == '\n' || c == '\t')) {
      if (word) out.push_back(std::move(*word));
      word.reset();
      continue;
    }
    if (!word) word.emplace();
    if (c == '\\' && at + 1 < line.size()) {
      *word += line[++at];
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      *word += c;
    }
  }
  if (word) out.push_back(std::move(*word));
  return out;
}

std::optional<Completion> complete(std::string_view line, std::size_t cursor,
                                   const Candidates& candidates) {
  const std::string_view before = line.substr(0, cursor);
  Completion out{.begin = 0, .end = cursor};
  std::vector<std::string> fits;
  std::string_view behind = " ";
  const bool is_command = before.starts_with('/') && !before.starts_with("//");
  if (is_command && before.find(' ') == std::string_view::npos) {
    for (const Command& one : commands()) {
      if (begins(one.name, before.substr(1))) fits.push_back("/" + std::string(one.name));
    }
  } else {
    Argument kind = Argument::person;
    if (is_command) {
      const auto given = parse_command(before);
      if (!given || given->command == nullptr) return std::nullopt;
      kind = given->command->argument;
      if (kind == Argument::none) return std::nullopt;
    }
    const std::size_t space = before.find_last_of(" \n");
    out.begin = space == std::string_view::npos ? 0 : space + 1;
    // Names of hubs and files may have spaces in them.
    if (kind == Argument::place || kind == Argument::file)
      out.begin = std::min(before.find(' ') + 1, cursor);
    if (kind == Argument::text) kind = Argument::person;
    const std::string_view begun = before.substr(out.begin);
    if (begun.empty() && !is_command) return std::nullopt;
    for (std::string& one : candidates(kind, begun)) {
      if (begins(one, begun)) fits.push_back(std::move(one));
    }
    if (out.begin == 0 && kind == Argument::person) behind = ": ";
  }
  std::ranges::sort(fits);
  const auto twice = std::ranges::unique(fits);
  fits.erase(twice.begin(), twice.end());
  if (fits.empty()) return std::nullopt;
  out.by = common(fits);
  if (fits.size() == 1) {
    if (!out.by.ends_with('/')) out.by += behind;
  } else {
    // Which case it is nobody knows yet.
    const std::string_view begun = before.substr(out.begin);
    out.by.replace(0, begun.size(), begun);
    out.choices = std::move(fits);
  }
  return out;
}

}  // namespace dim::tui
