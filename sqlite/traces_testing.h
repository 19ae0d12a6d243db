// What the files of a station hold of a message, and which of them still hold it; for tests of
// DESTROY.
#pragma once
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "dim/packet/guid.h"
#include "sqlite/database.h"

namespace dim {

inline std::string bytes_of_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The key of the message in its box, and everything that was sealed with it; empty: it is not
/// there. `folder` has station.db and its key files, which nobody writes meanwhile.
inline Result<std::vector<std::string>> traces_of(const std::string& folder, const Guid& message) {
  constexpr std::size_t kHead = 4'096, kSlot = 72;
  const std::string path = folder + "/station.db";
  Database db;
  if (auto done = db.open(path, SQLITE_OPEN_READONLY, nullptr); !done)
    return std::unexpected(done.error());
  const auto file = db.integer("SELECT number FROM key_file WHERE kind = 0");
  if (!file) return std::unexpected(file.error());
  Statement find;
  if (auto done = find.prepare(
          db,
          "SELECT id, content FROM post WHERE guid = ?1 UNION ALL SELECT id, revision.content FROM "
          "revision JOIN post ON id = post WHERE guid = ?1");
      !done)
    return std::unexpected(done.error());
  std::vector<std::string> out;
  Use use(find);
  use.bind(ByteView(message.bytes()));
  for (;;) {
    const auto more = use.step();
    if (!more) return std::unexpected(more.error());
    if (!*more) return out;
    if (out.empty()) {
      const std::string keys = bytes_of_file(path + "-keys" + std::to_string(*file));
      const auto at = kHead + static_cast<std::size_t>(use.integer(0) - 1) * kSlot;
      out.push_back(keys.substr(at, kSlot));
    }
    out.push_back(use.text(1));
  }
}

/// Of each piece: whether some file below `folder` holds it.
inline std::vector<bool> in_files(const std::string& folder,
                                  const std::vector<std::string>& pieces) {
  std::vector<bool> out(pieces.size(), false);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = bytes_of_file(entry.path());
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      if (!out[i])
        out[i] =
            ::memmem(bytes.data(), bytes.size(), pieces[i].data(), pieces[i].size()) != nullptr;
    }
  }
  return out;
}

/// Pieces of the traces that some file below `folder` still holds, by the names of the files. A
/// trace has 24 bytes at least.
inline std::vector<std::string> left_of(const std::string& folder,
                                        const std::vector<std::string>& traces) {
  constexpr std::size_t kPiece = 24;
  std::vector<std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    const std::string bytes = bytes_of_file(entry.path());
    for (const std::string& trace : traces) {
      for (const std::size_t at : {std::size_t{0}, trace.size() / 2, trace.size() - kPiece}) {
        if (bytes.find(trace.substr(at, kPiece)) != std::string::npos)
          out.push_back(entry.path().filename().string() + " at " + std::to_string(at));
      }
    }
  }
  return out;
}

}  // namespace dim
