// What `dimd restore` reads: whoever gives an operator a file must not lead it out of the folder,
// nor get bytes taken whose checksums are wrong. Input: a backup; one byte before it says how it
// comes.
#include <algorithm>
#include <map>
#include <string>
#include <string_view>

#include "fuzz/check.h"
#include "server/backup_file.h"

namespace {

using namespace dim;

using Files = std::map<std::string, std::string>;

Result<std::vector<BackupEntry>> read(std::string_view text, std::size_t step, Files& files) {
  std::string* now = nullptr;
  BackupReader reader([&](std::span<std::uint8_t> out) -> Result<std::size_t> {
    const std::size_t size = std::min({step, out.size(), text.size()});
    std::ranges::copy(text.substr(0, size), out.begin());
    text.remove_prefix(size);
    return size;
  });
  BackupReader::Visitor visitor;
  visitor.begin = [&](const BackupEntry& entry) -> Status {
    fuzz::must(valid_backup_name(entry.name) && !entry.name.contains(".."));
    fuzz::must(entry.size >= 0 && !files.contains(entry.name));
    now = &files[entry.name];
    return {};
  };
  visitor.bytes = [&](ByteView bytes) -> Status {
    now->append(as_text(bytes));
    return {};
  };
  return reader.read(visitor);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = fuzz::text_of(data + 1, size - 1);
  Files files, again;
  const auto whole = read(text, text.size() + 1, files);
  const auto pieces = read(text, std::size_t{data[0]} % 64 + 1, again);
  fuzz::must(whole.has_value() == pieces.has_value());
  if (!whole) return 0;
  fuzz::must(files == again);
  // What is right is what the writer makes of it.
  std::string made;
  BackupWriter writer([&](ByteView bytes) -> Status {
    made += as_text(bytes);
    return {};
  });
  for (const BackupEntry& entry : *whole) {
    fuzz::must(static_cast<std::size_t>(entry.size) == files.at(entry.name).size());
    fuzz::must(writer.begin(entry).has_value());
    fuzz::must(writer.add(as_bytes(files.at(entry.name))).has_value());
    fuzz::must(writer.end().has_value());
  }
  fuzz::must(writer.finish().has_value());
  Files third;
  fuzz::must(read(made, made.size(), third).has_value() && third == files);
  return 0;
}
