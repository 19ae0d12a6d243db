// Runs each file of a corpus through the fuzz target once: `NAME_fuzz FILE-OR-FOLDER...`.
// Stands in for libFuzzer's main() where the compiler has none. Options (-runs=0) are skipped.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  namespace fs = std::filesystem;
  std::vector<fs::path> files;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.starts_with('-')) continue;
    std::error_code error;
    if (fs::is_directory(argument, error)) {
      for (const auto& entry : fs::recursive_directory_iterator(argument)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
      }
    } else if (fs::is_regular_file(argument, error)) {
      files.emplace_back(argument);
    } else {
      std::fprintf(stderr, "%s: no such file or folder\n", argument.c_str());
      return 1;
    }
  }
  if (files.empty()) {
    std::fprintf(stderr, "nothing to replay: name a corpus folder with at least one file\n");
    return 1;
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    std::ifstream stream(file, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
    std::fprintf(stderr, "%s\n",
                 file.filename().c_str());  // the last line names the culprit of a crash
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  std::printf("replayed %zu inputs\n", files.size());
  return 0;
}
