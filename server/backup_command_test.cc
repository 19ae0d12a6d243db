// F81, N6: one file out of a station that works, and a station out of that file.
#include "server/backup_command.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <system_error>
#include <thread>

#include "dim/crypto/os_random.h"
#include "server/key_file.h"
#include "sqlite/folder_lock.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class Backup : public testing::Test {
 protected:
  Backup() : keys_(std::move(make_keys(kTestTime, random_).value())) {
    const auto saved = save_keys(data(), keys_, random_);
    EXPECT_TRUE(saved);
    std::ofstream(data() + "/dimd.toml") << "[log]\nlevel = \"warn\"\n";
    open();
  }
  std::string data() const { return folder_.path() + "/station"; }
  std::string file() const { return folder_.path() + "/backup"; }
  std::string fresh() const { return folder_.path() + "/restored"; }

  void open() {
    auto store = SqliteStore::open(data());
    ASSERT_TRUE(store) << to_string(store.error());
    store_ = std::move(*store);
  }
  static void commit(Store& store, Write write) {
    const auto written = store.commit(std::span(&write, 1));
    ASSERT_TRUE(written) << to_string(written.error());
  }
  void upload(int number, const std::string& bytes) {
    const Digest32 digest = sha256(as_bytes(bytes));
    commit(*store_, OpenMedia{.guid = guid(number),
                              .owner = "alice",
                              .size = static_cast<std::int64_t>(bytes.size()),
                              .digest = digest,
                              .time = kTestTime});
    commit(
        *store_,
        PutPiece{
            .guid = guid(number), .owner = "alice", .first = 0, .bytes = bytes, .time = kTestTime});
    commit(*store_,
           CheckMedia{.guid = guid(number), .owner = "alice", .digest = digest, .time = kTestTime});
  }
  static mode_t mode_of(const std::string& path) {
    struct stat state{};
    EXPECT_EQ(::stat(path.c_str(), &state), 0) << path;
    return state.st_mode & 07777U;
  }
  static std::string slurp(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool is_empty(const std::string& folder) { return !fs::exists(folder) || fs::is_empty(folder); }

  OsRandom random_;
  TemporaryFolder folder_;
  struct Made {
    explicit Made(const std::string& path) { fs::create_directory(path); }
  } made_{data()};
  StationKeys keys_;
  std::unique_ptr<SqliteStore> store_;
};

