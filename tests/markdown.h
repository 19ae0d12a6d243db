// Fenced blocks of a Markdown file, with what stands behind the fence and the heading above.
#pragma once
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace dim {

struct MarkdownBlock {
  std::string file;     ///< path as given
  int line = 0;         ///< of the opening fence, from 1
  std::string section;  ///< text of the last heading
  std::string info;     ///< behind the opening fence: "dim alice>8801"
  std::string text;     ///< the lines between the fences, each with its line end
  std::string place() const { return file + ":" + std::to_string(line); }
  /// The words of `info`.
  std::vector<std::string> words() const {
    std::istringstream in(info);
    return {std::istream_iterator<std::string>(in), {}};
  }
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Blocks fenced by lines that begin with three backquotes. One that never ends has text to the end
/// of the file.
inline std::vector<MarkdownBlock> markdown_blocks(const std::filesystem::path& path) {
  constexpr std::string_view kFence = "```";
  std::vector<MarkdownBlock> out;
  std::istringstream in(read_file(path));
  std::string line;
  std::string section;
  bool inside = false;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.starts_with(kFence)) {
      if (!inside) out.push_back({path.string(), number, section, line.substr(kFence.size()), {}});
      inside = !inside;
    } else if (inside) {
      out.back().text.append(line).push_back('\n');
    } else if (line.starts_with('#')) {
      section = line;
    }
  }
  return out;
}

/// Rows of the tables of a Markdown file that have so many cells, without outer bars and spaces;
/// the heads and the lines below them are rows, too.
inline std::vector<std::vector<std::string>> markdown_rows(const std::filesystem::path& path,
                                                           std::size_t cells) {
  std::vector<std::vector<std::string>> out;
  std::istringstream file(read_file(path));
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with("| ")) continue;
    std::vector<std::string> row;
    std::istringstream in(line.substr(1));
    for (std::string cell; std::getline(in, cell, '|');) {
      const std::size_t begin = cell.find_first_not_of(' ');
      row.push_back(begin == std::string::npos
                        ? ""
                        : cell.substr(begin, cell.find_last_not_of(' ') - begin + 1));
    }
    if (row.size() == cells) out.push_back(std::move(row));
  }
  return out;
}

/// The Markdown files of a folder, sorted.
inline std::vector<std::filesystem::path> markdown_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".md") out.push_back(entry.path());
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace dim
