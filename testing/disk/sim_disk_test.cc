// The store on a disk that fails (security.md 4.2, R2 and R3).
#include "testing/disk/sim_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"
#include "testing/long_form.h"
#include "testing/sanitised.h"

namespace dim {
namespace {

constexpr InboxLimits kLimits{40, 60'000};
constexpr int kUsers = 6;
constexpr int kChannels = 3;
constexpr std::size_t kWords = 12;

std::string user(std::size_t number) { return "user" + std::to_string(number); }
std::string hub(std::size_t number) { return "hub" + std::to_string(number); }
std::string word(std::size_t number) { return "word" + std::to_string(number); }
Guid channel(std::size_t number) { return guid(900'000 + static_cast<int>(number)); }
Guid post_guid(std::size_t number) { return guid(500'000 + static_cast<int>(number)); }

/// A random but repeatable stream of batches, with repeated GUIDs and conflicts among them.
class Script {
 public:
  /// `channels`: messages in channels too, and what is done to them.
  Script(std::uint64_t seed, bool channels) : random_(seed), kinds_(channels ? 20 : 12) {}

  std::vector<Write> batch() {
    std::vector<Write> out;
    for (std::size_t n = 1 + below(6); n > 0; --n) out.push_back(write());
    return out;
  }
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }

 private:
  Write write() {
    switch (below(kinds_)) {
      case 12:
      case 13:
      case 14:
        return put_post();
      case 15:
      case 16:
      case 17:
        return change_post();
      case 18:
      case 19:
        return beside_posts();
      case 0:
        return PutName{"name" + std::to_string(below(20)), user(below(kUsers)), 1};
      case 1:
        return PutDocument{user(below(kUsers)), "visa", "", static_cast<Millis>(below(1'000)),
                           filler(below(900))};
      case 2:
        return PutIdentity{user(below(kUsers)), filler(below(300)), below(2) == 0};
      case 3:
      case 4:
        return AckInbox{user(below(kUsers)),
                        static_cast<Cursor>(below(static_cast<std::size_t>(next_)))};
      case 5:
        if (below(3) == 0) return prekeys(user(0));
        return PutResume{user(0), guid(static_cast<int>(below(30)) + 1), filler(20), kTestTime};
      case 6:
        if (next_ > 1) return put(1 + static_cast<int>(below(static_cast<std::size_t>(next_ - 1))));
        [[fallthrough]];
      default:
        return put(next_++);
    }
  }
  Write prekeys(std::string owner) {
    const std::string device(1, static_cast<char>('A' + (below(20) == 0)));
    if (below(2) == 0) return TakePrekey{std::move(owner), "phone", device};
    if (below(6) == 0) return DropPrekeys{std::move(owner), "phone", device, below(2) == 0};
    PutPrekeys put{.user = std::move(owner),
                   .terminal = "phone",
                   .device = device,
                   .time = kTestTime,
                   .signed_key = filler(20),
                   .last_resort = filler(20)};
    const std::uint32_t first = next_key_ += static_cast<std::uint32_t>(below(5));
    for (std::uint32_t id = first; id < first + 5; ++id)
      put.one_time.push_back({id, std::to_string(id)});
    return put;
  }
  Guid any_post() { return post_guid(below(static_cast<std::size_t>(posts_) + 1)); }
  std::string text() {
    std::string out = word(below(kWords));
    for (std::size_t n = below(40); n > 0; --n) out += " " + word(below(kWords));
    return out;
  }
  PutPost put_post() {
    Post post{.guid = below(6) == 0 ? any_post() : post_guid(static_cast<std::size_t>(++posts_)),
              .channel = channel(below(kChannels)),
              .time = kTestTime,
              .author = user(below(kUsers)),
              .content = text()};
    if (below(3) == 0) post.reply = any_post();
    if (below(4) == 0) post.mentions = {user(below(kUsers)), std::string(kEveryone)};
    return {.post = std::move(post)};
  }
  ChangePost change_post() {
    constexpr std::array kActs = {PostAct::edit,  PostAct::edit,   PostAct::hide,
                                  PostAct::show,  PostAct::react,  PostAct::unreact,
                                  PostAct::pin,   PostAct::unpin,  PostAct::take_back,
                                  PostAct::erase, PostAct::destroy};
    ChangePost change{.guid = any_post(), .act = kActs[below(kActs.size())], .time = kTestTime};
    if (change.act == PostAct::edit) change.text = text();
    if (change.act == PostAct::react || change.act == PostAct::unreact) {
      change.who = user(below(kUsers));
      change.text = below(2) == 0 ? "+1" : "heart";
    }
    return change;
  }
  Write beside_posts() {
    switch (below(6)) {
      case 0:
        return PutMark{channel(below(kChannels)), user(below(kUsers)),
                       static_cast<Cursor>(below(200))};
      case 1:
        return PutLevel{channel(below(kChannels)), user(below(kUsers)), NotifyLevel::mentions};
      case 2:
        return PutReport{any_post(), user(below(kUsers)), filler(below(60)), kTestTime};
      case 3:
        return CloseReports{any_post()};
      case 4:
        return PutErasure{.post = any_post(), .user = user(below(kUsers)), .receipt = filler(40)};
      default: {
        const std::size_t of = below(changes_.size());
        // One in five has a number that is taken.
        return PutHubChange{hub(of), below(5) == 0 ? changes_[of] : ++changes_[of], filler(200)};
      }
    }
  }
  PutMessage put(int number) {
    // The same number has the same content now and later, except for one in eight: a conflict.
    std::mt19937_64 own(static_cast<std::uint64_t>(number) * 8 + (below(8) == 0 ? 1 : 0));
    std::vector<std::string> receivers;
    for (std::size_t n = 1 + own() % 3; n > 0; --n) receivers.push_back(user(own() % kUsers));
    const std::size_t size = own() % 10 == 0 ? own() % 9'000 : own() % 1'500;
    return message(number, std::string(size, static_cast<char>('a' + own() % 26)), receivers);
  }
  std::string filler(std::size_t size) {
    return std::string(size, static_cast<char>('A' + below(26)));
  }

  std::mt19937_64 random_;
  std::size_t kinds_;
  int next_ = 1;
  int posts_ = 0;
  std::array<std::int64_t, 2> changes_{};
  std::uint32_t next_key_ = 1;
};

std::string as_line(const Post& post) {
  std::string out = post.guid.text() + " " + std::to_string(post.cursor) + " " +
                    std::to_string(post.changed) + " " + post.author + " " +
                    std::to_string(post.revision) + " " +
                    std::to_string(static_cast<int>(post.state)) + " " +
                    std::to_string(post.pinned) + " " + std::to_string(post.answers);
  for (const ReactionCount& one : post.reactions)
    out += " " + one.symbol + std::to_string(one.count);
  for (const std::string& one : post.mentions) out += " @" + one;
  return out + " " + post.content + "\n";
}

/// What channels hold: messages, earlier texts, receipts, marks, reports, and changes of hubs.
Result<std::string> dump_channels(Store& store) {
  std::string out;
  std::vector<Guid> channels;
  for (std::size_t i = 0; i < kChannels; ++i) {
    channels.push_back(channel(i));
    const auto posts = store.posts(
        channel(i), {.order = PostPage::Order::forward, .limit = 1'000'000, .bytes = 1 << 30});
    if (!posts) return std::unexpected(posts.error());
    for (const Post& one : *posts) {
      if (one.damaged) return fail(Errc::internal, "a damaged message");
      out += as_line(one);
      if (one.revision > 1) {
        const auto earlier = store.revisions(one.guid, 0, 1 << 30);
        if (!earlier) return std::unexpected(earlier.error());
        for (const PostRevision& text : *earlier)
          out += std::to_string(text.number) + " " + text.content + "\n";
      }
      if (one.state == PostState::destroyed) {
        const auto erasures = store.erasures(one.guid);
        if (!erasures) return std::unexpected(erasures.error());
        for (const std::string& receipt : *erasures) out += receipt + "\n";
      }
    }
    for (std::size_t reader = 0; reader < kUsers; ++reader) {
      const auto state = store.read_state(channel(i), user(reader));
      if (!state) return std::unexpected(state.error());
      out += std::to_string(state->upto) + " " + std::to_string(state->unread) + " " +
             std::to_string(state->mentions) + " " +
             std::to_string(static_cast<int>(state->level)) + "\n";
    }
  }
  const auto reports = store.reports(channels, 0, 1'000'000);
  if (!reports) return std::unexpected(reports.error());
  for (const StoredReport& one : *reports)
    out += one.post.text() + one.user + one.text + " " + one.content + "\n";
  const auto changes = store.hub_changes(0, 1'000'000);
  if (!changes) return std::unexpected(changes.error());
  for (const StoredHubChange& one : *changes)
    out += one.hub + std::to_string(one.number) + one.change + "\n";
  return out;
}

/// Where each word is found.
Result<std::string> dump_words(Store& store) {
  std::string out;
  std::vector<Guid> channels;
  for (std::size_t i = 0; i < kChannels; ++i) channels.push_back(channel(i));
  for (std::size_t i = 0; i < kWords; ++i) {
    const auto found = store.search(channels, word(i), 0, 1'000'000);
    if (!found) return std::unexpected(found.error());
    for (const FoundPost& one : *found) out += word(i) + " " + one.post.guid.text() + "\n";
  }
  return out;
}

/// Everything a store can be asked, as text. Errc of the first failure otherwise.
Result<std::string> dump(Store& store) {
  std::string out;
  for (std::size_t i = 0; i < kUsers; ++i) {
    const auto newest = store.newest(user(i));
    if (!newest) return std::unexpected(newest.error());
    out += user(i) + " " + std::to_string(*newest) + "\n";
    for (Cursor after = 0;;) {
      // A damaged record ends a page and fails the next one.
      const auto page = store.inbox(user(i), after, 100'000, 1 << 30);
      if (!page) return std::unexpected(page.error());
      if (page->empty()) break;
      for (const StoredMessage& one : *page) {
        out += std::to_string(one.cursor) + " " + one.guid.text() + one.author + one.type +
               one.content + "\n";
      }
      after = page->back().cursor;
    }
    const auto documents = store.documents(user(i));
    if (!documents) return std::unexpected(documents.error());
    for (const auto& one : *documents)
      out += one.type + std::to_string(one.time) + one.document + "\n";
    const auto identity = store.identity(user(i));
    if (!identity) return std::unexpected(identity.error());
    if (*identity) out += (*identity)->meta + ((*identity)->pinned ? "!\n" : "\n");
  }
  const auto prekeys = store.prekeys(user(0));
  if (!prekeys) return std::unexpected(prekeys.error());
  for (const StoredPrekeys& one : *prekeys)
    out += one.terminal + one.device + one.signed_key + one.last_resort +
           std::to_string(one.one_time) + " " + std::to_string(one.newest) + "\n";
  for (int i = 0; i < 20; ++i) {
    const auto owner = store.owner_of("name" + std::to_string(i));
    if (!owner) return std::unexpected(owner.error());
    if (*owner) out += **owner + "\n";
  }
  for (int i = 1; i <= 30; ++i) {
    const auto kept = store.resume(guid(i));
    if (!kept) return std::unexpected(kept.error());
    if (*kept) out += (*kept)->secret_sha256 + "\n";
  }
  auto channels = dump_channels(store);
  if (!channels) return channels;
  return out + *channels;
}

/// Empty when both are the same; else where they part, shortened.
std::string difference(const std::string& found, const std::string& expected) {
  if (found == expected) return {};
  const auto [a, b] = std::ranges::mismatch(found, expected);
  const auto around = [](const std::string& text, std::string::const_iterator at) {
    const auto index = static_cast<std::size_t>(at - text.begin());
    const std::size_t line = index == 0 ? 0 : text.rfind('\n', index - 1) + 1;
    return text.substr(line, index - line > 60 ? 60 : index - line + 20);
  };
  return "found \"" + around(found, a) + "\", expected \"" + around(expected, b) + "\"";
}

SqliteOptions options_for(const SimDisk& disk) {
  SqliteOptions options;
  options.limits = kLimits;
  options.vfs = disk.vfs();
  options.exclusive = true;
  options.checkpoint_bytes = 60'000;  // often
  return options;
}

TEST(SimDisk, LosesWhatWasNotSyncedAndKeepsWhatWas) {
  int lost = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimDisk disk(seed);
    sqlite3* db = nullptr;
    ASSERT_EQ(
        sqlite3_open_v2("/db", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, disk.vfs().c_str()),
        SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(db,
                           "CREATE TABLE t(x); INSERT INTO t VALUES(1); PRAGMA synchronous=OFF; "
                           "INSERT INTO t VALUES(2)",
                           nullptr, nullptr, nullptr),
              SQLITE_OK);
    disk.power_off();
    sqlite3_close(db);
    const auto before = *disk.content("/db");
    disk.power_on();
    ASSERT_NE(disk.content("/db"), nullptr);
    if (*disk.content("/db") != before) ++lost;
  }
  EXPECT_GT(lost, 5);
  EXPECT_LT(lost, 20);
}

struct CutCounts {
  std::uint64_t cuts = 0, torn = 0, in_flight_kept = 0;
};

/// A station that is used through 20 power cuts.
void use_through_cuts(std::uint64_t seed, CutCounts& counts) {
  SimDisk disk(seed);
  Script script(seed, true);
  MemoryStore model(kLimits);
  for (int cut = 0; cut < 20; ++cut, ++counts.cuts) {
    auto store = SqliteStore::open("/data", options_for(disk));
    ASSERT_TRUE(store) << "cut " << cut << ": " << to_string(store.error());
    counts.torn += (*store)->torn_bytes() > 0 ? 1 : 0;
    disk.fail_at(1 + script.below(cut % 10 == 0 ? 20 : 400), SimDisk::Fault::power_cut);
    std::optional<std::vector<Write>> in_flight;
    while (!in_flight) {
      auto batch = script.batch();
      const auto done = (*store)->commit(batch);
      if (!done) {
        ASSERT_EQ(done.error().code, Errc::io) << to_string(done.error());
        in_flight = std::move(batch);
        break;
      }
      ASSERT_TRUE(model.commit(batch));
      if (!(*store)->tidy(kTestTime - 1, script.below(3) == 0)) in_flight.emplace();
    }
    disk.power_off();
    store->reset();
    disk.power_on();

    store = SqliteStore::open("/data", options_for(disk));
    ASSERT_TRUE(store) << "cut " << cut << ": " << to_string(store.error());
    counts.torn += (*store)->torn_bytes() > 0 ? 1 : 0;
    const auto found = dump(**store);
    ASSERT_TRUE(found) << to_string(found.error());
    if (*found != *dump(model)) {
      ASSERT_TRUE(model.commit(*in_flight));
      ASSERT_EQ(difference(*found, *dump(model)), "") << "cut " << cut;
      ++counts.in_flight_kept;
    }
    const auto words = dump_words(**store);
    ASSERT_TRUE(words) << to_string(words.error());
    ASSERT_EQ(difference(*words, *dump_words(model)), "") << "cut " << cut;
    const auto damaged = (*store)->verify();
    ASSERT_TRUE(damaged) << to_string(damaged.error());
    ASSERT_EQ(*damaged, 0U);
  }
}

// Every acknowledged write is there after a cut, none twice, none half; the one in flight is there
// whole or not at all.
TEST(SqliteStore, R2_LosesNothingAcknowledgedInPowerCuts) {
  const std::uint64_t stations = long_form() ? 500 : kSanitised ? 20 : 100;
  CutCounts counts;
  for (std::uint64_t seed = 1; seed <= stations; ++seed) {
    use_through_cuts(seed, counts);
    ASSERT_FALSE(HasFatalFailure()) << "seed " << seed;
  }
  // The cuts were worth something.
  EXPECT_GT(counts.torn, counts.cuts / 20);
  EXPECT_LT(counts.in_flight_kept, counts.cuts / 2);
}

/// Pieces of what a message had that the files still hold.
bool holds(SimDisk& disk, const std::vector<std::string>& pieces) {
  for (const char* ending : {"", "-wal", "-keys1", "-keys2", "-words1", "-words2"}) {
    const auto* bytes = disk.content(std::string("/data/station.db") + ending);
    if (bytes == nullptr) continue;
    for (const std::string& piece : pieces) {
      if (as_text(*bytes).find(piece) != std::string_view::npos) return true;
    }
  }
  return false;
}

// At each write and sync of a DESTROY in turn the power goes: what was acknowledged is destroyed,
// what was not is either untouched or finished at the start.
TEST(SqliteStore, R2_R20_ADestroyThatThePowerInterruptsIsFinishedAtTheNextStart) {
  constexpr std::size_t kHead = 4'096, kSlot = 72, kPosts = 5;
  const auto destroying = [](std::size_t number) {
    return Write(ChangePost{
        .guid = guid(static_cast<int>(number)), .act = PostAct::destroy, .time = kTestTime});
  };
  const auto text = [](std::size_t number) { return "text of " + std::to_string(number); };
  std::size_t untouched = 0, finished = 0, acknowledged = 0;
  for (std::uint64_t n = 1;; ++n) {
    SimDisk disk(n);
    auto store = SqliteStore::open("/data", options_for(disk));
    ASSERT_TRUE(store) << to_string(store.error());
    std::vector<Write> posts;
    for (std::size_t i = 1; i <= kPosts; ++i) {
      posts.emplace_back(PutPost{.post = {.guid = guid(static_cast<int>(i)),
                                          .channel = guid(1'000),
                                          .time = kTestTime,
                                          .author = "alice",
                                          .content = text(i)}});
    }
    ASSERT_TRUE((*store)->commit(posts));
    std::vector<std::string> slot;
    {
      const auto keys = as_text(*disk.content("/data/station.db-keys1"));
      slot.emplace_back(keys.substr(kHead + 2 * kSlot, kSlot / 2));  // of the third
      slot.emplace_back(keys.substr(kHead + 2 * kSlot + kSlot / 2, kSlot / 2));
    }
    ASSERT_TRUE(holds(disk, slot));
    disk.fail_at(n, SimDisk::Fault::power_cut);
    const Write write = destroying(3);
    const bool told = (*store)->commit(std::span(&write, 1)).has_value();
    if (told && disk.struck() == false) {
      EXPECT_FALSE(holds(disk, slot));
      for (int i = 0; i < 8 && !disk.struck(); ++i) (void)(*store)->tidy(kTestTime, true);
    }
    const bool through = !disk.struck();
    disk.power_off();
    store->reset();
    disk.power_on();
    store = SqliteStore::open("/data", options_for(disk));
    ASSERT_TRUE(store) << n << ": " << to_string(store.error());
    const auto post = (*store)->post(guid(3));
    ASSERT_TRUE(post && *post) << n;
    if ((*post)->state == PostState::shown) {
      ASSERT_FALSE(told) << n;
      EXPECT_EQ((*post)->content, text(3));
      ++untouched;
    } else {
      EXPECT_EQ((*post)->state, PostState::destroyed);
      EXPECT_FALSE(holds(disk, slot)) << n;
      ++(told ? acknowledged : finished);
    }
    for (std::size_t i : {1U, 2U, 4U, 5U}) {
      const auto other = (*store)->post(guid(static_cast<int>(i)));
      ASSERT_TRUE(other && *other) << n << ": " << to_string(other.error());
      EXPECT_EQ((*other)->content, text(i)) << n;
      const auto found = (*store)->search(std::array{guid(1'000)}, std::to_string(i), 0, 10);
      ASSERT_TRUE(found) << n << ": " << to_string(found.error());
      EXPECT_EQ(found->size(), 1U) << n;
    }
    ASSERT_EQ((*store)->verify(), Result<std::size_t>(0)) << n;
    if (through) break;
  }
  EXPECT_GT(untouched, 3U);
  EXPECT_GT(finished, 3U);
  EXPECT_GT(acknowledged, 3U) << "cuts of what tidies up behind it";
}

/// The files of a station, with keys in two files and something in the log.
std::map<std::string, std::vector<std::uint8_t>> used_files(bool stopped) {
  SimDisk disk(1);
  Script script(11, true);
  auto store = SqliteStore::open("/data", options_for(disk));
  EXPECT_TRUE(store) << to_string(store.error());
  for (int i = 0; i < 40; ++i) {
    EXPECT_TRUE((*store)->commit(script.batch()));
  }
  if (stopped) {
    EXPECT_TRUE((*store)->close());
  }
  std::map<std::string, std::vector<std::uint8_t>> out;
  for (const char* ending : {"", "-wal", "-synced", "-keys1", "-keys2", "-words1", "-words2"}) {
    const std::string path = std::string("/data/station.db") + ending;
    if (const auto* content = disk.content(path)) out.emplace(path, *content);
  }
  return out;
}

// Read errors of the files of keys were told as damage: "restore the backup", for a disk that only
// has to be looked at.
TEST(SqliteStore, R3_WhicheverReadFailsWhileItOpensItIsTheDiskAndNoDamage) {
  for (const bool stopped : {true, false}) {
    const auto files = used_files(stopped);
    std::uint64_t n = 1, refused = 0;
    for (;; ++n) {
      SimDisk disk(n);
      for (const auto& [path, content] : files) disk.put(path, content);
      disk.fail_at(n, SimDisk::Fault::read_error);
      const auto store = SqliteStore::open("/data", options_for(disk));
      if (!disk.struck()) {
        EXPECT_TRUE(store) << to_string(store.error());
        break;
      }
      if (store) continue;
      ++refused;
      EXPECT_EQ(store.error().code, Errc::io)
          << "at read " << n << ": " << to_string(store.error());
      EXPECT_THAT(std::string(store.error().hint), testing::HasSubstr("disk")) << "at read " << n;
    }
    EXPECT_GT(n, 10U) << "reads were met";
    EXPECT_EQ(refused, n - 1) << "none was passed over";
  }
}

bool same_outcome(std::span<const Written> left, std::span<const Written> right) {
  return std::ranges::equal(left, right, [](const Written& a, const Written& b) {
    return a.accepted == b.accepted && a.cursors == b.cursors && a.prekey == b.prekey;
  });
}

class DiskFault : public testing::TestWithParam<SimDisk::Fault> {};

constexpr std::uint64_t kNever = UINT64_MAX;

/// 60 batches of about 5 writes, with what a store answers to each and holds before and after it.
struct Course {
  explicit Course(bool channels) {
    Script script(7, channels);
    MemoryStore model(kLimits);
    held.push_back(dump(model).value());
    for (int i = 0; i < 60; ++i) {
      batches.push_back(script.batch());
      answers.push_back(model.commit(batches.back()).value());
      held.push_back(dump(model).value());
    }
  }
  std::vector<std::vector<Write>> batches;
  std::vector<std::vector<Written>> answers;
  std::vector<std::string> held;  ///< [i]: before batch i
};

const Course& course(bool channels) {
  static const std::array courses = {Course(false), Course(true)};
  return courses[channels ? 1 : 0];
}

/// The course with the fault at the n-th call; false when it never struck.
bool run_with_fault(std::uint64_t n, SimDisk::Fault fault, bool channels) {
  using enum SimDisk::Fault;
  SimDisk disk(n);
  const Course& way = course(channels);
  std::size_t held = 0;    // batches that are acknowledged
  bool in_flight = false;  // the next one may be there too
  const bool flips = fault == flip_write || fault == flip_read;
  // Where reading is no call that the fault can strike, what is there before it is looked at in the
  // course without any.
  const bool looks = fault == read_error || fault == flip_read || n == kNever;
  std::unique_ptr<SqliteStore> store;
  disk.fail_at(n, fault);
  const auto reopen = [&]() -> Status {
    store.reset();
    auto opened = SqliteStore::open("/data", options_for(disk));
    if (!opened) return std::unexpected(opened.error());
    store = std::move(*opened);
    return {};
  };
  if (auto opened = reopen(); !opened) {
    EXPECT_TRUE(disk.struck());
    disk.clear_fault();
    // Nothing was acknowledged yet; after a bit was flipped the damage must be named if it lasts.
    opened = reopen();
    if (!opened) {
      EXPECT_TRUE(fault == flip_write && opened.error().code == Errc::internal)
          << to_string(opened.error());
      return true;
    }
  }
  for (std::size_t i = 0; i < way.batches.size(); ++i) {
    const auto& batch = way.batches[i];
    const auto done = store->commit(batch);
    if (done) {
      ++held;
      if (!same_outcome(*done, way.answers[i])) {
        // What is damaged refuses changes, and says so.
        EXPECT_TRUE(flips && disk.struck()) << "another answer to batch " << i;
        return disk.struck();
      }
    } else if (done.error().code == Errc::insufficient_storage) {
      EXPECT_TRUE(fault == full || fault == short_write);
      const auto kept = dump(*store);
      EXPECT_TRUE(kept && *kept == way.held[held]) << "reads go on, nothing of the batch is there";
      disk.clear_fault();
      EXPECT_TRUE(store->commit(batch)) << "and the same batch is stored when there is room";
      ++held;
    } else {
      EXPECT_TRUE(disk.struck()) << to_string(done.error());
      EXPECT_FALSE(store->commit(batch)) << "a store whose disk has failed takes nothing more";
      in_flight = true;
      break;
    }
    const auto tidied = store->tidy(kTestTime - 1, i % 4 == 0);
    if (!tidied && tidied.error().code != Errc::insufficient_storage) {
      EXPECT_TRUE(disk.struck());
      break;
    }
    if (!looks && !disk.struck()) continue;
    if (const auto seen = dump(*store)) {
      EXPECT_EQ(difference(*seen, way.held[held]), "") << "wrong data after batch " << i;
    } else {
      EXPECT_TRUE(disk.struck()) << to_string(seen.error());
    }
    if (testing::Test::HasFailure()) return true;
  }
  const bool struck = disk.struck();
  disk.clear_fault();
  if (flips) {
    static_cast<void>(store->close());
  } else {
    disk.power_off();
    store.reset();
    disk.power_on();
  }
  const auto opened = reopen();
  if (!opened) {
    EXPECT_TRUE(flips && struck && opened.error().code == Errc::internal)
        << to_string(opened.error());
    return struck;
  }
  const auto found = dump(*store);
  if (!found) {
    EXPECT_TRUE(flips && struck && found.error().code == Errc::internal)
        << to_string(found.error());
    return struck;
  }
  if (*found != way.held[held]) {
    EXPECT_EQ(difference(*found, way.held[in_flight ? held + 1 : held]), "");
  }
  return struck;
}

TEST_P(DiskFault, R3_AtTheNthCallForEveryNIsNeverALie) {
  constexpr std::uint64_t kStep = kSanitised ? 13 : 1;
  EXPECT_FALSE(run_with_fault(kNever, GetParam(), false));
  std::uint64_t n = 1;
  for (; run_with_fault(n, GetParam(), false); n += kStep) {
    ASSERT_FALSE(HasFailure()) << "at call " << n;
  }
  EXPECT_GT(n, 50U) << "the script ended before the fault could strike often";
  RecordProperty("calls", std::to_string(n - 1));
}

// Of 866 a message lost its key: the disk was full while the keys were copied into another file.
TEST_P(DiskFault, R3_InChannelsToo) {
  const std::uint64_t step = long_form() ? 1 : kSanitised ? 185 : 37;
  EXPECT_FALSE(run_with_fault(kNever, GetParam(), true));
  std::uint64_t n = long_form() ? 1 : 866 % step;
  for (; run_with_fault(n, GetParam(), true); n += step) {
    ASSERT_FALSE(HasFailure()) << "at call " << n;
  }
  EXPECT_GT(n, 50U);
}

std::string fault_name(const testing::TestParamInfo<SimDisk::Fault>& tested) {
  constexpr std::array<const char*, 8> kNames = {"WriteError", "Full",      "ShortWrite",
                                                 "SyncError",  "ReadError", "FlipWrite",
                                                 "FlipRead",   "PowerCut"};
  return kNames[static_cast<std::size_t>(tested.param)];
}

INSTANTIATE_TEST_SUITE_P(Every, DiskFault,
                         testing::Values(SimDisk::Fault::write_error, SimDisk::Fault::full,
                                         SimDisk::Fault::short_write, SimDisk::Fault::sync_error,
                                         SimDisk::Fault::read_error, SimDisk::Fault::flip_write,
                                         SimDisk::Fault::flip_read),
                         fault_name);

}  // namespace
}  // namespace dim