TEST_F(Backup, F81_N6_OutOfAStationThatWorksComesOneLikeIt) {
  commit(*store_, message(1, "for bob", {"bob"}));
  commit(*store_, PutPost{.post = {.guid = guid(2),
                                   .channel = guid(100),
                                   .time = kTestTime,
                                   .author = "alice",
                                   .content = "in a channel"}});
  upload(3, std::string(100'000, 'm'));
  const auto made = make_backup(data(), file());
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2)
      << "the station and the backup, and nothing else";
  EXPECT_TRUE(made->damaged.empty());
  EXPECT_EQ(made->gone, 0);
  const std::string said = backup_text(*made, file(), false);
  for (const char* part : {"station.keys", "station.db-keys1", "dimd.toml", "1 files of users"})
    EXPECT_THAT(said, HasSubstr(part));
  EXPECT_THAT(backup_text(*made, file(), true), HasSubstr("\"media\":1"));

  const auto verified = verify_backup(file());
  ASSERT_TRUE(verified) << verified.error().text;
  const auto restored = restore_backup(file(), fresh());
  ASSERT_TRUE(restored) << restored.error().text;
  for (const char* name : {"station.keys", "station.db", "station.db-keys1", "media/1"})
    EXPECT_EQ(mode_of(fresh() + "/" + name), 0600U) << name;
  EXPECT_EQ(mode_of(fresh()), 0700U);
  EXPECT_EQ(mode_of(fresh() + "/media"), 0700U);
  EXPECT_EQ(slurp(fresh() + "/station.keys"), slurp(data() + "/station.keys"));
  EXPECT_EQ(slurp(fresh() + "/dimd.toml"), slurp(data() + "/dimd.toml"));
  for (const auto& one : fs::directory_iterator(fresh()))
    EXPECT_FALSE(one.path().filename().string().starts_with("restore")) << one.path();
  auto copy = SqliteStore::open(fresh());
  ASSERT_TRUE(copy) << to_string(copy.error());
  EXPECT_EQ((*copy)->inbox("bob", 0, 10, 10'000)->at(0).content, "for bob");
  EXPECT_EQ((*(*copy)->post(guid(2)))->content, "in a channel");
  const auto media = (*copy)->media(guid(3));
  EXPECT_EQ(*(*copy)->media_bytes(**media, 99'990, 10), "mmmmmmmmmm");
}

TEST_F(Backup, F81_OfAStoppedStationTooAndReplacesTheOneOfBefore) {
  upload(3, "bytes");
  store_.reset();
  const auto names = [&] {
    std::set<std::string> out;
    for (const auto& one : fs::directory_iterator(data())) out.insert(one.path().filename());
    return out;
  };
  const auto before = names();
  std::ofstream(file()) << "the one of before";
  ASSERT_TRUE(make_backup(data(), file()));
  EXPECT_TRUE(verify_backup(file()));
  EXPECT_EQ(mode_of(file()), 0600U);
  EXPECT_EQ(names(), before) << "nothing is left behind";
  open();  // its lock is free again
}

TEST_F(Backup, F81_NothingIsRestoredOverAnythingNorOutOfADamagedFile) {
  commit(*store_, message(1, "for bob", {"bob"}));
  ASSERT_TRUE(make_backup(data(), file()));
  const std::string before = slurp(data() + "/station.keys");
  const auto over = restore_backup(file(), data());
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code, Exit::usage);
  EXPECT_THAT(over.error().text, HasSubstr("not empty"));
  EXPECT_EQ(slurp(data() + "/station.keys"), before);

  const std::string right = slurp(file());
  for (const std::size_t at : {std::size_t{3}, right.size() / 2, right.size() - 1}) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 0x10);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << wrong;
    EXPECT_FALSE(verify_backup(file())) << at;
    EXPECT_FALSE(restore_backup(file(), fresh())) << at;
    EXPECT_TRUE(is_empty(fresh())) << at;
  }
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << right.substr(0, right.size() - 10);
  EXPECT_THAT(restore_backup(file(), fresh()).error().text, HasSubstr("ends too early"));
  EXPECT_TRUE(is_empty(fresh()));
  EXPECT_THAT(restore_backup("/dev/null", fresh()).error().text, HasSubstr("into a file first"));
  EXPECT_EQ(restore_backup(folder_.path() + "/none", fresh()).error().code, Exit::usage);
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << right;
  EXPECT_TRUE(restore_backup(file(), fresh())) << "and then it goes";
}

TEST_F(Backup, F81_AStoreThatDoesNotOpenIsNotRestoredThoughItsChecksumsAreRight) {
  commit(*store_, PutPost{.post = {.guid = guid(2),
                                   .channel = guid(100),
                                   .time = kTestTime,
                                   .author = "alice",
                                   .content = "in a channel"}});
  ASSERT_TRUE(make_backup(data(), file()));
  // The same without the keys of messages.
  std::string out, name;
  BackupWriter writer([&](ByteView bytes) -> Status {
    out += as_text(bytes);
    return {};
  });
  std::ifstream in(file(), std::ios::binary);
  BackupReader reader([&](std::span<std::uint8_t> to) -> Result<std::size_t> {
    in.read(reinterpret_cast<char*>(to.data()), static_cast<std::streamsize>(to.size()));
    return static_cast<std::size_t>(in.gcount());
  });
  BackupReader::Visitor visitor;
  const auto kept = [&] { return !name.starts_with("station.db-keys"); };
  visitor.begin = [&](const BackupEntry& entry) {
    name = entry.name;
    return kept() ? writer.begin(entry) : Status();
  };
  visitor.bytes = [&](ByteView bytes) { return kept() ? writer.add(bytes) : Status(); };
  visitor.end = [&] { return kept() ? writer.end() : Status(); };
  ASSERT_TRUE(reader.read(visitor));
  ASSERT_TRUE(writer.finish());
  std::ofstream(file(), std::ios::binary | std::ios::trunc) << out;
  EXPECT_TRUE(verify_backup(file()));
  EXPECT_FALSE(restore_backup(file(), fresh()));
  EXPECT_TRUE(is_empty(fresh()));
}

TEST_F(Backup, F81_ADamagedFileOfAUserIsToldAndCostsNobodyTheRest) {
  upload(3, "the bytes");
  upload(4, "other bytes");
  std::ofstream(data() + "/media/1", std::ios::binary | std::ios::trunc) << "THE BYTES";
  const auto made = make_backup(data(), file());
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_THAT(made->damaged, testing::ElementsAre("media/1"));
  EXPECT_THAT(backup_text(*made, file(), false), HasSubstr("damaged at the station already"));
  EXPECT_TRUE(restore_backup(file(), fresh()));
}

/// A file that is read for as long as one likes: the database was copied before.
TEST_F(Backup, F81_R20_N1_WhatIsDestroyedWhileItIsMadeIsNotInIt) {
  const auto post = [&](int number, const std::string& text) {
    commit(*store_, PutPost{.post = {.guid = guid(number),
                                     .channel = guid(100),
                                     .time = kTestTime,
                                     .author = "alice",
                                     .content = text}});
  };
  post(1, "the canary");
  post(2, "roses");
  const std::string first(100'000, 'm');
  upload(3, first);
  upload(4, "a pipe in its place");
  const std::string pipe = data() + "/media/2";
  ASSERT_TRUE(fs::remove(pipe));
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::atomic<bool> over = false;
  std::thread station([&] {
    // The backup has read the first file, and stands before the pipe.
    for (bool there = false; !there && !over; std::this_thread::yield()) {
      std::error_code error;
      for (const auto& one : fs::directory_iterator(folder_.path(), error)) {
        const auto size = fs::file_size(one.path() / "backup", error);
        there = there || (!error && size >= first.size());
      }
    }
    commit(*store_,
           ChangePost{.guid = guid(1), .act = PostAct::destroy, .text = {}, .time = kTestTime});
    upload(5, "meanwhile");
    const int fd = ::open(pipe.c_str(), O_WRONLY | O_CLOEXEC | (over ? O_NONBLOCK : 0));
    EXPECT_GE(fd, 0);
    ::close(fd);
  });
  const auto made = make_backup(data(), file());
  over = true;
  station.join();
  ASSERT_TRUE(made) << made.error().text;
  const auto restored = restore_backup(file(), fresh());
  ASSERT_TRUE(restored) << restored.error().text;
  auto copy = SqliteStore::open(fresh());
  ASSERT_TRUE(copy) << to_string(copy.error());
  EXPECT_EQ((*(*copy)->post(guid(1)))->state, PostState::destroyed);
  EXPECT_EQ((*(*copy)->post(guid(1)))->content, "");
  EXPECT_EQ((*(*copy)->post(guid(2)))->content, "roses");
  EXPECT_EQ((*(*copy)->media(guid(5)))->state, MediaState::complete) << "its file is there too";
  EXPECT_EQ(slurp(fresh() + "/media/3"), "meanwhile");
}

TEST_F(Backup, F81_R3_ADamagedPageThatNothingUsesIsToldAndStopsNothing) {
  for (int i = 1; i <= 200; ++i) {
    commit(*store_, PutPost{.post = {.guid = guid(i),
                                     .channel = guid(1'000),
                                     .time = kTestTime,
                                     .author = "alice",
                                     .content = "text " + std::string(2'000, 'x')}});
  }
  commit(*store_, DropChannel{.channel = guid(1'000)});
  for (auto more = store_->tidy(kTestTime, true); more && *more;)
    more = store_->tidy(kTestTime, true);
  commit(*store_, message(500, "for bob", {"bob"}));
  ASSERT_TRUE(store_->close());
  store_.reset();
  const std::string path = data() + "/station.db";
  std::string all = slurp(path);
  const auto number = [&](std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<std::uint8_t>(all.at(at + i));
    return out;
  };
  constexpr std::size_t kPage = 4'096;
  const std::size_t trunk = number(32);  // SQLite's list of free pages; file format 1.5
  ASSERT_GT(trunk, 0U);
  ASSERT_GT(number((trunk - 1) * kPage + 4), 0U);
  const std::size_t free = number((trunk - 1) * kPage + 8);
  all[(free - 1) * kPage + 100] ^= 1;
  std::ofstream(path, std::ios::binary) << all;
  const auto made = make_backup(data(), file());
  ASSERT_TRUE(made) << made.error().text;
  EXPECT_THAT(made->damaged, testing::ElementsAre(HasSubstr("station.db")));
  const auto restored = restore_backup(file(), fresh());
  ASSERT_TRUE(restored) << restored.error().text;
  auto copy = SqliteStore::open(fresh());
  ASSERT_TRUE(copy) << to_string(copy.error());
  EXPECT_EQ((*copy)->inbox("bob", 0, 10, 10'000)->at(0).content, "for bob");
  EXPECT_EQ(*(*copy)->verify(), 0U);
  // The same in a page that something uses is the end of it.
  const std::size_t at = all.find("for bob");
  ASSERT_NE(at, std::string::npos);
  all[at] ^= 1;
  std::ofstream(path, std::ios::binary) << all;
  EXPECT_FALSE(make_backup(data(), file()));
}

TEST_F(Backup, F81_WhatAKilledBackupHasLeftGoesWithTheNext) {
  const auto folder = [&](const std::string& name, const std::string& file) {
    const std::string path = folder_.path() + "/" + name;
    fs::create_directory(path);
    fs::permissions(path, fs::perms::owner_all);
    std::ofstream(path + "/" + file) << "keys";
    return path;
  };
  const std::string killed = folder("backup.part-Ab3xyz", "station.db-keys1");
  const std::string earlier = folder("yesterday.part-000000", "backup");
  const std::string another = folder("photos.part-abcdef", "holiday.jpg");
  const std::string open = folder("open.part-abcdef", "backup");
  fs::permissions(open, fs::perms::others_read, fs::perm_options::add);
  const std::string works = folder("other.part-abcdef", "backup");
  const int held = ::open(works.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(held, LOCK_EX), 0);
  ASSERT_TRUE(make_backup(data(), file()));
  EXPECT_FALSE(fs::exists(killed));
  EXPECT_FALSE(fs::exists(earlier)) << "each day has another name";
  for (const std::string& path : {another, open, works}) EXPECT_TRUE(fs::exists(path)) << path;
  ::close(held);
  ASSERT_TRUE(make_backup(data(), file()));
  EXPECT_FALSE(fs::exists(works));
}

TEST_F(Backup, F81_AHalfRestoreIsToldFromAStation) {
  ASSERT_TRUE(make_backup(data(), file()));
  fs::create_directories(fresh() + "/restore.part-abcdef");
  std::ofstream(fresh() + "/station.lock");
  const auto again = restore_backup(file(), fresh());
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().text, HasSubstr("not ended"));
  EXPECT_THAT(again.error().text, HasSubstr("restore.part-abcdef"));
}

TEST_F(Backup, F81_WhereNoBackupCanBeIsSaid) {
  EXPECT_EQ(make_backup(folder_.path() + "/nowhere", file()).error().code, Exit::usage);
  EXPECT_FALSE(fs::exists(folder_.path() + "/nowhere"));
  EXPECT_EQ(make_backup(data(), data()).error().code, Exit::usage);
  EXPECT_EQ(make_backup(data(), data() + "/backup").error().code, Exit::usage);
  EXPECT_EQ(make_backup(data(), folder_.path() + "/none/backup").error().code, Exit::not_writable);
}

}  // namespace
}  // namespace dim
