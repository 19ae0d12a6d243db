// dim-vectors DIR: runs every test vector of DIR against this library. vectors/README.md describes
// the format. Exit code: 0 all pass, 1 a case failed or has an unknown kind, 2 something could not
// be read.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string_view>
#include <vector>

#include "tools/vectors.h"

namespace dim::vectors {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExceptions = "EXCEPTIONS.json";
// Case files hold many messages: far more than any one packet may bring.
constexpr JsonLimits kFileLimits{
    .depth = 64, .nodes = 5'000'000, .string_bytes = 64 * limits::kMiB};

void print(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

std::optional<Json> read_json_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return std::nullopt;
  auto value = parse_json(text, kFileLimits);
  if (!value) {
    std::fprintf(stderr, "%s: %s\n", path.string().c_str(), to_string(value.error()).c_str());
    return std::nullopt;
  }
  return std::move(*value);
}

bool is_accounts(const fs::path& path) { return path.filename().string().starts_with("accounts"); }

// File and name of a case to the reason why it is set aside.
using Exceptions = std::map<std::pair<std::string, std::string>, std::string>;

std::optional<Exceptions> read_exceptions(const fs::path& folder) {
  Exceptions out;
  if (!fs::exists(folder / kExceptions)) return out;
  const auto value = read_json_file(folder / kExceptions);
  if (!value || value->array() == nullptr) return std::nullopt;
  for (const Json& entry : *value->array()) {
    const JsonObject* object = entry.object();
    if (object == nullptr || text_member(*object, "reason").empty()) return std::nullopt;
    out[{text_member(*object, "file"), text_member(*object, "name")}] =
        text_member(*object, "reason");
  }
  return out;
}

// Those of `folder`, and for a generation that it has none of, `above`.
std::optional<Accounts> read_accounts(const fs::path& folder, Accounts above) {
  Accounts out = std::move(above);
  for (const auto& [name, target] :
       {std::pair{"accounts.json", &out.first}, {"accounts_2026.json", &out.generation2026}}) {
    if (!fs::exists(folder / name)) continue;
    const auto value = read_json_file(folder / name);
    if (!value || value->object() == nullptr) return std::nullopt;
    *target = *value->object();
  }
  return out;
}

struct Count {
  std::size_t passed = 0, failed = 0, set_aside = 0;
};

class Run {
 public:
  Run(CheckTable table, Exceptions exceptions)
      : table_(std::move(table)), exceptions_(std::move(exceptions)) {}

  /// False when the file is not a case file. Its cases name `accounts`.
  bool file(const fs::path& path, const Accounts& accounts) {
    const auto value = read_json_file(path);
    const JsonObject* object = value ? value->object() : nullptr;
    const Json* cases = object != nullptr ? object->find("cases") : nullptr;
    if (cases == nullptr || cases->array() == nullptr) return false;
    for (const Json& entry : *cases->array()) {
      if (entry.object() == nullptr ||
          !one(path.filename().string(), text_member(*object, "generation"), *entry.object(),
               accounts)) {
        return false;
      }
    }
    return true;
  }

  Count finish() {
    for (const auto& [where, reason] : exceptions_) {
      if (!used_.contains(where))
        fail_case(where.first, where.second, "-", "is set aside, but there is no such case");
    }
    return count_;
  }

 private:
  bool one(const std::string& file, const std::string& generation, const JsonObject& object,
           const Accounts& accounts) {
    static const Json kNull;
    const Json* expected = object.find("expected");
    const Json* input = object.find("input");
    const Case test{file,
                    text_member(object, "name"),
                    text_member(object, "kind"),
                    generation,
                    object_member(object, "input"),
                    expected != nullptr ? *expected : kNull,
                    text_member(object, "verdict")};
    if (test.name.empty() || input == nullptr || input->object() == nullptr) return false;
    if (test.verdict != "accept" && test.verdict != "reject") return false;
    const auto check = table_.find(test.kind);
    if (check == table_.end()) {
      fail_case(test.file, test.name, test.kind, "expected a known kind, got an unknown one");
      return true;
    }
    const auto outcome = check->second(test, accounts);
    const auto exception = exceptions_.find({test.file, test.name});
    if (exception != exceptions_.end()) {
      used_.insert(exception->first);
      if (!outcome) {
        fail_case(test.file, test.name, test.kind,
                  "is set aside, but passes: take it off the list");
      } else {
        ++count_.set_aside;
        print(test.file + ": " + test.name + " (" + test.kind +
              "): set aside: " + exception->second);
      }
    } else if (outcome) {
      fail_case(test.file, test.name, test.kind, *outcome);
    } else {
      ++count_.passed;
    }
    return true;
  }

