#include "sqlite/blob_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <functional>

#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {
namespace {

using testing::UnorderedElementsAre;

Bytes read(const BlobDisk& disk, std::int64_t id, std::int64_t offset, std::size_t size) {
  Bytes out(size);
  EXPECT_TRUE(disk.read(id, offset, out));
  return out;
}

TEST(BlobFolder, WritesAnywhereReadsAnywhereRemoves) {
  const TemporaryFolder folder;
  auto disk = BlobFolder::open(folder.path() + "/media").value();
  ASSERT_TRUE(disk->write(7, 100'000, as_bytes("later")));
  ASSERT_TRUE(disk->write(7, 0, as_bytes("first")));
  ASSERT_TRUE(disk->write(12, 0, as_bytes("x")));
  ASSERT_TRUE(disk->sync());
  EXPECT_EQ(to_text(read(*disk, 7, 100'000, 5)), "later");
  EXPECT_EQ(read(*disk, 7, 50'000, 2), Bytes(2, 0));
  Bytes out(6);
  EXPECT_EQ(disk->read(7, 100'000, out).error().code, Errc::internal) << "beyond its end";
  EXPECT_EQ(disk->read(8, 0, out).error().code, Errc::not_found);
  EXPECT_THAT(disk->list().value(), UnorderedElementsAre(7, 12));
  struct stat info{};
  ASSERT_EQ(::stat((folder.path() + "/media/7").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  ASSERT_TRUE(disk->remove(7));
  ASSERT_TRUE(disk->remove(7));
  EXPECT_EQ(disk->read(7, 0, out).error().code, Errc::not_found);
  ASSERT_TRUE(disk->write(7, 0, as_bytes("again")));
  EXPECT_EQ(to_text(read(*disk, 7, 0, 5)), "again");
}

TEST(BlobFolder, R2_NamesThatAKilledProcessHasMadeAreSyncedToo) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/media";
  ASSERT_TRUE(BlobFolder::open(path).value()->write(7, 0, as_bytes("first")));  // and no sync
  auto disk = BlobFolder::open(path).value();
  ASSERT_TRUE(disk->write(7, 5, as_bytes("second")));
  // A folder that is not in its place any more cannot be synced: so it is seen who tries.
  std::filesystem::rename(path, path + "-elsewhere");
  EXPECT_FALSE(disk->sync());
  std::filesystem::rename(path + "-elsewhere", path);
  EXPECT_TRUE(disk->sync());
  ASSERT_TRUE(disk->write(7, 11, as_bytes("third")));
  std::filesystem::rename(path, path + "-elsewhere");
  EXPECT_TRUE(disk->sync()) << "nothing was named since";
}

TEST(BlobFolder, ManyFilesAtOnceNeedFewOpenOnes) {
  const TemporaryFolder folder;
  auto disk = BlobFolder::open(folder.path() + "/media").value();
  for (int round = 0; round < 2; ++round) {
    for (std::int64_t id = 1; id <= 100; ++id)
      ASSERT_TRUE(disk->write(id, round, as_bytes(round == 0 ? "a" : "b")));
  }
  ASSERT_TRUE(disk->sync());
  for (std::int64_t id = 1; id <= 100; ++id) EXPECT_EQ(to_text(read(*disk, id, 0, 2)), "ab");
  EXPECT_EQ(disk->list()->size(), 100U);
}

/// Loses or fails what it is told to.
class FaultyDisk final : public BlobDisk {
 public:
  Status write(std::int64_t id, std::int64_t offset, ByteView bytes) override {
    if (busy) return fail(Errc::unavailable, "too many files");
    if (full) return fail(Errc::insufficient_storage, "full");
    Bytes& file = files[id];
    const auto at = static_cast<std::size_t>(offset);
    if (file.size() < at + bytes.size()) file.resize(at + bytes.size());
    std::ranges::copy(bytes, file.begin() + offset);
    ++unsynced;
    return {};
  }
  Status sync() override {
    if (broken) return fail(Errc::io, "broken");
    if (on_sync) on_sync();
    unsynced = 0;
    return {};
  }
  Status read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const override {
    const auto found = files.find(id);
    if (busy) return fail(Errc::unavailable, "too many files");
    if (unreadable) return fail(Errc::io, "a bad sector");
    if (found == files.end()) return fail(Errc::not_found, "none");
    if (found->second.size() < static_cast<std::size_t>(offset) + out.size())
      return fail(Errc::internal, "short");
    read_bytes += out.size();
    std::copy_n(found->second.begin() + offset, out.size(), out.begin());
    return {};
  }
  Status remove(std::int64_t id) override {
    files.erase(id);
    return {};
  }
  Result<std::vector<std::int64_t>> list() const override {
    std::vector<std::int64_t> out;
    for (const auto& [id, file] : files) out.push_back(id);
    return out;
  }
  std::map<std::int64_t, Bytes> files;
  int unsynced = 0;
  bool full = false, broken = false, busy = false, unreadable = false;
  std::function<void()> on_sync;
  mutable std::size_t read_bytes = 0;
};

struct Stored {
  explicit Stored(FaultyDisk& disk) {
    options.blobs = &disk;
    open();
  }
  void open() {
    store.reset();
    auto opened = SqliteStore::open(folder.path(), options);
    ASSERT_TRUE(opened) << to_string(opened.error());
    store = std::move(*opened);
  }
  Result<std::vector<Written>> commit(Write write) { return store->commit(std::span(&write, 1)); }
  /// What the store has refused, and only that: a failure of the commit is one of the test.
  std::optional<Errc> refusal(Write write) {
    const auto out = commit(std::move(write));
    EXPECT_TRUE(out) << to_string(out.error());
    return out && out->front().refused ? std::optional(out->front().refused->code) : std::nullopt;
  }
  MediaState state(int number) { return store->media(guid(number)).value()->state; }
  TemporaryFolder folder;
  SqliteOptions options;
  std::unique_ptr<SqliteStore> store;
};

const OpenMedia kOpen{.guid = guid(1), .owner = "alice", .size = 5, .time = kTestTime};
const PutPiece kPiece{guid(1), "alice", 0, "bytes", kTestTime};
const CheckMedia kCheck{guid(1), "alice", sha256(as_bytes("bytes")), kTestTime};

TEST(MediaOnDisk, R2_NothingIsAcknowledgedBeforeItsBytesAreSynced) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  int synced = 0;
  disk.on_sync = [&] {
    ++synced;
    EXPECT_EQ(disk.unsynced, 1);
    EXPECT_FALSE(stored.store->media(guid(1)).value()->whole())
        << "who reads now must not be told of bytes that may be lost";
  };
  ASSERT_TRUE(stored.commit(kPiece));
  EXPECT_EQ(synced, 1);
  EXPECT_EQ(disk.unsynced, 0);
  EXPECT_TRUE(stored.store->media(guid(1)).value()->whole());
}

TEST(MediaOnDisk, R14_AFileThatIsLostOrUnreadableConcernsNobodyElse) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(kPiece));
  disk.unreadable = true;
  EXPECT_EQ(stored.refusal(kPiece), Errc::internal) << "it cannot be compared";
  stored.open();  // what was hashed on the way is forgotten
  EXPECT_EQ(stored.refusal(kCheck), Errc::internal);
  EXPECT_EQ(stored.state(1), MediaState::open);
  disk.unreadable = false;
  EXPECT_EQ(stored.refusal(kCheck), std::nullopt) << "the disk has come to itself";
  EXPECT_EQ(stored.state(1), MediaState::complete);
  disk.files.at(1).resize(3);
  EXPECT_EQ(stored.refusal(kPiece), Errc::internal) << "short";
  disk.files.clear();
  EXPECT_EQ(stored.refusal(kPiece), Errc::internal) << "missing";
  ASSERT_TRUE(stored.commit(PutName{"carol", "carol@id", kTestTime})) << "the store goes on";
}

TEST(MediaOnDisk, R14_AnUploadWhoseBytesWereLostBeginsAnew) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(kPiece));
  disk.files.clear();
  stored.open();
  EXPECT_EQ(stored.refusal(kCheck), Errc::internal);
  EXPECT_FALSE(stored.store->media(guid(1)).value());
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(kPiece));
  EXPECT_EQ(stored.refusal(kCheck), std::nullopt);
  EXPECT_EQ(stored.state(1), MediaState::complete);
}

TEST(MediaOnDisk, R14_TooManyOpenFilesRefuseThePieceAndTheNextTryGoesThrough) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  disk.busy = true;
  EXPECT_EQ(stored.refusal(kPiece), Errc::unavailable);
  EXPECT_FALSE(stored.store->media(guid(1)).value()->whole());
  disk.busy = false;
  EXPECT_EQ(stored.refusal(kPiece), std::nullopt);
  disk.busy = true;
  EXPECT_EQ(stored.refusal(kPiece), Errc::unavailable) << "nor can it be compared now";
  disk.busy = false;
  EXPECT_EQ(stored.refusal(kCheck), std::nullopt);
  EXPECT_EQ(stored.state(1), MediaState::complete);
}

TEST(MediaOnDisk, OneTransactionReadsSixteenMebibytesForAllDigestsTogether) {
  constexpr std::int64_t kSize = 10 << 20;
  FaultyDisk disk;
  Stored stored(disk);
  const std::string bytes(kSize, 'x');
  std::vector<Write> checks;
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(stored.commit(
        OpenMedia{.guid = guid(i), .owner = "alice", .size = kSize, .time = kTestTime}));
    ASSERT_TRUE(stored.commit(PutPiece{guid(i), "alice", 0, bytes, kTestTime}));
    checks.emplace_back(CheckMedia{guid(i), "alice", sha256(as_bytes(bytes)), kTestTime});
  }
  stored.open();
  int rounds = 0;
  for (int complete = 0; complete < 3; ++rounds) {
    ASSERT_LT(rounds, 10);
    disk.read_bytes = 0;
    ASSERT_TRUE(stored.store->commit(checks));
    EXPECT_LE(disk.read_bytes, std::size_t{16} << 20);
    complete = 0;
    for (int i = 1; i <= 3; ++i) complete += stored.state(i) == MediaState::complete ? 1 : 0;
  }
  EXPECT_EQ(rounds, 2);
}

TEST(MediaOnDisk, N14_AFreshCopyReplacesADamagedOne) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(kPiece));
  ASSERT_EQ(stored.refusal(kCheck), std::nullopt);
  OpenMedia passed_on{.guid = guid(2), .owner = "carol", .size = 5, .time = kTestTime};
  passed_on.digest = kCheck.digest;
  ASSERT_TRUE(stored.commit(passed_on));
  disk.files.at(1) = to_bytes("spoil");
  ASSERT_TRUE(
      stored.commit(OpenMedia{.guid = guid(3), .owner = "bob", .size = 5, .time = kTestTime}));
  ASSERT_TRUE(stored.commit(PutPiece{guid(3), "bob", 0, "bytes", kTestTime}));
  ASSERT_EQ(stored.refusal(CheckMedia{guid(3), "bob", kCheck.digest, kTestTime}), std::nullopt);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stored.store->tidy(kTestTime, true));
  EXPECT_EQ(disk.files.size(), 1U) << "kept once";
  const std::string owners[] = {"alice", "carol", "bob"};
  for (int i = 1; i <= 3; ++i) {
    const auto media = stored.store->media(guid(i)).value().value();
    EXPECT_EQ(stored.store->media_bytes(media, 0, 5).value_or("none"), "bytes") << i;
    const auto& owner = owners[static_cast<std::size_t>(i - 1)];
    ASSERT_TRUE(stored.commit(DropMedia{guid(i), owner, MediaState::deleted, kTestTime}));
    for (int j = 0; j < 10; ++j) ASSERT_TRUE(stored.store->tidy(kTestTime, true));
    EXPECT_EQ(disk.files.size(), i < 3 ? 1U : 0U) << "all three refer to it";
  }
}

