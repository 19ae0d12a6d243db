// What only a store with files can show: crashes, damage, formats, locks, removal of bytes.
#include "sqlite/sqlite_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

#include "sqlite/checked_vfs.h"
#include "sqlite/database.h"
#include "sqlite/record.h"
#include "sqlite/store_testing.h"
#include "sqlite/store_writer.h"

namespace dim {
namespace {

using testing::SizeIs;

std::unique_ptr<SqliteStore> opened(const TemporaryFolder& folder,
                                    const SqliteOptions& options = {}) {
  auto store = SqliteStore::open(folder.path(), options);
  EXPECT_TRUE(store) << to_string(store.error());
  return store ? std::move(*store) : nullptr;
}

Written one(Store& store, Write write) {
  auto out = store.commit(std::span(&write, 1));
  EXPECT_TRUE(out) << to_string(out.error());
  return out ? out->at(0) : Written{Accepted::conflict, {}};
}

void clean(Store& store) {
  for (;;) {
    const auto more = store.tidy(kTestTime, true);
    ASSERT_TRUE(more) << to_string(more.error());
    if (!*more) return;
  }
}

std::string slurp(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void flip(const std::filesystem::path& path, std::size_t at) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekg(static_cast<std::streamoff>(at));
  const int byte = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
}

bool in_any_file(const TemporaryFolder& folder, const std::string& needle) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (entry.is_regular_file() && slurp(entry.path()).find(needle) != std::string::npos)
      return true;
  }
  return false;
}

/// Copies the files as a power cut would leave them, with the store still open: the log's mark may
/// be lost.
void copy_files(const TemporaryFolder& from, const TemporaryFolder& to, bool with_mark = false) {
  for (const std::string_view ending : {"", "-wal", "-synced", "-keys1", "-words1"}) {
    if (ending == "-synced" && !with_mark) continue;
    const std::string name = "station.db" + std::string(ending);
    std::filesystem::copy_file(from.path() + "/" + name, to.path() + "/" + name,
                               std::filesystem::copy_options::overwrite_existing);
  }
}

TEST(SqliteStore, C05_RefusesAFolderThatAnotherStationHolds) {
  const TemporaryFolder folder;
  auto first = opened(folder);
  const auto second = SqliteStore::open(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::conflict);
  first.reset();
  EXPECT_TRUE(SqliteStore::open(folder.path()));
}

TEST(SqliteStore, C05_NamesAFolderThatCannotBeMade) {
  const auto store = SqliteStore::open("/proc/no/such/folder");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::forbidden);
}

/// The system's file system, except that the shared memory of the log cannot be made.
class NoSharedMemory {
 public:
  explicit NoSharedMemory(int cause) : vfs_(*sqlite3_vfs_find(nullptr)) {
    cause_ = cause;
    parent_ = sqlite3_vfs_find(nullptr);
    vfs_.zName = kName;
    vfs_.xOpen = open;
    sqlite3_vfs_register(&vfs_, 0);
  }
  NoSharedMemory(const NoSharedMemory&) = delete;
  NoSharedMemory& operator=(const NoSharedMemory&) = delete;
  ~NoSharedMemory() { sqlite3_vfs_unregister(&vfs_); }
  static constexpr const char* kName = "no-shared-memory";

 private:
  static int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
    const int rc = parent_->xOpen(parent_, name, file, flags, out);
    if (rc != SQLITE_OK || (flags & SQLITE_OPEN_MAIN_DB) == 0) return rc;
    methods_ = *file->pMethods;
    methods_.xShmMap = [](sqlite3_file*, int, int, int, void volatile**) {
      errno = cause_;
      return SQLITE_IOERR_SHMSIZE;
    };
    file->pMethods = &methods_;
    return rc;
  }
  static inline int cause_ = 0;
  static inline sqlite3_vfs* parent_ = nullptr;
  static inline sqlite3_io_methods methods_{};
  sqlite3_vfs vfs_;
};