  void fail_case(const std::string& file, const std::string& name, const std::string& kind,
                 const std::string& why) {
    ++count_.failed;
    print(file + ": " + name + " (" + kind + "): " + why);
  }

  CheckTable table_;
  Exceptions exceptions_;
  std::set<std::pair<std::string, std::string>> used_;
  Count count_;
};

int unreadable(const fs::path& path, const char* why) {
  std::fprintf(stderr, "%s: %s\n", path.string().c_str(), why);
  return 2;
}

int run(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    const fs::path& path = it->path();
    if (path.extension() != ".json" || path.filename() == kExceptions || is_accounts(path))
      continue;
    files.push_back(path);
  }
  if (error) return unreadable(folder, "not a folder that can be read");
  if (files.empty()) return unreadable(folder, "no case files (*.json) here");
  std::ranges::sort(files);

  // A folder's cases name the accounts of that folder, else those of the one above it.
  std::map<fs::path, Accounts> accounts;
  const auto accounts_of = [&](auto& self, const fs::path& where) -> const Accounts* {
    if (const auto found = accounts.find(where); found != accounts.end()) return &found->second;
    const Accounts* above =
        where == folder || !where.has_relative_path() ? nullptr : self(self, where.parent_path());
    if (above == nullptr && where != folder) return nullptr;
    auto read = read_accounts(where, above != nullptr ? *above : Accounts{});
    return read ? &accounts.emplace(where, std::move(*read)).first->second : nullptr;
  };
  auto exceptions = read_exceptions(folder);
  if (!exceptions)
    return unreadable(folder / kExceptions, "must be a list of {file, name, reason}");

  CheckTable table;
  add_identity_checks(table);
  add_crypto_checks(table);
  add_codec_checks(table);
  add_content_checks(table);
  add_message_checks(table);
  add_frame_checks(table);
  Run all(std::move(table), std::move(*exceptions));
  for (const fs::path& path : files) {
    const Accounts* known = accounts_of(accounts_of, path.parent_path());
    if (known == nullptr)
      return unreadable(path.parent_path(), "accounts*.json must be objects: name to account");
    if (!all.file(path, *known))
      return unreadable(path, "not a file of test vectors (vectors/README.md)");
  }
  const Count count = all.finish();
  print(std::to_string(count.passed) + " passed, " + std::to_string(count.failed) + " failed, " +
        std::to_string(count.set_aside) + " set aside");
  return count.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace dim::vectors

int main(int argc, char** argv) {
  const std::string_view first = argc > 1 ? argv[1] : "";
  if (first == "--help" || first == "-h") {
    std::puts(
        "dim-vectors DIR: checks every file of test vectors (*.json) in DIR and its folders.\n\n"
        "A line for each case that fails, then the count. Exit code: 0 all passed, 1 a case "
        "failed\n"
        "or has an unknown kind, 2 something could not be read. vectors/README.md has the format.");
    return 0;
  }
  if (argc != 2 || first.starts_with('-')) {
    std::fputs("usage: dim-vectors DIR (dim-vectors --help says more)\n", stderr);
    return 2;
  }
  // Without a slash at the end, as the folders above files are named.
  std::filesystem::path folder(argv[1]);
  if (!folder.has_filename()) folder = folder.parent_path();
  return dim::vectors::run(folder);
}
