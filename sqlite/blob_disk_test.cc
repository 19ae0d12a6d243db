#include "sqlite/blob_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

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
    unsynced = 0;
    return {};
  }
  Status read(std::int64_t id, std::int64_t offset, std::span<std::uint8_t> out) const override {
    const auto found = files.find(id);
    if (found == files.end()) return fail(Errc::not_found, "none");
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
  bool full = false, broken = false;
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
  TemporaryFolder folder;
  SqliteOptions options;
  std::unique_ptr<SqliteStore> store;
};

const OpenMedia kOpen{.guid = guid(1), .owner = "alice", .size = 5, .time = kTestTime};

TEST(MediaOnDisk, R2_NothingIsAcknowledgedBeforeItsBytesAreSynced) {
  FaultyDisk disk;
  Stored stored(disk);
  ASSERT_TRUE(stored.commit(kOpen));
  ASSERT_TRUE(stored.commit(PutPiece{guid(1), "alice", 0, "bytes", kTestTime}));
  EXPECT_EQ(disk.unsynced, 0);
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
  const auto done = stored.commit(CheckMedia{guid(1), sha256(as_bytes("other")), kTestTime});
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