// It was a full disk whatever had happened.
TEST(SqliteStore, R3_AFileOfSharedMemoryThatFailsIsAFullDiskOnlyWhereTheDiskIsFull) {
  for (const auto& [cause, wanted] : {std::pair(EIO, Errc::io),
                                      {ENOSPC, Errc::insufficient_storage},
                                      {EDQUOT, Errc::insufficient_storage}}) {
    const TemporaryFolder folder;
    const NoSharedMemory vfs(cause);
    SqliteOptions options;
    options.vfs = NoSharedMemory::kName;
    const auto store = SqliteStore::open(folder.path(), options);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, wanted)
        << std::strerror(cause) << ": " << to_string(store.error());
  }
}

TEST(SqliteStore, KeepsItsFilesFromOtherUsers) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  one(*store, message(1, "one", {"bob"}));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const auto others = std::filesystem::perms::group_all | std::filesystem::perms::others_all;
    EXPECT_EQ(entry.status().permissions() & others, std::filesystem::perms::none) << entry.path();
  }
}

TEST(SqliteStore, C06_R21_RefusesANewerFormatAndLeavesItAlone) {
  const TemporaryFolder folder;
  opened(folder).reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open((folder.path() + "/station.db").c_str(), &db), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(db, "PRAGMA user_version=10; PRAGMA wal_checkpoint(TRUNCATE)", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);
  // A page that SQLite alone has written bears no checksum of ours.
  std::string bytes = slurp(folder.path() + "/station.db");
  stamp_page(1, std::span<std::uint8_t, kDatabasePageBytes>(
                    reinterpret_cast<std::uint8_t*>(bytes.data()), kDatabasePageBytes));
  std::ofstream(folder.path() + "/station.db", std::ios::binary) << bytes;
  const auto store = SqliteStore::open(folder.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::edition) << to_string(store.error());
  EXPECT_EQ(slurp(folder.path() + "/station.db"), bytes);
}

/// What format 9 has more than format 8.
constexpr const char* kDropPrekeys = "DROP TABLE prekey; DROP TABLE prekey_device; ";
/// What it has more than format 6.
constexpr const char* kDropThreads =
    "DROP TRIGGER thread_put; DROP TRIGGER thread_shown; DROP TRIGGER thread_hidden; "
    "DROP TRIGGER thread_dropped; DROP TABLE thread; DROP TABLE mention; DROP TABLE notify; "
    "DROP TABLE swept; DROP TABLE report; DROP INDEX post_thread; DROP INDEX post_expires; "
    "ALTER TABLE post DROP COLUMN thread; ALTER TABLE post DROP COLUMN mentions; "
    "ALTER TABLE post DROP COLUMN expires; DROP TABLE expected; DROP TABLE prekey; "
    "DROP TABLE prekey_device; ";

void change_store(const TemporaryFolder& folder, const std::string& sql) {
  auto vfs = CheckedVfs::make({});
  ASSERT_TRUE(vfs);
  Database db;
  ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, (*vfs)->name()));
  ASSERT_TRUE(db.run(sql.c_str()));
  db.close();
}

TEST(SqliteStore, R21_OpensTheFormatBeforeHubsAndKeepsWhatIsInIt) {
  const TemporaryFolder folder;
  one(*opened(folder), message(1, "from before", {"bob"}));
  {
    auto vfs = CheckedVfs::make({});
    ASSERT_TRUE(vfs);
    Database db;
    ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, (*vfs)->name()));
    ASSERT_TRUE(
        db.run("DROP TABLE post_text; DROP TABLE mark; DROP TABLE reaction; DROP TABLE revision; "
               "DROP TABLE post; DROP TABLE channel; DROP TABLE hub_change; DROP TABLE part; "
               "DROP TABLE key_file; DROP TABLE doomed; DROP TABLE erasure; DROP TABLE expected; "
               "DROP TABLE thread; DROP TABLE mention; DROP TABLE notify; DROP TABLE swept; "
               "DROP TABLE report; "
               "DROP TABLE shown; DROP TABLE media; DROP TABLE blob; DROP TABLE setting; "
               "DROP TABLE audit; DROP TABLE channel_use; DROP TABLE prekey; "
               "DROP TABLE prekey_device; PRAGMA user_version=1"));
    db.close();
  }
  const auto store = opened(folder);
  const auto kept = store->inbox("bob", 0, 10, 1'000);
  ASSERT_TRUE(kept);
  ASSERT_THAT(*kept, SizeIs(1));
  EXPECT_EQ(kept->front().content, "from before");
  one(*store, PutHubChange{"hub", 1, "{}"});
  EXPECT_EQ(store->hub_changes(0, 10)->size(), 1U);
}

