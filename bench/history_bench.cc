// Finding words in what was said with one person: a home on the disk, encrypted, without an index.
// DIM_BENCH_MESSAGES says how many messages (100,000; 1,000 with --quick).
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string_view>

#include "bench/report.h"
#include "client/history.h"
#include "client/word_search.h"
#include "dim/crypto/os_random.h"

namespace dim::bench {
namespace {

constexpr std::string_view kRare = "aubergine", kCommon = "compost", kChinese = "中国";

class Conversation {
 public:
  explicit Conversation(std::size_t messages)
      : peer_(Id::parse("0x21e27549d780db2a32058bD960A6245b01Ad85FF").value()) {
    std::string name = (std::filesystem::temp_directory_path() / "dim-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    auto opened = Vault::open(folder_ + "/vault.db", Secret::random(32, random_), random_);
    if (!opened) std::abort();
    vault_.emplace(std::move(*opened));
    const auto written = vault_->transaction([&]() -> Status {
      History history(*vault_);
      for (std::size_t i = 0; i < messages; ++i) {
        if (auto put = history.put(message(i)); !put) return put;
      }
      return {};
    });
    if (!written) std::abort();
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;
  ~Conversation() {
    vault_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  bool page() {
    const auto page = History(*vault_).page(peer_, {});
    return page && !page->entries.empty();
  }
  bool search(std::string_view words, bool is_there) {
    const auto found = History(*vault_).search(peer_, words, {}, kTime);
    return found && found->entries.empty() != is_there;
  }

 private:
  static constexpr Millis kTime = 1'790'000'000'000;

  HistoryEntry message(std::size_t i) {
    HistoryEntry out{.guid = Guid::make(kTime, random_).text(), .peer = peer_};
    out.outgoing = i % 2 == 0;
    out.time = kTime + static_cast<Millis>(i);
    out.text = "Message number " + std::to_string(i) +
               " of the two of us about beds, seeds and what has come up since.";
    if (i % 1'000 == 7) out.text.append(" ").append(kRare);
    if (i % 10 == 3) out.text.append(" ").append(kCommon);
    if (i % 1'000 == 11) out.text += "我们去中国吧";
    out.content_type = "text";
    out.sn = static_cast<std::int64_t>(i) + 1;
    out.label = Label::secure;
    out.tick = Tick::read;
    out.hash = "1hOHtZ8DyHqIvi5yqxsHB1pqr9UvZhxcw2MFaOM7wTc=";
    return out;
  }

  OsRandom random_;
  Id peer_;
  std::string folder_;
  std::optional<Vault> vault_;
};

void add(const std::string& name, std::function<bool()> work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for ([[maybe_unused]] auto one : state) {
      if (!work()) return state.SkipWithError("the home did not find it");
    }
  });
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  std::size_t messages = 100'000;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--quick") messages = 1'000;
  }
  if (const char* given = std::getenv("DIM_BENCH_MESSAGES"))
    messages = std::strtoul(given, nullptr, 10);
  Conversation conversation(messages);
  add("newest page of 50", [&] { return conversation.page(); });
  add("search, a rare word", [&] { return conversation.search(kRare, true); });
  add("search, a common word", [&] { return conversation.search(kCommon, true); });
  add("search, two characters", [&] { return conversation.search(kChinese, true); });
  add("search, a word that is nowhere",
      [&] { return conversation.search("nowhere_at_all", false); });
  return run(argc, argv, {});
}
