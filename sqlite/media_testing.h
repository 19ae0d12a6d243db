// What the tests of media share; included by tests only.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "dim/crypto/digest.h"
#include "dim/store/memory_store.h"
#include "sqlite/sqlite_store.h"
#include "sqlite/store_testing.h"

namespace dim {

inline constexpr std::int64_t kBlock = limits::kMediaBlock;

struct InMemory {
  explicit InMemory(const MediaLimits& limits) : memory(std::make_unique<MemoryStore>()) {
    memory->set_media_limits(limits);
  }
  void reopen() {}
  Store& store() { return *memory; }
  std::size_t blobs() const { return memory->blobs(); }
  std::unique_ptr<MemoryStore> memory;
};

struct OnDisk {
  explicit OnDisk(const MediaLimits& limits) {
    options.media = limits;
    reopen();
  }
  void reopen() {
    opened.reset();
    auto again = SqliteStore::open(folder.path(), options);
    ASSERT_TRUE(again) << to_string(again.error());
    opened = std::move(*again);
  }
  Store& store() { return *opened; }
  std::size_t blobs() const {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(folder.path() + "/media"),
                      std::filesystem::directory_iterator()));
  }
  TemporaryFolder folder;
  SqliteOptions options;
  std::unique_ptr<SqliteStore> opened;
};

inline std::string some_bytes(std::size_t size, char salt = 'a') {
  std::string out(size, salt);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<char>(out[i] + static_cast<int>(i / 977 % 26));
  return out;
}

/// A store with media; `Backend` is InMemory or OnDisk.
template <class Backend>
class MediaTest : public testing::Test {
 protected:
  Store& store() { return backend_.store(); }
  Written one(Write write) {
    auto out = store().commit(std::span(&write, 1));
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? out->at(0) : Written{Accepted::stored, {}, Error{Errc::io, "no commit"}};
  }
  Errc refused(Write write) {
    const auto out = one(std::move(write));
    return out.refused ? out.refused->code : Errc::usage;
  }
  static OpenMedia open(int number, const std::string& owner, std::int64_t size) {
    return {.guid = guid(number), .owner = owner, .size = size, .time = kTestTime};
  }
  static PutPiece piece(int number, const std::string& owner, const std::string& all,
                        std::size_t from, std::size_t size) {
    return {guid(number), owner, static_cast<std::int64_t>(from), all.substr(from, size),
            kTestTime};
  }
  StoredMedia media(int number) {
    auto found = store().media(guid(number));
    EXPECT_TRUE(found && *found);
    return found && *found ? **found : StoredMedia{};
  }
  /// CheckMedia until there is an outcome.
  Written check(int number, const std::string& bytes) {
    for (;;) {
      auto out =
          one(CheckMedia{guid(number), media(number).owner, sha256(as_bytes(bytes)), kTestTime});
      const auto now = store().media(guid(number));
      if (out.refused || !now || !*now || (*now)->state == MediaState::complete) return out;
    }
  }
  void upload(int number, const std::string& owner, const std::string& bytes) {
    ASSERT_FALSE(one(open(number, owner, static_cast<std::int64_t>(bytes.size()))).refused);
    if (!bytes.empty()) {
      ASSERT_FALSE(one(piece(number, owner, bytes, 0, bytes.size())).refused);
    }
    ASSERT_FALSE(check(number, bytes).refused);
  }
  std::string read(int number, std::int64_t first, std::size_t size) {
    auto out = store().media_bytes(media(number), first, size);
    EXPECT_TRUE(out) << to_string(out.error());
    return out ? *out : "";
  }
  void clean(Millis now = kTestTime) {
    for (;;) {
      const auto more = store().tidy(now, true);
      ASSERT_TRUE(more) << to_string(more.error());
      if (!*more) return;
    }
  }

  Backend backend_{MediaLimits{.object_bytes = 40 * kBlock,
                               .user_bytes = 100 * kBlock,
                               .uploads = 3,
                               .upload_ms = 1'000,
                               .keep_ms = 100'000}};
};

using MediaBackends = testing::Types<InMemory, OnDisk>;

}  // namespace dim