TEST(SqliteStore, R21_OpensTheFormatBeforeMedia) {
  const TemporaryFolder folder;
  one(*opened(folder), PutHubChange{"hub", 1, "{}"});
  {
    auto vfs = CheckedVfs::make({});
    ASSERT_TRUE(vfs);
    Database db;
    ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, (*vfs)->name()));
    ASSERT_TRUE(
        db.run("DROP TABLE thread; DROP TABLE mention; DROP TABLE notify; DROP TABLE swept; DROP "
               "TABLE report; "
               "DROP TRIGGER thread_put; DROP TRIGGER thread_shown; DROP TRIGGER thread_hidden; "
               "DROP TRIGGER thread_dropped; DROP TABLE shown; DROP TRIGGER post_put; DROP TRIGGER "
               "post_shown; "
               "DROP TRIGGER post_hidden; DROP TRIGGER post_dropped; "
               "DROP TABLE part; DROP TABLE key_file; DROP TABLE doomed; DROP TABLE erasure; "
               "DROP TABLE media; DROP TABLE blob; DROP TABLE setting; DROP TABLE audit; "
               "DROP TABLE expected; DROP TABLE channel_use; DROP TABLE prekey; "
               "DROP TABLE prekey_device; PRAGMA user_version=2"));
    db.close();
  }
  const auto store = opened(folder);
  EXPECT_EQ(store->hub_changes(0, 10)->size(), 1U);
  one(*store, OpenMedia{.guid = guid(1), .owner = "alice", .size = 10, .time = kTestTime});
  EXPECT_TRUE(store->media(guid(1)).value());
}

TEST(SqliteStore, R21_OpensTheFormatBeforeTheLogOfActsAndCountsWhatIsThere) {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder);
    for (int i = 1; i <= 3; ++i)
      one(*store, PutPost{.post = {.guid = guid(i),
                                   .channel = guid(100),
                                   .time = kTestTime,
                                   .author = "alice",
                                   .content = std::string(100, 'x')}});
    one(*store, ChangePost{.guid = guid(1), .text = std::string(50, 'y'), .time = kTestTime});
    one(*store, ChangePost{.guid = guid(2), .act = PostAct::erase, .time = kTestTime});
  }
  ChannelUse before;
  {
    const auto store = opened(folder);
    before = *store->channel_use(guid(100));
  }
  EXPECT_EQ(before.messages, 2);
  EXPECT_GE(before.bytes, 250);
  EXPECT_LE(before.bytes, 250 + 3 * 64);
  change_store(folder, std::string(kDropThreads) +
                           "DROP TRIGGER use_put; DROP TRIGGER use_changed; "
                           "DROP TRIGGER use_dropped; DROP TRIGGER use_earlier; "
                           "DROP TRIGGER use_forgot; DROP TABLE setting; DROP TABLE audit; "
                           "DROP TABLE channel_use; PRAGMA user_version=5");
  const auto store = opened(folder);
  const auto after = store->channel_use(guid(100));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->messages, before.messages);
  EXPECT_EQ(after->bytes, before.bytes);
}

TEST(SqliteStore, R21_OpensTheFormatBeforeThreadsAndKeepsItsMessages) {
  const TemporaryFolder folder;
  const Post first{.guid = guid(1),
                   .channel = guid(2),
                   .time = kTestTime,
                   .author = "alice",
                   .content = "from before"};
  one(*opened(folder), PutPost{first});
  change_store(folder, std::string(kDropThreads) + "PRAGMA user_version=6");
  const auto store = opened(folder);
  EXPECT_EQ(one(*store, PutPost{first}).accepted, Accepted::repeated);
  Post answer = first;
  answer.guid = guid(3);
  answer.thread = guid(1);
  one(*store, PutPost{answer});
  const auto root = store->post(guid(1));
  ASSERT_TRUE(root && *root);
  EXPECT_EQ((*root)->content, "from before");
  EXPECT_EQ((*root)->answers, 1);
}

