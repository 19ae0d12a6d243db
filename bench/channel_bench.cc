// Reading a channel with many messages: the newest page, search, the count of unread ones, beside
// the bare SQLite query over the same file. DIM_BENCH_POSTS says how many (1,000,000; 2,000 with
// --quick).
#include <sqlite3.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "bench/report.h"
#include "dim/crypto/os_random.h"
#include "sqlite/sqlite_store.h"

namespace dim::bench {
namespace {

constexpr std::size_t kPage = 50;
constexpr std::size_t kPageBytes = 1 << 20;
constexpr std::size_t kBatch = 1'000;
// One message in a thousand has the rare word, each tenth the common one.
constexpr std::string_view kRare = "aubergine", kCommon = "compost", kChinese = "中国";

class Channel {
 public:
  explicit Channel(std::size_t posts) : channel_(Guid::make(kTime, random_)) {
    std::string name = (std::filesystem::temp_directory_path() / "dim-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    folder_ = name;
    auto opened = SqliteStore::open(folder_);
    if (!opened) std::abort();
    store_ = std::move(*opened);
    for (std::size_t i = 0; i < posts;) {
      std::vector<Write> batch;
      for (; batch.size() < kBatch && i < posts; ++i) batch.emplace_back(PutPost{post(i)});
      if (!store_->commit(batch) || !store_->tidy(kTime, false)) std::abort();
    }
    const Write half = PutMark{channel_, "carol", static_cast<Cursor>(posts / 2)};
    if (!store_->commit(std::span(&half, 1))) std::abort();
    if (sqlite3_open_v2((folder_ + "/station.db").c_str(), &bare_, SQLITE_OPEN_READWRITE,
                        nullptr) != SQLITE_OK)
      std::abort();
    index_bare(posts);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel() {
    sqlite3_close(bare_);
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  bool page() {
    const auto out = store_->posts(channel_, {.order = PostPage::Order::backward,
                                              .from = INT64_MAX,
                                              .limit = kPage,
                                              .bytes = kPageBytes});
    return out && out->size() == kPage;
  }
  bool search(std::string_view words) {
    const auto out = store_->search(std::array{channel_}, words, 0, kPage);
    return out && !out->empty();
  }
  /// Through all parts of the index.
  bool search_in_vain() {
    const auto out = store_->search(std::array{channel_}, "cactus", 0, kPage);
    return out && out->empty();
  }
  /// Of Bob, who has read nothing, or Carol, who has read half of it.
  bool unread(const std::string& user) {
    const auto state = store_->read_state(channel_, user);
    return state && state->unread == state->newest - state->upto;
  }
  bool bare(const char* sql) {
    return sqlite3_exec(bare_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  }

 private:
  static constexpr Millis kTime = 1'790'000'000'000;

  static std::string text(std::size_t i) {
    std::string content = "message " + std::to_string(i) + " about the garden";
    if (i % 10 == 0) content += " and its " + std::string(kCommon);
    if (i % 1'000 == 0) content += " with one " + std::string(kRare) + " 我爱中国园林";
    return content;
  }

  /// The words themselves, as one index: what SQLite does without our keys.
  void index_bare(std::size_t posts) {
    sqlite3_stmt* put = nullptr;
    if (!bare("CREATE VIRTUAL TABLE temp.plain USING fts5(words, content=''); BEGIN") ||
        sqlite3_prepare_v2(bare_, "INSERT INTO plain(rowid, words) VALUES(?, ?)", -1, &put,
                           nullptr) != SQLITE_OK)
      std::abort();
    for (std::size_t i = 0; i < posts; ++i) {
      const std::string words = text(i);
      sqlite3_bind_int64(put, 1, static_cast<std::int64_t>(i) + 1);
      sqlite3_bind_text(put, 2, words.data(), static_cast<int>(words.size()), SQLITE_STATIC);
      if (sqlite3_step(put) != SQLITE_DONE) std::abort();
      sqlite3_reset(put);
    }
    sqlite3_finalize(put);
    if (!bare("COMMIT")) std::abort();
  }

  Post post(std::size_t i) {
    std::string content = text(i);
    return {.guid = Guid::make(kTime + static_cast<Millis>(i), random_),
            .channel = channel_,
            .time = kTime + static_cast<Millis>(i),
            .author = "alice",
            .content = std::move(content)};
  }

  OsRandom random_;
  Guid channel_;
  std::string folder_;
  std::unique_ptr<SqliteStore> store_;
  sqlite3* bare_ = nullptr;
};

void add(const std::string& name, std::function<bool()> work) {
  benchmark::RegisterBenchmark(name.c_str(), [work](benchmark::State& state) {
    for ([[maybe_unused]] auto one : state) {
      if (!work()) return state.SkipWithError("the store did not find it");
    }
  });
}

}  // namespace
}  // namespace dim::bench

int main(int argc, char** argv) {
  using namespace dim::bench;
  std::size_t posts = 1'000'000;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--quick") posts = 2'000;
  }
  if (const char* given = std::getenv("DIM_BENCH_POSTS")) posts = std::strtoul(given, nullptr, 10);
  Channel channel(posts);
  add("newest page of 50", [&] { return channel.page(); });
  add("newest page, bare SQLite", [&] {
    return channel.bare(
        "SELECT author, time, content FROM post WHERE channel = 1 ORDER BY cursor DESC LIMIT 50");
  });
  add("search, a rare word", [&] { return channel.search(kRare); });
  add("search, a common word", [&] { return channel.search(kCommon); });
  add("search, two characters", [&] { return channel.search(kChinese); });
  add("search, a word that is nowhere", [&] { return channel.search_in_vain(); });
  add("search, bare SQLite", [&] {
    return channel.bare(
        "SELECT content FROM plain JOIN post ON post.id = plain.rowid WHERE plain "
        "MATCH "
        "'aubergine' ORDER BY plain.rowid DESC LIMIT 50");
  });
  add("unread, all", [&] { return channel.unread("bob"); });
  add("unread, half", [&] { return channel.unread("carol"); });
  add("unread, bare SQLite", [&] {
    return channel.bare(
        "SELECT count(*) FROM post WHERE channel = 1 AND cursor > 0 AND state = 0 AND author <> "
        "'bob'");
  });
  return run(
      argc, argv,
      {{"newest page by bare SQLite", {"newest page, bare SQLite"}, {"newest page of 50"}, 0},
       {"search by bare SQLite", {"search, bare SQLite"}, {"search, a rare word"}, 0},
       {"unread by bare SQLite, one by one", {"unread, bare SQLite"}, {"unread, all"}, 0}});
}