TEST(MediaOnDisk, ADatabaseThatKnowsNoneOfManyFilesLeavesThemAlone) {
  const TemporaryFolder folder;
  FaultyDisk disk;
  for (int i = 1; i <= 33; ++i) disk.files[i] = Bytes(10, 1);
  SqliteOptions options;
  options.blobs = &disk;
  const auto opened = SqliteStore::open(folder.path(), options);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::conflict);
  EXPECT_EQ(disk.files.size(), 33U);
  disk.files.erase(33);
  EXPECT_TRUE(SqliteStore::open(folder.path(), options)) << "so many a crash may leave";
  EXPECT_TRUE(disk.files.empty());
}

TEST(MediaOnDisk, R3_AFailedSyncStopsTheStoreAndThePieceIsNotThere) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  disk.broken = true;
  const auto failed = stored.commit(PutPiece{guid(1), "alice", 0, "bytes", kTestTime});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::io);
  EXPECT_FALSE(stored.commit(kOpen)) << "nothing can be believed any more";
  disk.broken = false;
  stored.open();
  EXPECT_FALSE(stored.store->media(guid(1)).value()->whole());
}

TEST(MediaOnDisk, R14_AFullDiskRefusesThePieceAndTheNextTryGoesThrough) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  disk.full = true;
  const auto full = stored.commit(PutPiece{guid(1), "alice", 0, "bytes", kTestTime});
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, Errc::insufficient_storage);
  disk.full = false;
  ASSERT_TRUE(stored.commit(PutPiece{guid(1), "alice", 0, "other", kTestTime}));
  const auto done =
      stored.commit(CheckMedia{guid(1), "alice", sha256(as_bytes("other")), kTestTime});
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->front().refused) << "what was not stored is not in the hash either";
  EXPECT_EQ(stored.store->media(guid(1)).value()->state, MediaState::complete);
}