TEST(SqliteStore, R21_OpensTheFormatBeforeHubsCouldBeDestroyedWithItsMessages) {
  const TemporaryFolder folder;
  one(*opened(folder), PutPost{.post = {.guid = guid(1),
                                        .channel = guid(2),
                                        .time = kTestTime,
                                        .author = "alice",
                                        .content = "text"}});
  change_store(folder, std::string(kDropPrekeys) + "DROP TABLE expected; PRAGMA user_version=7");
  const auto store = opened(folder);
  EXPECT_EQ((*store->post(guid(1)))->content, "text");
  one(*store, ExpectErasures{"hub", {"bob"}});
  EXPECT_EQ(store->expected_erasures("hub")->size(), 1U);
}

TEST(SqliteStore, R21_OpensTheFormatBeforePrekeysAndKeepsWhatIsInIt) {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder);
    one(*store, PutDocument{"alice", "visa", "phone", kTestTime, "a visa"});
    one(*store, ExpectErasures{"hub", {"bob"}});
    one(*store, message(1, "from before", {"bob"}));
  }
  change_store(folder, std::string(kDropPrekeys) + "PRAGMA user_version=8");
  const auto store = opened(folder);
  EXPECT_EQ(store->documents("alice")->at(0).document, "a visa");
  EXPECT_EQ(store->expected_erasures("hub")->size(), 1U);
  EXPECT_EQ(store->inbox("bob", 0, 10, 1'000)->at(0).content, "from before");
  EXPECT_THAT(*store->prekeys("alice"), SizeIs(0));
  one(*store, PutPrekeys{.user = "alice",
                         .terminal = "phone",
                         .device = "key",
                         .time = kTestTime,
                         .signed_key = "signed",
                         .last_resort = "last",
                         .one_time = {{1, "one"}}});
  EXPECT_EQ(one(*store, TakePrekey{"alice", "phone", "key"}).prekey, "one");
}

TEST(SqliteStore, R21_RefusesMessagesOfChannelsInPlainTextAndLeavesThemAlone) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/station.db";
  one(*opened(folder), PutPost{.post = {.guid = guid(1),
                                        .channel = guid(2),
                                        .time = kTestTime,
                                        .author = "alice",
                                        .content = "text"}});
  {
    auto vfs = CheckedVfs::make({});
    ASSERT_TRUE(vfs);
    Database db;
    ASSERT_TRUE(db.open(path, SQLITE_OPEN_READWRITE, (*vfs)->name()));
    ASSERT_TRUE(db.run("PRAGMA user_version=4; PRAGMA wal_checkpoint(TRUNCATE)"));
    db.close();
  }
  const std::string before = slurp(path);
  const auto store = SqliteStore::open(folder.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::edition) << to_string(store.error());
  EXPECT_NE(store.error().hint.find("plain text"), std::string_view::npos);
  EXPECT_EQ(slurp(path), before);
}

TEST(SqliteStore, RefusesSomebodyElsesDatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() + "/station.db", std::ios::binary) << std::string(20'000, 'x');
  const auto store = SqliteStore::open(folder.path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::internal) << to_string(store.error());
}

