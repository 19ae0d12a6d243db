#include "server/backup_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dim/base/json.h"

namespace dim {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string packed(const Files& files) {
  std::string out;
  BackupWriter writer([&](ByteView bytes) -> Status {
    out += as_text(bytes);
    return {};
  });
  for (const auto& [name, bytes] : files) {
    EXPECT_TRUE(writer.begin({name, static_cast<std::int64_t>(bytes.size())}));
    for (std::size_t at = 0; at < bytes.size(); at += 1'000)
      EXPECT_TRUE(writer.add(as_bytes(std::string_view(bytes).substr(at, 1'000))));
    EXPECT_TRUE(writer.end());
  }
  EXPECT_TRUE(writer.finish());
  return out;
}

struct Outcome {
  Result<std::vector<BackupEntry>> entries;
  Files files;
  std::string where;
};

Outcome unpacked(std::string_view text, std::size_t step = 7'000) {
  Outcome out{.entries = std::vector<BackupEntry>(), .files = {}, .where = {}};
  BackupReader reader([&](std::span<std::uint8_t> to) -> Result<std::size_t> {
    const std::size_t size = std::min({step, to.size(), text.size()});
    std::ranges::copy(text.substr(0, size), to.begin());
    text.remove_prefix(size);
    return size;
  });
  BackupReader::Visitor visitor;
  visitor.begin = [&](const BackupEntry& entry) -> Status {
    out.files.emplace_back(entry.name, "");
    return {};
  };
  visitor.bytes = [&](ByteView bytes) -> Status {
    out.files.back().second += as_text(bytes);
    return {};
  };
  out.entries = reader.read(visitor);
  out.where = reader.where();
  return out;
}

const Files kFiles{{"media/7", std::string(300'000, 'm')},
                   {"media/12", ""},
                   {"station.db-keys1", "keys"},
                   {"station.db", "SQLite"},
                   {"station.keys", "{}"}};

TEST(BackupFile, F81_WhatWasPutInComesOutInItsOrderHoweverItIsRead) {
  const std::string text = packed(kFiles);
  for (const std::size_t step : {std::size_t{1}, std::size_t{13}, text.size()}) {
    const Outcome out = unpacked(text, step);
    ASSERT_TRUE(out.entries) << to_string(out.entries.error());
    EXPECT_EQ(out.files, kFiles);
    ASSERT_EQ(out.entries->size(), kFiles.size());
    EXPECT_EQ((*out.entries)[0].name, "media/7");
    EXPECT_EQ((*out.entries)[0].size, 300'000);
  }
  EXPECT_TRUE(unpacked(packed({})).entries->empty());
}

TEST(BackupFile, F81_EachBitThatFlipsAndEachCutIsFound) {
  const std::string right = packed({{"media/7", "some bytes"}, {"station.keys", "{}"}});
  for (std::size_t at = 0; at < right.size(); ++at) {
    std::string wrong = right;
    wrong[at] = static_cast<char>(wrong[at] ^ 1);
    EXPECT_FALSE(unpacked(wrong).entries) << "bit at " << at;
    EXPECT_FALSE(unpacked(right.substr(0, at)).entries) << "cut at " << at;
  }
  EXPECT_FALSE(unpacked(right + "x").entries);
  EXPECT_EQ(unpacked("SQLite format 3").entries.error().code, Errc::bad_request);
  std::string wrong = packed(kFiles);
  wrong[wrong.find("SQLite")] = 's';
  EXPECT_EQ(unpacked(wrong).where, "station.db") << "the damage is named";
}

TEST(BackupFile, F81_NoNameLeadsOutOfTheFolder) {
  for (const char* right : {"station.keys", "station.db", "station.db-keys1", "station.db-words23",
                            "dimd.toml", "media/1", "media/99"})
    EXPECT_TRUE(valid_backup_name(right)) << right;
  for (const char* wrong :
       {"", "/etc/passwd", "../station.keys", "media/../station.keys", "media/", "media/0",
        "media/01", "media/1/2", "media/x", "station.db-keys", "station.db-wal", "station.lock",
        "admin.sock", "station.db-keys1 ", "media/1111111111111111111", "restore.part"}) {
    EXPECT_FALSE(valid_backup_name(wrong)) << wrong;
    EXPECT_FALSE(unpacked(packed({{wrong, "x"}})).entries) << wrong;
  }
  EXPECT_FALSE(unpacked(packed({{"media/7", "x"}, {"media/7", "y"}})).entries) << "twice";
}

TEST(BackupFile, F81_ALineOrASizeBeyondReasonIsNotFollowed) {
  EXPECT_FALSE(unpacked("DIM backup 1\n{\"name\":\"" + std::string(1'000, 'a') + "\"}\n").entries);
  for (const char* line :
       {"{\"name\":\"station.db\",\"size\":-1}", "{\"name\":\"station.db\",\"size\":1.5}",
        "{\"name\":\"station.db\",\"size\":2000000000000000}", "{\"name\":\"station.db\"}",
        "{\"name\":\"station.db\",\"size\":1,\"mode\":0}", "{\"files\":1}", "{}", "[]"})
    EXPECT_FALSE(
        unpacked(std::string("DIM backup 1\n") + line + "\n" + std::string(64, 'x')).entries)
        << line;
}

}  // namespace
}  // namespace dim