TEST(MediaOnDisk, FilesThatNothingTellsOfAreRemovedAtTheStart) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(PutPiece{guid(1), "alice", 0, "bytes", kTestTime}));
  ASSERT_EQ(disk.files.size(), 1U);
  disk.files[999] = Bytes(100, 1);
  stored.open();
  EXPECT_EQ(disk.files.size(), 1U);
  EXPECT_FALSE(disk.files.contains(999));
}

TEST(MediaOnDisk, AFileOutlivesACrashBetweenItsRemovalAndItsRow) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(PutPiece{guid(1), "alice", 0, "bytes", kTestTime}));
  ASSERT_TRUE(stored.commit(kCheck));
  ASSERT_TRUE(stored.commit(DropMedia{guid(1), "alice", MediaState::deleted, kTestTime}));
  EXPECT_EQ(disk.files.size(), 1U) << "only after the transaction is durable";
  disk.files.clear();  // the removal was done, the row not
  stored.open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(stored.store->tidy(kTestTime, true));
  ASSERT_TRUE(
      stored.commit(OpenMedia{.guid = guid(2), .owner = "alice", .size = 5, .time = kTestTime}));
  ASSERT_TRUE(stored.commit(PutPiece{guid(2), "alice", 0, "fresh", kTestTime}));
  EXPECT_EQ(disk.files.size(), 1U);
  EXPECT_FALSE(disk.files.contains(1)) << "a number is never used again";
}

}  // namespace
}  // namespace dim