TEST(SqliteStore, RemovesTheBytesOfWhatEverybodyHasAcknowledged) {
  const TemporaryFolder folder;
  const auto store = opened(folder);
  const std::string canary = "canary-in-a-coal-mine";
  one(*store, message(1, canary + std::string(9'000, 'x') + canary, {"bob", "carol"}));
  EXPECT_TRUE(in_any_file(folder, canary));
  one(*store, AckInbox{"bob", 1});
  clean(*store);
  EXPECT_TRUE(in_any_file(folder, canary)) << "carol still waits for it";
  one(*store, AckInbox{"carol", 1});
  clean(*store);
  EXPECT_FALSE(in_any_file(folder, canary));
}

TEST(SqliteStore, RemovalInterruptedByACrashIsFinishedLater) {
  const TemporaryFolder folder;
  const TemporaryFolder crashed;
  {
    const auto store = opened(folder);
    one(*store, message(1, "canary-one", {"bob", "carol"}));
    one(*store, message(2, "canary-two", {"bob"}));
    one(*store, AckInbox{"bob", 2});
    copy_files(folder, crashed);
  }
  const auto store = opened(crashed);
  clean(*store);
  EXPECT_FALSE(in_any_file(crashed, "canary-two"));
  const auto page = store->inbox("carol", 0, 10, 1'000);
  ASSERT_TRUE(page);
  EXPECT_THAT(*page, SizeIs(1));
  EXPECT_EQ(*store->newest("bob"), 2);
}

TEST(SqliteStore, AFullSweepLeavesNoRowsBehind) {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder);
    for (int i = 1; i <= 3'000; ++i)
      one(*store, message(i, "x", {"bob", i % 2 == 0 ? "carol" : "dave"}));
    for (const char* user : {"bob", "carol", "dave"}) one(*store, AckInbox{user, 3'000});
    clean(*store);
  }
  Database db;
  ASSERT_TRUE(db.open(folder.path() + "/station.db", SQLITE_OPEN_READWRITE, nullptr));
  EXPECT_EQ(*db.integer("SELECT count(*) FROM msg"), 0);
  EXPECT_EQ(*db.integer("SELECT count(*) FROM inbox"), 0);
  EXPECT_EQ(*db.integer("SELECT count(*) FROM seen"), 3'000);
}

TEST(SqliteStore, UsersThatLeaveMemoryComeBackWithTheirCursors) {
  const TemporaryFolder folder;
  SqliteOptions options;
  options.cached_users = 4;
  const auto store = opened(folder, options);
  for (int round = 1; round <= 3; ++round) {
    for (int i = 0; i < 50; ++i) {
      const std::string user = "user" + std::to_string(i);
      EXPECT_EQ(one(*store, message(round * 1'000 + i, "x", {user})).cursors.at(0), round);
      EXPECT_EQ(*store->newest(user), round);
      one(*store, AckInbox{user, round});
    }
  }
  for (int i = 0; i < 50; ++i) EXPECT_EQ(*store->newest("user" + std::to_string(i)), 3);
}

// A child commits and tells each commit through a pipe; killed at a random moment, everything told
// must be there.
TEST(SqliteStore, R1_LosesNothingAcknowledgedWhenKilled) {
  const TemporaryFolder folder;
  std::mt19937 random(1);
  std::uint32_t told = 0;
  for (int cycle = 0; cycle < 5; ++cycle) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
      ::close(ends[0]);
      auto store = SqliteStore::open(folder.path());
      if (!store) _exit(1);
      for (std::uint32_t i = told + 1;; ++i) {
        const std::vector<Write> batch = {
            message(static_cast<int>(i), "body " + std::to_string(i), {"bob"})};
        const auto done = (*store)->commit(batch);
        if (!done || done->at(0).cursors.at(0) != i) _exit(2);
        if (::write(ends[1], &i, sizeof(i)) != sizeof(i)) _exit(3);
        if (!(*store)->tidy(kTestTime, false)) _exit(4);
      }
    }
    ::close(ends[1]);
    const std::uint32_t stop = told + 50 + static_cast<std::uint32_t>(random() % 400);
    std::uint32_t number = 0;
    while (::read(ends[0], &number, sizeof(number)) == sizeof(number)) {
      told = number;
      if (number == stop) kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);

    const auto store = opened(folder);
    const auto page = store->inbox("bob", 0, 1'000'000, 1 << 30);
    ASSERT_TRUE(page);
    ASSERT_GE(page->size(), told);
    ASSERT_LE(page->size(), told + 1) << "one may have been committed and not yet told";
    for (std::size_t i = 0; i < page->size(); ++i) {
      ASSERT_EQ(page->at(i).content, "body " + std::to_string(i + 1));
      ASSERT_EQ(page->at(i).cursor, static_cast<Cursor>(i + 1));
    }
    told = static_cast<std::uint32_t>(page->size());
  }
}

TEST(SqliteStore, R1_TheLogIsMovedBesideCommitsAndReadsAndStaysShort) {
  const TemporaryFolder folder;
  SqliteOptions options;
  options.checkpoint_bytes = 256 * 1024;
  const auto store = opened(folder, options);
  constexpr int kMessages = 4'000;
  std::atomic<int> committed = 0;
  std::atomic<bool> readable = true;
  std::jthread reader([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const int known = committed;
      const auto page = store->inbox("bob", std::max(0, known - 50), 50, 1 << 20);
      if (!page || (known > 0 && page->empty())) readable = false;
    }
  });
  std::uintmax_t longest = 0;
  for (int i = 1; i <= kMessages; ++i) {
    one(*store, message(i, std::string(1'000, 'x') + std::to_string(i), {"bob"}));
    committed = i;
    ASSERT_TRUE(store->tidy(kTestTime, false));
    longest = std::max(longest, std::filesystem::file_size(folder.path() + "/station.db-wal"));
  }
  reader.request_stop();
  reader.join();
  EXPECT_TRUE(readable);
  // All would be 80 MiB. A reader that keeps a page open while it waits for a processor may hold
  // some back.
  EXPECT_LE(longest, 16 * options.checkpoint_bytes);
  const TemporaryFolder cut;
  copy_files(folder, cut, true);
  const auto again = opened(cut);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(again->verify().value_or(1), 0U);
  const auto page = again->inbox("bob", 0, kMessages + 1, 1 << 30);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->size(), static_cast<std::size_t>(kMessages));
}

/// A log with ten transactions, none of it moved into the database.
class DamagedLog : public testing::Test {
 protected:
  void SetUp() override { make(false); }
  void make(bool with_mark) {
    const TemporaryFolder live;
    const auto store = opened(live);
    for (int i = 1; i <= 10; ++i) one(*store, message(i, "body " + std::to_string(i), {"bob"}));
    copy_files(live, folder_, with_mark);
    size_ = std::filesystem::file_size(log());
  }
  std::string log() const { return folder_.path() + "/station.db-wal"; }
  Result<std::size_t> count() {
    auto store = SqliteStore::open(folder_.path());
    if (!store) return std::unexpected(store.error());
    torn_ = (*store)->torn_bytes();
    const auto page = (*store)->inbox("bob", 0, 100, 1'000'000);
    if (!page) return std::unexpected(page.error());
    return page->size();
  }

  TemporaryFolder folder_;
  std::uintmax_t size_ = 0;
  std::size_t torn_ = 0;
};

TEST_F(DamagedLog, C06_ATornLastRecordIsCutAndCounted) {
  std::filesystem::resize_file(log(), size_ - 4'120 - 100);
  EXPECT_EQ(count(), 9U);
  EXPECT_GT(torn_, 0U);
}

TEST_F(DamagedLog, AWholeLogLosesNothing) {
  EXPECT_EQ(count(), 10U);
  EXPECT_EQ(torn_, 0U);
  make(true);
  EXPECT_EQ(count(), 10U);
  EXPECT_EQ(torn_, 0U);
}

// After a crash of the process alone the mark is there, and nothing that was acknowledged is cut.
TEST_F(DamagedLog, R3_TheNewestTransactionIsToldFromATornWriteByTheMark) {
  make(true);
  std::filesystem::resize_file(log(), size_ - 4'120 - 100);
  const auto cut = count();
  ASSERT_FALSE(cut);
  EXPECT_EQ(cut.error().code, Errc::internal);
  for (const std::uintmax_t back : {std::uintmax_t{1}, std::uintmax_t{2'000}}) {
    make(true);
    flip(log(), static_cast<std::size_t>(size_ - back));
    const auto flipped = count();
    ASSERT_FALSE(flipped);
    EXPECT_EQ(flipped.error().code, Errc::internal);
  }
  for (const std::uintmax_t left : {std::uintmax_t{0}, std::uintmax_t{31}}) {
    make(true);
    std::filesystem::resize_file(log(), left);
    EXPECT_FALSE(count()) << "a log of " << left << " bytes";
  }
  make(true);
  std::filesystem::remove(log());
  EXPECT_FALSE(count()) << "no log at all";
}

// The limit of R3: a power cut may take the newest marks with it, and then damage in the newest
// transaction alone looks like a write that was never finished and never acknowledged.
TEST_F(DamagedLog, R3_WithoutAMarkDamageInTheNewestTransactionIsTakenForATornWrite) {
  flip(log(), static_cast<std::size_t>(size_ - 1));
  EXPECT_EQ(count(), 9U);
  EXPECT_GT(torn_, 0U);
}

TEST_F(DamagedLog, AnUnfinishedWriteBehindTheMarkIsStillCut) {
  make(true);
  std::ofstream(log(), std::ios::binary | std::ios::app) << std::string(3'000, 'x');
  EXPECT_EQ(count(), 10U);
  std::filesystem::remove(folder_.path() + "/station.db-synced");
  EXPECT_EQ(count(), 10U);
}

TEST_F(DamagedLog, C06_AFlippedBitInTheMiddleIsReportedAndNothingIsCut) {
  for (const double part : {0.2, 0.5, 0.7}) {
    SetUp();
    flip(log(), static_cast<std::size_t>(static_cast<double>(size_) * part));
    const auto found = count();
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::internal);
    EXPECT_EQ(std::filesystem::file_size(log()), size_);
  }
}

TEST_F(DamagedLog, C06_AFlippedBitInTheLogsHeaderIsReported) {
  for (std::size_t at = 0; at < 32; ++at) {
    SetUp();
    flip(log(), at);
    const auto found = count();
    // The salts are what tells this log's frames from an older one's: without them it can only be
    // an old log. Flipped there, the copy in every frame shows it.
    if (found) {
      EXPECT_EQ(found, 10U) << "byte " << at;
    } else {
      EXPECT_EQ(found.error().code, Errc::internal) << "byte " << at;
    }
  }
}

TEST(SqliteStore, C06_AFlippedBitAnywhereIsNeverWrongData) {
  const TemporaryFolder folder;
  {
    const auto store = opened(folder);
    for (int i = 1; i <= 9; ++i) {
      one(*store, message(i, "body " + std::to_string(i), {"bob", "carol"}));
      one(*store,
          PutDocument{"bob", "visa", std::to_string(i), i, "document " + std::to_string(i)});
      one(*store, PutName{"name" + std::to_string(i), "bob@x", 1});
    }
  }
  const std::string path = folder.path() + "/station.db";
  const std::string whole = slurp(path);
  std::mt19937 random(1);
  int told = 0;
  for (int round = 0; round < 300; ++round) {
    std::ofstream(path, std::ios::binary) << whole;
    flip(path, random() % whole.size());
    auto store = SqliteStore::open(folder.path());
    if (!store) {
      EXPECT_EQ(store.error().code, Errc::internal) << to_string(store.error());
      ++told;
      continue;
    }
    const auto page = (*store)->inbox("carol", 0, 100, 1'000'000);
    const auto documents = (*store)->documents("bob");
    const auto owner = (*store)->owner_of("name5");
    if (page) {
      EXPECT_THAT(*page, SizeIs(9));
    }
    if (documents) {
      EXPECT_THAT(*documents, SizeIs(9));
    }
    if (owner) {
      EXPECT_EQ(*owner, "bob@x");
    }
    if (!page || !documents || !owner) ++told;
    EXPECT_TRUE(!(*store)->verify()) << "verify reads every page";
  }
  EXPECT_GT(told, 30);
}

TEST(Record, RefusesEveryOtherByteAndEveryCut) {
  const StoredMessage stored = message(1, "content", {"bob"}).message;
  Bytes bytes;
  encode_record(7, stored, bytes);
  const auto back = decode_record(7, bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->content, "content");
  EXPECT_FALSE(decode_record(8, bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 0x10;
    EXPECT_FALSE(decode_record(7, other)) << i;
    EXPECT_FALSE(decode_record(7, ByteView(bytes).first(i))) << i;
  }
}

TEST(Cursors, ComeBackAsTheyWereAndRefuseACut) {
  const std::vector<Cursor> cursors = {1, 127, 128, 16'384, INT64_MAX, 0};
  Bytes bytes;
  encode_cursors(cursors, bytes);
  EXPECT_EQ(decode_cursors(bytes), cursors);
  bytes.back() |= 0x80;
  EXPECT_FALSE(decode_cursors(bytes));
  EXPECT_FALSE(decode_cursors(Bytes(11, 0xff)));
}

}  // namespace
}  // namespace dim
